//! Interfaces that go down, vanish, get another name or another home, or take nothing: K12, K13.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::counters::{Change, PortCounters};
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::hosts::LINK;
use skerry_netns_tests::stream::Stream;
use skerry_netns_tests::topology::{Node, Port};

use crate::bench::{figure, row};
use crate::stage::{OPEN, fresh, shared};
use crate::talk::{talking, unhurried};

/// A port whose interface is gone is marked down within this.
const DOWN: Duration = Duration::from_millis(100);
/// Times that a fault is repeated; the quickest is compared with the figure, since every look at
/// a port starts a program.
const ROUNDS: usize = 5;
/// The neighbours go on talking for so long, since a port is often back within milliseconds.
const AFTERMATH: Duration = Duration::from_secs(2);
/// Any look gives up after this.
const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        row(
            "K12 a port follows its interface down and up, and others notice nothing [open]",
            || fresh(OPEN, interfaces),
        ),
        row(
            "K13 a port that takes nothing costs others nothing [open]",
            || shared(OPEN, deaf),
        ),
    ]
}

/// Neighbours of the port in question, on the same node and worker.
fn neighbours(rate: u32) -> Result<Vec<Stream>> {
    let pairs = [
        ("b-w2", "b-w1"),
        ("b-d1", "b-d2"),
        ("r-gw", "r-l2"),
        ("b-p2", "b-d2"),
    ];
    let stream = |(from, to): (&str, &str)| {
        Ok(Stream {
            from: Port::named(from)?,
            to: Port::named(to)?,
            rate,
        })
    };
    pairs.into_iter().map(stream).collect()
}

fn is_up(fabric: &Fabric, port: Port) -> Result<bool> {
    let facts = fabric.daemon(port.node()).facts("ports")?;
    let ports = facts["ports"].as_array().context("no list of ports")?;
    let entry = ports.iter().find(|entry| entry["name"] == port.full_name());
    Ok(entry.context("the port is not listed")?["up"] == true)
}

/// How long a port takes until it is up, or down.
fn until(fabric: &Fabric, port: Port, up: bool) -> Result<Duration> {
    let started = Instant::now();
    while is_up(fabric, port)? != up {
        ensure!(
            started.elapsed() < PATIENCE,
            "{port} is not {} after {PATIENCE:?}",
            if up { "up" } else { "down" }
        );
    }
    Ok(started.elapsed())
}

/// Until the port's host hears the other end again, by any of the frames sent meanwhile.
fn until_heard(fabric: &Fabric, from: Port, to: Port) -> Result<Duration> {
    let started = Instant::now();
    let mut sent = HashSet::new();
    loop {
        let tag = fabric.tag(from);
        sent.insert(tag);
        fabric
            .hosts
            .at(from)
            .send(&fabric.plain(from, to.mac(), to.ip(), tag, 0))?;
        let arrived = fabric
            .hosts
            .at(to)
            .log(|log| log.seen.iter().any(|seen| sent.contains(&seen.tag)));
        if arrived {
            return Ok(started.elapsed());
        }
        ensure!(
            started.elapsed() < PATIENCE,
            "{to} hears nothing after {PATIENCE:?}"
        );
        sleep(Duration::from_millis(2));
    }
}

struct Times {
    down: Vec<Duration>,
    back: Vec<Duration>,
}

impl Times {
    fn report(mut self, fault: &str, frames: usize) -> Result<()> {
        self.down.sort_unstable();
        self.back.sort_unstable();
        let millis = |times: &[Duration], at: usize| times.get(at).map_or(0, Duration::as_millis);
        let down = match self.down.first() {
            Some(first) => {
                ensure!(
                    *first <= DOWN,
                    "{fault}: marked down after {first:?} at best"
                );
                let (least, middle) = (millis(&self.down, 0), millis(&self.down, ROUNDS / 2));
                format!("marked down after {least} ms (least), {middle} ms (median); ")
            }
            None => String::new(),
        };
        let (middle, most) = (
            millis(&self.back, self.back.len() / 2),
            millis(&self.back, self.back.len().saturating_sub(1)),
        );
        figure(
            "K12",
            fault,
            &format!(
                "{down}back after {middle} ms (median), {most} ms (most); neighbours lose 0 of \
                 {frames} frames"
            ),
        );
        Ok(())
    }
}

/// Breaks the port while its neighbours talk; they must not notice.
fn beside_neighbours(fabric: &Fabric, fault: &str, work: &dyn Fn() -> Result<Times>) -> Result<()> {
    let (times, frames) = unhurried(|rate| {
        let (times, heard) = talking(fabric, &neighbours(rate)?, || {
            let times = work()?;
            sleep(AFTERMATH);
            Ok(times)
        })?;
        let frames = heard.must_be_clean(fabric)?;
        let lost = (0..heard.talks.len()).map(|talk| heard.lost(talk)).sum();
        fabric.counters()?.check()?;
        Ok((lost, (times, frames)))
    })?;
    times.report(fault, frames)
}

fn interfaces(fabric: &mut Fabric) -> Result<()> {
    fabric.introduce()?;
    let [port, peer] = [Port::named("b-i3")?, Port::named("b-gw")?];
    let near = &fabric.daemon(port.node()).netns;
    let far = &fabric.hosts.at(port).netns;
    let (fabric, back) = (&*fabric, || {
        fabric.hosts.bring_up(std::iter::once(port), PATIENCE)?;
        until(fabric, port, true)?;
        until_heard(fabric, peer, port)
    });
    beside_neighbours(fabric, "a port's interface set down and up", &|| {
        let (mut down, mut times) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            far.ip(&format!("link set dev {LINK} down"))?;
            down.push(until(fabric, port, false)?);
            let started = Instant::now();
            back()?;
            times.push(started.elapsed());
        }
        Ok(Times { down, back: times })
    })?;
    beside_neighbours(fabric, "a port's interface deleted", &|| {
        let mut times = Vec::new();
        for _ in 0..2 {
            far.ip(&format!("link del dev {LINK}"))?;
            let started = Instant::now();
            back()?;
            times.push(started.elapsed());
        }
        Ok(Times {
            down: Vec::new(),
            back: times,
        })
    })?;
    beside_neighbours(
        fabric,
        "the node's end of a port renamed, and back",
        &|| {
            near.ip(&format!("link set dev {port} down"))?;
            near.ip(&format!("link set dev {port} name other"))?;
            near.ip("link set dev other up")?;
            let started = Instant::now();
            back()?;
            let times = vec![started.elapsed()];
            near.ip("link set dev other down")?;
            near.ip(&format!("link set dev other name {port}"))?;
            near.ip(&format!("link set dev {port} up"))?;
            back()?;
            Ok(Times {
                down: Vec::new(),
                back: times,
            })
        },
    )?;
    moved(fabric, port, &back)
}

/// The node's end goes to another node's namespace: it is no port there, and made anew here, by
/// which the old pair of interfaces vanishes.
fn moved(fabric: &Fabric, port: Port, back: &dyn Fn() -> Result<Duration>) -> Result<()> {
    let near = &fabric.daemon(port.node()).netns;
    let elsewhere = &fabric.daemon(Node(4)).netns;
    let name = elsewhere.path();
    let name = name
        .file_name()
        .context("a namespace without a name")?
        .to_string_lossy();
    let before = elsewhere.links()?;
    beside_neighbours(
        fabric,
        "the node's end of a port moved to another namespace",
        &|| {
            near.ip(&format!("link set dev {port} netns {name}"))?;
            let started = Instant::now();
            // Until it is made anew: guests see that as an interface that went and came.
            while elsewhere.links()? != before {
                ensure!(
                    started.elapsed() < PATIENCE,
                    "the old pair stays: {:?}",
                    elsewhere.links()?
                );
                sleep(Duration::from_millis(2));
            }
            back()?;
            Ok(Times {
                down: Vec::new(),
                back: vec![started.elapsed()],
            })
        },
    )
}

/// A queue in front of a port that lets next to nothing through, so that the port takes no more.
struct Stopper<'a> {
    netns: &'a Path,
    port: Port,
}

impl<'a> Stopper<'a> {
    fn put(netns: &'a Path, port: Port) -> Result<Self> {
        let stopper = Self { netns, port };
        stopper.tc(
            "add",
            &["tbf", "rate", "8kbit", "burst", "1600", "limit", "1000000"],
        )?;
        Ok(stopper)
    }

    fn tc(&self, verb: &str, what: &[&str]) -> Result<()> {
        let mut command = Command::new("tc");
        command
            .arg("-n")
            .arg(self.netns.file_name().unwrap_or_default());
        command
            .args(["qdisc", verb, "dev", self.port.name(), "root"])
            .args(what);
        let output = command
            .output()
            .context("`tc` cannot be run: install iproute2")?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "tc qdisc {verb}: {words}");
        Ok(())
    }
}

impl Drop for Stopper<'_> {
    fn drop(&mut self) {
        // It goes with the interface, if that is gone.
        drop(self.tc("del", &[]));
    }
}

fn deaf(fabric: &mut Fabric) -> Result<()> {
    let [from, to] = [Port::named("b-w1")?, Port::named("b-w2")?];
    let netns = fabric.daemon(to.node()).netns.path();
    let full = |counters: &PortCounters| {
        counters
            .egress_drops
            .get("egress_full")
            .copied()
            .unwrap_or(0)
    };
    let (full, sent, frames) = unhurried(|rate| {
        let before = fabric.counters()?;
        let neighbours = neighbours(rate)?
            .into_iter()
            .filter(|stream| stream.from != to);
        let mut streams: Vec<Stream> = neighbours.collect();
        let quiet = streams.len();
        streams.push(Stream {
            from,
            to,
            rate: 2_000,
        });
        let stopper = Stopper::put(&netns, to)?;
        let ((), heard) = talking(fabric, &streams, || {
            sleep(Duration::from_secs(3));
            Ok(())
        })?;
        drop(stopper);
        let frames = heard.must_be_clean(fabric)? - heard.arrived(quiet).offsets.len();
        let after = fabric.counters()?;
        let change = Change { before, after };
        change.after.check()?;
        let lost = (0..quiet).map(|talk| heard.lost(talk)).sum();
        let sent = heard.talks[quiet].1.count;
        Ok((lost, (change.port(to, full), sent, frames)))
    })?;
    ensure!(
        full > 0,
        "nothing was counted as egress_full of {sent} frames"
    );
    figure(
        "K13",
        "a port whose queue is full",
        &format!(
            "{full} of its {sent} frames counted as egress_full; neighbours lose 0 of {frames}"
        ),
    );
    sleep(Duration::from_millis(100));
    fabric.hosts.take();
    until_heard(fabric, from, to)?;
    fabric.hosts.take();
    Ok(())
}
