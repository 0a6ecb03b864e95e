//! A fabric in the making: what is resolved so far, and how names are looked up.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use crate::code::Code;
use crate::decode::guess::guess;
use crate::diagnostic::{Finding, Findings};
use crate::fabric::Role;
use crate::id::{AttachmentId, Mac, NodeId, PortId, PvlanId, SegmentId, Vni};
use crate::peering::Peering;
use crate::port::{Attachment, Port};
use crate::site::{NodeDecl, PortRef, PvlanDecl, SegmentRef, Site, StockKind};
use crate::source::{At, Span};

/// Most nodes of one fabric.
const NODES_MAX: usize = 16_384;
/// Most segments of one fabric.
const SEGMENTS_MAX: usize = 65_535;
/// Most secondaries of one private VLAN: they are VLANs (RFC 5517 section 2), and there are 4094.
const SECONDARIES_MAX: usize = 4_094;
/// Most attachments of one fabric.
const ATTACHMENTS_MAX: usize = 262_144;

/// A segment whose VNI may be unreadable; it still has a name to refer to.
pub(super) struct SegmentDraft {
    pub(super) pvlan: PvlanId,
    pub(super) role: Role,
    pub(super) name: String,
    pub(super) vni: Option<At<Vni>>,
}

/// What is resolved so far. Nodes and private VLANs have the positions they have in the site.
pub(crate) struct Draft<'a> {
    pub(super) site: &'a Site,
    pub(super) nodes: FxHashMap<&'a str, NodeId>,
    pub(super) pvlans: FxHashMap<&'a str, PvlanId>,
    pub(super) segments: Vec<SegmentDraft>,
    pub(super) segment_names: FxHashMap<(PvlanId, &'a str), SegmentId>,
    /// Of each private VLAN, in the order of [`Pvlan::segments`](crate::Pvlan::segments).
    pub(super) segments_of: Vec<Vec<SegmentId>>,
    /// One per port declaration under a known node, in file order.
    pub(super) ports: Vec<Port>,
    /// The declaration of each port: index into `site.ports`.
    pub(super) decls: Vec<usize>,
    pub(super) port_names: FxHashMap<(NodeId, &'a str), PortId>,
    pub(super) attachments: Vec<Attachment>,
    /// Where the file gives each attachment its segment.
    pub(super) roles: Vec<Span>,
    pub(super) mac_owner: FxHashMap<(PvlanId, Mac), AttachmentId>,
    pub(super) ip_owner: FxHashMap<(PvlanId, IpAddr), AttachmentId>,
    pub(super) peerings: Vec<Peering>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(site: &'a Site) -> Self {
        Self {
            site,
            nodes: FxHashMap::default(),
            pvlans: FxHashMap::default(),
            segments: Vec::new(),
            segment_names: FxHashMap::default(),
            segments_of: Vec::new(),
            ports: Vec::new(),
            decls: Vec::new(),
            port_names: FxHashMap::default(),
            attachments: Vec::new(),
            roles: Vec::new(),
            mac_owner: FxHashMap::default(),
            ip_owner: FxHashMap::default(),
            peerings: Vec::new(),
        }
    }

    /// `None` when the site is larger than the tables are made for.
    pub(super) fn within_limits(&self, findings: &mut Findings) -> Option<()> {
        let secondaries = |pvlan: &PvlanDecl| pvlan.communities.len() + 1;
        let widest = self.site.pvlans.iter().map(secondaries).max().unwrap_or(0);
        let segments = self.site.pvlans.iter().map(|it| secondaries(it) + 1).sum();
        let attachments = self
            .site
            .ports
            .iter()
            .map(|port| port.tag_count().max(1))
            .sum();
        let mut within = true;
        let mut limit = |count: usize, max: usize, what: &str| {
            if count > max {
                within = false;
                let message = format!("{count} {what}, and {max} are the most Skerry handles");
                findings.push(Finding::error(Code::Limit, Span::default(), message));
            }
        };
        limit(self.site.nodes.len(), NODES_MAX, "nodes");
        limit(segments, SEGMENTS_MAX, "segments");
        limit(widest, SECONDARIES_MAX, "secondaries in one private VLAN");
        limit(attachments, ATTACHMENTS_MAX, "ports and tags");
        within.then_some(())
    }

    /// The node's declaration.
    pub(super) fn node_decl(&self, id: NodeId) -> Option<&'a NodeDecl> {
        self.site.nodes.get(id.index())
    }

    /// The private VLAN's declaration.
    pub(super) fn pvlan_decl(&self, id: PvlanId) -> Option<&'a PvlanDecl> {
        self.site.pvlans.get(id.index())
    }

    /// How the node takes part, if it does not run Skerry.
    pub(super) fn stock(&self, id: NodeId) -> Option<StockKind> {
        Some(self.node_decl(id)?.stock?.value)
    }

    pub(super) fn attachment(&self, id: AttachmentId) -> Option<&Attachment> {
        self.attachments.get(id.index())
    }

    /// The segment an attachment is in.
    pub(super) fn segment_of(&self, attachment: &Attachment) -> Option<&SegmentDraft> {
        self.segments.get(attachment.segment.index())
    }

    pub(super) fn node_named(&self, name: &At<String>, findings: &mut Findings) -> Option<NodeId> {
        let found = self.nodes.get(name.value.as_str()).copied();
        if found.is_none() {
            let known = self.site.nodes.iter().map(|node| node.name.value.as_str());
            let message = format!("there is no node `{}`", name.value);
            unknown(
                name.span,
                message,
                guess(&name.value, known, findings),
                findings,
            );
        }
        found
    }

    pub(super) fn pvlan_named(&self, name: At<&str>, findings: &mut Findings) -> Option<PvlanId> {
        let found = self.pvlans.get(name.value).copied();
        if found.is_none() {
            let known = self
                .site
                .pvlans
                .iter()
                .map(|pvlan| pvlan.name.value.as_str());
            let message = format!("there is no private VLAN `{}`", name.value);
            unknown(
                name.span,
                message,
                guess(name.value, known, findings),
                findings,
            );
        }
        found
    }

    pub(super) fn segment_named(
        &self,
        reference: &At<SegmentRef>,
        findings: &mut Findings,
    ) -> Option<SegmentId> {
        let SegmentRef { pvlan, segment } = &reference.value;
        let id = self.pvlan_named(At::new(pvlan, reference.span), findings)?;
        let found = self.segment_names.get(&(id, segment.as_str())).copied();
        if found.is_none() {
            let message = format!("private VLAN `{pvlan}` has no segment `{segment}`");
            let hint = guess(segment, self.names_in(id), findings);
            unknown(reference.span, message, hint, findings);
        }
        found
    }

    /// The last part of the names of a private VLAN's segments.
    fn names_in(&self, pvlan: PvlanId) -> impl Iterator<Item = &str> {
        let segments = self.segments_of.get(pvlan.index()).into_iter().flatten();
        segments
            .filter_map(|id| self.segments.get(id.index()))
            .filter_map(|segment| segment.name.split_once('.'))
            .map(|(_, name)| name)
    }

    pub(super) fn attachment_named(
        &self,
        reference: &At<PortRef>,
        findings: &mut Findings,
    ) -> Option<AttachmentId> {
        let PortRef { node, port, tag } = &reference.value;
        let node_id = self.node_named(&At::new(node.clone(), reference.span), findings)?;
        let Some(id) = self.port_names.get(&(node_id, port.as_str())) else {
            let here = self.site.ports.iter().filter(|it| it.node.value == *node);
            let known = here.map(|it| it.name.value.as_str());
            let message = format!("node `{node}` has no port `{port}`");
            unknown(
                reference.span,
                message,
                guess(port, known, findings),
                findings,
            );
            return None;
        };
        let found = self.ports.get(id.index())?;
        let mut tags = found.attachments.iter().copied();
        let hit = tags.find(|&id| self.attachment(id).is_some_and(|it| it.tag == *tag));
        if hit.is_none() && !found.attachments.is_empty() {
            self.wrong_tag(reference, found, findings);
        }
        hit
    }

    fn wrong_tag(&self, reference: &At<PortRef>, port: &Port, findings: &mut Findings) {
        let tags = port
            .attachments
            .iter()
            .filter_map(|&id| self.attachment(id)?.tag);
        let tags: Vec<_> = tags.map(|tag| format!("#{tag}")).collect();
        let (message, hint) = match (tags.is_empty(), reference.value.tag) {
            (true, _) => ("this port is not a trunk", "leave the tag out".to_owned()),
            (false, None) => {
                let hint = format!("say which tag: {}", tags.join(", "));
                ("this port is a trunk", hint)
            }
            (false, Some(_)) => (
                "this trunk has no such tag",
                format!("it has {}", tags.join(", ")),
            ),
        };
        unknown(reference.span, message.to_owned(), Some(hint), findings);
    }
}

fn unknown(span: Span, message: String, hint: Option<String>, findings: &mut Findings) {
    let finding = Finding::error(Code::UnknownName, span, message);
    findings.push(finding.says(hint.unwrap_or_else(|| "not in this file".to_owned())));
}
