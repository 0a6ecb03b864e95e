//! Rows E: meeting a neighbour by way of the gateway.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::frame::{Arp, BROADCAST, Pair, ping4, udp4};
use skerry_netns_tests::hosts::LINK;
use skerry_netns_tests::oracle::Receivers;
use skerry_netns_tests::probe::Log;
use skerry_netns_tests::suite::row;
use skerry_netns_tests::tag;
use skerry_netns_tests::topology::Port;
use skerry_netns_tests::volley::Shot;

use crate::reach::{port, set};
use crate::spoof::answered_with;
use crate::stage::{GUARDED, shared};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        row(
            "E01 a neighbour's traffic is not taken to the gateway [guarded]",
            || shared(GUARDED, upstream),
        ),
        row(
            "E02 the gateway itself, and the world behind it, are reached [guarded]",
            || shared(GUARDED, outward),
        ),
        row(
            "E03 a gateway that returns a neighbour's traffic is stopped [guarded]",
            || shared(GUARDED, downstream),
        ),
        row(
            "E04 members of a community may be routed to each other [guarded]",
            || shared(GUARDED, community),
        ),
        row(
            "E06 an isolated host's neighbour is answered for by the gateway [guarded]",
            || shared(GUARDED, proxied),
        ),
        row(
            "E07 isolated hosts ping each other through a router of the kernel [guarded]",
            || shared(GUARDED, routed),
        ),
    ]
}

/// `from` writes to the MAC address of `via`, and to an IP address.
fn through(
    fabric: &Fabric,
    from: Port,
    via: Port,
    ip: Pair<4>,
    expect: Receivers,
    label: &str,
) -> Shot {
    let mac = Pair {
        to: via.mac(),
        from: from.mac(),
    };
    fabric.shot(from, label, expect, |tag| udp4(mac, ip, tag, 0))
}

fn upstream(fabric: &mut Fabric) -> Result<()> {
    let [from, neighbour, gateway] = [port("b-i1")?, port("b-i2")?, port("b-gw")?];
    let ip = Pair {
        to: neighbour.ip(),
        from: from.ip(),
    };
    let shot = through(
        fabric,
        from,
        gateway,
        ip,
        Receivers::new(),
        "to b-i2 by way of b-gw",
    );
    let report = fabric.volley(vec![shot])?;
    report.change.expect_ingress(from, &[("hairpin_up", 1)])
}

fn outward(fabric: &mut Fabric) -> Result<()> {
    let [from, gateway] = [port("b-i1")?, port("b-gw")?];
    let to = |ip| {
        let ip = Pair {
            to: ip,
            from: from.ip(),
        };
        through(fabric, from, gateway, ip, set(&[gateway]), "outward")
    };
    fabric.volley(vec![to(gateway.ip()), to([192, 0, 2, 1])])?;
    Ok(())
}

fn downstream(fabric: &mut Fabric) -> Result<()> {
    let [source, target, gateway] = [port("b-i1")?, port("b-i3")?, port("b-gw")?];
    let ip = Pair {
        to: target.ip(),
        from: source.ip(),
    };
    let shot = through(
        fabric,
        gateway,
        target,
        ip,
        Receivers::new(),
        "returned by the gateway",
    );
    let report = fabric.volley(vec![shot])?;
    report
        .change
        .expect_ingress(gateway, &[("hairpin_down", 1)])
}

/// The router is this test: it passes on what it is given.
fn community(fabric: &mut Fabric) -> Result<()> {
    let [from, to, gateway] = [port("b-w1")?, port("b-w2")?, port("b-gw")?];
    let ip = Pair {
        to: to.ip(),
        from: from.ip(),
    };
    fabric.volley(vec![through(
        fabric,
        from,
        gateway,
        ip,
        set(&[gateway]),
        "to the router",
    )])?;
    fabric.volley(vec![through(
        fabric,
        gateway,
        to,
        ip,
        set(&[to]),
        "from the router",
    )])?;
    Ok(())
}

fn proxied(fabric: &mut Fabric) -> Result<()> {
    let [from, neighbour, gateway] = [port("r-i1")?, port("r-i2")?, port("r-gw")?];
    let question = Arp {
        operation: 1,
        sender: (from.mac(), from.ip()),
        target: ([0; 6], neighbour.ip()),
    };
    let shot = fabric.shot(from, "who has r-i2", Receivers::new(), |tag| {
        question.frame(
            Pair {
                to: BROADCAST,
                from: from.mac(),
            },
            tag,
        )
    });
    let report = fabric.volley(vec![shot])?;
    answered_with(&report.logs[from.index()].others, gateway)?;
    let answered = report.change.port(from, |counters| counters.answered);
    ensure!(answered == 1, "{answered} answers are counted");
    Ok(())
}

/// A kernel routes at r-gw, a kernel answers at r-i2; the ping itself is built by hand.
fn routed(fabric: &mut Fabric) -> Result<()> {
    let [from, to, gateway] = [port("r-i1")?, port("r-i2")?, port("r-gw")?];
    let before = fabric.counters()?;
    for host in [to, gateway] {
        live(fabric, host)?;
    }
    let outcome = ping(fabric, from, to, gateway);
    for host in [to, gateway] {
        fabric
            .hosts
            .at(host)
            .netns
            .ip(&format!("addr flush dev {LINK}"))?;
    }
    outcome?;
    std::thread::sleep(Duration::from_millis(50));
    let logs = fabric.hosts.take();
    for port in Port::all().filter(|port| ![from, to, gateway].contains(port)) {
        let log = &logs[port.index()];
        ensure!(log.seen.is_empty(), "{port} saw the ping: {:?}", log.seen);
    }
    let after = fabric.counters()?;
    after.check()?;
    let change = skerry_netns_tests::counters::Change { before, after };
    let counted: u64 = [from, to, gateway]
        .iter()
        .map(|port| change.port(*port, |counters| counters.hairpin_routed))
        .sum();
    ensure!(counted > 0, "hairpin_routed is not counted anywhere");
    Ok(())
}

/// Gives a host a kernel that uses the port's own addresses, and routes.
fn live(fabric: &Fabric, port: Port) -> Result<()> {
    let netns = &fabric.hosts.at(port).netns;
    let [a, b, c, d] = port.ip();
    netns.ip(&format!(
        "link set {LINK} address {}",
        skerry_netns_tests::site::mac(port.mac())
    ))?;
    netns.ip(&format!("addr add {a}.{b}.{c}.{d}/24 dev {LINK}"))?;
    netns.enter(|| -> Result<()> {
        for (key, value) in [
            ("ip_forward", "1"),
            ("conf/all/send_redirects", "0"),
            ("conf/eth0/send_redirects", "0"),
        ] {
            std::fs::write(format!("/proc/sys/net/ipv4/{key}"), value)?;
        }
        Ok(())
    })?
}

fn ping(fabric: &Fabric, from: Port, to: Port, gateway: Port) -> Result<()> {
    let mac = Pair {
        to: gateway.mac(),
        from: from.mac(),
    };
    let request = ping4(
        mac,
        Pair {
            to: to.ip(),
            from: from.ip(),
        },
        fabric.tag(from),
    );
    fabric.hosts.take();
    fabric.hosts.at(from).send(&request)?;
    let deadline = Instant::now() + Duration::from_secs(3);
    while !fabric
        .hosts
        .at(from)
        .log(|log| has_reply(log, to.ip(), from))
    {
        if Instant::now() > deadline {
            let where_seen: Vec<Port> = fabric
                .hosts
                .iter()
                .filter(|host| host.log(|log| !log.seen.is_empty()))
                .map(|host| host.port)
                .collect();
            anyhow::bail!("no reply to the ping; it was seen at {where_seen:?}");
        }
        // The router's ARP may lie between the first try and the answer.
        std::thread::sleep(Duration::from_millis(20));
    }
    // Two ways, each by the router: r-gw and r-i2 saw the request, r-gw and r-i1 the reply.
    for (host, copies) in [(gateway, 2), (to, 1), (from, 1)] {
        let seen = fabric.hosts.at(host).log(|log| log.seen.len());
        ensure!(
            seen == copies,
            "{host} saw {seen} packets of one ping, not {copies}"
        );
    }
    Ok(())
}

/// An echo reply from the neighbour, handed over by the gateway, with the tag of the request.
fn has_reply(log: &Log, neighbour: [u8; 4], asker: Port) -> bool {
    log.frames.iter().any(|frame| {
        let is_reply = frame.get(34) == Some(&0);
        let source = frame.get(26..30) == Some(neighbour.as_slice());
        let mine = tag::find(frame).is_some_and(|found| found.tag.source == asker.0);
        is_reply && source && mine
    })
}
