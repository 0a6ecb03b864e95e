//! Frames go in, and come out joined: cut again, they are what went in.

use std::collections::BTreeMap;

use etherparse::PacketBuilder;
use proptest::prelude::*;
use skerry_policy::LocalPort;

use super::*;
use crate::frame::{Checksum, Offload, Superframe, SuperframeKind};
use crate::gso::Segments;

mod datagrams;

const PORT: LocalPort = LocalPort(0);
const ACK: u8 = 0x10;
const PSH: u8 = 0x08;

/// A TCP segment, as its sender would finish it.
#[derive(Clone, Debug)]
struct Tcp {
    v6: bool,
    /// Last byte of the sender's address.
    flow: u8,
    seq: u32,
    id: u16,
    flags: u8,
    window: u16,
    options: bool,
    tag: Option<u16>,
    payload: Vec<u8>,
}

impl Tcp {
    fn new(seq: u32, len: usize) -> Self {
        Self {
            v6: false,
            flow: 1,
            seq,
            id: u16::try_from(seq / 1_000).unwrap(),
            flags: ACK,
            window: 512,
            options: true,
            tag: None,
            payload: (seq..).take(len).map(|it| it.to_be_bytes()[3]).collect(),
        }
    }

    fn frame(&self) -> Vec<u8> {
        let (from, to) = ([2, 0, 0, 0, 0, self.flow], [2, 0, 0, 0, 9, 9]);
        let link = PacketBuilder::ethernet2(from, to);
        let tcp = |ip: etherparse::PacketBuilderStep<etherparse::IpHeaders>| {
            let mut tcp = ip.tcp(4_000, 5_000, self.seq, self.window);
            if self.flags & ACK != 0 {
                tcp = tcp.ack(77);
            }
            for (bit, set) in [
                (PSH, etherparse::PacketBuilderStep::psh as fn(_) -> _),
                (0x01, etherparse::PacketBuilderStep::fin),
                (0x02, etherparse::PacketBuilderStep::syn),
                (0x80, etherparse::PacketBuilderStep::cwr),
            ] {
                if self.flags & bit != 0 {
                    tcp = set(tcp);
                }
            }
            if self.options {
                // Timestamps, as every host has them.
                let raw = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
                tcp = tcp.options_raw(&raw).unwrap();
            }
            let mut bytes = Vec::new();
            tcp.write(&mut bytes, &self.payload).unwrap();
            bytes
        };
        let ip = if self.v6 {
            let (mut from, mut to) = ([0x20; 16], [0x20; 16]);
            (from[15], to[15]) = (self.flow, 99);
            etherparse::IpHeaders::Ipv6(
                etherparse::Ipv6Header {
                    hop_limit: 64,
                    source: from,
                    destination: to,
                    ..Default::default()
                },
                etherparse::Ipv6Extensions::default(),
            )
        } else {
            let mut header = etherparse::Ipv4Header::new(
                0,
                64,
                etherparse::IpNumber::TCP,
                [10, 0, 0, self.flow],
                [10, 0, 0, 99],
            )
            .unwrap();
            header.identification = self.id;
            header.dont_fragment = true;
            etherparse::IpHeaders::Ipv4(header, etherparse::Ipv4Extensions::default())
        };
        match self.tag {
            Some(tag) => tcp(link.single_vlan(tag.try_into().unwrap()).ip(ip)),
            None => tcp(link.ip(ip)),
        }
    }
}

/// What comes out: the port, the frame, what is owed, and how many it stands for.
type Out = (LocalPort, Vec<u8>, Offload, usize);

/// Puts frames through a joiner.
fn join(frames: &[(LocalPort, Vec<u8>)]) -> Vec<Out> {
    let mut joiner = Joiner::new(Joins::All).unwrap();
    let mut out = Vec::new();
    let mut take = |port: LocalPort, frame: Frame<'_>| {
        let (bytes, offload) = (frame.bytes.to_vec(), frame.offload);
        out.push((port, bytes, offload, pieces(frame).count()));
    };
    for (port, bytes) in frames {
        if !joiner.take(*port, bytes, &mut take) {
            take(*port, Frame::plain(bytes));
        }
    }
    joiner.flush(&mut take);
    assert!(joiner.is_empty());
    out
}

fn to_port(frames: &[Tcp]) -> Vec<(LocalPort, Vec<u8>)> {
    frames.iter().map(|it| (PORT, it.frame())).collect()
}

/// How many frames each that comes out stands for.
fn counts(frames: &[Tcp]) -> Vec<usize> {
    let frames = to_port(frames);
    let out = join(&frames);
    assert_eq!(cut(&out), frames, "the very frames, and in order");
    out.iter().map(|it| it.3).collect()
}

fn pieces(frame: Frame<'_>) -> Segments<'_> {
    Segments::new(frame).expect("a superframe as it should be")
}

fn cut(out: &[Out]) -> Vec<(LocalPort, Vec<u8>)> {
    let mut frames = Vec::new();
    for &(port, ref bytes, offload, _) in out {
        let mut segments = pieces(Frame { bytes, offload });
        let mut room = vec![0; FRAME_MAX];
        while let Some(length) = segments.next_into(&mut room) {
            frames.push((port, room[..length].to_vec()));
        }
    }
    frames
}

/// A stream in pieces of 1,000 bytes.
fn stream(pieces: usize) -> Vec<Tcp> {
    let seq = |at: usize| u32::try_from(at * 1_000).unwrap();
    (0..pieces).map(|at| Tcp::new(seq(at), 1_000)).collect()
}

#[test]
fn a_stream_becomes_one_superframe() {
    let out = join(&to_port(&stream(40)));
    let [(_, bytes, offload, 40)] = &out[..] else {
        panic!("{} frames", out.len())
    };
    assert_eq!(bytes.len(), 14 + 20 + 32 + 40_000);
    let expect = Offload {
        checksum: Some(Checksum {
            start: 34,
            offset: 16,
        }),
        superframe: Some(Superframe {
            kind: SuperframeKind::Tcp4,
            size: 1_000,
            ecn: false,
        }),
        valid: false,
    };
    assert_eq!(*offload, expect);
    assert_eq!(counts(&stream(40)), [40]);
}

#[test]
fn no_superframe_is_longer_than_ip_can_say() {
    assert_eq!(counts(&stream(100)), [65, 35]);
    let mut six = stream(100);
    six.iter_mut().for_each(|it| it.v6 = true);
    assert_eq!(counts(&six), [65, 35]);
    // One byte too many for IP, and room enough.
    let piece = |at: u16| Tcp {
        id: at,
        ..Tcp::new(u32::from(at) * 1_284, 1_284)
    };
    let exact: Vec<Tcp> = (0..51).map(piece).collect();
    assert_eq!(counts(&exact), [50, 1]);
}

#[test]
fn what_is_too_short_to_be_cut_is_not_joined() {
    for (size, expect) in [(7, vec![1, 1]), (8, vec![2])] {
        let mut frames = vec![Tcp::new(0, size), Tcp::new(0, size)];
        (frames[1].seq, frames[1].id) = (u32::try_from(size).unwrap(), 1);
        assert_eq!(counts(&frames), expect, "{size} bytes");
    }
}

#[test]
fn a_tag_is_no_obstacle_and_two_do_not_mix() {
    let mut tagged = stream(4);
    tagged.iter_mut().for_each(|it| it.tag = Some(5));
    assert_eq!(counts(&tagged), [4]);
    tagged[2].tag = Some(6);
    assert_eq!(counts(&tagged), [2, 1, 1]);
}

#[test]
fn what_ends_a_bundle_is_its_last() {
    let mut pushed = stream(4);
    pushed[1].flags |= PSH;
    assert_eq!(counts(&pushed), [2, 2]);
    let mut short = stream(4);
    short[1].payload.truncate(999);
    assert_eq!(counts(&short), [2, 2], "the next does not follow at once");
    let mut first = stream(3);
    first[0].flags |= PSH;
    assert_eq!(counts(&first), [1, 2]);
}

#[test]
fn whatever_differs_is_not_joined() {
    type Change = fn(&mut Tcp);
    let changes: [(&str, Change); 9] = [
        ("a gap", |it| it.seq += 1),
        ("another identification", |it| it.id += 1),
        ("another window", |it| it.window += 1),
        ("other options", |it| it.options = false),
        ("FIN", |it| it.flags |= 0x01),
        ("SYN", |it| it.flags |= 0x02),
        ("CWR", |it| it.flags |= 0x80),
        ("no ACK", |it| it.flags = 0),
        ("no payload", |it| it.payload.clear()),
    ];
    for (what, change) in changes {
        let mut frames = stream(2);
        change(&mut frames[1]);
        assert_eq!(counts(&frames), [1, 1], "{what}");
    }
    let mut longer = stream(2);
    longer[1].payload.push(0);
    assert_eq!(counts(&longer), [1, 1], "longer than the first");
}

#[test]
fn what_a_byte_says_is_looked_at_wherever_it_stands() {
    // TOS with ECN, TTL, DF; hop limit, traffic class, ECN, flow label; acknowledgement; urgent
    // pointer.
    for (v6, place, bit) in [
        (false, 15, 4),
        (false, 15, 2),
        (false, 15, 1),
        (false, 22, 1),
        (false, 20, 0x40),
        (true, 21, 1),
        (true, 14, 1),
        (true, 15, 0x20),
        (true, 15, 0x10),
        (true, 17, 1),
        (false, 45, 1),
        (false, 53, 1),
        (true, 65, 1),
    ] {
        let mut frames = stream(2);
        frames.iter_mut().for_each(|it| it.v6 = v6);
        let mut frames = to_port(&frames);
        let changed = &mut frames[1].1;
        changed[place] ^= bit;
        finish(changed, v6);
        let out = join(&frames);
        assert_eq!(cut(&out), frames);
        assert_eq!(out.len(), 2, "byte {place}, {v6}");
    }
}

/// Makes both checksums right again.
fn finish(frame: &mut [u8], v6: bool) {
    let network = crate::gso::Network::parse(frame).unwrap();
    if !v6 {
        frame[24..26].fill(0);
        let sum = crate::gso::Sum::of(&frame[14..34]).checksum();
        frame[24..26].copy_from_slice(&sum);
    }
    let l4 = network.l4;
    let place = l4 + network.checksum_offset().unwrap();
    frame[place..place + 2].fill(0);
    let length = u16::try_from(frame.len() - l4).unwrap();
    let sum = crate::gro::segment::pseudo(frame, network, length);
    let sum = sum.and(crate::gso::Sum::of(&frame[l4..]));
    frame[place..place + 2].copy_from_slice(&sum.transport_checksum());
}

#[test]
fn a_wrong_checksum_stays_wrong() {
    // Of TCP, of the payload, of IPv4; and bytes behind the packet.
    for place in [34 + 16, 700, 24, 22] {
        let mut frames = to_port(&stream(3));
        frames[1].1[place] ^= 1;
        let out = join(&frames);
        assert_eq!(cut(&out), frames);
        assert_eq!(out.len(), 3, "byte {place}");
    }
    let mut padded = to_port(&stream(3));
    padded[1].1.push(0);
    let out = join(&padded);
    assert_eq!(cut(&out), padded);
    assert_eq!(out.len(), 3);
}

#[test]
fn flows_are_joined_side_by_side_and_ports_apart() {
    let mut frames = Vec::new();
    for at in 0..6_u32 {
        for flow in [1, 2] {
            let mut segment = Tcp::new(at * 1_000, 1_000);
            segment.flow = flow;
            frames.push((LocalPort(u32::from(flow)), segment.frame()));
            frames.push((LocalPort(7), segment.frame()));
        }
    }
    let out = join(&frames);
    let mut counts: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (port, _, _, count) in &out {
        counts.entry(port.0).or_default().push(*count);
    }
    let expect = [(1, vec![6]), (2, vec![6]), (7, vec![6, 6])];
    assert_eq!(counts, BTreeMap::from(expect));
}

#[test]
fn more_flows_than_places_lose_nothing() {
    let mut frames = Vec::new();
    for at in 0..3_u32 {
        for flow in 0..=FLOWS {
            let mut segment = Tcp::new(at * 1_000, 1_000);
            segment.flow = u8::try_from(flow).unwrap();
            frames.push((PORT, segment.frame()));
        }
    }
    let mut out = cut(&join(&frames));
    out.sort();
    frames.sort();
    assert_eq!(out, frames);
}

#[test]
fn what_may_be_of_the_flow_does_not_overtake_it() {
    let mut frames = to_port(&stream(3));
    let mut fragment = frames[2].1.clone();
    fragment[20] = 0x20;
    frames.insert(2, (PORT, fragment));
    let mut fin = Tcp::new(3_000, 10);
    fin.flags |= 1;
    frames.push((PORT, fin.frame()));
    let out = join(&frames);
    assert_eq!(cut(&out), frames);
    let counts: Vec<usize> = out.iter().map(|it| it.3).collect();
    assert_eq!(counts, [2, 1, 1, 1]);
}

/// Mostly a stream, now and then something else.
fn any_segment() -> impl Strategy<Value = (bool, Tcp, Option<(usize, u8)>)> {
    let payload = prop_oneof![4 => Just(1_000_usize), 1 => 0_usize..1_500];
    let flags = prop_oneof![8 => Just(ACK), 1 => Just(ACK | PSH), 1 => any::<u8>()];
    let edit = prop_oneof![
        8 => Just(None),
        1 => (0_usize..80, any::<u8>()).prop_map(Some),
    ];
    let window = prop_oneof![9 => Just(512_u16), 1 => any::<u16>()];
    let tag = prop_oneof![9 => Just(None), 1 => (1_u16..3).prop_map(Some)];
    (
        prop::bool::weighted(0.9),
        (0_u8..3, any::<bool>(), any::<bool>()),
        (payload, flags, window, tag),
        edit,
    )
        .prop_map(
            |(follows, (flow, v6, options), (len, flags, window, tag), edit)| {
                let segment = Tcp {
                    v6,
                    flow,
                    flags,
                    window,
                    options,
                    tag,
                    ..Tcp::new(0, len)
                };
                (follows, segment, edit)
            },
        )
}

proptest! {
    /// Whatever is put in comes out when it is cut again, and no flow changes its order.
    #[test]
    fn joined_and_cut_again_everything_is_as_it_was(
        segments in prop::collection::vec(any_segment(), 1..120),
        mixed in any::<bool>(),
    ) {
        let mut places: BTreeMap<(u8, bool), (u32, u16)> = BTreeMap::new();
        let mut frames = Vec::new();
        for (follows, mut segment, edit) in segments {
            if !mixed {
                (segment.v6, segment.options, segment.tag) = (segment.flow == 2, true, None);
            }
            let place = places.entry((segment.flow, segment.v6)).or_default();
            (segment.seq, segment.id) = *place;
            let length = u32::try_from(segment.payload.len()).unwrap();
            *place = (place.0.wrapping_add(length), place.1.wrapping_add(1));
            if !follows {
                segment.seq ^= 0x100;
            }
            let mut frame = segment.frame();
            if let Some((at, value)) = edit
                && let Some(byte) = frame.get_mut(at)
            {
                *byte = value;
            }
            frames.push((LocalPort(u32::from(segment.flow % 2)), frame));
        }
        let mut out = cut(&join(&frames));
        // The order within a flow is that of its frames here; a stable sort keeps it.
        let key = crate::fuzz::stream_of;
        out.sort_by_key(key);
        frames.sort_by_key(key);
        prop_assert_eq!(out, frames);
    }
}
