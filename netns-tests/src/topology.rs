//! Topologies T1 and T2 of the conformance matrix, described a second time and by hand.
//!
//! The sixteenth port is `n4/b-i5`: a blue isolated port on an agent node. The matrix counts the
//! stock edge `n2/e1`, also blue isolated, as its sixteenth. T2 adds two trunks on n3; each of
//! their tags is a port here, as it is an attachment of its own to the fabric.

use std::fmt;

/// A private VLAN of T1.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Vlan {
    /// Hairpins are denied; two routers, four isolated hosts, two communities.
    Blue,
    /// Hairpins go through the gateway.
    Red,
}

/// What a port may be (RFC 5517 section 2).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// Talks with everybody of its private VLAN.
    Promiscuous,
    /// Talks with promiscuous ports.
    Isolated,
    /// Talks with promiscuous ports and with the community of this name.
    Community(&'static str),
}

/// A node that runs the daemon: 1 to 4.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Node(pub u8);

impl Node {
    /// All of them.
    pub const ALL: [Self; 4] = [Self(1), Self(2), Self(3), Self(4)];

    /// `n1`.
    pub fn name(self) -> String {
        format!("n{}", self.0)
    }

    /// Its address on the underlay.
    pub fn underlay(self) -> String {
        format!("10.255.0.{}", self.0)
    }

    /// Its address inside the tunnels.
    pub fn overlay(self) -> String {
        format!("100.64.0.{}", self.0)
    }

    /// Position in [`Node::ALL`].
    pub fn index(self) -> usize {
        usize::from(self.0 - 1)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

/// A port of T1, or a tag of a trunk of T2: an index into the table below, which every frame's
/// tag carries.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Port(pub u8);

struct Row {
    node: u8,
    name: &'static str,
    vlan: Vlan,
    role: Role,
    /// Last byte of the host's address, unique in its private VLAN.
    host: u8,
    /// Under which VLAN tag its frames travel.
    vid: Option<u16>,
}

const fn row(node: u8, name: &'static str, vlan: Vlan, role: Role, host: u8) -> Row {
    Row {
        node,
        name,
        vlan,
        role,
        host,
        vid: None,
    }
}

const fn tagged(name: &'static str, vid: u16, vlan: Vlan, role: Role, host: u8) -> Row {
    Row {
        vid: Some(vid),
        ..row(3, name, vlan, role, host)
    }
}

use Role::{Community, Isolated, Promiscuous};
use Vlan::{Blue, Red};

const TABLE: [Row; 19] = [
    row(1, "b-gw", Blue, Promiscuous, 1),
    row(1, "b-i1", Blue, Isolated, 11),
    row(1, "b-i2", Blue, Isolated, 12),
    row(1, "b-w1", Blue, Community("web"), 21),
    row(1, "b-d1", Blue, Community("db"), 31),
    row(1, "r-i1", Red, Isolated, 11),
    row(2, "b-i3", Blue, Isolated, 13),
    row(2, "b-w2", Blue, Community("web"), 22),
    row(2, "b-d2", Blue, Community("db"), 32),
    row(2, "r-gw", Red, Promiscuous, 1),
    row(2, "r-l1", Red, Community("lab"), 31),
    row(3, "b-p2", Blue, Promiscuous, 2),
    row(3, "b-i4", Blue, Isolated, 14),
    row(3, "r-i2", Red, Isolated, 12),
    row(3, "r-l2", Red, Community("lab"), 32),
    row(4, "b-i5", Blue, Isolated, 15),
    tagged("up0#10", 10, Blue, Promiscuous, 3),
    tagged("up0#20", 20, Red, Promiscuous, 53),
    tagged("dn0#30", 30, Blue, Isolated, 41),
];

impl Port {
    /// How many there are, the tags of T2 included.
    pub const COUNT: usize = TABLE.len();
    /// How many T1 has.
    pub const T1: usize = 16;

    /// The sixteen of T1.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        (0..16).map(Self)
    }

    /// What T2 has beside them: the tags of its trunks.
    pub fn trunks() -> impl Iterator<Item = Self> + Clone {
        (16..19).map(Self)
    }

    /// The port of this name.
    ///
    /// # Errors
    /// When neither topology has one.
    pub fn named(name: &str) -> anyhow::Result<Self> {
        Self::all()
            .chain(Self::trunks())
            .find(|port| port.name() == name)
            .ok_or_else(|| anyhow::anyhow!("neither T1 nor T2 has a port {name}"))
    }

    fn row(self) -> &'static Row {
        &TABLE[self.index()]
    }

    /// Position in the table.
    pub fn index(self) -> usize {
        usize::from(self.0) % TABLE.len()
    }

    /// `b-i1`, `up0#10`: unique.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// `b-i1`, `up0`: what its interface is called, which the tags of a trunk share.
    pub fn device(self) -> &'static str {
        let name = self.name();
        name.split_once('#').map_or(name, |(device, _)| device)
    }

    /// The VLAN tag that its frames carry, on a trunk.
    pub fn vid(self) -> Option<u16> {
        self.row().vid
    }

    /// `n1/b-i1`, `n3/up0`: what counters call it.
    pub fn full_name(self) -> String {
        format!("{}/{}", self.node(), self.device())
    }

    /// Where it is.
    pub fn node(self) -> Node {
        Node(self.row().node)
    }

    /// The private VLAN it belongs to.
    pub fn vlan(self) -> Vlan {
        self.row().vlan
    }

    /// Its role there.
    pub fn role(self) -> Role {
        self.row().role
    }

    /// The MAC address its host uses.
    pub fn mac(self) -> [u8; 6] {
        [
            2,
            0,
            0,
            0,
            if self.vlan() == Blue { 1 } else { 2 },
            self.row().host,
        ]
    }

    /// The IPv4 address its host uses.
    pub fn ip(self) -> [u8; 4] {
        [
            10,
            if self.vlan() == Blue { 1 } else { 2 },
            0,
            self.row().host,
        ]
    }

    /// The IPv6 address its host uses, in the blue private VLAN.
    pub fn ip6(self) -> [u8; 16] {
        let mut address = [0; 16];
        address[..8].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8, 0, self.ip()[1], 0, 0]);
        address[15] = self.row().host;
        address
    }

    /// `blue.isolated`, `blue.web`: what the site file and the counters call its segment.
    pub fn segment(self) -> String {
        let vlan = if self.vlan() == Blue { "blue" } else { "red" };
        match self.role() {
            Promiscuous => format!("{vlan}.promiscuous"),
            Isolated => format!("{vlan}.isolated"),
            Community(name) => format!("{vlan}.{name}"),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
