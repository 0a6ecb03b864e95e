//! P012: host ports that share a node with a promiscuous port of their private VLAN.

use rustc_hash::FxHashMap;

use crate::code::Code;
use crate::diagnostic::{Finding, Findings};
use crate::fabric::{Fabric, Role};
use crate::id::{AttachmentId, NodeId, PvlanId};
use crate::report::{Blast, Census};
use crate::site::Site;

/// One warning a node, with what would be lost with it.
pub(super) fn warn_shared_nodes(site: &Site, fabric: &Fabric, findings: &mut Findings) {
    let mut rooms: FxHashMap<(NodeId, PvlanId), [Option<AttachmentId>; 2]> = FxHashMap::default();
    for attachment in &fabric.attachments {
        let Some(segment) = fabric.segment(attachment.segment) else {
            continue;
        };
        let [promiscuous, host] = rooms.entry((attachment.home, segment.pvlan)).or_default();
        let slot = match segment.role {
            Role::Promiscuous => promiscuous,
            Role::Isolated | Role::Community => host,
        };
        slot.get_or_insert(attachment.id);
    }
    let mut shared: Vec<_> = rooms
        .into_iter()
        .filter_map(|((node, _), [promiscuous, host])| Some((node, promiscuous?, host?)))
        .collect();
    shared.sort_unstable();
    shared.dedup_by_key(|(node, ..)| *node);
    let census = Census::new(fabric);
    for (node, promiscuous, host) in shared {
        let lost = census.blast(node);
        findings.extend(warning(site, fabric, &lost, promiscuous, host));
    }
}

fn warning(
    site: &Site,
    fabric: &Fabric,
    lost: &Blast,
    promiscuous: AttachmentId,
    host: AttachmentId,
) -> Option<Finding> {
    let message = format!("hosts share node `{}` with a promiscuous port", lost.node);
    let owns = lost.owns.join(", ");
    let total = fabric.attachments.len();
    Some(
        Finding::warning(Code::SharedNode, site.role_span(fabric, promiscuous)?, message)
            .says("promiscuous")
            .label(site.role_span(fabric, host)?, "host")
            .help(format!(
                "whoever breaks out of a guest onto `{}` owns {owns}, and reaches {} of {total} ports elsewhere",
                lost.node, lost.reaches
            ))
            .help("a node of its own for promiscuous ports keeps that to isolated segments"),
    )
}
