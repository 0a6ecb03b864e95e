//! From what the datapath, the mesh and the policy say to the facts that commands print.

mod counters;
mod fdb;
mod peers;
mod ports;
mod status;

use std::collections::HashMap;
use std::time::Duration;

use skerry_overlay::{LaneStatus, PeerStatus};
use skerry_overlay_io::{PortView, Snapshot};
use skerry_policy::{Attach, NodeId, Port, Tables};

use super::node::Node;
use crate::view::PeerState;

/// A node says hello once a second: three may be lost before it counts as silent.
const SILENT: Duration = Duration::from_secs(4);

/// One snapshot and what else is known at the same moment, looked up by name and number.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    node: &'a Node,
    snapshot: &'a Snapshot,
    tables: &'a Tables,
    open: HashMap<&'a str, &'a PortView>,
    lanes: HashMap<NodeId, &'a LaneStatus>,
    spoken: HashMap<NodeId, PeerStatus>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(node: &'a Node, snapshot: &'a Snapshot) -> Self {
        let ports = snapshot.ports.iter();
        Self {
            node,
            snapshot,
            tables: &snapshot.tables,
            open: ports.map(|it| (it.name.as_str(), it)).collect(),
            lanes: snapshot.peers.iter().map(|it| (it.node, it)).collect(),
            spoken: node.mesh.peers().map(|it| (it.node, it)).collect(),
        }
    }

    /// The name of the node that says all this.
    fn name(&self) -> String {
        self.node.config.node.clone()
    }

    fn last_handshake(&self, peer: NodeId) -> Option<u64> {
        Some(self.lanes.get(&peer)?.last_handshake?.as_secs())
    }

    fn rtt(&self, peer: NodeId) -> Option<u64> {
        Some(micros(self.spoken.get(&peer)?.rtt?))
    }

    fn state(&self, peer: &skerry_policy::Node) -> PeerState {
        if peer.stock.is_some() {
            return PeerState::Stock;
        }
        match self.spoken.get(&peer.id) {
            Some(spoken) if spoken.converged => PeerState::Converged,
            Some(spoken) if spoken.last_heard.is_some_and(|ago| ago <= SILENT) => {
                PeerState::Lagging
            }
            Some(_) | None => PeerState::Silent,
        }
    }

    /// Whether frames can pass. A stock edge has no interface here: it is as good as its tunnel.
    pub(super) fn is_up(&self, port: &Port) -> bool {
        if let Attach::Edge(edge) = port.attach {
            return self.lanes.get(&edge).is_some_and(|it| it.has_session);
        }
        let name = self.tables.fabric.port_name(port.id);
        self.open.get(name.as_str()).is_some_and(|it| it.up)
    }
}

fn served(tables: &Tables) -> impl Iterator<Item = &Port> {
    let ports = tables.local.ports.iter();
    ports.filter_map(|id| tables.fabric.ports.get(id.index()))
}

fn others(tables: &Tables) -> impl Iterator<Item = &skerry_policy::Node> {
    tables.fabric.nodes.iter().filter(|it| it.id != tables.me)
}

fn node_name(tables: &Tables, id: NodeId) -> String {
    let node = tables.fabric.nodes.get(id.index());
    node.map_or_else(String::new, |it| it.name.clone())
}

/// `blue.isolated`; for a trunk `blue.isolated#30,red.isolated#40`.
fn segments(tables: &Tables, port: &Port) -> String {
    let fabric = &tables.fabric;
    let names = port.attachments.iter().filter_map(|id| {
        let attachment = fabric.attachments.get(id.index())?;
        let segment = fabric.segment(attachment.segment)?;
        Some(match attachment.tag {
            None => segment.name.clone(),
            Some(tag) => format!("{}#{tag}", segment.name),
        })
    });
    names.collect::<Vec<_>>().join(",")
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
