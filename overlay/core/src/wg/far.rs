//! The far end of a lane: what it proves itself with, and where it is.

use std::net::SocketAddr;

use skerry_policy::Node;

/// What a peer has told of one of its lanes, inside lane 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Told {
    /// The public key of that lane.
    pub key: [u8; 32],
    /// The peer's address, as lane 0 hears it, with the port that it told.
    pub endpoint: SocketAddr,
    /// Random per start of the peer: another one has forgotten every session.
    pub boot: u64,
}

/// The far end, as a lane is made for it.
pub(super) struct Far {
    /// What its handshakes carry. Not who it is: that is the node's key.
    pub(super) key: [u8; 32],
    pub(super) endpoint: Option<SocketAddr>,
    pub(super) boot: Option<u64>,
}

impl Far {
    /// Lane 0: what policy says.
    pub(super) const fn listed(node: &Node) -> Self {
        Self {
            key: node.key,
            endpoint: node.endpoint,
            boot: None,
        }
    }

    /// Any other: what the peer says.
    pub(super) const fn told(told: &Told) -> Self {
        Self {
            key: told.key,
            endpoint: Some(told.endpoint),
            boot: Some(told.boot),
        }
    }
}
