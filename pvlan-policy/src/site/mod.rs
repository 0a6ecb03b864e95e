//! The site file as its author wrote it: typed, every value with its place, names not yet resolved.

mod reference;

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

pub(crate) use reference::parse_vid;
pub use reference::{Flow, PortRef, Protocol, SegmentRef};

use crate::fabric::{Fabric, Hairpin, Role, Segment};
use crate::id::{AttachmentId, Mac, PortId, Vid, Vni};
use crate::port::{Attach, DhcpGuard, Ethertypes, IpGuard, MacGuard, RaGuard};
use crate::source::{At, Lines, Place, Source, Span};

/// A whole site file.
///
/// A value that could not be read is absent here and has its diagnostic; whether the file is good
/// is said by [`check`](crate::check), which hands out a site only without errors.
#[derive(Clone, Debug)]
pub struct Site {
    /// The text it was read from.
    pub source: Source,
    pub(crate) lines: Lines,
    /// `[defaults]`.
    pub defaults: Defaults,
    /// `[node]`, in file order.
    pub nodes: Vec<NodeDecl>,
    /// `[pvlan]`, in file order.
    pub pvlans: Vec<PvlanDecl>,
    /// `[port]`, in file order.
    pub ports: Vec<PortDecl>,
    /// `[peering]`, in file order.
    pub peerings: Vec<PeeringDecl>,
    /// `[export]`, in file order.
    pub exports: Vec<ExportDecl>,
    /// `[sink]`, in file order.
    pub sinks: Vec<SinkDecl>,
}

impl Site {
    /// The place people read for a range of this file.
    pub fn place(&self, span: Span) -> Place {
        let position = self.lines.position(&self.source.text, span.start);
        Place {
            file: self.source.name.clone(),
            line: position.line,
            column: position.column,
        }
    }

    /// Where the file gives an attachment its segment. The fabric must be compiled from this site.
    pub(crate) fn role_span(&self, fabric: &Fabric, attachment: AttachmentId) -> Option<Span> {
        let attachment = fabric.attachments.get(attachment.index())?;
        match &self.port(attachment.port)?.carries {
            Carries::Access(role) => Some(role.span),
            Carries::Trunk(tags) => {
                let tag = tags
                    .iter()
                    .find(|tag| Some(tag.vid.value) == attachment.tag);
                tag.map(|tag| tag.segment.span)
            }
            Carries::Unknown => None,
        }
    }

    /// Every VNI of the fabric compiled from this site, what it names, and where it stands.
    pub(crate) fn vni_spans<'f>(&self, fabric: &'f Fabric) -> Vec<(Vni, &'f str, Span)> {
        let segment = |segment: &'f Segment| {
            let decl = self.pvlans.get(segment.pvlan.index())?;
            let vni = match segment.role {
                Role::Promiscuous => decl.primary,
                Role::Isolated => decl.isolated.flatten(),
                Role::Community => decl.communities.iter().find_map(|community| {
                    let vni = community.vni?;
                    (vni.value == segment.vni).then_some(vni)
                }),
            };
            Some((segment.vni, segment.name.as_str(), vni?.span))
        };
        let peerings = self.peerings.iter().zip(&fabric.peerings);
        let peerings = peerings.filter_map(|(decl, peering)| {
            Some((peering.vni, peering.name.as_str(), decl.vni?.span))
        });
        let segments = fabric.segments.iter().filter_map(segment);
        segments.chain(peerings).collect()
    }

    /// A port's declaration: in a site without errors, ports are numbered as they are written.
    pub(crate) fn port(&self, id: PortId) -> Option<&PortDecl> {
        self.ports.get(id.index())
    }
}

/// `[defaults]`.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// Bytes of IP packet.
    pub mtu: Option<At<u16>>,
    /// Isolated and community ports.
    pub host: Settings,
    /// Promiscuous ports.
    pub promiscuous: Settings,
}

/// What both `[defaults]` and a port may say; absent means the next outer default.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Ethertypes that may be sent.
    pub ethertypes: Option<At<Ethertypes>>,
    /// `guard.mac`.
    pub mac: Option<At<MacGuard>>,
    /// `guard.max_macs`.
    pub max_macs: Option<At<u32>>,
    /// `guard.ip`.
    pub ip: Option<At<IpGuard>>,
    /// `guard.dhcp`.
    pub dhcp: Option<At<DhcpGuard>>,
    /// `guard.ra`.
    pub ra: Option<At<RaGuard>>,
    /// `guard.max_groups`.
    pub max_groups: Option<At<u32>>,
    /// `storm.broadcast`, frames a second.
    pub broadcast: Option<At<u32>>,
    /// `storm.multicast`, frames a second.
    pub multicast: Option<At<u32>>,
    /// `storm.unknown`, frames a second.
    pub unknown: Option<At<u32>>,
    /// Bits a second.
    pub rate: Option<At<u64>>,
}

/// How a node without Skerry takes part, before its home is resolved.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StockKind {
    /// A port of its home node.
    Edge,
    /// A member of the mesh.
    Mesh,
}

/// One entry of `[node]`.
#[derive(Clone, Debug)]
pub struct NodeDecl {
    /// Its name.
    pub name: At<String>,
    /// WireGuard public key.
    pub key: Option<At<[u8; 32]>>,
    /// Address inside the tunnel.
    pub overlay: Option<At<IpAddr>>,
    /// WireGuard socket.
    pub endpoint: Option<At<SocketAddr>>,
    /// Absent when it runs Skerry.
    pub stock: Option<At<StockKind>>,
    /// Home of an edge.
    pub home: Option<At<String>>,
}

/// One entry of `[pvlan]`.
#[derive(Clone, Debug)]
pub struct PvlanDecl {
    /// Its name.
    pub name: At<String>,
    /// VNI of the promiscuous segment.
    pub primary: Option<At<Vni>>,
    /// VNI of the isolated segment; the outer option says whether there is one at all.
    pub isolated: Option<Option<At<Vni>>>,
    /// Its communities, in file order.
    pub communities: Vec<CommunityDecl>,
    /// Its prefixes.
    pub subnets: Vec<At<IpNet>>,
    /// Some prefix could not be read, so what is missing may have been meant.
    pub(crate) subnets_unclear: bool,
    /// What hosts may do through the gateway.
    pub hairpin: Option<At<Hairpin>>,
    /// Private VLANs it consents to peer with.
    pub peers: Vec<At<String>>,
    /// Copies a second that its floods may make.
    pub copies: Option<At<u32>>,
}

impl PvlanDecl {
    /// What hosts may do through the gateway; denied unless said otherwise.
    pub fn hairpin_mode(&self) -> Hairpin {
        self.hairpin.map_or(Hairpin::Deny, |hairpin| hairpin.value)
    }
}

/// One community of a private VLAN.
#[derive(Clone, Debug)]
pub struct CommunityDecl {
    /// Its name.
    pub name: At<String>,
    /// Its VNI.
    pub vni: Option<At<Vni>>,
}

/// What a port carries.
#[derive(Clone, Debug)]
pub enum Carries {
    /// Untagged frames of one segment.
    Access(At<SegmentRef>),
    /// Tagged frames, by tag, in file order.
    Trunk(Vec<TagDecl>),
    /// Something that could not be read, or nothing; there is a diagnostic.
    Unknown,
}

/// One tag of a trunk.
#[derive(Clone, Debug)]
pub struct TagDecl {
    /// The 802.1Q tag.
    pub vid: At<Vid>,
    /// Its segment.
    pub segment: At<SegmentRef>,
}

/// One entry of `[port.<node>]`.
#[derive(Clone, Debug)]
pub struct PortDecl {
    /// The node it stands under.
    pub node: At<String>,
    /// Its name.
    pub name: At<String>,
    /// Its segments.
    pub carries: Carries,
    /// Bound addresses.
    pub ips: Vec<At<IpAddr>>,
    /// Bound MACs.
    pub macs: Vec<At<Mac>>,
    /// Is it a router?
    pub gateway: Option<At<bool>>,
    /// Routed exceptions.
    pub hairpin: Vec<At<PortRef>>,
    /// How the guest attaches; a TAP named like the port when absent.
    pub attach: Option<At<Attach>>,
    /// What overrides the defaults.
    pub settings: Settings,
}

/// One entry of `[peering]`.
#[derive(Clone, Debug)]
pub struct PeeringDecl {
    /// Its name.
    pub name: At<String>,
    /// Its number on the wire.
    pub vni: Option<At<Vni>>,
    /// Who may start.
    pub from: Vec<At<PortRef>>,
    /// Who may be reached.
    pub to: Vec<At<PortRef>>,
    /// What may be said.
    pub allow: Vec<At<Flow>>,
}

impl PortDecl {
    /// How many rows of the matrix it makes.
    pub(crate) fn tag_count(&self) -> usize {
        match &self.carries {
            Carries::Access(_) => 1,
            Carries::Trunk(tags) => tags.len(),
            Carries::Unknown => 0,
        }
    }

    /// Is it a router?
    pub fn is_gateway(&self) -> bool {
        self.gateway.is_some_and(|gateway| gateway.value)
    }
}

/// A calendar day.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Day {
    /// Year of the common era.
    pub year: u16,
    /// 1..=12.
    pub month: u8,
    /// 1..=31.
    pub day: u8,
}

/// One entry of `[export]`.
#[derive(Clone, Debug)]
pub struct ExportDecl {
    /// Its name.
    pub name: At<String>,
    /// Whose figures.
    pub from: Option<At<String>>,
    /// Who sees them.
    pub to: Option<At<String>>,
    /// Which figures.
    pub fields: Vec<At<String>>,
    /// Window in seconds.
    pub every: Option<At<u64>>,
    /// Contributing ports below which a window is withheld.
    pub min_ports: Option<At<u32>>,
    /// Rounded to multiples of this.
    pub round: Option<At<u64>>,
    /// The first day it no longer holds.
    pub expires: Option<At<Day>>,
    /// The reason.
    pub why: Option<At<String>>,
}

/// What a sink may see.
#[derive(Clone, Debug)]
pub enum Sees {
    /// Everything: the operator.
    All,
    /// Records to which only these private VLANs contributed.
    Only(Vec<At<String>>),
}

/// One entry of `[sink]`.
#[derive(Clone, Debug)]
pub struct SinkDecl {
    /// Its name.
    pub name: At<String>,
    /// Whose records it may receive.
    pub sees: Sees,
}
