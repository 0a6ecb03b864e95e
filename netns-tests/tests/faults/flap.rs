//! A million frames while the policy flaps ten times a second and nodes are killed: L02 and L03.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::counters::{NodeCounters, Snapshot};
use skerry_netns_tests::daemon::{Daemon, skerry};
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::suite::{joined, say};
use skerry_netns_tests::topology::{Node, Port, Role};

use crate::bench::{figure, long, row};
use crate::crowd::{Changed, Judge, Member, Policies};
use crate::stage::{GUARDED, fresh};

const SEED: u64 = 0xf1a9_0002;
/// Frames of a run.
const FRAMES: u64 = 1_000_000;
/// Frames a second of all ports together: as fast as two cores take most of them.
const RATE: u64 = 30_000;
/// Frames that a port sends before the next one has its turn.
const BURST: u64 = 16;
/// From one policy to the other.
const FLAP: Duration = Duration::from_millis(100);
/// From one kill to the next.
const KILL: Duration = Duration::from_millis(900);
/// A run that has not sent everything by then is a failure.
const LIMIT: Duration = Duration::from_secs(400);

/// The other policy of L02. One end of a pair changes at a time.
const WIDER: &Changed = &[
    ("b-i1", "blue.web", Role::Community("web")),
    ("b-d2", "blue.isolated", Role::Isolated),
    ("r-l1", "red.isolated", Role::Isolated),
];
/// The other policy of L03: two ports on two nodes change places, and under neither policy may they
/// talk. A third one sees to it that both nodes have a port of the community under both.
const SWAPPED: &Changed = &[
    ("b-i1", "blue.web", Role::Community("web")),
    ("b-w2", "blue.isolated", Role::Isolated),
    ("b-i3", "blue.web", Role::Community("web")),
];

/// One run.
#[derive(Clone, Copy, Debug)]
struct Play {
    id: &'static str,
    changed: &'static Changed,
    frames: u64,
    kills: bool,
    /// Whether a mix of both policies gets through: see L03.
    mixes: bool,
}

pub(crate) fn trials() -> Vec<Trial> {
    let million = Play {
        id: "L02",
        changed: WIDER,
        frames: if long() { 10 * FRAMES } else { FRAMES },
        kills: true,
        mixes: false,
    };
    // A node cannot know under which policy another one took a frame in. While their generations
    // differ, a pair of which both ends change role may talk as neither policy says: it is
    // counted and shown, and anything beyond such a mix fails.
    let swap = Play {
        id: "L03",
        changed: SWAPPED,
        frames: 150_000,
        kills: false,
        mixes: false,
    };
    vec![
        row(
            "L02 a million frames while the policy flaps and nodes are killed [guarded]",
            move || fresh(GUARDED, |fabric| run(fabric, million)),
        ),
        row(
            "L03 ports of two nodes change places ten times a second [guarded]",
            move || fresh(GUARDED, |fabric| run(fabric, swap)),
        ),
    ]
}

/// What all threads of a run share.
struct Scene<'a> {
    fabric: &'a Fabric,
    daemons: Vec<Mutex<Daemon>>,
    running: AtomicBool,
    sent: AtomicU64,
    refused: AtomicU64,
    /// Frames that nodes counted in, as last read in each life.
    counted: AtomicU64,
    /// Reloads that a node acknowledged.
    loads: AtomicU64,
}

impl Scene<'_> {
    fn goes_on(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }

    fn daemon(&self, node: Node) -> MutexGuard<'_, Daemon> {
        self.daemons[node.index()]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn counters(&self, node: Node) -> Result<NodeCounters> {
        let facts = self.daemon(node).facts("counters")?;
        Ok(serde_json::from_value(facts)?)
    }

    /// Both equations at every port and peer of one node, and what it counted in.
    fn check(&self, node: Node) -> Result<()> {
        let counters = self.counters(node)?;
        let counted: u64 = counters.ports.values().map(|port| port.frames_in).sum();
        Snapshot(vec![counters]).check()?;
        self.counted.fetch_add(counted, Ordering::Relaxed);
        Ok(())
    }
}

/// What came of a run.
#[derive(Debug)]
struct Outcome {
    judge: Judge,
    sent: u64,
    refused: u64,
    counted: u64,
    flaps: u64,
    loads: u64,
    lives: u64,
    took: Duration,
}

fn run(fabric: &mut Fabric, play: Play) -> Result<()> {
    fabric.introduce()?;
    fabric.await_bindings()?;
    fabric.hosts.take();
    fabric.underlay.take();
    let carried = carried(fabric)?;
    let daemons = std::mem::take(&mut fabric.daemons);
    let scene = Scene {
        fabric,
        daemons: daemons.into_iter().map(Mutex::new).collect(),
        running: AtomicBool::new(true),
        sent: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        counted: AtomicU64::new(0),
        loads: AtomicU64::new(0),
    };
    let started = Instant::now();
    let played = perform(&scene, play);
    let took = started.elapsed();
    let counts = [&scene.sent, &scene.refused, &scene.counted, &scene.loads];
    let [sent, refused, counted, loads] = counts.map(|count| count.load(Ordering::Relaxed));
    let daemons = scene.daemons.into_iter();
    fabric.daemons = daemons
        .map(|daemon| daemon.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect();
    let (judge, flaps, lives) = played?;
    let outcome = Outcome {
        judge,
        sent,
        refused,
        counted,
        flaps,
        loads,
        lives,
        took,
    };
    let heard = overheard(fabric, carried)?;
    report(play, &outcome, heard);
    let Outcome { judge, .. } = &outcome;
    ensure!(sent >= play.frames, "only {sent} frames were sent");
    ensure!(
        judge.delivered > sent / 20,
        "only {} frames arrived",
        judge.delivered
    );
    ensure!(judge.by_the_other > 0, "the other policy was never at work");
    let mixed = judge.mixed;
    ensure!(
        mixed == 0 || play.mixes,
        "{mixed} frames were delivered that neither policy permits"
    );
    calm(fabric)
}

/// Nothing readable crossed the underlay, in as many datagrams as this; and the listener missed
/// none of them.
fn overheard(fabric: &Fabric, before: u64) -> Result<u64> {
    let listened = fabric.underlay.take();
    listened.check()?;
    let heard: u64 = listened.datagrams.values().sum();
    let passed = carried(fabric)? - before;
    // ARP is no datagram.
    ensure!(
        passed.saturating_sub(heard) < 2_000 + passed / 200,
        "{passed} packets crossed the underlay and the listener saw {heard} datagrams"
    );
    Ok(heard)
}

fn report(play: Play, outcome: &Outcome, heard: u64) {
    let Outcome {
        judge,
        sent,
        refused,
        counted,
        flaps,
        loads,
        lives,
        took,
    } = outcome;
    let seconds = took.as_secs_f64();
    say(&format!("    {} delivered: {}", play.id, judge.kinds()));
    let kills = if play.kills {
        format!(", a node killed {lives} times")
    } else {
        String::new()
    };
    figure(
        play.id,
        &format!(
            "{sent} tagged frames of 19 kinds from 16 ports, the policy flapping {:.1} times a \
             second ({loads} reloads acknowledged){kills}",
            *flaps as f64 / seconds
        ),
        &format!(
            "{} forbidden, 0 twice, 0 changed of {} deliveries ({} by the other policy); 0 bytes \
             in clear in {heard} datagrams; both equations exact over {counted} frames counted \
             in; {refused} not taken by interfaces that were gone; {seconds:.0} s",
            judge.mixed, judge.delivered, judge.by_the_other,
        ),
    );
}

/// Packets that the nodes put on the underlay, by the kernel's count.
fn carried(fabric: &Fabric) -> Result<u64> {
    let counts = Node::ALL.map(|node| fabric.underlay.netns.received(&node.name()));
    counts.into_iter().map(|count| Ok(count?.1)).sum()
}

/// The fabric as it was: it works, and it adds up.
fn calm(fabric: &mut Fabric) -> Result<()> {
    let mut site = fabric.site.clone();
    site.edition += 1;
    fabric.reload(site)?;
    fabric.settle()?;
    fabric.hosts.take();
    fabric.counters()?.check()
}

/// Runs every thread of a scene; gives the judge, the number of policies loaded, and of kills.
fn perform(scene: &Scene<'_>, play: Play) -> Result<(Judge, u64, u64)> {
    let Play {
        changed,
        frames,
        kills,
        ..
    } = play;
    let mut judge = Judge::new(Policies::new(changed)?, scene.fabric.run());
    std::thread::scope(|scope| {
        let flapper = scope.spawn(|| flap(scene, changed));
        let killer = scope.spawn(|| if kills { kill(scene) } else { Ok(0) });
        let crowd: Vec<_> = [0, 1]
            .map(|half| scope.spawn(move || send(scene, half, frames / 2)))
            .into_iter()
            .collect();
        let mut verdict = Ok(());
        let watch = || crowd.iter().any(|thread| !thread.is_finished());
        while verdict.is_ok() && scene.goes_on() && watch() {
            sleep(Duration::from_millis(50));
            verdict = judge.hear(&scene.fabric.hosts.take());
            if flapper.is_finished() || killer.is_finished() && kills {
                break;
            }
        }
        scene.running.store(false, Ordering::Relaxed);
        let crowd: Result<Vec<()>> = crowd.into_iter().map(joined).collect();
        let (flaps, lives) = (joined(flapper), joined(killer));
        verdict?;
        let (flaps, lives) = (flaps?, lives?);
        crowd?;
        sleep(Duration::from_millis(500));
        judge.hear(&scene.fabric.hosts.take())?;
        Node::ALL
            .into_iter()
            .try_for_each(|node| scene.check(node))?;
        Ok((judge, flaps, lives))
    })
}

/// Half of the ports, one burst after another.
fn send(scene: &Scene<'_>, half: usize, frames: u64) -> Result<()> {
    let run = scene.fabric.run();
    let mine = Port::all().filter(|port| port.index() % 2 == half);
    let mut members: Vec<_> = mine
        .map(|port| (port, Member::new(port, run, SEED)))
        .collect();
    let (started, mut sent) = (Instant::now(), 0);
    while sent < frames && scene.goes_on() {
        ensure!(
            started.elapsed() < LIMIT,
            "{sent} of {frames} frames sent in {LIMIT:?}"
        );
        for (port, member) in &mut members {
            let host = scene.fabric.hosts.at(*port);
            for _ in 0..BURST {
                let done = host.send(&member.next()).is_ok();
                let count = if done { &scene.sent } else { &scene.refused };
                count.fetch_add(1, Ordering::Relaxed);
                sent += u64::from(done);
                if !done {
                    break;
                }
            }
        }
        let due = Duration::from_micros(sent * 2_000_000 / RATE);
        sleep(
            due.saturating_sub(started.elapsed())
                .max(Duration::from_micros(100)),
        );
    }
    Ok(())
}

/// One policy and the other in the site file, while every node that lives loads what is there, at
/// a pace of its own: nodes of different generations meet all the time.
fn flap(scene: &Scene<'_>, changed: &Changed) -> Result<u64> {
    std::thread::scope(|scope| {
        let nodes = Node::ALL.map(|node| scope.spawn(move || load(scene, node)));
        let written = alternate(scene, changed);
        let nodes: Result<Vec<()>> = nodes.into_iter().map(joined).collect();
        nodes?;
        written
    })
}

fn alternate(scene: &Scene<'_>, changed: &Changed) -> Result<u64> {
    let mut other = scene.fabric.site.clone();
    for (port, segment, _) in changed {
        other
            .changed
            .push((Port::named(port)?, (*segment).to_owned()));
    }
    let hosts = &scene.fabric.hosts;
    let texts = [other.text(hosts), scene.fabric.site.text(hosts)];
    let (started, mut flaps) = (Instant::now(), 0);
    while scene.goes_on() {
        write(scene.fabric, &texts[usize::from(flaps % 2 == 1)])?;
        flaps += 1;
        let due = FLAP * u32::try_from(flaps)?;
        sleep(due.saturating_sub(started.elapsed()));
    }
    Ok(flaps)
}

/// A node that is dead just now does not answer, which is no failure.
fn load(scene: &Scene<'_>, node: Node) -> Result<()> {
    let socket = scene.fabric.folder().join(format!("{node}.sock"));
    let socket = socket.to_str().context("a socket's path is not text")?;
    while scene.goes_on() {
        let started = Instant::now();
        // Past the lock: a node may well be killed while it loads.
        let loaded = skerry(&["reload", "--socket", socket], "")?;
        if loaded.status.success() {
            scene.loads.fetch_add(1, Ordering::Relaxed);
        }
        sleep(FLAP.saturating_sub(started.elapsed()));
    }
    Ok(())
}

/// As an administrator's tool would: a node that starts meanwhile reads a whole file.
fn write(fabric: &Fabric, text: &str) -> Result<()> {
    let path = fabric.site_file();
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, text)?;
    Ok(std::fs::rename(fresh, path)?)
}

/// Every node in turn. Its counters are read and must add up right before it dies.
fn kill(scene: &Scene<'_>) -> Result<u64> {
    let mut lives = 0;
    while scene.goes_on() {
        let started = Instant::now();
        let node = Node::ALL[usize::try_from(lives)? % Node::ALL.len()];
        scene
            .check(node)
            .with_context(|| format!("{node} before it dies"))?;
        {
            let mut daemon = scene.daemon(node);
            daemon.kill()?;
            daemon.start()?;
        }
        let ports = Port::all().filter(move |port| port.node() == node);
        scene
            .fabric
            .hosts
            .bring_up(ports, Duration::from_secs(10))?;
        answers(scene, node)?;
        lives += 1;
        sleep(KILL.saturating_sub(started.elapsed()));
    }
    Ok(lives)
}

fn answers(scene: &Scene<'_>, node: Node) -> Result<()> {
    let limit = Instant::now() + Duration::from_secs(10);
    loop {
        let mut daemon = scene.daemon(node);
        daemon.must_run()?;
        match daemon.facts("status") {
            Ok(_) => return Ok(()),
            Err(error) => ensure!(Instant::now() < limit, "{node} does not answer: {error:#}"),
        }
        drop(daemon);
        sleep(Duration::from_millis(10));
    }
}
