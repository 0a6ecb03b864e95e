//! Row F16: a loop outside the fabric, and one address at two places.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::counters::Change;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::frame::{BROADCAST, Pair, experiment, udp4};
use skerry_netns_tests::hosts::LINK;
use skerry_netns_tests::netns::Netns;
use skerry_netns_tests::oracle::Receivers;
use skerry_netns_tests::packet::Sender;
use skerry_netns_tests::probe::Log;
use skerry_netns_tests::suite::{row, say};
use skerry_netns_tests::topology::{Node, Port};

use crate::reach::{port, set};
use crate::stage::{GUARDED, OPEN, fresh};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        row(
            "F16 a bridge that loops two ports is bounded, and heals [guarded]",
            || fresh(GUARDED, looped),
        ),
        row("F16 an address that flaps is frozen [open]", || {
            fresh(OPEN, flapping)
        }),
    ]
}

/// How long the loop is left alone.
const STORM: Duration = Duration::from_secs(2);
/// What one promiscuous port may flood, in frames a second: the default.
const ALLOWED: f64 = 2_000.0;

/// A kernel bridge joins the guests' ends of b-w2 on n2 and of b-p2 on n3. Whatever one port
/// says comes in again by the other.
fn looped(fabric: &mut Fabric) -> Result<()> {
    fabric.introduce()?;
    fabric.await_bindings()?;
    let ends = [port("b-w2")?, port("b-p2")?];
    let bridge = join(fabric, ends)?;
    fabric.hosts.take();
    let before = fabric.counters()?;
    let started = Instant::now();
    for from in [port("b-gw")?, port("b-d1")?] {
        for _ in 0..5 {
            let shot = fabric.broadcast(from);
            fabric.hosts.at(from).send(&shot.frame)?;
        }
    }
    flood_from_behind(fabric, &bridge, ends[1])?;
    sleep(STORM);
    let took = started.elapsed();
    let logs = fabric.hosts.take();
    let change = Change {
        before,
        after: fabric.counters()?,
    };
    part(fabric, &bridge, ends)?;
    let bounded = bounded(fabric, &change, &logs, ends, took);
    heals(fabric)?;
    bounded
}

/// No bystander heard more than one router may say, and what was more was dropped as a storm.
fn bounded(
    fabric: &Fabric,
    change: &Change,
    logs: &[Log],
    ends: [Port; 2],
    took: Duration,
) -> Result<()> {
    let limit = ALLOWED * (took.as_secs_f64() + 0.1) + 15.0;
    let mut most = 0;
    for host in fabric.ports().filter(|port| !ends.contains(port)) {
        let heard = u32::try_from(logs[host.index()].seen.len())?;
        most = most.max(heard);
        ensure!(
            f64::from(heard) <= limit,
            "{host} heard {heard} frames in {took:?}, more than {limit:.0}"
        );
    }
    let reasons = ends.map(|port| change.ingress_drops(port));
    let count = |port: Port, reasons: &[&str]| -> u64 {
        reasons
            .iter()
            .map(|reason| change.ingress(port, reason))
            .sum()
    };
    let stopped: u64 = ends.iter().map(|port| count(*port, &STOPS)).sum();
    let stormy = count(ends[1], &["storm_bcast"]);
    ensure!(
        stopped > 0 && stormy > 0,
        "{stopped} frames were stopped by their address, {stormy} as a storm: {reasons:?}"
    );
    say(&format!(
        "    F16 a loop of two ports: at most {most} frames at a bystander in {took:.1?}; {reasons:?}"
    ));
    Ok(())
}

/// What ends a frame's second round because of its address.
const STOPS: [&str; 4] = ["mac_dup", "mac_move", "mac_spoof", "mac_limit"];

/// Broadcasts of a machine behind the bridge. The router's port lets any address pass, so only its
/// bucket ends their rounds.
fn flood_from_behind(fabric: &Fabric, bridge: &Netns, by: Port) -> Result<()> {
    let sender = Sender::open(bridge, "br0")?;
    let mac = Pair {
        to: BROADCAST,
        from: [2, 0, 0, 0, 0x66, 2],
    };
    let ip = Pair {
        to: [255; 4],
        from: [192, 0, 2, 66],
    };
    for _ in 0..400 {
        sender.send(&udp4(mac, ip, fabric.tag(by), 0))?;
    }
    Ok(())
}

/// Moves the guests' ends of two ports into one namespace, under one bridge.
fn join(fabric: &Fabric, ends: [Port; 2]) -> Result<Netns> {
    let bridge = Netns::create("loop")?;
    let there = name_of(&bridge)?;
    for host in ends {
        let netns = &fabric.hosts.at(host).netns;
        netns.ip(&format!("link set {LINK} down"))?;
        netns.ip(&format!("link set {LINK} name {host} netns {there}"))?;
    }
    bridge.ip("link add br0 type bridge mcast_snooping 0 stp_state 0 forward_delay 0")?;
    for host in ends {
        bridge.ip(&format!("link set {host} master br0"))?;
        bridge.ip(&format!("link set {host} up"))?;
    }
    bridge.ip("link set br0 up")?;
    // The kernel looks at its links once a second, so a carrier is late.
    let limit = Instant::now() + Duration::from_secs(5);
    while !is_joined(fabric, &bridge, ends)? {
        ensure!(Instant::now() < limit, "the bridge's ports do not come up");
        sleep(Duration::from_millis(50));
    }
    Ok(bridge)
}

/// Both cables carry, as the bridge and as the nodes see it.
fn is_joined(fabric: &Fabric, bridge: &Netns, hosts: [Port; 2]) -> Result<bool> {
    for host in hosts {
        let there = bridge.ip(&format!("-br link show {host}"))?;
        let status = fabric.daemon(host.node()).facts("status")?;
        if !there.contains(" UP ") || status["ports"] != status["ports_up"] {
            return Ok(false);
        }
    }
    Ok(true)
}

fn name_of(netns: &Netns) -> Result<String> {
    let path = netns.path();
    let name = path.file_name().context("a namespace without a name")?;
    Ok(name.to_string_lossy().into_owned())
}

/// Gives both ends back to their guests.
fn part(fabric: &Fabric, bridge: &Netns, hosts: [Port; 2]) -> Result<()> {
    for host in hosts {
        let there = name_of(&fabric.hosts.at(host).netns)?;
        bridge.ip(&format!("link set {host} down"))?;
        bridge.ip(&format!("link set {host} nomaster"))?;
        bridge.ip(&format!("link set {host} name {LINK} netns {there}"))?;
        fabric
            .hosts
            .at(host)
            .netns
            .ip(&format!("link set {LINK} up"))?;
    }
    Ok(())
}

/// Within ten seconds everybody is heard again as before, by whoever may hear.
fn heals(fabric: &mut Fabric) -> Result<()> {
    let limit = Instant::now() + Duration::from_secs(10);
    let parted = Instant::now();
    sleep(Duration::from_millis(300));
    loop {
        fabric.hosts.take();
        fabric.underlay.take();
        match fabric.introduce() {
            Ok(()) => break,
            Err(error) => ensure!(
                Instant::now() < limit,
                "ten seconds after the loop is gone: {error:#}\n  b-w1 is {:?}, {:?}",
                fabric.known(Node(1), port("b-w1")?)?,
                fabric.counters()?.port(port("b-w1")?).ingress_drops
            ),
        }
        sleep(Duration::from_millis(200));
    }
    say(&format!(
        "    F16 healed within {:.1} s",
        parted.elapsed().as_secs_f64()
    ));
    let [web, friend, gateway] = [port("b-w1")?, port("b-w2")?, port("b-gw")?];
    fabric.volley(vec![
        fabric.unicast(web, friend, set(&[friend])),
        fabric.unicast(gateway, web, set(&[web])),
    ])?;
    fabric.counters()?.check()
}

/// Two ports use one address in turn, each as soon as the other has been silent for long enough.
/// The sixth move is one too many (RFC 7432 section 15.1).
fn flapping(fabric: &mut Fabric) -> Result<()> {
    const SILENCE: Duration = Duration::from_millis(5_100);
    let [one, other] = [port("b-w1")?, port("b-d1")?];
    let by = |from: Port, expect: Receivers| {
        fabric.shot(from, "the contested address", expect, |tag| {
            experiment(BROADCAST, [2, 0, 0, 0, 0x66, 1], tag, 0)
        })
    };
    fabric.volley(vec![by(one, fabric.flooded(one))])?;
    for from in [other, one, other, one, other] {
        sleep(SILENCE);
        fabric.volley(vec![by(from, fabric.flooded(from))])?;
    }
    sleep(SILENCE);
    let report = fabric.volley(vec![by(one, Receivers::new())])?;
    report.change.expect_ingress(one, &[("mac_dup", 1)])?;
    // Neither place may speak for it now, and the rest of the fabric does not notice.
    let report = fabric.volley(vec![by(one, Receivers::new()), fabric.broadcast(one)])?;
    report.change.expect_ingress(one, &[("mac_dup", 1)])
}
