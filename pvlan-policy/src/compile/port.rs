//! Ports and their attachments, every default applied.

use rustc_hash::FxHashSet;
use sha2::{Digest as _, Sha256};

use crate::code::Code;
use crate::compile::Draft;
use crate::diagnostic::{Finding, Findings};
use crate::fabric::Role;
use crate::id::{AttachmentId, NodeId, PortId, SegmentId, Vid};
use crate::port::{
    Attach, Attachment, DhcpGuard, Ethertypes, Guards, IpGuard, MacGuard, Port, RaGuard, Storm,
};
use crate::site::{Carries, PortDecl, Settings, StockKind, TagDecl};
use crate::source::{At, Span};

/// UDP ports from here on are nobody's (RFC 6335 section 6).
const DYNAMIC: u16 = 0xc000;

/// One tag of a port, resolved.
struct Tag {
    vid: Option<Vid>,
    segment: SegmentId,
    span: Span,
}

impl<'a> Draft<'a> {
    pub(super) fn add_ports(&mut self, findings: &mut Findings) {
        let mut unknown = FxHashSet::default();
        for (index, decl) in self.site.ports.iter().enumerate() {
            // All ports of one node share the place of its name: one finding is enough.
            if unknown.contains(&decl.node.span) {
                continue;
            }
            match self.node_named(&decl.node, findings) {
                Some(node) => self.add_port(node, index, decl, findings),
                None => {
                    unknown.insert(decl.node.span);
                }
            }
        }
    }

    fn add_port(
        &mut self,
        node: NodeId,
        index: usize,
        decl: &'a PortDecl,
        findings: &mut Findings,
    ) {
        let id = PortId(u32::try_from(self.ports.len()).unwrap_or(u32::MAX));
        let tags = self.tags(decl, findings);
        let host = tags.iter().any(|tag| !self.is_promiscuous(tag.segment));
        let attachments = tags
            .iter()
            .map(|tag| self.add_attachment(id, node, &decl.name.value, tag))
            .collect();
        self.port_names.insert((node, &decl.name.value), id);
        self.decls.push(index);
        let defaults = &self.site.defaults;
        let (outer, built_in) = if host {
            (&defaults.host, &HOST)
        } else {
            (&defaults.promiscuous, &PROMISCUOUS)
        };
        let layers = [&decl.settings, outer];
        self.ports.push(Port {
            id,
            node,
            name: decl.name.value.clone(),
            attach: self.attach(node, decl),
            attachments,
            gateway: decl.is_gateway(),
            macs: decl.macs.iter().map(|mac| mac.value).collect(),
            ips: decl.ips.iter().map(|ip| ip.value).collect(),
            guards: built_in.guards(layers),
            ethertypes: ethertypes(layers),
            storm: built_in.storm(layers),
            rate: first(layers, |it| it.rate),
        });
    }

    fn is_promiscuous(&self, segment: SegmentId) -> bool {
        self.segments
            .get(segment.index())
            .is_some_and(|segment| segment.role == Role::Promiscuous)
    }

    fn add_attachment(
        &mut self,
        port: PortId,
        node: NodeId,
        name: &str,
        tag: &Tag,
    ) -> AttachmentId {
        let id = AttachmentId(u32::try_from(self.attachments.len()).unwrap_or(u32::MAX));
        let of = self.node_decl(node).map(|decl| decl.name.value.as_str());
        self.roles.push(tag.span);
        self.attachments.push(Attachment {
            id,
            port,
            home: self.home_of(node),
            tag: tag.vid,
            segment: tag.segment,
            mark: mark(of.unwrap_or_default(), name, tag.vid),
            hairpin: Vec::new(),
        });
        id
    }

    /// The node whose datapath serves ports of this node.
    pub(super) fn home_of(&self, node: NodeId) -> NodeId {
        let edge = self.stock(node) == Some(StockKind::Edge);
        let home = self.node_decl(node).and_then(|decl| decl.home.as_ref());
        let home = home.and_then(|home| self.nodes.get(home.value.as_str()));
        home.copied().filter(|_| edge).unwrap_or(node)
    }

    fn attach(&self, node: NodeId, decl: &PortDecl) -> Attach {
        if self.stock(node) == Some(StockKind::Edge) {
            return Attach::Edge(node);
        }
        let named_like_port = Attach::Tap {
            name: None,
            netns: None,
        };
        decl.attach
            .as_ref()
            .map_or(named_like_port, |attach| attach.value.clone())
    }

    fn tags(&self, decl: &PortDecl, findings: &mut Findings) -> Vec<Tag> {
        match &decl.carries {
            Carries::Unknown => Vec::new(),
            Carries::Access(reference) => {
                let segment = self.segment_named(reference, findings);
                let tag = segment.map(|segment| Tag {
                    vid: None,
                    segment,
                    span: reference.span,
                });
                tag.into_iter().collect()
            }
            Carries::Trunk(tags) => self.trunk(tags, findings),
        }
    }

    fn trunk(&self, decls: &[TagDecl], findings: &mut Findings) -> Vec<Tag> {
        let mut tags: Vec<Tag> = Vec::with_capacity(decls.len());
        for decl in decls {
            let Some(segment) = self.segment_named(&decl.segment, findings) else {
                continue;
            };
            if let Some(other) = tags.iter().find(|tag| tag.segment == segment) {
                let message = "one segment under two tags of one trunk";
                findings.push(
                    Finding::error(Code::Trunk, decl.segment.span, message)
                        .label(other.span, "first here")
                        .help("a frame to this port could leave with either tag"),
                );
                continue;
            }
            tags.push(Tag {
                vid: Some(decl.vid.value),
                segment,
                span: decl.segment.span,
            });
        }
        tags.sort_by_key(|tag| tag.vid);
        tags
    }
}

/// What holds when neither the port nor `[defaults]` says anything.
struct BuiltIn {
    guards: Guards,
    storm: Storm,
}

const HOST: BuiltIn = BuiltIn {
    guards: Guards {
        mac: MacGuard::Pin,
        max_macs: 1,
        ip: IpGuard::Bound,
        dhcp: DhcpGuard::Client,
        ra: RaGuard::Deny,
        max_groups: 64,
    },
    storm: Storm {
        broadcast: 200,
        multicast: 200,
        unknown: 100,
    },
};

const PROMISCUOUS: BuiltIn = BuiltIn {
    guards: Guards {
        mac: MacGuard::Off,
        max_macs: 1024,
        ip: IpGuard::Off,
        dhcp: DhcpGuard::Server,
        ra: RaGuard::Allow,
        max_groups: 1024,
    },
    storm: Storm {
        broadcast: 2000,
        multicast: 2000,
        unknown: 2000,
    },
};

/// IPv4, ARP, IPv6.
const ETHERTYPES: [u16; 3] = [0x0800, 0x0806, 0x86dd];

/// Port first, then its `[defaults]`.
type Layers<'a> = [&'a Settings; 2];

fn first<T: Copy>(layers: Layers<'_>, pick: fn(&Settings) -> Option<At<T>>) -> Option<T> {
    layers.into_iter().find_map(pick).map(|at| at.value)
}

impl BuiltIn {
    fn guards(&self, layers: Layers<'_>) -> Guards {
        Guards {
            mac: first(layers, |it| it.mac).unwrap_or(self.guards.mac),
            max_macs: first(layers, |it| it.max_macs).unwrap_or(self.guards.max_macs),
            ip: first(layers, |it| it.ip).unwrap_or(self.guards.ip),
            dhcp: first(layers, |it| it.dhcp).unwrap_or(self.guards.dhcp),
            ra: first(layers, |it| it.ra).unwrap_or(self.guards.ra),
            max_groups: first(layers, |it| it.max_groups).unwrap_or(self.guards.max_groups),
        }
    }

    fn storm(&self, layers: Layers<'_>) -> Storm {
        Storm {
            broadcast: first(layers, |it| it.broadcast).unwrap_or(self.storm.broadcast),
            multicast: first(layers, |it| it.multicast).unwrap_or(self.storm.multicast),
            unknown: first(layers, |it| it.unknown).unwrap_or(self.storm.unknown),
        }
    }
}

/// The same in every version of Skerry: nodes of a fabric tell each other by it who has sent.
fn mark(node: &str, port: &str, tag: Option<Vid>) -> u16 {
    let tag = tag.map_or(0, Vid::get);
    let hash: [u8; 32] = Sha256::digest(format!("{node}/{port}:{tag}")).into();
    let [high, low, ..] = hash;
    DYNAMIC | u16::from_be_bytes([high, low])
}

fn ethertypes(layers: Layers<'_>) -> Ethertypes {
    let said = layers.into_iter().find_map(|it| it.ethertypes.as_ref());
    said.map_or_else(
        || Ethertypes::Only(ETHERTYPES.to_vec()),
        |at| at.value.clone(),
    )
}
