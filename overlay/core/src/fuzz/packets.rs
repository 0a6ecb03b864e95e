//! The headers of a frame, each read once more in the plainest way there is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use skerry_policy::Mac;

use super::script::Script;
use crate::wire::arp::{self, Arp, Operation};
use crate::wire::carrier::{Carried, Carrier};
use crate::wire::dhcp::Dhcp;
use crate::wire::ethernet::{Ethernet, Tagging, ethertype};
use crate::wire::icmp;
use crate::wire::ip::Ip;
use crate::wire::multicast::Membership;
use crate::wire::nd::{Answer, Nd};
use crate::wire::transport::Transport;
use crate::wire::vxlan;

/// A header is what its bytes say at fixed places, and needs no byte behind it.
pub fn ethernet(bytes: &[u8]) {
    let word = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let tagged =
        word(12).is_some_and(|kind| [0x8100, 0x88a8, 0x9100, 0x9200, 0x9300].contains(&kind));
    let whole = bytes.len() >= if tagged { 18 } else { 14 };
    let Some(header) = Ethernet::parse(bytes) else {
        assert!(!whole, "a whole header is refused: {bytes:02x?}");
        return;
    };
    assert!(whole, "{header:?} of {bytes:02x?}");
    assert_eq!(header.destination.0, bytes[..6]);
    assert_eq!(header.source.0, bytes[6..12]);
    assert_eq!(header.payload, if tagged { 18 } else { 14 });
    assert_eq!(Some(header.ethertype), word(header.payload - 2));
    match header.tagging {
        Tagging::Untagged => assert!(!tagged),
        Tagging::Stacked => assert!(tagged && ethertype::is_tag(header.ethertype)),
        Tagging::Priority => {
            assert_eq!((word(12), bytes[14] & 0xf, bytes[15]), (Some(0x8100), 0, 0));
        }
        Tagging::Tagged(vid) => {
            assert_eq!(
                (word(12), word(14).map(|tci| tci & 0xfff)),
                (Some(0x8100), Some(vid.get()))
            );
            assert!((1..=4094).contains(&vid.get()));
        }
        Tagging::Foreign => {
            assert!(tagged && (word(12) != Some(0x8100) || word(14) >= Some(0xfff)));
        }
    }
    let again = Ethernet::parse(&bytes[..header.payload]).expect("the header alone");
    assert_eq!(
        (again.tagging, again.is_reserved()),
        (header.tagging, header.is_reserved())
    );
    let link_local = bytes[..5] == [1, 0x80, 0xc2, 0, 0] && bytes[5] < 0x30;
    assert!(header.is_reserved() || !link_local);
}

/// Addresses are where RFC 791 and RFC 8200 put them, and the payload lies inside the packet.
pub fn ip(bytes: &[u8]) {
    for (kind, version, least) in [(ethertype::IPV4, 4, 20), (ethertype::IPV6, 6, 40)] {
        let Some(ip) = Ip::parse(kind, bytes) else {
            continue;
        };
        assert!(bytes.len() >= least && bytes[0] >> 4 == version, "{ip:?}");
        let (source, destination) = if version == 4 {
            (v4(&bytes[12..16]), v4(&bytes[16..20]))
        } else {
            (v6(&bytes[8..24]), v6(&bytes[24..40]))
        };
        assert_eq!((ip.source, ip.destination), (source, destination));
        let total = if version == 4 {
            usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))
        } else {
            40 + usize::from(u16::from_be_bytes([bytes[4], bytes[5]]))
        };
        if let Some(payload) = ip.payload() {
            let start = payload.bytes.as_ptr().addr() - bytes.as_ptr().addr();
            let end = start + payload.bytes.len();
            assert!(
                start >= least && end <= total && total <= bytes.len(),
                "{ip:?}"
            );
        }
        // A host sees nothing behind that length, so it must not matter to a guard.
        let alone = Ip::parse(kind, &bytes[..total]).expect("without padding");
        let payload = |ip: &Ip<'_>| ip.payload().map(|it| (it.protocol, it.bytes.to_vec()));
        assert_eq!(payload(&alone), payload(&ip));
        guards(kind, bytes, &ip);
    }
    assert!(Ip::parse(ethertype::ARP, bytes).is_none());
}

/// What the guards read of it: every group is a group of this version, no report is longer than
/// its packet, and nothing that is no whole packet has a conversation.
fn guards(kind: u16, bytes: &[u8], ip: &Ip<'_>) {
    let v6 = ip.source.is_ipv6();
    if let Some(Membership::Report(wishes)) = Membership::parse(ip) {
        let mut count = 0;
        for wish in wishes {
            assert_eq!(wish.group.is_ipv6(), v6);
            count += 1;
        }
        assert!(count <= bytes.len() / 8, "{count} groups");
    }
    if let Some(Dhcp::Client(Some(mac))) = Dhcp::parse(ip) {
        assert!(!v6 && bytes.windows(6).any(|it| it == mac.0));
    }
    if let Some(target) = icmp::redirected_to(ip) {
        assert_eq!(target.is_ipv6(), v6);
    }
    if Transport::parse(kind, bytes).is_some() {
        assert!(ip.is_whole());
    }
    let _named = Nd::parse(ip);
}

fn v4(bytes: &[u8]) -> IpAddr {
    IpAddr::from(<[u8; 4]>::try_from(bytes).expect("four bytes"))
}

fn v6(bytes: &[u8]) -> IpAddr {
    IpAddr::from(<[u8; 16]>::try_from(bytes).expect("sixteen bytes"))
}

/// Only whole requests and replies for IPv4 over Ethernet are read, and a reply reads back.
pub fn arp(bytes: &[u8]) {
    let known = bytes.len() >= 28
        && bytes[..7] == [0, 1, 8, 0, 6, 4, 0]
        && (bytes[7] == 1 || bytes[7] == 2);
    let Some(arp) = Arp::parse(bytes) else {
        assert!(!known, "{bytes:02x?}");
        return;
    };
    assert!(known, "{arp:?} of {bytes:02x?}");
    assert_eq!(arp.operation == Operation::Request, bytes[7] == 1);
    assert_eq!(arp.sender_mac.0, bytes[8..14]);
    assert_eq!(arp.sender_ip.octets(), bytes[14..18]);
    assert_eq!(arp.target_ip.octets(), bytes[24..28]);
    let owner = Mac([2, 0, 0, 0, 0, 9]);
    let frame = arp::reply(arp.sender_mac, arp.sender_ip, owner, arp.target_ip);
    let header = Ethernet::parse(&frame).expect("a frame");
    assert_eq!((header.destination, header.source), (arp.sender_mac, owner));
    let reply = Arp::parse(&frame[header.payload..]).expect("a packet");
    assert_eq!(
        (reply.operation, reply.sender_mac),
        (Operation::Reply, owner)
    );
    assert_eq!(
        (reply.sender_ip, reply.target_ip),
        (arp.target_ip, arp.sender_ip)
    );
}

/// A message that is believed names one link address at most, whoever reads it; and an answer
/// reads back with a checksum that others find right.
pub fn nd(bytes: &[u8]) {
    let Ok(length) = u16::try_from(bytes.len()) else {
        return;
    };
    let [high, low] = length.to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, high, low, 58, 255];
    packet.extend([1; 32]);
    packet.extend(bytes);
    let ip = Ip::parse(ethertype::IPV6, &packet).expect("a whole packet");
    let Ok(Some(nd)) = Nd::parse(&ip) else {
        return;
    };
    let (kind, wanted, target, link) = match nd {
        Nd::RouterSolicitation { link } => (133, 1, None, link),
        Nd::Solicitation { target, link } => (135, 1, Some(target), link),
        Nd::Advertisement { target, link } => (136, 2, Some(target), link),
        Nd::Router => {
            assert_eq!(bytes[0], 134);
            return;
        }
    };
    assert_eq!(bytes[0], kind);
    assert!(target.is_none_or(|it| it.octets() == bytes[8..24]));
    let mut at = if target.is_some() { 24 } else { 8 };
    let mut links = Vec::new();
    while at < bytes.len() {
        let length = usize::from(bytes[at + 1]) * 8;
        assert!(length > 0 && at + length <= bytes.len(), "{bytes:02x?}");
        if bytes[at] == wanted {
            links.push(Mac(bytes[at + 2..at + 8].try_into().expect("six bytes")));
        }
        at += length;
    }
    assert!(
        links.iter().all(|it| Some(*it) == link),
        "{links:?} {link:?}"
    );
    assert_eq!(links.is_empty(), link.is_none());
    answered(
        target.unwrap_or(Ipv6Addr::LOCALHOST),
        link.unwrap_or(Mac([2, 0, 0, 0, 0, 1])),
        bytes[4] & 1 == 1,
    );
}

fn answered(target: Ipv6Addr, asker: Mac, probing: bool) {
    let asker_ip = if probing {
        Ipv6Addr::UNSPECIFIED
    } else {
        Ipv6Addr::LOCALHOST
    };
    let owner = Mac([2, 0, 0, 0, 0, 9]);
    let answer = Answer {
        asker,
        asker_ip,
        owner,
        target,
        router: probing,
    };
    let frame = answer.frame();
    let ip = Ip::parse(ethertype::IPV6, &frame[14..]).expect("IPv6");
    let icmp = ip.payload_of(etherparse::IpNumber::IPV6_ICMP);
    let icmp = icmp.expect("ICMPv6");
    let expect = Nd::Advertisement {
        target,
        link: Some(owner),
    };
    assert_eq!(Nd::parse(&ip), Ok(Some(expect)));
    let IpAddr::V6(destination) = ip.destination else {
        panic!("{ip:?}")
    };
    let seen = etherparse::Icmpv6Slice::from_slice(icmp).expect("a message");
    assert!(seen.is_checksum_valid(target.octets(), destination.octets()));
}

/// What is read out of a tunnel lies inside it; what is written into one reads back, and is a
/// packet to others as well.
pub fn carrier(bytes: &[u8]) {
    if let Ok(carried) = Carried::parse(bytes) {
        let start = carried.payload.as_ptr().addr() - bytes.as_ptr().addr();
        assert!(start >= 28 && start + carried.payload.len() <= bytes.len());
        assert_eq!(bytes[start - 6..start - 4], carried.port.to_be_bytes());
        if let Ok((vni, inner)) = vxlan::parse(carried.payload) {
            assert_eq!(carried.payload[..8], vxlan::header(vni));
            assert_eq!(inner, &carried.payload[8..]);
        }
        written(
            carried.source,
            carried.destination,
            carried.port,
            carried.payload,
        );
    }
    let mut script = Script::new(bytes);
    if script.coin() {
        let (source, destination) = (script.array::<4>(), script.array());
        let port = script.word();
        let (source, destination) = (Ipv4Addr::from(source), Ipv4Addr::from(destination));
        written(source.into(), destination.into(), port, script.rest());
    } else {
        let (source, destination) = (script.array::<16>(), script.array());
        let port = script.word();
        let (source, destination) = (Ipv6Addr::from(source), Ipv6Addr::from(destination));
        written(source.into(), destination.into(), port, script.rest());
    }
}

fn written(source: IpAddr, destination: IpAddr, port: u16, payload: &[u8]) {
    let carrier = Carrier::new(source, destination, port).expect("one family");
    let mut packet = vec![0xa5; carrier.header_len()];
    packet.extend(payload);
    if packet.len() > 65_535 {
        return;
    }
    carrier.write(&mut packet, 0xc001, port).expect("it fits");
    let read = Carried::parse(&packet).expect("what was written");
    assert_eq!((read.source, read.destination), (source, destination));
    assert_eq!((read.port, read.payload), (port, payload));
    assert_eq!(read.edition, port);
    let seen = etherparse::SlicedPacket::from_ip(&packet).expect("a packet to others too");
    match (&seen.net, &seen.transport) {
        (Some(etherparse::NetSlice::Ipv4(ip)), Some(etherparse::TransportSlice::Udp(_))) => {
            let header = ip.header().to_header();
            assert_eq!(header.header_checksum, header.calc_header_checksum());
        }
        (Some(etherparse::NetSlice::Ipv6(ip)), Some(etherparse::TransportSlice::Udp(udp))) => {
            let (from, to) = (ip.header().source(), ip.header().destination());
            let sum = udp
                .to_header()
                .calc_checksum_ipv6_raw(from, to, udp.payload());
            assert_eq!(Ok(udp.checksum()), sum);
        }
        other => panic!("{other:?}"),
    }
}
