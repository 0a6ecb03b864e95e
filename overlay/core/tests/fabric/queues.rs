//! Queues that have grown too long lose one TCP segment, and nothing else (RFC 8289).

use skerry_overlay::{DropReason, Frame};

use crate::world::frames::{BROADCAST, ip, mac, plain, tcp4, udp};
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
