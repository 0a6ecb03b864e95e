//! ARP for IPv4 over Ethernet (RFC 826).

use std::net::Ipv4Addr;

use skerry_policy::Mac;

use super::bytes::array;
use super::ethernet::ethertype;

/// Length of an ARP packet for IPv4 over Ethernet.
const LEN: usize = 28;
/// Hardware type Ethernet, protocol type IPv4, lengths 6 and 4.
const PREFIX: [u8; 6] = [0, 1, 8, 0, 6, 4];
/// A minimal Ethernet frame, padded, without its check sequence.
pub(crate) const REPLY_FRAME: usize = 60;

/// What the sender wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Operation {
    Request,
    Reply,
}

/// An ARP packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Arp {
    pub(crate) operation: Operation,
    pub(crate) sender_mac: Mac,
    pub(crate) sender_ip: Ipv4Addr,
    pub(crate) target_ip: Ipv4Addr,
}

impl Arp {
    /// `None` for anything but a request or reply for IPv4 over Ethernet.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let packet: [u8; LEN] = array(bytes, 0)?;
        if array(&packet, 0)? != PREFIX {
            return None;
        }
        let operation = match array(&packet, 6)? {
            [0, 1] => Operation::Request,
            [0, 2] => Operation::Reply,
            _ => return None,
        };
        Some(Self {
            operation,
            sender_mac: Mac(array(&packet, 8)?),
            sender_ip: Ipv4Addr::from(array::<4>(&packet, 14)?),
            target_ip: Ipv4Addr::from(array::<4>(&packet, 24)?),
        })
    }

    /// Asks whether an address is free (RFC 5227 section 2.1.1).
    pub(crate) const fn is_probe(&self) -> bool {
        self.sender_ip.is_unspecified()
    }

    /// Tells everybody about the sender (RFC 5227 section 3).
    pub(crate) fn is_announcement(&self) -> bool {
        self.sender_ip == self.target_ip
    }
}

/// The frame that answers `asker`: `owner_ip` is at `owner`.
pub(crate) fn reply(
    asker: Mac,
    asker_ip: Ipv4Addr,
    owner: Mac,
    owner_ip: Ipv4Addr,
) -> [u8; REPLY_FRAME] {
    let mut frame = [0; REPLY_FRAME];
    let fields: [&[u8]; 9] = [
        &asker.0,
        &owner.0,
        &ethertype::ARP.to_be_bytes(),
        &PREFIX,
        &[0, 2],
        &owner.0,
        &owner_ip.octets(),
        &asker.0,
        &asker_ip.octets(),
    ];
    let bytes = fields.into_iter().flatten();
    for (place, byte) in frame.iter_mut().zip(bytes) {
        *place = *byte;
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const B: Mac = Mac([2, 0, 0, 0, 0, 2]);

    #[test]
    fn a_reply_says_who_is_where() {
        let ip_a = Ipv4Addr::new(10, 1, 0, 11);
        let ip_b = Ipv4Addr::new(10, 1, 0, 1);
        let frame = reply(A, ip_a, B, ip_b);
        assert_eq!(&frame[..14], &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 6]);
        let arp = Arp::parse(&frame[14..]).expect("a whole packet");
        let expect = Arp {
            operation: Operation::Reply,
            sender_mac: B,
            sender_ip: ip_b,
            target_ip: ip_a,
        };
        assert_eq!(arp, expect);
    }

    #[test]
    fn foreign_and_short_packets_are_refused() {
        let frame = reply(A, Ipv4Addr::LOCALHOST, B, Ipv4Addr::LOCALHOST);
        let packet = &frame[14..14 + LEN];
        for length in 0..LEN {
            assert_eq!(Arp::parse(&packet[..length]), None, "{length} bytes");
        }
        for (place, name) in [
            (1, "hardware"),
            (2, "protocol"),
            (4, "length"),
            (7, "operation"),
        ] {
            let mut bytes = packet.to_vec();
            bytes[place] = 9;
            assert_eq!(Arp::parse(&bytes), None, "{name}");
        }
    }
}
