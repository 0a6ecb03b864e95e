//! Questions for an address on the other side, which the fabric answers itself.

use skerry_policy::Mac;

use super::is_red;
use super::site::{
    DNS, GROUP, Guest, PEERINGS, Said, UP, WEB, guest, introduced, solicits, via, who_has, with,
};
use crate::world::frames::{BROADCAST, REQUEST, arp, ip, ip6};
use crate::world::{World, guarded};

fn t2() -> World {
    introduced(&with(&guarded(), PEERINGS))
}

/// The MAC address that the asker was told, if it was told one.
#[track_caller]
fn told(world: &mut World, from: Guest, question: &[u8]) -> Option<Mac> {
    let received = world.try_frame(from.port, &from.tagged(question));
    assert!(
        received.iter().all(|(port, copy)| port == from.port
            || is_red(port, copy) == is_red(from.port, &from.tagged(question))),
        "nobody of the other side hears the question: {received:?}"
    );
    let mut answers = received.iter().filter(|(port, _)| port == from.port);
    let (_, answer) = answers.next()?;
    assert_eq!(answer[..6], from.mac.0);
    let at = if from.tag.is_some() { 18 } else { 14 };
    let said = if answer[at - 2..at] == [8, 6] {
        &answer[at + 8..at + 14]
    } else {
        assert_eq!(answer[at + 40], 136, "an advertisement");
        assert_eq!(answer[at + 44] & 0x80, 0, "not of a router");
        &answer[at + 66..at + 72]
    };
    assert_eq!(said, &answer[6..12], "said of the sender itself");
    Some(Mac(said.try_into().unwrap()))
}

#[test]
fn an_end_is_told_the_peerings_address_for_its_opposite_ends() {
    let mut world = t2();
    let (w1, near, far) = (guest("n1/b-w1"), guest("n1/r-i1"), guest("n1/b-d1"));
    for (from, to, vni) in [
        (w1, UP, DNS),
        (UP, w1, DNS),
        (near, far, WEB),
        (far, near, WEB),
    ] {
        for (four, six) in [(BROADCAST, GROUP), (via(vni), via(vni))] {
            let answer = told(&mut world, from, &who_has(from, four, to.ip));
            assert_eq!(answer, Some(via(vni)), "{} asks for {}", from.port, to.ip);
            let answer = told(&mut world, from, &solicits(from, six, to.ip6));
            assert_eq!(answer, Some(via(vni)), "{} asks for {}", from.port, to.ip6);
        }
    }
    assert_eq!(world.carried.len(), 0, "no question leaves its node");
}

#[test]
fn nobody_else_is_told_anything() {
    let mut world = t2();
    let w1 = guest("n1/b-w1");
    let strangers = [guest("n2/b-w2"), guest("n1/b-i1"), guest("n1/b-gw")];
    for from in strangers {
        assert_eq!(
            told(&mut world, from, &who_has(from, BROADCAST, UP.ip)),
            None
        );
        assert_eq!(told(&mut world, from, &solicits(from, GROUP, UP.ip6)), None);
    }
    for target in ["n2/r-gw", "n1/r-i1", "n3/r-i2"] {
        assert_eq!(
            told(&mut world, w1, &who_has(w1, BROADCAST, ip(target))),
            None
        );
        assert_eq!(
            told(&mut world, w1, &solicits(w1, GROUP, ip6(target))),
            None
        );
    }
    let unicast = who_has(w1, via(DNS), ip("n3/r-i2"));
    assert_eq!(world.refused(w1.port, &unicast), "peering_deny");
    let elsewhere = who_has(w1, guest("n1/b-gw").mac, UP.ip);
    assert_eq!(told(&mut world, w1, &elsewhere), None, "asks the gateway");
}

#[test]
fn whether_an_address_is_free_is_each_sides_own_business() {
    let mut world = t2();
    let w1 = guest("n1/b-w1");
    let probe = arp(w1.mac, BROADCAST, REQUEST, (w1.mac, [0; 4].into()), UP.ip);
    assert_eq!(told(&mut world, w1, &probe), None);
}

#[test]
fn the_macs_of_one_side_are_never_seen_on_the_other() {
    let mut world = t2();
    let w1 = guest("n1/b-w1");
    world.forget();
    for (from, to, said) in [(w1, UP, Said::Udp(4000, 53)), (UP, w1, Said::Udp(53, 4000))] {
        for frame in [
            who_has(from, BROADCAST, to.ip),
            solicits(from, GROUP, to.ip6),
            from.says(via(DNS), to.ip.into(), said),
            from.says(via(DNS), to.ip6.into(), said),
        ] {
            world.send(from.port, &from.tagged(&frame));
        }
    }
    let received = world.received();
    assert_eq!(received.len(), 8, "four answers and four packets");
    for (port, frame) in received {
        let foreign = if is_red(&port, &frame) {
            w1.mac
        } else {
            UP.mac
        };
        let seen = frame.windows(6).any(|bytes| bytes == foreign.0);
        assert!(!seen, "{port} saw {foreign}: {frame:02x?}");
    }
}
