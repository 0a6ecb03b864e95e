//! Rows C: what the first bytes of a frame decide.

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::{Fabric, Report};
use skerry_netns_tests::frame::{BROADCAST, Pair, ethernet, udp4, with_vlan};
use skerry_netns_tests::hosts::LINK;
use skerry_netns_tests::oracle::{self, Receivers};
use skerry_netns_tests::suite::row;
use skerry_netns_tests::tag::Tag;
use skerry_netns_tests::topology::Port;
use skerry_netns_tests::volley::Shot;

use crate::reach::{port, ports};
use crate::stage::{GUARDED, TAPS, shared};

/// Bytes of IP packet that every port takes with IPv4 between the nodes (datapath part 8).
const MTU: usize = 1390;
/// IPv4 and UDP header, and a tag.
const EMPTY: usize = 20 + 8 + skerry_netns_tests::tag::LEN;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        row("C01 a priority tag is taken off [guarded]", || {
            shared(GUARDED, priority_tag)
        }),
        row(
            "C02 a VLAN tag on an access port is refused [guarded]",
            || shared(GUARDED, foreign_tag),
        ),
        row(
            "C08 the longest frame passes, one byte more does not [guarded]",
            || shared(GUARDED, longest),
        ),
        row("C10 impossible addresses are refused [guarded]", || {
            shared(GUARDED, impossible)
        }),
        row("D15 link-local protocols go nowhere [guarded]", || {
            shared(GUARDED, reserved)
        }),
        row(
            "D16 an ethertype that is not listed is refused [guarded]",
            || shared(GUARDED, ethertype),
        ),
    ]
}

/// The same over TAPs, where tags arrive inside the frame and not beside it.
pub(crate) fn taps() -> Vec<Trial> {
    vec![
        row("C01 a priority tag is taken off [taps]", || {
            shared(TAPS, priority_tag)
        }),
        row("C02 a VLAN tag on an access port is refused [taps]", || {
            shared(TAPS, foreign_tag)
        }),
    ]
}

fn long(fabric: &Fabric, from: Port, tag: Tag, padding: usize) -> Vec<u8> {
    fabric.plain(from, BROADCAST, [255; 4], tag, padding)
}

fn priority_tag(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-i1")?;
    let receivers = ports("b-gw b-p2")?;
    let before = received(fabric, &receivers)?;
    let shot = fabric.shot(from, "VID 0", receivers.clone(), |tag| {
        with_vlan(long(fabric, from, tag, 100), 0)
    });
    let bare = [&shot.frame[..12], &shot.frame[16..]].concat();
    let report = fabric.volley(vec![shot.clone()])?;
    for (port, before) in receivers.iter().zip(before) {
        let frames = frames_with(&report, *port, shot.tag);
        ensure!(
            frames == [bare.as_slice()],
            "{port} received {frames:02x?}, not {bare:02x?}"
        );
        // The kernel hands a tag over beside the frame, so its byte count is asked as well.
        let log = &report.logs[port.index()];
        let lengths: usize = log.frames.iter().chain(&log.others).map(Vec::len).sum();
        let (bytes, _) = fabric.hosts.at(*port).netns.received(LINK)?;
        ensure!(
            bytes - before == lengths as u64,
            "{port} received {} bytes, not {lengths}",
            bytes - before
        );
    }
    Ok(())
}

fn received(fabric: &Fabric, ports: &Receivers) -> Result<Vec<u64>> {
    ports
        .iter()
        .map(|port| Ok(fabric.hosts.at(*port).netns.received(LINK)?.0))
        .collect()
}

fn frames_with(report: &Report, at: Port, tag: Tag) -> Vec<&[u8]> {
    let log = &report.logs[at.index()];
    let pairs = log.seen.iter().zip(&log.frames);
    pairs
        .filter(|(seen, _)| seen.tag == tag)
        .map(|(_, frame)| frame.as_slice())
        .collect()
}

fn foreign_tag(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-i1")?;
    let tagged = |vid| {
        fabric.shot(from, "tagged", Receivers::new(), |tag| {
            with_vlan(long(fabric, from, tag, 0), vid)
        })
    };
    let report = fabric.volley(vec![tagged(100), tagged(20101 % 4096)])?;
    report.change.expect_ingress(from, &[("vlan_tagged", 2)])
}

fn longest(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-i1")?;
    let netns = &fabric.hosts.at(from).netns;
    // The host may believe in a longer MTU than its port has.
    netns.ip(&format!("link set {LINK} mtu 2000"))?;
    let build = |padding: usize, receivers| {
        fabric.shot(
            from,
            &format!("{} bytes of IP", EMPTY + padding),
            receivers,
            |tag| long(fabric, from, tag, padding),
        )
    };
    let fits = build(MTU - EMPTY, oracle::flooded(from));
    let exceeds = build(MTU + 1 - EMPTY, Receivers::new());
    ensure!(
        fits.frame.len() == 14 + MTU,
        "the frame under test is {} bytes",
        fits.frame.len()
    );
    let report = fabric.volley(vec![fits, exceeds])?;
    netns.ip(&format!("link set {LINK} mtu {MTU}"))?;
    report.change.expect_ingress(from, &[("oversize", 1)])
}

fn impossible(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-i1")?;
    let with = |label, to: [u8; 6], source: [u8; 6]| {
        fabric.shot(from, label, Receivers::new(), |tag| {
            let ip = Pair {
                to: [255; 4],
                from: from.ip(),
            };
            udp4(Pair { to, from: source }, ip, tag, 0)
        })
    };
    let group = [0x03, 0, 0, 0, 1, 11];
    let report = fabric.volley(vec![
        with("multicast source", BROADCAST, group),
        with("zero source", BROADCAST, [0; 6]),
        with("zero destination", [0; 6], from.mac()),
    ])?;
    report
        .change
        .expect_ingress(from, &[("bad_src_mac", 2), ("bad_dst_mac", 1)])
}

/// STP, LLDP, EAPOL, PAUSE, MVRP, CDP, PVST+ and MACsec, from a host and from a router.
fn reserved(fabric: &mut Fabric) -> Result<()> {
    const BRIDGE: [u8; 6] = [0x01, 0x80, 0xc2, 0, 0, 0];
    let group = |last| [0x01, 0x80, 0xc2, 0, 0, last];
    let kinds: [(&str, [u8; 6], u16); 9] = [
        ("STP", BRIDGE, 0x0027),
        ("LLDP", group(0x0e), 0x88cc),
        ("EAPOL", group(0x03), 0x888e),
        ("PAUSE", group(0x01), 0x8808),
        ("slow protocols", group(0x02), 0x8809),
        ("MVRP", group(0x21), 0x88f5),
        ("CDP", [0x01, 0, 0x0c, 0xcc, 0xcc, 0xcc], 0x0040),
        ("PVST+", [0x01, 0, 0x0c, 0xcc, 0xcc, 0xcd], 0x0040),
        ("MACsec", BROADCAST, 0x88e5),
    ];
    for from in [port("b-i1")?, port("b-gw")?] {
        let shots: Vec<Shot> = kinds
            .iter()
            .map(|(label, to, ethertype)| {
                fabric.shot(from, label, Receivers::new(), |tag| {
                    let mut frame = ethernet(*to, from.mac(), *ethertype);
                    tag.append_to(&mut frame, 0);
                    frame
                })
            })
            .collect();
        let count = u64::try_from(shots.len()).context("few frames")?;
        let report = fabric.volley(shots)?;
        report
            .change
            .expect_ingress(from, &[("l2_reserved", count)])?;
    }
    Ok(())
}

fn ethertype(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-i1")?;
    let shot = fabric.shot(from, "88B5", Receivers::new(), |tag| {
        skerry_netns_tests::frame::experiment(BROADCAST, from.mac(), tag, 0)
    });
    let report = fabric.volley(vec![shot])?;
    report.change.expect_ingress(from, &[("ethertype", 1)])
}
