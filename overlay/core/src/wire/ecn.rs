//! Explicit congestion notification: the two bits of an IP header by which a router says that it is
//! congested instead of dropping the packet (RFC 3168), and how they cross a tunnel (RFC 6040).

use super::bytes::{fold, put, u16_at};
use super::ethernet::ethertype;
use crate::frame::ETH_HEADER;

/// Where IPv4 keeps the checksum of its header.
const CHECKSUM: usize = 10;

/// What an IP header says of congestion (RFC 3168 section 5). Of what is not IP: [`Ecn::NotEct`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(u8)]
pub enum Ecn {
    /// Its sender would not hear of a mark.
    #[default]
    NotEct = 0b00,
    /// Its sender would, and treats it as RFC 9331 says.
    Ect1 = 0b01,
    /// Its sender would.
    Ect0 = 0b10,
    /// It has met congestion.
    Ce = 0b11,
}

impl Ecn {
    /// The lower two bits of an IPv4 TOS or an IPv6 traffic class.
    pub const fn of_tos(tos: u8) -> Self {
        match tos & 0b11 {
            0b00 => Self::NotEct,
            0b01 => Self::Ect1,
            0b10 => Self::Ect0,
            _ => Self::Ce,
        }
    }

    /// A TOS or traffic class that says this, and nothing of its class.
    pub const fn tos(self) -> u8 {
        self as u8
    }

    /// Whether the sender hears of marks.
    pub const fn is_capable(self) -> bool {
        !matches!(self, Self::NotEct)
    }

    /// What an IP packet says.
    pub(crate) fn of_packet(packet: &[u8]) -> Self {
        match *packet {
            [first, second, ..] if first >> 4 == 4 => Self::of_tos(second),
            [first, second, ..] if first >> 4 == 6 => Self::of_tos(second >> 4),
            _ => Self::NotEct,
        }
    }

    /// What the packet in a frame without a tag says.
    pub(crate) fn of_frame(frame: &[u8]) -> Self {
        ip_in(frame).map_or(Self::NotEct, Self::of_packet)
    }

    /// What a packet is to say that came out of a tunnel whose header says `self` (RFC 6040 section
    /// 4.2, figure 4). `None` if it is to be dropped: the tunnel met congestion, and nobody else
    /// would hear of it.
    pub(crate) const fn onto(self, inner: Self) -> Option<Self> {
        match (inner, self) {
            (Self::NotEct, Self::Ce) => None,
            (Self::Ect0 | Self::Ect1, Self::Ce) => Some(Self::Ce),
            (Self::Ect0, Self::Ect1) => Some(Self::Ect1),
            (inner, _) => Some(inner),
        }
    }

    /// Makes an IP packet say this; the checksum of its header follows (RFC 1624 section 3,
    /// equation 3). `None`, and nothing is changed, if its header is not all there.
    pub(crate) fn write(self, packet: &mut [u8]) -> Option<()> {
        let old = u16_at(packet, 0)?;
        match old >> 12 {
            4 => {
                let checksum = u16_at(packet, CHECKSUM)?;
                let new = old & !0b11 | u16::from(self.tos());
                let sum = u64::from(!checksum) + u64::from(!old) + u64::from(new);
                put(packet, CHECKSUM, &(!fold(sum)).to_be_bytes())?;
                put(packet, 0, &new.to_be_bytes())
            }
            6 => {
                let new = old & !(0b11 << 4) | u16::from(self.tos()) << 4;
                put(packet, 0, &new.to_be_bytes())
            }
            _ => None,
        }
    }
}

/// The IP packet in a frame without a tag, if its version is what the frame says it is.
fn ip_in(frame: &[u8]) -> Option<&[u8]> {
    let version = match u16_at(frame, ETH_HEADER - 2)? {
        ethertype::IPV4 => 4,
        ethertype::IPV6 => 6,
        _ => return None,
    };
    let packet = frame.get(ETH_HEADER..)?;
    (packet.first()? >> 4 == version).then_some(packet)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Ecn::{Ce, Ect0, Ect1, NotEct};
    use super::*;
    use crate::wire::bytes::sum;

    const ALL: [Ecn; 4] = [NotEct, Ect0, Ect1, Ce];

    /// A row of figure 4: what comes of an inner header under each outer one.
    #[track_caller]
    fn row(inner: Ecn, expect: [Option<Ecn>; 4]) {
        assert_eq!(ALL.map(|outer| outer.onto(inner)), expect, "{inner:?}");
    }

    #[test]
    fn figure_4_of_rfc_6040() {
        row(NotEct, [Some(NotEct), Some(NotEct), Some(NotEct), None]);
        row(Ect0, [Some(Ect0), Some(Ect0), Some(Ect1), Some(Ce)]);
        row(Ect1, [Some(Ect1), Some(Ect1), Some(Ect1), Some(Ce)]);
        row(Ce, [Some(Ce), Some(Ce), Some(Ce), Some(Ce)]);
    }

    /// An IPv4 header with a right checksum.
    fn v4(tos: u8, id: u16) -> Vec<u8> {
        let [a, b] = id.to_be_bytes();
        let mut packet = vec![0x45, tos, 0, 28, a, b, 0x40, 0, 64, 17, 0, 0];
        packet.extend([10, 1, 0, 11, 10, 1, 0, 12]);
        let checksum = !fold(u64::from(sum(&packet, 0)));
        packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        packet.resize(28, 0);
        packet
    }

    fn v6(class: u8) -> Vec<u8> {
        let mut packet = vec![
            0x60 | class >> 4,
            class << 4 | 0xa,
            0xbc,
            0xde,
            0,
            8,
            17,
            64,
        ];
        packet.resize(48, 1);
        packet
    }

    #[test]
    fn both_versions_say_it_beside_their_class() {
        for ecn in ALL {
            for class in [0, 0b1011_1000, 0b1111_1100] {
                let tos = class | ecn.tos();
                assert_eq!(Ecn::of_tos(tos), ecn);
                assert_eq!(Ecn::of_packet(&v4(tos, 1)), ecn);
                assert_eq!(Ecn::of_packet(&v6(tos)), ecn);
            }
        }
    }

    #[track_caller]
    fn check(types: &[u8], packet: &[u8], expect: Ecn) {
        let frame = [&[2; 12], types, packet].concat();
        assert_eq!(Ecn::of_frame(&frame), expect, "{types:02x?}");
    }

    #[test]
    fn only_ip_says_anything() {
        check(&[8, 0], &v4(3, 1), Ce);
        check(&[0x86, 0xdd], &v6(3), Ce);
        check(&[0x86, 0xdd], &v4(3, 1), NotEct);
        check(&[8, 0], &v6(3), NotEct);
        check(&[8, 6], &v4(3, 1), NotEct);
        check(&[8, 0], &[], NotEct);
        check(&[8, 0], &[0x45], NotEct);
        check(&[], &[], NotEct);
    }

    #[test]
    fn what_has_no_header_stays_as_it_is() {
        for whole in [v4(2, 1), v6(2), vec![0x55; 40], vec![0x0; 40]] {
            for length in 0..whole.len() {
                let mut packet = whole[..length].to_vec();
                if Ce.write(&mut packet).is_none() {
                    assert_eq!(packet, whole[..length]);
                }
            }
        }
        assert_eq!(Ce.write(&mut v4(2, 1)[..11]), None);
        assert_eq!(Ce.write(&mut [0x55; 40]), None);
    }

    proptest! {
        #[test]
        fn nothing_else_changes_and_the_checksum_stays_right(tos: u8, id: u16) {
            for ecn in ALL {
                let expect = tos & !0b11 | ecn.tos();
                let mut packet = v4(tos, id);
                ecn.write(&mut packet).unwrap();
                prop_assert_eq!(packet, v4(expect, id));
                let mut packet = v6(tos);
                ecn.write(&mut packet).unwrap();
                prop_assert_eq!(packet, v6(expect));
            }
        }
    }
}
