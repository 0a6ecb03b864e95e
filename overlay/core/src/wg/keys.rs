//! The keys of a worker's lanes, all derived from the node's.
//!
//! Lane 0 has the node's own key. Lane k has a key of its own, since one key at several lanes would
//! let a handshake that one of them has seen be played to another: what keeps a lane from taking an
//! old one twice (TAI64N, WireGuard paper section 5.1) is kept per lane.
//!
//! A peer tells of its lane keys itself, and what it tells proves nothing: it could tell another
//! node's. So every lane but the first also mixes in a pre-shared key (WireGuard paper, section
//! 5.2) that follows from the two *node* keys. Nobody else can compute it, so a session of such a
//! lane is with the node that lane 0 is with, whatever was told.

use std::fmt;

use blake2::Blake2sMac256;
use blake2::digest::{FixedOutput, KeyInit, Update};
use boringtun::x25519::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// Lanes between two nodes at most, and so workers that have one. Further workers hand over.
pub const LANES: u8 = 16;

/// What the derived values are for: nothing else that is made from a node key begins so.
const SECRET: &[u8] = b"skerry lane secret v1";
const SHARED: &[u8] = b"skerry lane psk v1";

/// The keys of one worker's lanes. Names none of them.
pub(super) struct Keys {
    number: u8,
    node: StaticSecret,
    node_public: PublicKey,
    secret: StaticSecret,
    public: PublicKey,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl Keys {
    pub(super) fn new(node: StaticSecret, number: u8) -> Self {
        let secret = lane_secret(&node, number);
        Self {
            number,
            node_public: PublicKey::from(&node),
            node,
            public: PublicKey::from(&secret),
            secret,
        }
    }

    /// Which lane of every peer this is.
    pub(super) const fn number(&self) -> u8 {
        self.number
    }

    /// The key that handshakes of this lane are done with.
    pub(super) const fn secret(&self) -> &StaticSecret {
        &self.secret
    }

    pub(super) const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The key that policy knows this node by.
    pub(super) const fn node_public(&self) -> &PublicKey {
        &self.node_public
    }

    /// What only this node and the one with that key can know. `None` for a key that shares no
    /// secret with anybody (RFC 7748 section 6.1).
    pub(super) fn shared(&self, peer: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        let shared = self.node.diffie_hellman(&PublicKey::from(*peer));
        if !shared.was_contributory() {
            return None;
        }
        // Both ends put the two in the same order.
        let mut ends = [self.node_public.as_bytes(), peer];
        ends.sort_unstable();
        let [low, high] = ends;
        Some(derive(
            shared.as_bytes(),
            &[SHARED, &[self.number], low, high],
        ))
    }
}

/// The public key of one of a node's lanes, as its peers are told.
pub fn lane_public(node: &StaticSecret, number: u8) -> [u8; 32] {
    PublicKey::from(&lane_secret(node, number)).to_bytes()
}

/// The same at every start, so that a restarted node is not a stranger.
fn lane_secret(node: &StaticSecret, number: u8) -> StaticSecret {
    if number == 0 {
        return node.clone();
    }
    let key = Zeroizing::new(node.to_bytes());
    StaticSecret::from(*derive(&key, &[SECRET, &[number]]))
}

/// BLAKE2s with a key, which is a pseudo-random function of what follows (RFC 7693 section 2.9).
fn derive(key: &[u8; 32], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut mac = <Blake2sMac256 as KeyInit>::new(key.into());
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize_fixed().into())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::wg::testing::secret;

    #[test]
    fn lane_0_has_the_node_key_and_every_other_lane_one_of_its_own() {
        let node = secret("n1");
        let public = PublicKey::from(&node).to_bytes();
        assert_eq!(lane_public(&node, 0), public);
        let all: HashSet<_> = (0..LANES).map(|lane| lane_public(&node, lane)).collect();
        assert_eq!(all.len(), usize::from(LANES));
        let again: HashSet<_> = (0..LANES).map(|lane| lane_public(&node, lane)).collect();
        assert_eq!(all, again, "a restart keeps the keys");
        let other = (0..LANES).map(|lane| lane_public(&secret("n2"), lane));
        assert!(all.is_disjoint(&other.collect()));
    }

    #[test]
    fn both_ends_share_what_nobody_else_knows() {
        let keys = |name, lane| Keys::new(secret(name), lane);
        let public = |name| PublicKey::from(&secret(name)).to_bytes();
        let (a, b) = (keys("n1", 1), keys("n2", 1));
        assert_eq!(a.shared(&public("n2")), b.shared(&public("n1")));
        assert!(a.shared(&public("n2")).is_some());
        let others = [
            keys("n1", 2).shared(&public("n2")),
            a.shared(&public("n3")),
            keys("n3", 1).shared(&public("n1")),
            keys("n3", 1).shared(&public("n2")),
        ];
        for other in others {
            assert_ne!(a.shared(&public("n2")), other);
        }
    }

    #[test]
    fn a_key_that_shares_no_secret_is_refused() {
        let keys = Keys::new(secret("n1"), 1);
        assert_eq!(keys.shared(&[0; 32]), None);
        let mut one = [0; 32];
        one[0] = 1;
        assert_eq!(keys.shared(&one), None);
    }

    #[test]
    fn debug_shows_no_key() {
        let keys = Keys::new(secret("n1"), 3);
        assert_eq!(format!("{keys:?}"), "Keys { number: 3, .. }");
    }
}
