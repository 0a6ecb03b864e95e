//! What a second worker is worth: eight TCP streams between hosts that know ECN, and the CPU time of
//! the busiest worker. Where hosts and nodes share the CPUs, throughput says little of it: the thread
//! that would be the first to have no time left says how far the node would go on CPUs of its own.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use crate::bench::datapath::folder;
use crate::bench::fabric::{Fabric, Folder};
use crate::bench::figures::Spread;
use crate::bench::measure::{HEADERS, Report, client, output, server, wait_for_first_ping};
use crate::bench::namespaces::{Namespaces, Place};
use crate::bench::process::Process;
use crate::bench::skerry::{self, Ports};
use crate::bench::{INNER_MTU, Options};
use crate::command::say;

const STREAMS: u32 = 8;

/// Of each stream, so that all of them are far from what the nodes carry.
const PACE: &str = "100M";

/// Nodes tell each other of their lanes once a second, and then shake hands.
const LANES: Duration = Duration::from_secs(4);

/// One turn of one kind of port with so many workers.
#[derive(Debug, Serialize)]
struct Sample {
    ports: &'static str,
    workers: u32,
    round: u32,
    /// Payload that arrived, in 10^9 bits a second.
    gbps: f64,
    /// CPU nanoseconds per full-sized frame that arrived: of the busiest worker, of all threads.
    tx: [f64; 2],
    rx: [f64; 2],
    /// Segments that the receiving host's TCP had to put in order (`TCPOFOQueue`), because one before
    /// them was lost or late.
    disordered: u64,
    /// The same of streams that are paced, so that no queue grows and nothing is lost.
    paced_disordered: u64,
    /// Datagrams that a tunnel took for repeated.
    replayed: u64,
}

impl Sample {
    /// Gb/s that the busiest worker of either end would carry if it had a CPU to itself.
    fn capacity(&self) -> f64 {
        f64::from(INNER_MTU - HEADERS) * 8.0 / self.tx[0].max(self.rx[0])
    }

    /// The same if the flows were shared out evenly, which eight of them seldom are: by a hash.
    fn shared(&self) -> f64 {
        let each = self.tx[1].max(self.rx[1]) / f64::from(self.workers);
        f64::from(INNER_MTU - HEADERS) * 8.0 / each
    }
}

/// Measures, prints the table, and writes `target/bench/workers.{json,md}`.
pub(super) fn run(root: &Path, options: &Options, program: &Path) -> Result<()> {
    let mut samples = Vec::new();
    for round in 1..=options.rounds {
        for (name, ports) in [("veth", Ports::Veth), ("TAP", Ports::Tap)] {
            for workers in [1, 2] {
                let sample = measure(options, program, (name, ports), workers, round)?;
                say(&format!(
                    "round {round} {name:<4} {workers} {:5.2} Gb/s, {:5.2} by the busiest worker, {} \
                     out of order, {} paced",
                    sample.gbps,
                    sample.capacity(),
                    sample.disordered,
                    sample.paced_disordered
                ));
                samples.push(sample);
            }
        }
    }
    write(root, &samples)
}

fn measure(
    options: &Options,
    program: &Path,
    (name, ports): (&'static str, Ports),
    workers: u32,
    round: u32,
) -> Result<Sample> {
    let namespaces = Namespaces::make()?;
    // What is marked and not dropped arrives in order: whatever does not was turned round.
    for place in [Place::Sender, Place::Receiver] {
        let mut ask = namespaces.bounded(place, "sh", 5);
        output(ask.args(["-c", "echo 1 > /proc/sys/net/ipv4/tcp_ecn"]))?;
    }
    let folder = Folder::make()?;
    let ends = skerry::start(&namespaces, &folder, program, ports, workers)?;
    let fabric = Fabric {
        ends: Some(ends),
        folder,
    };
    wait_for_first_ping(&namespaces)?;
    sleep(LANES);
    let _server = server(&namespaces, fabric.folder.path())?;
    let ends = fabric.ends.as_ref().context("Skerry has two ends")?;
    let seen = || -> Result<Seen> { Seen::now(&namespaces, &fabric, program, ends) };
    let before = seen()?;
    let mut client = client(&namespaces, options.seconds, STREAMS, &options.congestion);
    let report = Report::of(&fabric, &mut client)?;
    let after = seen()?;
    client.args(["--bitrate", PACE]);
    output(&mut client)?;
    let paced = seen()?;
    let frames = report.sum("sum_received", "bytes")? / f64::from(INNER_MTU - HEADERS);
    let each = |from: &Threads, to: &Threads| from.until(to).map(|spent| spent / frames);
    Ok(Sample {
        ports: name,
        workers,
        round,
        gbps: report.sum("sum_received", "bits_per_second")? / 1e9,
        tx: each(&before.tx, &after.tx),
        rx: each(&before.rx, &after.rx),
        disordered: after.disordered - before.disordered,
        paced_disordered: paced.disordered - after.disordered,
        replayed: paced.replayed - before.replayed,
    })
}

/// What there is to see at one moment.
#[derive(Debug)]
struct Seen {
    tx: Threads,
    rx: Threads,
    disordered: u64,
    replayed: u64,
}

impl Seen {
    fn now(
        namespaces: &Namespaces,
        fabric: &Fabric,
        program: &Path,
        (tx, rx): &(Process, Process),
    ) -> Result<Self> {
        let mut netstat = namespaces.bounded(Place::Receiver, "cat", 5);
        let netstat = output(netstat.arg("/proc/net/netstat"))?;
        let mut replayed = 0;
        for name in ["n1", "n2"] {
            let socket = fabric.folder.path().join(format!("{name}.sock"));
            let mut counters = std::process::Command::new(program);
            counters.args(["counters", "--json", "--socket"]);
            replayed += replays(&output(counters.arg(socket))?)?;
        }
        Ok(Self {
            tx: Threads(tx.threads()?),
            rx: Threads(rx.threads()?),
            disordered: netstat_of(&netstat, "TCPOFOQueue").context("no TCPOFOQueue")?,
            replayed,
        })
    }
}

/// CPU nanoseconds of every thread, with its name.
#[derive(Debug)]
struct Threads(Vec<(String, u64)>);

impl Threads {
    /// What was spent until then: by the busiest worker, and by all threads.
    fn until(&self, later: &Self) -> [f64; 2] {
        let spent = |(name, to): &(String, u64)| {
            let from = self.0.iter().find(|(known, _)| known == name);
            to.saturating_sub(from.map_or(0, |(_, from)| *from)) as f64
        };
        let workers = later
            .0
            .iter()
            .filter(|(name, _)| name.starts_with("worker-"));
        [
            workers.map(spent).fold(0.0, f64::max),
            later.0.iter().map(spent).sum(),
        ]
    }
}

/// A figure of `/proc/net/netstat`: lines in pairs, names above numbers.
fn netstat_of(text: &str, name: &str) -> Option<u64> {
    let lines: Vec<&str> = text.lines().collect();
    let mut pairs = lines.chunks_exact(2);
    pairs.find_map(|pair| {
        let mut columns = pair[0].split_whitespace().zip(pair[1].split_whitespace());
        columns.find(|(title, _)| *title == name)?.1.parse().ok()
    })
}

/// Datagrams that a node dropped as repeated.
fn replays(counters: &str) -> Result<u64> {
    let counters: Value = serde_json::from_str(counters).context("counters are no JSON")?;
    let drops = counters
        .get("underlay_drops")
        .context("no underlay_drops")?;
    Ok(drops.get("wg_replay").and_then(Value::as_u64).unwrap_or(0))
}

fn write(root: &Path, samples: &[Sample]) -> Result<()> {
    let folder = folder(root)?;
    let table = markdown(samples);
    std::fs::write(folder.join("workers.md"), &table)?;
    std::fs::write(
        folder.join("workers.json"),
        serde_json::to_string_pretty(samples)?,
    )?;
    say(&table);
    say("(also in target/bench/workers.md and workers.json)");
    Ok(())
}

fn markdown(samples: &[Sample]) -> String {
    let mut out = String::from(
        "| ports | workers | 8 streams, Gb/s | TX: busiest worker, ns/frame | all threads | RX: \
         busiest worker | all threads | Gb/s by the busiest worker | if shared evenly | out of order | paced | replays |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for ports in ["veth", "TAP"] {
        for workers in [1, 2] {
            let these = samples.iter();
            let these = these.filter(|it| it.ports == ports && it.workers == workers);
            let these: Vec<&Sample> = these.collect();
            let spread = |figure: fn(&Sample) -> f64, decimals: usize| {
                let figures = these.iter().map(|it| figure(it)).collect();
                Spread::of(figures).map_or_else(String::new, |it| it.shown(decimals))
            };
            let sum = |figure: fn(&Sample) -> u64| these.iter().map(|it| figure(it)).sum::<u64>();
            out.push_str(&format!(
                "| {ports} | {workers} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
                spread(|it| it.gbps, 2),
                spread(|it| it.tx[0], 0),
                spread(|it| it.tx[1], 0),
                spread(|it| it.rx[0], 0),
                spread(|it| it.rx[1], 0),
                spread(Sample::capacity, 2),
                spread(Sample::shared, 2),
                sum(|it| it.disordered),
                sum(|it| it.paced_disordered),
                sum(|it| it.replayed),
            ));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_worker_and_all_threads_are_told_apart() {
        let threads = |list: &[(&str, u64)]| {
            Threads(
                list.iter()
                    .map(|(name, t)| ((*name).to_owned(), *t))
                    .collect(),
            )
        };
        let before = threads(&[("worker-0", 10), ("worker-1", 20), ("skerry", 5)]);
        let after = threads(&[("worker-0", 40), ("worker-1", 30), ("skerry", 105)]);
        assert_eq!(before.until(&after), [30.0, 140.0]);
    }

    #[test]
    fn a_figure_of_netstat_stands_below_its_name() {
        let text = "TcpExt: A TCPOFOQueue B\nTcpExt: 1 42 3\nIpExt: X\nIpExt: 9\n";
        assert_eq!(netstat_of(text, "TCPOFOQueue"), Some(42));
        assert_eq!(netstat_of(text, "X"), Some(9));
        assert_eq!(netstat_of(text, "Y"), None);
    }
}
