//! Two attachments under the question, and the steps that decide about them.

use super::{End, Step, Verdict};
use crate::fabric::{Role, Segment};
use crate::id::{AttachmentId, NodeId};
use crate::port::{Attachment, IpGuard, Port};
use crate::report::access::{Access, Reach};
use crate::report::policy::Policy;
use crate::site::Flow;
use crate::source::{Place, Span};

/// Two attachments under the question, with everything known of them.
pub(super) struct Pair<'a> {
    pub(super) policy: Policy<'a>,
    reach: Reach<'a>,
    pub(super) sender: &'a Attachment,
    pub(super) source: &'a Segment,
    pub(super) receiver: &'a Attachment,
    pub(super) target: &'a Segment,
    pub(super) flow: Option<Flow>,
}

impl<'a> Pair<'a> {
    pub(super) fn new(
        policy: Policy<'a>,
        from: AttachmentId,
        to: AttachmentId,
        flow: Option<Flow>,
    ) -> Option<Self> {
        let sender = policy.fabric.attachments.get(from.index())?;
        let receiver = policy.fabric.attachments.get(to.index())?;
        Some(Self {
            reach: Reach::new(policy.fabric),
            source: policy.fabric.segment(sender.segment)?,
            target: policy.fabric.segment(receiver.segment)?,
            policy,
            sender,
            receiver,
            flow,
        })
    }

    pub(super) fn access(&self) -> Access {
        self.reach.access(self.sender.id, self.receiver.id)
    }

    pub(super) fn verdict(&self) -> Verdict {
        if self.blocked_type() {
            return Verdict::Deny;
        }
        match self.access() {
            Access::Direct => Verdict::Permit,
            Access::Gateway => Verdict::Gateway,
            Access::Peering if self.peering_allows() => Verdict::Peering,
            Access::Peering | Access::Never => Verdict::Deny,
        }
    }

    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = vec![self.segment()];
        steps.extend(self.ethertype());
        if self.sender.port == self.receiver.port {
            steps.push(self.same_port());
            return steps;
        }
        steps.push(self.matrix());
        steps.push(self.flood());
        match self.access() {
            Access::Direct => steps.push(self.path()),
            Access::Gateway | Access::Never | Access::Peering => steps.extend(self.detours()),
        }
        steps.extend(self.guards());
        steps
    }

    fn segment(&self) -> Step {
        Step {
            title: "segment",
            text: format!("VNI {}", self.source.vni),
            place: self.role_place(self.sender.id),
            ..Step::default()
        }
    }

    fn role_place(&self, id: AttachmentId) -> Option<Place> {
        let span = self.policy.site.role_span(self.policy.fabric, id)?;
        Some(self.policy.site.place(span))
    }

    /// IP traffic was asked about, and the port may send none.
    fn blocked_type(&self) -> bool {
        let port = self.port(self.sender);
        let ip = port
            .is_none_or(|port| port.ethertypes.allows(0x0800) || port.ethertypes.allows(0x86dd));
        self.flow.is_some() && !ip
    }

    fn ethertype(&self) -> Option<Step> {
        self.blocked_type().then(|| Step {
            title: "guard",
            text: format!("{} may send no IP", self.name(self.sender.id)),
            place: self.declared_at(self.sender),
            drop: Some("ethertype"),
            ..Step::default()
        })
    }

    fn same_port(&self) -> Step {
        Step {
            title: "port",
            text: "a frame never leaves by the port it came in by".to_owned(),
            cite: Some("IEEE 802.1Q 8.6.1"),
            ..Step::default()
        }
    }

    fn matrix(&self) -> Step {
        let (from, to) = (self.short(self.source), self.short(self.target));
        let direct = self.access() == Access::Direct;
        let text = if self.source.pvlan != self.target.pvlan {
            format!(
                "{} -> {}: two private VLANs never meet",
                self.source.name, self.target.name
            )
        } else if !direct {
            format!("{from} -> {to}: never")
        } else if self.source.role == Role::Community && self.target.role == Role::Community {
            format!("{from} -> {to}: permitted, one community")
        } else {
            format!("{from} -> {to}: permitted")
        };
        Step {
            title: "matrix",
            text,
            cite: Some("RFC 5517 table 1"),
            drop: (!direct).then_some("pvlan_deny"),
            ..Step::default()
        }
    }

    fn flood(&self) -> Step {
        let fabric = self.policy.fabric;
        let members = fabric.members(self.source.id);
        let who = match self.source.role {
            Role::Promiscuous => "every port accepts it".to_owned(),
            Role::Isolated => "promiscuous ports there".to_owned(),
            Role::Community => format!("promiscuous and {} ports there", self.short(self.source)),
        };
        let text = if members.is_empty() {
            format!("{} goes nowhere: no port accepts it", self.source.vni)
        } else {
            let only = if self.source.role == Role::Promiscuous {
                ""
            } else {
                " only"
            };
            format!(
                "{} goes to {}{only} ({who})",
                self.source.vni,
                self.nodes(members)
            )
        };
        Step {
            title: "flood",
            text,
            ..Step::default()
        }
    }

    fn path(&self) -> Step {
        let home = |attachment: &Attachment| self.node(attachment.home);
        let (near, far) = (home(self.sender), home(self.receiver));
        let text = if near == far {
            format!("both on {near}: the frame stays there")
        } else {
            let vni = self.source.vni;
            format!("{near} -> {far}, which checks that {near} may send {vni} and delivers")
        };
        Step {
            title: "path",
            text,
            place: self.role_place(self.receiver.id),
            ..Step::default()
        }
    }

    /// What the sender's own port still demands of the frame.
    fn guards(&self) -> Option<Step> {
        let port = self.port(self.sender)?;
        if self.verdict() == Verdict::Deny {
            return None;
        }
        let macs = port.guards.max_macs;
        let plural = if macs == 1 { "" } else { "s" };
        let addresses: Vec<_> = port.ips.iter().map(ToString::to_string).collect();
        let source = match port.guards.ip {
            IpGuard::Off => "any source address".to_owned(),
            IpGuard::Bound if addresses.is_empty() => "no address bound".to_owned(),
            IpGuard::Bound => format!("source {}", addresses.join(" or ")),
        };
        Some(Step {
            title: "guards",
            text: format!("{source}; {macs} MAC{plural}"),
            place: self.declared_at(self.sender),
            ..Step::default()
        })
    }

    fn port(&self, attachment: &Attachment) -> Option<&'a Port> {
        self.policy.fabric.ports.get(attachment.port.index())
    }

    /// Where a port's name stands.
    fn declared_at(&self, attachment: &Attachment) -> Option<Place> {
        let decl = self.policy.site.port(attachment.port)?;
        Some(self.place(decl.name.span))
    }

    pub(super) fn place(&self, span: Span) -> Place {
        self.policy.site.place(span)
    }

    pub(super) fn name(&self, id: AttachmentId) -> String {
        self.policy.fabric.attachment_name(id)
    }

    pub(super) fn end(&self, id: AttachmentId, segment: &Segment) -> End {
        End {
            port: self.name(id),
            segment: segment.name.clone(),
        }
    }

    /// `isolated` of `blue.isolated`.
    fn short(&self, segment: &'a Segment) -> &'a str {
        let name = segment.name.as_str();
        name.split_once('.').map_or(name, |(_, short)| short)
    }

    fn node(&self, id: NodeId) -> &'a str {
        let node = self.policy.fabric.nodes.get(id.index());
        node.map_or("", |node| node.name.as_str())
    }

    /// Names of nodes, the first few of them.
    fn nodes(&self, ids: &[NodeId]) -> String {
        const SHOWN: usize = 6;
        let shown: Vec<_> = ids.iter().take(SHOWN).map(|&id| self.node(id)).collect();
        match ids.len().saturating_sub(SHOWN) {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    }
}
