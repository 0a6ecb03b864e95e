//! Who sends to whom: a site and two crowds of hosts for every point of every curve.

use std::net::Ipv4Addr;

use skerry_policy::LocalPort;

use crate::walk::Walk;
use crate::world::frames::{End, Transport};
use crate::world::site::{Plan, bound_ip, mac};

/// Where policy binds no address: those of hosts behind unguarded ports.
const UNBOUND: u32 = 0x0a80_0000;

/// What there is more and more of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dimension {
    Ports,
    Macs,
    Peers,
    /// UDP, which no node keeps anything of.
    Flows,
    /// TCP out of a tunnel, which is joined where it continues.
    TcpFlows,
    /// Hosts behind a peer that talk to the gateway here.
    Clients,
}

/// Which way frames go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// From port to port of one node.
    Here,
    /// From a port into a tunnel.
    Out,
    /// Out of a tunnel to a port.
    In,
}

/// Hosts, evenly spread over some nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    /// The first of the nodes, and how many.
    pub(crate) node: u32,
    nodes: u32,
    /// Hosts of each node, and the number of its first.
    hosts: u32,
    first: u32,
    /// All of a node are behind this one port; each has its own otherwise.
    behind: Option<u32>,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Host {
    pub(crate) node: u32,
    pub(crate) port: LocalPort,
    pub(crate) end: End,
}

impl Crowd {
    const fn new(node: u32, nodes: u32, hosts: u32) -> Self {
        Self {
            node,
            nodes,
            hosts,
            first: 0,
            behind: None,
        }
    }

    pub(crate) const fn len(&self) -> u32 {
        self.nodes * self.hosts
    }

    /// Made from the number alone: a table of hosts would be one more thing to be in no cache.
    pub(crate) fn host(&self, nth: u32) -> Host {
        let (node, host) = (self.node + nth / self.hosts, self.first + nth % self.hosts);
        let ip = match self.behind {
            Some(_) => unbound_ip(node, host),
            None => bound_ip(node, host),
        };
        let mac = mac(node, host);
        Host {
            node,
            port: LocalPort(self.behind.unwrap_or(host)),
            end: End { mac, ip },
        }
    }
}

/// One point of one curve.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) dimension: Dimension,
    pub(crate) way: Way,
    /// How many ports, addresses, peers or flows.
    pub(crate) count: u32,
    pub(crate) plan: Plan,
    pub(crate) senders: Crowd,
    pub(crate) receivers: Crowd,
    pub(crate) flows: u32,
}

impl Layout {
    pub(crate) fn new(dimension: Dimension, way: Way, count: u32) -> Self {
        let (plan, here, other) = match dimension {
            Dimension::Ports => ports(way, count),
            Dimension::Macs => macs(way, count / 2),
            Dimension::Peers => peers(count),
            Dimension::Flows | Dimension::TcpFlows => flows(way),
            Dimension::Clients => clients(count),
        };
        let (senders, receivers) = if way == Way::In {
            (other, here)
        } else {
            (here, other)
        };
        let is_flows = matches!(dimension, Dimension::Flows | Dimension::TcpFlows);
        Self {
            dimension,
            way,
            count,
            plan,
            senders,
            receivers,
            flows: if is_flows { count } else { 1 },
        }
    }

    /// `ports here 16`.
    pub(crate) fn name(&self) -> String {
        format!("{:?} {:?} {}", self.dimension, self.way, self.count).to_lowercase()
    }

    pub(crate) fn transport(&self) -> Transport {
        if self.dimension == Dimension::TcpFlows {
            Transport::Tcp
        } else {
            Transport::Udp
        }
    }

    /// Whose turn it is: senders, receivers and flows each in an order of their own.
    pub(crate) fn walks(&self) -> [Walk; 3] {
        let counts = [self.senders.len(), self.receivers.len(), self.flows];
        let mut seed = 0;
        counts.map(|count| {
            seed += 0x0123_4567;
            Walk::new(count, seed)
        })
    }
}

const PLAN: Plan = Plan {
    here: 1,
    peers: 1,
    there: 1,
    gateway: false,
    guarded: true,
};

/// Many ports of one node that talk to each other, or to one host elsewhere.
fn ports(way: Way, count: u32) -> (Plan, Crowd, Crowd) {
    let here = Crowd::new(0, 1, count);
    if way == Way::Here {
        let plan = Plan {
            here: count,
            peers: 0,
            ..PLAN
        };
        return (plan, here, here);
    }
    let plan = Plan {
        here: count,
        ..PLAN
    };
    (plan, here, Crowd::new(1, 1, 1))
}

/// Half of the addresses behind one port, the others behind a second port or a peer.
fn macs(way: Way, half: u32) -> (Plan, Crowd, Crowd) {
    let here = Crowd {
        behind: Some(0),
        ..Crowd::new(0, 1, half)
    };
    let guarded = false;
    if way == Way::Here {
        let plan = Plan {
            here: 2,
            peers: 0,
            guarded,
            ..PLAN
        };
        let other = Crowd {
            behind: Some(1),
            first: half,
            ..here
        };
        return (plan, here, other);
    }
    (Plan { guarded, ..PLAN }, here, Crowd { node: 1, ..here })
}

/// One host here, and one behind every peer.
fn peers(count: u32) -> (Plan, Crowd, Crowd) {
    let plan = Plan {
        peers: count,
        ..PLAN
    };
    (plan, Crowd::new(0, 1, 1), Crowd::new(1, count, 1))
}

/// Two hosts with much to say.
fn flows(way: Way) -> (Plan, Crowd, Crowd) {
    let here = Crowd::new(0, 1, 1);
    if way == Way::Here {
        let plan = Plan {
            here: 2,
            peers: 0,
            ..PLAN
        };
        return (plan, here, Crowd { first: 1, ..here });
    }
    (PLAN, here, Crowd::new(1, 1, 1))
}

/// Hosts of one peer, and the gateway here.
fn clients(count: u32) -> (Plan, Crowd, Crowd) {
    let plan = Plan {
        there: count,
        gateway: true,
        ..PLAN
    };
    (plan, Crowd::new(0, 1, 1), Crowd::new(1, 1, count))
}

/// The address of one of the many hosts behind an unguarded port.
fn unbound_ip(node: u32, host: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(UNBOUND + (node << 16) + host)
}
