//! What a frame costs a whole node among many ports and addresses: the daemon, its TAPs and the
//! kernel, where `--scale` has the datapath alone.
//!
//! Beside it, on as many TAPs of its own, a [relay] does nothing but read and write: what grows
//! there too, the kernel costs whoever it is.
//!
//! Every point is a node in a namespace of its own. All of them are there for the whole run, and
//! have their turns. The hosts send from one processor and the node works on another; what they
//! send goes to hosts whose kernel has no use for it, so nobody answers.

mod frame;
mod layout;
mod node;
pub(crate) mod relay;
mod report;
mod sender;
mod walk;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::thread::{CpuSet, sched_setaffinity};
use serde::Serialize;

use crate::bench::fabric::Folder;
use crate::bench::many::layout::{Dimension, Layout};
use crate::bench::many::node::{Counted, Node, Switch};
use crate::bench::many::sender::Sender;
use crate::bench::{Options, machine, stop_flag};
use crate::command::progress;

/// How long a node is watched while it has nothing to do.
const IDLE: Duration = Duration::from_secs(1);

/// What is sent before the measurement begins, for the caches.
const WARM_UP: Duration = Duration::from_millis(2_500);

/// Until everything that was sent has been written.
const SETTLE: Duration = Duration::from_millis(50);

/// How often a point that lost frames is measured again.
const REPEATS: u32 = 2;

/// One turn of one point.
#[derive(Debug, Serialize)]
struct Sample {
    switch: Switch,
    dimension: Dimension,
    count: u32,
    round: u32,
    /// CPU nanoseconds of a frame, without what the node spends idle.
    nanoseconds: f64,
    /// CPU nanoseconds of a second in which nothing is sent.
    idle: f64,
    /// Frames a second.
    rate: f64,
    /// Frames that were sent, also before the measurement began, and not delivered.
    lost: u64,
}

/// Everything of one call.
#[derive(Debug, Serialize)]
struct Run {
    machine: String,
    rounds: u32,
    /// Seconds of every measurement.
    seconds: u32,
    /// Load average before and after.
    load: [f64; 2],
    samples: Vec<Sample>,
}

/// Measures, prints the tables, and writes `target/bench/many.{json,md}`.
pub(super) fn run(root: &Path, options: &Options, program: &Path) -> Result<()> {
    let stop = stop_flag()?;
    let only = options.only.as_deref().unwrap_or_default();
    let mut layouts = Layout::all();
    layouts.retain(|layout| layout.to_string().contains(only));
    if layouts.is_empty() {
        bail!("no point has {only} in its name");
    }
    let processors = machine::processors()?;
    let (Some(first), Some(last)) = (processors.first(), processors.last()) else {
        bail!("no processor");
    };
    // Before, since there is one processor afterwards.
    let machine = machine::describe();
    keep_this_thread_on(*first)?;
    let before = machine::load()?;
    let folder = Folder::make()?;
    let mut points = Vec::new();
    for layout in layouts {
        for switch in Switch::ALL {
            progress(&format!("starts {}, {layout}", switch.title()));
            let node = Node::start(program, folder.path(), layout, switch)?;
            points.push(Point::start(node, switch, *last, &stop)?);
        }
    }
    let mut samples = Vec::new();
    for round in 1..=options.rounds {
        for point in &mut points {
            let sample = point.sample(round, options.seconds, &stop)?;
            progress(&format!(
                "round {round} {:<20} {:<20} {:5.0} ns, {:4.1} us a second idle, {} lost",
                point.node.layout.to_string(),
                point.switch.title(),
                sample.nanoseconds,
                sample.idle / 1e3,
                sample.lost
            ));
            samples.push(sample);
        }
    }
    let run = Run {
        machine,
        rounds: options.rounds,
        seconds: options.seconds,
        load: [before, machine::load()?],
        samples,
    };
    report::write(root, &run)
}

/// A node and its hosts.
#[derive(Debug)]
struct Point {
    switch: Switch,
    node: Node,
    hosts: Sender,
}

impl Point {
    /// Lets a node hear every host once.
    fn start(node: Node, switch: Switch, processor: usize, stop: &AtomicBool) -> Result<Self> {
        let layout = node.layout;
        node.process.keep_on(processor)?;
        let mut hosts = Sender::open(&node.namespace, layout)?;
        hosts.introduce(stop)?;
        sleep(SETTLE);
        let (known, hosts_there) = (node.known()?, usize::try_from(layout.hosts())?);
        if known != hosts_there {
            bail!("the node knows {known} of {hosts_there} addresses");
        }
        Ok(Self {
            switch,
            node,
            hosts,
        })
    }

    /// Measures until nothing was lost, but not for ever.
    fn sample(&mut self, round: u32, seconds: u32, stop: &AtomicBool) -> Result<Sample> {
        let mut sample = self.measure(round, seconds, stop)?;
        for _ in 0..REPEATS {
            if sample.lost == 0 {
                break;
            }
            progress(&format!("{} lost, once more", sample.lost));
            sample = self.measure(round, seconds, stop)?;
        }
        Ok(sample)
    }

    fn measure(&mut self, round: u32, seconds: u32, stop: &AtomicBool) -> Result<Sample> {
        let counted = self.node.counted()?;
        let idle = self.idle()?;
        let warm = self.hosts.talk(WARM_UP, stop)?;
        let (start, before) = (Instant::now(), self.node.process.cpu()?);
        let time = Duration::from_secs(seconds.into());
        let sent = self.hosts.talk(time, stop)?;
        let elapsed = start.elapsed().as_secs_f64();
        // With the last burst of the warm-up, and without that of the measurement.
        let spent = (self.node.process.cpu()? - before) as f64 - idle * elapsed;
        sleep(SETTLE);
        let lost = missed(warm + sent, counted, self.node.counted()?)?;
        let layout = self.node.layout;
        Ok(Sample {
            switch: self.switch,
            dimension: layout.dimension,
            count: layout.count,
            round,
            nanoseconds: spent / sent as f64,
            idle,
            rate: sent as f64 / elapsed,
            lost,
        })
    }

    /// CPU nanoseconds a second with nothing to do.
    fn idle(&self) -> Result<f64> {
        sleep(SETTLE);
        let (start, before) = (Instant::now(), self.node.process.cpu()?);
        sleep(IDLE);
        let spent = self.node.process.cpu()? - before;
        Ok(spent as f64 / start.elapsed().as_secs_f64())
    }
}

/// How many of those that were sent did not come out. None may come out twice.
fn missed(sent: u64, before: Counted, after: Counted) -> Result<u64> {
    let (read, written) = (after.read - before.read, after.written - before.written);
    let lost = sent.checked_sub(written);
    lost.with_context(|| format!("{sent} were sent, {read} read, and {written} written"))
}

/// So that the node has the other processor to itself, as far as it is up to the bench.
fn keep_this_thread_on(processor: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(processor);
    sched_setaffinity(None, &set).with_context(|| format!("cannot stay on processor {processor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_is_what_was_sent_and_not_written() {
        let counted = |read, written| Counted { read, written };
        assert_eq!(missed(16, counted(5, 5), counted(21, 21)).unwrap(), 0);
        assert_eq!(missed(16, counted(5, 5), counted(21, 18)).unwrap(), 3);
        assert!(
            missed(16, counted(5, 5), counted(21, 22)).is_err(),
            "flooded"
        );
    }
}
