//! Queues that have grown too long lose one TCP segment, and nothing else (RFC 8289); where its
//! sender hears of marks, not even that (RFC 7567 section 4.2.1).

use skerry_overlay::Ecn::{Ce, Ect0, Ect1, NotEct};
use skerry_overlay::{DropReason, Ecn, Frame};

use crate::world::frames::{BROADCAST, ip, ip6, ipv6, mac, plain, saying, tcp4, udp, udp4};
use crate::world::{World, open};

const FROM: &str = "n1/b-w1";
const TO: &str = "n2/b-w2";
const HERE: usize = 0;
const THERE: usize = 1;
/// More than any queue may have in it.
const FLOOD: usize = 64 << 20;
/// Data of a segment.
const SIZE: usize = 1_300;

/// Two hosts that know of each other.
fn world(joins: bool) -> World {
    let site = open();
    let mut world = if joins {
        World::joining(&site)
    } else {
        World::new(&site)
    };
    for port in [FROM, TO] {
        world.send(port, &plain(mac(port), BROADCAST, port));
    }
    world.forget();
    world
}

/// So many bytes of TCP from one host to the other.
fn tcp(len: usize) -> Vec<u8> {
    let builder = etherparse::PacketBuilder::ethernet2(mac(FROM).0, mac(TO).0)
        .ipv4(ip(FROM).octets(), ip(TO).octets(), 64)
        .tcp(4_000, 5_000, 1, 1_000)
        .ack(1);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, &vec![7; len]).unwrap();
    bytes
}

fn is_long(world: &mut World, from: &str) {
    let (node, local) = world.place(from);
    let now = world.now;
    world.nodes[node]
        .forwarder
        .port_read(now, local, FLOOD, false);
}

/// How often the reason was counted where frames of `FROM` enter.
fn lost(world: &World) -> u64 {
    world.check_balance();
    let drops = world.port_counters(FROM).ingress_drops;
    assert_eq!(drops.total(), drops.get(DropReason::QueueLong));
    drops.total()
}

#[test]
fn of_a_long_queue_one_segment_is_dropped_and_the_next_passes() {
    let mut world = world(false);
    is_long(&mut world, FROM);
    assert_eq!(world.try_frame(FROM, &tcp(SIZE)), []);
    assert_eq!(lost(&world), 1);
    assert_eq!(world.try_frame(FROM, &tcp(SIZE)).len(), 1);
    is_long(&mut world, FROM);
    assert_eq!(world.try_frame(FROM, &tcp(SIZE)).len(), 1, "not yet again");
    assert_eq!(lost(&world), 1);
}

#[test]
fn a_queue_that_was_emptied_loses_nothing() {
    let mut world = world(false);
    is_long(&mut world, FROM);
    let (node, local) = world.place(FROM);
    let now = world.now;
    world.nodes[node].forwarder.port_read(now, local, 0, true);
    assert_eq!(world.try_frame(FROM, &tcp(SIZE)).len(), 1);
    assert_eq!(lost(&world), 0);
}

#[test]
fn what_is_no_bulk_passes_however_long_the_queue_is() {
    let mut world = world(false);
    is_long(&mut world, FROM);
    let datagram = udp(FROM, mac(TO), ip(TO), &[7; SIZE]);
    for frame in [tcp(0), tcp(100), datagram] {
        assert_eq!(world.try_frame(FROM, &frame).len(), 1);
    }
    assert_eq!(lost(&world), 0);
}

#[test]
fn one_long_queue_costs_no_other_port() {
    let mut world = world(false);
    is_long(&mut world, "n1/b-i1");
    let now = world.now;
    world.nodes[HERE].forwarder.socket_read(now, FLOOD, false);
    assert_eq!(world.try_frame(FROM, &tcp(SIZE)).len(), 1);
    assert_eq!(lost(&world), 0);
}

#[test]
fn of_a_long_queue_of_a_trunk_one_segment_is_dropped_too() {
    const TRUNK: &str = "n3/up0";
    let trunk = "[port.n3]\nup0 = { trunk = { 10 = \"blue.promiscuous\" } }\n";
    let mut world = World::new(&open().replace("[port.n3]\n", trunk));
    world.send(TO, &plain(mac(TO), BROADCAST, TO));
    let mut frame = tcp(SIZE);
    frame[6..12].copy_from_slice(&[2, 0x77, 0, 0, 0, 1]);
    let tagged = [&frame[..12], &[0x81, 0, 0, 10], &frame[12..]].concat();
    is_long(&mut world, TRUNK);
    assert_eq!(world.refused(TRUNK, &tagged), "queue_long");
    assert_eq!(world.try_frame(TRUNK, &tagged), [(TO.to_owned(), frame)]);
}

#[test]
fn a_superframe_is_dropped_whole_and_counted_for_each() {
    let mut world = world(false);
    is_long(&mut world, FROM);
    let offload = tcp4(1_300);
    let bytes = &tcp(20 * SIZE);
    world.send_frame(FROM, Frame { bytes, offload });
    assert_eq!(world.received(), []);
    assert_eq!(lost(&world), 20);
}

#[test]
fn what_came_through_a_tunnel_pays_for_the_queue_of_the_socket() {
    for joins in [false, true] {
        let mut world = world(joins);
        let now = world.now;
        world.nodes[THERE].forwarder.socket_read(now, FLOOD, false);
        assert_eq!(world.try_frame(FROM, &tcp(SIZE)), []);
        let fabric = &world.nodes[THERE].forwarder.tables().fabric;
        let peer = fabric.node_named("n1").unwrap().index();
        let drops = &world.counters(THERE).peers[peer].drops;
        assert_eq!(drops.get(DropReason::QueueLong), 1, "joins: {joins}");
        assert_eq!(world.try_frame(FROM, &tcp(SIZE)).len(), 1);
        world.check_balance();
    }
}

/// What a frame without a tag says of congestion.
fn said(frame: &[u8]) -> Ecn {
    match frame[12..14] {
        [0x86, 0xdd] => Ecn::of_tos(frame[15] >> 4),
        _ => Ecn::of_tos(frame[15]),
    }
}

/// Of a long queue, the frame arrives with a mark, and nothing is lost; the next has none.
#[track_caller]
fn check_marked(frame: &[u8]) {
    let mut world = world(false);
    is_long(&mut world, FROM);
    let marked = saying(frame.to_vec(), Ce);
    assert_eq!(world.try_frame(FROM, frame), [(TO.to_owned(), marked)]);
    assert_eq!(lost(&world), 0);
    assert_eq!(world.port_counters(FROM).marked, 1);
    assert_eq!(world.said, [Ce], "and the tunnel says so");
    assert_eq!(world.receivers(FROM, frame), [TO]);
    is_long(&mut world, FROM);
    assert_eq!(world.receivers(FROM, frame), [TO], "not yet again");
    assert_eq!(world.port_counters(FROM).marked, 1);
}

#[test]
fn whoever_hears_of_marks_loses_nothing() {
    let over6 = ipv6(FROM, (mac(TO), ip6(TO)), 59, 64, &[7; SIZE]);
    for ecn in [Ect0, Ect1, Ce] {
        check_marked(&saying(tcp(SIZE), ecn));
        check_marked(&saying(udp(FROM, mac(TO), ip(TO), &[7; SIZE]), ecn));
        check_marked(&saying(over6.clone(), ecn));
    }
}

#[test]
fn few_bytes_are_not_marked_either() {
    let mut world = world(false);
    is_long(&mut world, FROM);
    for frame in [tcp(0), tcp(100), udp(FROM, mac(TO), ip(TO), &[7; 100])] {
        let frame = saying(frame, Ect0);
        assert_eq!(world.receivers(FROM, &frame), [TO]);
    }
    assert_eq!(world.port_counters(FROM).marked, 0);
    assert_eq!(lost(&world), 0);
}

#[test]
fn what_opens_a_connection_is_dropped_whatever_it_says() {
    let mut world = world(false);
    is_long(&mut world, FROM);
    let mut frame = saying(tcp(SIZE), Ect0);
    frame[47] = 0x02;
    assert_eq!(world.try_frame(FROM, &frame), []);
    assert_eq!(lost(&world), 1);
    assert_eq!(world.port_counters(FROM).marked, 0);
}

#[test]
fn a_frame_that_goes_nowhere_counts_as_dropped_and_not_as_marked() {
    let mut world = world(false);
    world.send("n1/b-i1", &plain(mac("n1/b-i1"), BROADCAST, "here"));
    is_long(&mut world, FROM);
    let mut frame = saying(tcp(SIZE), Ect0);
    frame[..6].copy_from_slice(&mac("n1/b-i1").0);
    assert_eq!(world.refused(FROM, &frame), "pvlan_deny");
    assert_eq!(world.port_counters(FROM).marked, 0);
}

#[test]
fn a_superframe_is_marked_whole_and_counted_for_each() {
    let datagrams = udp(FROM, mac(TO), ip(TO), &[7; 20 * SIZE]);
    for (bytes, offload) in [(tcp(20 * SIZE), tcp4(1_300)), (datagrams, udp4(1_300))] {
        for ecn in [Ect0, NotEct] {
            let mut world = world(false);
            is_long(&mut world, FROM);
            let bytes = &saying(bytes.clone(), ecn);
            world.send_frame(FROM, Frame { bytes, offload });
            let pieces: Vec<_> = world.received().iter().map(|it| said(&it.1)).collect();
            let marked = world.port_counters(FROM).marked;
            if ecn == Ect0 {
                assert_eq!((pieces, marked, lost(&world)), (vec![Ce; 20], 20, 0));
            } else {
                assert_eq!(marked, 0);
            }
        }
    }
}

#[test]
fn what_came_through_a_tunnel_is_marked_for_the_queue_of_the_socket() {
    for joins in [false, true] {
        let mut world = world(joins);
        let now = world.now;
        world.nodes[THERE].forwarder.socket_read(now, FLOOD, false);
        let frame = saying(tcp(SIZE), Ect0);
        let marked = saying(tcp(SIZE), Ce);
        assert_eq!(world.try_frame(FROM, &frame), [(TO.to_owned(), marked)]);
        let fabric = &world.nodes[THERE].forwarder.tables().fabric;
        let peer = fabric.node_named("n1").unwrap().index();
        let counters = &world.counters(THERE).peers[peer];
        assert_eq!((counters.marked, counters.drops.total()), (1, 0));
        assert_eq!(world.receivers(FROM, &frame), [TO]);
        assert_eq!(world.port_counters(FROM).marked, 0);
        world.check_balance();
    }
}
