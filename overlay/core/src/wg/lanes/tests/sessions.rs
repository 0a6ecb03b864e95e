//! How a session begins, ends, and outlives a reload.

use super::*;

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

/// Two ends without a session, the first with packets that wait for one.
fn waiting(numbers: std::ops::Range<u32>) -> (Time, End, End) {
    let fabric = fabric(&[reachable("n1"), reachable("n2")]);
    let now = Time(1_000_000_000);
    let mut a = End::boot(now, "n1", &fabric);
    let b = End::boot(now, "n2", &fabric);
    for n in numbers {
        assert_eq!(a.seal(now, "n2", &packet(n, 100)), Ok(()));
    }
    (now, a, b)
}

fn numbers(end: &End) -> Vec<u32> {
    end.packets.iter().map(|it| number(&it.1)).collect()
}

#[test]
fn what_waits_under_one_policy_is_not_sent_under_the_next() {
    for (old, new) in [(3, 2), (256, 0), (1, 0), (0, 3)] {
        let (now, mut a, mut b) = waiting(0..old);
        let more = fabric(&[reachable("n0"), reachable("n1"), reachable("n2")]);
        a.install(now, "n1", &more);
        for n in 0..new {
            assert_eq!(a.seal(now, "n2", &packet(1000 + n, 100)), Ok(()));
        }
        settle(now, &mut [&mut a, &mut b]);
        assert!(a.status("n2").has_session && b.status("n1").has_session);
        let expected: Vec<u32> = (1000..1000 + new).collect();
        assert_eq!(numbers(&b), expected, "{old} before, {new} after");
        // What comes later is held against nobody.
        a.seal(now, "n2", &packet(7, 100)).unwrap();
        a.flush();
        settle(now, &mut [&mut a, &mut b]);
        assert_eq!(numbers(&b).last(), Some(&7));
    }
}

#[test]
fn neither_is_it_after_another_reload_or_from_the_end_that_is_called() {
    let (now, mut a, mut b) = waiting(0..3);
    a.wire.take();
    let again = Arc::clone(&a.fabric);
    a.install(now, "n1", &again);
    a.seal(now, "n2", &packet(3, 100)).unwrap();
    a.install(now, "n1", &again);
    a.seal(now, "n2", &packet(4, 100)).unwrap();
    b.tick(now);
    settle(now, &mut [&mut a, &mut b]);
    assert_eq!(numbers(&b), [4]);
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
    assert_eq!(Lanes::new(secret("n1"), 0, 1).poll_timeout(), None);
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
