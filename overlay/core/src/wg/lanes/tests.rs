//! Real boringtun on both ends, a list of datagrams between them, a clock that is a number.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::wg::padded_len;
use crate::wg::testing::{Wire, address, fabric, id, node_line, reachable, secret};

/// One node's lanes, where they are, and what they received.
struct End {
    lanes: Lanes,
    room: Scratch,
    at: SocketAddr,
    fabric: Arc<Fabric>,
    wire: Wire,
    packets: Vec<(NodeId, Vec<u8>)>,
    drops: Vec<(DropReason, Option<NodeId>)>,
}

impl End {
    fn boot(now: Time, name: &str, fabric: &Arc<Fabric>) -> Self {
        let mut lanes = Lanes::new(secret(name), u32::from(name.as_bytes()[1]));
        lanes.install(now, fabric, id(fabric, name));
        Self {
            lanes,
            room: Scratch::default(),
            at: address(name),
            fabric: Arc::clone(fabric),
            wire: Wire::default(),
            packets: Vec::new(),
            drops: Vec::new(),
        }
    }

    fn tick(&mut self, now: Time) {
        self.lanes.handle_timeout(now, &mut self.wire);
    }

    fn seal(&mut self, now: Time, to: &str, packet: &[u8]) -> Result<(), Refused> {
        let to = id(&self.fabric, to);
        self.lanes.seal(now, to, packet, &mut self.wire)
    }

    fn flush(&mut self) {
        self.lanes.flush(&mut self.wire);
    }

    fn open(&mut self, now: Time, from: SocketAddr, datagram: &[u8]) {
        let opened = self
            .lanes
            .open(now, from, datagram, &mut self.room, &mut self.wire);
        match opened {
            Opened::Packet { node, bytes } => self.packets.push((node, bytes.to_vec())),
            Opened::Handled => {}
            Opened::Dropped(reason, node) => self.drops.push((reason, node)),
        }
    }

    fn status(&self, of: &str) -> LaneStatus {
        let node = id(&self.fabric, of);
        self.lanes
            .status()
            .find(|status| status.node == node)
            .unwrap()
    }

    fn install(&mut self, now: Time, name: &str, fabric: &Arc<Fabric>) {
        self.fabric = Arc::clone(fabric);
        self.lanes.install(now, fabric, id(fabric, name));
    }
}

/// Carries datagrams between the ends until nothing moves.
fn settle(now: Time, ends: &mut [&mut End]) {
    loop {
        let mut moved = false;
        for from in 0..ends.len() {
            let (source, list) = (ends[from].at, ends[from].wire.take());
            for (to, datagram) in list {
                moved = true;
                for end in ends.iter_mut().filter(|end| end.at == to) {
                    end.open(now, source, &datagram);
                }
            }
        }
        if !moved {
            return;
        }
    }
}

fn pair() -> (Time, End, End) {
    let fabric = fabric(&[reachable("n1"), reachable("n2")]);
    let now = Time(1_000_000_000);
    let mut a = End::boot(now, "n1", &fabric);
    let mut b = End::boot(now, "n2", &fabric);
    a.tick(now);
    settle(now, &mut [&mut a, &mut b]);
    assert!(a.status("n2").has_session && b.status("n1").has_session);
    (now, a, b)
}

/// An IPv4 packet whose payload starts with a number, padded as the forwarder pads.
fn packet(number: u32, len: usize) -> Vec<u8> {
    let mut packet = vec![0; padded_len(len)];
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
    packet[20..24].copy_from_slice(&number.to_be_bytes());
    packet
}

fn number(packet: &[u8]) -> u32 {
    u32::from_be_bytes([packet[20], packet[21], packet[22], packet[23]])
}

/// One sealed datagram of `a` to `n2`, taken off the wire.
fn sealed(now: Time, a: &mut End, number: u32, len: usize) -> Vec<u8> {
    a.seal(now, "n2", &packet(number, len)).unwrap();
    a.flush();
    a.wire.take().remove(0).1
}

#[track_caller]
fn check_drop(end: &mut End, reason: DropReason) {
    assert!(end.packets.is_empty(), "{:?}", end.packets);
    let drops = std::mem::take(&mut end.drops);
    assert_eq!(
        drops.iter().map(|drop| drop.0).collect::<Vec<_>>(),
        [reason]
    );
}

#[test]
fn padding_is_to_sixteen() {
    for (len, padded) in [(0, 0), (1, 16), (16, 16), (65, 80), (1440, 1440)] {
        assert_eq!(padded_len(len), padded);
    }
}

#[test]
fn data_flows_both_ways_after_a_handshake() {
    let (now, mut a, mut b) = pair();
    a.seal(now, "n2", &packet(1, 100)).unwrap();
    b.seal(now, "n1", &packet(2, 200)).unwrap();
    a.flush();
    b.flush();
    settle(now, &mut [&mut a, &mut b]);
    let fabric = Arc::clone(&a.fabric);
    assert_eq!(
        b.packets,
        [(id(&fabric, "n1"), packet(1, 100)[..100].to_vec())]
    );
    assert_eq!(
        a.packets,
        [(id(&fabric, "n2"), packet(2, 200)[..200].to_vec())]
    );
}

#[test]
fn ten_thousand_packets_arrive_in_order() {
    let (now, mut a, mut b) = pair();
    for n in 0..10_000 {
        a.seal(now, "n2", &packet(n, 60 + (n as usize * 37) % 1300))
            .unwrap();
    }
    a.flush();
    settle(now, &mut [&mut a, &mut b]);
    let got: Vec<u32> = b.packets.iter().map(|(_, packet)| number(packet)).collect();
    assert_eq!(got, (0..10_000).collect::<Vec<_>>());
    assert!(b.drops.is_empty(), "{:?}", b.drops);
}

#[test]
fn reordering_of_five_hundred_costs_nothing() {
    let (now, mut a, mut b) = pair();
    for n in 0..500 {
        a.seal(now, "n2", &packet(n, 100)).unwrap();
    }
    a.flush();
    let at = a.at;
    for (_, datagram) in a.wire.take().into_iter().rev() {
        b.open(now, at, &datagram);
    }
    assert_eq!((b.packets.len(), b.drops.len()), (500, 0));
}

#[test]
fn a_replayed_datagram_is_dropped() {
    let (now, mut a, mut b) = pair();
    let datagram = sealed(now, &mut a, 1, 100);
    b.open(now, a.at, &datagram);
    b.packets.clear();
    b.open(now, a.at, &datagram);
    check_drop(&mut b, DropReason::WgReplay);
}

#[test]
fn a_replayed_handshake_is_dropped() {
    let fabric = fabric(&[reachable("n1"), reachable("n2")]);
    let now = Time(0);
    let mut a = End::boot(now, "n1", &fabric);
    let mut b = End::boot(now, "n2", &fabric);
    a.tick(now);
    let init = a.wire.take().remove(0).1;
    b.open(now, a.at, &init);
    b.open(now, a.at, &init);
    check_drop(&mut b, DropReason::WgReplay);
}

#[test]
fn any_flipped_bit_is_dropped() {
    let (now, mut a, mut b) = pair();
    let datagram = sealed(now, &mut a, 1, 100);
    for byte in 0..datagram.len() {
        let mut flipped = datagram.clone();
        flipped[byte] ^= 0x10;
        b.open(now, a.at, &flipped);
        check_drop(&mut b, DropReason::WgAuth);
    }
    b.open(now, a.at, &datagram);
    assert_eq!(b.packets.len(), 1);
}

#[test]
fn any_truncation_is_dropped() {
    let (now, mut a, mut b) = pair();
    let datagram = sealed(now, &mut a, 1, 100);
    for len in 0..datagram.len() {
        b.open(now, a.at, &datagram[..len]);
        check_drop(&mut b, DropReason::WgAuth);
    }
}

#[test]
fn an_empty_datagram_is_dropped_and_sends_no_queued_packet() {
    let fabric = fabric(&[reachable("n1"), reachable("n2")]);
    let mut a = End::boot(Time(0), "n1", &fabric);
    a.seal(Time(0), "n2", &packet(1, 100)).unwrap();
    a.wire.take();
    a.open(Time(0), address("n2"), &[]);
    check_drop(&mut a, DropReason::WgAuth);
    assert!(a.wire.take().is_empty());
}

#[test]
fn a_forged_index_of_any_length_is_dropped() {
    let (now, mut a, mut b) = pair();
    let seen = sealed(now, &mut a, 1, 100);
    for len in [
        32, 33, 1500, 1600, 9000, 65_503, 65_504, 65_507, 65_535, 70_000,
    ] {
        // As seen on the wire, another session of the same lane, another lane.
        for spoil in [0, 1, 0xff] {
            let mut forged = vec![0x5a; len];
            forged[..8].copy_from_slice(&seen[..8]);
            forged[8..16].copy_from_slice(&99_u64.to_le_bytes());
            forged[4] ^= spoil;
            forged[6] ^= spoil & 0xf0;
            b.open(now, a.at, &forged);
            check_drop(&mut b, DropReason::WgAuth);
        }
    }
}

#[test]
fn a_counter_beyond_the_last_is_dropped() {
    let (now, mut a, mut b) = pair();
    for counter in [u64::MAX, u64::MAX - (1 << 13)] {
        let mut datagram = sealed(now, &mut a, 1, 100);
        datagram[8..16].copy_from_slice(&counter.to_le_bytes());
        b.open(now, a.at, &datagram);
        check_drop(&mut b, DropReason::WgReplay);
    }
    let mut datagram = sealed(now, &mut a, 1, 100);
    datagram[8..16].copy_from_slice(&(u64::MAX - (1 << 13) - 1).to_le_bytes());
    b.open(now, a.at, &datagram);
    check_drop(&mut b, DropReason::WgAuth);
}

#[test]
fn what_is_not_ip_inside_is_dropped() {
    let (now, mut a, mut b) = pair();
    a.seal(now, "n2", &[0x10; 64]).unwrap();
    a.flush();
    let datagram = a.wire.take().remove(0).1;
    b.open(now, a.at, &datagram);
    check_drop(&mut b, DropReason::VxlanShort);
}

#[test]
fn a_handshake_with_an_unknown_key_is_dropped() {
    let (now, _, mut b) = pair();
    let known = fabric(&[reachable("n2"), reachable("n9")]);
    let mut stranger = End::boot(now, "n9", &known);
    stranger.tick(now);
    let init = stranger.wire.take().remove(0).1;
    b.open(now, stranger.at, &init);
    check_drop(&mut b, DropReason::WgAuth);
    assert!(b.wire.take().is_empty());
}

#[test]
fn the_endpoint_follows_authentic_data_only() {
    let (now, mut a, mut b) = pair();
    let moved: SocketAddr = "198.51.100.77:4444".parse().unwrap();
    let mut forged = sealed(now, &mut a, 1, 100);
    forged[40] ^= 1;
    b.open(now, moved, &forged);
    assert_eq!(b.status("n1").endpoint, Some(a.at));
    let replayed = sealed(now, &mut a, 2, 100);
    b.open(now, a.at, &replayed);
    b.open(now, moved, &replayed);
    assert_eq!(b.status("n1").endpoint, Some(a.at));
    let genuine = sealed(now, &mut a, 3, 100);
    b.open(now, moved, &genuine);
    assert_eq!(b.status("n1").endpoint, Some(moved));
    b.seal(now, "n1", &packet(4, 100)).unwrap();
    b.flush();
    assert_eq!(b.wire.take()[0].0, moved);
}

#[test]
fn what_was_sealed_before_a_move_keeps_its_order() {
    let (now, mut a, mut b) = pair();
    b.seal(now, "n1", &packet(1, 100)).unwrap();
    let genuine = sealed(now, &mut a, 3, 100);
    b.open(now, "198.51.100.77:4444".parse().unwrap(), &genuine);
    b.seal(now, "n1", &packet(2, 100)).unwrap();
    b.flush();
    for (_, datagram) in b.wire.take() {
        a.open(now, b.at, &datagram);
    }
    assert_eq!(
        a.packets.iter().map(|(_, p)| number(p)).collect::<Vec<_>>(),
        [1, 2]
    );
}

#[test]
fn a_cookie_never_moves_the_endpoint() {
    let (now, mut a, mut b) = pair();
    let elsewhere: SocketAddr = "198.51.100.66:1".parse().unwrap();
    // Inits of many sources push b's gate into asking for cookies; only the first is genuine.
    let late = now + Duration::from_secs(40);
    a.lanes = Lanes::new(secret("n1"), 99);
    a.lanes.install(late, &a.fabric, id(&a.fabric, "n1"));
    a.tick(late);
    let init = a.wire.take().remove(0).1;
    let mut cookie = None;
    for host in 0..600_u32 {
        let source = SocketAddr::from((std::net::Ipv4Addr::from(0x0a00_0000 + host), 9));
        b.open(late, source, &init);
        let replies = b.wire.take();
        cookie = replies
            .into_iter()
            .map(|(_, d)| d)
            .find(|d| d[0] == 3)
            .or(cookie);
    }
    let cookie = cookie.expect("no cookie after 600 handshakes");
    a.open(late, elsewhere, &cookie);
    assert!(a.drops.is_empty(), "{:?}", a.drops);
    assert_eq!(a.status("n2").endpoint, Some(b.at));
}

#[test]
fn under_a_flood_a_peer_gets_in_with_its_cookie() {
    let (now, mut a, mut b) = pair();
    let late = now + Duration::from_secs(40);
    a.lanes = Lanes::new(secret("n1"), 99);
    a.lanes.install(late, &a.fabric, id(&a.fabric, "n1"));
    a.tick(late);
    let init = a.wire.take().remove(0).1;
    for host in 0..600_u32 {
        let source = SocketAddr::from((std::net::Ipv4Addr::from(0x0a00_0000 + host), 9));
        b.open(late, source, &init);
    }
    b.wire.take();
    // To b it is still the same second, so its gate stays shut.
    let mut kinds = Vec::new();
    for second in 1..4 {
        a.tick(late + Duration::from_secs(second));
        for (_, datagram) in a.wire.take() {
            b.open(late, a.at, &datagram);
        }
        for (_, datagram) in b.wire.take() {
            kinds.push(datagram[0]);
            a.open(late, b.at, &datagram);
        }
    }
    assert_eq!(kinds, [3, 2], "a cookie, then a response");
    assert!(a.status("n2").has_session);
}

#[test]
fn a_handshake_flood_from_one_source_is_held_to_its_burst() {
    let (now, mut a, mut b) = pair();
    let late = now + Duration::from_secs(40);
    a.lanes = Lanes::new(secret("n1"), 99);
    a.lanes.install(late, &a.fabric, id(&a.fabric, "n1"));
    a.tick(late);
    let init = a.wire.take().remove(0).1;
    for _ in 0..1000 {
        b.open(late, "203.0.113.1:7".parse().unwrap(), &init);
    }
    // One is answered, 99 are replays, the others are not looked at.
    let replays = b
        .drops
        .iter()
        .filter(|drop| drop.0 == DropReason::WgReplay)
        .count();
    assert_eq!((replays, b.drops.len()), (99, 999));
}

#[test]
fn a_reload_keeps_the_session_of_a_renumbered_peer() {
    let (now, mut a, mut b) = pair();
    let before = a.status("n2");
    let more = fabric(&[reachable("n0"), reachable("n1"), reachable("n2")]);
    a.install(now, "n1", &more);
    assert_ne!(a.status("n2").node, before.node, "the test is to renumber");
    assert!(a.status("n2").has_session);
    a.seal(now, "n2", &packet(7, 100)).unwrap();
    a.flush();
    settle(now, &mut [&mut a, &mut b]);
    assert_eq!(b.packets.len(), 1);
    b.seal(now, "n1", &packet(8, 100)).unwrap();
    b.flush();
    settle(now, &mut [&mut a, &mut b]);
    assert_eq!(a.packets[0].0, id(&more, "n2"));
    assert_eq!(a.status("n2").handshakes, before.handshakes);
}

#[test]
fn a_reload_sends_what_was_sealed_before_it() {
    let (now, mut a, mut b) = pair();
    a.seal(now, "n2", &packet(7, 100)).unwrap();
    let more = fabric(&[reachable("n0"), reachable("n1"), reachable("n2")]);
    a.install(now, "n1", &more);
    a.flush();
    settle(now, &mut [&mut a, &mut b]);
    assert_eq!(b.packets.len(), 1);
}

#[test]
fn a_reload_that_moves_the_endpoint_is_followed() {
    let (now, mut a, _) = pair();
    let there = ", endpoint = \"203.0.113.9:1\"";
    a.install(
        now,
        "n1",
        &fabric(&[reachable("n1"), node_line("n2", there)]),
    );
    assert_eq!(
        a.status("n2").endpoint,
        Some("203.0.113.9:1".parse().unwrap())
    );
}

#[test]
fn a_removed_peer_is_heard_no_more() {
    let (now, mut a, mut b) = pair();
    let without = fabric(&[reachable("n2"), reachable("n3")]);
    b.install(now, "n2", &without);
    let datagram = sealed(now, &mut a, 1, 100);
    b.open(now, a.at, &datagram);
    check_drop(&mut b, DropReason::WgAuth);
    let again = Arc::clone(&a.fabric);
    b.install(now, "n2", &again);
    assert!(!b.status("n1").has_session);
    b.open(now, a.at, &datagram);
    check_drop(&mut b, DropReason::WgAuth);
}

#[test]
fn a_restarted_peer_is_back_at_once() {
    let (now, mut a, b) = pair();
    let mut b = End::boot(now, "n2", &b.fabric);
    b.tick(now);
    settle(now, &mut [&mut a, &mut b]);
    a.seal(now, "n2", &packet(1, 100)).unwrap();
    a.flush();
    settle(now, &mut [&mut a, &mut b]);
    assert_eq!((b.packets.len(), b.drops.len()), (1, 0));
    assert_eq!(a.status("n2").handshakes, 2);
}

#[test]
fn a_restarted_peer_that_cannot_speak_first_is_back_in_seconds() {
    let one_way = fabric(&[node_line("n1", ""), reachable("n2")]);
    let mut now = Time(1_000_000_000);
    let mut a = End::boot(now, "n1", &one_way);
    let mut b = End::boot(now, "n2", &one_way);
    a.tick(now);
    settle(now, &mut [&mut a, &mut b]);
    let mut b = End::boot(now, "n2", &one_way);
    let start = now;
    while !b.status("n1").has_session {
        a.seal(now, "n2", &packet(1, 100)).unwrap();
        a.flush();
        a.tick(now);
        b.tick(now);
        settle(now, &mut [&mut a, &mut b]);
        now = now + Duration::from_millis(250);
        assert!(
            now.since(start) < Duration::from_secs(5),
            "{:?}",
            a.status("n2")
        );
    }
}

#[test]
fn both_ends_starting_at_once_converge() {
    let fabric = fabric(&[reachable("n1"), reachable("n2")]);
    let now = Time(0);
    let mut a = End::boot(now, "n1", &fabric);
    let mut b = End::boot(now, "n2", &fabric);
    a.tick(now);
    b.tick(now);
    settle(now, &mut [&mut a, &mut b]);
    assert!(a.status("n2").has_session && b.status("n1").has_session);
    for n in 0..10 {
        a.seal(now, "n2", &packet(n, 100)).unwrap();
        b.seal(now, "n1", &packet(n, 100)).unwrap();
        a.flush();
        b.flush();
        settle(now, &mut [&mut a, &mut b]);
    }
    assert_eq!((a.packets.len(), b.packets.len()), (10, 10));
    assert!(a.drops.is_empty() && b.drops.is_empty());
}

#[test]
fn a_lost_first_handshake_is_repeated_after_a_second() {
    let fabric = fabric(&[reachable("n1"), reachable("n2")]);
    let mut now = Time(0);
    let mut a = End::boot(now, "n1", &fabric);
    let mut sent = Vec::new();
    while now < Time(8_000_000_000) {
        a.tick(now);
        if a.wire.take().iter().any(|(_, d)| d[0] == 1) {
            sent.push(now.0 / 1_000_000_000);
        }
        now = a.lanes.poll_timeout().unwrap();
    }
    assert_eq!(sent, [0, 1, 3, 7]);
}

#[test]
fn timers_are_due_four_times_a_second() {
    let (now, a, _) = pair();
    assert_eq!(
        a.lanes.poll_timeout(),
        Some(now + Duration::from_millis(250))
    );
    assert_eq!(Lanes::new(secret("n1"), 1).poll_timeout(), None);
}

#[test]
fn packets_wait_for_the_session_in_order() {
    let fabric = fabric(&[reachable("n1"), reachable("n2")]);
    let now = Time(0);
    let mut a = End::boot(now, "n1", &fabric);
    let mut b = End::boot(now, "n2", &fabric);
    for n in 0..256 {
        assert_eq!(a.seal(now, "n2", &packet(n, 100)), Ok(()));
    }
    assert_eq!(a.seal(now, "n2", &packet(256, 100)), Err(Refused::Full));
    settle(now, &mut [&mut a, &mut b]);
    let got: Vec<u32> = b.packets.iter().map(|(_, packet)| number(packet)).collect();
    assert_eq!(got, (0..256).collect::<Vec<_>>());
    assert_eq!(a.seal(now, "n2", &packet(256, 100)), Ok(()));
}

#[test]
fn the_responders_queue_is_sent_once_the_session_is_confirmed() {
    let one_way = fabric(&[reachable("n1"), reachable("n2")]);
    let now = Time(0);
    let mut a = End::boot(now, "n1", &one_way);
    let mut b = End::boot(now, "n2", &one_way);
    b.seal(now, "n1", &packet(5, 100)).unwrap();
    b.wire.take();
    a.tick(now);
    settle(now, &mut [&mut a, &mut b]);
    assert_eq!(a.packets.len(), 1);
}

#[test]
fn nobody_knows_where_and_no_such_peer_are_down() {
    let fabric = fabric(&[reachable("n1"), node_line("n2", "")]);
    let mut a = End::boot(Time(0), "n1", &fabric);
    assert_eq!(a.seal(Time(0), "n2", &packet(1, 100)), Err(Refused::Down));
    assert_eq!(a.seal(Time(0), "n1", &packet(1, 100)), Err(Refused::Down));
    let beyond = NodeId(77);
    let sent = a.lanes.seal(Time(0), beyond, &packet(1, 100), &mut a.wire);
    assert_eq!(sent, Err(Refused::Down));
    a.tick(Time(0));
    assert!(a.wire.take().is_empty());
}

#[test]
fn an_edge_has_a_tunnel_to_its_home_only() {
    let edge = node_line("e9", ", stock = \"edge\", home = \"n2\"");
    let fabric = fabric(&[reachable("n1"), reachable("n2"), edge]);
    let peers = |name: &str| -> Vec<NodeId> {
        End::boot(Time(0), name, &fabric)
            .lanes
            .status()
            .map(|s| s.node)
            .collect()
    };
    let ids = |names: &[&str]| {
        names
            .iter()
            .map(|name| id(&fabric, name))
            .collect::<Vec<_>>()
    };
    assert_eq!(peers("n1"), ids(&["n2"]));
    let mut of_home = peers("n2");
    of_home.sort();
    let mut expected = ids(&["n1", "e9"]);
    expected.sort();
    assert_eq!(of_home, expected);
}

/// Seals packets of these lengths and returns how many datagrams each send carried.
fn batches(lens: &[usize]) -> Vec<usize> {
    let (now, mut a, mut b) = pair();
    for (n, &len) in (0..).zip(lens) {
        a.seal(now, "n2", &packet(n, len)).unwrap();
    }
    a.flush();
    let sends = a.wire.sends.iter().map(|(_, list)| list.len()).collect();
    for (_, list) in &a.wire.sends {
        let bytes: usize = list.iter().map(Vec::len).sum();
        assert!(
            bytes <= 65_507 && list.len() <= 64,
            "{bytes} in {}",
            list.len()
        );
    }
    settle(now, &mut [&mut a, &mut b]);
    let got: Vec<u32> = b.packets.iter().map(|(_, packet)| number(packet)).collect();
    assert_eq!(
        got,
        (0..u32::try_from(lens.len()).unwrap()).collect::<Vec<_>>()
    );
    sends
}

#[test]
fn equal_datagrams_share_a_send_up_to_sixty_four() {
    assert_eq!(batches(&[100; 130]), [64, 64, 2]);
}

#[test]
fn a_longer_datagram_starts_a_send() {
    assert_eq!(batches(&[100, 100, 1400, 1400]), [2, 2]);
}

#[test]
fn a_shorter_datagram_ends_a_send() {
    assert_eq!(batches(&[1400, 1400, 100, 100, 1400]), [3, 1, 1]);
}

#[test]
fn padding_makes_equals_of_nearly_equals() {
    assert_eq!(batches(&[1425, 1440, 1430]), [3]);
}

#[test]
fn a_send_is_no_longer_than_a_udp_payload() {
    assert_eq!(batches(&[1440; 64]), [44, 20]);
    assert_eq!(batches(&[30_000; 5]), [2, 2, 1]);
}

#[test]
fn a_packet_too_long_for_udp_is_full() {
    let (now, mut a, _) = pair();
    let long = packet(1, 65_488);
    assert_eq!(a.seal(now, "n2", &long), Err(Refused::Full));
}

#[test]
fn more_open_batches_than_buffers_are_sent_early() {
    let names: Vec<String> = (1..=90).map(|n| format!("n{n}")).collect();
    let lines: Vec<String> = names.iter().map(|name| reachable(name)).collect();
    let fabric = fabric(&lines);
    let now = Time(0);
    let mut hub = End::boot(now, "n1", &fabric);
    let mut spokes: Vec<End> = names[1..]
        .iter()
        .map(|n| End::boot(now, n, &fabric))
        .collect();
    hub.tick(now);
    for spoke in &mut spokes {
        for (_, datagram) in hub
            .wire
            .sends
            .iter()
            .filter(|s| s.0 == spoke.at)
            .flat_map(|s| s.1.iter().map(|d| (s.0, d.clone())))
            .collect::<Vec<_>>()
        {
            spoke.open(now, hub.at, &datagram);
        }
    }
    hub.wire.take();
    for spoke in &mut spokes {
        for (_, datagram) in spoke.wire.take() {
            hub.open(now, spoke.at, &datagram);
        }
    }
    hub.wire.take();
    for name in &names[1..] {
        hub.seal(now, name, &packet(1, 100)).unwrap();
    }
    assert_eq!(hub.wire.take().len(), 64);
    hub.flush();
    assert_eq!(hub.wire.take().len(), 25);
}

#[test]
fn nothing_printed_tells_a_secret() {
    let (now, mut a, mut b) = pair();
    a.seal(now, "n2", &packet(0x5ec2e7, 100)).unwrap();
    a.flush();
    let datagram = a.wire.take().remove(0).1;
    let at = a.at;
    let opened = b.lanes.open(now, at, &datagram, &mut b.room, &mut b.wire);
    assert_eq!(
        format!("{opened:?}"),
        format!("Packet(100 bytes of {:?})", id(&a.fabric, "n1"))
    );
    assert_eq!(format!("{:?}", b.room), "Scratch { .. }");
    let printed = format!("{:?}", a.lanes);
    assert_eq!(printed, "Lanes { lanes: 1, open: 0, .. }");
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0_u8..6) {
        let (now, a, mut b) = pair();
        let mut bytes = bytes;
        if bytes.len() >= 4 { bytes[..4].copy_from_slice(&[kind, 0, 0, 0]); }
        b.open(now, a.at, &bytes);
        prop_assert!(b.packets.is_empty());
        prop_assert_eq!(b.drops.len(), 1);
    }

    #[test]
    fn spoilt_messages_never_panic(
        pokes in proptest::collection::vec((0_usize..200, any::<u8>()), 1..5),
        len in prop_oneof![Just(148_usize), Just(92), Just(64), Just(132), 0_usize..70_000],
    ) {
        let fabric = fabric(&[reachable("n1"), reachable("n2")]);
        let now = Time(0);
        let mut a = End::boot(now, "n1", &fabric);
        let mut b = End::boot(now, "n2", &fabric);
        a.tick(now);
        let init = a.wire.take().remove(0).1;
        b.open(now, a.at, &init);
        let response = b.wire.take().remove(0).1;
        for message in [init, response] {
            let mut message = message;
            message.resize(len, 0);
            for &(at, value) in &pokes {
                if let Some(byte) = message.get_mut(at) { *byte = value; }
            }
            let (at_a, at_b) = (a.at, b.at);
            a.open(now, at_b, &message);
            b.open(now, at_a, &message);
        }
    }
}

#[test]
fn a_stock_member_that_was_told_nothing_of_this_node_is_left_alone() {
    let member = node_line("n3", ", endpoint = \"192.0.2.3:51820\", stock = \"mesh\"");
    let fabric = fabric(&[reachable("n1"), reachable("n2"), member]);
    let peers = |name| {
        let end = End::boot(Time(0), name, &fabric);
        let peers: Vec<NodeId> = end.lanes.status().map(|it| it.node).collect();
        peers
    };
    assert_eq!(peers("n1"), [id(&fabric, "n2"), id(&fabric, "n3")]);
    // Both are isolated.
    assert_eq!(peers("n2"), [id(&fabric, "n1")]);
}
