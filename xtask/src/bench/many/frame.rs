//! A frame as a host sends it: UDP over IPv4 over Ethernet, of 64 bytes.

use crate::bench::many::layout::Host;

/// Bytes, without the check sequence that no TAP sees.
pub(super) const LENGTH: usize = 64;

const ETHERNET: usize = 14;
const IP: usize = 20;

/// Ports that mean nothing to anybody.
const UDP_PORTS: [u16; 2] = [10_000, 5_000];

/// From one host to the other.
pub(super) fn frame(from: Host, to: Host) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let parts: [&[u8]; 5] = [&to.mac, &from.mac, &[8, 0], &ip(from, to), &udp()];
    let all = parts.into_iter().flatten();
    for (place, byte) in bytes.iter_mut().zip(all) {
        *place = *byte;
    }
    bytes
}

fn ip(from: Host, to: Host) -> [u8; IP] {
    let [high, low] = half(LENGTH - ETHERNET);
    let mut header = [0; IP];
    let fixed = [0x45, 0, high, low, 0, 0, 0x40, 0, 64, 17];
    let sum = [&fixed[..], &from.ip.octets(), &to.ip.octets()];
    let sum = checksum(&sum.concat());
    let (source, target) = (from.ip.octets(), to.ip.octets());
    let parts: [&[u8]; 4] = [&fixed, &sum, &source, &target];
    for (place, byte) in header.iter_mut().zip(parts.into_iter().flatten()) {
        *place = *byte;
    }
    header
}

/// Without a checksum, as UDP over IPv4 may be (RFC 768).
fn udp() -> [u8; 8] {
    let [[a, b], [c, d]] = UDP_PORTS.map(u16::to_be_bytes);
    let [high, low] = half(LENGTH - ETHERNET - IP);
    [a, b, c, d, high, low, 0, 0]
}

fn half(value: usize) -> [u8; 2] {
    u16::try_from(value).unwrap_or(u16::MAX).to_be_bytes()
}

/// The Internet checksum (RFC 1071) of a header of full 16-bit words.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let words = bytes.as_chunks().0.iter();
    let mut sum: u32 = words.map(|pair| u32::from(u16::from_be_bytes(*pair))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let [.., high, low] = (!sum).to_be_bytes();
    [high, low]
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn what_is_sent_says_who_and_to_whom_and_its_checksum_is_right() {
        let host = |last| Host {
            port: 0,
            mac: [2, 0, 0, 0, 0, last],
            ip: Ipv4Addr::new(10, 1, 0, last),
        };
        let bytes = frame(host(1), host(2));
        assert_eq!(bytes[..14], [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]);
        assert_eq!(bytes[26..34], [10, 1, 0, 1, 10, 1, 0, 2]);
        assert_eq!(u16::from_be_bytes([bytes[16], bytes[17]]), 50);
        assert_eq!(u16::from_be_bytes([bytes[38], bytes[39]]), 30);
        assert_eq!(checksum(&bytes[14..34]), [0, 0]);
    }
}
