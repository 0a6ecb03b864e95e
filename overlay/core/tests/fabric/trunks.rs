//! Topology T2: trunks, whose tags are the only thing that tells their segments apart.

use crate::world::frames::{BROADCAST, mac, plain};
use crate::world::{World, open};

const UP: &str = "n3/up0";
const DOWN: &str = "n3/dn0";

fn t2() -> World {
    let trunks = "[port.n3]\n\
        up0 = { trunk = { 10 = \"blue.promiscuous\", 20 = \"red.promiscuous\" } }\n\
        dn0 = { trunk = { 30 = \"blue.isolated\" } }\n";
    World::new(&open().replace("[port.n3]\n", trunks))
}

fn tagged(frame: &[u8], vid: u16) -> Vec<u8> {
    let [high, low] = vid.to_be_bytes();
    [&frame[..12], &[0x81, 0x00, high, low], &frame[12..]].concat()
}

/// Who got the frame, and under which tag.
fn heard(world: &mut World, from: &str, bytes: &[u8]) -> Vec<(String, Option<u16>)> {
    let received = world.try_frame(from, bytes).into_iter();
    let tag = |copy: &[u8]| {
        (copy[12..14] == [0x81, 0x00]).then(|| u16::from_be_bytes([copy[14], copy[15]]))
    };
    received.map(|(name, copy)| (name, tag(&copy))).collect()
}

fn frame(last: u8) -> Vec<u8> {
    plain(
        skerry_policy::Mac([2, 0x77, 0, 0, 0, last]),
        BROADCAST,
        "trunk",
    )
}

#[test]
fn c05_a_promiscuous_trunk_speaks_for_the_segment_of_its_tag() {
    let mut world = t2();
    let blue = [
        "n1/b-d1", "n1/b-gw", "n1/b-i1", "n1/b-i2", "n1/b-w1", "n2/b-d2", "n2/b-i3", "n2/b-w2",
        "n3/b-i4", "n3/b-p2", "n3/dn0", "n4/b-i5",
    ];
    let expect: Vec<_> = blue
        .map(|name| (name.to_owned(), (name == DOWN).then_some(30)))
        .into_iter()
        .collect();
    assert_eq!(heard(&mut world, UP, &tagged(&frame(1), 10)), expect);
    assert_eq!(world.refused(UP, &tagged(&frame(1), 30)), "vlan_unmapped");
    assert_eq!(world.refused(UP, &frame(1)), "vlan_untagged");
}

#[test]
fn c07_an_isolated_trunk_reaches_the_promiscuous_and_never_itself() {
    let mut world = t2();
    let expect = [("n1/b-gw", None), ("n3/b-p2", None), (UP, Some(10))];
    let heard = heard(&mut world, DOWN, &tagged(&frame(2), 30));
    assert_eq!(heard, expect.map(|(name, tag)| (name.to_owned(), tag)));
}

#[test]
fn every_private_vlan_leaves_a_trunk_under_its_own_tag() {
    let mut world = t2();
    for (from, tag) in [
        ("n1/b-i1", 10),
        ("n2/b-w2", 10),
        ("n1/r-i1", 20),
        ("n2/r-l1", 20),
    ] {
        let heard = heard(&mut world, from, &plain(mac(from), BROADCAST, from));
        let up: Vec<_> = heard.iter().filter(|(name, _)| name == UP).collect();
        assert_eq!(up, [&(UP.to_owned(), Some(tag))], "{from}");
    }
    let gateway = heard(
        &mut world,
        "n1/b-gw",
        &plain(mac("n1/b-gw"), BROADCAST, "all"),
    );
    assert!(
        gateway.contains(&(DOWN.to_owned(), Some(30))),
        "{gateway:?}"
    );
    assert!(gateway.contains(&(UP.to_owned(), Some(10))), "{gateway:?}");
}
