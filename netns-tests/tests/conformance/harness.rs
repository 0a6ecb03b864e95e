//! The suite tried on something that is known to leak: without this, silence would prove nothing.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::daemon::skerry;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::frame::{self, BROADCAST};
use skerry_netns_tests::hosts::{Hosts, LINK};
use skerry_netns_tests::netns::Netns;
use skerry_netns_tests::oracle;
use skerry_netns_tests::suite::row;
use skerry_netns_tests::tag::Tag;
use skerry_netns_tests::topology::Port;
use skerry_netns_tests::volley::{Shot, Tally};

use crate::stage::{GUARDED, OPEN, TAPS};

const RUN: u32 = 0x5e1f_7e57;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        row(
            "S01 a plain kernel bridge leaks, and every leak is named",
            || plain_bridge(false),
        ),
        row(
            "S02 a kernel bridge of isolated ports loses what is due, and that is named",
            || plain_bridge(true),
        ),
        row(
            "S03 the product reads the site files of this suite as the oracle does",
            site_files,
        ),
    ]
}

/// All sixteen hosts on one bridge: 240 pairs meet where the oracle permits 52.
fn plain_bridge(isolated: bool) -> Result<()> {
    let hosts = Hosts::create()?;
    let bridge = Netns::create("bridge")?;
    bridge.ip("link add br0 type bridge mcast_snooping 0")?;
    bridge.ip("link set br0 up")?;
    for host in hosts.iter() {
        let (near, far) = (host.port.name(), host.netns.path());
        let far = far
            .file_name()
            .context("a namespace without a name")?
            .to_string_lossy()
            .into_owned();
        bridge.ip(&format!(
            "link add {near} type veth peer name {LINK} netns {far}"
        ))?;
        bridge.ip(&format!("link set {near} master br0 up"))?;
        if isolated {
            bridge.ip(&format!("link set {near} type bridge_slave isolated on"))?;
        }
    }
    hosts.bring_up(Port::all(), Duration::from_secs(5))?;
    std::thread::sleep(Duration::from_millis(100));
    hosts.take();

    let shots: Vec<Shot> = Port::all().map(broadcast).collect();
    for shot in &shots {
        hosts.at(shot.from).send(&shot.frame)?;
    }
    std::thread::sleep(Duration::from_millis(200));
    let tally = Tally::of(RUN, &hosts.take());
    let complaint = tally
        .judge(&shots)
        .err()
        .context("a plain bridge passed for a private VLAN")?;
    let first = format!("{complaint}");
    let due = if isolated { "52 wrong:" } else { "188 wrong:" };
    ensure!(
        first.starts_with(due),
        "expected {due} but the judgement was {first}"
    );
    Ok(())
}

fn broadcast(from: Port) -> Shot {
    let tag = Tag {
        run: RUN,
        source: from.0,
        sequence: u32::from(from.0),
    };
    let frame = frame::experiment(BROADCAST, from.mac(), tag, 20);
    Shot {
        from,
        frame,
        tag,
        expect: oracle::flooded(from),
        label: "broadcast".into(),
    }
}

/// Both site files pass `skerry check`, with the oracle's number of pairs.
fn site_files() -> Result<()> {
    for options in [OPEN, GUARDED, TAPS] {
        let fabric = Fabric::prepare(options)?;
        let path = fabric.site_file();
        let path = path.to_str().context("a path that is not text")?;
        let checked = skerry(&["check", path, "--json"], "")?;
        let words = String::from_utf8_lossy(&checked.stderr).into_owned();
        ensure!(
            checked.status.success(),
            "skerry check: {}: {words}",
            checked.status
        );
        let facts: serde_json::Value = serde_json::from_slice(&checked.stdout)?;
        let proof = &facts["proof"];
        let pairs = [&proof["ordered_pairs"], &proof["permitted"]];
        ensure!(pairs == [240, 52], "pairs are {pairs:?} in {facts}");
    }
    Ok(())
}
