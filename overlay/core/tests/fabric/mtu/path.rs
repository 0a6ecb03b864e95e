//! Paths between nodes that carry less than the fabric's MTU: what is sent into them, what is not,
//! and who hears of it.

use skerry_overlay::{DropReason, Frame, PeerCounters};
use skerry_policy::NodeId;

use super::clamp::{between, sizes};
use super::too_big::{long, read, superframe};
use super::*;
use crate::edges::Second;
use crate::world::{guarded, open};

pub(crate) const NARROW: u16 = 1170;
const EVERYBODY: [&str; 6] = [
    "n1/b-gw", "n1/b-i1", "n1/b-w1", "n2/b-w2", "n3/b-p2", "n4/b-i5",
];
pub(super) const HOST: &str = "n1/b-i1";
/// On n3.
pub(super) const ROUTER: &str = "n3/b-p2";

/// The path from n1 to n3 carries so much.
pub(super) fn world(mtu: u16) -> World {
    let mut world = known(World::new(&guarded()), &EVERYBODY);
    narrow(&mut world, "n1", "n3", mtu);
    world
}

pub(super) fn id(world: &World, name: &str) -> NodeId {
    let mut nodes = world.nodes.iter();
    nodes.find(|it| it.name == name).expect("a node").id
}

pub(crate) fn narrow(world: &mut World, from: &str, to: &str, mtu: u16) {
    let to = id(world, to);
    let mut nodes = world.nodes.iter_mut();
    let node = nodes.find(|it| it.name == from).expect("a node");
    node.forwarder.set_path(to, mtu);
}

/// What n1 counts of a peer.
fn peer(world: &World, name: &str) -> PeerCounters {
    world.counters(0).peers[id(world, name).index()].clone()
}

/// A packet of so many bytes between two guests; IPv4 with DF.
pub(super) fn sized(from: &str, to: &str, six: bool, length: u16) -> Vec<u8> {
    let end = |port: &str| -> (Mac, std::net::IpAddr) {
        let ip = if six {
            ip6(port).into()
        } else {
            ip(port).into()
        };
        (mac(port), ip)
    };
    long(end(from), end(to), length.into())
}

/// A frame that its path does not carry: dropped once, at the peer, and answered if it says so.
#[track_caller]
pub(crate) fn too_long(world: &mut World, from: &str, frame: &[u8], mtu: Option<u16>) {
    let (port, before) = (world.port_counters(from), peer(world, "n3"));
    let received = world.try_frame(from, frame);
    assert_eq!(world.carried.len(), 0, "nothing leaves the node");
    match mtu {
        None => assert_eq!(received, []),
        Some(mtu) => {
            let [(to, answer)] = &received[..] else {
                panic!("one answer, not {received:02x?}")
            };
            let (told, quote) = read(answer, frame).unwrap_or_else(|| panic!("{answer:02x?}"));
            assert_eq!((to.as_str(), told), (from, u32::from(mtu)));
            assert!(frame[14..].starts_with(&quote));
        }
    }
    let after = peer(world, "n3");
    let dropped = |it: &PeerCounters| it.egress_drops.get(DropReason::EgressMtu);
    assert_eq!(dropped(&after), dropped(&before) + 1);
    assert_eq!(after.copies_out, before.copies_out + 1);
    assert_eq!(after.frames_out, before.frames_out);
    let now = world.port_counters(from);
    assert_eq!(now.delivered, port.delivered + 1, "a copy was due");
    assert_eq!(now.ingress_drops, port.ingress_drops);
    assert_eq!(now.sent, port.sent + u64::from(mtu.is_some()));
}

#[test]
fn whoever_sends_more_than_the_path_carries_is_told_what_it_carries() {
    let mut world = world(NARROW);
    for length in [NARROW + 1, MTU] {
        let frame = sized(HOST, ROUTER, false, length);
        too_long(&mut world, HOST, &frame, Some(NARROW));
    }
    for length in [576, NARROW] {
        let frame = sized(HOST, ROUTER, false, length);
        assert_eq!(world.receivers(HOST, &frame), [ROUTER]);
    }
    // The others are as far away as before, and so is everybody from n3.
    for (from, to) in [("n1/b-w1", "n2/b-w2"), (HOST, "n1/b-gw"), (ROUTER, HOST)] {
        let frame = sized(from, to, false, MTU);
        assert_eq!(world.receivers(from, &frame), [to]);
    }
    narrow(&mut world, "n1", "n3", MTU);
    let frame = sized(HOST, ROUTER, false, MTU);
    assert_eq!(world.receivers(HOST, &frame), [ROUTER], "wide again");
}

#[test]
fn over_ipv6_nobody_is_told_of_less_than_its_least() {
    let mut wider = world(1300);
    let frame = sized(HOST, ROUTER, true, 1301);
    too_long(&mut wider, HOST, &frame, Some(1300));
    let mut world = world(NARROW);
    for length in [1280, NARROW + 1] {
        let frame = sized(HOST, ROUTER, true, length);
        too_long(&mut world, HOST, &frame, None);
    }
}

#[test]
fn what_cannot_be_answered_is_dropped_all_the_same() {
    let mut world = world(NARROW);
    let mut may_be_cut = sized(HOST, ROUTER, false, MTU);
    may_be_cut[20] = 0;
    too_long(&mut world, HOST, &may_be_cut, None);
    let mut error = sized(HOST, ROUTER, false, MTU);
    (error[23], error[34]) = (1, 3);
    too_long(&mut world, HOST, &error, None);
    // A packet that fits in a frame that does not.
    let padded = [&sized(HOST, ROUTER, false, NARROW)[..], &[0; 9]].concat();
    too_long(&mut world, HOST, &padded, None);
}

#[test]
fn the_source_guards_come_first() {
    let mut world = world(NARROW);
    let ends = (
        (mac(HOST), ip("n1/b-i2").into()),
        (mac(ROUTER), ip(ROUTER).into()),
    );
    let frame = long(ends.0, ends.1, MTU.into());
    assert_eq!(world.refused(HOST, &frame), "ip_spoof");
    let frame = sized(HOST, "n4/b-i5", false, MTU);
    assert_eq!(world.refused(HOST, &frame), "pvlan_deny");
}

#[test]
fn a_flood_leaves_out_the_path_that_does_not_carry_it() {
    let mut world = world(NARROW);
    let gateway = "n1/b-gw";
    let to_all = |length: u16| {
        let payload = vec![7; usize::from(length) - 28];
        let all = [255; 4].into();
        udp_as(mac(gateway), ip(gateway), BROADCAST, all, &payload)
    };
    let all = world.receivers(gateway, &to_all(NARROW));
    assert!(all.iter().any(|to| to.starts_with("n3/")), "{all:?}");
    let before = peer(&world, "n3");
    let others = world.receivers(gateway, &to_all(NARROW + 1));
    let rest: Vec<_> = all
        .into_iter()
        .filter(|to| !to.starts_with("n3/"))
        .collect();
    assert_eq!(others, rest);
    let after = peer(&world, "n3");
    assert_eq!(after.egress_drops.get(DropReason::EgressMtu), 1);
    assert_eq!(after.copies_out, before.copies_out + 1);
}

#[test]
fn a_superframe_counts_its_pieces_and_is_answered_once() {
    let mut world = world(NARROW);
    // 40 bytes of headers in front of each piece.
    let (bytes, offload) = superframe(ROUTER, NARROW - 40);
    let bytes = &bytes[..];
    world.send_frame(HOST, Frame { bytes, offload });
    assert_eq!(world.received().len(), 5, "its pieces fit");
    let before = peer(&world, "n3");
    let (bytes, offload) = superframe(ROUTER, 1_350);
    let bytes = &bytes[..];
    world.forget();
    world.send_frame(HOST, Frame { bytes, offload });
    let received = world.received();
    let [(to, answer)] = &received[..] else {
        panic!("{received:02x?}")
    };
    assert_eq!(to, HOST);
    assert_eq!(read(answer, bytes).expect("an answer").0, NARROW.into());
    let after = peer(&world, "n3");
    assert_eq!(after.egress_drops.get(DropReason::EgressMtu), 4);
    assert_eq!(after.copies_out, before.copies_out + 4);
    assert_eq!(after.frames_out, before.frames_out);
}

#[test]
fn a_connection_opens_with_what_the_path_carries_whichever_end_knows() {
    for (knows, other) in [("n1", "n3"), ("n3", "n1")] {
        let mut world = known(World::new(&guarded()), &EVERYBODY);
        narrow(&mut world, knows, other, NARROW);
        for (six, limit) in [(false, NARROW - 40), (true, NARROW - 60)] {
            for (from, to) in [(HOST, ROUTER), (ROUTER, HOST)] {
                for accepts in [false, true] {
                    let frame = between(from, to, six, accepts, 1460);
                    let received = world.try_frame(from, &frame);
                    assert_eq!(sizes(&received), [(to, limit)]);
                    assert_eq!(received[0].1, between(from, to, six, accepts, limit));
                }
            }
        }
        // Nobody else.
        for (from, to) in [("n1/b-w1", "n2/b-w2"), (HOST, "n1/b-gw")] {
            let received = world.try_frame(from, &between(from, to, false, false, 1460));
            assert_eq!(sizes(&received), [(to, 1350)]);
        }
    }
}

#[test]
fn a_trunk_is_told_under_its_tag() {
    let trunk = "[port.n3]\nup0 = { trunk = { 10 = \"blue.promiscuous\" } }\n";
    let mut world = World::new(&open().replace("[port.n3]\n", trunk));
    let up = Mac([2, 0x77, 0, 0, 0, 1]);
    let hello = udp_as(up, [192, 0, 2, 1].into(), BROADCAST, [255; 4].into(), b"up");
    world.send("n3/up0", &tagged(&hello, 10));
    let world = &mut known(world, &[HOST]);
    narrow(world, "n3", "n1", NARROW);
    let far: std::net::IpAddr = [192, 0, 2, 1].into();
    let frame = long((up, far), (mac(HOST), ip(HOST).into()), MTU.into());
    let received = world.try_frame("n3/up0", &tagged(&frame, 10));
    let [(to, answer)] = &received[..] else {
        panic!("{received:02x?}")
    };
    assert_eq!(
        (to.as_str(), &answer[12..16]),
        ("n3/up0", &[0x81, 0, 0, 10][..])
    );
    let bare = [&answer[..12], &answer[16..]].concat();
    assert_eq!(read(&bare, &frame).expect("an answer").0, NARROW.into());
}

#[test]
fn a_worker_without_tunnels_answers_its_ports_itself() {
    let world = world(NARROW);
    let mut second = Second::beside(&world);
    let n3 = id(&world, "n3");
    second.forwarder.set_path(n3, NARROW);
    let (_, local) = world.place(HOST);
    let now = world.now;
    // It knows where the router is as it would be told.
    let entry = world.nodes[0]
        .forwarder
        .fdb(now)
        .find(|it| it.mac == mac(ROUTER));
    let entry = entry.expect("the router");
    second.forwarder.apply_claim(
        now,
        &skerry_overlay::Claim {
            generation: 1,
            pvlan: entry.pvlan,
            segment: entry.segment,
            mac: entry.mac,
            place: entry.place,
            strength: entry.strength,
            what: skerry_overlay::Change::Here(now),
        },
        &mut second.recorder,
    );
    let mut send = |frame: &[u8]| {
        let recorder = &mut second.recorder;
        let frame = Frame::plain(frame);
        second.forwarder.handle_frame(now, local, frame, recorder);
        let handed = recorder.handed.drain(..).count();
        (recorder.delivered.drain(..).collect::<Vec<_>>(), handed)
    };
    let fits = sized(HOST, ROUTER, false, NARROW);
    assert_eq!(send(&fits), (vec![], 1));
    let frame = sized(HOST, ROUTER, false, MTU);
    let (answers, handed) = send(&frame);
    assert_eq!((answers.len(), handed), (1, 0));
    assert_eq!(answers[0].0, local);
    assert_eq!(
        read(&answers[0].1, &frame).expect("an answer").0,
        NARROW.into()
    );
    let counters = &second.forwarder.counters().peers[n3.index()];
    assert_eq!(counters.egress_drops.get(DropReason::EgressMtu), 1);
    assert!(counters.balanced());
}

#[test]
fn a_reload_keeps_a_narrow_path_to_whoever_is_still_there() {
    let with = |mtu: u16| {
        let version = format!("version = 1\n[defaults]\nmtu = {mtu}\n");
        guarded().replacen("version = 1\n", &version, 1)
    };
    let mut world = known(World::new(&with(MTU)), &EVERYBODY);
    narrow(&mut world, "n1", "n3", NARROW);
    let frame = sized(HOST, ROUTER, false, MTU);
    world.install(&format!("{}\n# again\n", with(MTU)), |_| true);
    too_long(&mut world, HOST, &frame, Some(NARROW));
    // Another MTU for all: the path is what it is, the others are as wide as that.
    world.install(&with(1400), |_| true);
    too_long(&mut world, HOST, &frame, Some(NARROW));
    let wide = sized("n1/b-w1", "n2/b-w2", false, 1400);
    assert_eq!(world.receivers("n1/b-w1", &wide), ["n2/b-w2"]);
    // One that every path carries, and back: nobody says any more that it is narrow.
    world.install(&with(1280), |_| true);
    too_long(
        &mut world,
        HOST,
        &sized(HOST, ROUTER, false, 1280),
        Some(NARROW),
    );
    narrow(&mut world, "n1", "n3", 1280);
    world.install(&with(MTU), |_| true);
    assert_eq!(world.receivers(HOST, &frame), [ROUTER]);
    // Somebody else under the same name.
    narrow(&mut world, "n1", "n3", NARROW);
    let other = with(MTU).replace(&crate::world::public(3), &crate::world::public(9));
    world.install(&other, |name| name == "n1");
    world.forget();
    world.send(HOST, &frame);
    let dropped = peer(&world, "n3").egress_drops;
    assert_eq!(dropped.get(DropReason::EgressMtu), 0, "{dropped:?}");
}
