//! V2, V3, V4: what nodes may send, who hears it, and that nothing comes back out of a node into
//! the tunnel.

use std::collections::{BTreeMap, BTreeSet};

use super::Ground;
use super::claim::Claim;
use crate::fabric::Stock;
use crate::id::{NodeId, SegmentId};
use crate::tables::Tables;

/// V2, the shared part.
pub(super) fn may_send(ground: &Ground<'_>) -> Claim {
    let statement = "a node may send the segments of its own ports and no others";
    let mut claim = Claim::new("V2", statement);
    let sends = ground.oracle.sends();
    let homes = ground.oracle.peering_homes();
    let none = BTreeSet::new();
    for node in &ground.fabric.nodes {
        let expected = sends.get(node.name.as_str()).unwrap_or(&none);
        for (id, &segment) in (0..).zip(&ground.segments) {
            let expected = segment.is_some_and(|segment| expected.contains(&segment));
            let actual = ground.fabric.may_send(node.id, SegmentId(id));
            claim.expect(actual == expected, || {
                let segment = ground.segment_name(SegmentId(id));
                format!("{} may send {segment}: table says {actual}", node.name)
            });
        }
        for (peering, homes) in ground.fabric.peerings.iter().zip(&homes) {
            let expected = homes.contains(node.name.as_str());
            let actual = ground.fabric.may_send(node.id, peering.id);
            claim.expect(actual == expected, || {
                let peering = &peering.name;
                format!("{} may send {peering}: table says {actual}", node.name)
            });
        }
    }
    claim
}

/// V3, the shared part.
pub(super) fn members(ground: &Ground<'_>) -> Claim {
    let statement = "a segment is flooded to exactly the nodes with a port that accepts it";
    let mut claim = Claim::new("V3", statement);
    let listeners = ground.oracle.listeners();
    for (id, segment) in (0..).zip(&ground.segments) {
        let id = SegmentId(id);
        let expected = segment.and_then(|segment| listeners.get(segment));
        let listed = ground.fabric.members(id);
        let actual: BTreeSet<&str> = listed.iter().map(|&node| ground.node_name(node)).collect();
        let exact = expected == Some(&actual) && listed.is_sorted() && actual.len() == listed.len();
        claim.expect(exact, || {
            format!(
                "{} is flooded to {actual:?}, oracle {expected:?}",
                ground.segment_name(id)
            )
        });
    }
    claim
}

/// V4, to be filled node by node.
pub(super) fn tunnel() -> Claim {
    Claim::new("V4", "what came out of the tunnel never goes back into it")
}

/// The oracle's sets, turned into the fabric's identifiers once for all nodes.
pub(super) struct Sets<'a> {
    sends: BTreeMap<&'a str, BTreeSet<usize>>,
    /// Indexed by the oracle's segment, sorted.
    listeners: Vec<Vec<NodeId>>,
}

impl<'a> Sets<'a> {
    pub(super) fn new(ground: &Ground<'a>) -> Self {
        let nodes = ground.fabric.nodes.iter();
        let ids: BTreeMap<&str, NodeId> = nodes.map(|node| (node.name.as_str(), node.id)).collect();
        let sorted = |names: BTreeSet<&str>| {
            let mut nodes: Vec<_> = names
                .iter()
                .filter_map(|name| ids.get(name).copied())
                .collect();
            nodes.sort_unstable();
            nodes
        };
        Self {
            sends: ground.oracle.sends(),
            listeners: ground.oracle.listeners().into_iter().map(sorted).collect(),
        }
    }

    /// One node's flood lists.
    pub(super) fn node(
        &self,
        ground: &Ground<'_>,
        tables: &Tables,
        sends: &mut Claim,
        members: &mut Claim,
        tunnel: &mut Claim,
    ) {
        let me = ground.node_name(tables.me);
        let own = self.sends.get(me);
        for (id, &segment) in (0..).zip(&ground.segments) {
            let id = SegmentId(id);
            let nodes = tables
                .flood(id)
                .map(|flood| flood.nodes.as_slice())
                .unwrap_or_default();
            let about = || format!("{} on {me} goes to {nodes:?}", ground.segment_name(id));
            let sent = segment.is_some_and(|segment| own.is_some_and(|own| own.contains(&segment)));
            if sent {
                let listeners = segment.and_then(|segment| self.listeners.get(segment));
                let others = listeners
                    .into_iter()
                    .flatten()
                    .filter(|&&node| node != tables.me);
                members.expect(others.eq(nodes.iter()), about);
            } else {
                tunnel.expect(nodes.is_empty(), about);
            }
            let edge = |node: &NodeId| is_edge(ground, *node);
            tunnel.expect(
                !nodes.contains(&tables.me) && !nodes.iter().any(edge),
                about,
            );
        }
        for peering in &ground.fabric.peerings {
            let silent = tables.flood(peering.id).is_none()
                && ground.fabric.members(peering.id).is_empty()
                && !tables
                    .local
                    .by_id
                    .values()
                    .any(|&it| tables.accepts(peering.id, it));
            members.expect(silent, || {
                format!("peering {} is flooded on {me}", peering.name)
            });
        }
        let edge = is_edge(ground, tables.me);
        tunnel.expect(!edge || tables.local.attachments.is_empty(), || {
            format!("{me} is an edge and yet serves ports of its own")
        });
        for view in &tables.local.attachments {
            let allowed = ground.fabric.may_send(tables.me, view.segment);
            sends.expect(allowed, || {
                let name = ground.fabric.attachment_name(view.id);
                format!("{me} serves {name} but may not send its segment")
            });
        }
    }
}

fn is_edge(ground: &Ground<'_>, node: NodeId) -> bool {
    let node = ground.fabric.nodes.get(node.index());
    node.is_some_and(|node| matches!(node.stock, Some(Stock::Edge(_))))
}
