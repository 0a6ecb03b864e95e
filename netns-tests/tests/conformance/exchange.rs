//! Rows J: what crosses from one private VLAN into another, and the sum of everything.

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::frame::{Arp, BROADCAST, Pair};
use skerry_netns_tests::message::{Packet4, tcp4, udp4};
use skerry_netns_tests::oracle::Receivers;
use skerry_netns_tests::suite::row;
use skerry_netns_tests::tag;
use skerry_netns_tests::topology::{Node, Port};
use skerry_netns_tests::volley::Shot;

use crate::control_traffic::with_site;
use crate::reach::{port, set};
use crate::stage::{GUARDED, GUARDED_T2, shared};

/// 02:53:4b and the peering's VNI, 22001.
const DOOR: [u8; 6] = [0x02, 0x53, 0x4b, 0x00, 0x55, 0xf1];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        row(
            "J05 a peering passes what it lists, and nothing else [t2 guarded]",
            || {
                shared(GUARDED_T2, |fabric| {
                    with_site(fabric, |site| site.peering = true, peering)
                })
            },
        ),
        row(
            "J08 every frame that was sent and seen is in the counters [guarded]",
            || shared(GUARDED, sums),
        ),
    ]
}

fn ask(fabric: &Fabric, from: Port, target: [u8; 4]) -> Shot {
    let question = Arp {
        operation: 1,
        sender: (from.mac(), from.ip()),
        target: ([0; 6], target),
    };
    let mac = Pair {
        to: BROADCAST,
        from: from.mac(),
    };
    fabric.shot(from, "who has the other side?", Receivers::new(), |tag| {
        tagged(from, question.frame(mac, tag))
    })
}

fn tagged(from: Port, frame: Vec<u8>) -> Vec<u8> {
    match from.vid() {
        Some(vid) => skerry_netns_tests::frame::with_vlan(frame, vid),
        None => frame,
    }
}

/// A packet for the door, whose tag is sealed for the addresses that it must leave with: what
/// arrives is intact only if the fabric wrote exactly these.
fn through(fabric: &Fabric, from: Port, to: Port, packet: &Packet4, expect: Receivers) -> Shot {
    let leaves = Pair {
        to: to.mac(),
        from: DOOR,
    };
    fabric.shot(from, "through the peering", expect, |tag| {
        let mut frame = packet.frame(leaves, tag);
        frame[..6].copy_from_slice(&DOOR);
        frame[6..12].copy_from_slice(&from.mac());
        tagged(from, frame)
    })
}

fn peering(fabric: &mut Fabric) -> Result<()> {
    let [client, server] = [port("b-w1")?, port("up0#20")?];
    for (asker, other) in [(client, server), (server, client)] {
        let report = fabric.volley(vec![ask(fabric, asker, other.ip())])?;
        let others = &report.logs[asker.index()].others;
        let bare = |frame: &Vec<u8>| match asker.vid() {
            Some(_) => [&frame[..12], &frame[16..]].concat(),
            None => frame.clone(),
        };
        let answer = others.first().map(bare);
        let answer = answer.and_then(|frame| Arp::parse(&frame));
        let answer = answer.with_context(|| format!("{asker} was answered {others:02x?}"))?;
        ensure!(
            others.len() == 1 && answer.sender == (DOOR, other.ip()),
            "{asker} was answered {answer:?}"
        );
    }
    let there = Pair {
        to: server.ip(),
        from: client.ip(),
    };
    let back = Pair {
        to: client.ip(),
        from: server.ip(),
    };
    let question = udp4(there, (40_000, 53), &[1; 20]);
    let reply = udp4(back, (53, 40_000), &[2; 20]);
    fabric.volley(vec![through(
        fabric,
        client,
        server,
        &question,
        set(&[server]),
    )])?;
    fabric.volley(vec![through(
        fabric,
        server,
        client,
        &reply,
        set(&[client]),
    )])?;
    let connect = tcp4(there, (40_001, 53));
    fabric.volley(vec![through(
        fabric,
        client,
        server,
        &connect,
        set(&[server]),
    )])?;
    denied(fabric, client, server)
}

fn denied(fabric: &Fabric, client: Port, server: Port) -> Result<()> {
    let nobody = Receivers::new;
    let between = |from: Port, to: Port| Pair {
        to: to.ip(),
        from: from.ip(),
    };
    let there = between(client, server);
    let report = fabric.volley(vec![
        through(fabric, client, server, &tcp4(there, (40_002, 22)), nobody()),
        through(
            fabric,
            client,
            server,
            &udp4(there, (40_002, 5_353), &[1]),
            nobody(),
        ),
    ])?;
    report
        .change
        .expect_ingress(client, &[("peering_deny", 2)])?;
    // The server does not ask in the other direction.
    let unasked = udp4(between(server, client), (40_003, 53), &[1]);
    let report = fabric.volley(vec![through(fabric, server, client, &unasked, nobody())])?;
    report
        .change
        .expect_ingress(server, &[("peering_deny", 1)])?;
    // b-w2 has no part in it.
    let stranger = port("b-w2")?;
    let question = udp4(between(stranger, server), (40_000, 53), &[1]);
    let mac = Pair {
        to: DOOR,
        from: stranger.mac(),
    };
    let shot = fabric.shot(stranger, "a stranger at the door", nobody(), |tag| {
        question.frame(mac, tag)
    });
    // To a stranger the door is an address that nobody has, so the frame floods in its community.
    let heard = fabric.heard_of(&shot, std::time::Duration::from_millis(300))?;
    ensure!(
        heard.is_subset(&fabric.flooded(stranger)) && !heard.contains(&server),
        "b-w2's frame for the door was heard at {heard:?}"
    );
    // A broadcast stays where it is.
    fabric.volley(vec![fabric.broadcast(client), fabric.broadcast(server)])?;
    Ok(())
}

/// Everything a row can do in one volley, and every figure compared with what was seen outside:
/// frames in with frames sent, copies sent with frames received, both ends of every tunnel.
fn sums(fabric: &mut Fabric) -> Result<()> {
    let mut shots: Vec<Shot> = fabric.ports().map(|port| fabric.broadcast(port)).collect();
    let [host, hidden, gateway] = [port("b-i1")?, port("b-i2")?, port("b-gw")?];
    shots.push(fabric.unicast(host, gateway, set(&[gateway])));
    shots.push(fabric.unicast(host, hidden, Receivers::new()));
    shots.push(
        fabric.shot(host, "runt of a type", Receivers::new(), |tag| {
            skerry_netns_tests::frame::experiment(BROADCAST, host.mac(), tag, 0)
        }),
    );
    shots.push(ask(fabric, host, gateway.ip()));
    let sentinels = ["b-gw", "b-p2", "r-gw"];
    let sent = |port: Port| {
        let mine = shots.iter().filter(|shot| shot.from == port).count();
        (mine + usize::from(sentinels.contains(&port.name()))) as u64
    };
    let report = fabric.volley(shots.clone())?;
    for port in fabric.ports() {
        let taken = report.change.port(port, |counters| counters.frames_in);
        ensure!(
            taken == sent(port),
            "{port} sent {} frames, {taken} are counted",
            sent(port)
        );
        let log = &report.logs[port.index()];
        let received = log.seen.len() as u64 + log.other_count;
        let copies = report.change.port(port, |counters| counters.sent);
        ensure!(
            copies == received,
            "{port} received {received} frames, {copies} are counted"
        );
        ensure!(
            log.frames.iter().all(|frame| tag::find(frame).is_some()),
            "{port}: no tag"
        );
    }
    for one in Node::ALL {
        for other in Node::ALL.into_iter().filter(|other| *other != one) {
            let (out, came) = (
                report.change.tunnelled(one, other),
                report.change.untunnelled(other, one),
            );
            ensure!(
                out == came,
                "{one} sealed {out} frames for {other}, which opened {came}"
            );
        }
    }
    Ok(())
}
