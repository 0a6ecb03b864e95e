//! A steady stream of frames from one port, and what became of it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::fabric::Fabric;
use crate::probe::Log;
use crate::tag::Tag;
use crate::topology::Port;

/// Sequence numbers that a stream may use up.
const RESERVED: u32 = 20_000_000;
/// Frames go out in bursts this far apart.
const TICK: Duration = Duration::from_millis(1);

/// A stream that can be started.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// Who sends.
    pub from: Port,
    /// Whose address the frames carry.
    pub to: Port,
    /// Frames a second.
    pub rate: u32,
}

/// What a stream sent.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Who sent.
    pub from: Port,
    /// The first sequence number.
    pub first: u32,
    /// How many frames the interface took.
    pub count: u32,
    /// How many it did not, because it was gone.
    pub refused: u32,
    /// How long it took.
    pub took: Duration,
}

/// What arrived of a stream at one port.
#[derive(Clone, Debug, Default)]
pub struct Arrived {
    /// Offsets from the stream's first sequence number, in order of arrival, with the time.
    pub offsets: Vec<(u32, Instant)>,
    /// Copies beyond the first of their frame.
    pub duplicates: u32,
}

impl Stream {
    /// Sends until told to stop.
    ///
    /// # Errors
    /// When frames cannot be built or sent for another reason than a missing interface.
    pub fn run(self, fabric: &Fabric, go_on: impl Fn() -> bool) -> Result<Sent> {
        let build = |tag| fabric.plain(self.from, self.to.mac(), self.to.ip(), tag, 0);
        self.run_as(fabric, go_on, build)
    }

    /// The same with frames of another make; `to` is where they are looked for.
    ///
    /// # Errors
    /// As [`Stream::run`].
    pub fn run_as(
        self,
        fabric: &Fabric,
        go_on: impl Fn() -> bool,
        build: impl Fn(Tag) -> Vec<u8>,
    ) -> Result<Sent> {
        let first = fabric.reserve(RESERVED);
        let host = fabric.hosts.at(self.from);
        let (started, mut next, mut refused) = (Instant::now(), 0, 0);
        while go_on() {
            let due = due(started.elapsed(), self.rate);
            ensure!(due < RESERVED, "a stream ran out of sequence numbers");
            while next < due {
                let tag = Tag {
                    run: fabric.run(),
                    source: self.from.0,
                    sequence: first + next,
                };
                refused += u32::from(host.send(&build(tag)).is_err());
                next += 1;
            }
            std::thread::sleep(TICK);
        }
        let count = next - refused;
        Ok(Sent {
            from: self.from,
            first,
            count,
            refused,
            took: started.elapsed(),
        })
    }
}

/// How many frames should be out by now.
fn due(elapsed: Duration, rate: u32) -> u32 {
    let frames = elapsed.as_micros() * u128::from(rate) / 1_000_000;
    u32::try_from(frames).unwrap_or(u32::MAX)
}

impl Sent {
    /// Frames a second that really went out.
    pub fn rate(&self) -> f64 {
        f64::from(self.count) / self.took.as_secs_f64()
    }

    /// What a port's log holds of this stream.
    pub fn in_log(&self, log: &Log) -> Arrived {
        let mut arrived = Arrived::default();
        let mut copies: HashMap<u32, u32> = HashMap::with_capacity(log.seen.len());
        for seen in log.seen.iter().filter(|seen| self.is_mine(seen.tag)) {
            let offset = seen.tag.sequence - self.first;
            let copy = copies.entry(offset).or_default();
            *copy += 1;
            arrived.duplicates += u32::from(*copy > 1);
            arrived.offsets.push((offset, seen.at));
        }
        arrived
    }

    fn is_mine(&self, tag: Tag) -> bool {
        let offset = tag.sequence.wrapping_sub(self.first);
        tag.source == self.from.0 && offset < self.count + self.refused
    }

    /// Ports at which any frame of the stream arrived.
    pub fn heard_at(&self, logs: &[Log]) -> Vec<Port> {
        let heard = |port: &Port| {
            logs[port.index()]
                .seen
                .iter()
                .any(|seen| self.is_mine(seen.tag))
        };
        Port::all().filter(heard).collect()
    }

    /// Every frame arrived at `to`, once, and nowhere else.
    ///
    /// # Errors
    /// With the numbers lost, duplicated or overheard.
    pub fn must_arrive(&self, to: Port, logs: &[Log]) -> Result<()> {
        let (from, count) = (self.from, self.count);
        let lost = self.lost_on_the_way(to, logs)?;
        ensure!(lost == 0, "{from} -> {to}: of {count} frames {lost} lost");
        Ok(())
    }

    /// How many frames did not arrive at `to`.
    ///
    /// # Errors
    /// When one arrived twice, or anywhere else.
    pub fn lost_on_the_way(&self, to: Port, logs: &[Log]) -> Result<u32> {
        let (from, arrived) = (self.from, self.in_log(&logs[to.index()]));
        let twice = arrived.duplicates;
        ensure!(twice == 0, "{from} -> {to}: {twice} frames duplicated");
        let elsewhere = self.heard_at(logs).into_iter().find(|port| *port != to);
        ensure!(
            elsewhere.is_none(),
            "{from} -> {to}: heard at {elsewhere:?} too"
        );
        let copies = u32::try_from(arrived.offsets.len()).unwrap_or(u32::MAX);
        Ok(self.count.saturating_sub(copies))
    }
}
