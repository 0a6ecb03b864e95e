//! The same for UDP.

use etherparse::{IpHeaders, Ipv4Extensions, Ipv4Header, Ipv6Extensions, Ipv6Header};

use super::*;

/// A datagram, as its sender would finish it.
#[derive(Clone, Debug)]
struct Udp {
    v6: bool,
    /// Last byte of the sender's address.
    flow: u8,
    id: u16,
    df: bool,
    ports: (u16, u16),
    to: ([u8; 6], [u8; 4], [u8; 16]),
    tag: Option<u16>,
    payload: Vec<u8>,
}

impl Udp {
    fn new(nth: usize, len: usize) -> Self {
        Self {
            v6: false,
            flow: 1,
            id: 7_000 + u16::try_from(nth).unwrap(),
            df: true,
            ports: (4_000, 5_000),
            to: ([2, 0, 0, 0, 9, 9], [10, 0, 0, 99], [0x20; 16]),
            tag: None,
            payload: (nth..).take(len).map(|it| it.to_le_bytes()[0]).collect(),
        }
    }

    fn frame(&self) -> Vec<u8> {
        let link = PacketBuilder::ethernet2([2, 0, 0, 0, 0, self.flow], self.to.0);
        let ip = if self.v6 {
            let mut source = [0x20; 16];
            source[15] = self.flow;
            let header = Ipv6Header {
                hop_limit: 64,
                source,
                destination: self.to.2,
                ..Default::default()
            };
            IpHeaders::Ipv6(header, Ipv6Extensions::default())
        } else {
            let from = [10, 0, 0, self.flow];
            let number = etherparse::IpNumber::UDP;
            let mut header = Ipv4Header::new(0, 64, number, from, self.to.1).unwrap();
            (header.identification, header.dont_fragment) = (self.id, self.df);
            IpHeaders::Ipv4(header, Ipv4Extensions::default())
        };
        let step = match self.tag {
            Some(tag) => link.single_vlan(tag.try_into().unwrap()).ip(ip),
            None => link.ip(ip),
        };
        let mut bytes = Vec::new();
        let udp = step.udp(self.ports.0, self.ports.1);
        udp.write(&mut bytes, &self.payload).unwrap();
        bytes
    }
}

fn burst(count: usize, len: usize) -> Vec<Udp> {
    (0..count).map(|nth| Udp::new(nth, len)).collect()
}

fn frames(datagrams: &[Udp]) -> Vec<(LocalPort, Vec<u8>)> {
    datagrams.iter().map(|it| (PORT, it.frame())).collect()
}

/// How many frames each that comes out stands for; cut again they are the very ones.
#[track_caller]
fn check(frames: &[(LocalPort, Vec<u8>)], expect: &[usize]) {
    let out = join(frames);
    assert_eq!(cut(&out), frames, "the very frames, and in order");
    let counts: Vec<usize> = out.iter().map(|it| it.3).collect();
    assert_eq!(counts, expect);
}

#[track_caller]
fn counts(datagrams: &[Udp], expect: &[usize]) {
    check(&frames(datagrams), expect);
}

fn both() -> [bool; 2] {
    [false, true]
}

#[test]
fn a_burst_becomes_one_superframe() {
    for (v6, l4) in [(false, 34), (true, 54)] {
        let mut sent = burst(40, 100);
        sent.iter_mut().for_each(|it| it.v6 = v6);
        let out = join(&frames(&sent));
        let [(_, bytes, offload, 40)] = &out[..] else {
            panic!("{} frames", out.len())
        };
        assert_eq!(bytes.len(), usize::from(l4) + 8 + 4_000);
        let expect = Offload {
            checksum: Some(Checksum {
                start: l4,
                offset: 6,
            }),
            superframe: Some(Superframe {
                kind: SuperframeKind::Udp,
                size: 100,
                ecn: false,
            }),
            valid: false,
        };
        assert_eq!(*offload, expect);
        counts(&sent, &[40]);
    }
}

#[test]
fn no_more_are_joined_than_linux_joins() {
    counts(&burst(130, 1), &[64, 64, 2]);
    // 65,535 bytes of packet take 43 of 1,500 bytes, and 46 of 1,400.
    counts(&burst(50, 1_500), &[43, 7]);
    let mut six = burst(50, 1_400);
    six.iter_mut().for_each(|it| it.v6 = true);
    counts(&six, &[46, 4]);
}

#[test]
fn a_shorter_one_is_the_last_and_a_longer_one_the_next() {
    for v6 in both() {
        let mut sent = burst(7, 100);
        sent.iter_mut().for_each(|it| it.v6 = v6);
        sent[2].payload.truncate(99);
        sent[5].payload.push(1);
        counts(&sent, &[3, 2, 2]);
    }
}

#[test]
fn a_tag_is_no_obstacle_and_two_do_not_mix() {
    let mut sent = burst(4, 100);
    sent.iter_mut().for_each(|it| it.tag = Some(5));
    counts(&sent, &[4]);
    sent[2].tag = Some(6);
    counts(&sent, &[2, 1, 1]);
}

#[test]
fn whatever_differs_is_not_joined() {
    type Change = fn(&mut Udp);
    let changes: [(&str, Change); 6] = [
        ("a gap in the identification", |it| it.id += 1),
        ("may be fragmented", |it| it.df = false),
        ("another port", |it| it.ports.0 += 1),
        ("another receiver", |it| it.to.0 = [2; 6]),
        ("another address", |it| it.to.1[3] = 98),
        ("nothing in it", |it| it.payload.clear()),
    ];
    for (what, change) in changes {
        let mut sent = burst(2, 100);
        change(&mut sent[1]);
        let sent = frames(&sent);
        let out = join(&sent);
        assert_eq!(out.len(), 2, "{what}");
        assert_eq!(cut(&out), sent, "{what}");
    }
}

#[test]
fn what_a_byte_says_is_looked_at_wherever_it_stands() {
    // TOS, TTL; hop limit, traffic class, flow label.
    for (v6, place) in [(false, 15), (false, 22), (true, 21), (true, 14), (true, 17)] {
        let mut sent = burst(2, 100);
        sent.iter_mut().for_each(|it| it.v6 = v6);
        let mut sent = frames(&sent);
        sent[1].1[place] ^= 1;
        finish(&mut sent[1].1, v6);
        check(&sent, &[1, 1]);
    }
}

#[test]
fn a_wrong_checksum_stays_wrong() {
    // Of UDP, of the payload, of IPv4, of the first and of another; and bytes behind the packet.
    for place in [34 + 6, 60, 24, 22] {
        for nth in 0..3 {
            let mut sent = frames(&burst(3, 100));
            sent[nth].1[place] ^= 1;
            check(&sent, [&[1, 2][..], &[1, 1, 1], &[2, 1]][nth]);
        }
    }
    let mut padded = frames(&burst(3, 100));
    padded[1].1.push(0);
    check(&padded, &[1, 1, 1]);
}

#[test]
fn none_gets_a_checksum_that_had_none() {
    let mut sent = frames(&burst(4, 100));
    for (_, bytes) in &mut sent[1..3] {
        bytes[40..42].fill(0);
    }
    check(&sent, &[1, 1, 1, 1]);
    // What is sent for zero is a checksum like any other.
    let mut sent = burst(3, 100);
    let bare = sent[1].frame();
    let rest = u16::from_be_bytes([bare[40], bare[41]]);
    let pair = u16::from_be_bytes([sent[1].payload[0], sent[1].payload[1]]);
    // In ones' complement: what was missing to all ones is now in the payload.
    let sum = u32::from(pair) + u32::from(rest);
    let folded = u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    sent[1].payload[..2].copy_from_slice(&folded.to_be_bytes());
    assert_eq!(sent[1].frame()[40..42], [0xff, 0xff]);
    counts(&sent, &[3]);
}

#[test]
fn a_length_that_is_not_the_packets_is_not_joined() {
    for change in [1, 255] {
        let mut sent = frames(&burst(3, 100));
        let length = &mut sent[1].1[39];
        *length = length.wrapping_add(change);
        finish(&mut sent[1].1, false);
        check(&sent, &[1, 1, 1]);
    }
}

#[test]
fn options_extensions_and_fragments_go_by_themselves() {
    let mut options = frames(&burst(3, 100));
    for (_, bytes) in &mut options {
        bytes.splice(34..34, [1, 1, 1, 0]);
        (bytes[14], bytes[17]) = (0x46, bytes[17] + 4);
        bytes[24..26].fill(0);
        let sum = crate::gso::Sum::of(&bytes[14..38]).checksum();
        bytes[24..26].copy_from_slice(&sum);
    }
    check(&options, &[1, 1, 1]);
    let mut extended = burst(3, 100);
    extended.iter_mut().for_each(|it| it.v6 = true);
    let mut extended = frames(&extended);
    for (_, bytes) in &mut extended {
        bytes.splice(54..54, [17, 0, 1, 4, 0, 0, 0, 0]);
        (bytes[20], bytes[19]) = (60, bytes[19] + 8);
    }
    check(&extended, &[1, 1, 1]);
    let mut fragments = frames(&burst(4, 100));
    fragments[2].1[20] = 0x20;
    finish_header(&mut fragments[2].1);
    check(&fragments, &[2, 1, 1]);
}

/// Makes the checksum of IPv4 right again.
fn finish_header(frame: &mut [u8]) {
    frame[24..26].fill(0);
    let sum = crate::gso::Sum::of(&frame[14..34]).checksum();
    frame[24..26].copy_from_slice(&sum);
}

#[test]
fn tunnels_and_dhcp_are_left_alone_in_both_directions() {
    for v6 in both() {
        for port in [4789, 8472, 4790, 6081, 67, 68, 546, 547] {
            for ports in [(port, 5_000), (5_000, port)] {
                let mut sent = burst(3, 100);
                sent.iter_mut()
                    .for_each(|it| (it.v6, it.ports) = (v6, ports));
                counts(&sent, &[1, 1, 1]);
            }
        }
        // QUIC, WireGuard and IPsec behind a NAT.
        for port in [443, 51_820, 4500] {
            let mut sent = burst(3, 100);
            sent.iter_mut()
                .for_each(|it| (it.v6, it.ports) = (v6, (port, port)));
            counts(&sent, &[3]);
        }
    }
}

#[test]
fn what_goes_to_many_is_left_alone() {
    let (mac, v4, v6) = Udp::new(0, 0).to;
    let mut group = v6;
    group[..2].copy_from_slice(&[0xff, 0x02]);
    for (is_v6, to) in [
        (false, ([0xff; 6], v4, v6)),
        (false, ([1, 0, 0x5e, 0, 0, 1], v4, v6)),
        (false, (mac, [224, 0, 0, 251], v6)),
        (false, (mac, [239, 1, 1, 1], v6)),
        (false, (mac, [255; 4], v6)),
        (true, ([0x33, 0x33, 0, 0, 0, 1], v4, v6)),
        (true, (mac, v4, group)),
    ] {
        let mut sent = burst(3, 100);
        sent.iter_mut().for_each(|it| (it.v6, it.to) = (is_v6, to));
        counts(&sent, &[1, 1, 1]);
    }
}

/// The one thing that changes: the number of what must not be fragmented and has the number of the
/// one before. Everything else comes back, and the checksum of the header is right.
#[test]
fn one_number_for_all_is_counted_up_where_it_means_nothing() {
    for id in [0, 7, 0xffff] {
        let mut sent = burst(5, 100);
        sent.iter_mut().for_each(|it| it.id = id);
        let out = join(&frames(&sent));
        assert_eq!(out.len(), 1);
        for (nth, datagram) in (0..).zip(&mut sent) {
            datagram.id = id.wrapping_add(nth);
        }
        assert_eq!(cut(&out), frames(&sent));
        // It means something where routers may fragment.
        sent.iter_mut().for_each(|it| (it.id, it.df) = (id, false));
        counts(&sent, &[1; 5]);
    }
    // Counted first, then not; not at first, then counted.
    let mut sent = burst(3, 100);
    sent[2].id = sent[1].id;
    counts(&sent, &[2, 1]);
    let mut sent = burst(3, 100);
    (sent[0].id, sent[2].id) = (sent[1].id, sent[1].id + 1);
    let out = join(&frames(&sent));
    assert_eq!(out.len(), 2);
}

#[test]
fn identification_wraps() {
    let mut sent = burst(4, 100);
    for (id, it) in [0xfffe, 0xffff, 0, 1].into_iter().zip(&mut sent) {
        it.id = id;
    }
    counts(&sent, &[4]);
}

#[test]
fn nothing_of_a_flow_overtakes_what_is_held_of_it() {
    let mut sent = frames(&burst(6, 100));
    // It cannot be joined, but is of this flow.
    sent[3].1[40..42].fill(0);
    check(&sent, &[3, 1, 2]);
}

#[test]
fn tcp_of_the_same_ports_is_another_flow() {
    let mut sent = Vec::new();
    for nth in 0..3 {
        sent.push((PORT, Udp::new(nth, 1_000).frame()));
        sent.push((
            PORT,
            Tcp::new(u32::try_from(nth).unwrap() * 1_000, 1_000).frame(),
        ));
    }
    let out = join(&sent);
    let kinds = |it: &Out| (it.2.superframe.unwrap().kind, it.3);
    let expect = [(SuperframeKind::Udp, 3), (SuperframeKind::Tcp4, 3)];
    assert_eq!(out.iter().map(kinds).collect::<Vec<_>>(), expect);
}

#[test]
fn more_flows_than_places_of_both_kinds_lose_nothing() {
    let mut sent = Vec::new();
    for nth in 0..3_usize {
        for flow in 0..40 {
            let seq = u32::try_from(nth).unwrap() * 1_000;
            sent.push((
                PORT,
                Udp {
                    flow,
                    ..Udp::new(nth, 100)
                }
                .frame(),
            ));
            sent.push((
                PORT,
                Tcp {
                    flow,
                    ..Tcp::new(seq, 1_000)
                }
                .frame(),
            ));
        }
    }
    let mut out = cut(&join(&sent));
    out.sort_by_key(crate::fuzz::stream_of);
    sent.sort_by_key(crate::fuzz::stream_of);
    assert_eq!(out, sent);
}

#[test]
fn datagrams_go_by_themselves_where_only_tcp_is_joined() {
    let mut joiner = Joiner::new(Joins::Tcp).unwrap();
    for (_, bytes) in frames(&burst(3, 100)) {
        assert!(!joiner.take(PORT, &bytes, |_, _| panic!("nothing is held")));
    }
    assert!(joiner.is_empty());
    assert!(Joiner::<LocalPort>::new(Joins::Nothing).is_none());
}

/// Mostly bursts, now and then something else.
fn any_datagram() -> impl Strategy<Value = (bool, Udp, Option<(usize, u8)>)> {
    let len = prop_oneof![4 => Just(200_usize), 1 => 0_usize..1_400];
    let port = prop_oneof![8 => Just(5_000_u16), 1 => Just(4789), 1 => any::<u16>()];
    let edit = prop_oneof![8 => Just(None), 1 => (0_usize..80, any::<u8>()).prop_map(Some)];
    (
        prop::bool::weighted(0.9),
        (0_u8..3, any::<bool>(), prop::bool::weighted(0.9)),
        (len, port),
        edit,
    )
        .prop_map(|(follows, (flow, v6, df), (len, port), edit)| {
            let datagram = Udp {
                v6,
                flow,
                df,
                ports: (4_000, port),
                ..Udp::new(0, len)
            };
            (follows, datagram, edit)
        })
}

proptest! {
    /// Whatever is put in comes out when it is cut again, and no flow changes its order.
    #[test]
    fn joined_and_cut_again_everything_is_as_it_was(
        datagrams in prop::collection::vec(any_datagram(), 1..120),
    ) {
        let mut ids: BTreeMap<(u8, bool), u16> = BTreeMap::new();
        let mut sent = Vec::new();
        for (follows, mut datagram, edit) in datagrams {
            let id = ids.entry((datagram.flow, datagram.v6)).or_default();
            *id = id.wrapping_add(if follows { 1 } else { 3 });
            datagram.id = *id;
            let mut frame = datagram.frame();
            if let Some((at, value)) = edit
                && let Some(byte) = frame.get_mut(at)
            {
                *byte = value;
            }
            sent.push((LocalPort(u32::from(datagram.flow % 2)), frame));
        }
        let mut out = cut(&join(&sent));
        out.sort_by_key(crate::fuzz::stream_of);
        sent.sort_by_key(crate::fuzz::stream_of);
        prop_assert_eq!(out, sent);
    }
}
