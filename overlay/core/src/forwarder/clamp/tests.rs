//! Frames that open connections, with and without anything to be lowered.

use etherparse::{PacketBuilder, PacketHeaders, TcpOptionElement, TransportHeader};
use proptest::prelude::*;

use super::*;
use crate::frame::{Checksum, Offload};

const MTU: u16 = 1390;
const OPTIONS: [TcpOptionElement; 4] = [
    TcpOptionElement::Noop,
    TcpOptionElement::MaximumSegmentSize(1460),
    TcpOptionElement::SelectiveAcknowledgementPermitted,
    TcpOptionElement::WindowScale(7),
];

/// SYN, or SYN and ACK, with these options and a payload.
fn syn(six: bool, accepts: bool, options: &[TcpOptionElement], payload: &[u8]) -> Vec<u8> {
    let link = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let ip = if six {
        link.ipv6([1; 16], [2; 16], 64)
    } else {
        link.ipv4([10, 1, 0, 1], [10, 1, 0, 2], 64)
    };
    let mut tcp = ip.tcp(4_000, 80, 17, 64_000).syn();
    if accepts {
        tcp = tcp.ack(18);
    }
    let tcp = tcp.options(options).expect("they fit");
    let mut frame = Vec::new();
    tcp.write(&mut frame, payload).unwrap();
    frame
}

/// The headers and the payload of a frame whose checksum is right by a full computation.
fn read(frame: &[u8]) -> (etherparse::TcpHeader, Vec<u8>) {
    let packet = PacketHeaders::from_ethernet_slice(frame).unwrap();
    let Some(TransportHeader::Tcp(tcp)) = packet.transport else {
        panic!("no TCP")
    };
    let payload = packet.payload.slice();
    let sum = match packet.net {
        Some(etherparse::NetHeaders::Ipv4(ip, _)) => {
            assert_eq!(ip.header_checksum, ip.calc_header_checksum());
            tcp.calc_checksum_ipv4(&ip, payload)
        }
        Some(etherparse::NetHeaders::Ipv6(ip, _)) => tcp.calc_checksum_ipv6(&ip, payload),
        other => panic!("{other:?}"),
    };
    assert_eq!(Ok(tcp.checksum), sum, "{frame:02x?}");
    (tcp, payload.to_vec())
}

fn clamp(frame: &[u8], offload: Offload) -> Option<Vec<u8>> {
    let mut buffer = [0; 2_048];
    let frame = Frame {
        bytes: frame,
        offload,
    };
    clamped(&mut buffer, frame, MTU).map(|it| {
        assert_eq!(it.offload, offload);
        it.bytes.to_vec()
    })
}

const fn size(element: &TcpOptionElement) -> Option<u16> {
    if let TcpOptionElement::MaximumSegmentSize(size) = element {
        Some(*size)
    } else {
        None
    }
}

fn sizes(tcp: &etherparse::TcpHeader) -> Vec<u16> {
    let elements = tcp.options_iterator().map(Result::unwrap);
    elements.filter_map(|it| size(&it)).collect()
}

#[test]
fn both_packets_that_open_a_connection_name_what_fits() {
    for (six, limit) in [(false, 1350), (true, 1330)] {
        for accepts in [false, true] {
            let frame = syn(six, accepts, &OPTIONS, b"early");
            let lowered = clamp(&frame, Offload::NONE).expect("1460 is too large");
            let (tcp, payload) = read(&lowered);
            assert_eq!((sizes(&tcp), &payload[..]), (vec![limit], &b"early"[..]));
        }
    }
}

#[test]
fn what_fits_is_not_copied() {
    for (six, limit) in [(false, 1350), (true, 1330)] {
        let with = |size| [TcpOptionElement::MaximumSegmentSize(size)];
        let fits = syn(six, false, &with(limit), &[]);
        assert_eq!(clamp(&fits, Offload::NONE), None);
        assert_eq!(clamp(&syn(six, false, &[], &[]), Offload::NONE), None);
        let exceeds = syn(six, false, &with(limit + 1), &[]);
        assert!(clamp(&exceeds, Offload::NONE).is_some());
    }
}

#[test]
fn an_owed_checksum_is_not_touched() {
    let frame = syn(false, false, &OPTIONS, &[]);
    let owed = Offload {
        checksum: Some(Checksum {
            start: 34,
            offset: 16,
        }),
        ..Offload::NONE
    };
    let lowered = clamp(&frame, owed).unwrap();
    assert_eq!(lowered[50..52], frame[50..52]);
    let mut expect = clamp(&frame, Offload::NONE).unwrap();
    expect[50..52].copy_from_slice(&frame[50..52]);
    assert_eq!(lowered, expect);
}

#[test]
fn a_size_is_found_behind_options_and_extension_headers_and_padding_is_none() {
    let mut frame = syn(false, false, &OPTIONS, &[]);
    // A router alert in front of TCP, and what Ethernet fills up with behind it.
    frame.splice(34..34, [0x94, 4, 0, 0]);
    frame[14] = 0x46;
    frame[17] += 4;
    frame.resize(80, 0xee);
    let lowered = clamp(&frame, Offload::NONE).unwrap();
    // 1460 is 5b4, 1350 is 546; in front of it one filler, its kind and its length.
    assert_eq!(lowered[38 + 23..38 + 25], [5, 0x46]);
    assert_eq!(lowered[70..], frame[70..]);

    let six = syn(true, false, &OPTIONS, &[]);
    let behind = |next: u8, header: &[u8]| {
        let mut frame = six.clone();
        frame.splice(54..54, header.iter().copied());
        frame[20] = next;
        frame[19] += u8::try_from(header.len()).unwrap();
        clamp(&frame, Offload::NONE)
    };
    assert!(behind(0, &[6, 0, 1, 4, 0, 0, 0, 0]).is_some(), "hop-by-hop");
    assert!(behind(60, &[6, 0, 1, 4, 0, 0, 0, 0]).is_some(), "options");
    assert_eq!(behind(44, &[6, 0, 0, 0, 0, 0, 0, 1]), None, "a fragment");
    let authentication = [6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    assert_eq!(behind(51, &authentication), None, "authenticated");
}

fn any_options() -> impl Strategy<Value = Vec<TcpOptionElement>> {
    let element = prop_oneof![
        3 => any::<u16>().prop_map(TcpOptionElement::MaximumSegmentSize),
        2 => Just(TcpOptionElement::Noop),
        1 => Just(TcpOptionElement::SelectiveAcknowledgementPermitted),
        1 => any::<u8>().prop_map(TcpOptionElement::WindowScale),
        1 => any::<(u32, u32)>().prop_map(|(a, b)| TcpOptionElement::Timestamp(a, b)),
    ];
    prop::collection::vec(element, 0..5)
}

proptest! {
    #[test]
    fn nothing_but_sizes_changes_and_every_checksum_is_right(
        six: bool,
        accepts: bool,
        options in any_options(),
        payload in prop::collection::vec(any::<u8>(), 0..30),
    ) {
        let frame = syn(six, accepts, &options, &payload);
        let limit = if six { MTU - 60 } else { MTU - 40 };
        let (before, _) = read(&frame);
        let lowered = clamp(&frame, Offload::NONE);
        let expect: Vec<u16> = sizes(&before).iter().map(|size| *size.min(&limit)).collect();
        prop_assert_eq!(lowered.is_some(), expect != sizes(&before));
        if let Some(lowered) = lowered {
            let (after, _) = read(&lowered);
            prop_assert_eq!(sizes(&after), expect);
            // With the new sizes and its own checksum, somebody else writes the same frame.
            let lower = |it: TcpOptionElement| {
                let size = size(&it).map(|size| size.min(limit));
                size.map_or(it, TcpOptionElement::MaximumSegmentSize)
            };
            let options: Vec<_> = options.into_iter().map(lower).collect();
            prop_assert_eq!(lowered, syn(six, accepts, &options, &payload));
        }
    }
}
