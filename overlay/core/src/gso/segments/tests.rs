//! Each line of the segmentation checklist as a test; etherparse is the referee.

use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TransportSlice, VlanId};
use proptest::prelude::*;

use super::*;
use crate::frame::{Offload, Superframe, SuperframeKind};

/// What a test frame is made of.
#[derive(Clone, Copy, Debug)]
struct Shape {
    kind: SuperframeKind,
    v6: bool,
    tagged: bool,
    payload: usize,
    size: u16,
}

const TCP4: Shape = Shape {
    kind: SuperframeKind::Tcp4,
    v6: false,
    tagged: false,
    payload: 3000,
    size: 1000,
};

/// Its number as what follows an IPv6 header.
const ROUTING_HEADER: u8 = 43;

const FIN_PSH_ACK_CWR: u8 = 0x01 | 0x08 | 0x10 | 0x80;

fn payload_of(len: usize) -> Vec<u8> {
    (0..len)
        .map(|i| u8::try_from(i * 7 % 251).unwrap())
        .collect()
}

/// A superframe as a kernel hands it over: lengths of the whole, pseudo-header sum only.
fn superframe(shape: Shape) -> (Vec<u8>, Offload) {
    let payload = payload_of(shape.payload);
    let ethernet = PacketBuilder::ethernet2([2; 6], [4; 6]);
    let mut bytes = Vec::new();
    let tag = VlanId::try_new(7).unwrap();
    macro_rules! network {
        ($link:expr) => {
            if shape.v6 {
                transport!($link.ipv6([1; 16], [2; 16], 64))
            } else {
                transport!($link.ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64))
            }
        };
    }
    macro_rules! transport {
        ($net:expr) => {
            if shape.kind == SuperframeKind::Udp {
                $net.udp(4000, 53).write(&mut bytes, &payload).unwrap()
            } else {
                let tcp = $net.tcp(4000, 80, u32::MAX - 500, 1024);
                let tcp = tcp.fin().psh().ack(99).cwr();
                let options = [etherparse::TcpOptionElement::Timestamp(5, 6)];
                tcp.options(&options)
                    .unwrap()
                    .write(&mut bytes, &payload)
                    .unwrap()
            }
        };
    }
    if shape.tagged {
        network!(ethernet.single_vlan(tag));
    } else {
        network!(ethernet);
    }
    let network = Network::parse(&bytes).unwrap();
    let offset = network.checksum_offset().unwrap();
    leave_pseudo_sum(&mut bytes, network, offset);
    let checksum = Checksum {
        start: u16::try_from(network.l4).unwrap(),
        offset: u16::try_from(offset).unwrap(),
    };
    let superframe = Superframe {
        kind: shape.kind,
        size: shape.size,
        ecn: shape.kind != SuperframeKind::Udp,
    };
    let offload = Offload {
        checksum: Some(checksum),
        superframe: Some(superframe),
        valid: false,
    };
    (bytes, offload)
}

/// What the kernel leaves in the checksum field: the folded pseudo-header sum, not complemented.
fn leave_pseudo_sum(bytes: &mut [u8], network: Network, offset: usize) {
    use crate::gso::checksum::Sum;
    let addresses = match network.version {
        crate::gso::network::Version::V4 => &bytes[network.l3 + 12..network.l3 + 20],
        crate::gso::network::Version::V6 => &bytes[network.l3 + 8..network.l3 + 40],
    };
    let len = u16::try_from(bytes.len() - network.l4).unwrap();
    let sum = Sum::of(addresses)
        .word(u16::from(network.protocol))
        .word(len);
    let [a, b] = sum.checksum();
    bytes[network.l4 + offset..network.l4 + offset + 2].copy_from_slice(&[!a, !b]);
}

fn cut(bytes: &[u8], offload: Offload) -> Vec<Vec<u8>> {
    let mut segments = Segments::new(Frame { bytes, offload }).unwrap();
    let mut out = vec![0xee; segments.max_len()];
    let expected = segments.count();
    let mut frames = Vec::new();
    while let Some(len) = segments.next_into(&mut out) {
        assert!(len <= segments.max_len(), "{len} > {}", segments.max_len());
        frames.push(out[..len].to_vec());
    }
    assert_eq!(frames.len(), expected);
    frames
}

/// Lets etherparse verify every checksum of a finished frame and returns its payload.
fn referee(frame: &[u8]) -> Vec<u8> {
    let packet = SlicedPacket::from_ethernet(frame).unwrap();
    let net = packet.net.unwrap();
    if let NetSlice::Ipv4(v4) = &net {
        let header = v4.header().to_header();
        assert_eq!(header.header_checksum, header.calc_header_checksum());
    }
    let (sum, expect, payload) = match packet.transport.unwrap() {
        TransportSlice::Tcp(tcp) => {
            let (header, payload) = (tcp.to_header(), tcp.payload());
            let expect = match &net {
                NetSlice::Ipv4(ip) => header.calc_checksum_ipv4(&ip.header().to_header(), payload),
                NetSlice::Ipv6(ip) => header.calc_checksum_ipv6(&ip.header().to_header(), payload),
                NetSlice::Arp(_) => panic!("ARP"),
            };
            (header.checksum, expect.unwrap(), payload)
        }
        TransportSlice::Udp(udp) => {
            let (header, payload) = (udp.to_header(), udp.payload());
            assert_eq!(usize::from(header.length), payload.len() + 8);
            let expect = match &net {
                NetSlice::Ipv4(ip) => header.calc_checksum_ipv4(&ip.header().to_header(), payload),
                NetSlice::Ipv6(ip) => header.calc_checksum_ipv6(&ip.header().to_header(), payload),
                NetSlice::Arp(_) => panic!("ARP"),
            };
            (header.checksum, expect.unwrap(), payload)
        }
        other @ (TransportSlice::Icmpv4(_)
        | TransportSlice::Icmpv6(_)
        | TransportSlice::Igmp(_)) => panic!("{other:?}"),
    };
    // Zero and all ones are the same number; UDP never sends zero.
    assert_ne!(sum, 0);
    assert_eq!(
        sum % 0xffff,
        expect % 0xffff,
        "transport checksum of {packet:?}",
        packet = frame
    );
    payload.to_vec()
}

fn tcp_of(frame: &[u8]) -> etherparse::TcpHeader {
    match SlicedPacket::from_ethernet(frame).unwrap().transport {
        Some(TransportSlice::Tcp(tcp)) => tcp.to_header(),
        other => panic!("{other:?}"),
    }
}

fn ipv4_of(frame: &[u8]) -> etherparse::Ipv4Header {
    match SlicedPacket::from_ethernet(frame).unwrap().net {
        Some(NetSlice::Ipv4(ip)) => ip.header().to_header(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refuse(bytes: &[u8], offload: Offload, fault: GsoFault) {
    let got = Segments::new(Frame { bytes, offload });
    assert_eq!(got.err(), Some(fault));
}

/// Refuses a superframe in which `spoil` has changed one thing.
#[track_caller]
fn refuse_spoiled(shape: Shape, spoil: impl FnOnce(&mut Vec<u8>, &mut Offload), fault: GsoFault) {
    let (mut bytes, mut offload) = superframe(shape);
    spoil(&mut bytes, &mut offload);
    refuse(&bytes, offload, fault);
}

fn spoil_superframe(offload: &mut Offload, spoil: impl FnOnce(&mut Superframe)) {
    spoil(offload.superframe.as_mut().unwrap());
}

#[test]
fn sequence_numbers_advance_by_the_size_and_wrap() {
    let (bytes, offload) = superframe(TCP4);
    let seqs: Vec<u32> = cut(&bytes, offload)
        .iter()
        .map(|f| tcp_of(f).sequence_number)
        .collect();
    assert_eq!(seqs, [u32::MAX - 500, 499, 1499]);
}

#[test]
fn fin_and_psh_are_on_the_last_frame_only() {
    let (bytes, offload) = superframe(TCP4);
    let flags: Vec<_> = cut(&bytes, offload)
        .iter()
        .map(|f| (tcp_of(f).fin, tcp_of(f).psh))
        .collect();
    assert_eq!(flags, [(false, false), (false, false), (true, true)]);
}

#[test]
fn cwr_is_on_the_first_frame_only() {
    let (bytes, offload) = superframe(TCP4);
    let flags: Vec<_> = cut(&bytes, offload).iter().map(|f| tcp_of(f).cwr).collect();
    assert_eq!(flags, [true, false, false]);
}

#[test]
fn cwr_that_is_part_of_a_counter_is_on_every_frame() {
    let (bytes, mut offload) = superframe(TCP4);
    spoil_superframe(&mut offload, |it| it.ecn = false);
    let flags: Vec<_> = cut(&bytes, offload).iter().map(|f| tcp_of(f).cwr).collect();
    assert_eq!(flags, [true, true, true]);
}

#[test]
fn a_superframe_of_one_frame_keeps_all_its_flags() {
    let (bytes, offload) = superframe(Shape {
        payload: 900,
        ..TCP4
    });
    let frames = cut(&bytes, offload);
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0][14 + 20 + 13], FIN_PSH_ACK_CWR);
    assert_eq!(referee(&frames[0]), payload_of(900));
}

#[test]
fn ipv4_identification_counts_up_and_wraps() {
    let (mut bytes, offload) = superframe(TCP4);
    bytes[18..20].copy_from_slice(&[0xff, 0xff]);
    let ids: Vec<_> = cut(&bytes, offload)
        .iter()
        .map(|f| ipv4_of(f).identification)
        .collect();
    assert_eq!(ids, [0xffff, 0, 1]);
}

#[test]
fn ip_total_length_is_that_of_each_frame() {
    let (bytes, offload) = superframe(Shape {
        payload: 2001,
        ..TCP4
    });
    let lens: Vec<_> = cut(&bytes, offload)
        .iter()
        .map(|f| ipv4_of(f).total_len)
        .collect();
    assert_eq!(lens, [1052, 1052, 53]);
}

#[test]
fn ipv4_options_are_kept_on_every_frame() {
    let (plain, mut offload) = superframe(TCP4);
    let mut bytes = plain[..34].to_vec();
    bytes.extend([1, 1, 1, 0]);
    bytes.extend(&plain[34..]);
    bytes[14] = 0x46;
    let total = u16::try_from(bytes.len() - 14).unwrap();
    bytes[16..18].copy_from_slice(&total.to_be_bytes());
    offload.checksum.as_mut().unwrap().start += 4;
    for frame in cut(&bytes, offload) {
        assert_eq!(frame[34..38], [1, 1, 1, 0]);
        referee(&frame);
    }
}

#[test]
fn udp_length_is_that_of_each_frame() {
    let (bytes, offload) = superframe(Shape {
        kind: SuperframeKind::Udp,
        payload: 2500,
        ..TCP4
    });
    let sizes: Vec<_> = cut(&bytes, offload)
        .iter()
        .map(|f| referee(f).len())
        .collect();
    assert_eq!(sizes, [1000, 1000, 500]);
}

#[test]
fn udp_checksum_zero_is_sent_as_all_ones() {
    // The payload is chosen so that the sum of the one frame comes out as zero.
    let shape = Shape {
        kind: SuperframeKind::Udp,
        payload: 2,
        ..TCP4
    };
    let (mut bytes, offload) = superframe(shape);
    bytes[42..44].fill(0);
    let sum = cut(&bytes, offload)[0][40..42].to_vec();
    bytes[42..44].copy_from_slice(&sum);
    assert_eq!(cut(&bytes, offload)[0][40..42], [0xff, 0xff]);
}

#[test]
fn a_vlan_tag_moves_every_offset_by_four() {
    let (bytes, offload) = superframe(Shape {
        tagged: true,
        ..TCP4
    });
    assert_eq!(offload.checksum.unwrap().start, 14 + 4 + 20);
    for frame in cut(&bytes, offload) {
        assert_eq!(frame[12..16], [0x81, 0, 0, 7]);
        referee(&frame);
    }
}

#[test]
fn the_header_length_is_the_tcp_headers_own() {
    let (bytes, offload) = superframe(TCP4);
    let frames = cut(&bytes, offload);
    assert_eq!(frames[0].len(), 14 + 20 + 32 + 1000);
}

#[test]
fn an_owed_checksum_is_completed_from_the_stored_pseudo_sum() {
    for kind in [SuperframeKind::Tcp4, SuperframeKind::Udp] {
        let (bytes, mut offload) = superframe(Shape {
            kind,
            payload: 100,
            ..TCP4
        });
        offload.superframe = None;
        let frames = cut(&bytes, offload);
        assert_eq!(frames.len(), 1);
        assert_eq!(referee(&frames[0]), payload_of(100));
    }
}

#[test]
fn an_owed_checksum_behind_ipv6_extensions_is_completed() {
    let (plain, mut offload) = superframe(Shape {
        kind: SuperframeKind::Udp,
        v6: true,
        payload: 64,
        ..TCP4
    });
    let mut bytes = plain[..54].to_vec();
    bytes.extend([17, 0, 1, 4, 0, 0, 0, 0]);
    bytes.extend(&plain[54..]);
    bytes[20] = 60;
    let len = u16::try_from(bytes.len() - 54).unwrap();
    bytes[18..20].copy_from_slice(&len.to_be_bytes());
    offload.superframe = None;
    offload.checksum.as_mut().unwrap().start += 8;
    assert_eq!(referee(&cut(&bytes, offload)[0]), payload_of(64));
}

#[test]
fn a_frame_that_owes_nothing_is_itself() {
    for bytes in [&[][..], &[1; 13], &[0xff; 60]] {
        assert_eq!(cut(bytes, Offload::NONE), [bytes.to_vec()]);
    }
}

#[test]
fn a_short_buffer_writes_nothing() {
    let (bytes, offload) = superframe(TCP4);
    let mut segments = Segments::new(Frame {
        bytes: &bytes,
        offload,
    })
    .unwrap();
    let mut short = vec![0; segments.max_len() - 1];
    assert_eq!(segments.next_into(&mut short), None);
}

#[test]
fn a_checksum_beyond_the_frame_is_refused() {
    refuse_spoiled(
        TCP4,
        |bytes, o| {
            o.superframe = None;
            o.checksum.as_mut().unwrap().start = u16::try_from(bytes.len()).unwrap();
        },
        GsoFault::ChecksumPlace,
    );
}

#[test]
fn a_checksum_over_a_byte_that_guards_read_is_refused() {
    // Source MAC, source IP, ports, TCP flags, and the DHCP message behind port 67.
    for (start, offset) in [(0, 6), (0, 26), (14, 12), (34, 0), (34, 12)] {
        refuse_spoiled(
            TCP4,
            |_, o| {
                o.superframe = None;
                o.checksum = Some(Checksum { start, offset });
            },
            GsoFault::ChecksumPlace,
        );
    }
    let udp = Shape {
        kind: SuperframeKind::Udp,
        payload: 300,
        ..TCP4
    };
    refuse_spoiled(
        udp,
        |bytes, o| {
            bytes[36..38].copy_from_slice(&67_u16.to_be_bytes());
            o.superframe = None;
            o.checksum = Some(Checksum {
                start: 42,
                offset: 28,
            });
        },
        GsoFault::ChecksumPlace,
    );
}

#[test]
fn a_guests_own_tunnel_may_owe_a_checksum_inside() {
    let udp = Shape {
        kind: SuperframeKind::Udp,
        payload: 300,
        ..TCP4
    };
    let (bytes, mut offload) = superframe(udp);
    offload.superframe = None;
    offload.checksum = Some(Checksum {
        start: 42 + 8 + 14 + 20,
        offset: 16,
    });
    assert_eq!(cut(&bytes, offload).len(), 1);
}

#[test]
fn a_tcp_header_length_under_20_is_refused() {
    refuse_spoiled(TCP4, |bytes, _| bytes[34 + 12] = 0x40, GsoFault::Header);
}

#[test]
fn a_tcp_header_longer_than_the_frame_is_refused() {
    let short = Shape { payload: 0, ..TCP4 };
    refuse_spoiled(short, |bytes, _| bytes[34 + 12] = 0xf0, GsoFault::Header);
}

#[test]
fn a_kind_that_names_the_other_ip_version_is_refused() {
    refuse_spoiled(
        TCP4,
        |_, o| spoil_superframe(o, |s| s.kind = SuperframeKind::Tcp6),
        GsoFault::IpVersion,
    );
    refuse_spoiled(TCP4, |bytes, _| bytes[14] = 0x65, GsoFault::IpVersion);
}

#[test]
fn a_kind_that_names_the_other_transport_is_refused() {
    refuse_spoiled(
        TCP4,
        |_, o| spoil_superframe(o, |s| s.kind = SuperframeKind::Udp),
        GsoFault::Protocol,
    );
}

/// A superframe behind one IPv6 extension header of eight bytes.
fn extended(kind: SuperframeKind, extension: u8) -> (Vec<u8>, Offload) {
    let shape = Shape {
        kind,
        v6: true,
        ..TCP4
    };
    let (plain, mut offload) = superframe(shape);
    let mut bytes = plain[..54].to_vec();
    bytes.extend([plain[20], 0, 1, 4, 0, 0, 0, 0]);
    bytes.extend(&plain[54..]);
    bytes[20] = extension;
    let length = u16::from_be_bytes([plain[18], plain[19]]) + 8;
    bytes[18..20].copy_from_slice(&length.to_be_bytes());
    offload.checksum.as_mut().unwrap().start += 8;
    (bytes, offload)
}

#[test]
fn extension_headers_are_on_every_frame() {
    for kind in [SuperframeKind::Tcp6, SuperframeKind::Udp] {
        for extension in [0, 60] {
            let (bytes, offload) = extended(kind, extension);
            let frames = cut(&bytes, offload);
            assert_eq!(frames.len(), 3);
            for frame in &frames {
                assert_eq!((frame[20], &frame[54..62]), (extension, &bytes[54..62]));
            }
            let payload: Vec<u8> = frames.iter().flat_map(|it| referee(it)).collect();
            assert_eq!(payload, payload_of(TCP4.payload), "{kind:?}");
        }
    }
}

#[test]
fn a_superframe_behind_a_routing_header_is_refused() {
    let (bytes, offload) = extended(SuperframeKind::Tcp6, ROUTING_HEADER);
    refuse(&bytes, offload, GsoFault::Protocol);
}

#[test]
fn a_superframe_with_a_stacked_tag_is_refused() {
    let tagged = Shape {
        tagged: true,
        ..TCP4
    };
    refuse_spoiled(
        tagged,
        |bytes, _| bytes[16..18].copy_from_slice(&[0x81, 0]),
        GsoFault::Protocol,
    );
}

#[test]
fn a_fragment_is_refused() {
    refuse_spoiled(TCP4, |bytes, _| bytes[20] |= 0x20, GsoFault::Fragment);
    refuse_spoiled(TCP4, |bytes, _| bytes[21] |= 1, GsoFault::Fragment);
}

#[test]
fn a_length_that_is_not_the_frames_is_refused() {
    refuse_spoiled(TCP4, |bytes, _| bytes.push(0), GsoFault::Length);
    refuse_spoiled(
        TCP4,
        |bytes, _| {
            bytes.pop();
        },
        GsoFault::Length,
    );
    let udp = Shape {
        kind: SuperframeKind::Udp,
        ..TCP4
    };
    refuse_spoiled(udp, |bytes, _| bytes[39] ^= 1, GsoFault::Length);
}

#[test]
fn a_superframe_nobody_vouches_for_is_refused() {
    refuse_spoiled(TCP4, |_, o| o.checksum = None, GsoFault::ChecksumUnknown);
}

#[test]
fn a_vouched_superframe_without_an_owed_checksum_is_cut() {
    let (bytes, mut offload) = superframe(TCP4);
    offload.checksum = None;
    offload.valid = true;
    cut(&bytes, offload)
        .iter()
        .for_each(|frame| drop(referee(frame)));
}

#[test]
fn a_size_that_makes_no_frame_or_too_many_is_refused() {
    refuse_spoiled(
        TCP4,
        |_, o| spoil_superframe(o, |s| s.size = 0),
        GsoFault::Size,
    );
    refuse_spoiled(
        TCP4,
        |_, o| spoil_superframe(o, |s| s.size = 7),
        GsoFault::Size,
    );
    let udp = Shape {
        kind: SuperframeKind::Udp,
        payload: 129 * 10,
        ..TCP4
    };
    refuse_spoiled(
        udp,
        |_, o| spoil_superframe(o, |s| s.size = 0),
        GsoFault::Size,
    );
    refuse_spoiled(
        udp,
        |_, o| spoil_superframe(o, |s| s.size = 10),
        GsoFault::Size,
    );
}

#[test]
fn syn_rst_and_ecn_without_tcp_are_refused() {
    refuse_spoiled(TCP4, |bytes, _| bytes[34 + 13] |= 2, GsoFault::TcpFlags);
    refuse_spoiled(TCP4, |bytes, _| bytes[34 + 13] |= 4, GsoFault::TcpFlags);
    let udp = Shape {
        kind: SuperframeKind::Udp,
        ..TCP4
    };
    refuse_spoiled(
        udp,
        |_, o| spoil_superframe(o, |s| s.ecn = true),
        GsoFault::TcpFlags,
    );
}

fn shapes() -> impl Strategy<Value = Shape> {
    let kind = prop_oneof![
        Just(SuperframeKind::Tcp4),
        Just(SuperframeKind::Tcp6),
        Just(SuperframeKind::Udp)
    ];
    (
        kind,
        any::<bool>(),
        any::<bool>(),
        0_usize..8000,
        64_u16..2000,
    )
        .prop_map(|(kind, v6, tagged, payload, size)| Shape {
            kind,
            v6: match kind {
                SuperframeKind::Tcp4 => false,
                SuperframeKind::Tcp6 => true,
                SuperframeKind::Udp => v6,
            },
            tagged,
            payload,
            size,
        })
}

proptest! {
    #[test]
    fn no_byte_is_lost_or_added_and_every_checksum_holds(shape in shapes()) {
        let (bytes, offload) = superframe(shape);
        let payload: Vec<u8> = cut(&bytes, offload).iter().flat_map(|f| referee(f)).collect();
        prop_assert_eq!(payload, payload_of(shape.payload));
    }

    /// A real superframe with a few bytes and any offload field changed: a frame or a fault.
    #[test]
    fn nothing_a_guest_writes_makes_it_panic(
        shape in shapes(),
        pokes in proptest::collection::vec((0_usize..80, any::<u8>()), 0..6),
        start in prop_oneof![Just(None), any::<u16>().prop_map(Some)],
        size in prop_oneof![Just(None), any::<u16>().prop_map(Some)],
        cut_to in 0_usize..9000,
    ) {
        let (mut bytes, mut offload) = superframe(shape);
        for (at, value) in pokes {
            if let Some(byte) = bytes.get_mut(at) { *byte = value; }
        }
        bytes.truncate(cut_to.max(bytes.len() / 2));
        if let Some(start) = start { offload.checksum = Some(Checksum { start, offset: start % 40 }); }
        if let Some(size) = size { spoil_superframe(&mut offload, |s| s.size = size); }
        if let Ok(mut segments) = Segments::new(Frame { bytes: &bytes, offload }) {
            let mut out = vec![0; segments.max_len()];
            let mut written = 0;
            while segments.next_into(&mut out).is_some() { written += 1; }
            prop_assert_eq!(written, segments.count());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        start in any::<u16>(), offset in any::<u16>(), size in any::<u16>(), kind in 0_usize..4,
    ) {
        let kinds = [SuperframeKind::Tcp4, SuperframeKind::Tcp6, SuperframeKind::Udp];
        let superframe = kinds.get(kind).map(|&kind| Superframe { kind, size, ecn: false });
        let offload = Offload { checksum: Some(Checksum { start, offset }), superframe, valid: false };
        if let Ok(mut segments) = Segments::new(Frame { bytes: &bytes, offload }) {
            let mut out = vec![0; segments.max_len()];
            while segments.next_into(&mut out).is_some() {}
        }
    }
}
