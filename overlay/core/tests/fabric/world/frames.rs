//! Frames as guests would send them.

use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::PacketBuilder;
use skerry_overlay::{Checksum, Ecn, Offload, Superframe, SuperframeKind};
use skerry_policy::Mac;

pub(crate) const BROADCAST: Mac = Mac([0xff; 6]);
pub(crate) const MULTICAST: Mac = Mac([0x01, 0x00, 0x5e, 0, 0, 0xfb]);
pub(crate) const UNKNOWN: Mac = Mac([0x02, 0xee, 0xee, 0, 0, 1]);

/// What a guest's kernel says of a superframe: TCP over IPv4 without options, in pieces of this size.
pub(crate) const fn tcp4(size: u16) -> Offload {
    Offload {
        checksum: Some(Checksum {
            start: 34,
            offset: 16,
        }),
        superframe: Some(Superframe {
            kind: SuperframeKind::Tcp4,
            size,
            ecn: false,
        }),
        valid: false,
    }
}

/// The same for UDP over IPv4.
pub(crate) const fn udp4(size: u16) -> Offload {
    Offload {
        checksum: Some(Checksum {
            start: 34,
            offset: 6,
        }),
        superframe: Some(Superframe {
            kind: SuperframeKind::Udp,
            size,
            ecn: false,
        }),
        valid: false,
    }
}

/// The MAC and address of a guest of T1, by port name.
pub(crate) fn mac(port: &str) -> Mac {
    match port {
        "n1/b-gw" => Mac([2, 0, 0, 0, 1, 1]),
        "n2/r-gw" => Mac([2, 0, 0, 0, 2, 1]),
        "n3/b-p2" => Mac([2, 0, 0, 0, 1, 2]),
        "e1/vx0" => Mac([2, 0, 0, 0, 9, 1]),
        _ => {
            let [a, b, c, d] = ip(port).octets();
            Mac([2, 0x10, a, b, c, d])
        }
    }
}

pub(crate) fn ip(port: &str) -> Ipv4Addr {
    let last = match port.split('/').nth(1).unwrap() {
        "b-gw" | "r-gw" => 1,
        "b-p2" => 2,
        "b-i1" | "r-i1" => 11,
        "b-i2" | "r-i2" => 12,
        "b-i3" => 13,
        "b-i4" => 14,
        "b-i5" => 15,
        "vx0" => 19,
        "b-w1" => 21,
        "b-w2" => 22,
        "b-d1" | "r-l1" => 31,
        "b-d2" | "r-l2" => 32,
        other => panic!("no guest {other}"),
    };
    let domain = if port.contains("/r-") { 2 } else { 1 };
    Ipv4Addr::new(10, domain, 0, last)
}

pub(crate) fn ip6(port: &str) -> Ipv6Addr {
    let [_, domain, _, _] = ip(port).octets();
    // As in the site file: the decimal host number, written as if it were hexadecimal.
    let host = u16::from_str_radix(&ip(port).octets()[3].to_string(), 16).unwrap();
    Ipv6Addr::new(0x2001, 0xdb8, u16::from(domain), 0, 0, 0, 0, host)
}

/// A frame of an ethertype nobody looks into.
pub(crate) fn plain(source: Mac, destination: Mac, text: &str) -> Vec<u8> {
    let mut frame = ethernet(source, destination, 0x88b5);
    frame.extend(text.as_bytes());
    frame.resize(frame.len().max(60), 0);
    frame
}

pub(crate) fn ethernet(source: Mac, destination: Mac, ethertype: u16) -> Vec<u8> {
    let mut frame = destination.0.to_vec();
    frame.extend(source.0);
    frame.extend(ethertype.to_be_bytes());
    frame
}

/// UDP over IPv4 from a guest to an address.
pub(crate) fn udp(from: &str, destination: Mac, to: Ipv4Addr, payload: &[u8]) -> Vec<u8> {
    udp_as(mac(from), ip(from), destination, to, payload)
}

pub(crate) fn udp_as(
    source: Mac,
    source_ip: Ipv4Addr,
    destination: Mac,
    to: Ipv4Addr,
    payload: &[u8],
) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(source.0, destination.0)
        .ipv4(source_ip.octets(), to.octets(), 64)
        .udp(4000, 5000);
    let mut frame = Vec::with_capacity(builder.size(payload.len()));
    builder.write(&mut frame, payload).unwrap();
    frame
}

/// A packet with its own headers, between two MAC addresses.
pub(crate) fn packet(source: Mac, destination: Mac, ethertype: u16, packet: &[u8]) -> Vec<u8> {
    let mut frame = ethernet(source, destination, ethertype);
    frame.extend(packet);
    frame
}

/// A BOOTP message of this kind about this client.
pub(crate) fn bootp(op: u8, client: Mac) -> Vec<u8> {
    let mut message = vec![op, 1, 6, 0];
    message.resize(28, 0);
    message.extend(client.0);
    message.resize(240, 0);
    message
}

/// UDP between two ports, from a guest's own address.
pub(crate) fn udp_ports(
    from: &str,
    destination: Mac,
    ports: (u16, u16),
    payload: &[u8],
) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(mac(from).0, destination.0)
        .ipv4(ip(from).octets(), [255; 4], 64)
        .udp(ports.0, ports.1);
    let mut frame = Vec::new();
    builder.write(&mut frame, payload).unwrap();
    frame
}

/// An IPv6 packet of a guest, with this chain of headers and this end.
pub(crate) fn ipv6(from: &str, to: (Mac, Ipv6Addr), next: u8, hops: u8, rest: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(rest.len()).unwrap().to_be_bytes();
    let mut bytes = vec![0x60, 0, 0, 0, high, low, next, hops];
    bytes.extend(ip6(from).octets());
    bytes.extend(to.1.octets());
    bytes.extend(rest);
    packet(mac(from), to.0, 0x86dd, &bytes)
}

/// An IPv4 packet of a guest: protocol, the word of the fragment, payload.
pub(crate) fn ipv4(
    from: &str,
    to: (Mac, Ipv4Addr),
    protocol: u8,
    fragment: u16,
    payload: &[u8],
) -> Vec<u8> {
    let mut header = etherparse::Ipv4Header::new(
        u16::try_from(payload.len()).unwrap(),
        1,
        protocol.into(),
        ip(from).octets(),
        to.1.octets(),
    )
    .unwrap();
    header.dont_fragment = false;
    header.more_fragments = fragment & 0x2000 != 0;
    header.fragment_offset = (fragment & 0x1fff).try_into().unwrap();
    header.header_checksum = header.calc_header_checksum();
    let mut bytes = header.to_bytes().to_vec();
    bytes.extend(payload);
    packet(mac(from), to.0, 0x0800, &bytes)
}

/// UDP over IPv6 from a guest to an address.
pub(crate) fn udp6(from: &str, source: Ipv6Addr, destination: Mac, to: Ipv6Addr) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(mac(from).0, destination.0)
        .ipv6(source.octets(), to.octets(), 64)
        .udp(4000, 5000);
    let mut frame = Vec::new();
    builder.write(&mut frame, b"six").unwrap();
    frame
}

pub(crate) const REQUEST: u8 = 1;
pub(crate) const REPLY: u8 = 2;

/// An ARP packet; `sender` is (hardware, protocol) as the packet claims.
pub(crate) fn arp(
    source: Mac,
    destination: Mac,
    operation: u8,
    sender: (Mac, Ipv4Addr),
    target: Ipv4Addr,
) -> Vec<u8> {
    let mut frame = ethernet(source, destination, 0x0806);
    frame.extend([0, 1, 8, 0, 6, 4, 0, operation]);
    frame.extend(sender.0.0);
    frame.extend(sender.1.octets());
    frame.extend([0; 6]);
    frame.extend(target.octets());
    frame.resize(60, 0);
    frame
}

/// Who has `target`? From a guest that means it.
pub(crate) fn who_has(from: &str, target: Ipv4Addr) -> Vec<u8> {
    arp(mac(from), BROADCAST, REQUEST, (mac(from), ip(from)), target)
}

/// Neighbour discovery: type 135 or 136 with one link address option.
pub(crate) fn nd(
    source: Mac,
    destination: Mac,
    addresses: (Ipv6Addr, Ipv6Addr),
    kind: u8,
    target: Ipv6Addr,
    option: Option<(u8, Mac)>,
) -> Vec<u8> {
    let mut icmp = vec![0, 0, 0, 0];
    icmp.extend(target.octets());
    if let Some((kind, mac)) = option {
        icmp.extend([kind, 1]);
        icmp.extend(mac.0);
    }
    let builder = PacketBuilder::ethernet2(source.0, destination.0)
        .ipv6(addresses.0.octets(), addresses.1.octets(), 255)
        .icmpv6_raw(kind, 0, [0; 4]);
    let mut frame = Vec::new();
    builder.write(&mut frame, &icmp[4..]).unwrap();
    frame
}

/// The frame with this in the IP header, whose checksum is made anew.
pub(crate) fn saying(mut frame: Vec<u8>, ecn: Ecn) -> Vec<u8> {
    if frame[12..14] == [0x86, 0xdd] {
        frame[15] = frame[15] & !0x30 | ecn.tos() << 4;
        return frame;
    }
    frame[15] = frame[15] & !0b11 | ecn.tos();
    let header = etherparse::Ipv4Header::from_slice(&frame[14..]).unwrap().0;
    let checksum = header.calc_header_checksum();
    frame[24..26].copy_from_slice(&checksum.to_be_bytes());
    frame
}
