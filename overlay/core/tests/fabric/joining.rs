//! TCP and UDP out of a tunnel, joined before it reaches its port: nothing is lost by it, and every frame
//! is counted for itself.

use std::sync::Arc;

use skerry_overlay::{DropReason, Frame, Offload};

use crate::world::frames::{BROADCAST, UNKNOWN, ip, mac, plain, tcp4, udp, udp4};
use crate::world::{World, fabric, open};

const FROM: &str = "n1/b-w1";
const TO: &str = "n2/b-w2";
const OFFLOAD: Offload = tcp4(1_350);

/// Two hosts that know of each other.
fn known(mut world: World) -> World {
    for port in [FROM, TO] {
        world.send(port, &plain(mac(port), BROADCAST, port));
    }
    world.forget();
    world
}

fn joining() -> World {
    known(World::joining(&open()))
}

/// 32,000 bytes, from the sequence number on, in 24 pieces.
fn superframe(seq: u32) -> Vec<u8> {
    segments(seq, 32_000)
}

fn segments(seq: u32, len: usize) -> Vec<u8> {
    let builder = etherparse::PacketBuilder::ethernet2(mac(FROM).0, mac(TO).0)
        .ipv4(ip(FROM).octets(), ip(TO).octets(), 64)
        .tcp(4_000, 5_000, seq, 1_000)
        .ack(1);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, &vec![7; len]).unwrap();
    // Of one stream, the pieces are numbered through.
    let id = u16::try_from(seq / 1_350).unwrap();
    bytes[18..20].copy_from_slice(&id.to_be_bytes());
    bytes
}

/// A guest sends it; the batch does not end yet at the other node.
fn arrive(world: &mut World, bytes: &[u8]) {
    arrive_from(world, FROM, bytes);
}

fn arrive_from(world: &mut World, port: &str, bytes: &[u8]) {
    arrive_as(world, port, bytes, OFFLOAD);
}

fn arrive_as(world: &mut World, port: &str, bytes: &[u8], offload: Offload) {
    let (node, local) = world.place(port);
    let (now, node) = (world.now, &mut world.nodes[node]);
    node.forwarder
        .handle_frame(now, local, Frame { bytes, offload }, &mut node.recorder);
    node.forwarder.flush(&mut node.recorder);
    let number = node.name.trim_start_matches('n');
    let source = format!("198.51.100.{number}:51820").parse().unwrap();
    let sent = std::mem::take(&mut node.recorder.sent);
    let (there, _) = world.place(TO);
    let there = &mut world.nodes[there];
    for (_, ecn, datagram) in sent {
        there
            .forwarder
            .handle_datagram(now, source, ecn, &datagram, &mut there.recorder);
    }
}

#[test]
fn a_superframe_that_was_cut_for_the_tunnel_arrives_whole() {
    let mut world = joining();
    let before = world.port_counters(TO);
    let bytes = superframe(1_000);
    arrive(&mut world, &bytes);
    assert_eq!(world.received(), [], "it waits for the end of the batch");
    world.settle();
    let [(port, joined)] = &world.received()[..] else {
        panic!("{} frames", world.received().len())
    };
    // But for the two checksums, which are nobody's yet: the sender's test kernel has made none.
    let headers = |bytes: &[u8]| [&bytes[..24], &bytes[26..50], &bytes[52..]].concat();
    assert_eq!((port.as_str(), headers(joined)), (TO, headers(&bytes)));
    let after = world.port_counters(TO);
    assert_eq!(after.copies_out, before.copies_out + 24);
    assert_eq!(after.sent, before.sent + 24);
    let total = 32_000 + 24 * 54;
    assert_eq!(after.bytes_out, before.bytes_out + total);
    world.check_balance();
}

#[test]
fn two_that_continue_each_other_fill_the_longest_packet() {
    let mut world = joining();
    for seq in [1_000, 33_000, 65_000] {
        arrive(&mut world, &superframe(seq));
    }
    world.settle();
    // The last piece of each is short, and ends its bundle.
    assert_eq!(world.received().len(), 3);
    assert_eq!(world.port_counters(TO).egress_drops.total(), 0);
}

#[test]
fn a_node_that_joins_nothing_hands_out_the_pieces() {
    let mut world = known(World::new(&open()));
    arrive(&mut world, &superframe(1_000));
    assert_eq!(world.received().len(), 24);
}

#[test]
fn a_refused_superframe_is_as_many_lost_copies_as_it_stands_for() {
    let mut world = joining();
    let (node, local) = world.place(TO);
    let before = world.port_counters(TO);
    world.nodes[node].recorder.full.insert(local);
    arrive(&mut world, &superframe(1_000));
    world.settle();
    let after = world.port_counters(TO);
    assert_eq!(after.egress_drops.get(DropReason::EgressFull), 24);
    assert_eq!(after.copies_out, before.copies_out + 24);
    assert_eq!(after.sent, before.sent);
    world.check_balance();
}

#[test]
fn neither_a_reload_nor_a_link_that_goes_down_keeps_what_was_held() {
    let mut world = joining();
    arrive(&mut world, &superframe(1_000));
    world.install(&open(), |name| name == "n2");
    assert_eq!(world.received().len(), 1);
    world.forget();
    arrive(&mut world, &superframe(33_000));
    let (node, local) = world.place(TO);
    let node = &mut world.nodes[node];
    node.forwarder.set_port_up(local, false, &mut node.recorder);
    assert_eq!(world.received().len(), 1, "it was up when they came");
    world.check_balance();
}

#[test]
fn what_was_held_is_delivered_while_its_port_still_has_its_number() {
    let mut world = joining();
    let (node, old) = world.place(TO);
    arrive(&mut world, &superframe(1_000));
    // Without the first port of the node, the others move up.
    let site = open();
    let (before, ports) = site.split_once("[port.n2]\n").unwrap();
    let (_, ports) = ports.split_once('\n').unwrap();
    let fabric = fabric(&format!("{before}[port.n2]\n{ports}"));
    let tables = Arc::new(fabric.tables_for(world.nodes[node].id, 2));
    let (now, there) = (world.now, &mut world.nodes[node]);
    there.forwarder.install(now, tables, &mut there.recorder);
    let delivered = there.recorder.delivered.iter().map(|(port, _)| *port);
    assert_eq!(delivered.collect::<Vec<_>>(), [old], "before any flush");
    assert_ne!(world.place(TO), (node, old), "the port has a new number");
}

#[test]
fn what_comes_through_different_tunnels_is_not_joined() {
    let mut world = joining();
    // Full pieces: more could follow. A router may speak for anybody.
    arrive_from(&mut world, FROM, &segments(1_000, 13_500));
    arrive_from(&mut world, "n3/b-p2", &segments(14_500, 13_500));
    world.settle();
    let received = world.received();
    let lengths: Vec<_> = received.iter().map(|(_, it)| it.len()).collect();
    assert_eq!(lengths, [54 + 13_500; 2], "each for itself");
}

/// 64 datagrams of 500 bytes each, the last of them shorter.
fn burst() -> Vec<u8> {
    udp(FROM, mac(TO), ip(TO), &[7; 31_999])
}

#[test]
fn a_burst_of_datagrams_arrives_whole_and_is_counted_for_each() {
    let mut world = joining();
    let before = world.port_counters(TO);
    let bytes = burst();
    arrive_as(&mut world, FROM, &bytes, udp4(500));
    assert_eq!(world.received(), [], "it waits for the end of the batch");
    world.settle();
    let [(port, joined)] = &world.received()[..] else {
        panic!("{} frames", world.received().len())
    };
    // But for the two checksums, which are nobody's yet: the sender's test kernel has made none.
    let headers = |bytes: &[u8]| [&bytes[..24], &bytes[26..40], &bytes[42..]].concat();
    assert_eq!((port.as_str(), headers(joined)), (TO, headers(&bytes)));
    let after = world.port_counters(TO);
    assert_eq!(after.copies_out, before.copies_out + 64);
    assert_eq!(after.sent, before.sent + 64);
    assert_eq!(after.bytes_out, before.bytes_out + 31_999 + 64 * 42);
    world.check_balance();
}

#[test]
fn a_refused_burst_is_as_many_lost_copies_as_it_stands_for() {
    let mut world = joining();
    let (node, local) = world.place(TO);
    let before = world.port_counters(TO);
    world.nodes[node].recorder.full.insert(local);
    arrive_as(&mut world, FROM, &burst(), udp4(500));
    world.settle();
    let after = world.port_counters(TO);
    assert_eq!(after.egress_drops.get(DropReason::EgressFull), 64);
    assert_eq!(after.copies_out, before.copies_out + 64);
    assert_eq!(after.sent, before.sent);
    world.check_balance();
}

#[test]
fn a_burst_for_an_unknown_address_goes_to_whom_its_datagrams_would() {
    let bytes = udp(FROM, UNKNOWN, ip(TO), &[7; 3_000]);
    let [apart, whole] = [World::new(&open()), joining()].map(|world| {
        let mut world = known(world);
        let before = world.port_counters(TO);
        arrive_as(&mut world, FROM, &bytes, udp4(500));
        world.settle();
        world.check_balance();
        let after = world.port_counters(TO);
        let mut ports: Vec<_> = world.received().into_iter().map(|(port, _)| port).collect();
        ports.sort();
        ports.dedup();
        let counted = [
            after.copies_out - before.copies_out,
            after.sent - before.sent,
            after.bytes_out - before.bytes_out,
        ];
        (ports, counted)
    });
    assert_eq!(apart, whole);
    assert_eq!(whole.1[0], 6);
}

/// One flow whose datagrams grow, shrink, and lose their checksum, with a stream of TCP between: each
/// is in the order in which it was sent.
#[test]
fn flows_that_alternate_keep_their_order() {
    let mut world = joining();
    let lengths = [500, 500, 300, 500, 700, 700, 100, 700];
    for (nth, length) in (0_u8..).zip(lengths) {
        let mut bytes = udp(FROM, mac(TO), ip(TO), &vec![nth; length]);
        if nth == 4 {
            bytes[40..42].fill(0);
        }
        arrive_as(&mut world, FROM, &bytes, Offload::NONE);
        let seq = u32::from(nth) * 1_350;
        arrive(&mut world, &segments(seq, 1_350));
    }
    world.settle();
    let (there, _) = world.place(TO);
    let received = &world.nodes[there].recorder.delivered;
    let of = |protocol: u8| received.iter().filter(move |(_, it)| it[23] == protocol);
    let datagrams: Vec<u8> = of(17).flat_map(|(_, it)| it[42..].to_vec()).collect();
    let sent = (0_u8..).zip(lengths);
    let expect: Vec<u8> = sent.flat_map(|(nth, length)| vec![nth; length]).collect();
    assert!(datagrams == expect, "other bytes, or in another order");
    assert_eq!(of(17).count(), 5, "three, one, one without a sum, two, one");
    assert_eq!(of(6).count(), 1);
    world.check_balance();
}
