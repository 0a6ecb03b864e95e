//! Changing the policy of a running fabric: group H.

use skerry_overlay::DropReason;

use crate::world::frames::{BROADCAST, mac, plain, udp};
use crate::world::{World, guarded, open};

/// The site with `b-i1` in the community web.
fn promoted() -> String {
    open().replace(
        "b-i1 = { as = \"blue.isolated\",",
        "b-i1 = { as = \"blue.web\",",
    )
}

fn introduce(world: &mut World) {
    for port in ["n1/b-gw", "n1/b-i1", "n2/b-w2", "n1/b-w1", "n2/b-i3"] {
        world.send(port, &plain(mac(port), BROADCAST, port));
    }
}

#[test]
fn h01_a_port_changes_its_segment_at_the_swap_and_not_before() {
    let mut world = World::new(&open());
    introduce(&mut world);
    let frame = plain(mac("n1/b-i1"), mac("n2/b-w2"), "x");
    assert_eq!(world.refused("n1/b-i1", &frame), "pvlan_deny");
    world.install(&promoted(), |_| true);
    assert_eq!(world.receivers("n1/b-i1", &frame), ["n2/b-w2"]);
    world.install(&open(), |_| true);
    // What was learned of the port in its other segment is gone; the frame teaches it anew.
    assert_eq!(world.refused("n1/b-i1", &frame), "pvlan_deny");
}

/// The site with two hosts promoted to the community web, and one of web isolated.
fn swapped(site: &str) -> String {
    let moves = [
        ("b-i1", "isolated", "web"),
        ("b-i3", "isolated", "web"),
        ("b-w2", "web", "isolated"),
    ];
    moves
        .iter()
        .fold(site.to_owned(), |site, (port, from, to)| {
            let line = |role| format!("{port} = {{ as = \"blue.{role}\",");
            assert_eq!(site.matches(&line(from)).count(), 1, "{port}");
            site.replace(&line(from), &line(to))
        })
}

#[test]
fn h02_two_ports_that_both_policies_keep_apart_do_not_meet_between_them() {
    type Flood = fn(&str) -> Vec<u8>;
    let packet: Flood = |from| udp(from, BROADCAST, [192, 0, 2, 1].into(), from.as_bytes());
    // Where nothing is guarded, nothing but the edition of the policy stands between the two.
    let no_packet: Flood = |from| plain(mac(from), BROADCAST, from);
    for (old, flood) in [(guarded(), packet), (open(), no_packet)] {
        let mut world = World::new(&old);
        for port in ["n1/b-i1", "n2/b-w2", "n1/b-gw"] {
            world.send(port, &flood(port));
        }
        for (site, first) in [(swapped(&old), "n1"), (old, "n2")] {
            world.install(&site, |name| name == first);
            for (from, forbidden) in [("n1/b-i1", "n2/b-w2"), ("n2/b-w2", "n1/b-i1")] {
                let received = world.try_frame(from, &flood(from));
                assert!(
                    received.iter().all(|(name, _)| name != forbidden),
                    "{received:?}"
                );
            }
            world.install(&site, |name| name != first);
        }
        let receivers = world.receivers("n1/b-i1", &flood("n1/b-i1"));
        assert_eq!(receivers, ["n1/b-gw", "n3/b-p2"], "whole again");
    }
}

#[test]
fn h02_a_port_that_is_new_in_a_segment_is_not_taken_for_one_that_has_left_it() {
    // Unguarded, and not IP: nothing but the port itself tells the two apart.
    let mut world = World::new(&open());
    for port in ["n1/b-w1", "n2/b-w2"] {
        world.send(port, &plain(mac(port), BROADCAST, port));
    }
    let exchanged = swapped(&open()).replace(
        "b-w1 = { as = \"blue.web\",",
        "b-w1 = { as = \"blue.isolated\",",
    );
    world.install(&exchanged, |name| name == "n1");
    // Neither policy lets n1/b-i1 and n2/b-w2 meet; n2 knows this address as n1/b-w1's, in web.
    for destination in [BROADCAST, mac("n2/b-w2")] {
        let frame = plain(mac("n1/b-w1"), destination, "it is me");
        let received = world.try_frame("n1/b-i1", &frame);
        assert!(
            received.iter().all(|(name, _)| name != "n2/b-w2"),
            "{received:?}"
        );
    }
    let drops = &world.counters(1).peers[world.nodes[0].id.index()].drops;
    assert!(drops.get(DropReason::VniDenied) > 0, "{drops:?}");
}

#[test]
fn h02_whoever_is_new_in_a_roll_out_waits_for_its_end() {
    let mut world = World::new(&open());
    let again = format!("{}\n# again\n", open());
    world.install(&again, |name| name == "n1");
    let news = plain(mac("n1/b-i2"), BROADCAST, "new");
    assert_eq!(world.receivers("n1/b-i2", &news), ["n1/b-gw"]);
    let drops = &world.counters(2).peers[world.nodes[0].id.index()].drops;
    assert_eq!(drops.get(DropReason::PeerMacSpoof), 1);
    world.install(&again, |name| name != "n1");
    let receivers = world.receivers("n1/b-i2", &news);
    assert_eq!(receivers, ["n1/b-gw", "n3/b-p2"]);
}

#[test]
fn h02_a_half_finished_roll_out_only_denies_more() {
    let mut world = World::new(&open());
    let promoted = open().replace(
        "b-i5 = { as = \"blue.isolated\",",
        "b-i5 = { as = \"blue.web\",",
    );
    introduce(&mut world);
    let there = plain(mac("n4/b-i5"), mac("n2/b-w2"), "there");
    let back = plain(mac("n2/b-w2"), mac("n4/b-i5"), "back");
    world.send("n4/b-i5", &plain(mac("n4/b-i5"), BROADCAST, "here"));
    world.install(&promoted, |name| name == "n4");
    assert_eq!(
        world.try_frame("n4/b-i5", &there),
        [],
        "n4 may send nothing of web, says n2"
    );
    assert_eq!(
        world.try_frame("n2/b-w2", &back),
        [],
        "nor in the other direction"
    );
    world.install(&promoted, |name| name != "n4");
    assert_eq!(world.receivers("n4/b-i5", &there), ["n2/b-w2"]);
    assert_eq!(world.receivers("n2/b-w2", &back), ["n4/b-i5"]);
    world.install(&open(), |name| name == "n4");
    assert_eq!(
        world.try_frame("n4/b-i5", &there),
        [],
        "the port's own node takes it back alone"
    );
}

#[test]
fn bystanders_keep_addresses_counters_and_tunnels() {
    let mut world = World::new(&open());
    introduce(&mut world);
    let frame = plain(mac("n1/b-gw"), mac("n2/b-i3"), "x");
    assert_eq!(world.receivers("n1/b-gw", &frame), ["n2/b-i3"]);
    let before = world.port_counters("n1/b-gw");
    let handshakes = |world: &World| -> u64 {
        world
            .nodes
            .iter()
            .flat_map(|node| node.forwarder.peers())
            .map(|it| it.handshakes)
            .sum()
    };
    let sessions = handshakes(&world);
    for round in 1..=100_u64 {
        let site = if round % 2 == 0 { open() } else { promoted() };
        world.install(&site, |_| true);
        assert_eq!(
            world.receivers("n1/b-gw", &frame),
            ["n2/b-i3"],
            "known, not flooded"
        );
        let after = world.port_counters("n1/b-gw");
        assert_eq!(after.delivered, before.delivered + round, "counters go on");
    }
    assert_eq!(handshakes(&world), sessions, "no tunnel was made anew");
}

#[test]
fn a_port_that_the_new_policy_does_not_list_is_forgotten() {
    let mut world = World::new(&open());
    introduce(&mut world);
    let without: String = open()
        .lines()
        .filter(|line| !line.starts_with("b-i3 "))
        .flat_map(|it| [it, "\n"])
        .collect();
    world.install(&without, |_| true);
    let frame = plain(mac("n1/b-gw"), mac("n2/b-i3"), "gone");
    let receivers = world.receivers("n1/b-gw", &frame);
    assert!(
        receivers.len() > 1,
        "flooded, since nobody has the address: {receivers:?}"
    );
    assert!(world.nodes.iter().all(|node| {
        node.forwarder
            .fdb(world.now)
            .all(|entry| entry.mac != mac("n2/b-i3"))
    }));
}

#[test]
fn h15_a_node_that_is_removed_is_heard_no_more() {
    let mut world = World::new(&open());
    let without: String = open()
        .lines()
        .filter(|line| !line.starts_with("n4 ") && !line.contains("b-i5"))
        .flat_map(|it| [it, "\n"])
        .collect();
    let without = without.replace("[port.n4]\n", "");
    world.install(&without, |name| name != "n4");
    let frame = plain(mac("n4/b-i5"), BROADCAST, "x");
    assert_eq!(world.try_frame("n4/b-i5", &frame), []);
    let refused = world
        .counters(0)
        .underlay_drops
        .iter()
        .map(|(it, _)| it.name());
    assert_eq!(refused.collect::<Vec<_>>(), ["wg_auth"]);
}
