//! P038: nodes that must exchange frames and cannot find each other.
//!
//! WireGuard needs one side that can be called: of two nodes without an endpoint, neither can
//! speak first.

use rustc_hash::FxHashSet;

use crate::code::Code;
use crate::diagnostic::{Finding, Findings};
use crate::fabric::{Fabric, Stock};
use crate::id::{AttachmentId, NodeId, SegmentId};
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
        let members = fabric.members(segment).iter().copied();
        let mut members = members.chain(opposite(fabric, node, segment));
        members.find(|&member| member != node && silent.binary_search(&member).is_ok())
    })
}

/// The homes of the ends that those of a node have on the other side of a peering.
fn opposite(fabric: &Fabric, node: NodeId, peering: SegmentId) -> impl Iterator<Item = NodeId> {
    let home = |end: &AttachmentId| Some(fabric.attachments.get(end.index())?.home);
    let sides = fabric
        .peering(peering)
        .map(|it| [(&it.from, &it.to), (&it.to, &it.from)]);
    let mine = move |ends: &[AttachmentId]| ends.iter().any(|end| home(end) == Some(node));
    let sides = sides
        .into_iter()
        .flatten()
        .filter(move |(near, _)| mine(near));
    sides.flat_map(move |(_, far)| far.iter().filter_map(home))
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
