//! Hosts that lie: groups C, D and E of the conformance matrix, and nodes that lie.

use std::net::Ipv4Addr;

use crate::world::frames::{
    BROADCAST, REPLY, REQUEST, arp, bootp, ethernet, ip, ip6, ipv4, ipv6, mac, nd, plain, udp,
    udp_as, udp6, who_has,
};
use crate::world::{PORTS, World, guarded, open};
use skerry_overlay::{Checksum, Frame, Offload, Superframe, SuperframeKind};
use skerry_policy::Mac;

/// Every guest has said something, so that its address is known everywhere.
fn settled() -> World {
    let mut world = World::new(&guarded());
    for port in PORTS {
        world.send(port, &udp(port, BROADCAST, Ipv4Addr::BROADCAST, b"hello"));
    }
    world
}

fn from_i1(destination: Mac) -> Vec<u8> {
    udp("n1/b-i1", destination, Ipv4Addr::new(192, 0, 2, 1), b"x")
}

fn tagged(frame: &[u8], tags: &[[u16; 2]]) -> Vec<u8> {
    let mut bytes = frame[..12].to_vec();
    bytes.extend(tags.iter().flatten().flat_map(|word| word.to_be_bytes()));
    bytes.extend(&frame[12..]);
    bytes
}

#[test]
fn c01_a_priority_tag_is_taken_off() {
    let mut world = settled();
    let bare = udp("n1/b-i1", BROADCAST, Ipv4Addr::BROADCAST, b"priority");
    let received = world.try_frame("n1/b-i1", &tagged(&bare, &[[0x8100, 0xe000]]));
    let expect: Vec<_> = ["n1/b-gw", "n3/b-p2"]
        .map(|name| (name.to_owned(), bare.clone()))
        .into();
    assert_eq!(received, expect);
}

#[test]
fn c02_other_tags_are_refused() {
    let mut world = settled();
    let bare = from_i1(BROADCAST);
    for (tags, reason) in [
        (&[[0x8100, 100]][..], "vlan_tagged"),
        (&[[0x8100, 20_101 % 4096]], "vlan_tagged"),
        (&[[0x88a8, 0]], "vlan_tagged"),
        (&[[0x8100, 0], [0x8100, 0]], "vlan_stacked"),
        (&[[0x88a8, 0], [0x8100, 0]], "vlan_stacked"),
    ] {
        assert_eq!(
            world.refused("n1/b-i1", &tagged(&bare, tags)),
            reason,
            "{tags:x?}"
        );
    }
}

#[test]
fn c08_a_frame_of_the_mtu_passes_and_one_byte_more_does_not() {
    let mut world = settled();
    let mtu = 1390;
    let mut frame = udp(
        "n1/b-i1",
        BROADCAST,
        Ipv4Addr::BROADCAST,
        &vec![7; mtu - 28],
    );
    assert_eq!(frame.len(), mtu + 14);
    assert_eq!(world.receivers("n1/b-i1", &frame), ["n1/b-gw", "n3/b-p2"]);
    frame.push(0);
    assert_eq!(world.refused("n1/b-i1", &frame), "oversize");
}

#[test]
fn c09_a_superframe_arrives_whole_here_and_in_pieces_there() {
    let mut world = settled();
    let payload: Vec<u8> = (0..32_000_u16).map(|byte| byte.to_le_bytes()[0]).collect();
    let build = |destination: &str| {
        let builder = etherparse::PacketBuilder::ethernet2(mac("n2/b-w2").0, mac(destination).0)
            .ipv4(ip("n2/b-w2").octets(), ip(destination).octets(), 64)
            .tcp(1, 2, 1000, 1000)
            .ack(1);
        let mut bytes = Vec::new();
        builder.write(&mut bytes, &payload).unwrap();
        let sum = pseudo_sum(&bytes);
        bytes[50..52].copy_from_slice(&sum);
        bytes
    };
    let superframe = Superframe {
        kind: SuperframeKind::Tcp4,
        size: 1350,
        ecn: false,
    };
    let checksum = Some(Checksum {
        start: 34,
        offset: 16,
    });
    let offload = Offload {
        checksum,
        superframe: Some(superframe),
        valid: false,
    };
    let bytes = build("n1/b-w1");
    world.forget();
    world.send_frame(
        "n2/b-w2",
        Frame {
            bytes: &bytes,
            offload,
        },
    );
    let received = world.received();
    assert_eq!(received.len(), 24, "32,000 bytes in pieces of 1,350");
    let mut pieces: Vec<_> = received.iter().map(|(_, piece)| piece).collect();
    pieces.sort_by_key(|piece| u32::from_be_bytes(piece[38..42].try_into().unwrap()));
    let joined: Vec<u8> = pieces
        .iter()
        .flat_map(|piece| piece[54..].to_vec())
        .collect();
    assert_eq!(joined, payload, "all bytes");
    assert!(
        pieces.iter().all(|piece| piece.len() <= 1404),
        "none longer than the MTU"
    );
    assert_eq!(world.port_counters("n2/b-w2").delivered, 24 + 1);
    let bytes = build("n3/b-p2");
    let too_long = Superframe {
        size: 1351,
        ..superframe
    };
    let offload = Offload {
        superframe: Some(too_long),
        ..offload
    };
    world.forget();
    world.send_frame(
        "n2/b-w2",
        Frame {
            bytes: &bytes,
            offload,
        },
    );
    let received = world.received();
    let told = |(to, copy): &(String, Vec<u8>)| to == "n2/b-w2" && copy[34..36] == [3, 4];
    assert!(received.len() == 1 && told(&received[0]), "too big");
}

/// The TCP pseudo-header's sum, as the kernel leaves it in the checksum field.
fn pseudo_sum(frame: &[u8]) -> [u8; 2] {
    let length = u32::try_from(frame.len() - 34).unwrap();
    let words = frame[26..34]
        .chunks(2)
        .map(|word| u32::from(word[0]) << 8 | u32::from(word[1]));
    let mut sum = words.sum::<u32>() + 6 + length;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap().to_be_bytes()
}

#[test]
fn c10_impossible_addresses_are_refused() {
    let mut world = settled();
    let cases = [
        (Mac([3, 0, 0, 0, 0, 1]), BROADCAST, "bad_src_mac"),
        (BROADCAST, BROADCAST, "bad_src_mac"),
        (Mac([0; 6]), BROADCAST, "bad_src_mac"),
        (mac("n1/b-i1"), Mac([0; 6]), "bad_dst_mac"),
    ];
    for (source, destination, reason) in cases {
        let frame = udp_as(
            source,
            ip("n1/b-i1"),
            destination,
            Ipv4Addr::BROADCAST,
            b"x",
        );
        assert_eq!(world.refused("n1/b-i1", &frame), reason);
    }
    for length in 0..14 {
        assert_eq!(
            world.refused("n1/b-i1", &vec![2; length]),
            "runt",
            "{length} bytes"
        );
    }
}

#[test]
fn d01_the_gateways_address_cannot_be_stolen() {
    let mut world = settled();
    let gateway = mac("n1/b-gw");
    for thief in ["n1/b-i1", "n2/b-w2"] {
        let frame = udp_as(gateway, ip(thief), BROADCAST, Ipv4Addr::BROADCAST, b"mine");
        assert_eq!(world.refused(thief, &frame), "mac_spoof");
    }
    let frame = udp("n2/b-i3", gateway, ip("n1/b-gw"), b"still there?");
    assert_eq!(world.receivers("n2/b-i3", &frame), ["n1/b-gw"]);
}

#[test]
fn d02_a_flood_of_addresses_stops_at_the_first() {
    let mut world = World::new(&guarded());
    for number in 0..20_000_u32 {
        let [_, _, high, low] = number.to_be_bytes();
        let source = Mac([2, 0xd2, 0, 0, high, low]);
        let frame = udp_as(source, ip("n1/b-i1"), BROADCAST, Ipv4Addr::BROADCAST, b"x");
        world.send("n1/b-i1", &frame);
    }
    let counters = world.port_counters("n1/b-i1");
    let reasons: Vec<_> = counters
        .ingress_drops
        .iter()
        .map(|(reason, n)| (reason.name(), n))
        .collect();
    assert_eq!(reasons, [("mac_limit", 19_999)]);
    assert_eq!(counters.delivered, 1);
    for node in &world.nodes {
        let known = node.forwarder.fdb(world.now).count();
        assert!(known <= 4, "{} knows {known} addresses", node.name);
    }
}

#[test]
fn d03_a_source_address_must_be_bound_to_the_port() {
    let mut world = settled();
    let stolen = [
        ip("n1/b-i2"),
        ip("n1/b-gw"),
        Ipv4Addr::new(10, 1, 0, 99),
        Ipv4Addr::UNSPECIFIED,
    ];
    for source in stolen {
        let frame = udp_as(mac("n1/b-i1"), source, mac("n1/b-gw"), ip("n1/b-gw"), b"x");
        assert_eq!(world.refused("n1/b-i1", &frame), "ip_spoof", "{source}");
    }
    let gateway = mac("n1/b-gw");
    let v6 = udp6("n1/b-i1", ip6("n1/b-i2"), gateway, ip6("n1/b-gw"));
    assert_eq!(world.refused("n1/b-i1", &v6), "ip_spoof");
    let honest = udp6("n1/b-i1", ip6("n1/b-i1"), gateway, ip6("n1/b-gw"));
    assert_eq!(world.receivers("n1/b-i1", &honest), ["n1/b-gw"]);
}

#[test]
fn a_link_local_address_belongs_to_the_first_port_that_uses_it() {
    let mut world = settled();
    let gateway = mac("n1/b-gw");
    let local = "fe80::11".parse().unwrap();
    let first = udp6("n1/b-i1", local, gateway, ip6("n1/b-gw"));
    assert_eq!(world.receivers("n1/b-i1", &first), ["n1/b-gw"]);
    for thief in ["n1/b-i2", "n2/b-i3"] {
        let second = udp6(thief, local, gateway, ip6("n1/b-gw"));
        assert_eq!(world.refused(thief, &second), "ip_spoof", "{thief}");
    }
}

#[test]
fn a_client_without_an_address_may_ask_for_one() {
    let mut world = settled();
    let builder = etherparse::PacketBuilder::ethernet2(mac("n1/b-i1").0, BROADCAST.0)
        .ipv4([0; 4], [255; 4], 64)
        .udp(68, 67);
    let mut frame = Vec::new();
    builder
        .write(&mut frame, &bootp(1, mac("n1/b-i1")))
        .unwrap();
    assert_eq!(world.receivers("n1/b-i1", &frame), ["n1/b-gw", "n3/b-p2"]);
}

#[test]
fn d04_arp_for_a_foreign_address_is_refused() {
    let mut world = settled();
    let me = mac("n1/b-i1");
    for (operation, target) in [
        (REPLY, ip("n2/b-i3")),
        (REPLY, ip("n1/b-gw")),
        (REQUEST, ip("n1/b-gw")),
        (REQUEST, ip("n2/b-w2")),
    ] {
        let frame = arp(me, BROADCAST, operation, (me, ip("n1/b-gw")), target);
        assert_eq!(world.refused("n1/b-i1", &frame), "arp_spoof");
    }
    let mut cut = who_has("n1/b-i1", ip("n1/b-gw"));
    cut.truncate(40);
    assert_eq!(world.refused("n1/b-i1", &cut), "arp_bad");
}

#[test]
fn d05_arp_must_name_its_sender() {
    let mut world = settled();
    let sender = (mac("n1/b-i2"), ip("n1/b-i1"));
    let frame = arp(mac("n1/b-i1"), BROADCAST, REQUEST, sender, ip("n1/b-gw"));
    assert_eq!(world.refused("n1/b-i1", &frame), "arp_spoof");
}

#[test]
fn d07_an_unreachable_neighbour_is_not_revealed() {
    let mut world = settled();
    for neighbour in ["n1/b-i2", "n2/b-i3", "n1/b-w1"] {
        let frame = who_has("n1/b-i1", ip(neighbour));
        assert_eq!(
            world.refused("n1/b-i1", &frame),
            "pvlan_deny",
            "{neighbour}"
        );
    }
}

#[test]
fn a_reachable_neighbour_is_answered_for() {
    let mut world = settled();
    let question = who_has("n1/b-i1", ip("n1/b-gw"));
    let received = world.try_frame("n1/b-i1", &question);
    let answer = arp(
        mac("n1/b-gw"),
        mac("n1/b-i1"),
        REPLY,
        (mac("n1/b-gw"), ip("n1/b-gw")),
        ip("n1/b-i1"),
    );
    let [(port, frame)] = &received[..] else {
        panic!("one answer, not {received:?}")
    };
    assert_eq!((port.as_str(), &frame[..32]), ("n1/b-i1", &answer[..32]));
    assert_eq!(frame[32..38], mac("n1/b-i1").0, "to the asker");
    assert_eq!(world.carried.len(), 0, "no broadcast on the tunnels");
    assert_eq!(world.port_counters("n1/b-i1").answered, 1);
}

#[test]
fn an_unknown_address_is_asked_for_among_the_reachable() {
    let mut world = settled();
    let frame = who_has("n1/b-i1", Ipv4Addr::new(10, 1, 0, 200));
    assert_eq!(world.receivers("n1/b-i1", &frame), ["n1/b-gw", "n3/b-p2"]);
}

#[test]
fn d09_neighbour_advertisements_are_held_to_the_policy() {
    let mut world = settled();
    let (me, gateway) = (mac("n1/b-i1"), ip6("n1/b-gw"));
    let all_nodes = "ff02::1".parse().unwrap();
    let to_all = Mac([0x33, 0x33, 0, 0, 0, 1]);
    let claim = |target, option| nd(me, to_all, (ip6("n1/b-i1"), all_nodes), 136, target, option);
    assert_eq!(
        world.refused("n1/b-i1", &claim(gateway, Some((2, me)))),
        "nd_spoof"
    );
    assert_eq!(world.refused("n1/b-i1", &claim(gateway, None)), "nd_spoof");
    let foreign = Some((2, mac("n1/b-i2")));
    assert_eq!(
        world.refused("n1/b-i1", &claim(ip6("n1/b-i1"), foreign)),
        "nd_spoof"
    );
    let honest = claim(ip6("n1/b-i1"), Some((2, me)));
    assert_eq!(world.receivers("n1/b-i1", &honest), ["n1/b-gw", "n3/b-p2"]);
}

#[test]
fn a_neighbour_solicitation_for_the_gateway_is_answered() {
    let mut world = settled();
    let multicast = Mac([0x33, 0x33, 0xff, 0, 0, 1]);
    let solicited = "ff02::1:ff00:1".parse().unwrap();
    let source = Some((1, mac("n1/b-i1")));
    let addresses = (ip6("n1/b-i1"), solicited);
    let question = nd(
        mac("n1/b-i1"),
        multicast,
        addresses,
        135,
        ip6("n1/b-gw"),
        source,
    );
    let received = world.try_frame("n1/b-i1", &question);
    let [(port, frame)] = &received[..] else {
        panic!("one answer, not {received:?}")
    };
    assert_eq!(port, "n1/b-i1");
    assert_eq!(frame[80..86], mac("n1/b-gw").0, "the gateway's address");
    assert_eq!(frame[58] & 0x80, 0x80, "still a router");
    let denied = nd(
        mac("n1/b-i1"),
        multicast,
        addresses,
        135,
        ip6("n1/b-i2"),
        source,
    );
    assert_eq!(world.refused("n1/b-i1", &denied), "pvlan_deny");
}

#[test]
fn d15_control_protocols_stop_at_the_port() {
    let mut world = World::new(&open());
    for port in ["n1/b-i1", "n1/b-gw"] {
        for last in [0x00, 0x0e, 0x21, 0x2f] {
            let frame = plain(mac(port), Mac([0x01, 0x80, 0xc2, 0, 0, last]), "control");
            assert_eq!(world.refused(port, &frame), "l2_reserved");
        }
    }
}

#[test]
fn d16_types_outside_the_list_are_refused() {
    let mut world = settled();
    assert_eq!(
        world.refused("n1/b-i1", &plain(mac("n1/b-i1"), BROADCAST, "x")),
        "ethertype"
    );
    let mut llc = ethernet(mac("n1/b-i1"), BROADCAST, 46);
    llc.resize(60, 0xaa);
    assert_eq!(world.refused("n1/b-i1", &llc), "llc");
}

#[test]
fn a_packet_that_names_its_next_hop_goes_to_no_router() {
    let mut world = settled();
    let (gateway, outside) = (mac("n1/b-gw"), Ipv4Addr::new(192, 0, 2, 9));
    let plain = ipv4("n1/b-i1", (gateway, outside), 17, 0, &[0; 8]);
    assert_eq!(world.receivers("n1/b-i1", &plain), ["n1/b-gw"]);
    let [a, b, c, d] = ip("n1/b-i2").octets();
    for options in [
        [0x83, 7, 4, a, b, c, d, 0],
        [1, 0x89, 7, 4, a, b, c, d],
        [7, 0, 0, 0, 0, 0, 0, 0],
    ] {
        let (ethernet, header) = plain[..34].split_at(14);
        let mut header = [header, &options].concat();
        (header[0], header[3]) = (0x47, header[3] + 8);
        let frame = [ethernet, &header, &plain[34..]].concat();
        assert_eq!(
            world.refused("n1/b-i1", &frame),
            "hairpin_up",
            "{options:?}"
        );
    }
    let outside6 = "2001:db8:99::1".parse().unwrap();
    for (left, passes) in [(0, true), (1, false)] {
        let hop = ip6("n1/b-i2").octets();
        let routing = [&[17, 2, 0, left, 0, 0, 0, 0][..], &hop, &[0; 8]].concat();
        let frame = ipv6("n1/b-i1", (gateway, outside6), 43, 64, &routing);
        if passes {
            assert_eq!(world.receivers("n1/b-i1", &frame), ["n1/b-gw"]);
        } else {
            assert_eq!(world.refused("n1/b-i1", &frame), "hairpin_up");
        }
    }
}

#[test]
fn e01_a_neighbours_traffic_does_not_go_up_to_the_gateway() {
    let mut world = settled();
    let gateway = mac("n1/b-gw");
    for neighbour in ["n1/b-i2", "n2/b-i3", "n1/b-w1"] {
        let frame = udp("n1/b-i1", gateway, ip(neighbour), b"x");
        assert_eq!(
            world.refused("n1/b-i1", &frame),
            "hairpin_up",
            "{neighbour}"
        );
        let frame = udp("n2/b-d2", gateway, ip(neighbour), b"x");
        assert_eq!(
            world.refused("n2/b-d2", &frame),
            "hairpin_up",
            "{neighbour}, from n2"
        );
    }
    let nobody = udp("n1/b-i1", gateway, Ipv4Addr::new(10, 1, 0, 200), b"x");
    assert_eq!(
        world.refused("n1/b-i1", &nobody),
        "hairpin_up",
        "an address nobody has"
    );
    let broadcast = udp("n1/b-i1", BROADCAST, ip("n1/b-i2"), b"x");
    assert_eq!(
        world.refused("n1/b-i1", &broadcast),
        "hairpin_up",
        "by broadcast"
    );
    let v6 = udp6("n1/b-i1", ip6("n1/b-i1"), gateway, ip6("n1/b-i2"));
    assert_eq!(world.refused("n1/b-i1", &v6), "hairpin_up", "over IPv6");
}

#[test]
fn e02_the_gateway_and_the_world_are_reached() {
    let mut world = settled();
    for target in [ip("n1/b-gw"), ip("n3/b-p2"), Ipv4Addr::new(192, 0, 2, 1)] {
        let frame = udp("n1/b-i1", mac("n1/b-gw"), target, b"x");
        assert_eq!(world.receivers("n1/b-i1", &frame), ["n1/b-gw"], "{target}");
    }
    let subnet = udp("n1/b-i1", BROADCAST, Ipv4Addr::new(10, 1, 0, 255), b"x");
    assert_eq!(world.receivers("n1/b-i1", &subnet), ["n1/b-gw", "n3/b-p2"]);
}

#[test]
fn hairpins_are_stopped_on_the_way_down_too() {
    let mut world = settled();
    let gateway = mac("n1/b-gw");
    for (from, to) in [("n1/b-i1", "n1/b-i2"), ("n1/b-w1", "n1/b-d1")] {
        let frame = udp_as(gateway, ip(from), mac(to), ip(to), b"routed");
        assert_eq!(
            world.refused("n1/b-gw", &frame),
            "hairpin_down",
            "{from} to {to}"
        );
    }
    let frame = udp_as(
        gateway,
        ip("n1/b-i1"),
        mac("n2/b-i3"),
        ip("n2/b-i3"),
        b"routed",
    );
    let reason = world.refused("n1/b-gw", &frame);
    assert_eq!(reason, "hairpin_down", "to another node, before it leaves");
    let elsewhere = [192, 0, 2, 1].into();
    let frame = udp_as(gateway, ip("n1/b-i1"), mac("n2/b-i3"), elsewhere, b"routed");
    assert_eq!(
        world.try_frame("n1/b-gw", &frame),
        [],
        "whose node knows whom it is for"
    );
    let n1 = world.nodes[0].id;
    let drops = world.counters(1).peers[n1.index()].drops.iter();
    let reasons: Vec<_> = drops.map(|(reason, n)| (reason.name(), n)).collect();
    assert_eq!(reasons, [("hairpin_down", 1)]);
}

#[test]
fn a_host_that_has_no_address_yet_may_report_its_listeners() {
    let mut world = settled();
    let routers = Mac([0x33, 0x33, 0, 0, 0, 0x16]);
    let addresses = (std::net::Ipv6Addr::UNSPECIFIED, "ff02::16".parse().unwrap());
    let report = |kind| {
        nd(
            mac("n1/b-i1"),
            routers,
            addresses,
            kind,
            ip6("n1/b-i1"),
            None,
        )
    };
    let empty = Vec::<String>::new();
    assert_eq!(world.receivers("n1/b-i1", &report(143)), empty);
    let counters = world.port_counters("n1/b-i1");
    assert_eq!(counters.ingress_drops.total(), 0, "no router asks for it");
    assert_eq!(
        world.refused("n1/b-i1", &report(128)),
        "ip_spoof",
        "but not ping"
    );
}

#[test]
fn what_is_routed_to_an_address_that_has_aged_reaches_its_owner_and_nobody_else() {
    let mut world = World::new(&guarded());
    let gateway = mac("n1/b-gw");
    for (to, receivers) in [
        ("n1/b-w1", &["n1/b-w1"][..]),
        ("n2/b-w2", &["n2/b-w2"]),
        ("n1/b-i2", &[]),
        ("n2/b-i3", &[]),
    ] {
        let from = if to == "n1/b-w1" {
            "n2/b-w2"
        } else {
            "n1/b-w1"
        };
        let frame = udp_as(gateway, ip(from), mac(to), ip(to), b"routed");
        assert_eq!(world.receivers("n1/b-gw", &frame), receivers, "{to}");
    }
    let dropped = world.port_counters("n1/b-gw").ingress_drops;
    let dropped: Vec<_> = dropped.iter().map(|(it, n)| (it.name(), n)).collect();
    assert_eq!(dropped, [("hairpin_down", 2)]);
}

#[test]
fn e04_members_of_a_community_may_be_routed() {
    let mut world = settled();
    let up = udp("n1/b-w1", mac("n1/b-gw"), ip("n2/b-w2"), b"x");
    assert_eq!(world.receivers("n1/b-w1", &up), ["n1/b-gw"]);
    let down = udp_as(
        mac("n1/b-gw"),
        ip("n1/b-w1"),
        mac("n2/b-w2"),
        ip("n2/b-w2"),
        b"x",
    );
    assert_eq!(world.receivers("n1/b-gw", &down), ["n2/b-w2"]);
}

#[test]
fn e06_where_the_gateway_routes_it_is_what_neighbours_are_answered_with() {
    let mut world = settled();
    let received = world.try_frame("n1/r-i1", &who_has("n1/r-i1", ip("n3/r-i2")));
    let [(port, frame)] = &received[..] else {
        panic!("one answer, not {received:?}")
    };
    assert_eq!(port, "n1/r-i1");
    assert_eq!(frame[22..28], mac("n2/r-gw").0, "the gateway's address");
    assert_eq!(frame[28..32], ip("n3/r-i2").octets(), "for the neighbour");
}

#[test]
fn e07_and_traffic_by_way_of_the_gateway_is_counted() {
    let mut world = settled();
    let up = udp("n1/r-i1", mac("n2/r-gw"), ip("n3/r-i2"), b"x");
    assert_eq!(world.receivers("n1/r-i1", &up), ["n2/r-gw"]);
    assert_eq!(world.port_counters("n1/r-i1").hairpin_routed, 1);
    let several = udp("n1/r-i1", mac("n2/r-gw"), ip("n3/r-i2"), &[7; 250]);
    let frame = Frame {
        bytes: &several,
        offload: crate::world::frames::udp4(100),
    };
    world.send_frame("n1/r-i1", frame);
    assert_eq!(world.port_counters("n1/r-i1").hairpin_routed, 4, "for each");
    let down = udp_as(
        mac("n2/r-gw"),
        ip("n1/r-i1"),
        mac("n3/r-i2"),
        ip("n3/r-i2"),
        b"x",
    );
    assert_eq!(world.receivers("n2/r-gw", &down), ["n3/r-i2"]);
}

#[test]
fn an_exception_in_the_site_file_opens_one_direction() {
    let site = guarded().replace(
        "b-i2 = { as = \"blue.isolated\",",
        "b-i2 = { hairpin = [\"n1/b-w1\"], as = \"blue.isolated\",",
    );
    let mut world = World::new(&site);
    for port in PORTS {
        world.send(port, &udp(port, BROADCAST, Ipv4Addr::BROADCAST, b"hello"));
    }
    let gateway = mac("n1/b-gw");
    let up = udp("n1/b-i2", gateway, ip("n1/b-w1"), b"x");
    assert_eq!(world.receivers("n1/b-i2", &up), ["n1/b-gw"]);
    let down = udp_as(gateway, ip("n1/b-i2"), mac("n1/b-w1"), ip("n1/b-w1"), b"x");
    assert_eq!(world.receivers("n1/b-gw", &down), ["n1/b-w1"]);
    let other = udp("n1/b-i2", gateway, ip("n1/b-d1"), b"x");
    assert_eq!(world.refused("n1/b-i2", &other), "hairpin_up");
}
