//! Peerings: what crosses from one private VLAN into another, and that nothing else does (J05).

mod lies;
mod model;
mod questions;
mod site;

use skerry_overlay::{Frame, Offload};
use skerry_policy::Mac;

use crate::mtu::path::{NARROW, narrow, too_long};
use crate::mtu::too_big::long;
use crate::world::frames::{BROADCAST, MULTICAST, UNKNOWN, ip, tcp4};
use crate::world::{World, guarded, open};
use site::{
    ACK, DNS, METRICS, PEERINGS, RST, SYN, Said, UP, WEB, crossed, denied, guest, hello,
    introduced, packet, via, with,
};

fn t2() -> World {
    introduced(&with(&guarded(), PEERINGS))
}

/// Red ports, or the red tag of the trunk.
fn is_red(port: &str, copy: &[u8]) -> bool {
    port.contains("/r-") || (port == UP.port && copy[12..16] == [0x81, 0, 0, 20])
}

#[test]
fn j05_listed_traffic_crosses_and_nothing_else_does() {
    let mut world = t2();
    let w1 = guest("n1/b-w1");
    for six in [false, true] {
        let to = UP.address(six);
        for said in [
            Said::Udp(4000, 53),
            Said::Tcp(4000, 53, SYN),
            Said::Tcp(4000, 53, ACK),
        ] {
            crossed(&mut world, w1, &w1.says(via(DNS), to, said), UP, DNS);
        }
        for said in [
            Said::Udp(4000, 54),
            Said::Udp(53, 4000),
            Said::Tcp(4000, 22, SYN),
            Said::Icmp(if six { 128 } else { 8 }),
        ] {
            denied(&mut world, w1, &w1.says(via(DNS), to, said));
        }
    }
}

#[test]
fn a_connection_across_opens_with_what_the_fabric_carries() {
    let mut world = t2();
    let w1 = guest("n1/b-w1");
    let syn = |size: u16| {
        let size = etherparse::TcpOptionElement::MaximumSegmentSize(size);
        let builder = etherparse::PacketBuilder::ethernet2(w1.mac.0, via(DNS).0)
            .ipv4(w1.ip.octets(), UP.ip.octets(), 64)
            .tcp(4_000, 53, 1, 1_000)
            .syn();
        let mut frame = Vec::new();
        let builder = builder.options(&[size]).unwrap();
        builder.write(&mut frame, &[]).unwrap();
        frame
    };
    let opens_with = |world: &mut World, limit: u16| {
        let received = world.try_frame(w1.port, &syn(1460));
        let mut expected = syn(limit);
        expected[..6].copy_from_slice(&UP.mac.0);
        expected[6..12].copy_from_slice(&via(DNS).0);
        assert_eq!(received, [(UP.port.to_owned(), UP.tagged(&expected))]);
    };
    opens_with(&mut world, 1350);
    narrow(&mut world, "n1", "n3", NARROW);
    opens_with(&mut world, NARROW - 40);
}

#[test]
fn who_sends_more_across_than_the_path_carries_is_told() {
    let mut world = t2();
    let w1 = guest("n1/b-w1");
    narrow(&mut world, "n1", "n3", NARROW);
    let mut frame = long((w1.mac, w1.ip.into()), (via(DNS), UP.ip.into()), 1_390);
    frame[36..38].copy_from_slice(&53_u16.to_be_bytes());
    too_long(&mut world, w1.port, &frame, Some(NARROW));
    // What the peering does not list is none of that.
    frame[36..38].copy_from_slice(&54_u16.to_be_bytes());
    denied(&mut world, w1, &frame);
}

#[test]
fn nothing_crosses_between_nodes_of_two_policies() {
    let site = with(&guarded(), PEERINGS);
    let mut world = introduced(&site);
    let w1 = guest("n1/b-w1");
    let frame = w1.says(via(DNS), UP.address(false), Said::Udp(4000, 53));
    crossed(&mut world, w1, &frame, UP, DNS);
    let again = format!("{site}\n# again\n");
    world.install(&again, |name| name == "n1");
    assert_eq!(world.try_frame(w1.port, &frame), []);
    world.install(&again, |name| name != "n1");
    crossed(&mut world, w1, &frame, UP, DNS);
}

#[test]
fn j05_broadcasts_and_unknown_unicasts_never_cross() {
    let mut world = t2();
    for from in [guest("n1/b-w1"), guest("n1/b-d1")] {
        for to in [BROADCAST, MULTICAST, UNKNOWN, UP.mac, guest("n1/r-i1").mac] {
            let frame = from.says(to, UP.address(false), Said::Udp(4000, 53));
            let received = world.try_frame(from.port, &frame);
            assert!(!received.is_empty(), "{to} is flooded in blue");
            let red = received.iter().find(|(port, copy)| is_red(port, copy));
            assert_eq!(red, None, "{} to {to}", from.port);
        }
    }
    let w1 = guest("n1/b-w1");
    for to in [
        [255; 4].into(),
        [224, 0, 0, 251].into(),
        ip("n3/r-i2").into(),
    ] {
        denied(&mut world, w1, &w1.says(via(DNS), to, Said::Udp(4000, 53)));
    }
    let mut not_ip = w1.says(via(DNS), UP.address(false), Said::Udp(4000, 53));
    not_ip[12..14].copy_from_slice(&[0x08, 0x06]);
    assert_eq!(world.refused(w1.port, &not_ip), "arp_bad");
}

#[test]
fn replies_come_back_and_only_the_side_that_may_start_opens_connections() {
    let mut world = t2();
    let w1 = guest("n1/b-w1");
    for six in [false, true] {
        let to = w1.address(six);
        for said in [
            Said::Udp(53, 4000),
            Said::Tcp(53, 4000, SYN | ACK),
            Said::Tcp(53, 4000, ACK),
            Said::Tcp(53, 4000, RST),
        ] {
            crossed(&mut world, UP, &UP.says(via(DNS), to, said), w1, DNS);
        }
        for said in [
            Said::Tcp(53, 4000, SYN),
            Said::Tcp(53, 53, SYN),
            Said::Tcp(4000, 53, ACK),
            Said::Udp(54, 4000),
            Said::Udp(4000, 53),
            Said::Icmp(if six { 1 } else { 3 }),
        ] {
            denied(&mut world, UP, &UP.says(via(DNS), to, said));
        }
    }
}

#[test]
fn two_ports_of_one_node_are_joined_the_same_way() {
    let mut world = t2();
    let (near, far) = (guest("n1/r-i1"), guest("n1/b-d1"));
    for six in [false, true] {
        let (request, reply) = if six { (128, 129) } else { (8, 0) };
        let unreachable = if six { 1 } else { 3 };
        let forth = |said| near.says(via(WEB), far.address(six), said);
        let back = |said| far.says(via(WEB), near.address(six), said);
        for said in [Said::Tcp(4000, 80, SYN), Said::Icmp(request)] {
            crossed(&mut world, near, &forth(said), far, WEB);
        }
        for said in [
            Said::Tcp(80, 4000, SYN | ACK),
            Said::Icmp(reply),
            Said::Icmp(unreachable),
        ] {
            crossed(&mut world, far, &back(said), near, WEB);
        }
        for said in [
            Said::Icmp(reply),
            Said::Icmp(unreachable),
            Said::Udp(80, 80),
        ] {
            denied(&mut world, near, &forth(said));
        }
        for said in [Said::Icmp(request), Said::Tcp(80, 80, SYN)] {
            denied(&mut world, far, &back(said));
        }
    }
    for kind in [4, 5, 9, 10, 13, 17] {
        let back = far.says(via(WEB), near.address(false), Said::Icmp(kind));
        denied(&mut world, far, &back);
    }
    assert_eq!(world.carried.len(), 0, "none of it leaves the node");
}

#[test]
fn one_address_leads_to_every_peering_of_the_two() {
    let mut world = t2();
    let w1 = guest("n1/b-w1");
    let asks = UP.says(via(DNS), w1.ip.into(), Said::Tcp(4000, 9100, SYN));
    crossed(&mut world, UP, &asks, w1, METRICS);
    let answers = w1.says(via(DNS), UP.ip.into(), Said::Tcp(9100, 4000, ACK));
    crossed(&mut world, w1, &answers, UP, METRICS);
    let opens = w1.says(via(METRICS), UP.ip.into(), Said::Tcp(9100, 4000, SYN));
    denied(&mut world, w1, &opens);
    let other = w1.says(via(METRICS), UP.ip.into(), Said::Udp(4000, 53));
    crossed(&mut world, w1, &other, UP, DNS);
}

#[test]
fn fragments_and_detours_do_not_cross() {
    let mut world = t2();
    let w1 = guest("n1/b-w1");
    let whole = w1.says(via(DNS), UP.ip.into(), Said::Udp(4000, 53));
    for fragment in [[0x20, 0], [0, 1], [0x20, 1]] {
        let mut frame = whole.clone();
        frame[20..22].copy_from_slice(&fragment);
        let reason = world.refused(w1.port, &frame);
        assert!(["peering_deny", "frag_bad"].contains(&reason), "{reason}");
    }
    let mut six = w1.says(via(DNS), UP.ip6.into(), Said::Udp(4000, 53));
    // A fragment header in front of the whole packet, then a routing header.
    six.splice(54..54, [17, 0, 0, 0, 0, 0, 0, 1]);
    six[19] += 8;
    for header in [44, 43] {
        six[20] = header;
        denied(&mut world, w1, &six);
    }
}

#[test]
fn nobody_else_may_use_it() {
    let mut world = t2();
    for port in ["n2/b-w2", "n1/b-d1", "n1/b-i1", "n4/b-i5", "n1/b-gw"] {
        let other = guest(port);
        hello(&mut world, other, ip("n3/b-p2"));
        denied(
            &mut world,
            other,
            &other.says(via(DNS), UP.ip.into(), Said::Udp(4000, 53)),
        );
    }
    let (w1, gateway) = (guest("n1/b-w1"), guest("n1/b-gw"));
    let spoofed = packet(
        (gateway.mac, via(DNS)),
        (w1.ip.into(), UP.ip.into()),
        Said::Udp(4000, 53),
    );
    denied(&mut world, gateway, &spoofed);
    let spoofed = packet(
        (UP.mac, via(DNS)),
        (ip("n2/r-gw").into(), w1.ip.into()),
        Said::Udp(53, 53),
    );
    denied(&mut world, UP, &spoofed);
    let elsewhere = w1.says(via(WEB), guest("n1/r-i1").ip.into(), Said::Tcp(80, 80, ACK));
    denied(&mut world, w1, &elsewhere);
    let unknown = w1.says(via(22_099), UP.ip.into(), Said::Udp(4000, 53));
    denied(&mut world, w1, &unknown);
    let red = guest("n2/r-l1");
    denied(
        &mut world,
        red,
        &red.says(via(DNS), w1.ip.into(), Said::Udp(53, 4000)),
    );
}

#[test]
fn without_guards_an_end_still_speaks_for_itself_only() {
    let mut world = introduced(&with(&open(), PEERINGS));
    let (w1, other) = (guest("n1/b-w1"), guest("n2/b-w2"));
    let own = w1.says(via(DNS), UP.ip.into(), Said::Udp(4000, 53));
    crossed(&mut world, w1, &own, UP, DNS);
    let ips = (ip("n1/b-i1").into(), UP.ip.into());
    for from in [w1, other] {
        let frame = packet((from.mac, via(DNS)), ips, Said::Udp(4000, 53));
        let reason = world.refused(from.port, &frame);
        assert!(["peering_deny", "ip_spoof"].contains(&reason), "{reason}");
    }
}

#[test]
fn an_address_that_both_sides_bind_means_the_host_next_door() {
    let own = "\"10.1.0.22\", ";
    let site = with(&guarded(), PEERINGS);
    assert!(site.contains(own));
    let mut world = introduced(&site.replace(own, "\"10.1.0.22\", \"10.2.0.53\", "));
    let w1 = guest("n1/b-w1");
    denied(
        &mut world,
        w1,
        &w1.says(via(DNS), UP.ip.into(), Said::Udp(4000, 53)),
    );
    denied(
        &mut world,
        UP,
        &UP.says(via(DNS), w1.ip.into(), Said::Udp(53, 4000)),
    );
    let six = w1.says(via(DNS), UP.ip6.into(), Said::Udp(4000, 53));
    crossed(&mut world, w1, &six, UP, DNS);
}

#[test]
fn nobody_can_use_the_address_of_a_peering_as_its_own() {
    for site in [guarded(), open()] {
        let mut world = introduced(&with(&site, PEERINGS));
        for from in [guest("n1/b-w1"), guest("n1/b-i1"), guest("n1/b-gw"), UP] {
            let frame = packet(
                (via(DNS), BROADCAST),
                (from.ip.into(), [255; 4].into()),
                Said::Udp(1, 1),
            );
            assert_eq!(world.refused(from.port, &from.tagged(&frame)), "mac_spoof");
        }
    }
}

#[test]
fn an_end_whose_mac_is_not_known_is_nobody_until_it_speaks() {
    let site = with(&guarded(), PEERINGS);
    let mut world = World::new(&site);
    let w1 = guest("n1/b-w1");
    let frame = w1.says(via(DNS), UP.ip.into(), Said::Udp(4000, 53));
    assert_eq!(world.try_frame(w1.port, &frame), []);
    assert_eq!(world.port_counters(w1.port).delivered, 1, "it went to n3");
    let n1 = world.nodes[0].id;
    assert_eq!(world.counters(2).peers[n1.index()].no_receiver, 1);
    let (near, far) = (guest("n1/r-i1"), guest("n1/b-d1"));
    let here = near.says(via(WEB), far.ip.into(), Said::Tcp(4000, 80, SYN));
    assert_eq!(world.try_frame(near.port, &here), []);
    assert_eq!(world.port_counters(near.port).no_receiver, 1);
    hello(&mut world, UP, ip("n2/r-gw"));
    crossed(&mut world, w1, &frame, UP, DNS);
    let bound = "b-d1 = { mac = \"02:10:0a:01:00:1f\", ";
    let mut world = World::new(&site.replace("b-d1 = { ", bound));
    crossed(&mut world, near, &here, far, WEB);
}

#[test]
fn a_port_that_is_down_gets_nothing_and_it_is_counted() {
    let mut world = t2();
    let (near, far) = (guest("n1/r-i1"), guest("n1/b-d1"));
    let site =
        with(&guarded(), PEERINGS).replace("b-d1 = { ", "b-d1 = { mac = \"02:10:0a:01:00:1f\", ");
    world.install(&site, |_| true);
    let (node, local) = world.place(far.port);
    let node = &mut world.nodes[node];
    node.forwarder.set_port_up(local, false, &mut node.recorder);
    let frame = near.says(via(WEB), far.ip.into(), Said::Tcp(4000, 80, SYN));
    assert_eq!(world.try_frame(near.port, &frame), []);
    let drops = world.port_counters(far.port).egress_drops;
    assert_eq!(drops.get(skerry_overlay::DropReason::EgressDown), 1);
}

/// A TCP superframe with 32,000 bytes of payload.
fn superframe(
    from: site::Guest,
    by: Mac,
    to: site::Guest,
    ports: (u16, u16),
) -> (Vec<u8>, Offload) {
    let builder = etherparse::PacketBuilder::ethernet2(from.mac.0, by.0)
        .ipv4(from.ip.octets(), to.ip.octets(), 64)
        .tcp(ports.0, ports.1, 1000, 1000)
        .ack(1);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, &[7; 32_000]).unwrap();
    let offload = tcp4(1350);
    (bytes, offload)
}

#[test]
fn a_superframe_crosses_whole_here_and_in_pieces_there() {
    let mut world = t2();
    let (w1, near, far) = (guest("n1/b-w1"), guest("n1/r-i1"), guest("n1/b-d1"));
    for (from, vni, to, ports, count) in [
        (w1, DNS, UP, (4000, 53), 24),
        (near, WEB, far, (4000, 80), 1),
        (far, WEB, near, (80, 4000), 1),
    ] {
        let (bytes, offload) = superframe(from, via(vni), to, ports);
        let before = world.port_counters(from.port);
        world.forget();
        let frame = Frame {
            bytes: &bytes,
            offload,
        };
        world.send_frame(from.port, frame);
        let received = world.received();
        assert_eq!(received.len(), count, "{}", to.port);
        for (port, piece) in &received {
            assert_eq!(port, to.port);
            assert_eq!(piece[..6], to.mac.0);
            assert_eq!(piece[6..12], via(vni).0);
        }
        let after = world.port_counters(from.port);
        assert_eq!(after.peering_pass, before.peering_pass + 24);
        assert_eq!(after.delivered, before.delivered + 24);
    }
    let (bytes, offload) = superframe(w1, via(DNS), UP, (4000, 22));
    world.forget();
    let frame = Frame {
        bytes: &bytes,
        offload,
    };
    world.send_frame(w1.port, frame);
    assert_eq!(world.received(), [], "another port");
}

#[test]
fn a_reload_without_the_peering_stops_it_at_once() {
    let mut world = t2();
    let w1 = guest("n1/b-w1");
    let frame = w1.says(via(DNS), UP.ip.into(), Said::Udp(4000, 53));
    crossed(&mut world, w1, &frame, UP, DNS);
    world.install(&with(&guarded(), ""), |node| node == "n3");
    assert_eq!(world.try_frame(w1.port, &frame), [], "n3 knows no peering");
    let n1 = world.nodes[0].id;
    let drops = &world.counters(2).peers[n1.index()].drops;
    assert_eq!(drops.get(skerry_overlay::DropReason::VniUnknown), 1);
    world.install(&with(&guarded(), ""), |_| true);
    denied(&mut world, w1, &frame);
    world.install(&with(&guarded(), PEERINGS), |_| true);
    crossed(&mut world, w1, &frame, UP, DNS);
    let narrower = PEERINGS.replace("\"udp/53\", ", "");
    world.install(&with(&guarded(), &narrower), |_| true);
    denied(&mut world, w1, &frame);
}
