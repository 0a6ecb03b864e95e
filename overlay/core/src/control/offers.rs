//! The lanes that a node has besides the first: for each the key and the UDP port of its own end.
//!
//! A message of its own after every Hello, and none from a node that has only lane 0. One that does
//! not know of lanes does not understand it, counts it, and misses nothing.

use crate::control::codec::{Reader, put};
use crate::wg::LANES;

/// One lane of the sender, other than the first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LaneOffer {
    /// Which: from 1 to [`LANES`](crate::LANES) - 1. Lane k of one node talks to lane k of another.
    pub number: u8,
    /// Where it listens, at the address of lane 0.
    pub port: u16,
    /// Its public key.
    pub key: [u8; 32],
}

/// All of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Offers {
    /// As in the Hello before it.
    pub(super) boot: u64,
    /// In the order of their numbers.
    pub(super) lanes: Vec<LaneOffer>,
}

impl Offers {
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        put(bytes, self.boot);
        for lane in &self.lanes {
            bytes.push(lane.number);
            bytes.extend(lane.port.to_be_bytes());
            bytes.extend(lane.key);
        }
    }

    /// `None` unless there is at least one, each once and in order, with a port and a key that can
    /// be one, and no key twice.
    pub(super) fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let boot = reader.number()?;
        let mut lanes: Vec<LaneOffer> = Vec::new();
        while !reader.is_empty() {
            let lane = LaneOffer {
                number: reader.byte()?,
                port: reader.bytes().map(u16::from_be_bytes)?,
                key: reader.bytes()?,
            };
            let last = lanes.last().map_or(0, |it| it.number);
            let in_order = lane.number > last && lane.number < LANES;
            let twice = lanes.iter().any(|it| it.key == lane.key);
            if !in_order || twice || lane.port == 0 || is_of_low_order(&lane.key) {
                return None;
            }
            lanes.push(lane);
        }
        (!lanes.is_empty()).then_some(Self { boot, lanes })
    }
}

/// Whether a key is one of the few points that share the same secret with everybody, whichever way
/// they are written (RFC 7748 section 6.1; the top bit is not looked at, section 5).
fn is_of_low_order(key: &[u8; 32]) -> bool {
    let mut masked = *key;
    if let Some(top) = masked.last_mut() {
        *top &= 0x7f;
    }
    LOW_ORDER.contains(&masked)
}

/// 0, 1, two points of order 8, -1, and 0 and 1 again as numbers that are not reduced.
const LOW_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    number(1, 0, 0),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
    number(0xec, 0xff, 0x7f),
    number(0xed, 0xff, 0x7f),
    number(0xee, 0xff, 0x7f),
];

/// Little-endian: the lowest byte, all between, the highest.
const fn number(low: u8, between: u8, high: u8) -> [u8; 32] {
    let mut bytes = [between; 32];
    bytes[0] = low;
    bytes[31] = high;
    bytes
}

#[cfg(test)]
mod tests {
    use x25519_dalek::{PublicKey, StaticSecret};

    use super::*;

    fn shares_a_secret(key: [u8; 32]) -> bool {
        let secret = StaticSecret::from([7; 32]);
        secret
            .diffie_hellman(&PublicKey::from(key))
            .was_contributory()
    }

    #[test]
    fn the_keys_that_are_refused_are_those_that_share_no_secret() {
        for key in LOW_ORDER {
            let mut other = key;
            other[31] |= 0x80;
            for key in [key, other] {
                assert!(is_of_low_order(&key) && !shares_a_secret(key), "{key:02x?}");
            }
            other[5] ^= 4;
            assert!(
                !is_of_low_order(&other) && shares_a_secret(other),
                "{other:02x?}"
            );
        }
    }
}
