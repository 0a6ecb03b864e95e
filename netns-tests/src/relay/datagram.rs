//! The few things the relay has to know about a packet, and to put right in it.

use crate::frame::checksum;

/// An Ethernet header.
const ETHERNET: usize = 14;
/// An Ethernet and an IPv4 header without options.
const UDP: usize = ETHERNET + 20;
/// Where the payload of a UDP datagram starts.
pub(super) const PAYLOAD: usize = UDP + 8;

/// The IPv4 address that a packet is for: of an IPv4 packet, or of what an ARP message is about.
pub(super) fn target(packet: &[u8]) -> Option<[u8; 4]> {
    let at = match packet.get(12..14)? {
        [8, 0] => ETHERNET + 16,
        [8, 6] => ETHERNET + 24,
        _ => return None,
    };
    packet.get(at..at + 4)?.try_into().ok()
}

/// Bytes of the IP packet in a frame.
pub(super) fn ip_length(packet: &[u8]) -> usize {
    packet.len().saturating_sub(ETHERNET)
}

/// Whether this is a whole UDP datagram over IPv4 without options.
pub(super) fn is_datagram(packet: &[u8]) -> bool {
    let is_udp = packet.get(12..15) == Some(&[8, 0, 0x45]) && packet.get(ETHERNET + 9) == Some(&17);
    // More fragments, or not the first one.
    let whole = packet
        .get(ETHERNET + 6..ETHERNET + 8)
        .is_some_and(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]) & 0x3fff == 0);
    is_udp && whole && packet.len() >= PAYLOAD
}

/// Leaves the UDP checksum out (RFC 768 permits that over IPv4). A sender may have left it to a
/// network card that is not there; and what the relay corrupts must be found out by WireGuard,
/// not by a sum of sixteen bits before it.
pub(super) fn without_checksum(packet: &mut [u8]) {
    packet[UDP + 6..UDP + 8].fill(0);
}

/// Shortens a datagram's payload, in such a way that it is delivered.
pub(super) fn truncate(packet: &mut Vec<u8>, payload: usize) {
    packet.truncate(PAYLOAD + payload);
    let length = |bytes: usize| u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes();
    let (ip, udp) = (length(28 + payload), length(8 + payload));
    packet[ETHERNET + 2..ETHERNET + 4].copy_from_slice(&ip);
    packet[UDP + 4..UDP + 6].copy_from_slice(&udp);
    finish_header(packet);
}

/// Marks a datagram as having met congestion (RFC 3168 section 5), if it says that it may be.
pub(super) fn mark(packet: &mut [u8]) -> bool {
    if !matches!(packet[ETHERNET + 1] & 0b11, 0b01 | 0b10) {
        return false;
    }
    packet[ETHERNET + 1] |= 0b11;
    finish_header(packet);
    true
}

fn finish_header(packet: &mut [u8]) {
    packet[ETHERNET + 10..ETHERNET + 12].fill(0);
    let sum = checksum(&packet[ETHERNET..UDP], 0);
    packet[ETHERNET + 10..ETHERNET + 12].copy_from_slice(&sum.to_be_bytes());
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A datagram from n1 to n2 whose payload begins with a number.
    pub(in crate::relay) fn datagram(number: u32, payload: usize) -> Vec<u8> {
        let mut packet = vec![0; PAYLOAD + payload];
        packet[12..15].copy_from_slice(&[8, 0, 0x45]);
        packet[ETHERNET + 9] = 17;
        packet[ETHERNET + 12..ETHERNET + 20].copy_from_slice(&[10, 255, 0, 1, 10, 255, 0, 2]);
        packet[PAYLOAD..PAYLOAD + 4].copy_from_slice(&number.to_be_bytes());
        packet
    }

    #[test]
    fn a_datagram_cut_short_has_right_lengths_and_a_right_header() {
        let mut packet = datagram(7, 100);
        truncate(&mut packet, 10);
        assert!(is_datagram(&packet));
        assert_eq!(packet.len(), PAYLOAD + 10);
        assert_eq!(packet[ETHERNET + 2..ETHERNET + 4], [0, 38]);
        assert_eq!(packet[UDP + 4..UDP + 6], [0, 18]);
        assert_eq!(checksum(&packet[ETHERNET..UDP], 0), 0);
    }

    #[test]
    fn only_what_may_be_marked_is() {
        for (tos, expect) in [(0, 0), (0xb8, 0xb8), (1, 3), (0xba, 0xbb), (3, 3)] {
            let mut packet = datagram(7, 100);
            packet[ETHERNET + 1] = tos;
            assert_eq!(mark(&mut packet), tos != expect, "{tos:#x}");
            assert_eq!(packet[ETHERNET + 1], expect);
            let sum = checksum(&packet[ETHERNET..UDP], 0);
            assert_eq!(sum == 0, tos != expect, "the header is finished");
        }
    }

    #[test]
    fn receivers_are_those_of_ip_and_arp() {
        let packet = datagram(0, 4);
        assert_eq!(target(&packet), Some([10, 255, 0, 2]));
        let mut arp = vec![0; 42];
        arp[12..14].copy_from_slice(&[8, 6]);
        arp[38..42].copy_from_slice(&[10, 255, 0, 3]);
        assert_eq!(target(&arp), Some([10, 255, 0, 3]));
        assert_eq!(target(&[0; 60]), None);
        assert!(!is_datagram(&arp));
    }
}
