//! Rows D: lies about who one is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::frame::{Arp, BROADCAST, Pair, advertisement, udp4, udp6};
use skerry_netns_tests::oracle::Receivers;
use skerry_netns_tests::stream::Stream;
use skerry_netns_tests::suite::{joined, row};
use skerry_netns_tests::topology::Port;
use skerry_netns_tests::volley::Shot;

use crate::reach::{port, ports, set};
use crate::stage::{GUARDED, fresh, shared};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        row(
            "D01 the gateway's address cannot be taken [guarded]",
            || shared(GUARDED, gateway_mac),
        ),
        row(
            "D02 20,000 source addresses are one too many 19,999 times [guarded]",
            || fresh(GUARDED, flood_of_macs),
        ),
        row(
            "D03 a neighbour's IP address cannot be used [guarded]",
            || shared(GUARDED, ip_source),
        ),
        row(
            "D04 the gateway's IP address cannot be claimed by ARP [guarded]",
            || shared(GUARDED, arp_claim),
        ),
        row(
            "D05 an ARP sender must be the frame's sender [guarded]",
            || shared(GUARDED, arp_sender),
        ),
        row(
            "D07 a neighbour out of reach is not revealed [guarded]",
            || shared(GUARDED, arp_probe),
        ),
        row(
            "D09 the gateway's IPv6 address cannot be claimed [guarded]",
            || shared(GUARDED, advertised),
        ),
    ]
}

fn none() -> Receivers {
    Receivers::new()
}

fn gateway_mac(fabric: &mut Fabric) -> Result<()> {
    let [thief, gateway, honest] = [port("b-i1")?, port("b-gw")?, port("b-i3")?];
    let ip = Pair {
        to: [255; 4],
        from: thief.ip(),
    };
    let mac = Pair {
        to: BROADCAST,
        from: gateway.mac(),
    };
    let shot = fabric.shot(thief, "as the gateway", none(), |tag| udp4(mac, ip, tag, 0));
    let report = fabric.volley(vec![shot])?;
    report.change.expect_ingress(thief, &[("mac_spoof", 1)])?;
    fabric.volley(vec![fabric.unicast(honest, gateway, set(&[gateway]))])?;
    Ok(())
}

/// One address is b-i1's own; meanwhile a bystander loses nothing.
fn flood_of_macs(fabric: &mut Fabric) -> Result<()> {
    const ADDRESSES: u32 = 20_000;
    let [from, gateway, bystander] = [port("b-i1")?, port("b-gw")?, port("b-i3")?];
    // The bystander is known before it is measured.
    fabric.volley(vec![fabric.broadcast(bystander), fabric.broadcast(gateway)])?;
    let before = fabric.counters()?;
    let first = fabric.unicast(from, gateway, set(&[gateway]));
    fabric.hosts.at(from).send(&first.frame)?;
    ensure!(
        fabric.await_copies(std::slice::from_ref(&first)),
        "the first address was not let in"
    );
    let flooding = AtomicBool::new(true);
    let fabric = &*fabric;
    let (up, down) = std::thread::scope(|scope| -> Result<_> {
        let go_on = || flooding.load(Ordering::Relaxed);
        let up = Stream {
            from: bystander,
            to: gateway,
            rate: 500,
        };
        let down = Stream {
            from: gateway,
            to: bystander,
            rate: 500,
        };
        let up = scope.spawn(move || up.run(fabric, go_on));
        let down = scope.spawn(move || down.run(fabric, go_on));
        let flooded =
            (1..ADDRESSES).try_for_each(|number| flood_one(fabric, from, gateway, number));
        flooding.store(false, Ordering::Relaxed);
        flooded?;
        Ok((joined(up)?, joined(down)?))
    })?;
    std::thread::sleep(Duration::from_millis(300));
    let logs = fabric.hosts.take();
    up.must_arrive(gateway, &logs)?;
    down.must_arrive(bystander, &logs)?;
    let strangers = logs[gateway.index()]
        .seen
        .iter()
        .filter(|seen| seen.tag.source == from.0)
        .count();
    ensure!(
        strangers == 1,
        "the gateway saw {strangers} frames of b-i1, not the first alone"
    );
    let after = fabric.counters()?;
    after.check()?;
    let change = skerry_netns_tests::counters::Change { before, after };
    change.expect_ingress(from, &[("mac_limit", u64::from(ADDRESSES) - 1)])
}

fn flood_one(fabric: &Fabric, from: Port, gateway: Port, number: u32) -> Result<()> {
    let [a, b, c, d] = number.to_be_bytes();
    let mac = Pair {
        to: gateway.mac(),
        from: [0x06, 0xdd, a, b, c, d],
    };
    let ip = Pair {
        to: gateway.ip(),
        from: from.ip(),
    };
    let frame = udp4(mac, ip, fabric.tag(from), 0);
    // The port's queue is as long as a device's: a burst beyond it would be lost before counting.
    if number.is_multiple_of(64) {
        std::thread::sleep(Duration::from_millis(2));
    }
    fabric.hosts.at(from).send(&frame)
}

fn ip_source(fabric: &mut Fabric) -> Result<()> {
    let [from, victim, gateway] = [port("b-i1")?, port("b-i2")?, port("b-gw")?];
    let mac = Pair {
        to: gateway.mac(),
        from: from.mac(),
    };
    let four = Pair {
        to: gateway.ip(),
        from: victim.ip(),
    };
    let six = Pair {
        to: gateway.ip6(),
        from: victim.ip6(),
    };
    let report = fabric.volley(vec![
        fabric.shot(from, "IPv4 of b-i2", none(), |tag| udp4(mac, four, tag, 0)),
        fabric.shot(from, "IPv6 of b-i2", none(), |tag| udp6(mac, six, tag, 0)),
    ])?;
    report.change.expect_ingress(from, &[("ip_spoof", 2)])?;
    let own = Pair {
        to: gateway.ip6(),
        from: from.ip6(),
    };
    let honest = fabric.shot(from, "IPv6 of its own", set(&[gateway]), |tag| {
        udp6(mac, own, tag, 0)
    });
    fabric.volley(vec![honest])?;
    Ok(())
}

fn arp(fabric: &Fabric, from: Port, to: [u8; 6], arp: Arp, expect: Receivers, label: &str) -> Shot {
    fabric.shot(from, label, expect, |tag| {
        arp.frame(
            Pair {
                to,
                from: from.mac(),
            },
            tag,
        )
    })
}

fn arp_claim(fabric: &mut Fabric) -> Result<()> {
    let [from, gateway] = [port("b-i1")?, port("b-gw")?];
    let sender = (from.mac(), gateway.ip());
    let reply = Arp {
        operation: 2,
        sender,
        target: (BROADCAST, [10, 1, 0, 12]),
    };
    let gratuitous = Arp {
        operation: 1,
        sender,
        target: ([0; 6], gateway.ip()),
    };
    let report = fabric.volley(vec![
        arp(
            fabric,
            from,
            BROADCAST,
            reply,
            none(),
            "ARP reply for the gateway",
        ),
        arp(
            fabric,
            from,
            BROADCAST,
            gratuitous,
            none(),
            "gratuitous ARP for the gateway",
        ),
    ])?;
    report.change.expect_ingress(from, &[("arp_spoof", 2)])?;
    // Its own announcement passes.
    let own = Arp {
        operation: 1,
        sender: (from.mac(), from.ip()),
        target: ([0; 6], from.ip()),
    };
    fabric.volley(vec![arp(
        fabric,
        from,
        BROADCAST,
        own,
        ports("b-gw b-p2")?,
        "its own announcement",
    )])?;
    Ok(())
}

fn arp_sender(fabric: &mut Fabric) -> Result<()> {
    let [from, gateway] = [port("b-i1")?, port("b-gw")?];
    let sender = ([0x02, 0, 0, 0, 9, 9], from.ip());
    let lie = Arp {
        operation: 1,
        sender,
        target: ([0; 6], gateway.ip()),
    };
    let report = fabric.volley(vec![arp(
        fabric,
        from,
        BROADCAST,
        lie,
        none(),
        "SHA is not SA",
    )])?;
    report.change.expect_ingress(from, &[("arp_spoof", 1)])
}

fn arp_probe(fabric: &mut Fabric) -> Result<()> {
    let [from, hidden, gateway] = [port("b-i1")?, port("b-i2")?, port("b-gw")?];
    let ask = |ip| Arp {
        operation: 1,
        sender: (from.mac(), from.ip()),
        target: ([0; 6], ip),
    };
    let shot = arp(
        fabric,
        from,
        BROADCAST,
        ask(hidden.ip()),
        none(),
        "who has b-i2",
    );
    let report = fabric.volley(vec![shot])?;
    let answers = &report.logs[from.index()].others;
    ensure!(answers.is_empty(), "b-i1 was answered: {answers:02x?}");
    let answered = report.change.port(from, |counters| counters.answered);
    ensure!(answered == 0, "{answered} answers are counted");
    // The same question about the gateway is answered in its name, and bothers nobody.
    let shot = arp(
        fabric,
        from,
        BROADCAST,
        ask(gateway.ip()),
        none(),
        "who has b-gw",
    );
    let report = fabric.volley(vec![shot])?;
    answered_with(&report.logs[from.index()].others, gateway)?;
    let answered = report.change.port(from, |counters| counters.answered);
    ensure!(answered == 1, "{answered} answers are counted");
    Ok(())
}

/// Exactly one frame arrived: an ARP reply that names the gateway's MAC address.
pub(crate) fn answered_with(others: &[Vec<u8>], gateway: Port) -> Result<()> {
    let answers: Vec<Arp> = others
        .iter()
        .filter_map(|frame| Arp::parse(frame))
        .collect();
    ensure!(
        others.len() == 1 && answers.len() == 1,
        "not one ARP reply, but {others:02x?}"
    );
    let answer = answers[0];
    ensure!(
        answer.operation == 2 && answer.sender.0 == gateway.mac(),
        "the answer is not {gateway}'s address: {answer:?}"
    );
    Ok(())
}

fn advertised(fabric: &mut Fabric) -> Result<()> {
    let [from, gateway] = [port("b-i1")?, port("b-gw")?];
    let mac = Pair {
        to: [0x33, 0x33, 0, 0, 0, 1],
        from: from.mac(),
    };
    let mut all_nodes = [0; 16];
    (all_nodes[0], all_nodes[1], all_nodes[15]) = (0xff, 2, 1);
    let ip = Pair {
        to: all_nodes,
        from: from.ip6(),
    };
    let shot = fabric.shot(from, "advertisement for the gateway", none(), |tag| {
        let mut frame = advertisement(mac, ip, gateway.ip6(), from.mac());
        tag.append_to(&mut frame, 0);
        frame
    });
    let report = fabric.volley(vec![shot])?;
    report.change.expect_ingress(from, &[("nd_spoof", 1)])
}
