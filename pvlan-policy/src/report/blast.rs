//! Blast radius: what is lost with a node.
//!
//! A stolen node can put into the mesh what it may send, so every port elsewhere that accepts one
//! of those segments hears it. A node with a promiscuous port owns its private VLAN.

use std::fmt;

use serde::Serialize;

use crate::fabric::{Fabric, Role};
use crate::id::{NodeId, PvlanId, SegmentId};

/// The table of all nodes that serve a port.
#[derive(Clone, Debug, Serialize)]
pub struct BlastRadius {
    /// `skerry.blast/1`.
    pub schema: &'static str,
    /// Ports and tags of the whole fabric.
    pub attachments: usize,
    /// One row a node.
    pub nodes: Vec<Blast>,
}

/// What whoever holds a node can do with it.
#[derive(Clone, Debug, Serialize)]
pub struct Blast {
    /// The node's name.
    pub node: String,
    /// Segments it may put into the mesh.
    pub may_send: Vec<String>,
    /// Ports and tags on other nodes that would hear it.
    pub reaches: usize,
    /// Private VLANs of which it holds a promiscuous port, and so everything.
    pub owns: Vec<String>,
}

/// The blast radius of every node that serves a port.
pub fn blast_radius(fabric: &Fabric) -> BlastRadius {
    let served = fabric.nodes.iter().filter(|node| serves(fabric, node.id));
    BlastRadius {
        schema: "skerry.blast/1",
        attachments: fabric.attachments.len(),
        nodes: served.map(|node| blast(fabric, node.id)).collect(),
    }
}

fn serves(fabric: &Fabric, node: NodeId) -> bool {
    fabric
        .may_send
        .get(node.index())
        .is_some_and(|row| !row.is_clear())
}

/// The row of one node.
pub(crate) fn blast(fabric: &Fabric, node: NodeId) -> Blast {
    let sends = sends(fabric, node);
    let promiscuous = sends.iter().filter_map(|&id| {
        let segment = fabric.segment(id)?;
        let owner = segment.role == Role::Promiscuous;
        owner.then_some(segment.pvlan)
    });
    let hears = |to: SegmentId| sends.iter().any(|&from| fabric.accepts(from, to));
    let elsewhere = fabric.attachments.iter().filter(|it| it.home != node);
    Blast {
        node: fabric
            .nodes
            .get(node.index())
            .map_or_else(String::new, |it| it.name.clone()),
        reaches: elsewhere.filter(|it| hears(it.segment)).count(),
        owns: promiscuous.filter_map(|id| name(fabric, id)).collect(),
        may_send: sends
            .iter()
            .filter_map(|&id| Some(fabric.segment(id)?.name.clone()))
            .collect(),
    }
}

fn sends(fabric: &Fabric, node: NodeId) -> Vec<SegmentId> {
    let all = fabric.segments.iter().map(|segment| segment.id);
    all.filter(|&segment| fabric.may_send(node, segment))
        .collect()
}

fn name(fabric: &Fabric, pvlan: PvlanId) -> Option<String> {
    Some(fabric.pvlans.get(pvlan.index())?.name.clone())
}

impl fmt::Display for BlastRadius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .nodes
            .iter()
            .map(|row| row.node.len())
            .max()
            .unwrap_or(0)
            .max(4);
        writeln!(
            f,
            "{:width$}  {:>7}  {:12}  may send",
            "node", "reaches", "owns"
        )?;
        for row in &self.nodes {
            let owns = if row.owns.is_empty() {
                "-".to_owned()
            } else {
                row.owns.join(", ")
            };
            let sends = row.may_send.join(", ");
            writeln!(
                f,
                "{:width$}  {:>7}  {owns:12}  {sends}",
                row.node, row.reaches
            )?;
        }
        Ok(())
    }
}
