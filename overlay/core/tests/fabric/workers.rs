//! Nodes with two workers: the first is the one of the world, the second has a lane of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use skerry_overlay::{
    DropReason, Forwarder, Frame, Joins, Lanes, PeerCounters, Scratch, Setup, Told, lane_public,
    padded_len,
};
use skerry_policy::{LocalPort, Mac};

use crate::edges::{e1, with_e1};
use crate::world::frames::{BROADCAST, ip, mac, plain, udp};
use crate::world::{Recorder, World, guarded, open, secret};

/// The second worker of a node.
struct Second {
    number: u8,
    forwarder: Forwarder,
    recorder: Recorder,
}

fn at(number: u8) -> SocketAddr {
    format!("198.51.100.{number}:51821").parse().unwrap()
}

fn told(of: u8) -> Told {
    Told {
        key: lane_public(&secret(of), 1),
        endpoint: at(of),
        boot: 1,
    }
}

impl Second {
    fn beside(world: &World, number: u8) -> Self {
        let tables = Arc::clone(world.nodes[usize::from(number - 1)].forwarder.tables());
        let setup = Setup {
            tables: Arc::clone(&tables),
            secret: secret(number),
            worker: 1,
            owns_lanes: true,
            seed: number.into(),
            age: Duration::from_secs(300),
            fdb_limit: 65_536,
            joins: Joins::All,
            shares: true,
        };
        let mut second = Self {
            number,
            forwarder: Forwarder::new(world.now, setup),
            recorder: Recorder::default(),
        };
        for port in 0..tables.local.ports.len() {
            let port = LocalPort(u32::try_from(port).unwrap());
            if tables.edge_behind(port).is_none() {
                second
                    .forwarder
                    .set_port_up(port, true, &mut second.recorder);
            }
        }
        second
    }

    fn tell(&mut self, world: &World, of: u8, told: Option<Told>) {
        let peer = world.nodes[usize::from(of - 1)].id;
        self.forwarder
            .tell_lane(world.now, peer, told, &mut self.recorder);
    }

    fn send(&mut self, world: &World, port: &str, frame: &[u8]) {
        let (_, local) = world.place(port);
        let frame = Frame::plain(frame);
        self.forwarder
            .handle_frame(world.now, local, frame, &mut self.recorder);
        self.forwarder.flush(&mut self.recorder);
    }

    /// The ports that this worker delivered to since it was last asked.
    fn delivered(&mut self) -> Vec<String> {
        let tables = Arc::clone(self.forwarder.tables());
        let name = |port: LocalPort| tables.fabric.port_name(tables.local.ports[port.index()]);
        let delivered = self.recorder.delivered.drain(..);
        let mut names: Vec<String> = delivered.map(|(port, _)| name(port)).collect();
        names.sort();
        names
    }

    fn peer(&self, world: &World, of: u8) -> PeerCounters {
        let peer = world.nodes[usize::from(of - 1)].id;
        let counters = self.forwarder.counters().peers[peer.index()].clone();
        assert!(counters.balanced(), "{counters:?}");
        counters
    }
}

/// Carries what second workers send to each other until nothing moves.
fn settle(world: &World, seconds: &mut [Second]) {
    loop {
        let mut moved = false;
        for from in 0..seconds.len() {
            let source = at(seconds[from].number);
            let sent: Vec<_> = seconds[from].recorder.sent.drain(..).collect();
            for (to, ecn, datagram) in sent {
                for second in seconds.iter_mut().filter(|it| at(it.number) == to) {
                    moved = true;
                    let Second {
                        forwarder,
                        recorder,
                        ..
                    } = second;
                    forwarder.handle_datagram(world.now, source, ecn, &datagram, recorder);
                    forwarder.flush(recorder);
                }
            }
        }
        if !moved {
            return;
        }
    }
}

/// The second workers of n1 and of another node, who know of each other.
fn seconds(world: &World, other: u8) -> [Second; 2] {
    let mut seconds = [Second::beside(world, 1), Second::beside(world, other)];
    seconds[0].tell(world, other, Some(told(other)));
    seconds[1].tell(world, 1, Some(told(1)));
    for second in &mut seconds {
        let recorder = &mut second.recorder;
        second.forwarder.handle_timeout(world.now, recorder);
    }
    settle(world, &mut seconds);
    for second in &seconds {
        assert_eq!(
            second.forwarder.peers().map(|it| it.lanes).sum::<usize>(),
            1
        );
    }
    seconds
}

#[test]
fn a_frame_goes_in_the_lane_of_its_worker_and_is_delivered_there() {
    let world = World::new(&open());
    let mut seconds = seconds(&world, 2);
    let frame = plain(mac("n1/b-gw"), BROADCAST, "to all");
    seconds[0].send(&world, "n1/b-gw", &frame);
    settle(&world, &mut seconds);
    assert_eq!(seconds[1].delivered(), ["n2/b-d2", "n2/b-i3", "n2/b-w2"]);
    let handed = seconds[0].recorder.handed.iter();
    let mut handed: Vec<_> = handed.map(|(to, ..)| to.node).collect();
    handed.sort();
    let mut first = [world.nodes[2].id, world.nodes[3].id];
    first.sort();
    assert_eq!(handed, first, "for n2 there is a lane here");
    let (out, back) = (seconds[0].peer(&world, 2), seconds[1].peer(&world, 1));
    assert_eq!((out.copies_out, out.frames_out), (1, 1));
    assert_eq!((back.frames_in, back.delivered), (1, 1));
    assert_eq!(seconds[0].peer(&world, 3).copies_out, 0);
}

/// Lane 1 of n2 to n1, and what somebody with the key of n2 puts into it.
struct Liar {
    world: World,
    victim: Second,
    lanes: Lanes,
    recorder: Recorder,
}

impl Liar {
    fn new() -> Self {
        let world = World::new(&guarded());
        let [victim, honest] = seconds(&world, 2);
        let fabric = Arc::clone(&honest.forwarder.tables().fabric);
        let (me, n1) = (world.nodes[1].id, world.nodes[0].id);
        let mut liar = Self {
            lanes: Lanes::new(secret(2), 1, 0xbad),
            recorder: Recorder::default(),
            victim,
            world,
        };
        let (now, sink) = (liar.world.now, &mut liar.recorder);
        liar.lanes.install(now, &fabric, me);
        liar.lanes.tell(now, &fabric, me, n1, Some(told(1)), sink);
        liar.lanes.handle_timeout(now, sink);
        let mut room = Scratch::default();
        for _ in 0..3 {
            liar.exchange();
            for (_, _, datagram) in std::mem::take(&mut liar.victim.recorder.sent) {
                let sink = &mut liar.recorder;
                liar.lanes.open(now, at(1), &datagram, &mut room, sink);
            }
        }
        liar
    }

    fn exchange(&mut self) {
        for (_, ecn, datagram) in std::mem::take(&mut self.recorder.sent) {
            let Second {
                forwarder,
                recorder,
                ..
            } = &mut self.victim;
            forwarder.handle_datagram(self.world.now, at(2), ecn, &datagram, recorder);
            forwarder.flush(recorder);
        }
    }

    /// Says something to a UDP port of n1: what it was refused for, and control messages refused.
    fn says(&mut self, from: u8, port: u16, payload: &[u8]) -> (Option<DropReason>, u64) {
        let builder = etherparse::PacketBuilder::ipv4([100, 64, 0, from], [100, 64, 0, 1], 64);
        let mut bytes = Vec::new();
        builder.udp(port, port).write(&mut bytes, payload).unwrap();
        bytes.resize(padded_len(bytes.len()), 0);
        let digest = self.victim.forwarder.tables().fabric.digest;
        bytes[4..6].copy_from_slice(&digest.0[..2]);
        let (now, n1) = (self.world.now, self.world.nodes[0].id);
        self.lanes
            .seal(now, n1, &bytes, &mut self.recorder)
            .unwrap();
        self.lanes.flush(&mut self.recorder);
        let before = self.victim.peer(&self.world, 2);
        self.exchange();
        let after = self.victim.peer(&self.world, 2);
        assert_eq!(self.victim.delivered(), [""; 0]);
        let mut reasons = after.drops.iter();
        let reason = reasons.find(|&(reason, n)| n != before.drops.get(reason));
        let refused = after.control_refused - before.control_refused;
        (reason.map(|it| it.0), refused)
    }
}

fn vxlan(vni: u32, frame: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = vni.to_be_bytes();
    [&[8, 0, 0, 0, a, b, c, 0][..], frame].concat()
}

#[test]
fn the_same_checks_hold_in_every_lane() {
    let mut liar = Liar::new();
    let frame = plain(mac("n2/b-i3"), BROADCAST, "hello");
    let spoof = udp("n1/b-gw", BROADCAST, ip("n2/b-i3"), b"hello");
    let cases = [
        (3, vxlan(20_101, &frame), DropReason::OuterSrc),
        (2, vxlan(20_100, &frame), DropReason::VniDenied),
        (2, vxlan(20_101, &spoof), DropReason::PeerMacSpoof),
    ];
    for (from, payload, reason) in cases {
        assert_eq!(liar.says(from, 4789, &payload), (Some(reason), 0));
    }
}

#[test]
fn a_control_message_is_heard_in_lane_0_and_nowhere_else() {
    let mut liar = Liar::new();
    assert_eq!(liar.says(2, 4790, b"SK"), (None, 1));
    assert!(liar.victim.recorder.control.is_empty());
    assert_eq!(liar.victim.peer(&liar.world, 2).control_in, 1);
}

#[test]
fn what_came_out_of_a_lane_is_handed_over_for_an_edge_and_for_nobody_else() {
    let site = with_e1(&open()).replace("home = \"n2\"", "home = \"n1\"");
    let mut world = World::new(&site);
    world.join(e1(1));
    let mut seconds = seconds(&world, 3);
    let frame = plain(mac("n3/b-p2"), BROADCAST, "from a router");
    seconds[1].send(&world, "n3/b-p2", &frame);
    settle(&world, &mut seconds);
    assert!(seconds[0].delivered().contains(&"n1/b-i1".to_owned()));
    let fabric = &world.nodes[0].forwarder.tables().fabric;
    let handed = seconds[0].recorder.handed.iter();
    let handed: Vec<_> = handed.map(|(to, ..)| Some(to.node)).collect();
    assert_eq!(handed, [fabric.node_named("e1")]);
    // The first worker seals it for the edge.
    let (to, bytes, offload) = seconds[0].recorder.handed.remove(0);
    let bytes = &bytes;
    let node = &mut world.nodes[0];
    let frame = Frame { bytes, offload };
    node.forwarder
        .handle_handoff(world.now, to, frame, &mut node.recorder);
    world.settle();
    assert_eq!(world.edges[0].heard.len(), 1);
    world.check_balance();
}

#[test]
fn a_worker_hands_over_when_it_has_no_lane_to_seal_in() {
    let world = World::new(&open());
    let mut seconds = seconds(&world, 2);
    seconds[0].tell(&world, 2, None);
    let frame = plain(mac("n1/b-gw"), BROADCAST, "to all");
    seconds[0].send(&world, "n1/b-gw", &frame);
    assert_eq!(seconds[0].recorder.handed.len(), 3);
    settle(&world, &mut seconds);
    assert_eq!(seconds[1].delivered(), [""; 0]);
}

#[test]
fn a_policy_without_a_node_ends_every_lane_of_it_at_once() {
    let world = World::new(&open());
    let mut seconds = seconds(&world, 2);
    let frame = plain(mac("n2/b-w2"), BROADCAST, "still here");
    seconds[1].send(&world, "n2/b-w2", &frame);
    let datagrams = std::mem::take(&mut seconds[1].recorder.sent);
    assert!(!datagrams.is_empty());
    // n2 has another key from now on.
    let old = crate::world::public(2);
    let site = open().replace(&old, &crate::world::public(77));
    let tables = Arc::new(crate::world::fabric(&site).tables_for(world.nodes[0].id, 2));
    let Second {
        forwarder,
        recorder,
        ..
    } = &mut seconds[0];
    forwarder.install(world.now, tables, recorder);
    for (_, ecn, datagram) in datagrams {
        forwarder.handle_datagram(world.now, at(2), ecn, &datagram, recorder);
    }
    forwarder.flush(recorder);
    assert_eq!(forwarder.peers().count(), 0);
    let drops = &forwarder.counters().underlay_drops;
    assert!(drops.get(DropReason::WgAuth) > 0);
    assert_eq!(seconds[0].delivered(), [""; 0]);
}

/// Carries claims between workers of one node, as the control task does.
fn relay(world: &World, workers: &mut [Second]) {
    loop {
        let mut moved = false;
        for from in 0..workers.len() {
            for claim in std::mem::take(&mut workers[from].recorder.claims) {
                moved = true;
                for (to, worker) in workers.iter_mut().enumerate() {
                    let recorder = &mut worker.recorder;
                    if to != from {
                        worker.forwarder.apply_claim(world.now, &claim, recorder);
                    }
                }
            }
        }
        if !moved {
            return;
        }
    }
}

#[test]
fn two_workers_that_read_one_port_let_in_no_more_than_one() {
    // Every host port of the open site has room for many; this one has room for one.
    let site = open().replace("b-w2 = { ", "b-w2 = { guard.max_macs = 1, ");
    assert_ne!(site, open());
    let mut world = World::new(&site);
    let mut workers = [Second::beside(&world, 2), Second::beside(&world, 2)];
    let guest = |last| Mac([2, 0, 0, 0, 0x77, last]);
    let say = |world: &World, worker: &mut Second, last| {
        let frame = plain(guest(last), BROADCAST, "me");
        worker.send(world, "n2/b-w2", &frame);
    };
    say(&world, &mut workers[0], 1);
    world.now = world.now + Duration::from_millis(1);
    say(&world, &mut workers[1], 2);
    relay(&world, &mut workers);
    for worker in &workers {
        let known = worker.forwarder.fdb(world.now).map(|it| it.mac);
        let mut known: Vec<Mac> = known.filter(|mac| mac.0[4] == 0x77).collect();
        known.sort();
        assert_eq!(known, [guest(1)], "the earlier one");
    }
    let (_, port) = world.place("n2/b-w2");
    for worker in &mut workers {
        say(&world, worker, 2);
        let counters = &worker.forwarder.counters().ports[port.index()];
        assert_eq!(counters.ingress_drops.get(DropReason::MacLimit), 1);
    }
}
