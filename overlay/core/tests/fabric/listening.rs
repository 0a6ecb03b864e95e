//! Multicast: who hears a group, and whom a report reaches (group G of the matrix).

use std::net::Ipv4Addr;
use std::time::Duration;

use skerry_policy::Mac;

use crate::world::frames::{ip, ipv4, ipv6, mac, udp_as};
use crate::world::{World, guarded};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);
const GROUP_MAC: Mac = Mac([0x01, 0x00, 0x5e, 1, 1, 1]);
const ALL_SYSTEMS: (Mac, Ipv4Addr) = (
    Mac([0x01, 0x00, 0x5e, 0, 0, 1]),
    Ipv4Addr::new(224, 0, 0, 1),
);
const ALL_ROUTERS: (Mac, Ipv4Addr) = (
    Mac([0x01, 0x00, 0x5e, 0, 0, 22]),
    Ipv4Addr::new(224, 0, 0, 22),
);
/// The tests' routers wait a tenth of a second for answers.
const ANSWERED: Duration = Duration::from_millis(100);
const JOIN: u8 = 4;
const LEAVE: u8 = 3;

fn query(from: &str) -> Vec<u8> {
    ipv4(
        from,
        ALL_SYSTEMS,
        2,
        0,
        &[0x11, 1, 0, 0, 0, 0, 0, 0, 2, 125, 0, 0],
    )
}

fn report(from: &str, kind: u8, groups: &[Ipv4Addr]) -> Vec<u8> {
    let mut message = vec![0x22, 0, 0, 0, 0, 0, 0, u8::try_from(groups.len()).unwrap()];
    for group in groups {
        message.extend([kind, 0, 0, 0]);
        message.extend(group.octets());
    }
    ipv4(from, ALL_ROUTERS, 2, 0, &message)
}

fn data(from: &str) -> Vec<u8> {
    udp_as(mac(from), ip(from), GROUP_MAC, GROUP, b"stream")
}

/// A fabric in which b-p2 asks and some listen.
fn asked(listeners: &[&str]) -> World {
    let mut world = World::new(&guarded());
    world.send("n3/b-p2", &query("n3/b-p2"));
    for port in listeners {
        world.send(port, &report(port, JOIN, &[GROUP]));
    }
    world.advance(ANSWERED);
    world
}

#[test]
fn g01_link_local_groups_reach_everyone_who_accepts() {
    let mut world = asked(&[]);
    let mdns = Mac([0x01, 0x00, 0x5e, 0, 0, 0xfb]);
    let host = "n1/b-i1";
    let frame = udp_as(mac(host), ip(host), mdns, [224, 0, 0, 251].into(), b"mdns");
    assert_eq!(world.receivers(host, &frame), ["n1/b-gw", "n3/b-p2"]);
    let six = (
        Mac([0x33, 0x33, 0, 0, 0, 0xfb]),
        "ff02::fb".parse().unwrap(),
    );
    let frame = ipv6(host, six, 17, 1, &[20, 233, 20, 233, 0, 8, 0, 0]);
    assert_eq!(world.receivers(host, &frame), ["n1/b-gw", "n3/b-p2"]);
}

#[test]
fn g02_a_group_reaches_its_listeners_and_whoever_asks() {
    let mut world = asked(&["n1/b-i1", "n2/b-w2"]);
    let receivers = world.receivers("n1/b-gw", &data("n1/b-gw"));
    assert_eq!(receivers, ["n1/b-i1", "n2/b-w2", "n3/b-p2"]);
}

#[test]
fn a_group_never_reaches_beyond_what_the_segment_may() {
    let mut world = asked(&["n1/b-i1", "n2/b-w2", "n1/b-d1", "n2/b-i3"]);
    let receivers = world.receivers("n1/b-w1", &data("n1/b-w1"));
    assert_eq!(receivers, ["n2/b-w2", "n3/b-p2"]);
    let receivers = world.receivers("n1/b-i2", &data("n1/b-i2"));
    assert_eq!(receivers, ["n3/b-p2"]);
}

#[test]
fn without_anybody_who_asks_a_group_reaches_all() {
    let mut world = World::new(&guarded());
    assert_eq!(world.receivers("n1/b-gw", &data("n1/b-gw")).len(), 10);
    world.send("n3/b-p2", &query("n3/b-p2"));
    let receivers = world.receivers("n1/b-gw", &data("n1/b-gw"));
    assert_eq!(receivers.len(), 10, "nor before all could answer");
    world.advance(ANSWERED);
    assert_eq!(world.receivers("n1/b-gw", &data("n1/b-gw")), ["n3/b-p2"]);
    world.advance(Duration::from_secs(256));
    assert_eq!(world.receivers("n1/b-gw", &data("n1/b-gw")).len(), 10);
}

#[test]
fn g04_a_report_reaches_only_whoever_asks() {
    let mut world = asked(&[]);
    for port in ["n1/b-i1", "n1/b-w1", "n3/b-i4"] {
        let receivers = world.receivers(port, &report(port, JOIN, &[GROUP]));
        assert_eq!(receivers, ["n3/b-p2"], "{port}");
        let all = (Mac([0x33, 0x33, 0, 0, 0, 1]), "ff02::1".parse().unwrap());
        let asks = ipv6("n3/b-p2", all, 58, 1, &[130, 0, 0, 0, 0, 1, 0, 0]);
        world.send("n3/b-p2", &asks);
        let mut mld = vec![131, 0, 0, 0, 0, 0, 0, 0];
        mld.extend([0xff, 0x05, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
        let to = (Mac([0x33, 0x33, 0, 0, 0, 9]), "ff05::9".parse().unwrap());
        let frame = ipv6(port, to, 58, 1, &mld);
        assert_eq!(world.receivers(port, &frame), ["n3/b-p2"], "{port}");
    }
}

#[test]
fn g07_all_nodes_are_all() {
    let mut world = asked(&[]);
    let all = (Mac([0x33, 0x33, 0, 0, 0, 1]), "ff02::1".parse().unwrap());
    let frame = ipv6("n1/b-gw", all, 58, 255, &[128, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(world.receivers("n1/b-gw", &frame).len(), 10);
}

#[test]
fn a_host_does_not_ask() {
    let mut world = asked(&["n2/b-w2"]);
    for port in ["n1/b-i1", "n1/b-w1"] {
        assert_eq!(world.refused(port, &query(port)), "rogue_querier");
        let all = (Mac([0x33, 0x33, 0, 0, 0, 1]), "ff02::1".parse().unwrap());
        let mld = ipv6(port, all, 58, 1, &[130, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(world.refused(port, &mld), "rogue_querier");
    }
    let receivers = world.receivers("n2/b-w2", &report("n2/b-w2", JOIN, &[GROUP]));
    assert_eq!(receivers, ["n3/b-p2"], "nor is it taken for one");
}

#[test]
fn who_asks_under_another_policy_is_not_known() {
    let mut world = World::new(&guarded());
    for port in ["n2/b-w2", "n3/b-p2"] {
        world.send(port, &data(port));
    }
    let again = format!("{}\n# again\n", guarded());
    world.install(&again, |name| name == "n3");
    world.send("n3/b-p2", &query("n3/b-p2"));
    world.advance(ANSWERED);
    world.install(&again, |name| name != "n3");
    let receivers = world.receivers("n2/b-w2", &data("n2/b-w2"));
    assert!(receivers.contains(&"n1/b-w1".to_owned()), "{receivers:?}");
}

#[test]
fn a_port_listens_to_no_more_groups_than_it_may() {
    let site = guarded().replace(
        "b-i1 = { as = \"blue.isolated\",",
        "b-i1 = { as = \"blue.isolated\", guard = { max_groups = 2 },",
    );
    let mut world = World::new(&site);
    world.send("n3/b-p2", &query("n3/b-p2"));
    let group = |last| Ipv4Addr::new(239, 1, 1, last);
    let host = "n1/b-i1";
    let three = report(host, JOIN, &[group(1), group(2), group(3)]);
    assert_eq!(world.refused(host, &three), "group_limit");
    world.advance(ANSWERED);
    let receivers = world.receivers("n1/b-gw", &data("n1/b-gw"));
    assert_eq!(receivers, ["n3/b-p2"], "a report is refused as a whole");
    let two = report(host, JOIN, &[group(1), group(2)]);
    assert_eq!(world.receivers(host, &two), ["n3/b-p2"]);
    assert_eq!(
        world.refused(host, &report(host, JOIN, &[group(3)])),
        "group_limit"
    );
    let own = report(host, JOIN, &[group(2), Ipv4Addr::new(224, 0, 0, 251)]);
    assert_eq!(world.receivers(host, &own), ["n3/b-p2"], "not a new one");
    world.send(host, &report(host, LEAVE, &[group(1)]));
    world.advance(Duration::from_secs(3));
    let receivers = world.receivers(host, &report(host, JOIN, &[group(3)]));
    assert_eq!(receivers, ["n3/b-p2"]);
}

#[test]
fn a_listener_that_leaves_hears_no_more() {
    let mut world = asked(&["n1/b-i1", "n2/b-w2"]);
    world.send("n2/b-w2", &report("n2/b-w2", LEAVE, &[GROUP]));
    world.advance(Duration::from_millis(1_900));
    assert_eq!(
        world.receivers("n1/b-gw", &data("n1/b-gw")).len(),
        3,
        "not yet"
    );
    world.advance(Duration::from_millis(200));
    let receivers = world.receivers("n1/b-gw", &data("n1/b-gw"));
    assert_eq!(receivers, ["n1/b-i1", "n3/b-p2"]);
}

#[test]
fn listeners_survive_a_reload_and_not_their_port_going_down() {
    let mut world = asked(&["n1/b-i1", "n2/b-w2"]);
    world.install(&format!("{}\n# again\n", guarded()), |_| true);
    let receivers = world.receivers("n1/b-gw", &data("n1/b-gw"));
    assert_eq!(receivers, ["n1/b-i1", "n2/b-w2", "n3/b-p2"]);
    for up in [false, true] {
        let (node, port) = world.place("n2/b-w2");
        let node = &mut world.nodes[node];
        node.forwarder.set_port_up(port, up, &mut node.recorder);
    }
    let receivers = world.receivers("n1/b-gw", &data("n1/b-gw"));
    assert_eq!(receivers, ["n1/b-i1", "n3/b-p2"]);
}

#[test]
fn a_router_of_one_protocol_keeps_no_listener_of_the_other() {
    let mut world = asked(&[]);
    let six = (Mac([0x33, 0x33, 0, 0, 0, 9]), "ff05::9".parse().unwrap());
    let stream = ipv6("n1/b-gw", six, 17, 1, &[0, 9, 0, 9, 0, 8, 0, 0]);
    assert_eq!(
        world.receivers("n1/b-gw", &stream).len(),
        10,
        "nobody asks by MLD"
    );
}

#[test]
fn leaving_what_was_never_joined_is_no_news() {
    let mut world = asked(&[]);
    let (node, local) = world.place("n1/b-i1");
    let groups: Vec<Ipv4Addr> = (0..100)
        .map(|last| Ipv4Addr::new(239, 9, 9, last))
        .collect();
    let frame = report("n1/b-i1", LEAVE, &groups);
    let (now, node) = (world.now, &mut world.nodes[node]);
    node.recorder.claims.clear();
    let frame = skerry_overlay::Frame::plain(&frame);
    node.forwarder
        .handle_frame(now, local, frame, &mut node.recorder);
    let news = node.recorder.claims.iter();
    let news = news.filter(|it| matches!(it.what, skerry_overlay::Change::Leaves(_)));
    assert_eq!(news.count(), 0);
}

#[test]
fn a_port_that_joins_and_leaves_without_end_is_not_news_without_end() {
    let mut world = asked(&[]);
    let (node, local) = world.place("n1/b-i1");
    let mut message = vec![0x22, 0, 0, 0, 0, 0, 0, 100];
    for record in 0..100 {
        let kind = if record % 2 == 0 { JOIN } else { LEAVE };
        message.extend([kind, 0, 0, 0]);
        message.extend(GROUP.octets());
    }
    let frame = ipv4("n1/b-i1", ALL_ROUTERS, 2, 0, &message);
    let (now, node) = (world.now, &mut world.nodes[node]);
    node.recorder.claims.clear();
    for _ in 0..100 {
        let frame = skerry_overlay::Frame::plain(&frame);
        node.forwarder
            .handle_frame(now, local, frame, &mut node.recorder);
    }
    // Four times as many as groups it may join.
    assert!(node.recorder.claims.len() <= 4 * 64);
    world.settle();
    assert_eq!(
        world.refused("n1/b-i1", &report("n1/b-i1", JOIN, &[GROUP; 64])),
        "group_limit"
    );
}
