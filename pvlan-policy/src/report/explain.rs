//! `explain`: why one port reaches another or does not, step by step, each step with its place.

mod routed;

use std::fmt;

use serde::Serialize;

use super::access::{Access, Reach};
use super::policy::Policy;
use crate::decode::guess::nearest;
use crate::fabric::{Role, Segment};
use crate::id::{AttachmentId, NodeId};
use crate::port::{Attachment, IpGuard, Port};
use crate::site::Flow;
use crate::source::{Place, Span};

/// The answer.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// `skerry.explain/1`.
    pub schema: &'static str,
    /// What comes of it.
    pub verdict: Verdict,
    /// Who sends.
    pub from: End,
    /// Who is to receive.
    pub to: End,
    /// The traffic asked about; any when absent.
    pub flow: Option<String>,
    /// Why, in the order in which it is decided.
    pub steps: Vec<Step>,
    /// The drop reasons that would count, for whoever has the counters.
    pub drops: Vec<&'static str>,
}

/// What comes of a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Delivered.
    Permit,
    /// Not as a frame, but IP packets pass through the gateway.
    Gateway,
    /// Listed traffic passes by a peering.
    Peering,
    /// Dropped, at the latest by the receiving end.
    Deny,
}

/// A port and its segment.
#[derive(Clone, Debug, Serialize)]
pub struct End {
    /// `n1/b-i1`.
    pub port: String,
    /// `blue.isolated`.
    pub segment: String,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Step {
    /// What was looked at.
    pub title: &'static str,
    /// What was found.
    pub text: String,
    /// Where the file says so.
    pub place: Option<Place>,
    /// What else says so.
    pub cite: Option<&'static str>,
    /// The drop reason this step counts as.
    pub drop: Option<&'static str>,
}

/// A name that no port has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NoSuchPort {
    /// The name.
    pub name: String,
    /// What may have been meant.
    pub hint: Option<String>,
}

impl fmt::Display for NoSuchPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no port `{}`", self.name)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => f.write_str("; a port is node/port, or node/port#tag on a trunk"),
        }
    }
}

impl std::error::Error for NoSuchPort {}

/// Why `from` reaches `to`, or does not. Ports are named `n1/b-i1`, or `n3/up0#20` on a trunk.
pub fn explain(
    policy: Policy<'_>,
    from: &str,
    to: &str,
    flow: Option<Flow>,
) -> Result<Explanation, NoSuchPort> {
    let pair = Pair::new(policy, find(policy, from)?, find(policy, to)?, flow);
    let pair = pair.ok_or_else(|| NoSuchPort {
        name: from.to_owned(),
        hint: None,
    })?;
    let steps = pair.steps();
    Ok(Explanation {
        schema: "skerry.explain/1",
        verdict: pair.verdict(),
        from: pair.end(pair.sender.id, pair.source),
        to: pair.end(pair.receiver.id, pair.target),
        flow: flow.map(|flow| flow.to_string()),
        drops: steps.iter().filter_map(|step| step.drop).collect(),
        steps,
    })
}

fn find(policy: Policy<'_>, name: &str) -> Result<AttachmentId, NoSuchPort> {
    let found = policy.fabric.attachment_named(name);
    found.ok_or_else(|| {
        let all = policy.fabric.attachments.iter();
        let names: Vec<String> = all.map(|it| policy.fabric.attachment_name(it.id)).collect();
        NoSuchPort {
            hint: nearest(name, names.iter().map(String::as_str)),
            name: name.to_owned(),
        }
    })
}

/// Two attachments under the question, with everything known of them.
struct Pair<'a> {
    policy: Policy<'a>,
    reach: Reach<'a>,
    sender: &'a Attachment,
    source: &'a Segment,
    receiver: &'a Attachment,
    target: &'a Segment,
    flow: Option<Flow>,
}

impl<'a> Pair<'a> {
    fn new(
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

    fn access(&self) -> Access {
        self.reach.access(self.sender.id, self.receiver.id)
    }

    fn verdict(&self) -> Verdict {
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

    fn steps(&self) -> Vec<Step> {
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

    fn place(&self, span: Span) -> Place {
        self.policy.site.place(span)
    }

    fn name(&self, id: AttachmentId) -> String {
        self.policy.fabric.attachment_name(id)
    }

    fn end(&self, id: AttachmentId, segment: &Segment) -> End {
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

/// Column at which places start.
const TEXT_WIDTH: usize = 58;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Permit => "PERMIT",
            Verdict::Gateway => "GATEWAY",
            Verdict::Peering => "PEERING",
            Verdict::Deny => "DENY",
        };
        let Self { from, to, .. } = self;
        write!(f, "{verdict}  {} ({}) -> ", from.port, from.segment)?;
        writeln!(f, "{} ({})", to.port, to.segment)?;
        for (number, step) in (1..).zip(&self.steps) {
            let place = step.place.as_ref().map(ToString::to_string);
            let source = place
                .or_else(|| step.cite.map(str::to_owned))
                .unwrap_or_default();
            let line = format!(
                "  {number} {:9}{:TEXT_WIDTH$} {source}",
                step.title, step.text
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
