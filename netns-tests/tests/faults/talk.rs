//! Everybody talks while something breaks: streams between permitted and forbidden pairs, and the
//! judgement over all that arrived anywhere.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::oracle;
use skerry_netns_tests::probe::Log;
use skerry_netns_tests::stream::{Arrived, Sent, Stream};
use skerry_netns_tests::suite::{joined, say};
use skerry_netns_tests::topology::{Node, Port};

/// After the last frame was sent: what has not arrived by then is lost.
pub(crate) const DRAIN: Duration = Duration::from_millis(400);
/// Silence that counts as an interruption; shorter ones are the machine's.
const GAP: Duration = Duration::from_millis(500);

/// Pairs that may talk, over most of the tunnels, both ways.
const PERMITTED: [(&str, &str); 8] = [
    ("b-w1", "b-w2"),
    ("b-w2", "b-w1"),
    ("b-gw", "b-i3"),
    ("b-d2", "b-d1"),
    ("b-i4", "b-gw"),
    ("b-i3", "b-p2"),
    ("r-gw", "r-l2"),
    ("b-i5", "b-gw"),
];
/// Pairs that may not, each for another reason.
const FORBIDDEN: [(&str, &str); 5] = [
    ("b-i1", "b-i3"),
    ("b-i2", "b-w2"),
    ("b-d1", "b-w2"),
    ("r-i1", "r-l2"),
    ("b-i5", "b-i4"),
];
/// Frames a second of each forbidden pair.
const INTRUSION: u32 = 100;
/// Frames a second at which nothing may be lost, slower where the machine is.
const PACES: [u32; 4] = [200, 100, 50, 20];

/// Streams of every pair above, the permitted ones at this rate.
pub(crate) fn everybody(rate: u32) -> Result<Vec<Stream>> {
    let stream = |rate| {
        move |(from, to): &(&str, &str)| {
            Ok(Stream {
                from: Port::named(from)?,
                to: Port::named(to)?,
                rate,
            })
        }
    };
    let permitted = PERMITTED.iter().map(stream(rate));
    permitted
        .chain(FORBIDDEN.iter().map(stream(INTRUSION)))
        .collect()
}

/// What was said, and what was heard.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) talks: Vec<(Stream, Sent)>,
    pub(crate) logs: Vec<Log>,
}

/// Does something while the streams run, and gives both outcomes.
pub(crate) fn talking<T>(
    fabric: &Fabric,
    streams: &[Stream],
    work: impl FnOnce() -> Result<T>,
) -> Result<(T, Heard)> {
    clean(fabric.run(), &fabric.hosts.take())?;
    let running = AtomicBool::new(true);
    let go_on = || running.load(Ordering::Relaxed);
    let (done, talks) = std::thread::scope(|scope| -> Result<_> {
        let threads: Vec<_> = streams
            .iter()
            .map(|stream| (*stream, scope.spawn(move || stream.run(fabric, go_on))))
            .collect();
        let done = work();
        running.store(false, Ordering::Relaxed);
        let talks = threads
            .into_iter()
            .map(|(stream, thread)| Ok((stream, joined(thread)?)));
        let talks: Result<Vec<_>> = talks.collect();
        Ok((done?, talks?))
    })?;
    sleep(DRAIN);
    let logs = fabric.hosts.take();
    Ok((done, Heard { talks, logs }))
}

impl Heard {
    /// Nothing forbidden, nothing twice, nothing changed, and nothing readable on the underlay;
    /// gives the number of frames that arrived.
    pub(crate) fn must_be_clean(&self, fabric: &Fabric) -> Result<usize> {
        fabric.underlay.take().check()?;
        clean(fabric.run(), &self.logs)
    }

    /// Streams whose ends are on these two nodes, in this direction, and may talk.
    pub(crate) fn between(&self, from: Node, to: Node) -> impl Iterator<Item = usize> {
        let talks = self.talks.iter().enumerate();
        talks
            .filter(move |(_, (stream, _))| {
                (stream.from.node(), stream.to.node()) == (from, to)
                    && oracle::permits(stream.from, stream.to)
            })
            .map(|(index, _)| index)
    }

    pub(crate) fn arrived(&self, talk: usize) -> Arrived {
        let (stream, sent) = &self.talks[talk];
        sent.in_log(&self.logs[stream.to.index()])
    }

    /// Frames of a stream that did not arrive.
    pub(crate) fn lost(&self, talk: usize) -> u64 {
        let arrived = self.arrived(talk).offsets.len() as u64;
        u64::from(self.talks[talk].1.count).saturating_sub(arrived)
    }

    /// How long after this moment a stream was whole again: the end of its last interruption.
    /// `None` when it never was.
    pub(crate) fn back(&self, talk: usize, since: Instant) -> Option<Duration> {
        let arrived = self.arrived(talk);
        let (mut back, mut last) = (None, since);
        for (_, at) in arrived.offsets.iter().filter(|(_, at)| *at > since) {
            if back.is_none() || at.duration_since(last) > GAP {
                back = Some(at.duration_since(since));
            }
            last = *at;
        }
        back
    }

    /// The longest silence of a stream from its first frame to its last.
    pub(crate) fn stall(&self, talk: usize) -> Duration {
        let offsets = self.arrived(talk).offsets;
        let times = offsets.iter().map(|(_, at)| *at);
        let gaps = times
            .clone()
            .zip(times.skip(1))
            .map(|(a, b)| b.duration_since(a));
        gaps.max().unwrap_or_default()
    }

    /// Frames of a stream that arrived between two moments.
    pub(crate) fn within(&self, talk: usize, from: Instant, to: Instant) -> usize {
        let offsets = self.arrived(talk).offsets;
        offsets
            .iter()
            .filter(|(_, at)| (from..to).contains(at))
            .count()
    }

    pub(crate) fn name(&self, talk: usize) -> String {
        let stream = &self.talks[talk].0;
        format!("{} -> {}", stream.from, stream.to)
    }
}

/// A machine that is busy with other things loses frames in its own queues. What must lose none is
/// tried at lower and lower rates; what loses some even at the lowest fails.
pub(crate) fn unhurried<T>(mut attempt: impl FnMut(u32) -> Result<(u64, T)>) -> Result<T> {
    for pace in PACES {
        let (lost, done) = attempt(pace)?;
        if lost == 0 {
            return Ok(done);
        }
        say(&format!(
            "    {lost} frames lost at {pace} a second; again, slower"
        ));
    }
    bail!("frames are lost at any rate")
}

/// As [`Heard::must_be_clean`], for logs of anything.
pub(crate) fn clean(run: u32, logs: &[Log]) -> Result<usize> {
    let mut total = 0;
    for (port, log) in Port::all().zip(logs) {
        let mut seen = HashSet::with_capacity(log.seen.len());
        for frame in &log.seen {
            let tag = frame.tag;
            ensure!(tag.run == run, "{port} saw a frame of another run: {tag:?}");
            ensure!(frame.intact, "{port} saw a frame that was changed: {tag:?}");
            let from = Port(tag.source);
            ensure!(
                oracle::permits(from, port),
                "a frame leaked from {from} to {port}: {tag:?}"
            );
            ensure!(
                seen.insert(tag),
                "{port} saw a frame of {from} twice: {tag:?}"
            );
        }
        total += log.seen.len();
    }
    Ok(total)
}

/// Waits until every node hears that every other runs the same policy, over every tunnel, the idle
/// ones included; gives how long that took since a moment.
pub(crate) fn converged(fabric: &Fabric, since: Instant, limit: Duration) -> Result<Duration> {
    loop {
        let mut behind = Vec::new();
        for daemon in &fabric.daemons {
            let status = daemon.facts("status")?;
            if status["converged"] != true {
                behind.push(format!("{}: {}", daemon.node, status["nodes"]));
            }
        }
        let took = since.elapsed();
        if behind.is_empty() {
            return Ok(took);
        }
        ensure!(
            took < limit,
            "after {took:?} not converged: {}",
            behind.join("; ")
        );
        sleep(Duration::from_millis(20));
    }
}
