//! Who is where: the statement that workers and nodes exchange about a MAC address.

use std::net::IpAddr;
use std::time::Duration;

use skerry_policy::{LocalAttachment, Mac, NodeId, PvlanId, SegmentId};

use crate::time::Time;

/// Where a MAC address is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Place {
    /// On a port of this node.
    Port(LocalAttachment),
    /// Behind a peer.
    Node(NodeId),
}

/// How strongly a place holds a MAC address; the order is the order of strength.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Strength {
    /// Learned on a host port without a guard.
    Dynamic,
    /// First seen on a guarded host port.
    Pinned,
    /// Learned on a promiscuous port.
    Promiscuous,
    /// Named by policy.
    Bound,
}

/// One change of the table, as told to other workers and to peers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Claim {
    /// The generation whose identifiers it uses; ignored under any other.
    pub generation: u64,
    /// The private VLAN whose table changes.
    pub pvlan: PvlanId,
    /// The segment of the place.
    pub segment: SegmentId,
    /// The address.
    pub mac: Mac,
    /// The place.
    pub place: Place,
    /// The strength.
    pub strength: Strength,
    /// What happened.
    pub what: Change,
}

/// What happened to a MAC address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// It is at `place`, first seen there at this time of this node.
    Here(Time),
    /// It was pinned at `place` together with this address (link-local, RFC 4291 section 2.5.6).
    Address(IpAddr),
    /// It aged out, or its port went down.
    Gone,
    /// Somebody at `place` listens to this multicast group.
    Listens(IpAddr),
    /// Somebody at `place` no longer listens to it.
    Leaves(IpAddr),
    /// A multicast router asks from `place` who listens.
    Asks {
        /// By MLD, not IGMP.
        v6: bool,
        /// How long it waits for answers.
        patience: Duration,
    },
}
