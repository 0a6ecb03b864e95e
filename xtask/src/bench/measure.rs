//! One turn of one variant: latency first, while nothing else moves, then bulk TCP.

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::bench::INNER_MTU;
use crate::bench::aead;
use crate::bench::fabric::{Fabric, RECEIVER};
use crate::bench::figures::{Latency, PerFrame, Sample, Tcp};
use crate::bench::machine;
use crate::bench::namespaces::{Namespaces, Place};
use crate::bench::process::Process;
use crate::bench::udp;
use crate::bench::variant::Variant;

/// Payload of the longest UDP packet that fits: 28 bytes of headers.
const FULL: u32 = INNER_MTU - 28;

/// IPv4 20 bytes, TCP 20, timestamps 12.
pub(super) const HEADERS: u32 = 52;

/// How long a new fabric may take to carry its first ping.
const PATIENCE: Duration = Duration::from_secs(15);

/// How much of everything.
#[derive(Debug)]
pub(super) struct Durations {
    /// Seconds of every TCP measurement.
    pub(super) tcp: u32,
    /// Pings, one every 5 ms.
    pub(super) pings: u32,
    /// Seconds of every try of UDP.
    pub(super) udp: u32,
    /// What the sending host's TCP goes by.
    pub(super) congestion: String,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            tcp: 4,
            pings: 300,
            udp: 1,
            congestion: "cubic".to_owned(),
        }
    }
}

/// Measures what has been built.
pub(super) fn sample(
    variant: &Variant,
    fabric: &Fabric,
    namespaces: &Namespaces,
    round: u32,
    durations: &Durations,
) -> Result<Sample> {
    wait_for_first_ping(namespaces).with_context(|| format!("{} carries nothing", variant.name))?;
    let _server = server(namespaces, fabric.folder.path())?;
    let others = machine::wait_for_quiet()?;
    let ping = ping(namespaces, durations.pings)?;
    let aead = aead::seal_ns()?;
    let tcp1 = tcp(fabric, namespaces, durations, 1)?;
    let tcp4 = tcp(fabric, namespaces, durations, 4)?;
    let loaded = ping_under_load(fabric, namespaces, durations)?;
    let udp64 = udp::most(fabric, namespaces, durations, 64)?;
    let udp1400 = udp::most(fabric, namespaces, durations, FULL)?;
    Ok(Sample {
        variant: variant.name.clone(),
        round,
        others,
        aead,
        ping,
        loaded,
        tcp1,
        tcp4,
        udp64,
        udp1400,
    })
}

/// Pings beside one bulk TCP stream: what a queue would show in.
fn ping_under_load(
    fabric: &Fabric,
    namespaces: &Namespaces,
    durations: &Durations,
) -> Result<Latency> {
    std::thread::scope(|scope| {
        let bulk = scope.spawn(|| tcp(fabric, namespaces, durations, 1));
        // The stream needs a moment to fill what there is to fill.
        sleep(Duration::from_millis(500));
        let pings = (durations.tcp * 200).saturating_sub(200).max(100);
        let latency = ping(namespaces, pings);
        match bulk.join() {
            Ok(bulk) => bulk.and(latency),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// What receives, until it is dropped.
pub(super) fn server(namespaces: &Namespaces, folder: &Path) -> Result<Process> {
    let mut server = namespaces.command(Place::Receiver, Path::new("iperf3"));
    Process::start(server.arg("--server"), &folder.join("iperf3.log"))
}

/// What sends, for so many seconds.
pub(super) fn client(
    namespaces: &Namespaces,
    seconds: u32,
    streams: u32,
    congestion: &str,
) -> Command {
    let mut client = namespaces.bounded(Place::Sender, "iperf3", seconds + 10);
    client.args(["--json", "--client", RECEIVER, "--time"]);
    client.args([&seconds.to_string(), "--parallel", &streams.to_string()]);
    client.args(["--congestion", congestion]);
    client
}

pub(super) fn wait_for_first_ping(namespaces: &Namespaces) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut ping = namespaces.bounded(Place::Sender, "ping", 3);
        ping.args(["-q", "-c", "1", "-W", "1", RECEIVER]);
        if output(&mut ping).is_ok() {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("no ping arrives");
        }
        sleep(Duration::from_millis(50));
    }
}

fn ping(namespaces: &Namespaces, count: u32) -> Result<Latency> {
    let mut ping = namespaces.bounded(Place::Sender, "ping", count / 200 + 10);
    ping.args(["-c", &count.to_string(), "-i", "0.005", RECEIVER]);
    let text = output(&mut ping)?;
    Latency::of(times(&text)).context("ping printed no times")
}

/// The round trips that `ping` printed, in microseconds.
fn times(text: &str) -> Vec<f64> {
    let words = text
        .lines()
        .filter_map(|line| line.split_once(" time="))
        .filter_map(|(_, rest)| rest.split_whitespace().next());
    words
        .filter_map(|word| word.parse::<f64>().ok())
        .map(|milliseconds| milliseconds * 1000.0)
        .collect()
}

fn tcp(
    fabric: &Fabric,
    namespaces: &Namespaces,
    durations: &Durations,
    streams: u32,
) -> Result<Tcp> {
    let mut client = client(namespaces, durations.tcp, streams, &durations.congestion);
    let report = Report::of(fabric, &mut client)?;
    let frames = report.sum("sum_received", "bytes")? / f64::from(INNER_MTU - HEADERS);
    Ok(Tcp {
        gbps: report.sum("sum_received", "bits_per_second")? / 1e9,
        retransmits: report.sum("sum_sent", "retransmits")?,
        per_frame: report.per_frame(frames),
    })
}

/// What iperf3 says of a run, and the CPU time that it cost.
#[derive(Debug)]
pub(super) struct Report {
    said: Value,
    before: Spent,
    after: Spent,
}

impl Report {
    /// Runs iperf3.
    pub(super) fn of(fabric: &Fabric, client: &mut Command) -> Result<Self> {
        let before = Spent::now(fabric)?;
        let text = output(client)?;
        let after = Spent::now(fabric)?;
        let said = serde_json::from_str(&text).context("iperf3 printed no JSON")?;
        Ok(Self {
            said,
            before,
            after,
        })
    }

    /// A number of one of its sums.
    pub(super) fn sum(&self, which: &str, key: &str) -> Result<f64> {
        let path = format!("/end/{which}/{key}");
        let value = self.said.pointer(&path).and_then(Value::as_f64);
        value.with_context(|| format!("iperf3 did not say {path}"))
    }

    /// What each of so many frames cost.
    pub(super) fn per_frame(&self, frames: f64) -> PerFrame {
        let (before, after) = (&self.before, &self.after);
        let each = |from: Option<f64>, to: Option<f64>| Some((to? - from?) / frames * 1e9);
        PerFrame {
            tx: each(before.tx, after.tx),
            rx: each(before.rx, after.rx),
            machine: (after.machine - before.machine) / frames * 1e9,
        }
    }
}

/// CPU seconds so far.
#[derive(Debug)]
struct Spent {
    tx: Option<f64>,
    rx: Option<f64>,
    machine: f64,
}

impl Spent {
    fn now(fabric: &Fabric) -> Result<Self> {
        let (tx, rx) = match &fabric.ends {
            Some((tx, rx)) => (Some(seconds(tx)?), Some(seconds(rx)?)),
            None => (None, None),
        };
        let machine = machine::busy()?;
        Ok(Self { tx, rx, machine })
    }
}

fn seconds(process: &Process) -> Result<f64> {
    Ok(Duration::from_nanos(process.cpu()?).as_secs_f64())
}

pub(super) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().context("cannot run timeout")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("{command:?}: {}{}", text.trim(), why.trim());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_ping_are_milliseconds() {
        let text = "PING x\n64 bytes from 10.1.0.2: icmp_seq=1 ttl=64 time=0.250 ms\n\
                    64 bytes from 10.1.0.2: icmp_seq=2 ttl=64 time=12 ms\n\nrtt min/avg = 1\n";
        assert_eq!(times(text), [250.0, 12_000.0]);
    }
}
