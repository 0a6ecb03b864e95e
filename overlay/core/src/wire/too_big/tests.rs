//! What is answered, and that others can read the answer.

use etherparse::{Icmpv4Slice, Icmpv4Type, Icmpv6Slice, Icmpv6Type, NetSlice, SlicedPacket};
use etherparse::{LinkSlice, TransportSlice, icmpv4, icmpv6};
use proptest::prelude::*;

use super::*;

const SENDER: Mac = Mac([2, 0, 0, 0, 0, 1]);
const RECEIVER: Mac = Mac([2, 0, 0, 0, 0, 2]);
const MTU: u16 = 1390;
const DF: u16 = 0x4000;
const UDP: u8 = 17;

/// An IPv4 packet of 1,400 bytes: the word of the fragment, the protocol, and the first bytes behind
/// the header.
fn v4(fragment: u16, protocol: u8, ends: ([u8; 4], [u8; 4]), rest: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0x05, 0x78, 0, 1];
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0]);
    packet.extend(ends.0);
    packet.extend(ends.1);
    packet.extend(rest);
    packet.resize(1_400, 7);
    packet
}

/// An IPv6 packet of 1,400 bytes.
fn v6(next: u8, ends: ([u8; 16], [u8; 16]), rest: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0, 0x05, 0x50, next, 64];
    packet.extend(ends.0);
    packet.extend(ends.1);
    packet.extend(rest);
    packet.resize(1_400, 7);
    packet
}

const ENDS4: ([u8; 4], [u8; 4]) = ([10, 1, 0, 11], [10, 1, 0, 1]);

fn ends6() -> ([u8; 16], [u8; 16]) {
    let host = |last| {
        let mut address = [0; 16];
        address[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
        address[15] = last;
        address
    };
    (host(1), host(2))
}

fn parse(packet: &[u8], mtu: u16) -> Option<TooBig<'_>> {
    let kind = match packet[0] >> 4 {
        4 => ethertype::IPV4,
        _ => ethertype::IPV6,
    };
    TooBig::parse(kind, packet, mtu)
}

#[track_caller]
fn check(what: &str, packet: &[u8], told: bool) {
    assert_eq!(parse(packet, MTU).is_some(), told, "{what}");
}

#[test]
fn only_what_does_not_fit_and_must_not_be_cut_is_answered() {
    let packet = v4(DF, UDP, ENDS4, &[]);
    check("DF", &packet, true);
    check("no DF", &v4(0, UDP, ENDS4, &[]), false);
    check("IPv6", &v6(UDP, ends6(), &[]), true);
    assert!(parse(&packet, 1_399).is_some());
    assert!(parse(&packet, 1_400).is_none(), "it fits");
    let mut padded = v4(DF, UDP, ENDS4, &[]);
    padded[2..4].copy_from_slice(&1_390_u16.to_be_bytes());
    check("padding is no part of a packet", &padded, false);
    let mut cut = packet;
    cut.truncate(1_399);
    check("a packet that is not all there", &cut, false);
    let v6 = v6(UDP, ends6(), &[]);
    assert!(parse(&v6, 1_280).is_some());
    assert!(parse(&v6, 1_279).is_none(), "no link of IPv6 is so short");
    assert!(TooBig::parse(ethertype::ARP, &v6, MTU).is_none());
}

#[test]
fn an_error_is_never_answered() {
    for kind in 0..=255_u8 {
        let queries = [0, 8, 9, 10, 13, 14, 15, 16, 17, 18, 42, 43];
        let icmp = v4(DF, 1, ENDS4, &[kind, 0]);
        check(&format!("ICMP {kind}"), &icmp, queries.contains(&kind));
        let icmp = v6(58, ends6(), &[kind, 0]);
        check(&format!("ICMPv6 {kind}"), &icmp, kind >= 128);
        let behind = [58, 0, 1, 4, 0, 0, 0, 0, kind, 0];
        let hidden = v6(60, ends6(), &behind);
        check(
            &format!("ICMPv6 {kind} behind options"),
            &hidden,
            kind >= 128,
        );
    }
}

#[test]
fn of_fragments_the_first_is_answered() {
    let fragment = |word: u16, next: u8| {
        let [high, low] = word.to_be_bytes();
        v6(44, ends6(), &[next, 0, high, low, 0, 0, 0, 1, 1, 0])
    };
    check("first", &v4(DF | 0x2000, UDP, ENDS4, &[]), true);
    check("later", &v4(DF | 0x2001, UDP, ENDS4, &[]), false);
    check("last", &v4(DF | 1, UDP, ENDS4, &[]), false);
    check("first of IPv6", &fragment(1, UDP), true);
    check("later of IPv6", &fragment(9, UDP), false);
    check("first, an error", &fragment(1, 58), false);
    check("what is hidden", &v6(253, ends6(), &[]), false);
    check("a cut chain", &v6(60, ends6(), &[60, 255]), false);
}

#[test]
fn only_single_hosts_are_answered_and_spoken_for() {
    let (host, other) = ENDS4;
    for (address, is_one) in [
        ([0, 0, 0, 0], false),
        ([0, 1, 2, 3], false),
        ([127, 0, 0, 1], false),
        ([224, 0, 0, 251], false),
        ([239, 1, 1, 1], false),
        ([240, 0, 0, 1], false),
        ([255, 255, 255, 255], false),
        ([1, 0, 0, 1], true),
        ([192, 0, 2, 1], true),
        ([223, 255, 255, 254], true),
    ] {
        check(
            &format!("from {address:?}"),
            &v4(DF, UDP, (address, other), &[]),
            is_one,
        );
        check(
            &format!("to {address:?}"),
            &v4(DF, UDP, (host, address), &[]),
            is_one,
        );
    }
    let (host, other) = ends6();
    for (address, is_one) in [
        ("::", false),
        ("::1", false),
        ("ff02::1", false),
        ("ff0e::1", false),
        ("fe80::1", true),
        ("2001:db8::9", true),
    ] {
        let octets = address.parse::<Ipv6Addr>().unwrap().octets();
        check(
            &format!("from {address}"),
            &v6(UDP, (octets, other), &[]),
            is_one,
        );
        check(
            &format!("to {address}"),
            &v6(UDP, (host, octets), &[]),
            is_one,
        );
    }
}

/// Reads an answer with somebody else's parser: the MTU and the quote. Everything else must be as
/// it is to be.
fn read(answer: &Answer, packet: &[u8]) -> (u32, Vec<u8>) {
    let sliced = SlicedPacket::from_ethernet(answer.frame()).expect("a whole frame");
    let Some(LinkSlice::Ethernet2(link)) = &sliced.link else {
        panic!("no Ethernet")
    };
    assert_eq!((link.destination(), link.source()), (SENDER.0, RECEIVER.0));
    match (&sliced.net, &sliced.transport) {
        (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Icmpv4(icmp))) => {
            let header = ip.header().to_header();
            assert_eq!(header.header_checksum, header.calc_header_checksum());
            assert_eq!(header.source, packet[16..20]);
            assert_eq!(header.destination, packet[12..16]);
            assert!(header.total_len <= 576 && header.dont_fragment);
            read_icmp4(icmp)
        }
        (Some(NetSlice::Ipv6(ip)), Some(TransportSlice::Icmpv6(icmp))) => {
            let header = ip.header();
            assert_eq!(header.source(), packet[24..40]);
            assert_eq!(header.destination(), packet[8..24]);
            assert!(answer.frame().len() <= 14 + 1_280);
            assert!(icmp.is_checksum_valid(header.source(), header.destination()));
            read_icmp6(icmp)
        }
        other => panic!("{other:?}"),
    }
}

fn read_icmp4(icmp: &Icmpv4Slice<'_>) -> (u32, Vec<u8>) {
    let Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::FragmentationNeeded {
        next_hop_mtu,
    }) = icmp.icmp_type()
    else {
        panic!("{icmp:?}")
    };
    let sum = icmp.icmp_type().calc_checksum(icmp.payload());
    assert_eq!(icmp.checksum(), sum);
    (next_hop_mtu.into(), icmp.payload().to_vec())
}

fn read_icmp6(icmp: &Icmpv6Slice<'_>) -> (u32, Vec<u8>) {
    let Icmpv6Type::PacketTooBig { mtu } = icmp.icmp_type() else {
        panic!("{icmp:?}")
    };
    assert_eq!(icmp.type_u8(), icmpv6::TYPE_PACKET_TOO_BIG);
    (mtu, icmp.payload().to_vec())
}

proptest! {
    #[test]
    fn an_answer_reads_back_and_quotes_the_beginning(
        six: bool,
        length in 577_u16..9_100,
        mtu in 576_u16..9_000,
        words in prop::collection::vec(any::<u8>(), 64),
        behind in 0_usize..20,
    ) {
        let mut packet = if six { v6(UDP, ends6(), &words) } else { v4(DF, UDP, ENDS4, &words) };
        packet.resize(usize::from(length), words[0]);
        let (at, said) = if six { (4, length - 40) } else { (2, length) };
        packet[at..at + 2].copy_from_slice(&said.to_be_bytes());
        let mut bytes = packet.clone();
        bytes.resize(bytes.len() + behind, 0xee);
        let too_big = parse(&bytes, mtu);
        prop_assert_eq!(too_big.is_some(), length > mtu && (!six || mtu >= 1_280));
        if let Some(too_big) = too_big {
            let answer = too_big.answer(SENDER, RECEIVER).expect("one family");
            let (said, quote) = read(&answer, &packet);
            prop_assert_eq!(said, u32::from(mtu));
            let room = if six { 1_280 - 48 } else { 576 - 28 };
            prop_assert_eq!(&quote[..], &packet[..packet.len().min(room)]);
            prop_assert!(answer.frame().len() < 14 + bytes.len(), "it is no amplifier");
            // An error of our own is never answered.
            let ip = &answer.frame()[14..];
            let kind = if six { ethertype::IPV6 } else { ethertype::IPV4 };
            prop_assert!(TooBig::parse(kind, ip, 100).is_none());
        }
    }

    #[test]
    fn whatever_a_host_makes_up_is_answered_readably_or_not_at_all(
        six: bool,
        edits in prop::collection::vec((0_usize..80, any::<u8>()), 0..12),
    ) {
        let mut packet = if six { v6(UDP, ends6(), &[]) } else { v4(DF, UDP, ENDS4, &[]) };
        let version = packet[0];
        for (at, value) in edits {
            packet[at] = value;
        }
        packet[0] = version & 0xf0 | packet[0] & 0x0f;
        if let Some(answer) = parse(&packet, MTU).and_then(|it| it.answer(SENDER, RECEIVER)) {
            let (mtu, quote) = read(&answer, &packet);
            prop_assert_eq!(mtu, u32::from(MTU));
            prop_assert!(packet.starts_with(&quote));
        }
    }
}
