//! The small words of the fabric: identifiers that cannot be mixed up.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// A VXLAN network identifier, 1..=16,777,215 (RFC 7348 section 5; 0 is never given to a segment).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Vni(u32);

impl Vni {
    /// The largest VNI: 24 bits, all set.
    pub const MAX: Self = Self(0x00ff_ffff);

    /// `None` for 0 and for anything that does not fit 24 bits.
    pub const fn new(value: u32) -> Option<Self> {
        if value == 0 || value > Self::MAX.0 {
            None
        } else {
            Some(Self(value))
        }
    }

    /// The number on the wire.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Vni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An IEEE 802.1Q VLAN identifier, 1..=4094.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Vid(u16);

impl Vid {
    /// `None` for 0 (priority tag) and for 4095 (reserved).
    pub const fn new(value: u16) -> Option<Self> {
        if value == 0 || value > 4094 {
            None
        } else {
            Some(Self(value))
        }
    }

    /// The number in the tag.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Vid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// First half of the addresses of peerings; "SK" with the bit of local administration before it.
const PEERINGS: [u8; 3] = [0x02, 0x53, 0x4b];

/// An IEEE 802 MAC address.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// ff:ff:ff:ff:ff:ff.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// The group bit is set: multicast or broadcast.
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// All zero: never a valid address on the wire.
    pub const fn is_zero(self) -> bool {
        matches!(self.0, [0, 0, 0, 0, 0, 0])
    }

    /// The address of a peering in both of its private VLANs: locally administered, `02:53:4b`
    /// and its VNI.
    pub const fn of_peering(vni: Vni) -> Self {
        let [_, a, b, c] = vni.get().to_be_bytes();
        let [x, y, z] = PEERINGS;
        Self([x, y, z, a, b, c])
    }

    /// The address that a port's interface is made with where policy binds none: the same in every
    /// life of the node, so that what its neighbours and the other nodes remember of a guest
    /// outlives a restart. Locally administered and of one station (IEEE 802-2014 section 8.4);
    /// 46 bits of a hash of the node's key and the port's name, never in the block of the peerings.
    pub fn of_port(key: &[u8; 32], port: &str) -> Self {
        let hash = Sha256::new().chain_update(b"skerry port mac\0");
        let hash = hash.chain_update(key).chain_update(port).finalize();
        let [a, b, c, d, e, f, ..]: [u8; 32] = hash.into();
        Self([a, b, c, d, e, f]).localised()
    }

    /// Of local administration, of one station, and no peering's.
    const fn localised(self) -> Self {
        let [a, b, c, d, e, f] = self.0;
        let local = Self([a & 0xfc | 0x02, b, c, d, e, f]);
        if local.is_peerings() {
            Self([0x06, b, c, d, e, f])
        } else {
            local
        }
    }

    /// In the block that is kept for peerings, whether there is one of this number or not.
    pub const fn is_peerings(self) -> bool {
        let [x, y, z, ..] = self.0;
        x == PEERINGS[0] && y == PEERINGS[1] && z == PEERINGS[2]
    }

    /// The VNI in an address of that block.
    pub(crate) const fn peering_vni(self) -> Option<Vni> {
        let [.., a, b, c] = self.0;
        if self.is_peerings() {
            Vni::new(u32::from_be_bytes([0, a, b, c]))
        } else {
            None
        }
    }

    /// Six hexadecimal pairs with colons, as `ip link` prints them.
    pub fn parse(text: &str) -> Option<Self> {
        let mut mac = [0; 6];
        let mut pairs = text.split(':');
        for byte in &mut mac {
            let pair = pairs.next()?;
            if pair.len() != 2 || !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        pairs.next().is_none().then_some(Self(mac))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub u32);

        impl $name {
            /// The position in the table it points into.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index! {
    /// A node of the fabric: position in [`Fabric::nodes`](crate::Fabric::nodes).
    NodeId
}
index! {
    /// A private VLAN: position in [`Fabric::pvlans`](crate::Fabric::pvlans).
    PvlanId
}
index! {
    /// A segment: position in [`Fabric::segments`](crate::Fabric::segments). A peering is numbered
    /// on behind the last of them, so that no table of segments has a place for it.
    SegmentId
}
index! {
    /// A port, anywhere in the fabric: position in [`Fabric::ports`](crate::Fabric::ports).
    PortId
}
index! {
    /// One tag of one port, anywhere in the fabric: position in
    /// [`Fabric::attachments`](crate::Fabric::attachments). The unit of the matrix.
    AttachmentId
}
index! {
    /// A port of one node: position in [`Local::ports`](crate::Local::ports).
    LocalPort
}
index! {
    /// One tag of one port of one node: position in [`Local::attachments`](crate::Local::attachments).
    LocalAttachment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_made_for_a_port_is_local_of_one_station_and_no_peerings() {
        for (made_of, expect) in [
            ([0xff, 1, 2, 3, 4, 5], [0xfe, 1, 2, 3, 4, 5]),
            ([0x00, 0x53, 0x4c, 3, 4, 5], [0x02, 0x53, 0x4c, 3, 4, 5]),
            ([0x00, 0x53, 0x4b, 3, 4, 5], [0x06, 0x53, 0x4b, 3, 4, 5]),
            ([0x03, 0x53, 0x4b, 0, 0, 1], [0x06, 0x53, 0x4b, 0, 0, 1]),
        ] {
            assert_eq!(Mac(made_of).localised(), Mac(expect), "{made_of:x?}");
        }
    }

    #[test]
    fn it_depends_on_the_node_and_on_the_port_and_on_nothing_else() {
        let mac = Mac::of_port(&[1; 32], "b");
        assert_eq!(mac.to_string(), "d6:ed:4c:77:ed:9c");
        assert_ne!(mac, Mac::of_port(&[1; 32], "c"));
        assert_ne!(mac, Mac::of_port(&[2; 32], "b"));
    }
}
