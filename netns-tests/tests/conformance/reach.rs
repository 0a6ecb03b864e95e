//! Rows A: who hears whom.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::{Fabric, FdbEntry, Options};
use skerry_netns_tests::frame::{GROUP, MDNS, NOBODY};
use skerry_netns_tests::oracle::{self, Receivers};
use skerry_netns_tests::site::Guards;
use skerry_netns_tests::suite::{row, say};
use skerry_netns_tests::topology::{Node, Port};
use skerry_netns_tests::underlay::sealed_length;
use skerry_netns_tests::volley::Shot;

use crate::stage::shared;

/// Long enough that no control message between the nodes is sealed to the same length.
const PADDING: usize = 1200;

pub(crate) fn trials(name: &'static str, options: Options) -> Vec<Trial> {
    let on = move |title: &str, check: fn(&mut Fabric) -> Result<()>| {
        row(&format!("{title} [{name}]"), move || shared(options, check))
    };
    vec![
        on("A01 every ordered pair, four kinds of frame", every_pair),
        on(
            "A02 a broadcast from b-i1 reaches the promiscuous ports",
            |fabric| broadcast(fabric, "b-i1", "b-gw b-p2").map(drop),
        ),
        on(
            "A03 a broadcast from b-i3 crosses two tunnels, as isolated",
            isolated_tunnels,
        ),
        on("A04 a broadcast from r-i1 crosses one tunnel", red_tunnel),
        on(
            "A05 a broadcast stays in its community, and reaches the promiscuous ports",
            |fabric| {
                broadcast(fabric, "b-w1", "b-w2 b-gw b-p2")?;
                broadcast(fabric, "b-d2", "b-d1 b-gw b-p2").map(drop)
            },
        ),
        on(
            "A06 a broadcast from a promiscuous port reaches all, as promiscuous",
            promiscuous,
        ),
        on(
            "A07 a broadcast from r-gw reaches every red port",
            |fabric| broadcast(fabric, "r-gw", "r-i1 r-i2 r-l1 r-l2").map(drop),
        ),
        on(
            "A10 a known unicast between isolated ports of a node is denied",
            denied_here,
        ),
        on(
            "A11 a known unicast between isolated ports never leaves its node",
            denied_there,
        ),
        on(
            "A12 known unicasts between communities, and to isolated ports, are denied",
            strangers,
        ),
        on("A13 promiscuous ports talk to each other", |fabric| {
            let [a, b] = [port("b-gw")?, port("b-p2")?];
            fabric.volley(vec![
                fabric.unicast(a, b, set(&[b])),
                fabric.unicast(b, a, set(&[a])),
            ])?;
            Ok(())
        }),
    ]
}

pub(crate) fn port(name: &str) -> Result<Port> {
    Port::named(name)
}

pub(crate) fn set(ports: &[Port]) -> Receivers {
    ports.iter().copied().collect()
}

/// Ports by name, as the matrix lists receivers.
pub(crate) fn ports(names: &str) -> Result<Receivers> {
    names.split_whitespace().map(Port::named).collect()
}

/// 240 pairs for each of four kinds: one frame for each unicast pair, and one flooded frame whose
/// fifteen possible receivers are checked for each of the other kinds.
fn every_pair(fabric: &mut Fabric) -> Result<()> {
    let (mut checks, mut permitted) = (0, 0);
    for from in Port::all() {
        let tables = tables(fabric)?;
        must_have_learned(fabric, &tables)?;
        let mut shots = flooded_kinds(fabric, from);
        checks += shots.len() * (Port::T1 - 1);
        for to in Port::all().filter(|to| *to != from) {
            let expect = receivers_of_unicast(fabric, &tables, from, to);
            permitted += usize::from(oracle::permits(from, to));
            checks += 1;
            shots.push(fabric.unicast(from, to, expect));
        }
        fabric.volley(shots).map_err(|error| {
            let drops = fabric.counters().map(|all| all.port(from));
            error.context(format!("{from} counts {drops:?}"))
        })?;
    }
    ensure!(
        (checks, permitted) == (960, 52),
        "{checks} checks, {permitted} permitted pairs"
    );
    say(
        "    960 checks over 240 ordered pairs, 52 permitted (n4/b-i5 in the place of the stock edge)",
    );
    Ok(())
}

fn flooded_kinds(fabric: &Fabric, from: Port) -> Vec<Shot> {
    let (group, address) = match fabric.options.guards {
        Guards::Off => (GROUP, [0; 4]),
        Guards::On => (MDNS, [224, 0, 0, 251]),
    };
    let kind = |label, to, ip| {
        let expect = oracle::flooded(from);
        fabric.shot(from, label, expect, |tag| {
            fabric.plain(from, to, ip, tag, 0)
        })
    };
    vec![
        fabric.broadcast(from),
        kind("multicast", group, address),
        kind("unknown unicast", NOBODY, [192, 0, 2, 1]),
    ]
}

/// What every node knows.
pub(crate) type Tables = BTreeMap<Node, Vec<FdbEntry>>;

pub(crate) fn tables(fabric: &Fabric) -> Result<Tables> {
    let table = |node| Ok((node, fabric.fdb(node)?));
    Node::ALL.into_iter().map(table).collect()
}

/// A unicast goes to its owner where the sender's node knows the address. Elsewhere it floods, and
/// every node it visits looks again: one that knows better does not flood it.
pub(crate) fn receivers_of_unicast(
    fabric: &Fabric,
    tables: &Tables,
    from: Port,
    to: Port,
) -> Receivers {
    let knows =
        |node: Node| from.vlan() == to.vlan() && tables[&node].iter().any(|entry| entry.is_of(to));
    let known = knows(from.node());
    let flooded = fabric.flooded(from).into_iter();
    flooded
        .filter(|port| *port == to || !known && !knows(port.node()))
        .collect()
}

/// Whoever heard a port's broadcast knows its address, and pinned addresses are known everywhere:
/// without this, a product that never learns would pass as one that floods.
fn must_have_learned(fabric: &Fabric, tables: &Tables) -> Result<()> {
    for node in Node::ALL {
        for port in Port::all() {
            let heard = oracle::member_nodes(port).contains(&node) || port.node() == node;
            let known = tables[&node].iter().any(|entry| entry.is_of(port));
            let pinned = fabric.options.guards == Guards::On;
            let lives_there =
                Port::all().any(|own| own.node() == node && own.vlan() == port.vlan());
            ensure!(
                known || !(heard || pinned && lives_there),
                "{node} should know the address of {port}"
            );
        }
    }
    Ok(())
}

/// The row's own list of receivers, beside the oracle's.
pub(crate) fn broadcast(fabric: &Fabric, from: &str, receivers: &str) -> Result<Shot> {
    let shot = fabric.broadcast(port(from)?);
    ensure!(
        shot.expect == ports(receivers)?,
        "oracle and matrix differ: {:?}",
        shot.expect
    );
    fabric.volley(vec![shot.clone()])?;
    Ok(shot)
}

/// A long broadcast, and between which nodes its datagrams went.
fn carried(fabric: &Fabric, from: &str, expected: &[(u8, u8)]) -> Result<()> {
    let from = port(from)?;
    let shot = fabric.shot(from, "long broadcast", oracle::flooded(from), |tag| {
        fabric.plain(from, [0xff; 6], [255; 4], tag, PADDING)
    });
    let length = sealed_length(shot.frame.len());
    let report = fabric.volley(vec![shot])?;
    let expected = expected
        .iter()
        .map(|(a, b)| ((Node(*a), Node(*b)), 1))
        .collect();
    let carriers = report.traffic.carriers(length);
    ensure!(
        carriers == expected,
        "datagrams went {carriers:?}, not {expected:?}"
    );
    Ok(())
}

/// What the other nodes learned of a port says which VNI its frames came with.
fn learned_as(fabric: &Fabric, from: &str, segment: &str, nodes: &[u8]) -> Result<()> {
    for node in nodes {
        let entry = fabric.known(Node(*node), port(from)?)?;
        ensure!(
            entry.as_ref().is_some_and(|entry| entry.segment == segment),
            "n{node} learned {from} as {entry:?}, not in {segment}"
        );
    }
    Ok(())
}

fn isolated_tunnels(fabric: &mut Fabric) -> Result<()> {
    broadcast(fabric, "b-i3", "b-gw b-p2")?;
    carried(fabric, "b-i3", &[(2, 1), (2, 3)])?;
    learned_as(fabric, "b-i3", "blue.isolated", &[1, 3])
}

fn red_tunnel(fabric: &mut Fabric) -> Result<()> {
    broadcast(fabric, "r-i1", "r-gw")?;
    carried(fabric, "r-i1", &[(1, 2)])
}

fn promiscuous(fabric: &mut Fabric) -> Result<()> {
    let hosts = "b-i1 b-i2 b-w1 b-d1 b-i3 b-w2 b-d2 b-i4 b-i5";
    broadcast(fabric, "b-gw", &format!("b-p2 {hosts}"))?;
    broadcast(fabric, "b-p2", &format!("b-gw {hosts}"))?;
    carried(fabric, "b-gw", &[(1, 2), (1, 3), (1, 4)])?;
    carried(fabric, "b-p2", &[(3, 1), (3, 2), (3, 4)])?;
    learned_as(fabric, "b-gw", "blue.promiscuous", &[2, 3, 4])
}

fn denied_here(fabric: &mut Fabric) -> Result<()> {
    denied(fabric, &[("b-i1", "b-i2")])
}

fn denied_there(fabric: &mut Fabric) -> Result<()> {
    let [from, to] = [port("b-i1")?, port("b-i4")?];
    must_know(fabric, from, to)?;
    let shot = fabric.shot(from, "long unicast", Receivers::new(), |tag| {
        fabric.plain(from, to.mac(), to.ip(), tag, PADDING)
    });
    let length = sealed_length(shot.frame.len());
    let report = fabric.volley(vec![shot])?;
    report.change.expect_ingress(from, &[("pvlan_deny", 1)])?;
    let carriers = report.traffic.carriers(length);
    ensure!(carriers.is_empty(), "the frame left its node: {carriers:?}");
    // What n1 sealed is the sentinel of b-gw, once for each other node.
    for node in [Node(2), Node(3), Node(4)] {
        let sealed = report.change.tunnelled(Node(1), node);
        ensure!(
            sealed == 1,
            "n1 sealed {sealed} frames for {node}, not the sentinel alone"
        );
    }
    Ok(())
}

fn strangers(fabric: &mut Fabric) -> Result<()> {
    denied(
        fabric,
        &[
            ("b-w1", "b-d1"),
            ("b-d1", "b-w1"),
            ("b-w1", "b-i1"),
            ("b-i1", "b-w1"),
        ],
    )
}

fn denied(fabric: &Fabric, pairs: &[(&str, &str)]) -> Result<()> {
    for (from, to) in pairs {
        let [from, to] = [port(from)?, port(to)?];
        must_know(fabric, from, to)?;
        let report = fabric.volley(vec![fabric.unicast(from, to, Receivers::new())])?;
        report.change.expect_ingress(from, &[("pvlan_deny", 1)])?;
    }
    Ok(())
}

/// A denial proves nothing where the address is unknown.
pub(crate) fn must_know(fabric: &Fabric, from: Port, to: Port) -> Result<()> {
    let entry = fabric.known(from.node(), to)?;
    ensure!(
        entry.is_some(),
        "{} does not know the address of {to}",
        from.node()
    );
    Ok(())
}
