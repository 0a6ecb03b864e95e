//! P038: nodes that must exchange frames and cannot find each other.
//!
//! WireGuard needs one side that can be called: of two nodes without an endpoint, neither can
//! speak first.

use rustc_hash::FxHashSet;

use crate::code::Code;
use crate::diagnostic::{Finding, Findings};
use crate::fabric::{Fabric, Stock};
use crate::id::{NodeId, SegmentId};
use crate::site::Site;

/// One warning for each node that some other cannot meet, naming one such other.
pub(super) fn warn_strangers(site: &Site, fabric: &Fabric, findings: &mut Findings) {
    let silent: Vec<NodeId> = fabric
        .nodes
        .iter()
        .filter(|node| node.endpoint.is_none())
        .map(|node| node.id)
        .collect();
    let mut warned = FxHashSet::default();
    for &node in &silent {
        let home = fabric.nodes.get(node.index()).and_then(|node| node.stock);
        let stranger = match home {
            Some(Stock::Edge(home)) => silent.binary_search(&home).is_ok().then_some(home),
            Some(Stock::Mesh) | None => listener(fabric, node, &silent),
        };
        if let Some(stranger) = stranger.filter(|stranger| !warned.contains(stranger)) {
            warned.insert(node);
            findings.extend(warning(site, node, stranger));
        }
    }
}

/// A node without an endpoint that is to hear what this one sends.
fn listener(fabric: &Fabric, node: NodeId, silent: &[NodeId]) -> Option<NodeId> {
    let row = fabric.may_send.get(node.index())?;
    row.ones().find_map(|segment| {
        let segment = SegmentId(u32::try_from(segment).ok()?);
        let mut members = fabric.members(segment).iter().copied();
        members.find(|&member| member != node && silent.binary_search(&member).is_ok())
    })
}

fn warning(site: &Site, node: NodeId, stranger: NodeId) -> Option<Finding> {
    let one = &site.nodes.get(node.index())?.name;
    let other = &site.nodes.get(stranger.index())?.name;
    let message = format!(
        "`{}` and `{}` cannot find each other",
        one.value, other.value
    );
    Some(
        Finding::warning(Code::NoMeeting, one.span, message)
            .says("has no `endpoint`")
            .label(other.span, "has none either")
            .help("of two nodes that exchange frames, one must be reachable at a known address"),
    )
}
