//! Stock edges: plain WireGuard and VXLAN at one end, a port of their home node at the other.
//! T1 has one, `e1`, whose port `vx0` is isolated in blue and whose home is n2.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use skerry_overlay::{
    DropReason, Forwarder, Frame, Joins, Offload, PeerCounters, PortCounters, Setup,
};
use skerry_policy::{LocalPort, Mac};

use crate::matrix::permitted;
use crate::world::edge::Edge;
use crate::world::frames::{
    BROADCAST, MULTICAST, REPLY, UNKNOWN, arp, ip, mac, plain, udp, udp_as, who_has,
};
use crate::world::{PORTS, Recorder, World, guarded, open, public, secret};

const E1: &str = "e1/vx0";
const N1: usize = 0;
const N2: usize = 1;

/// A line for the node section.
fn edge_line(number: u8, home: &str) -> String {
    let key = public(number);
    format!(
        "e{number} = {{ key = \"{key}\", overlay = \"100.64.0.{number}\", stock = \"edge\", \
         home = \"{home}\" }}\n"
    )
}

/// The site with more edges and their ports.
fn with_edges(site: &str, nodes: &str, ports: &str) -> String {
    let nodes = nodes.replace("e9 =", "e1 =");
    let site = site.replacen("[node]\n", &format!("[node]\n{nodes}"), 1);
    format!("{site}{ports}")
}

/// The site with T1's own edge.
pub(crate) fn with_e1(site: &str) -> String {
    let port = "[port.e1]\nvx0 = { as = \"blue.isolated\", ip = [\"10.1.0.19\", \
                \"2001:db8:1::19\"], mac = \"02:00:00:00:09:01\" }\n";
    with_edges(site, &edge_line(9, "n2"), port)
}

pub(crate) fn e1(home: u8) -> Edge {
    let mut edge = Edge::new(9, home);
    edge.name = "e1".into();
    edge
}

fn world(site: &str) -> World {
    let mut world = World::new(&with_e1(site));
    world.join(e1(2));
    world
}

fn everyone() -> impl Iterator<Item = &'static str> + Clone {
    PORTS.into_iter().chain([E1])
}

fn expected(from: &str) -> Vec<String> {
    let mut ports: Vec<String> = everyone()
        .filter(|to| permitted(from, to))
        .map(str::to_owned)
        .collect();
    ports.sort();
    ports
}

/// Datagrams between nodes and to edges since the last frame: `n1>n2:1 n2>e1:1`.
fn carried(world: &World) -> String {
    let pairs = world.carried.iter();
    let pairs: Vec<String> = pairs.map(|((a, b), n)| format!("{a}>{b}:{n}")).collect();
    pairs.join(" ")
}

fn peer_of(world: &World, node: usize, edge: &str) -> PeerCounters {
    let fabric = &world.nodes[node].forwarder.tables().fabric;
    world.counters(node).peers[fabric.node_named(edge).unwrap().index()].clone()
}

/// Sends eight header bytes and a frame from e1: the reason it was dropped for in the tunnel.
#[track_caller]
fn refused_in_tunnel(world: &mut World, send: impl FnOnce(&mut Edge)) -> &'static str {
    let before = peer_of(world, N2, "e1");
    let port = world.port_counters(E1);
    world.forget();
    send(&mut world.edges[0]);
    world.settle();
    world.check_balance();
    assert_eq!(world.received(), [], "it reaches nobody");
    assert_eq!(carried(world), "", "nor does it leave its home");
    assert_eq!(
        world.port_counters(E1),
        port,
        "it does not even reach its port"
    );
    let after = peer_of(world, N2, "e1");
    assert_eq!(after.frames_in, before.frames_in + 1, "it was counted in");
    let mut reasons = after.drops.iter();
    let changed = reasons.find(|&(reason, n)| n != before.drops.get(reason));
    changed.expect("a reason").0.name()
}

fn check_matrix(world: &mut World, frame: impl Fn(&str, Mac) -> Vec<u8>) {
    for port in everyone() {
        world.send(port, &frame(port, BROADCAST));
    }
    for from in everyone() {
        for group in [BROADCAST, MULTICAST, UNKNOWN] {
            let receivers = world.receivers(from, &frame(from, group));
            assert_eq!(receivers, expected(from), "{from} to {group}");
        }
        for to in everyone().filter(|to| *to != from) {
            let receivers = world.receivers(from, &frame(from, mac(to)));
            if permitted(from, to) {
                assert_eq!(receivers, [to], "{from} to {to}");
            } else if expected(from).is_empty() || from.contains("/r-") == to.contains("/r-") {
                assert_eq!(receivers, Vec::<String>::new(), "{from} to {to}");
            } else {
                // In the sender's private VLAN nobody has that address: it is unknown.
                assert_eq!(receivers, expected(from), "{from} to {to}");
            }
        }
    }
}

#[test]
fn a01_with_the_edge_every_pair_is_as_rfc_5517_says() {
    check_matrix(&mut world(&open()), |from, to| plain(mac(from), to, from));
}

#[test]
fn a01_with_the_edge_and_guards_every_pair_is_as_rfc_5517_says() {
    let to_ip = std::net::Ipv4Addr::new(192, 0, 2, 1);
    check_matrix(&mut world(&guarded()), |from, to| {
        udp(from, to, to_ip, from.as_bytes())
    });
}

#[test]
fn a08_a_broadcast_of_the_edge_reaches_the_promiscuous_ports_only() {
    let mut world = world(&open());
    let receivers = world.receivers(E1, &plain(mac(E1), BROADCAST, "e1"));
    assert_eq!(receivers, ["n1/b-gw", "n3/b-p2"]);
    assert_eq!(
        carried(&world),
        "n2>n1:1 n2>n3:1",
        "its home sends it on, as a port's"
    );
}

#[test]
fn a09_the_edge_hears_everything_under_its_own_vni() {
    let mut world = world(&open());
    world.send(E1, &plain(mac(E1), BROADCAST, "here"));
    let frame = plain(mac("n1/b-gw"), mac(E1), "to you");
    let before = (world.port_counters(E1), peer_of(&world, N2, "e1"));
    assert_eq!(world.receivers("n1/b-gw", &frame), [E1]);
    assert_eq!(world.edges[0].heard, [(20_101, frame)]);
    assert_eq!(carried(&world), "n1>n2:1 n2>e1:1");
    let after = (world.port_counters(E1), peer_of(&world, N2, "e1"));
    assert_eq!(after.0.sent, before.0.sent + 1, "the port has sent it");
    assert_eq!(
        after.1.frames_out,
        before.1.frames_out + 1,
        "and so has the peer"
    );
    assert_eq!(
        (after.0.bytes_out, after.1.bytes_out),
        (before.0.bytes_out + 60, before.1.bytes_out + 60)
    );
}

#[test]
fn f12_the_edge_may_use_the_vni_of_its_own_port_only() {
    let mut world = world(&open());
    let frame = plain(mac(E1), BROADCAST, "from e1");
    for (number, reason) in [
        (20_100, "vni_denied"),
        (20_102, "vni_denied"),
        (20_103, "vni_denied"),
        (21_100, "vni_denied"),
        (21_102, "vni_denied"),
        (99, "vni_unknown"),
        (0, "vni_unknown"),
    ] {
        let said = refused_in_tunnel(&mut world, |edge| edge.say(number, &frame));
        assert_eq!(said, reason, "VNI {number}");
    }
}

#[test]
fn what_is_no_vxlan_of_the_edge_counts_at_its_tunnel() {
    let mut world = world(&open());
    let frame = plain(mac(E1), BROADCAST, "from e1");
    let own = [8, 0, 0, 0, 0, 0x4e, 0x85, 0];
    for at in [0, 1, 2, 3, 7] {
        let mut header = own;
        header[at] |= 0x81;
        let said = refused_in_tunnel(&mut world, |edge| edge.say_with(header, &frame));
        assert_eq!(said, "vxlan_flags", "byte {at}");
    }
    for tag in [&[0x81, 0, 0, 0][..], &[0x81, 0, 0, 5], &[0x88, 0xa8, 0, 5]] {
        let mut tagged = frame.clone();
        tagged.splice(12..12, tag.iter().copied());
        let said = refused_in_tunnel(&mut world, |edge| edge.say_with(own, &tagged));
        assert_eq!(said, "inner_vlan", "{tag:02x?}");
    }
    let payload = [&own[..], &frame].concat();
    let said = refused_in_tunnel(&mut world, |edge| {
        let packet = edge.packet([100, 64, 0, 1], 4789, &payload);
        edge.say_packet(&packet);
    });
    assert_eq!(said, "outer_src");
    for port in [4788, 4790] {
        let said = refused_in_tunnel(&mut world, |edge| {
            let packet = edge.packet([100, 64, 0, 9], port, &payload);
            edge.say_packet(&packet);
        });
        assert_eq!(
            said, "vxlan_short",
            "port {port}: a stock kernel has nothing to say to the control protocol"
        );
    }
    assert_eq!(world.nodes[N2].recorder.control, []);
    assert_eq!(
        world.receivers(E1, &frame),
        ["n1/b-gw", "n3/b-p2"],
        "its own still passes"
    );
}

#[test]
fn the_edges_frames_are_held_to_the_guards_of_its_port() {
    let mut world = world(&guarded());
    let anyone = [192, 0, 2, 1].into();
    world.send(E1, &udp(E1, BROADCAST, anyone, b"here"));
    for port in ["n1/b-gw", "n2/b-i3"] {
        world.send(port, &udp(port, BROADCAST, anyone, b"here"));
    }
    let (own, gw) = (mac(E1), mac("n1/b-gw"));
    for (frame, reason) in [
        (plain(own, BROADCAST, "a type nobody allowed"), "ethertype"),
        (udp_as(gw, ip(E1), BROADCAST, anyone, b"x"), "mac_spoof"),
        (
            udp_as(UNKNOWN, ip(E1), BROADCAST, anyone, b"x"),
            "mac_limit",
        ),
        (udp_as(own, ip("n1/b-gw"), gw, anyone, b"x"), "ip_spoof"),
        (
            arp(own, BROADCAST, REPLY, (own, ip("n1/b-gw")), ip("n2/b-i3")),
            "arp_spoof",
        ),
        (udp(E1, gw, ip("n2/b-i3"), b"by the gateway"), "hairpin_up"),
        (who_has(E1, ip("n2/b-i3")), "pvlan_deny"),
        (udp(E1, mac("n2/b-i3"), anyone, b"straight"), "pvlan_deny"),
        (vec![0; 10], "runt"),
    ] {
        assert_eq!(world.refused(E1, &frame), reason);
    }
    let before = peer_of(&world, N2, "e1");
    let back = udp_as(gw, ip("n2/b-i3"), own, ip(E1), b"by the gateway");
    assert_eq!(world.try_frame("n1/b-gw", &back), [], "hairpin_down at n1");
    assert_eq!(peer_of(&world, N2, "e1"), before);
}

#[test]
fn the_home_answers_the_edges_questions() {
    let mut world = world(&guarded());
    world.send("n1/b-gw", &who_has("n1/b-gw", ip("n3/b-p2")));
    let received = world.try_frame(E1, &who_has(E1, ip("n1/b-gw")));
    let [(to, answer)] = &received[..] else {
        panic!("one answer, not {received:?}")
    };
    assert_eq!(to, E1);
    assert_eq!(answer[6..12], mac("n1/b-gw").0);
    assert_eq!(
        carried(&world),
        "n2>e1:1",
        "the question does not leave the home"
    );
    assert_eq!(world.port_counters(E1).answered, 1);
    // The other way round: nobody has to ask the edge.
    let received = world.try_frame("n1/b-gw", &who_has("n1/b-gw", ip(E1)));
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!(received[0].0, "n1/b-gw");
    assert_eq!(received[0].1[6..12], mac(E1).0);
}

#[test]
fn the_edge_is_told_of_what_does_not_fit_and_by_nobody_else() {
    let mut world = world(&guarded());
    let far = [192, 0, 2, 1].into();
    world.send(E1, &udp(E1, BROADCAST, far, b"here"));
    let before = world.port_counters(E1);
    let received = world.try_frame(E1, &udp(E1, mac("n1/b-gw"), far, &[7; 1_400]));
    let [(to, answer)] = &received[..] else {
        panic!("one answer, not {received:?}")
    };
    assert_eq!(to, E1);
    assert_eq!(answer[34..36], [3, 4], "too big");
    assert_eq!(carried(&world), "n2>e1:1");
    let after = world.port_counters(E1);
    assert_eq!(after.copies_out, before.copies_out + 1);
    assert_eq!(after.ingress_drops.get(DropReason::Oversize), 1);
    let theft = udp_as(mac(E1), ip("n1/b-gw"), mac("n1/b-gw"), far, &[7; 1_400]);
    assert_eq!(world.refused(E1, &theft), "oversize");
}

#[test]
fn the_edges_connections_open_with_what_the_fabric_carries() {
    let mut world = world(&guarded());
    let gw = "n1/b-gw";
    for port in [E1, gw] {
        world.send(port, &udp(port, BROADCAST, [255; 4].into(), b"here"));
    }
    // With stock members the MTU is 1370.
    let syn = |from: &str, to: &str, size: u16| {
        let size = etherparse::TcpOptionElement::MaximumSegmentSize(size);
        let builder = etherparse::PacketBuilder::ethernet2(mac(from).0, mac(to).0)
            .ipv4(ip(from).octets(), ip(to).octets(), 64)
            .tcp(4_000, 80, 1, 1_000)
            .syn();
        let mut frame = Vec::new();
        let builder = builder.options(&[size]).unwrap();
        builder.write(&mut frame, &[]).unwrap();
        frame
    };
    for (from, to) in [(E1, gw), (gw, E1)] {
        let received = world.try_frame(from, &syn(from, to, 1460));
        assert_eq!(received, [(to.to_owned(), syn(from, to, 1330))]);
    }
}

#[test]
fn a_frame_of_the_mesh_reaches_edges_and_no_other_peer() {
    let mut world = world(&open());
    world.send(E1, &plain(mac(E1), BROADCAST, "here"));
    let gw = mac("n1/b-gw");
    world.try_frame("n1/b-gw", &plain(gw, BROADCAST, "all"));
    assert_eq!(carried(&world), "n1>n2:1 n1>n3:1 n1>n4:1 n2>e1:1");
    world.try_frame("n3/b-p2", &plain(mac("n3/b-p2"), mac(E1), "one"));
    assert_eq!(carried(&world), "n2>e1:1 n3>n2:1");
    world.try_frame(E1, &plain(mac(E1), gw, "back"));
    assert_eq!(carried(&world), "n2>n1:1");
}

/// Two edges of n2 in segments of the caller's choice, and one more port of the first in red.
fn two_edges(segment: &str) -> World {
    let nodes = edge_line(9, "n2") + &edge_line(8, "n2");
    let ports = format!(
        "[port.e1]\nvx0 = {{ as = \"{segment}\" }}\nvx1 = {{ as = \"red.lab\" }}\n\
         [port.e8]\nvx0 = {{ as = \"{segment}\" }}\n"
    );
    let mut world = World::new(&with_edges(&open(), &nodes, &ports));
    world.join(e1(2));
    world.join(Edge::new(8, 2));
    world
}

const OTHER: Mac = Mac([2, 0, 0, 0, 8, 1]);

#[test]
fn two_edges_of_one_community_meet_at_their_home() {
    let mut world = two_edges("blue.web");
    let all = ["e8/vx0", "n1/b-gw", "n1/b-w1", "n2/b-w2", "n3/b-p2"];
    assert_eq!(
        world.receivers(E1, &plain(mac(E1), BROADCAST, "neighbours")),
        all
    );
    world.send("e8/vx0", &plain(OTHER, BROADCAST, "here"));
    let straight = plain(mac(E1), OTHER, "straight");
    assert_eq!(world.receivers(E1, &straight), ["e8/vx0"]);
    assert_eq!(carried(&world), "n2>e8:1");
}

#[test]
fn two_isolated_edges_of_one_home_do_not_meet() {
    let mut world = two_edges("blue.isolated");
    assert_eq!(
        world.receivers(E1, &plain(mac(E1), BROADCAST, "anyone")),
        ["n1/b-gw", "n3/b-p2"]
    );
    world.send("e8/vx0", &plain(OTHER, BROADCAST, "here"));
    let denied = plain(mac(E1), OTHER, "straight");
    assert_eq!(world.refused(E1, &denied), "pvlan_deny");
}

#[test]
fn the_ports_of_one_edge_are_told_apart_by_their_vni() {
    let mut world = two_edges("blue.isolated");
    let red = plain(Mac([2, 0, 0, 0, 9, 2]), BROADCAST, "red");
    let receivers = world.receivers("e1/vx1", &red);
    assert_eq!(receivers, ["n2/r-gw", "n2/r-l1", "n3/r-l2"]);
    assert_eq!(world.port_counters("e1/vx1").delivered, 1);
    assert_eq!(world.port_counters(E1).frames_in, 0);
    world.try_frame("n2/r-gw", &plain(mac("n2/r-gw"), BROADCAST, "to red"));
    let heard: Vec<u32> = world.edges[0].heard.iter().map(|(vni, _)| *vni).collect();
    assert_eq!(heard, [21_102]);
}

#[test]
fn an_edge_without_a_tunnel_costs_its_home_a_counted_copy() {
    let mut world = World::new(&with_e1(&open()));
    world.send(
        "n1/b-gw",
        &plain(mac("n1/b-gw"), BROADCAST, "is anyone there"),
    );
    let counters = world.port_counters(E1);
    assert_eq!((counters.copies_out, counters.sent), (1, 0));
    let drops: Vec<_> = counters.egress_drops.iter().collect();
    assert_eq!(drops, [(DropReason::EgressDown, 1)]);
    assert_eq!(peer_of(&world, N2, "e1").copies_out, 1);
}

#[test]
fn a_reload_keeps_the_edge_and_what_is_known_of_it() {
    let site = with_e1(&open());
    let mut world = world(&open());
    world.send(E1, &plain(mac(E1), BROADCAST, "here"));
    let sent = world.port_counters(E1).delivered;
    world.install(&format!("{site}\n# another edition\n"), |_| true);
    let frame = plain(mac("n1/b-gw"), mac(E1), "still there");
    assert_eq!(world.receivers("n1/b-gw", &frame), [E1]);
    assert_eq!(
        world.port_counters(E1).delivered,
        sent,
        "carried over by name"
    );
    assert_eq!(
        world.receivers(E1, &plain(mac(E1), BROADCAST, "and back")),
        ["n1/b-gw", "n3/b-p2"]
    );
}

#[test]
fn a_reload_changes_the_vni_that_the_edge_is_held_to() {
    let site = with_e1(&open());
    let mut world = world(&open());
    let web = site.replace(
        "vx0 = { as = \"blue.isolated\"",
        "vx0 = { as = \"blue.web\"",
    );
    world.install(&web, |_| true);
    let frame = plain(mac(E1), BROADCAST, "x");
    let said = refused_in_tunnel(&mut world, |edge| edge.say(20_101, &frame));
    assert_eq!(said, "vni_denied");
    let all = ["n1/b-gw", "n1/b-w1", "n2/b-w2", "n3/b-p2"];
    assert_eq!(world.receivers(E1, &frame), all);
}

#[test]
fn an_edge_that_the_site_no_longer_has_is_a_stranger() {
    let mut world = world(&open());
    let before = world.counters(N2).underlay_drops.total();
    world.install(&open(), |_| true);
    world.edges[0].say(20_101, &plain(mac(E1), BROADCAST, "x"));
    world.settle();
    assert_eq!(world.received(), []);
    assert_eq!(world.counters(N2).underlay_drops.total(), before + 1);
}

#[test]
fn an_edge_with_an_endpoint_is_called_by_its_home() {
    let site = with_e1(&open()).replace(
        "stock = \"edge\"",
        "endpoint = \"198.51.100.9:51820\", stock = \"edge\"",
    );
    let mut world = World::new(&site);
    // It listens, and says nothing of its own accord.
    world.edges.push(e1(2));
    for _ in 0..40 {
        world.advance(Duration::from_millis(250));
    }
    let frame = plain(mac("n1/b-gw"), mac(E1), "to you");
    assert_eq!(world.receivers("n1/b-gw", &frame), [E1]);
}

#[test]
fn an_edge_is_heard_again_after_an_hour_of_silence() {
    let mut world = world(&open());
    world.advance(Duration::from_secs(3600));
    let receivers = world.receivers(E1, &plain(mac(E1), BROADCAST, "back"));
    assert_eq!(receivers, ["n1/b-gw", "n3/b-p2"]);
}

/// n1 with two workers: the one of the world, which owns the lanes, and this one.
pub(crate) struct Second {
    pub(crate) forwarder: Forwarder,
    pub(crate) recorder: Recorder,
}

impl Second {
    pub(crate) fn beside(world: &World) -> Self {
        let tables = Arc::clone(world.nodes[N1].forwarder.tables());
        let setup = Setup {
            tables: Arc::clone(&tables),
            secret: secret(1),
            worker: 1,
            owns_lanes: false,
            seed: 7,
            age: Duration::from_secs(300),
            fdb_limit: 65_536,
            joins: Joins::Nothing,
            shares: false,
        };
        let mut second = Self {
            forwarder: Forwarder::new(world.now, setup),
            recorder: Recorder::default(),
        };
        for port in 0..tables.local.ports.len() {
            let port = LocalPort(u32::try_from(port).unwrap());
            if tables.edge_behind(port).is_none() {
                let recorder = &mut second.recorder;
                second.forwarder.set_port_up(port, true, recorder);
            }
        }
        second
    }

    /// A guest of this worker sends, and the owner of the lanes takes what is handed over.
    fn send(&mut self, world: &mut World, port: &str, frame: Frame<'_>) {
        let (_, local) = world.place(port);
        self.forwarder
            .handle_frame(world.now, local, frame, &mut self.recorder);
        for (to, bytes, offload) in self.recorder.handed.drain(..) {
            let owner = &mut world.nodes[N1];
            let bytes = &bytes;
            let frame = Frame { bytes, offload };
            owner
                .forwarder
                .handle_handoff(world.now, to, frame, &mut owner.recorder);
        }
        world.settle();
        world.check_balance();
    }

    /// The counters of a port: this worker's, and both together.
    fn counters(&self, world: &World, port: &str) -> (PortCounters, PortCounters) {
        let (_, local) = world.place(port);
        let mine = self.forwarder.counters().ports[local.index()].clone();
        let mut both = world.port_counters(port);
        both.merge(&mine);
        assert!(mine.balanced() && both.balanced(), "{mine:?} {both:?}");
        (mine, both)
    }
}

/// The edge's home is n1, where the gateway is on another worker than the tunnels.
fn two_workers() -> (World, Second) {
    let site = with_e1(&open()).replace("home = \"n2\"", "home = \"n1\"");
    let mut world = World::new(&site);
    world.join(e1(1));
    let second = Second::beside(&world);
    (world, second)
}

#[test]
fn a_worker_without_tunnels_hands_the_edges_copy_over() {
    let (mut world, mut second) = two_workers();
    let frame = plain(mac("n1/b-gw"), BROADCAST, "to all");
    second.send(&mut world, "n1/b-gw", Frame::plain(&frame));
    assert_eq!(world.edges[0].heard, [(20_101, frame)]);
    assert_eq!(carried(&world), "n1>e1:1 n1>n2:1 n1>n3:1 n1>n4:1");
    let (mine, both) = second.counters(&world, E1);
    assert_eq!(mine.copies_out, 0, "counted by the worker that seals it");
    assert_eq!((both.copies_out, both.sent), (1, 1), "and once");
    assert_eq!(peer_of(&world, N1, "e1").frames_out, 1);
}

#[test]
fn a_full_ring_costs_the_edge_a_counted_copy() {
    let (mut world, mut second) = two_workers();
    second.recorder.ring_full = true;
    let frame = plain(mac("n1/b-gw"), BROADCAST, "to all");
    second.send(&mut world, "n1/b-gw", Frame::plain(&frame));
    assert_eq!(world.edges[0].heard, []);
    let (mine, both) = second.counters(&world, E1);
    assert_eq!((mine.copies_out, both.copies_out, both.sent), (1, 1, 0));
    assert_eq!(both.egress_drops.get(DropReason::EgressFull), 1);
}

#[test]
fn a_superframe_for_the_edge_arrives_in_pieces_and_counts_as_them() {
    let (mut world, mut second) = two_workers();
    let gw = mac("n1/b-gw");
    let bytes = udp("n1/b-gw", BROADCAST, ip(E1), &[0x5a; 2500]);
    let superframe = skerry_overlay::Superframe {
        kind: skerry_overlay::SuperframeKind::Udp,
        size: 1000,
        ecn: false,
    };
    let offload = Offload {
        superframe: Some(superframe),
        checksum: Some(skerry_overlay::Checksum {
            start: 34,
            offset: 6,
        }),
        valid: false,
    };
    let bytes = &bytes;
    second.send(&mut world, "n1/b-gw", Frame { bytes, offload });
    let heard = &world.edges[0].heard;
    let lengths: Vec<usize> = heard.iter().map(|(_, frame)| frame.len()).collect();
    assert_eq!(lengths, [1042, 1042, 542]);
    assert!(heard.iter().all(|(_, frame)| frame[6..12] == gw.0));
    let (_, both) = second.counters(&world, E1);
    assert_eq!((both.copies_out, both.sent), (3, 3));
    // From the worker with the tunnels, the same.
    world.send_frame("n1/b-gw", Frame { bytes, offload });
    let (_, both) = second.counters(&world, E1);
    assert_eq!((both.copies_out, both.sent), (6, 6));
}

/// A packet that was honest until somebody wrote over it.
fn any_packet() -> impl Strategy<Value = (u32, Vec<(usize, u8)>, usize, bool)> {
    let vni = prop_oneof![
        Just(20_101_u32),
        Just(20_100),
        Just(21_101),
        0_u32..0x0100_0000
    ];
    let edits = prop::collection::vec((0_usize..120, any::<u8>()), 0..5);
    (vni, edits, 0_usize..150, any::<bool>())
}

#[test]
fn whatever_an_edge_makes_up_both_equations_hold_and_nobody_else_hears_it() {
    let world = std::cell::RefCell::new(world(&guarded()));
    let config = ProptestConfig {
        cases: 4000,
        failure_persistence: None,
        ..Default::default()
    };
    proptest!(config, |((vni, edits, length, whole) in any_packet())| {
        let mut world = world.borrow_mut();
        world.forget();
        let [_, a, b, c] = vni.to_be_bytes();
        let frame = udp(E1, BROADCAST, [192, 0, 2, 1].into(), &[7; 40]);
        let payload = [&[8, 0, 0, 0, a, b, c, 0][..], &frame].concat();
        let mut packet = world.edges[0].packet([100, 64, 0, 9], 4789, &payload);
        for (place, value) in edits {
            if let Some(byte) = packet.get_mut(place) {
                *byte = value;
            }
        }
        if !whole {
            packet.truncate(length);
        }
        let before = peer_of(&world, N2, "e1");
        let port = world.port_counters(E1);
        world.edges[0].say_packet(&packet);
        world.settle();
        world.check_balance();
        let after = peer_of(&world, N2, "e1");
        let entered = world.port_counters(E1).frames_in - port.frames_in;
        prop_assert_eq!(after.delivered - before.delivered, entered, "handed to the port");
        for (to, _) in world.received() {
            prop_assert!(permitted(E1, &to) || to == E1, "e1 reached {}", to);
        }
    });
}

/// A TCP segment with payload, which more could follow.
fn segment(from: &str, to: &str, port: u16) -> Vec<u8> {
    let builder = etherparse::PacketBuilder::ethernet2(mac(from).0, mac(to).0)
        .ipv4(ip(from).octets(), ip(to).octets(), 64)
        .tcp(port, 80, 1_000, 500)
        .ack(1);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, &[7; 100]).unwrap();
    bytes
}

#[test]
fn an_edges_frame_gets_through_among_more_flows_than_are_held() {
    let mut world = World::joining(&with_e1(&guarded()));
    world.join(e1(2));
    world.edges[0].say(20_101, &segment(E1, "n1/b-gw", 1));
    // More flows of a peer than are held at once, before the batch ends.
    let (node, local) = world.place("n1/b-gw");
    let now = world.now;
    for port in 1..=33 {
        let frame = segment("n1/b-gw", "n2/b-w2", port);
        let node = &mut world.nodes[node];
        node.forwarder
            .handle_frame(now, local, Frame::plain(&frame), &mut node.recorder);
    }
    world.settle();
    let received = world.received();
    let count = |port: &str| received.iter().filter(|(it, _)| it == port).count();
    assert_eq!((count("n2/b-w2"), count("n1/b-gw")), (33, 1));
    world.check_balance();
}
