//! The small words of the fabric: identifiers that cannot be mixed up.

use std::fmt;

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
