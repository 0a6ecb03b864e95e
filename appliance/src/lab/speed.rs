//! TCP between two hosts behind two nodes, and what a frame of it costs each daemon.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use serde::Serialize;

use crate::lab::counts::Counts;
use crate::lab::plan::cast;
use crate::lab::wait;
use crate::lab::world::World;

const PORT: u16 = 5001;
const DURATION: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(5);
const CHUNK: usize = 128 * 1024;
/// What a gentle sender writes at a time.
const SIP: usize = 16 * 1024;

/// What was carried, and what it cost.
#[derive(Debug, Serialize)]
pub(super) struct Speed {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) seconds: f64,
    pub(super) bytes: u64,
    pub(super) bits_per_second: f64,
    pub(super) nodes: Vec<Cost>,
}

/// The share of one daemon.
#[derive(Debug, Serialize)]
pub(super) struct Cost {
    pub(super) node: &'static str,
    /// Frames that its ports took in or gave out meanwhile: data and acknowledgements.
    pub(super) frames: u64,
    /// User and system time of the whole process.
    pub(super) cpu_ms: u128,
    pub(super) cpu_ns_per_frame: u128,
}

/// Measures for a few seconds.
pub(super) fn measure(world: &mut World) -> Result<Speed> {
    let (from, to) = (cast::WEB_NEAR, cast::WEB_FAR);
    let transfer = Transfer::start(world, Pace::Full)?;
    let before = (
        world.counts()?,
        cpu(world)?,
        transfer.received(),
        Instant::now(),
    );
    let what = format!("TCP from {} to {}", from.plan().port(), to.plan().port());
    wait::pass(&mut world.story, &world.interrupt, &what, DURATION)?;
    let after = (
        world.counts()?,
        cpu(world)?,
        transfer.received(),
        Instant::now(),
    );
    transfer.stop()?;
    let seconds = after.3.duration_since(before.3).as_secs_f64();
    let bytes = after.2 - before.2;
    let speed = Speed {
        from: from.plan().port(),
        to: to.plan().port(),
        seconds,
        bytes,
        bits_per_second: bits(bytes) / seconds,
        nodes: costs(world, &before.0, &after.0, &before.1, &after.1),
    };
    tell(world, &speed);
    Ok(speed)
}

fn cpu(world: &World) -> Result<Vec<Duration>> {
    world
        .nodes
        .iter()
        .map(crate::lab::node::Node::cpu)
        .collect()
}

/// The two nodes that carry the stream.
fn costs(
    world: &World,
    before: &Counts,
    after: &Counts,
    cpu_before: &[Duration],
    cpu_after: &[Duration],
) -> Vec<Cost> {
    let ends = [cast::WEB_NEAR.plan().node, cast::WEB_FAR.plan().node];
    let times = cpu_before.iter().zip(cpu_after);
    let nodes = world.nodes.iter().zip(times);
    nodes
        .map(|(node, (before_cpu, after_cpu))| {
            let name = node.plan().name;
            let frames = after.frames(name).saturating_sub(before.frames(name));
            let cpu = after_cpu.saturating_sub(*before_cpu);
            Cost {
                node: name,
                frames,
                cpu_ms: cpu.as_millis(),
                cpu_ns_per_frame: cpu.as_nanos() / u128::from(frames.max(1)),
            }
        })
        .filter(|cost| ends.contains(&cost.node))
        .collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a figure for people, far below 2^52"
)]
fn bits(bytes: u64) -> f64 {
    bytes as f64 * 8.0
}

fn tell(world: &mut World, speed: &Speed) {
    let rate = rate(speed.bits_per_second);
    let build = if cfg!(debug_assertions) {
        " (a debug build: not a figure to quote)"
    } else {
        ""
    };
    world.story.verdict(
        speed.bytes > 0,
        format!(
            "throughput  {} to {}  {rate} over TCP{build}",
            speed.from, speed.to
        ),
    );
    for cost in &speed.nodes {
        world.story.say(format!(
            "            {}: {} ns of CPU per frame ({} frames, {} ms)",
            cost.node, cost.cpu_ns_per_frame, cost.frames, cost.cpu_ms
        ));
    }
}

/// `1.52 Gbit/s`.
pub(super) fn rate(bits_per_second: f64) -> String {
    let units = [(1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s")];
    let unit = units.into_iter().find(|(size, _)| bits_per_second >= *size);
    let (size, name) = unit.unwrap_or((1.0, "bit/s"));
    format!("{:.2} {name}", bits_per_second / size)
}

/// How fast a [`Transfer`] sends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// As fast as TCP lets it.
    Full,
    /// A little, and not always the same.
    Gentle,
}

/// A TCP connection and the programs at its ends.
#[derive(Debug)]
pub(super) struct Transfer {
    done: Arc<AtomicBool>,
    received: Arc<std::sync::atomic::AtomicU64>,
    sender: Option<JoinHandle<Result<()>>>,
    receiver: Option<JoinHandle<Result<()>>>,
}

impl Transfer {
    /// Connects the two hosts and starts to send.
    pub(super) fn start(world: &World, pace: Pace) -> Result<Self> {
        let listener = world.host(cast::WEB_FAR)?.tcp_listen(PORT)?;
        let stream = world
            .host(cast::WEB_NEAR)?
            .tcp_connect(cast::WEB_FAR, PORT, PATIENCE)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let done = Arc::new(AtomicBool::new(false));
        let received = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let (stop, count) = (Arc::clone(&done), Arc::clone(&received));
        Ok(Self {
            done,
            received,
            receiver: Some(std::thread::spawn(move || receive(&listener, &count))),
            sender: Some(std::thread::spawn(move || send(stream, &stop, pace))),
        })
    }

    /// Bytes that the receiving program has read so far.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Stops, and waits until the last byte has been read.
    pub(super) fn stop(mut self) -> Result<()> {
        self.halt()
    }

    fn halt(&mut self) -> Result<()> {
        self.done.store(true, Ordering::Relaxed);
        for thread in [self.sender.take(), self.receiver.take()]
            .into_iter()
            .flatten()
        {
            thread
                .join()
                .map_err(|_| anyhow!("a thread of the TCP transfer panicked"))??;
        }
        Ok(())
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        // Only on the way out of a failure, which is the one to tell.
        drop(self.halt());
    }
}

fn send(mut stream: TcpStream, done: &AtomicBool, pace: Pace) -> Result<()> {
    let chunk = vec![0x5a; CHUNK];
    let start = Instant::now();
    while !done.load(Ordering::Relaxed) {
        match pace {
            Pace::Full => stream.write_all(&chunk)?,
            Pace::Gentle => {
                stream.write_all(chunk.get(..SIP).unwrap_or(&chunk))?;
                std::thread::sleep(swell(start.elapsed()));
            }
        }
    }
    Ok(stream.shutdown(Shutdown::Write)?)
}

/// A pause that shrinks and grows over half a minute, so that a graph of the rate has a shape.
fn swell(elapsed: Duration) -> Duration {
    let phase = u64::try_from(elapsed.as_millis()).unwrap_or(0) % 30_000;
    let distance = phase.abs_diff(15_000);
    Duration::from_micros(2_000 + distance)
}

fn receive(listener: &TcpListener, received: &std::sync::atomic::AtomicU64) -> Result<()> {
    let (mut stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut buffer = vec![0; 4 * CHUNK];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            n => received.fetch_add(n as u64, Ordering::Relaxed),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_told_in_the_unit_that_fits() {
        for (rate_bits, expect) in [
            (1.524e9, "1.52 Gbit/s"),
            (9.5e6, "9.50 Mbit/s"),
            (2e3, "2.00 kbit/s"),
            (0.0, "0.00 bit/s"),
        ] {
            assert_eq!(rate(rate_bits), expect);
        }
    }
}
