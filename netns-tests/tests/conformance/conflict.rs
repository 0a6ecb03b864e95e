//! Duplicate address detection under isolation: the owner cannot hear the question, nor the asker
//! the answer, so the fabric defends the address (RFC 6957, private VLAN part 3.6).

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::{Fabric, Report};
use skerry_netns_tests::frame::{Arp, BROADCAST, Pair};
use skerry_netns_tests::message::duplicate_probe6;
use skerry_netns_tests::oracle::Receivers;
use skerry_netns_tests::topology::Port;
use skerry_netns_tests::volley::Shot;

use crate::reach::{port, ports};
use crate::stage::guarded;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        guarded(
            "X12 an IPv4 address is defended against a host that cannot hear its owner",
            four,
        ),
        guarded(
            "X13 an IPv6 address is defended against a host that cannot hear its owner",
            six,
        ),
    ]
}

/// Pairs that cannot hear each other: on one node, on two, and of two communities.
const PAIRS: [(&str, &str); 4] = [
    ("b-i1", "b-i2"),
    ("b-i1", "b-i3"),
    ("b-w1", "b-d2"),
    ("b-i4", "b-w2"),
];

/// RFC 5227 section 2.1.1: the sender is not known yet.
fn probe4(fabric: &Fabric, from: Port, target: [u8; 4], expect: Receivers) -> Shot {
    let question = Arp {
        operation: 1,
        sender: (from.mac(), [0; 4]),
        target: ([0; 6], target),
    };
    let mac = Pair {
        to: BROADCAST,
        from: from.mac(),
    };
    fabric.shot(from, "is the address free?", expect, |tag| {
        question.frame(mac, tag)
    })
}

fn probe6(fabric: &Fabric, from: Port, target: [u8; 16], expect: Receivers) -> Shot {
    let (question, to) = duplicate_probe6(target);
    let mac = Pair {
        to,
        from: from.mac(),
    };
    fabric.shot(from, "is the address free?", expect, |tag| {
        question.frame(mac, tag)
    })
}

/// The one answer that the asker got.
fn answer(report: &Report, asker: Port) -> Result<&[u8]> {
    let answered = report.change.port(asker, |counters| counters.answered);
    let others = &report.logs[asker.index()].others;
    ensure!(
        answered == 1 && others.len() == 1,
        "{asker} was answered {answered} times, with {others:02x?}"
    );
    others.first().map(Vec::as_slice).context("no answer")
}

/// Each asks for the other's address, which the other may never have used; its own is free.
fn four(fabric: &mut Fabric) -> Result<()> {
    for (one, other) in PAIRS {
        let [one, other] = [port(one)?, port(other)?];
        for (asker, owner) in [(one, other), (other, one)] {
            let shot = probe4(fabric, asker, owner.ip(), Receivers::new());
            let report = fabric.volley(vec![shot])?;
            let frame = answer(&report, asker)?;
            let arp = Arp::parse(frame).context("the answer is not ARP")?;
            ensure!(
                arp.sender.1 == owner.ip() && arp.sender.0 != asker.mac(),
                "{asker} asked for {owner}'s address: {arp:?}"
            );
        }
    }
    let own = port("b-i1")?;
    let shot = probe4(fabric, own, own.ip(), ports("b-gw b-p2")?);
    let report = fabric.volley(vec![shot])?;
    let others = &report.logs[own.index()].others;
    ensure!(others.is_empty(), "its own address is taken: {others:02x?}");
    Ok(())
}

fn six(fabric: &mut Fabric) -> Result<()> {
    for (one, other) in PAIRS {
        let [one, other] = [port(one)?, port(other)?];
        for (asker, owner) in [(one, other), (other, one)] {
            let shot = probe6(fabric, asker, owner.ip6(), Receivers::new());
            let report = fabric.volley(vec![shot])?;
            let frame = answer(&report, asker)?;
            // Ethernet 14, IPv6 40, then the type of the message and, behind flags, its target.
            let is_advertisement = frame.get(54) == Some(&136);
            let target = frame.get(62..78) == Some(owner.ip6().as_slice());
            ensure!(
                is_advertisement && target,
                "{asker} asked for {owner}'s address: {frame:02x?}"
            );
        }
    }
    let own = port("b-i1")?;
    let shot = probe6(fabric, own, own.ip6(), ports("b-gw b-p2")?);
    let report = fabric.volley(vec![shot])?;
    let others = &report.logs[own.index()].others;
    ensure!(others.is_empty(), "its own address is taken: {others:02x?}");
    Ok(())
}
