//! What the lab builds: three nodes and fifteen hosts in two private VLANs, so placed that every
//! rule of the matrix is met both on one node and across two.

use std::fmt;
use std::net::Ipv4Addr;

use skerry_policy::Mac;

/// A node of the lab: its name and its place on the underlay and in the tunnel.
#[derive(Debug)]
pub(super) struct NodePlan {
    pub(super) name: &'static str,
    pub(super) underlay: Ipv4Addr,
    pub(super) overlay: Ipv4Addr,
}

/// The nodes. The underlay uses a documentation prefix (RFC 5737), the overlay shared address
/// space (RFC 6598).
pub(super) const NODES: [NodePlan; 3] = [
    NodePlan {
        name: "n1",
        underlay: Ipv4Addr::new(192, 0, 2, 1),
        overlay: Ipv4Addr::new(100, 64, 0, 1),
    },
    NodePlan {
        name: "n2",
        underlay: Ipv4Addr::new(192, 0, 2, 2),
        overlay: Ipv4Addr::new(100, 64, 0, 2),
    },
    NodePlan {
        name: "n3",
        underlay: Ipv4Addr::new(192, 0, 2, 3),
        overlay: Ipv4Addr::new(100, 64, 0, 3),
    },
];

/// Where the WireGuard sockets of the nodes listen.
pub(super) const WIREGUARD_PORT: u16 = 51820;
/// Prefix length of the underlay and of both private VLANs.
pub(super) const PREFIX: u8 = 24;

/// A host of the lab, and the port it is behind.
#[derive(Debug)]
pub(super) struct HostPlan {
    /// The port's name, unique in the lab.
    pub(super) name: &'static str,
    /// The node the port is on.
    pub(super) node: &'static str,
    /// Its private VLAN.
    pub(super) domain: &'static str,
    /// Its segment inside the private VLAN.
    pub(super) segment: &'static str,
    pub(super) ip: Ipv4Addr,
    pub(super) gateway: bool,
    number: u8,
}

impl HostPlan {
    /// `blue.isolated`.
    pub(super) fn role(&self) -> String {
        format!("{}.{}", self.domain, self.segment)
    }

    /// `n1/b-i1`.
    pub(super) fn port(&self) -> String {
        format!("{}/{}", self.node, self.name)
    }

    /// The address that policy binds to the port and the host uses.
    pub(super) const fn mac(&self) -> Mac {
        Mac([2, 0, 0, 0, self.ip.octets()[1], self.number])
    }
}

const fn host(
    name: &'static str,
    node: &'static str,
    segment: &'static str,
    domain: &'static str,
    number: u8,
) -> HostPlan {
    HostPlan {
        name,
        node,
        domain,
        segment,
        ip: Ipv4Addr::new(
            10,
            if matches!(domain.as_bytes(), b"blue") {
                1
            } else {
                2
            },
            0,
            number,
        ),
        gateway: number == 1,
        number,
    }
}

/// The hosts, in the order in which every table shows them: domain by domain, role by role.
pub(super) const HOSTS: [HostPlan; 15] = [
    host("b-gw", "n1", "promiscuous", "blue", 1),
    host("b-p2", "n3", "promiscuous", "blue", 2),
    host("b-i1", "n1", "isolated", "blue", 11),
    host("b-i2", "n1", "isolated", "blue", 12),
    host("b-i3", "n2", "isolated", "blue", 13),
    host("b-i4", "n3", "isolated", "blue", 14),
    host("b-w1", "n1", "web", "blue", 21),
    host("b-w2", "n2", "web", "blue", 22),
    host("b-d1", "n1", "db", "blue", 31),
    host("b-d2", "n2", "db", "blue", 32),
    host("r-gw", "n2", "promiscuous", "red", 1),
    host("r-i1", "n1", "isolated", "red", 11),
    host("r-i2", "n3", "isolated", "red", 12),
    host("r-l1", "n2", "lab", "red", 21),
    host("r-l2", "n3", "lab", "red", 22),
];

/// One of [`HOSTS`].
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct HostId(u8);

impl HostId {
    /// Every host, in order.
    pub(super) fn all() -> impl Iterator<Item = Self> + Clone {
        (0_u8..).take(HOSTS.len()).map(Self)
    }

    /// The host of this name.
    #[cfg(test)]
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::all().find(|host| host.plan().name == name)
    }

    /// `None` when the number names no host.
    pub(super) fn from_number(number: u8) -> Option<Self> {
        (usize::from(number) < HOSTS.len()).then_some(Self(number))
    }

    pub(super) const fn number(self) -> u8 {
        self.0
    }

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }

    pub(super) const fn plan(self) -> &'static HostPlan {
        &HOSTS[self.index()]
    }
}

impl fmt::Debug for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.plan().name)
    }
}

/// The hosts that the demonstrations name.
pub(super) mod cast {
    use super::HostId;

    /// The gateway of blue, on n1.
    pub(in super::super) const GATEWAY: HostId = HostId(0);
    /// Isolated, on n1: the attacker, and the one that is moved by the reload.
    pub(in super::super) const ATTACKER: HostId = HostId(2);
    /// Isolated, on n1: the victim behind the same node.
    pub(in super::super) const NEIGHBOUR: HostId = HostId(3);
    /// Isolated, on n2: whose path to the gateway must survive the theft.
    pub(in super::super) const FAR_ISOLATED: HostId = HostId(4);
    /// Web, on n1: one end of the throughput and latency measurements.
    pub(in super::super) const WEB_NEAR: HostId = HostId(6);
    /// Web, on n2: the other end, and whom the moved host may then reach.
    pub(in super::super) const WEB_FAR: HostId = HostId(7);
    /// Db, on n1: a bystander.
    pub(in super::super) const DB_NEAR: HostId = HostId(8);
    /// Db, on n2: its partner.
    pub(in super::super) const DB_FAR: HostId = HostId(9);
    /// The gateway of red, on n2.
    pub(in super::super) const RED_GATEWAY: HostId = HostId(10);
    /// Isolated in red, on n1.
    pub(in super::super) const RED_NEAR: HostId = HostId(11);
    /// Isolated in red, on n3.
    pub(in super::super) const RED_FAR: HostId = HostId(12);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cast_is_who_it_says() {
        let names = [
            (cast::GATEWAY, "b-gw"),
            (cast::ATTACKER, "b-i1"),
            (cast::NEIGHBOUR, "b-i2"),
            (cast::FAR_ISOLATED, "b-i3"),
            (cast::WEB_NEAR, "b-w1"),
            (cast::WEB_FAR, "b-w2"),
            (cast::DB_NEAR, "b-d1"),
            (cast::DB_FAR, "b-d2"),
            (cast::RED_GATEWAY, "r-gw"),
            (cast::RED_NEAR, "r-i1"),
            (cast::RED_FAR, "r-i2"),
        ];
        for (host, name) in names {
            assert_eq!(host.plan().name, name);
            assert_eq!(HostId::named(name), Some(host));
        }
    }

    #[test]
    fn names_and_addresses_are_unique() {
        for a in HostId::all() {
            for b in HostId::all().filter(|&b| b != a) {
                assert_ne!(a.plan().name, b.plan().name);
                assert_ne!(a.plan().ip, b.plan().ip);
                assert_ne!(a.plan().mac(), b.plan().mac());
            }
        }
    }

    #[test]
    fn every_host_is_on_a_node_of_the_lab() {
        for host in HostId::all() {
            let plan = host.plan();
            assert!(NODES.iter().any(|node| node.name == plan.node), "{plan:?}");
        }
    }
}
