//! Whose address is it? What a host or a node says of addresses that are not its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use skerry_overlay::{Change, Claim, Frame, Place, Strength};
use skerry_policy::Mac;

use crate::world::frames::{
    BROADCAST, REPLY, REQUEST, arp, ip, ip6, mac, nd, udp, udp_as, udp6, who_has,
};
use crate::world::{World, guarded, open};

fn hello(world: &mut World, ports: &[&str]) {
    for port in ports {
        world.send(port, &udp(port, BROADCAST, Ipv4Addr::BROADCAST, b"hello"));
    }
}

/// What a guest is told when it asks for an address: the MAC in the answer.
fn told(world: &mut World, asker: &str, target: Ipv4Addr) -> Option<Mac> {
    let received = world.try_frame(asker, &who_has(asker, target));
    let answer = received.iter().find(|(name, _)| name == asker)?;
    Some(Mac(answer.1[22..28].try_into().unwrap()))
}

/// What n4 says to n1 of an address, as strongly as it can.
fn claim(world: &World, segment: &str, mac: Mac, what: Change) -> Claim {
    let tables = world.nodes[0].forwarder.tables();
    let mut segments = tables.fabric.segments.iter();
    let segment = segments.find(|it| it.name == segment).unwrap();
    Claim {
        generation: tables.generation,
        pvlan: segment.pvlan,
        segment: segment.id,
        mac,
        place: Place::Node(world.nodes[3].id),
        strength: Strength::Bound,
        what,
    }
}

#[test]
fn no_claim_of_a_host_is_as_strong_as_a_router() {
    // A router whose MAC address policy leaves open.
    let site = open().replace(", mac = \"02:00:00:00:01:01\", gateway = true", "");
    let mut world = World::new(&site);
    let gateway = "n1/b-gw";
    let here = Change::Here(world.now);
    let theft = claim(&world, "blue.isolated", mac(gateway), here);
    let now = world.now;
    world.nodes[0].apply_claim(now, &theft);
    let hello = udp(gateway, BROADCAST, Ipv4Addr::BROADCAST, b"hello");
    assert_ne!(
        world.receivers(gateway, &hello),
        [""; 0],
        "it takes it back"
    );
    let host = "n1/b-i1";
    let up = udp(host, mac(gateway), ip(gateway), b"up");
    assert_eq!(world.receivers(host, &up), [gateway]);
}

#[test]
fn a_node_says_nothing_of_segments_that_it_has_no_ports_in() {
    let mut world = World::new(&open());
    let here = Change::Here(world.now);
    let theft = claim(&world, "blue.web", mac("n2/b-w2"), here);
    let now = world.now;
    world.nodes[0].apply_claim(now, &theft);
    let frame = udp("n1/b-w1", mac("n2/b-w2"), ip("n2/b-w2"), b"to its owner");
    let receivers = world.receivers("n1/b-w1", &frame);
    assert!(receivers.contains(&"n2/b-w2".to_owned()), "{receivers:?}");
}

#[test]
fn a_node_cannot_say_where_anothers_address_is() {
    let mut world = World::new(&guarded());
    hello(&mut world, &["n1/b-gw"]);
    let liar = world.nodes[3].id;
    let now = world.now;
    // The MAC address is its own, so that it is the other address which is refused.
    let taken = Change::Address(IpAddr::V4(ip("n2/b-i3")));
    for what in [Change::Here(now), taken] {
        let claim = claim(&world, "blue.isolated", Mac([2, 0xba, 0xd, 0, 0, 5]), what);
        world.nodes[0].apply_claim(now, &claim);
    }
    let refused = world.counters(0).peers[liar.index()].claims_refused;
    assert_eq!(refused, 1, "and it is counted");
    world.send("n2/b-i3", &who_has("n2/b-i3", ip("n1/b-gw")));
    let answer = told(&mut world, "n1/b-gw", ip("n2/b-i3"));
    assert_eq!(answer, Some(mac("n2/b-i3")), "its own node's word");
}

#[test]
fn a_probe_for_anothers_address_is_answered_and_never_handed_on() {
    // Nobody has said a word yet, so no owner is known but by policy.
    let mut world = World::new(&guarded());
    let owners = [
        ("n1/b-i1", "n1/b-gw"),
        ("n1/b-w1", "n2/b-w2"),
        ("n1/b-i1", "n2/b-i3"),
    ];
    for (liar, owner) in owners {
        let me = mac(liar);
        for to in [BROADCAST, mac(owner)] {
            let probe = arp(me, to, REQUEST, (me, Ipv4Addr::UNSPECIFIED), ip(owner));
            let solicited: Ipv6Addr = "ff02::1:ff00:1".parse().unwrap();
            let addresses = (Ipv6Addr::UNSPECIFIED, solicited);
            for frame in [probe, nd(me, to, addresses, 135, ip6(owner), None)] {
                let received = world.try_frame(liar, &frame);
                let names: Vec<_> = received.iter().map(|(name, _)| name.as_str()).collect();
                assert_eq!(names, [liar], "{liar} probes for {owner} at {to}");
            }
        }
    }
}

#[test]
fn what_is_gone_in_one_private_vlan_is_not_gone_in_another() {
    let mut world = World::new(&guarded());
    world.send("n2/b-i3", &who_has("n2/b-i3", ip("n1/b-gw")));
    let here = told(&mut world, "n1/b-gw", ip("n2/b-i3"));
    assert_eq!(here, Some(mac("n2/b-i3")));
    let gone = Claim {
        place: Place::Node(world.nodes[1].id),
        ..claim(&world, "red.lab", mac("n2/b-i3"), Change::Gone)
    };
    let now = world.now;
    world.nodes[0].apply_claim(now, &gone);
    assert_eq!(told(&mut world, "n1/b-gw", ip("n2/b-i3")), here);
}

#[test]
fn a_node_pins_no_address_to_a_mac_that_it_has_not() {
    let mut world = World::new(&guarded());
    let (victim, gateway) = ("n1/b-i1", "n1/b-gw");
    // What the victim's stack will make of its MAC address (RFC 4291 appendix A).
    let [a, b, c, d, e, f] = mac(victim).0.map(u16::from);
    let words = [a << 8 ^ 0x200 | b, c << 8 | 0xff, 0xfe00 | d, e << 8 | f];
    let [first, second, third, fourth] = words;
    let local = Ipv6Addr::new(0xfe80, 0, 0, 0, first, second, third, fourth);
    let what = Change::Address(IpAddr::V6(local));
    let theft = claim(&world, "blue.isolated", mac(victim), what);
    let now = world.now;
    world.nodes[0].apply_claim(now, &theft);
    let packet = udp6(victim, local, mac(gateway), ip6(gateway));
    assert_eq!(world.receivers(victim, &packet), [gateway]);
}

#[test]
fn a_node_of_another_policy_pins_no_address() {
    let mut world = World::new(&guarded());
    let (host, other) = ("n1/b-w1", "n2/b-w2");
    hello(&mut world, &[host, other]);
    let again = format!("{}\n# again\n", guarded());
    world.install(&again, |name| name == "n1");
    let local: Ipv6Addr = "fe80::77".parse().unwrap();
    let takes = |port| udp6(port, local, mac("n3/b-p2"), ip6("n3/b-p2"));
    let flood = udp6(host, local, Mac([0x33, 0x33, 0, 0, 0, 1]), ip6("n3/b-p2"));
    world.send(host, &flood);
    world.install(&again, |name| name != "n1");
    assert_eq!(world.receivers(other, &takes(other)), ["n3/b-p2"]);
}

#[test]
fn an_address_that_changes_hands_by_a_reload_changes_its_answer() {
    let mut world = World::new(&guarded());
    for port in ["n1/b-i1", "n1/b-i2"] {
        world.send(port, &who_has(port, ip("n1/b-gw")));
    }
    assert_eq!(
        told(&mut world, "n1/b-gw", ip("n1/b-i1")),
        Some(mac("n1/b-i1"))
    );
    let swapped = guarded()
        .replace("\"10.1.0.11\"", "\"10.1.0.99\"")
        .replace("\"10.1.0.12\"", "\"10.1.0.11\"")
        .replace("\"10.1.0.99\"", "\"10.1.0.12\"");
    world.install(&swapped, |_| true);
    let answer = told(&mut world, "n1/b-gw", ip("n1/b-i1"));
    assert_ne!(answer, Some(mac("n1/b-i1")), "that is no longer its owner");
    let news = arp(
        mac("n1/b-i2"),
        BROADCAST,
        REPLY,
        (mac("n1/b-i2"), ip("n1/b-i1")),
        ip("n1/b-i1"),
    );
    world.send("n1/b-i2", &news);
    assert_eq!(
        told(&mut world, "n1/b-gw", ip("n1/b-i1")),
        Some(mac("n1/b-i2"))
    );
}

#[test]
fn a_pin_holds_while_its_owner_talks_elsewhere() {
    let mut world = World::new(&guarded());
    hello(&mut world, &["n1/b-gw", "n2/b-i3"]);
    for _ in 0..20 {
        // To the other promiscuous port: n1 hears nothing of it.
        let there = udp("n2/b-i3", mac("n3/b-p2"), ip("n3/b-p2"), b"still here");
        world.send("n2/b-i3", &there);
        world.advance(Duration::from_millis(500));
    }
    let theft = udp_as(
        mac("n2/b-i3"),
        ip("n1/b-i1"),
        BROADCAST,
        [255; 4].into(),
        b"mine",
    );
    assert_eq!(world.refused("n1/b-i1", &theft), "mac_move");
    let back = udp("n1/b-gw", mac("n2/b-i3"), ip("n2/b-i3"), b"to its owner");
    assert_eq!(world.receivers("n1/b-gw", &back), ["n2/b-i3"]);
}

#[test]
fn a_stock_members_guest_keeps_its_address_while_it_talks() {
    let site = guarded();
    let line = site.lines().find(|line| line.starts_with("n4 = ")).unwrap();
    let stock = line.replace(" }", ", stock = \"mesh\" }");
    let mut world = World::new(&site.replace(line, &stock));
    let theft = udp_as(
        mac("n4/b-i5"),
        ip("n1/b-i1"),
        BROADCAST,
        [255; 4].into(),
        b"mine",
    );
    let speech = udp("n4/b-i5", BROADCAST, Ipv4Addr::BROADCAST, b"hello");
    for _ in 0..3 {
        let (node, local) = world.place("n4/b-i5");
        let node = &mut world.nodes[node];
        node.forwarder
            .handle_frame(world.now, local, Frame::plain(&speech), &mut node.recorder);
        // A stock kernel says nothing but what its guests say.
        node.recorder.claims.clear();
        world.settle();
        assert_eq!(world.refused("n1/b-i1", &theft), "mac_move");
        world.advance(Duration::from_secs(30));
    }
}

#[test]
fn an_address_that_one_worker_has_not_heard_of_is_not_gone() {
    let mut world = World::new(&guarded());
    // Only what another worker has said of it is known here.
    let (node, local) = world.place("n1/b-i1");
    let forwarder = &mut world.nodes[node].forwarder;
    let tables = Arc::clone(forwarder.tables());
    let attachment = tables.attachments_of(local)[0];
    let told = Claim {
        place: Place::Port(attachment),
        ..claim(
            &world,
            "blue.isolated",
            mac("n1/b-i1"),
            Change::Here(world.now),
        )
    };
    let now = world.now;
    world.nodes[node].apply_claim(now, &told);
    hello(&mut world, &["n1/b-i2"]);
    world.now = world.now + Duration::from_secs(301);
    let node = &mut world.nodes[node];
    node.forwarder.handle_timeout(world.now, &mut node.recorder);
    let gone = node.recorder.claims.iter();
    let gone: Vec<_> = gone.filter(|it| it.what == Change::Gone).collect();
    assert_eq!(gone.len(), 1, "{gone:?}");
    assert_eq!(gone[0].mac, mac("n1/b-i2"));
}

#[test]
fn a_host_that_restarts_may_use_its_own_link_local_address_again() {
    let mut world = World::new(&guarded());
    let local: Ipv6Addr = "fe80::11".parse().unwrap();
    let me = mac("n1/b-i1");
    world.send(
        "n1/b-i1",
        &udp6("n1/b-i1", local, mac("n1/b-gw"), ip6("n1/b-gw")),
    );
    let solicited = Mac([0x33, 0x33, 0xff, 0, 0, 0x11]);
    let addresses = (Ipv6Addr::UNSPECIFIED, "ff02::1:ff00:11".parse().unwrap());
    let probe = nd(me, solicited, addresses, 135, local, None);
    assert_eq!(
        world.receivers("n1/b-i1", &probe),
        ["n1/b-gw", "n3/b-p2"],
        "nobody objects"
    );
}

#[test]
fn an_address_is_defended_for_an_owner_that_nobody_has_seen() {
    let mut world = World::new(&guarded());
    let me = mac("n1/b-i1");
    let solicited = Mac([0x33, 0x33, 0xff, 0, 0, 0x13]);
    let addresses = (Ipv6Addr::UNSPECIFIED, "ff02::1:ff00:13".parse().unwrap());
    let v6 = nd(me, solicited, addresses, 135, ip6("n2/b-i3"), None);
    let v4 = arp(
        me,
        BROADCAST,
        REQUEST,
        (me, Ipv4Addr::UNSPECIFIED),
        ip("n2/b-i3"),
    );
    for probe in [v6, v4] {
        let answers = world.try_frame("n1/b-i1", &probe);
        let [(name, answer)] = &answers[..] else {
            panic!("one answer, not {answers:?}")
        };
        assert_eq!(name, "n1/b-i1");
        assert_eq!(answer[6..12], [0x02, 0x53, 0x4b, 0, 0, 0], "by the fabric");
    }
    hello(&mut world, &["n2/b-i3"]);
    let answers = world.try_frame(
        "n1/b-i1",
        &nd(me, solicited, addresses, 135, ip6("n2/b-i3"), None),
    );
    assert_eq!(answers.len(), 1);
}

#[test]
fn one_mac_pins_one_link_local_address() {
    let mut world = World::new(&guarded());
    let from = |last| {
        let local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last);
        udp6("n1/b-i1", local, mac("n1/b-gw"), ip6("n1/b-gw"))
    };
    assert_eq!(world.receivers("n1/b-i1", &from(0x11)), ["n1/b-gw"]);
    for last in 0x12..0x16 {
        assert_eq!(
            world.refused("n1/b-i1", &from(last)),
            "ip_spoof",
            "fe80::{last:x}"
        );
    }
}

#[test]
fn an_arp_payload_is_no_ones_word_about_another_mac() {
    let mut world = World::new(&guarded());
    hello(&mut world, &["n1/b-gw"]);
    for last in 0..50 {
        let foreign = (Mac([2, 0xaa, 0, 0, 0, last]), ip("n1/b-gw"));
        world.send(
            "n1/b-gw",
            &arp(mac("n1/b-gw"), BROADCAST, REPLY, foreign, ip("n1/b-i1")),
        );
    }
    assert_eq!(
        told(&mut world, "n1/b-i1", ip("n1/b-gw")),
        Some(mac("n1/b-gw"))
    );
}

#[test]
fn a_routers_link_local_address_is_a_routers() {
    let mut world = World::new(&guarded());
    let local: Ipv6Addr = "fe80::1".parse().unwrap();
    let all = (Mac([0x33, 0x33, 0, 0, 0, 1]), "ff02::1".parse().unwrap());
    world.send("n1/b-gw", &udp6("n1/b-gw", local, all.0, all.1));
    let solicited = Mac([0x33, 0x33, 0xff, 0, 0, 1]);
    let me = mac("n1/b-i1");
    let addresses = (ip6("n1/b-i1"), "ff02::1:ff00:1".parse().unwrap());
    let question = nd(me, solicited, addresses, 135, local, Some((1, me)));
    let answers = world.try_frame("n1/b-i1", &question);
    let [(_, answer)] = &answers[..] else {
        panic!("one answer, not {answers:?}")
    };
    assert_eq!(
        answer[58] & 0x80,
        0x80,
        "or hosts would forget their router"
    );
}

#[test]
fn an_unguarded_host_does_not_speak_for_a_routers_address_either() {
    let site = guarded().replace(
        "b-w2 = { as = \"blue.web\",",
        "b-w2 = { as = \"blue.web\", guard = { ip = \"off\" },",
    );
    let mut world = World::new(&site);
    let local: Ipv6Addr = "fe80::1".parse().unwrap();
    let all = (Mac([0x33, 0x33, 0, 0, 0, 1]), "ff02::1".parse().unwrap());
    world.send("n1/b-gw", &udp6("n1/b-gw", local, all.0, all.1));
    let thief = mac("n2/b-w2");
    let takes = nd(
        thief,
        all.0,
        (ip6("n2/b-w2"), all.1),
        136,
        local,
        Some((2, thief)),
    );
    assert_eq!(world.refused("n2/b-w2", &takes), "nd_spoof");
}

#[test]
fn a_host_asks_for_routers_in_its_own_name() {
    let mut world = World::new(&guarded());
    let routers = (Mac([0x33, 0x33, 0, 0, 0, 2]), "ff02::2".parse().unwrap());
    let ask = |source: Ipv6Addr, link: Option<Mac>| {
        let mut icmp = vec![
            0x60,
            0,
            0,
            0,
            0,
            if link.is_some() { 16 } else { 8 },
            58,
            255,
        ];
        icmp.extend(source.octets());
        icmp.extend(Ipv6Addr::octets(&routers.1));
        icmp.extend([133, 0, 0, 0, 0, 0, 0, 0]);
        if let Some(mac) = link {
            icmp.extend([1, 1]);
            icmp.extend(mac.0);
        }
        crate::world::frames::packet(mac("n1/b-i1"), routers.0, 0x86dd, &icmp)
    };
    let mine = ip6("n1/b-i1");
    let receivers = ["n1/b-gw", "n3/b-p2"];
    assert_eq!(
        world.receivers("n1/b-i1", &ask(mine, Some(mac("n1/b-i1")))),
        receivers
    );
    assert_eq!(
        world.receivers("n1/b-i1", &ask(Ipv6Addr::UNSPECIFIED, None)),
        receivers
    );
    let foreign = ask(mine, Some(mac("n2/b-i3")));
    assert_eq!(world.refused("n1/b-i1", &foreign), "nd_spoof");
}
