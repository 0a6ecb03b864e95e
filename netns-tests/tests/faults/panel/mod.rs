//! A panel whose cable hangs, is pulled out or is flooded, or that itself stands still: the
//! datapath does not notice (L08).

mod adapter;
mod babbler;
mod idle;
mod process;
mod rounds;
mod screen;
mod show;
mod states;

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use skerry_netns_tests::daemon::skerry;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::stream::Stream;
use skerry_netns_tests::suite::say;
use skerry_netns_tests::topology::{Node, Port};

use crate::bench::{figure, row};
use crate::stage::{OPEN, fresh};
use crate::talk::{converged, talking};
use adapter::Mood;
use process::Usage;
use rounds::{Readings, median};
use states::{Bar, Rig, State, whole};

/// Whose panel it is.
const NODE: Node = Node(1);
/// Frames that the node carries: from port to port, into a tunnel, and out of one.
const PAIRS: [(&str, &str); 3] = [("b-i1", "b-gw"), ("b-d1", "b-d2"), ("b-w2", "b-w1")];
/// Frames a second of each, fewer where the machine is slower.
const PACES: [u32; 3] = [1_000, 500, 250];
/// How often every state has its turn.
const CYCLES: usize = 4;
/// A stream may be silent for so long, or for three times as long as without a panel.
const SILENCE_MS: f64 = 50.0;
/// What the daemon, and a panel, may grow by: slack of the allocator.
const GROWTH_KIB: u64 = 1 << 10;
/// How long a panel is worn.
const WEAR: Duration = Duration::from_secs(5);
/// How often a daemon stands still: after it has answered for a while, and each time at another
/// moment between two questions. The middle one counts.
const STOPS: u32 = 3;
const SETTLED: Duration = Duration::from_millis(500);
const PHASE: Duration = Duration::from_millis(80);
/// How soon that is told, and that it goes on, in seconds.
const STALE_S: f64 = 2.1;
const FRESH_S: f64 = 1.0;
/// Anything may take so long; the bars are compared afterwards.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn trials() -> Vec<Trial> {
    vec![row(
        "L08 a panel that hangs, stops or is flooded costs frames nothing [open]",
        || fresh(OPEN, unnoticed),
    )]
}

fn unnoticed(fabric: &mut Fabric) -> Result<()> {
    fabric.introduce()?;
    let rom = cartridge(fabric)?;
    idle::compare(fabric, NODE, &rom)?;
    let mut failures = Vec::new();
    for pace in PACES {
        let outcome = attempt(fabric, &rom, pace)?;
        outcome.print();
        failures = outcome.failures;
        if failures.is_empty() {
            break;
        }
        say(&format!("    at {pace} a second: {}", failures.join("; ")));
    }
    ensure!(failures.is_empty(), "{}", failures.join("; "));
    wear(fabric, &rom)?;
    stale(fabric, &rom)?;
    fabric.counters()?.check()
}

/// As its users get it.
fn cartridge(fabric: &Fabric) -> Result<Vec<u8>> {
    let path = fabric.folder().join("panel.gb");
    let name = path.to_str().context("a path that is not text")?;
    let written = skerry(&["panel", "rom", "--out", name], "")?;
    ensure!(written.status.success(), "no cartridge: {written:?}");
    Ok(std::fs::read(path)?)
}

/// What one run of all cycles came to.
struct Outcome {
    lines: Vec<(String, String)>,
    failures: Vec<String>,
}

impl Outcome {
    fn print(&self) {
        for (what, reached) in &self.lines {
            figure("L08", what, reached);
        }
    }
}

fn attempt(fabric: &Fabric, rom: &[u8], pace: u32) -> Result<Outcome> {
    let daemon = fabric.daemon(NODE);
    let pid = daemon.pid().context("the node does not run")?;
    let streams: Result<Vec<Stream>> = PAIRS
        .iter()
        .map(|(from, to)| {
            Ok(Stream {
                from: Port::named(from)?,
                to: Port::named(to)?,
                rate: pace,
            })
        })
        .collect();
    let ((rig, first, last), heard) = talking(fabric, &streams?, || {
        let mut rig = Rig::new(daemon, fabric.folder(), rom)?;
        let mut first = None;
        for _ in 0..CYCLES {
            for state in State::CYCLE {
                rig.round(state)?;
            }
            // The first cycle is what warms up.
            first.get_or_insert(left(pid)?);
        }
        rig.round(State::Off)?;
        Ok((rig, first.context("no cycle")?, left(pid)?))
    })?;
    heard.must_be_clean(fabric)?;
    fabric.counters()?.check()?;
    let lost: u64 = (0..PAIRS.len()).map(|talk| heard.lost(talk)).sum();
    let readings = Readings::new(&rig.rounds, &heard);
    let mut outcome = Outcome {
        lines: Vec::new(),
        failures: Vec::new(),
    };
    if lost > 0 {
        outcome.failures.push(format!("{lost} frames lost"));
    }
    outcome.add_states(&readings, &rig, pace)?;
    let grown = last.must_be_flat(&first, "the daemon", GROWTH_KIB)?;
    outcome.lines.push((
        "all of these, one after the other".into(),
        format!(
            "{lost} frames lost; the daemon's memory +{grown} KiB, threads and files as before"
        ),
    ));
    Ok(outcome)
}

impl Outcome {
    fn add_states(&mut self, readings: &Readings, rig: &Rig<'_>, pace: u32) -> Result<()> {
        let (rate, cost) = readings.quiet()?;
        let usual = readings.difference(State::Off)?.silence_ms;
        let (cost_limit, rate_limit) = readings.limits(CYCLES)?;
        self.lines.push((
            format!("no panel, three streams of {pace} frames a second"),
            format!(
                "{rate:.0} frames a second, {cost:.2} µs of the datapath's CPU time each; this run \
                 can tell {cost_limit:.1} % of that, and {rate_limit:.1} % of the rate"
            ),
        ));
        for (state, what) in State::EACH {
            let here = readings.difference(state)?;
            let mut words = vec![format!(
                "a frame costs {:+.1} %, rate {:+.2} %",
                here.cost, -here.rate
            )];
            if here.cost > cost_limit || here.rate > rate_limit {
                self.failures.push(format!("{what}: {}", words.join("; ")));
            }
            if here.silence_ms > SILENCE_MS.max(3.0 * usual) {
                let silence = format!("{what}: silent for {:.0} ms", here.silence_ms);
                self.failures.push(silence);
            }
            for (bar, name, most) in Bar::EACH {
                let times = rig.times.iter().filter(|it| (it.0, it.1) == (state, bar));
                let times: Vec<f64> = times.map(|it| it.2.as_secs_f64()).collect();
                let Some(middle) = median(times.iter().copied()) else {
                    continue;
                };
                let worst = times.iter().copied().fold(0.0, f64::max);
                words.push(format!("{name} {middle:.2} s (most {worst:.2})"));
                if middle > most.as_secs_f64() {
                    self.failures.push(format!("{what}: {name} {middle:.2} s"));
                }
            }
            self.lines
                .push((format!("a panel {what}"), words.join("; ")));
        }
        Ok(())
    }
}

/// What a daemon holds once clients that have gone are forgotten.
fn left(pid: u32) -> Result<Usage> {
    sleep(Duration::from_millis(200));
    Usage::of(pid)
}

/// One panel, whose adapter hangs, babbles and goes away, again and again.
fn wear(fabric: &Fabric, rom: &[u8]) -> Result<()> {
    const MOODS: [Mood; 3] = [Mood::Hangs, Mood::Babbles, Mood::Away];
    let rig = Rig::new(fabric.daemon(NODE), fabric.folder(), rom)?;
    let (show, adapter) = rig.painted()?;
    let turn = || -> Result<Usage> {
        for mood in MOODS {
            adapter.turn(mood)?;
            sleep(Duration::from_millis(350));
            let since = adapter.turn(Mood::Works)?;
            whole(&show, &adapter, since)?;
        }
        Usage::of(show.pid())
    };
    let (first, start, mut turns) = (turn()?, Instant::now(), 1);
    let mut last = first;
    while start.elapsed() < WEAR {
        last = turn()?;
        turns += 1;
    }
    let grown = last.must_be_flat(&first, "the panel", GROWTH_KIB)?;
    figure(
        "L08",
        &format!("one panel, hung, flooded and pulled out {turns} times each"),
        &format!("its memory +{grown} KiB, threads and files as before"),
    );
    Ok(())
}

/// A daemon that stands still is told of, and one that goes on is shown again.
fn stale(fabric: &Fabric, rom: &[u8]) -> Result<()> {
    let daemon = fabric.daemon(NODE);
    let rig = Rig::new(daemon, fabric.folder(), rom)?;
    let (_show, adapter) = rig.painted()?;
    let (mut told, mut back) = (Vec::new(), Vec::new());
    for nth in 0..STOPS {
        sleep(SETTLED + nth * PHASE);
        daemon.signal(Signal::SIGSTOP)?;
        let since = Instant::now();
        let stale = adapter.await_screen("stale", since, PATIENCE, |it| it.says_stale());
        daemon.signal(Signal::SIGCONT)?;
        let since = Instant::now();
        told.push(stale?.as_secs_f64());
        let fresh = adapter.await_screen("fresh", since, PATIENCE, |it| !it.says_stale())?;
        back.push(fresh.as_secs_f64());
    }
    let [told_s, back_s] = [&told, &back].map(|it| median(it.iter().copied()));
    let (told_s, back_s) = told_s.zip(back_s).context("it never stood still")?;
    figure(
        "L08",
        "a daemon that stands still (SIGSTOP) under a panel",
        &format!("STALE after {told_s:.2} s, fresh {back_s:.2} s after it goes on"),
    );
    // Facts are old after two seconds, and when it stops they are up to a quarter of one old. An
    // answer that was on its way then makes a single time longer.
    ensure!(told_s <= STALE_S, "stale after {told:?} s");
    ensure!(back_s <= FRESH_S, "fresh after {back:?} s");
    converged(fabric, Instant::now(), PATIENCE)?;
    Ok(())
}
