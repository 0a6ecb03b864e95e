//! Blast radius: what is lost with a node.
//!
//! A stolen node can put into the mesh what it may send, so every port elsewhere that accepts one
//! of those segments hears it. A node with a promiscuous port owns its private VLAN.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::fabric::{Fabric, Role, Segment};
use crate::id::{NodeId, SegmentId};

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
    let census = Census::new(fabric);
    let rows = fabric.nodes.iter().map(|node| census.blast(node.id));
    BlastRadius {
        schema: "skerry.blast/1",
        attachments: fabric.attachments.len(),
        nodes: rows.filter(|row| !row.may_send.is_empty()).collect(),
    }
}

/// How many attachments each segment has, so that a row costs no walk over all of them.
pub(crate) struct Census<'a> {
    fabric: &'a Fabric,
    /// Indexed by [`SegmentId`].
    sizes: Vec<usize>,
}

impl<'a> Census<'a> {
    pub(crate) fn new(fabric: &'a Fabric) -> Self {
        let mut sizes = vec![0; fabric.segments.len()];
        for attachment in &fabric.attachments {
            if let Some(size) = sizes.get_mut(attachment.segment.index()) {
                *size += 1;
            }
        }
        Self { fabric, sizes }
    }

    /// The row of one node.
    pub(crate) fn blast(&self, node: NodeId) -> Blast {
        let sends = self.sends(node);
        let heard = self.heard(&sends);
        let everywhere: usize = heard
            .iter()
            .filter_map(|id| self.sizes.get(id.index()))
            .sum();
        let owned = sends
            .iter()
            .filter(|segment| segment.role == Role::Promiscuous);
        let fabric = self.fabric;
        Blast {
            node: fabric
                .nodes
                .get(node.index())
                .map_or_else(String::new, |it| it.name.clone()),
            reaches: everywhere - self.here(node, &heard),
            owns: owned
                .filter_map(|segment| fabric.pvlans.get(segment.pvlan.index()))
                .map(|pvlan| pvlan.name.clone())
                .collect(),
            may_send: sends.iter().map(|segment| segment.name.clone()).collect(),
        }
    }

    fn sends(&self, node: NodeId) -> Vec<&'a Segment> {
        let row = self.fabric.may_send.get(node.index());
        let segments = row.into_iter().flat_map(|row| row.ones());
        segments
            .filter_map(|index| self.fabric.segments.get(index))
            .collect()
    }

    /// Segments that accept one of these.
    fn heard(&self, sends: &[&Segment]) -> BTreeSet<SegmentId> {
        let mut heard = BTreeSet::new();
        for from in sends {
            let pvlan = self.fabric.pvlans.get(from.pvlan.index());
            let siblings = pvlan.into_iter().flat_map(|pvlan| &pvlan.segments);
            heard.extend(siblings.filter(|&&to| self.fabric.accepts(from.id, to)));
        }
        heard
    }

    /// Attachments of these segments on the node itself, which its thief has anyway.
    fn here(&self, node: NodeId, heard: &BTreeSet<SegmentId>) -> usize {
        let ports = self.fabric.served.get(node.index()).into_iter().flatten();
        let attachments = ports
            .filter_map(|port| self.fabric.ports.get(port.index()))
            .flat_map(|port| &port.attachments)
            .filter_map(|id| self.fabric.attachments.get(id.index()));
        attachments
            .filter(|attachment| heard.contains(&attachment.segment))
            .count()
    }
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
