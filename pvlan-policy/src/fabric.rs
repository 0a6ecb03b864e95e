//! The compiled policy that every node shares ([`Fabric`]); what one node runs is
//! [`Tables`](crate::Tables).
//!
//! Nothing here decides; it answers. The answers are compiled from the site file in `compile`,
//! proved against an oracle in `proof`, and read by the datapath once per frame.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fixedbitset::FixedBitSet;
use ipnet::IpNet;
use rustc_hash::FxHashMap;

use crate::id::{AttachmentId, Mac, NodeId, PortId, PvlanId, SegmentId, Vid, Vni};
use crate::peering::Peering;
use crate::port::{Attachment, Port};

/// The role of a segment in its private VLAN (RFC 5517 section 2).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// Reaches, and is reached by, every port of the private VLAN.
    Promiscuous,
    /// Reaches promiscuous ports only.
    Isolated,
    /// Reaches promiscuous ports and its own community.
    Community,
}

/// A primary or secondary VLAN of a private VLAN: what the VNI on the wire says.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Its position in the fabric's table.
    pub id: SegmentId,
    /// The private VLAN it is part of.
    pub pvlan: PvlanId,
    /// What its ports may reach.
    pub role: Role,
    /// `blue.promiscuous`, `blue.isolated`, `blue.web`.
    pub name: String,
    /// Its number on the wire.
    pub vni: Vni,
}

/// What becomes of traffic between two hosts that would meet through the gateway.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hairpin {
    /// Dropped both ways (`hairpin_up`, `hairpin_down`); the default.
    Deny,
    /// Allowed through the gateway, which also answers ARP for them (RFC 4562), and counted.
    Gateway,
    /// Not looked at.
    Permit,
}

/// The verdict on one ordered pair of hosts that would meet through the gateway.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Routed {
    /// They may talk directly, so they may also be routed.
    Neighbours,
    /// Through the gateway, counted (`hairpin = "gateway"`).
    Gateway,
    /// `hairpin = "permit"`: nobody looks.
    Unchecked,
    /// Denied by default, listed on the port.
    Exception,
    /// `hairpin_up` or `hairpin_down`.
    Denied,
}

/// A private VLAN (RFC 5517): a primary and its secondaries.
#[derive(Clone, Debug)]
pub struct Pvlan {
    /// Its position in the fabric's table.
    pub id: PvlanId,
    /// `blue`.
    pub name: String,
    /// Its segments: the promiscuous one first, then isolated, then communities by name.
    pub segments: Vec<SegmentId>,
    /// Addresses that live inside it.
    pub subnets: Vec<IpNet>,
    /// What hosts may do through the gateway.
    pub hairpin: Hairpin,
    /// Attachments of gateway ports, in file order.
    pub gateways: Vec<AttachmentId>,
    /// Copies a second that floods may make on one worker; `u32::MAX` for no limit.
    pub copies: u32,
}

/// How a node that does not run Skerry takes part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stock {
    /// One VNI both ways, as a port of its home node.
    Edge(NodeId),
    /// A VTEP of the mesh, trusted only within its `may_send`.
    Mesh,
}

/// One machine of the fabric.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its position in the fabric's table.
    pub id: NodeId,
    /// Its name in the site file.
    pub name: String,
    /// Its WireGuard public key.
    pub key: [u8; 32],
    /// Its address inside the tunnel: outer address of the VXLAN packets.
    pub overlay: IpAddr,
    /// Where its WireGuard socket is; it must speak first when absent.
    pub endpoint: Option<SocketAddr>,
    /// `None` when it runs Skerry.
    pub stock: Option<Stock>,
}

impl Node {
    /// A node's public key as `wg` prints it.
    pub fn key_text(&self) -> String {
        STANDARD.encode(self.key)
    }
}

/// SHA-256 of the site file: two nodes with the same digest run the same policy.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The whole policy, compiled: the same on every node.
#[derive(Clone, Debug)]
pub struct Fabric {
    /// Names this policy.
    pub digest: Digest,
    /// Inner MTU of every port, in bytes of IP packet (without the Ethernet header).
    pub mtu: u16,
    /// Indexed by [`NodeId`].
    pub nodes: Vec<Node>,
    /// Indexed by [`PvlanId`].
    pub pvlans: Vec<Pvlan>,
    /// Indexed by [`SegmentId`].
    pub segments: Vec<Segment>,
    /// Indexed by [`PortId`].
    pub ports: Vec<Port>,
    /// Indexed by [`AttachmentId`].
    pub attachments: Vec<Attachment>,
    /// What crosses between private VLANs on purpose, in file order.
    pub peerings: Vec<Peering>,
    /// Row: sending segment; bit: receiving segment, counted from the first of the private VLAN
    /// (segments of one private VLAN lie together), so other private VLANs have no bit at all.
    pub(crate) accept: Vec<FixedBitSet>,
    /// `M(segment)`: nodes with at least one accepting attachment, sorted.
    pub(crate) members: Vec<Vec<NodeId>>,
    /// Row: node; bit: segment of an attachment it is home of, or peering with an end there.
    pub(crate) may_send: Vec<FixedBitSet>,
    /// Row: node; the ports its datapath serves, in file order, then those of its edges.
    pub(crate) served: Vec<Vec<PortId>>,
    pub(crate) by_vni: FxHashMap<Vni, SegmentId>,
    pub(crate) peering_by_vni: FxHashMap<Vni, SegmentId>,
    /// Those that list an attachment, in file order.
    pub(crate) peerings_of: FxHashMap<AttachmentId, Vec<SegmentId>>,
    pub(crate) mac_owner: FxHashMap<(PvlanId, Mac), AttachmentId>,
    pub(crate) ip_owner: FxHashMap<(PvlanId, IpAddr), AttachmentId>,
}

impl Fabric {
    /// The accept rule: may a frame of segment `from` be delivered to an attachment of `to`?
    pub fn accepts(&self, from: SegmentId, to: SegmentId) -> bool {
        let (Some(sender), Some(receiver)) = (self.segment(from), self.segment(to)) else {
            return false;
        };
        if sender.pvlan != receiver.pvlan {
            return false;
        }
        let Some(column) = self.column(receiver) else {
            return false;
        };
        self.accept
            .get(from.index())
            .is_some_and(|row| row.contains(column))
    }

    /// Where a segment's bit is in the accept rows of its private VLAN.
    pub(crate) fn column(&self, segment: &Segment) -> Option<usize> {
        let pvlan = self.pvlans.get(segment.pvlan.index())?;
        segment
            .id
            .index()
            .checked_sub(pvlan.segments.first()?.index())
    }

    /// A segment.
    pub fn segment(&self, id: SegmentId) -> Option<&Segment> {
        self.segments.get(id.index())
    }

    /// The node with this name.
    pub fn node_named(&self, name: &str) -> Option<NodeId> {
        let node = self.nodes.iter().find(|node| node.name == name)?;
        Some(node.id)
    }

    /// `n1/b-i1`; empty for a port that does not exist.
    pub fn port_name(&self, port: PortId) -> String {
        let port = self.ports.get(port.index());
        let node = port.and_then(|port| self.nodes.get(port.node.index()));
        node.zip(port)
            .map(|(node, port)| format!("{}/{}", node.name, port.name))
            .unwrap_or_default()
    }

    /// `n1/b-i1`, or `n3/up0#20` for one tag of a trunk.
    pub fn attachment_name(&self, attachment: AttachmentId) -> String {
        let Some(attachment) = self.attachments.get(attachment.index()) else {
            return String::new();
        };
        let port = self.port_name(attachment.port);
        match attachment.tag {
            Some(tag) => format!("{port}#{tag}"),
            None => port,
        }
    }

    /// The attachment of a port with a tag, or the only one of an access port.
    pub fn attachment_at(&self, port: PortId, tag: Option<Vid>) -> Option<AttachmentId> {
        let port = self.ports.get(port.index())?;
        let mut all = port.attachments.iter().copied();
        all.find(|id| {
            self.attachments
                .get(id.index())
                .is_some_and(|it| it.tag == tag)
        })
    }

    /// Nodes that get a copy of a flooded frame of this segment, sorted.
    pub fn members(&self, segment: SegmentId) -> &[NodeId] {
        self.members.get(segment.index()).map_or(&[], Vec::as_slice)
    }

    /// May this node put frames of this segment, or of this peering, into the tunnel?
    pub fn may_send(&self, node: NodeId, segment: SegmentId) -> bool {
        self.may_send
            .get(node.index())
            .is_some_and(|row| row.contains(segment.index()))
    }

    /// Whether two nodes have frames for each other, one way or the other.
    pub fn exchanges(&self, one: NodeId, other: NodeId) -> bool {
        let hears = |who: NodeId, segment| self.members(segment).binary_search(&who).is_ok();
        let mut segments = self.segments.iter().map(|it| it.id);
        segments.any(|segment| {
            (self.may_send(one, segment) && hears(other, segment))
                || (self.may_send(other, segment) && hears(one, segment))
        })
    }

    /// The segment a VNI names.
    pub fn segment_of(&self, vni: Vni) -> Option<SegmentId> {
        self.by_vni.get(&vni).copied()
    }

    /// The name of the segment or peering that a VNI stands for.
    pub(crate) fn meaning_of(&self, vni: Vni) -> Option<&str> {
        let segment = self.segment_of(vni).and_then(|id| self.segment(id));
        let peering = || Some(self.peering_of_vni(vni)?.name.as_str());
        segment
            .map(|segment| segment.name.as_str())
            .or_else(peering)
    }

    /// The attachment that policy binds a MAC to.
    pub fn mac_owner(&self, pvlan: PvlanId, mac: Mac) -> Option<AttachmentId> {
        self.mac_owner.get(&(pvlan, mac)).copied()
    }

    /// The attachment that policy binds an IP address to.
    pub fn ip_owner(&self, pvlan: PvlanId, ip: IpAddr) -> Option<AttachmentId> {
        self.ip_owner.get(&(pvlan, ip)).copied()
    }

    /// May an IP packet from `from` to an address owned by `to` (or the reply) pass by way of a
    /// gateway? `None` when the two are not in one private VLAN.
    pub fn routed(&self, from: AttachmentId, to: AttachmentId) -> Option<Routed> {
        let source = self.attachments.get(from.index())?;
        let segment = self.segments.get(source.segment.index())?;
        let target = self.attachments.get(to.index())?.segment;
        let pvlan = self.pvlans.get(segment.pvlan.index())?;
        if self.segments.get(target.index())?.pvlan != segment.pvlan {
            return None;
        }
        if self.accepts(source.segment, target) {
            return Some(Routed::Neighbours);
        }
        Some(match pvlan.hairpin {
            Hairpin::Gateway => Routed::Gateway,
            Hairpin::Permit => Routed::Unchecked,
            Hairpin::Deny if source.hairpin.binary_search(&to).is_ok() => Routed::Exception,
            Hairpin::Deny => Routed::Denied,
        })
    }

    /// Every MAC that policy binds, in no order.
    pub fn bound_macs(&self) -> impl Iterator<Item = (PvlanId, Mac, AttachmentId)> {
        self.mac_owner
            .iter()
            .map(|(&(pvlan, mac), &attachment)| (pvlan, mac, attachment))
    }
}
