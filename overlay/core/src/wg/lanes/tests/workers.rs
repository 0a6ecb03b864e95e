//! The lanes of other workers than the first: whose they are, when they are used, when they go.

use boringtun::x25519::{PublicKey, StaticSecret};

use super::*;
use crate::wg::keys::lane_public;

const START: Time = Time(1_000_000_000);

/// Lane k listens k ports above lane 0.
fn at(name: &str, number: u8) -> SocketAddr {
    let first = address(name);
    SocketAddr::new(first.ip(), first.port() + u16::from(number))
}

/// Worker k of a node, told of nothing.
fn worker(name: &str, number: u8, fabric: &Arc<Fabric>) -> End {
    let seed = u32::from(name.as_bytes()[1]);
    let mut end = End::boot(START, name, fabric);
    end.lanes = Lanes::new(secret(name), number, seed);
    end.lanes.install(START, fabric, id(fabric, name));
    end.at = at(name, number);
    end
}

/// What a node rightly tells of its lane k.
fn truth(name: &str, number: u8) -> Told {
    Told {
        key: lane_public(&secret(name), number),
        endpoint: at(name, number),
        boot: 1,
    }
}

fn tell(now: Time, to: &mut End, name: &str, of: &str, told: Option<Told>) {
    let (fabric, wire) = (Arc::clone(&to.fabric), &mut to.wire);
    let (me, of) = (id(&fabric, name), id(&fabric, of));
    to.lanes.tell(now, &fabric, me, of, told, wire);
}

fn takes(end: &End, node: &str) -> bool {
    end.lanes.takes(id(&end.fabric, node))
}

/// Worker 1 of n1 and of n2, each told of the other, with a session.
fn workers() -> (Time, End, End) {
    let fabric = fabric(&[reachable("n1"), reachable("n2"), reachable("n3")]);
    let (mut a, mut b) = (worker("n1", 1, &fabric), worker("n2", 1, &fabric));
    tell(START, &mut a, "n1", "n2", Some(truth("n2", 1)));
    tell(START, &mut b, "n2", "n1", Some(truth("n1", 1)));
    a.tick(START);
    settle(START, &mut [&mut a, &mut b]);
    assert!(takes(&a, "n2") && takes(&b, "n1"));
    (START, a, b)
}

fn carries(now: Time, a: &mut End, b: &mut End, from: &str, to: &str) -> bool {
    let before = b.packets.len();
    let sealed = a.seal(now, to, &packet(1, 100));
    a.flush();
    settle(now, &mut [a, b]);
    let from = id(&b.fabric, from);
    sealed.is_ok() && b.packets.len() == before + 1 && b.packets[before].0 == from
}

#[test]
fn two_workers_that_were_told_of_each_other_have_a_lane_of_the_nodes() {
    let (now, mut a, mut b) = workers();
    assert!(carries(now, &mut a, &mut b, "n1", "n2"));
    assert!(carries(now, &mut b, &mut a, "n2", "n1"));
    assert_eq!(a.status("n2").lanes, 1);
}

#[test]
fn without_being_told_there_is_no_lane_but_the_first() {
    let fabric = fabric(&[reachable("n1"), reachable("n2")]);
    let (mut a, first) = (worker("n1", 1, &fabric), worker("n1", 0, &fabric));
    assert!(first.lanes.is_first() && takes(&first, "n2"));
    assert!(!a.lanes.is_first() && !takes(&a, "n2"));
    assert_eq!(
        (a.lanes.status().count(), a.lanes.poll_timeout()),
        (0, None)
    );
    assert_eq!(a.seal(START, "n2", &packet(1, 100)), Err(Refused::Down));
}

#[test]
fn the_first_lane_goes_by_policy_whatever_is_told() {
    let (now, mut a, mut b) = pair();
    tell(now, &mut a, "n1", "n2", Some(truth("n1", 2)));
    assert!(carries(now, &mut a, &mut b, "n1", "n2"));
    tell(now, &mut a, "n1", "n2", None);
    assert!(carries(now, &mut a, &mut b, "n1", "n2"));
}

#[test]
fn nobody_gets_a_session_in_the_name_of_another_node() {
    // n3 has told n1 that the lane of n2 is its own, or n2 has told that of n3: neither can follow
    // the handshake through without the node key of the other.
    let fabric = fabric(&[reachable("n1"), reachable("n2"), reachable("n3")]);
    let (mut a, mut thief) = (worker("n1", 1, &fabric), worker("n3", 1, &fabric));
    tell(START, &mut a, "n1", "n2", Some(truth("n3", 1)));
    tell(START, &mut thief, "n3", "n1", Some(truth("n1", 1)));
    for second in 0..10 {
        let now = START + Duration::from_secs(second);
        thief.tick(now);
        settle(now, &mut [&mut a, &mut thief]);
        a.tick(now);
        settle(now, &mut [&mut a, &mut thief]);
        assert!(!takes(&a, "n2") && !takes(&a, "n3") && !takes(&thief, "n1"));
        thief.seal(now, "n1", &packet(1, 100)).ok();
        thief.flush();
        settle(now, &mut [&mut a, &mut thief]);
    }
    assert!(a.packets.is_empty(), "{:?}", a.packets);
}

#[test]
fn whoever_told_of_a_key_first_keeps_it() {
    let (now, mut a, mut b) = workers();
    tell(now, &mut a, "n1", "n3", Some(truth("n2", 1)));
    assert!(takes(&a, "n2") && !takes(&a, "n3"));
    assert!(carries(now, &mut b, &mut a, "n2", "n1"));
    assert_eq!(a.lanes.status().count(), 1);
}

#[test]
fn the_key_of_a_node_is_no_key_of_a_lane() {
    let fabric = fabric(&[reachable("n1"), reachable("n2"), reachable("n3")]);
    for (of, number) in [("n3", 0), ("n2", 0), ("n1", 0), ("n1", 1)] {
        let mut a = worker("n1", 1, &fabric);
        tell(START, &mut a, "n1", "n2", Some(truth(of, number)));
        assert_eq!(a.lanes.status().count(), 0, "lane {number} of {of}");
    }
}

#[test]
fn a_datagram_for_one_worker_is_nothing_to_another() {
    let (now, mut a, b) = workers();
    let datagram = sealed(now, &mut a, 1, 100);
    for number in [0, 2] {
        let mut other = worker("n2", number, &b.fabric);
        tell(now, &mut other, "n2", "n1", Some(truth("n1", number)));
        other.open(now, a.at, &datagram);
        check_drop(&mut other, DropReason::WgAuth);
    }
    // A handshake is for one key, and so for one lane.
    let mut anew = worker("n1", 1, &b.fabric);
    tell(now, &mut anew, "n1", "n2", Some(truth("n2", 1)));
    anew.tick(now);
    let (_, init) = anew.wire.take().remove(0);
    for number in [0, 2] {
        let mut other = worker("n2", number, &b.fabric);
        tell(now, &mut other, "n2", "n1", Some(truth("n1", number)));
        other.open(now, a.at, &init);
        check_drop(&mut other, DropReason::WgAuth);
    }
}

#[test]
fn a_removed_node_loses_every_lane_in_the_same_install() {
    let (now, mut a, mut b) = workers();
    let datagram = sealed(now, &mut a, 1, 100);
    let without = fabric(&[reachable("n2"), reachable("n3")]);
    b.install(now, "n2", &without);
    assert_eq!(b.lanes.status().count(), 0);
    b.open(now, a.at, &datagram);
    check_drop(&mut b, DropReason::WgAuth);
    // What it told is forgotten too: it has to be heard in lane 0 again.
    let again = Arc::clone(&a.fabric);
    b.install(now, "n2", &again);
    assert_eq!(b.lanes.status().count(), 0);
    a.tick(now + Duration::from_secs(60));
    settle(now, &mut [&mut a, &mut b]);
    assert!(!takes(&b, "n1") && b.packets.is_empty());
}

#[test]
fn a_node_with_a_new_key_loses_every_lane_of_the_old_one() {
    let (now, mut a, mut b) = workers();
    let datagram = sealed(now, &mut a, 1, 100);
    let key = PublicKey::from(&StaticSecret::from([3; 32]));
    let line = reachable("n1").replace(&base64(&PublicKey::from(&secret("n1"))), &base64(&key));
    assert_ne!(line, reachable("n1"));
    b.install(
        now,
        "n2",
        &fabric(&[line, reachable("n2"), reachable("n3")]),
    );
    b.open(now, a.at, &datagram);
    check_drop(&mut b, DropReason::WgAuth);
    assert_eq!(b.lanes.status().count(), 0);
}

fn base64(key: &PublicKey) -> String {
    use ::base64::Engine as _;
    ::base64::prelude::BASE64_STANDARD.encode(key.as_bytes())
}

#[test]
fn a_reload_that_keeps_the_node_keeps_its_lanes() {
    let (now, mut a, mut b) = workers();
    let more = fabric(&[reachable("n0"), reachable("n1"), reachable("n2")]);
    a.install(now, "n1", &more);
    assert!(takes(&a, "n2"));
    assert!(carries(now, &mut a, &mut b, "n1", "n2"));
    assert!(carries(now, &mut b, &mut a, "n2", "n1"));
}

#[test]
fn a_peer_that_has_no_such_lane_any_more_gets_its_frames_by_the_first() {
    let (now, mut a, _) = workers();
    a.seal(now, "n2", &packet(1, 100)).unwrap();
    tell(now, &mut a, "n1", "n2", None);
    assert!(!takes(&a, "n2"));
    assert_eq!(a.wire.take().len(), 1, "what was sealed still goes out");
}

#[test]
fn a_lane_is_left_when_nobody_answers_and_used_again_when_somebody_does() {
    let (now, mut a, mut b) = workers();
    for quarter in 0..=13 {
        let now = now + Duration::from_millis(250 * quarter);
        a.seal(now, "n2", &packet(1, 100)).unwrap();
        a.flush();
        a.tick(now);
        a.wire.take();
        assert_eq!(takes(&a, "n2"), quarter < 12, "quarter {quarter}");
    }
    let later = now + Duration::from_secs(6);
    a.tick(later);
    settle(later, &mut [&mut a, &mut b]);
    assert!(takes(&a, "n2"));
    assert!(carries(later, &mut a, &mut b, "n1", "n2"));
}

#[test]
fn who_only_listens_lets_the_other_end_know() {
    let (start, mut a, mut b) = workers();
    let handshakes = a.status("n2").handshakes;
    for quarter in 0..80 {
        let now = start + Duration::from_millis(250 * quarter);
        assert!(
            carries(now, &mut a, &mut b, "n1", "n2"),
            "quarter {quarter}"
        );
        a.tick(now);
        b.tick(now);
        settle(now, &mut [&mut a, &mut b]);
        assert!(takes(&a, "n2"), "quarter {quarter}");
    }
    assert_eq!(a.status("n2").handshakes, handshakes);
    assert!(a.packets.is_empty());
}

#[test]
fn a_peer_that_has_started_anew_is_not_sealed_for_until_it_answers() {
    let (now, mut a, b) = workers();
    let mut b = worker("n2", 1, &b.fabric);
    tell(now, &mut b, "n2", "n1", Some(truth("n1", 1)));
    let anew = Told {
        boot: 2,
        ..truth("n2", 1)
    };
    tell(now, &mut a, "n1", "n2", Some(anew));
    assert!(!takes(&a, "n2"));
    let later = now + Duration::from_secs(1);
    a.tick(later);
    settle(later, &mut [&mut a, &mut b]);
    assert!(takes(&a, "n2") && takes(&b, "n1"));
    assert!(carries(later, &mut a, &mut b, "n1", "n2"));
}

#[test]
fn a_lane_follows_its_peer_like_the_first() {
    let (now, mut a, mut b) = workers();
    b.at = "198.51.100.7:7".parse().unwrap();
    assert!(carries(now, &mut b, &mut a, "n2", "n1"));
    assert_eq!(a.status("n2").endpoint, Some(b.at));
    // Told the same again, as every second.
    tell(now, &mut a, "n1", "n2", Some(truth("n2", 1)));
    assert_eq!(a.status("n2").endpoint, Some(b.at));
    let elsewhere = Told {
        endpoint: "203.0.113.9:9".parse().unwrap(),
        ..truth("n2", 1)
    };
    tell(now, &mut a, "n1", "n2", Some(elsewhere));
    assert_eq!(a.status("n2").endpoint, Some(elsewhere.endpoint));
}
