//! How much a port may send, and how often it is multiplied (D17, D18).

use std::time::Duration;

use skerry_overlay::{DropReason, Frame, PortCounters};
use skerry_policy::Mac;

use crate::world::frames::{BROADCAST, MULTICAST, UNKNOWN, ip, mac, tcp4, udp, udp_as, udp4};
use crate::world::{World, guarded, open};

/// Sends `frame` so often a second for so many seconds; what the sender's counters say of it.
fn send_for(world: &mut World, port: &str, frame: &[u8], rate: u32, seconds: u32) -> PortCounters {
    let step = Duration::from_secs(1) / rate;
    for _ in 0..rate * seconds {
        world.now = world.now + step;
        let (node, local) = world.place(port);
        let node = &mut world.nodes[node];
        let frame = Frame::plain(frame);
        node.forwarder
            .handle_frame(world.now, local, frame, &mut node.recorder);
    }
    world.settle();
    world.check_balance();
    world.port_counters(port)
}

fn drops(counters: &PortCounters) -> Vec<(&'static str, u64)> {
    let drops = counters.ingress_drops.iter();
    drops.map(|(reason, n)| (reason.name(), n)).collect()
}

fn to(from: &str, destination: Mac) -> Vec<u8> {
    udp_as(
        mac(from),
        ip(from),
        destination,
        [192, 0, 2, 1].into(),
        b"storm",
    )
}

#[test]
fn d17_every_class_has_its_limit() {
    for (destination, rate, burst, reason) in [
        (BROADCAST, 200, 31, "storm_bcast"),
        (MULTICAST, 200, 31, "storm_mcast"),
        (UNKNOWN, 100, 31, "storm_unknown"),
    ] {
        let mut world = World::new(&guarded());
        let frame = to("n1/b-w1", destination);
        let counters = send_for(&mut world, "n1/b-w1", &frame, 2_000, 3);
        let passed = 3 * rate + burst;
        assert_eq!(drops(&counters), [(reason, 6_000 - passed)]);
        assert_eq!(counters.delivered, passed);
        let received = world.received();
        let at = |port: &str| received.iter().filter(|(name, _)| name == port).count();
        assert_eq!(at("n2/b-w2") as u64, passed, "as many at another node");
        assert_eq!(at("n1/b-i1"), 0);
    }
}

#[test]
fn a_superframe_that_is_more_than_a_bucket_holds_passes_at_the_rate() {
    let mut world = World::new(&guarded());
    // A hundred a second, 32 of them at once.
    let datagrams = udp_as(
        mac("n1/b-w1"),
        ip("n1/b-w1"),
        UNKNOWN,
        [192, 0, 2, 1].into(),
        &[7; 5_000],
    );
    let superframe = Frame {
        bytes: &datagrams,
        offload: udp4(100),
    };
    for _ in 0..100 {
        world.now = world.now + Duration::from_millis(100);
        world.send_frame("n1/b-w1", superframe);
    }
    let counters = world.port_counters("n1/b-w1");
    assert!(
        (1_000..=1_000 + 31 + 50).contains(&counters.delivered),
        "{counters:?}"
    );
    let lost = 5_000 - counters.delivered;
    assert_eq!(drops(&counters), [("storm_unknown", lost)]);
}

#[test]
fn a_superframe_of_thousands_is_no_way_around_the_limit() {
    let mut world = World::new(&guarded());
    let builder = etherparse::PacketBuilder::ethernet2(mac("n1/b-w1").0, UNKNOWN.0)
        .ipv4(ip("n1/b-w1").octets(), [192, 0, 2, 1], 64)
        .tcp(1, 2, 3, 4)
        .ack(5);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, &[7; 8 * 129]).unwrap();
    world.now = world.now + Duration::from_secs(9);
    let superframe = Frame {
        bytes: &bytes,
        offload: tcp4(8),
    };
    world.send_frame("n1/b-w1", superframe);
    let counters = world.port_counters("n1/b-w1");
    assert_eq!(drops(&counters), [("storm_unknown", 129)]);
}

#[test]
fn what_has_one_receiver_is_no_storm() {
    let mut world = World::new(&guarded());
    world.send("n1/b-gw", &to("n1/b-gw", BROADCAST));
    let counters = send_for(
        &mut world,
        "n1/b-i1",
        &to("n1/b-i1", mac("n1/b-gw")),
        5_000,
        1,
    );
    assert_eq!((counters.delivered, drops(&counters)), (5_000, Vec::new()));
}

#[test]
fn answers_of_the_fabric_are_no_way_around_the_limit() {
    let mut world = World::new(&guarded());
    world.send("n1/b-gw", &to("n1/b-gw", BROADCAST));
    let question = crate::world::frames::who_has("n1/b-i1", ip("n1/b-gw"));
    let counters = send_for(&mut world, "n1/b-i1", &question, 1_000, 1);
    assert_eq!(
        (counters.answered, drops(&counters)),
        (231, vec![("storm_bcast", 769)])
    );
}

#[test]
fn d18_a_rate_holds_for_everything() {
    let site = guarded().replace(
        "b-i1 = { as = \"blue.isolated\",",
        "b-i1 = { as = \"blue.isolated\", rate = \"10Mbit\",",
    );
    let mut world = World::new(&site);
    world.send("n1/b-gw", &to("n1/b-gw", BROADCAST));
    let frame = udp(
        "n1/b-i1",
        mac("n1/b-gw"),
        [192, 0, 2, 1].into(),
        &[0; 1_208],
    );
    assert_eq!(frame.len(), 1_250, "ten kilobits");
    let counters = send_for(&mut world, "n1/b-i1", &frame, 4_000, 2);
    // Ten megabits are a thousand frames a second; fifty milliseconds of them come at once.
    assert_eq!(counters.delivered, 2_050);
    assert_eq!(drops(&counters), [("rate", 8_000 - 2_050)]);
}

#[test]
fn unknown_addresses_may_be_no_bodys() {
    let site = guarded().replace(
        "b-w1 = { as = \"blue.web\",",
        "b-w1 = { as = \"blue.web\", storm = { unknown = 0 },",
    );
    let mut world = World::new(&site);
    let frame = to("n1/b-w1", UNKNOWN);
    assert_eq!(world.refused("n1/b-w1", &frame), "unknown_drop");
}

#[test]
fn a_private_vlan_is_no_amplifier() {
    let site = open().replacen("copies    = \"off\"", "copies    = 1000", 1);
    let mut world = World::new(&site);
    let broadcast = to("n1/b-gw", BROADCAST);
    // Three at this node, and one to each of three others.
    let counters = send_for(&mut world, "n1/b-gw", &broadcast, 10_000, 2);
    let copies = counters.delivered * 7;
    assert!(
        (1_900..2_200).contains(&copies),
        "{copies} copies in two seconds"
    );
    assert_eq!(
        drops(&counters),
        [("storm_bcast", 20_000 - counters.delivered)]
    );
    let red = world.receivers("n2/r-gw", &to("n2/r-gw", BROADCAST));
    assert_eq!(red.len(), 4, "another private VLAN has its own");
}

#[test]
fn a_node_uses_up_no_copies_of_others() {
    let limited = open().replacen("copies    = \"off\"", "copies    = 1000", 1);
    let mut world = World::new(&limited);
    let flood = to("n1/b-w1", BROADCAST);
    world.send("n1/b-w1", &flood);
    // A node that keeps to no limit of its own.
    world.install(&open(), |name| name == "n1");
    for _ in 0..5_000 {
        let (node, local) = world.place("n1/b-w1");
        let node = &mut world.nodes[node];
        let frame = Frame::plain(&flood);
        node.forwarder
            .handle_frame(world.now, local, frame, &mut node.recorder);
    }
    world.settle();
    let peer = &world.counters(1).peers[world.nodes[0].id.index()];
    let passed = peer.delivered;
    assert!(
        (50..=101).contains(&passed),
        "{passed}: a tenth of a second's"
    );
    assert_eq!(peer.drops.get(DropReason::StormBcast), 5_001 - passed);
    let receivers = world.receivers("n2/b-w2", &to("n2/b-w2", BROADCAST));
    assert!(receivers.contains(&"n3/b-p2".to_owned()), "{receivers:?}");
}

#[test]
fn a_reload_fills_no_bucket() {
    let mut world = World::new(&guarded());
    let frame = to("n1/b-w1", BROADCAST);
    let first = send_for(&mut world, "n1/b-w1", &frame, 1_000, 1).delivered;
    for edition in 0..10 {
        world.install(&format!("{}\n# {edition}\n", guarded()), |_| true);
        send_for(&mut world, "n1/b-w1", &frame, 100, 1);
    }
    let after = world.port_counters("n1/b-w1").delivered - first;
    assert_eq!(after, 1_000, "100 a second are below the limit");
    let site = format!("{}\n# once more\n", guarded());
    let before = send_for(&mut world, "n1/b-w1", &frame, 10_000, 1).delivered;
    world.install(&site, |_| true);
    let passed = send_for(&mut world, "n1/b-w1", &frame, 10_000, 1).delivered - before;
    assert_eq!(passed, 200, "and no burst again");
}
