//! The fabric coming up: handshakes between the nodes, round trips, and agreement on the policy.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::control_socket::Command;
use crate::lab::node::Node;
use crate::lab::plan::{HOSTS, NODES};
use crate::lab::wait;
use crate::lab::world::{NodeUp, World};
use crate::view::{Peers, Status};

const LIMIT: Duration = Duration::from_secs(30);

/// The fabric, agreed.
#[derive(Debug, Serialize)]
pub(super) struct Fabric {
    pub(super) nodes: Vec<NodeUp>,
    pub(super) tunnels: Vec<Tunnel>,
    pub(super) generation: u64,
    pub(super) digest: String,
    /// From the last daemon's start until every node knew that every node runs this digest.
    pub(super) converged_ms: u128,
}

/// One node's end of a tunnel.
#[derive(Debug, Serialize)]
pub(super) struct Tunnel {
    pub(super) from: String,
    pub(super) to: String,
    /// By the control protocol, inside the tunnel.
    pub(super) rtt_us: Option<u64>,
}

/// Waits until every node has heard from every node that they run one policy.
pub(super) fn converge(world: &mut World, nodes: Vec<NodeUp>) -> Result<Fabric> {
    let start = world
        .nodes
        .iter()
        .map(Node::started)
        .max()
        .unwrap_or_else(Instant::now);
    tell_nodes(world, &nodes);
    let World {
        story,
        interrupt,
        nodes: daemons,
        ..
    } = world;
    let what = "waiting for handshakes and for one digest everywhere";
    let (statuses, tunnels) = wait::until(story, interrupt, what, LIMIT, || agreed(daemons))?;
    let first = statuses.into_iter().next().unwrap_or_default();
    let fabric = Fabric {
        nodes,
        tunnels,
        generation: first.generation,
        digest: first.digest,
        converged_ms: start.elapsed().as_millis(),
    };
    tell_tunnels(world, &fabric);
    Ok(fabric)
}

/// Every node's status and tunnels, once all ports are up, all sessions stand, every round trip
/// is measured and every digest is the same.
fn agreed(nodes: &mut [Node]) -> Result<Option<(Vec<Status>, Vec<Tunnel>)>> {
    let mut statuses: Vec<Status> = Vec::new();
    let mut tunnels = Vec::new();
    for node in nodes {
        let status: Status = node.ask(Command::Status)?;
        let peers: Peers = node.ask(Command::Peers)?;
        let ready = status.converged && status.ports_up == status.ports;
        let sessions = peers
            .peers
            .iter()
            .all(|peer| peer.session && peer.rtt_us.is_some());
        let same = statuses
            .first()
            .is_none_or(|first| first.digest == status.digest);
        if !(ready && sessions && same) {
            return Ok(None);
        }
        statuses.push(status);
        tunnels.extend(peers.peers.into_iter().map(|peer| Tunnel {
            from: node.plan().name.to_owned(),
            to: peer.node,
            rtt_us: peer.rtt_us,
        }));
    }
    Ok(Some((statuses, tunnels)))
}

fn tell_nodes(world: &mut World, nodes: &[NodeUp]) {
    let about = format!(
        "{} nodes, {} hosts, each in its own network namespace; one daemon per node",
        NODES.len(),
        HOSTS.len()
    );
    world.story.chapter("fabric", &about);
    let paint = world.story.paint();
    for node in nodes {
        let hosts = HOSTS.iter().filter(|host| host.node == node.node);
        let names: Vec<_> = hosts.map(|host| host.name).collect();
        let detail = paint.dim(format!("pid {}, answers after {} ms", node.pid, node.up_ms));
        world.story.verdict(
            true,
            format!("{}  {:<36} {detail}", node.node, names.join(" ")),
        );
    }
}

fn tell_tunnels(world: &mut World, fabric: &Fabric) {
    let paint = world.story.paint();
    let both_ways = fabric
        .tunnels
        .iter()
        .filter(|tunnel| tunnel.from < tunnel.to);
    let tunnels: Vec<String> = both_ways
        .map(|tunnel| {
            let rtt = tunnel
                .rtt_us
                .map_or_else(String::new, |rtt| format!(" {rtt} µs"));
            format!("{} ⇄ {}{}", tunnel.from, tunnel.to, paint.dim(rtt))
        })
        .collect();
    world
        .story
        .verdict(true, format!("tunnels  {}", tunnels.join("   ")));
    let digest = fabric.digest.get(..12).unwrap_or(&fabric.digest);
    let text = format!(
        "agreed on generation {}, digest {digest}…, {} ms after the last start",
        fabric.generation, fabric.converged_ms
    );
    world.story.verdict(true, text);
}
