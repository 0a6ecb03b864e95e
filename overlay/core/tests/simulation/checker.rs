//! What must hold of a node at any moment: conservation, bounds, addresses where they belong,
//! answers that are true, and generations that only grow.

use std::collections::BTreeMap;

use skerry_overlay::{Place, Strength, Time};
use skerry_policy::{LocalPort, Mac, NodeId};

use crate::node::{FDB_LIMIT, Node};
use crate::oracle::Hairpin;
use crate::site::{Guard, Site};

/// MAC addresses that a port without guards may have, and one on a promiscuous port.
const OFF_MACS: usize = 8;
const PROMISCUOUS_MACS: usize = 1024;

/// Both equations of private-vlan.md decision 5 at every port and peer, and that what the
/// product counted is what it was given and what its sink took.
pub(crate) fn conservation(node: &Node) -> Result<(), String> {
    let counters = node.forwarder.counters();
    for (index, peer) in counters.peers.iter().enumerate() {
        if !peer.balanced() {
            return Err(format!("peer {index} is not in balance: {peer:#?}"));
        }
    }
    for (local, port) in node.ports().enumerate() {
        let counted = &counters.ports[local];
        let (given, taken) = (node.given[port], node.taken(port));
        if !counted.balanced() {
            return Err(format!("port p{port} is not in balance: {counted:#?}"));
        }
        if counted.frames_in != given || counted.sent != taken {
            return Err(format!(
                "port p{port} was given {given} and took {taken}: {counted:#?}"
            ));
        }
    }
    Ok(())
}

/// The MAC table is within its bounds, and bound addresses are where policy has them.
pub(crate) fn table(node: &Node, site: &Site, version: usize, now: Time) -> Result<(), String> {
    let tables = node.forwarder.tables();
    let mut used: BTreeMap<usize, usize> = BTreeMap::new();
    let mut learned = 0;
    for entry in node.forwarder.fdb(now) {
        let owner = site.port_of_mac(entry.mac);
        let bound = owner.filter(|&port| site.ports[port].guard == Guard::Bound);
        // The same address may be anybody's in another private VLAN.
        let pvlan = &tables.fabric.pvlans[entry.pvlan.index()].name;
        let bound = bound.filter(|&port| {
            let role = site.versions[version].roles[port];
            role.is_some_and(|role| format!("v{}", role.pvlan) == *pvlan)
        });
        if let Some(port) = bound {
            let home = NodeId(u32::try_from(home(node, site, port)?).unwrap());
            let there = match entry.place {
                Place::Node(at) => at == home && home != tables.me,
                Place::Port(at) => home == tables.me && port_at(node, at) == Some(port),
            };
            if !there || entry.strength != Strength::Bound {
                return Err(format!("a bound address moved: {entry:?}"));
            }
            continue;
        }
        learned += 1;
        if let Place::Port(at) = entry.place
            && let Some(port) = port_at(node, at)
        {
            *used.entry(port).or_default() += 1;
        }
    }
    if learned > FDB_LIMIT {
        return Err(format!("{learned} addresses in the table"));
    }
    for (port, used) in used {
        let promiscuous = site.versions[version].roles[port]
            .is_some_and(|role| role.kind == crate::oracle::Kind::Promiscuous);
        let most = match site.ports[port].guard {
            Guard::Off => OFF_MACS,
            Guard::Bound | Guard::Pin if promiscuous => PROMISCUOUS_MACS,
            Guard::Bound | Guard::Pin => 1,
        };
        if used > most {
            return Err(format!("port p{port} has {used} addresses"));
        }
    }
    Ok(())
}

/// The node's own number for the home of a port.
fn home(node: &Node, site: &Site, port: usize) -> Result<usize, String> {
    let name = format!("n{}", site.ports[port].node);
    let id = node.forwarder.tables().fabric.node_named(&name);
    id.map(NodeId::index)
        .ok_or_else(|| format!("no node {name}"))
}

fn port_at(node: &Node, at: skerry_policy::LocalAttachment) -> Option<usize> {
    let local: LocalPort = node.forwarder.tables().attachment(at)?.port;
    node.ports().nth(local.index())
}

/// What nodes have told each other of their generations.
#[derive(Debug, Default)]
pub(crate) struct Generations(BTreeMap<(usize, NodeId), u64>);

impl Generations {
    /// What a peer says of itself only grows.
    pub(crate) fn check(
        &mut self,
        number: usize,
        node: &Node,
        captured: Option<&str>,
    ) -> Result<(), String> {
        let nodes = &node.forwarder.tables().fabric.nodes;
        for peer in node.mesh.peers() {
            if Some(nodes[peer.node.index()].name.as_str()) == captured {
                // It says what it likes, of itself only.
                continue;
            }
            let Some(generation) = peer.generation else {
                continue;
            };
            let last = self.0.entry((number, peer.node)).or_default();
            if generation < *last {
                return Err(format!("the generation of {peer:?} fell from {last}"));
            }
            *last = generation;
        }
        Ok(())
    }
}

/// An answer that the fabric gave to a port: who has the address, or who routes to it. The ports
/// of a captured node are where that says, unless somebody else is there.
pub(crate) fn answer(
    site: &Site,
    version: usize,
    asker: usize,
    captured: Option<usize>,
    frame: &[u8],
) -> Result<(), String> {
    let Some((number, mac)) = said(frame) else {
        return Err("it is no answer".to_owned());
    };
    let policy = &site.versions[version];
    let owner = usize::from(number).checked_sub(1);
    let owner = owner.filter(|&port| site.ports.len() > port);
    let Some(owner) = owner else {
        return Err(format!("nobody has the address {number}"));
    };
    let pvlan = site.ports[asker].pvlan;
    let routed = policy.hairpin[usize::from(pvlan)] == Hairpin::Gateway;
    let right = if policy.permits(asker, owner) {
        let others = (0..site.ports.len()).filter(|&port| port != owner);
        mac == site.mac(owner)
            || (captured == Some(site.ports[owner].node)
                && others.map(|port| site.mac(port)).all(|it| it != mac))
    } else {
        routed && mac == site.mac(site.gateway(pvlan))
    };
    if right {
        Ok(())
    } else {
        Err(format!("a wrong answer to p{asker}: p{owner} is at {mac}"))
    }
}

/// The host number and the MAC address that an ARP reply or a neighbour advertisement tells.
fn said(frame: &[u8]) -> Option<(u8, Mac)> {
    let mac = |at: usize| Some(Mac(frame.get(at..at + 6)?.try_into().ok()?));
    match (frame.get(12..14)?, frame.get(21), frame.get(54)) {
        ([8, 6], Some(2), _) => Some((*frame.get(31)?, mac(22)?)),
        ([0x86, 0xdd], _, Some(136)) => Some((*frame.get(77)?, mac(80)?)),
        _ => None,
    }
}
