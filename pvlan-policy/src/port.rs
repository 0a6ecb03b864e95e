//! What a port is, once every default of the site file has been applied.

use std::net::IpAddr;

use crate::id::{AttachmentId, Mac, NodeId, PortId, SegmentId, Vid};

/// How a guest attaches (`attach` on the port).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Attach {
    /// A TAP interface named like the port, or like `name`, in the namespace at `netns` if given.
    Tap {
        /// Interface name; the port's own when absent.
        name: Option<String>,
        /// Path of the network namespace the TAP is made in; the daemon's own when absent.
        netns: Option<String>,
    },
    /// An interface that exists: taken raw, promiscuous, given back as it was.
    Nic(String),
    /// A veth pair: the near end is the port, the far end is `name` in the namespace at `netns`.
    Veth {
        /// Interface name of the far end.
        name: String,
        /// Path of the network namespace of the far end.
        netns: String,
    },
    /// A stock Linux node reached through its home node's tunnel: no interface here.
    Edge(NodeId),
}

/// One port of the fabric.
#[derive(Clone, Debug)]
pub struct Port {
    /// Its position in the fabric's table.
    pub id: PortId,
    /// The node that the site file lists it under.
    pub node: NodeId,
    /// Its name, unique on its node.
    pub name: String,
    /// How the guest attaches.
    pub attach: Attach,
    /// What it carries: one untagged attachment, or one per tag of a trunk.
    pub attachments: Vec<AttachmentId>,
    /// A router of its private VLANs: what hairpins are answered with.
    pub gateway: bool,
    /// MAC addresses bound to it by policy.
    pub macs: Vec<Mac>,
    /// IP addresses bound to it by policy.
    pub ips: Vec<IpAddr>,
    /// First-hop checks.
    pub guards: Guards,
    /// Ethertypes it may send.
    pub ethertypes: Ethertypes,
    /// Frames a second it may send to more than one receiver.
    pub storm: Storm,
    /// Bits a second it may send; unlimited when absent.
    pub rate: Option<u64>,
}

/// One tag of one port: what the matrix has a row and a column for.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Its position in the fabric's table.
    pub id: AttachmentId,
    /// The port it belongs to.
    pub port: PortId,
    /// The node whose datapath serves it: the port's own, or the home of a stock edge.
    pub home: NodeId,
    /// `None` on an access port.
    pub tag: Option<Vid>,
    /// The segment of every frame that enters here.
    pub segment: SegmentId,
    /// Tells it from the others of its node, on the wire and under any policy that names its
    /// port and tag alike: a UDP port of the dynamic range, by a hash of both names, so that two
    /// of one node may have the same (one pair in 16,384).
    pub mark: u16,
    /// Attachments it may reach through the gateway in spite of `hairpin = "deny"`, sorted.
    pub hairpin: Vec<AttachmentId>,
}

/// First-hop checks of a port (`guard`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Guards {
    /// What a new source MAC on this port becomes.
    pub mac: MacGuard,
    /// Source MACs it may use at once, bound ones included.
    pub max_macs: u32,
    /// Source IPs, ARP and ND: `Bound` holds them to the policy's addresses.
    pub ip: IpGuard,
    /// Which DHCP messages it may send.
    pub dhcp: DhcpGuard,
    /// Whether it may send router advertisements.
    pub ra: RaGuard,
    /// Multicast groups it may listen to at once, beyond the link-local ones.
    pub max_groups: u32,
}

/// What a new source MAC becomes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MacGuard {
    /// Learned, and moved by anyone of equal strength.
    Off,
    /// Pinned: the first place keeps it until it ages or goes down.
    Pin,
}

/// Whether source addresses are held to the policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IpGuard {
    /// Any address.
    Off,
    /// Bound addresses, and one pinned link-local.
    Bound,
}

/// Which DHCP messages a port may send.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DhcpGuard {
    /// Any.
    Off,
    /// Client messages only.
    Client,
    /// Server messages too.
    Server,
}

/// Whether a port may send router advertisements (RFC 6105).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RaGuard {
    /// It is no router.
    Deny,
    /// It may be one.
    Allow,
}

/// The ethertypes a port may send.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ethertypes {
    /// Every type that is not reserved (`["any"]`).
    Any,
    /// These only, sorted.
    Only(Vec<u16>),
}

impl Ethertypes {
    /// Whether a frame of this type may enter.
    pub fn allows(&self, ethertype: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Only(list) => list.contains(&ethertype),
        }
    }
}

/// Frames a second to more than one receiver, per class.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Storm {
    /// To ff:ff:ff:ff:ff:ff.
    pub broadcast: u32,
    /// To any other group address.
    pub multicast: u32,
    /// To an address that the table does not know.
    pub unknown: u32,
}
