//! Explicit congestion notification through the fabric (RFC 6040): what a packet says is on every
//! header around it, and what the underlay says to one of them is in the packet that arrives.

use skerry_overlay::Ecn::{Ce, Ect0, Ect1, NotEct};
use skerry_overlay::{DropReason, Ecn, Frame, PeerCounters};

use crate::edges::{e1, with_e1};
use crate::world::frames::{BROADCAST, ip, ip6, mac, plain, saying, tcp4, udp, udp6, who_has};
use crate::world::{World, open};

const FROM: &str = "n1/b-w1";
const TO: &str = "n2/b-w2";
const EDGE: &str = "e1/vx0";
const ROUTER: &str = "n1/b-gw";
const ALL: [Ecn; 4] = [NotEct, Ect1, Ect0, Ce];

/// Every port that the tests use has been heard.
fn known(mut world: World, ports: &[&str]) -> World {
    for port in ports {
        world.send(port, &plain(mac(port), BROADCAST, port));
    }
    world.forget();
    world
}

fn world() -> World {
    known(World::new(&open()), &[FROM, TO])
}

/// A packet of either version.
fn packets(from: &str, to: &str) -> [Vec<u8>; 2] {
    [
        udp(from, mac(to), ip(to), b"four"),
        udp6(from, ip6(from), mac(to), ip6(to)),
    ]
}

/// 27,000 bytes of TCP in 20 pieces.
fn superframe(ecn: Ecn) -> Vec<u8> {
    let builder = etherparse::PacketBuilder::ethernet2(mac(FROM).0, mac(TO).0)
        .ipv4(ip(FROM).octets(), ip(TO).octets(), 64)
        .tcp(4_000, 5_000, 1, 1_000)
        .ack(1);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, &[7; 27_000]).unwrap();
    saying(bytes, ecn)
}

fn send_superframe(world: &mut World, bytes: &[u8]) {
    let offload = tcp4(1_350);
    world.send_frame(FROM, Frame { bytes, offload });
}

fn peer(world: &World, node: usize, name: &str) -> PeerCounters {
    let fabric = &world.nodes[node].forwarder.tables().fabric;
    let peer = fabric.node_named(name).unwrap();
    world.counters(node).peers[peer.index()].clone()
}

#[test]
fn what_a_packet_says_is_on_the_datagram_and_stays_in_the_packet() {
    let mut world = world();
    for ecn in ALL {
        for packet in packets(FROM, TO) {
            let packet = saying(packet, ecn);
            assert_eq!(world.receivers(FROM, &packet), [TO], "{ecn:?}");
            assert_eq!(world.said, [ecn]);
        }
    }
}

#[test]
fn a_superframe_says_it_on_each_of_its_datagrams() {
    let mut world = world();
    for ecn in ALL {
        world.forget();
        send_superframe(&mut world, &superframe(ecn));
        assert_eq!(world.said, [ecn; 20]);
        let received = world.received();
        let said = received.iter().map(|(_, piece)| Ecn::of_tos(piece[15]));
        assert_eq!(said.collect::<Vec<_>>(), [ecn; 20]);
    }
}

#[test]
fn what_is_not_ip_says_nothing() {
    let mut world = world();
    for frame in [
        who_has(FROM, [10, 1, 0, 99].into()),
        plain(mac(FROM), BROADCAST, "\u{3}\u{3}\u{3}"),
    ] {
        world.forget();
        world.send(FROM, &frame);
        assert!(world.said.len() > 1, "{:?}", world.said);
        assert!(world.said.iter().all(|it| *it == NotEct));
    }
}

#[test]
fn a_mark_of_the_underlay_arrives_in_the_packet() {
    for joins in [false, true] {
        let site = open();
        let mut world = if joins {
            World::joining(&site)
        } else {
            World::new(&site)
        };
        world = known(world, &[FROM, TO]);
        world.underlay = |_| Ce;
        for ecn in [Ect0, Ect1, Ce] {
            for packet in packets(FROM, TO) {
                let received = world.try_frame(FROM, &saying(packet.clone(), ecn));
                assert_eq!(received, [(TO.to_owned(), saying(packet, Ce))], "{ecn:?}");
            }
        }
        assert_eq!(peer(&world, 1, "n1").drops.total(), 0);
    }
}

#[test]
fn a_mark_that_a_packet_cannot_carry_drops_it() {
    let mut world = world();
    let before = peer(&world, 1, "n1");
    world.underlay = |_| Ce;
    for packet in packets(FROM, TO) {
        assert_eq!(world.try_frame(FROM, &packet), []);
    }
    let after = peer(&world, 1, "n1");
    assert_eq!(after.frames_in, before.frames_in + 2);
    assert_eq!(after.drops.get(DropReason::Congestion), 2);
    assert_eq!(after.drops.total(), before.drops.total() + 2);
}

#[test]
fn the_underlay_takes_nothing_away() {
    let mut world = world();
    for clears in [|_| NotEct, |_| Ect0] as [fn(Ecn) -> Ecn; 2] {
        world.underlay = clears;
        for ecn in ALL {
            for packet in packets(FROM, TO) {
                assert_eq!(world.receivers(FROM, &saying(packet, ecn)), [TO]);
            }
        }
    }
}

#[test]
fn an_underlay_that_says_ect1_is_believed_where_rfc_6040_says_so() {
    let mut world = world();
    world.underlay = |_| Ect1;
    for (sent, expect) in [(NotEct, NotEct), (Ect0, Ect1), (Ect1, Ect1), (Ce, Ce)] {
        for packet in packets(FROM, TO) {
            let received = world.try_frame(FROM, &saying(packet.clone(), sent));
            assert_eq!(received, [(TO.to_owned(), saying(packet, expect))]);
        }
    }
}

#[test]
fn pieces_that_were_marked_are_joined_with_each_other_only() {
    let mut world = known(World::joining(&open()), &[FROM, TO]);
    world.underlay = |_| Ce;
    send_superframe(&mut world, &superframe(Ect0));
    let received = world.received();
    let lengths: Vec<_> = received.iter().map(|(_, it)| it.len()).collect();
    assert_eq!(lengths, [27_054], "all of them were");
    assert_eq!(Ecn::of_tos(received[0].1[15]), Ce);
    world.check_balance();
}

#[test]
fn nodes_hear_each_other_whatever_the_underlay_marks() {
    let mut world = world();
    world.underlay = |_| Ce;
    let n2 = world.nodes[1].id;
    let (now, node) = (world.now, &mut world.nodes[0]);
    let sent = node
        .forwarder
        .send_control(now, n2, b"?", &mut node.recorder);
    assert_eq!(sent, Ok(()));
    world.settle();
    assert_eq!(world.said, [NotEct]);
    let heard = &world.nodes[1].recorder.control;
    assert_eq!(
        heard.last().map(|(_, message)| &message[..]),
        Some(&b"?"[..])
    );
    assert_eq!(peer(&world, 1, "n1").drops.total(), 0);
}

/// The edge of T1, whose home is n1 here.
fn edge_world() -> World {
    let site = with_e1(&open()).replace("home = \"n2\"", "home = \"n1\"");
    let mut world = World::new(&site);
    world.join(e1(1));
    known(world, &[EDGE, ROUTER])
}

#[test]
fn a_stock_member_gets_it_in_the_carrying_packet_and_not_on_the_datagram() {
    let mut world = edge_world();
    for ecn in ALL {
        for packet in packets(ROUTER, EDGE) {
            let packet = saying(packet, ecn);
            assert_eq!(world.receivers(ROUTER, &packet), [EDGE]);
            assert_eq!(world.said, [NotEct], "not all of them look at it");
            assert_eq!(world.edges[0].heard_ecn, [ecn]);
        }
    }
}

#[test]
fn marks_on_the_way_from_a_stock_member_arrive_too() {
    let mut world = edge_world();
    world.edges[0].ecn = Ect0;
    world.underlay = |_| Ce;
    for packet in packets(EDGE, ROUTER) {
        let received = world.try_frame(EDGE, &saying(packet.clone(), Ect0));
        assert_eq!(received, [(ROUTER.to_owned(), saying(packet, Ce))]);
    }
    // Marked before it came to the tunnel: what is around it never was.
    world.edges[0].ecn = NotEct;
    world.underlay = |ecn| ecn;
    for packet in packets(EDGE, ROUTER) {
        assert_eq!(world.receivers(EDGE, &saying(packet, Ce)), [ROUTER]);
    }
    // Its kernel has marked the header in between.
    world.edges[0].ecn = Ce;
    world.underlay = |_| NotEct;
    for packet in packets(EDGE, ROUTER) {
        let received = world.try_frame(EDGE, &saying(packet.clone(), Ect1));
        assert_eq!(received, [(ROUTER.to_owned(), saying(packet, Ce))]);
    }
}

#[test]
fn a_mark_that_a_packet_of_a_stock_member_cannot_carry_drops_it() {
    let mut world = edge_world();
    let port = world.port_counters(EDGE);
    for (carrier, underlay) in [
        (Ce, (|_| NotEct) as fn(Ecn) -> Ecn),
        (Ect0, |_| Ce),
        (NotEct, |_| Ce),
    ] {
        world.edges[0].ecn = carrier;
        world.underlay = underlay;
        for packet in packets(EDGE, ROUTER) {
            assert_eq!(world.try_frame(EDGE, &packet), []);
        }
    }
    let drops = peer(&world, 0, "e1").drops;
    assert_eq!(drops.get(DropReason::Congestion), 6);
    assert_eq!(drops.total(), 6);
    assert_eq!(world.port_counters(EDGE), port);
    world.check_balance();
}
