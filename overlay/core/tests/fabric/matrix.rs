//! Who reaches whom: every ordered pair of ports, every kind of destination, with and without
//! guards. The expectation is RFC 5517 table 1, written down once more, by port name.

use crate::world::frames::{BROADCAST, MULTICAST, UNKNOWN, mac, plain, udp};
use crate::world::{PORTS, World, guarded, open};

/// Domain and kind, from the letters of a port's name.
fn role(port: &str) -> (char, char) {
    let name = port.split('/').nth(1).unwrap().as_bytes();
    if name == b"vx0" {
        // The stock edge of T1.
        return ('b', 'I');
    }
    let kind = match name[2] {
        b'g' | b'p' => 'P',
        b'i' => 'I',
        community => community as char,
    };
    (name[0] as char, kind)
}

pub(crate) fn permitted(from: &str, to: &str) -> bool {
    let ((domain, sender), (other, receiver)) = (role(from), role(to));
    let reaches = match (sender, receiver) {
        ('P', _) | (_, 'P') => true,
        ('I', _) | (_, 'I') => false,
        (mine, theirs) => mine == theirs,
    };
    from != to && domain == other && reaches
}

fn expected(from: &str) -> Vec<String> {
    let mut ports: Vec<String> = PORTS
        .iter()
        .filter(|to| permitted(from, to))
        .map(|&to| to.to_owned())
        .collect();
    ports.sort();
    ports
}

/// Lets every node learn every guest.
fn introduce(world: &mut World, frame: impl Fn(&str) -> Vec<u8>) {
    for port in PORTS {
        world.send(port, &frame(port));
    }
}

fn check_matrix(world: &mut World, frame: impl Fn(&str, skerry_policy::Mac) -> Vec<u8>) {
    introduce(world, |from| frame(from, BROADCAST));
    let mut pairs = 0;
    for from in PORTS {
        for group in [BROADCAST, MULTICAST, UNKNOWN] {
            let receivers = world.receivers(from, &frame(from, group));
            assert_eq!(receivers, expected(from), "{from} to {group}");
        }
        for to in PORTS.iter().filter(|to| **to != from) {
            // So slowly that no storm limit is met.
            world.advance(std::time::Duration::from_millis(20));
            let receivers = world.receivers(from, &frame(from, mac(to)));
            if permitted(from, to) {
                pairs += 1;
                assert_eq!(receivers, [*to], "{from} to {to}");
            } else if role(from).0 == role(to).0 {
                assert_eq!(receivers, Vec::<String>::new(), "{from} to {to}");
            } else {
                // In the sender's private VLAN nobody has that address: it is unknown.
                assert_eq!(receivers, expected(from), "{from} to {to}");
            }
        }
    }
    assert_eq!(pairs, 52, "as many pairs as the specification counts");
}

#[test]
fn a01_without_guards_every_pair_is_as_rfc_5517_says() {
    check_matrix(&mut World::new(&open()), |from, to| {
        plain(mac(from), to, from)
    });
}

#[test]
fn a01_with_guards_every_pair_is_as_rfc_5517_says() {
    let to_ip = std::net::Ipv4Addr::new(192, 0, 2, 1);
    check_matrix(&mut World::new(&guarded()), |from, to| {
        udp(from, to, to_ip, from.as_bytes())
    });
}

#[test]
fn a01_over_ipv6_inside_the_tunnel_every_pair_is_the_same() {
    let site = (1..=4).fold(open(), |site, node| {
        site.replace(&format!("100.64.0.{node}"), &format!("fd00:64::{node}"))
    });
    check_matrix(&mut World::new(&site), |from, to| {
        plain(mac(from), to, from)
    });
}

#[test]
fn a03_a_flooded_frame_goes_only_to_nodes_with_a_receiver() {
    let mut world = World::new(&open());
    let mut carried = |from: &str| {
        world.try_frame(from, &plain(mac(from), BROADCAST, from));
        let pairs: Vec<String> = world
            .carried
            .iter()
            .map(|((a, b), n)| format!("{a}>{b}:{n}"))
            .collect();
        pairs.join(" ")
    };
    assert_eq!(carried("n2/b-i3"), "n2>n1:1 n2>n3:1");
    assert_eq!(
        carried("n1/r-i1"),
        "n1>n2:1",
        "nothing to n3, which has no promiscuous red port"
    );
    assert_eq!(carried("n1/b-d1"), "n1>n2:1 n1>n3:1");
    assert_eq!(carried("n1/b-gw"), "n1>n2:1 n1>n3:1 n1>n4:1");
}

#[test]
fn a10_a_denied_neighbour_is_denied_and_not_flooded() {
    let mut world = World::new(&open());
    introduce(&mut world, |from| plain(mac(from), BROADCAST, from));
    for (from, to) in [
        ("n1/b-i1", "n1/b-i2"),
        ("n1/b-i1", "n3/b-i4"),
        ("n1/b-w1", "n1/b-d1"),
        ("n1/b-d1", "n1/b-w1"),
        ("n1/b-w1", "n1/b-i1"),
        ("n1/b-i1", "n1/b-w1"),
        ("n1/b-i1", "n2/b-d2"),
    ] {
        assert_eq!(
            world.refused(from, &plain(mac(from), mac(to), "no")),
            "pvlan_deny",
            "{to}"
        );
    }
}

#[test]
fn b02_after_learning_one_datagram_goes_to_one_node() {
    let mut world = World::new(&open());
    let b_i3 = mac("n2/b-i3");
    world.send("n2/b-i3", &plain(b_i3, BROADCAST, "here"));
    let receivers = world.receivers("n1/b-gw", &plain(mac("n1/b-gw"), b_i3, "to you"));
    assert_eq!(receivers, ["n2/b-i3"]);
    assert_eq!(world.carried.values().sum::<usize>(), 1);
    assert_eq!(world.carried.get(&("n1".into(), "n2".into())), Some(&1));
}

#[test]
fn b03_after_ageing_the_address_is_unknown_again() {
    let mut world = World::new(&open());
    let b_i3 = mac("n2/b-i3");
    world.send("n2/b-i3", &plain(b_i3, BROADCAST, "here"));
    world.advance(std::time::Duration::from_secs(301));
    world.advance(std::time::Duration::from_secs(1));
    let receivers = world.receivers("n1/b-gw", &plain(mac("n1/b-gw"), b_i3, "anyone"));
    assert_eq!(receivers, expected("n1/b-gw"));
}

#[test]
fn b05_an_address_moves_only_when_its_old_place_is_silent() {
    let mut world = World::new(&open());
    let b_i3 = mac("n2/b-i3");
    world.send("n2/b-i3", &plain(b_i3, BROADCAST, "here"));
    assert_eq!(
        world.refused("n3/b-i4", &plain(b_i3, BROADCAST, "mine")),
        "mac_move"
    );
    world.advance(std::time::Duration::from_secs(6));
    assert_eq!(
        world.receivers("n3/b-i4", &plain(b_i3, BROADCAST, "mine now")),
        ["n1/b-gw", "n3/b-p2"]
    );
    let receivers = world.receivers("n1/b-gw", &plain(mac("n1/b-gw"), b_i3, "where"));
    assert_eq!(receivers, ["n3/b-i4"]);
}

#[test]
fn b07_one_address_in_two_private_vlans_is_two_addresses() {
    let mut world = World::new(&open());
    let shared = mac("n1/b-w1");
    world.send("n1/b-w1", &plain(shared, BROADCAST, "blue"));
    world.send("n2/r-l1", &plain(shared, BROADCAST, "red"));
    let blue = world.receivers("n1/b-gw", &plain(mac("n1/b-gw"), shared, "to blue"));
    assert_eq!(blue, ["n1/b-w1"]);
    let red = world.receivers("n2/r-gw", &plain(mac("n2/r-gw"), shared, "to red"));
    assert_eq!(red, ["n2/r-l1"]);
}

#[test]
fn a_frame_for_its_own_port_and_one_without_hearers_count_as_heard_by_nobody() {
    let mut world = World::new(&open());
    let gw = mac("n1/b-gw");
    let other = skerry_policy::Mac([2, 0, 0, 0, 1, 99]);
    world.send("n1/b-gw", &plain(other, BROADCAST, "behind the gateway"));
    let before = world.port_counters("n1/b-gw").no_receiver;
    assert_eq!(
        world.receivers("n1/b-gw", &plain(gw, other, "local")),
        Vec::<String>::new()
    );
    assert_eq!(world.port_counters("n1/b-gw").no_receiver, before + 1);
}
