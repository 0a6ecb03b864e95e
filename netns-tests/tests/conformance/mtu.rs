//! Row C13: hosts that believe in a larger MTU than the fabric's, with a real kernel's stack.

use std::time::Duration;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::counters::Change;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::guest::Guest;
use skerry_netns_tests::hosts::LINK;
use skerry_netns_tests::suite::say;
use skerry_netns_tests::topology::Port;

use crate::reach::port;
use crate::stage::guarded;

/// What the hosts believe in, and what the fabric carries.
const THEIRS: usize = 1_500;
const OURS: usize = 1_390;
/// IPv4 and UDP headers.
const HEADERS: usize = 20 + 8;

pub(crate) fn trials() -> Vec<Trial> {
    vec![guarded(
        "C13 hosts with a larger MTU open smaller connections, and are told what is too big",
        larger,
    )]
}

fn larger(fabric: &mut Fabric) -> Result<()> {
    let ends = [port("b-w1")?, port("b-w2")?];
    set_mtu(fabric, ends, THEIRS)?;
    let talked = talk(fabric, ends);
    set_mtu(fabric, ends, OURS)?;
    talked
}

fn set_mtu(fabric: &Fabric, ends: [Port; 2], mtu: usize) -> Result<()> {
    for end in ends {
        let netns = &fabric.hosts.at(end).netns;
        netns.ip(&format!("link set {LINK} mtu {mtu}"))?;
    }
    Ok(())
}

fn talk(fabric: &Fabric, [from, to]: [Port; 2]) -> Result<()> {
    let (first, second) = (Guest::new(fabric, from)?, Guest::new(fabric, to)?);
    let before = fabric.counters()?;
    let transfer = first.stream_to(&second, Duration::from_secs(1))?;
    let bytes: usize = transfer.parts.iter().map(|(_, bytes)| bytes).sum();
    ensure!(bytes > 1 << 20, "TCP carried {bytes} bytes in a second");
    let after = fabric.counters()?;
    let oversize = Change { before, after }.ingress(from, "oversize");
    ensure!(
        oversize == 0,
        "TCP sent {oversize} segments that are too long"
    );
    let tries = first.tell(&second, THEIRS - HEADERS)?;
    ensure!(tries > 1, "a datagram of {THEIRS} bytes arrived uncut");
    let route = first.route_to(&second)?;
    ensure!(route.contains(&format!("mtu {OURS}")), "it learned {route}");
    say(&format!(
        "    C13 {} KiB of TCP and none too long; a datagram arrived at try {tries}",
        bytes >> 10
    ));
    Ok(())
}
