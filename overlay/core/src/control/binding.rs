//! One MAC address of one segment, with or without an IP address, as nodes tell each other.

use std::net::IpAddr;

use skerry_policy::{Mac, Vni};

use crate::claim::Strength;
use crate::control::codec::Reader;

/// The longest record: VNI, MAC, tag, IPv6 address.
pub(super) const RECORD_MAX: usize = 3 + 6 + 1 + 16;

const GONE: u8 = 0x10;

/// What is told: identifiers that mean the same under any numbering of one policy. The order of
/// keys is the order of the pages.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Key {
    pub(super) vni: Vni,
    pub(super) mac: Mac,
    /// Absent: the MAC is there. Present: the MAC uses this address.
    pub(super) ip: Option<IpAddr>,
}

/// How strongly a peer may hold an address. Bound ones need no telling, unguarded ones none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Hold {
    Pinned,
    Promiscuous,
}

impl Hold {
    pub(super) const fn of(strength: Strength) -> Option<Self> {
        match strength {
            Strength::Pinned => Some(Self::Pinned),
            Strength::Promiscuous => Some(Self::Promiscuous),
            Strength::Dynamic | Strength::Bound => None,
        }
    }

    pub(super) const fn strength(self) -> Strength {
        match self {
            Self::Pinned => Strength::Pinned,
            Self::Promiscuous => Strength::Promiscuous,
        }
    }
}

/// A key and what became of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Record {
    pub(super) key: Key,
    /// `None`: the MAC is gone, and its addresses with it.
    pub(super) hold: Option<Hold>,
}

impl Record {
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        let Key { vni, mac, ip } = self.key;
        let [_, vni @ ..] = vni.get().to_be_bytes();
        bytes.extend(vni);
        bytes.extend(mac.0);
        let hold = match self.hold {
            None => GONE,
            Some(Hold::Pinned) => 1,
            Some(Hold::Promiscuous) => 2,
        };
        match ip {
            None => bytes.push(hold),
            Some(IpAddr::V4(v4)) => {
                bytes.push(hold | 4);
                bytes.extend(v4.octets());
            }
            Some(IpAddr::V6(v6)) => {
                bytes.push(hold | 8);
                bytes.extend(v6.octets());
            }
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let [a, b, c] = reader.bytes()?;
        let vni = Vni::new(u32::from_be_bytes([0, a, b, c]))?;
        let mac = Mac(reader.bytes()?);
        if mac.is_group() || mac.is_zero() {
            return None;
        }
        let tag = reader.byte()?;
        let ip = match tag & 0xc {
            0 => None,
            4 => Some(IpAddr::from(reader.bytes::<4>()?)),
            8 => Some(IpAddr::from(reader.bytes::<16>()?)),
            _ => return None,
        };
        let hold = match tag & !0xc {
            1 => Some(Hold::Pinned),
            2 => Some(Hold::Promiscuous),
            GONE if ip.is_none() => None,
            _ => return None,
        };
        let key = Key { vni, mac, ip };
        Some(Self { key, hold })
    }
}
