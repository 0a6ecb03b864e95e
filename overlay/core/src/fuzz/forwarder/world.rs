//! The fabric: forwarders, the hostile peer's lanes, and a network that carries at once.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use skerry_policy::{LocalPort, NodeId, Tables};

use crate::claim::{Claim, Place, Strength};
use crate::control::{Mesh, Output};
use crate::forwarder::{Forwarder, Setup};
use crate::frame::Frame;
use crate::fuzz::script::Script;
use crate::fuzz::site::{self, SEATS, Seat};
use crate::gro::Joins;
use crate::gso::Segments;
use crate::sink::{Onward, Refused, Sink, Transmit};
use crate::time::Time;
use crate::wg::{Lanes, Opened, Scratch};
use crate::wire::ecn::Ecn;

/// Our own nodes have the numbers 1 and 2; this is the peer's.
pub(super) const HOSTILE: usize = 3;
const AGE: Duration = Duration::from_secs(300);
const FDB_LIMIT: usize = 64;

/// What one forwarder did since it was last asked.
#[derive(Default)]
pub(super) struct Recorder {
    pub(super) delivered: Vec<(LocalPort, Vec<u8>)>,
    /// Frames that the copies delivered so far stand for.
    copies: u64,
    sent: Vec<(usize, Vec<u8>)>,
    claims: Vec<Claim>,
    control: Vec<(NodeId, Vec<u8>)>,
    /// A script may say that ports are full.
    full: bool,
}

impl Sink for Recorder {
    fn deliver(&mut self, port: LocalPort, frame: Frame<'_>) -> Result<(), Refused> {
        if self.full {
            return Err(Refused::Full);
        }
        let stands_for = Segments::new(frame).map_or(1, |it| it.count());
        self.copies += u64::try_from(stands_for).expect("a count");
        self.delivered.push((port, frame.bytes.to_vec()));
        Ok(())
    }

    fn transmit(&mut self, datagrams: Transmit<'_>) {
        let node = (1..=HOSTILE).find(|node| site::endpoint(*node) == datagrams.to);
        let node = node.expect("nodes stay where they are");
        for datagram in datagrams.bytes.chunks(datagrams.size) {
            self.sent.push((node, datagram.to_vec()));
        }
    }

    fn handoff(&mut self, to: Onward, _: Frame<'_>) -> Result<(), Refused> {
        panic!("every forwarder here owns its lanes: {to:?}")
    }

    fn control(&mut self, from: NodeId, _at: SocketAddr, message: &[u8]) {
        self.control.push((from, message.to_vec()));
    }

    fn claim(&mut self, claim: Claim) {
        self.claims.push(claim);
    }
}

/// One of our own nodes.
pub(super) struct Node {
    pub(super) number: usize,
    pub(super) forwarder: Forwarder,
    pub(super) mesh: Mesh,
    pub(super) recorder: Recorder,
    /// Which of the site's policies it runs.
    pub(super) generation: usize,
    /// By place in the tables.
    pub(super) up: Vec<bool>,
}

/// Everything.
pub(super) struct World {
    pub(super) now: Time,
    pub(super) nodes: [Node; 2],
    hostile: Lanes,
    /// What the peer was sent through its tunnels.
    pub(super) overheard: Vec<(usize, Vec<u8>)>,
    /// Data datagrams that our nodes sent each other or the peer.
    pub(super) carried: usize,
    /// The last datagram that one of our nodes got from the peer.
    pub(super) last: Vec<u8>,
    pub(super) used: u32,
}

/// A node's identifier: the same in every policy of the site.
pub(super) fn id(number: usize) -> NodeId {
    NodeId(u32::try_from(number - 1).expect("a small number"))
}

/// What a node runs, compiled once: the blank policy under 0, then those of the site.
fn tables(generation: usize, number: usize) -> Arc<Tables> {
    static TABLES: OnceLock<[[Arc<Tables>; 2]; 3]> = OnceLock::new();
    let all = TABLES.get_or_init(|| {
        let fabrics = [site::blank(), site::fabric(0), site::fabric(1)];
        let mut count = 0_u64..;
        fabrics.map(|fabric| {
            let count = count.next().unwrap_or_default();
            [1, 2].map(|number| Arc::new(fabric.tables_for(id(number), count)))
        })
    });
    Arc::clone(&all[generation][number - 1])
}

impl Node {
    fn new(number: usize, now: Time) -> Self {
        let setup = Setup {
            tables: tables(0, number),
            secret: site::secret(number),
            worker: 0,
            owns_lanes: true,
            seed: 0x5eed,
            age: AGE,
            fdb_limit: FDB_LIMIT,
            joins: Joins::All,
            shares: false,
        };
        Self {
            number,
            forwarder: Forwarder::new(now, setup),
            mesh: Mesh::new(now, 1, tables(1, number)),
            recorder: Recorder::default(),
            generation: 0,
            up: Vec::new(),
        }
    }

    fn install(&mut self, now: Time, generation: usize) {
        let tables = tables(generation + 1, self.number);
        self.forwarder
            .install(now, Arc::clone(&tables), &mut self.recorder);
        self.mesh.install(now, tables);
        self.generation = generation;
    }

    /// As the oracle knows the port in this place, by the policy that runs.
    pub(super) fn seat(&self, port: usize) -> &'static Seat {
        let mine = SEATS[self.generation]
            .iter()
            .filter(|it| it.node == self.number);
        // Tables list ports in order of name within a node.
        let tables = self.forwarder.tables();
        let name = tables.fabric.port_name(tables.local.ports[port]);
        let name = name.rsplit('/').next().unwrap_or_default().to_owned();
        mine.into_iter()
            .find(|it| it.name == name)
            .expect("a port of the site")
    }

    fn set_up(&mut self, port: usize, up: bool) {
        self.up[port] = up;
        let port = LocalPort(u32::try_from(port).expect("a small number"));
        self.forwarder.set_port_up(port, up, &mut self.recorder);
    }
}

impl World {
    pub(super) fn new() -> Self {
        let now = Time(1_000_000_000);
        let mut hostile = Lanes::new(site::secret(HOSTILE), 0, 3);
        hostile.install(now, &site::blank(), id(HOSTILE));
        let mut world = Self {
            now,
            nodes: [Node::new(1, now), Node::new(2, now)],
            hostile,
            overheard: Vec::new(),
            carried: 0,
            last: Vec::new(),
            used: 0,
        };
        for _ in 0..8 {
            world.pass(Duration::from_millis(250));
        }
        for node in &world.nodes {
            let up = node
                .forwarder
                .peers()
                .filter(|peer| peer.has_session)
                .count();
            assert_eq!(up, 2, "n{} has its tunnels", node.number);
        }
        world
    }

    /// Forgets all that hosts and the peer made of it: a policy without any of its ports is
    /// installed, and then the first one. The tunnels stay.
    pub(super) fn reset(&mut self) {
        self.used += 1;
        for node in &mut self.nodes {
            // Ports that vanish take their counters along.
            node.recorder = Recorder::default();
            let blank = tables(0, node.number);
            node.forwarder.install(self.now, blank, &mut node.recorder);
            node.install(self.now, 0);
            node.mesh = Mesh::new(self.now, 1, Arc::clone(node.forwarder.tables()));
            let ports = node.forwarder.tables().local.ports.len();
            node.up = vec![true; ports];
            for port in 0..ports {
                node.set_up(port, true);
            }
        }
        self.greet();
        self.pass(Duration::from_secs(1));
        self.last.clear();
    }

    /// Lets time pass, short of boringtun's own clock.
    pub(super) fn advance(&mut self, script: &mut Script<'_>) {
        let span = match script.byte() {
            byte @ 0..200 => Duration::from_millis(u64::from(byte) * 40),
            _ => Duration::from_millis(u64::from(script.word()) * 10),
        };
        self.greet();
        self.pass(span);
    }

    /// Everybody says something to everybody, as nodes do once a second: whoever hears nothing
    /// begins a handshake.
    fn greet(&mut self) {
        for node in &mut self.nodes {
            for peer in (1..=HOSTILE).filter(|peer| *peer != node.number) {
                let sent =
                    node.forwarder
                        .send_control(self.now, id(peer), b"?", &mut node.recorder);
                assert_eq!(sent, Ok(()), "n{} to n{peer}", node.number);
            }
        }
        for number in [1, 2] {
            self.seal(number, &[0x45; 32]);
        }
        self.settle();
    }

    fn pass(&mut self, span: Duration) {
        self.now = self.now + span;
        let mut wire = Recorder::default();
        self.hostile.handle_timeout(self.now, &mut wire);
        for node in &mut self.nodes {
            node.forwarder.handle_timeout(self.now, &mut node.recorder);
            node.mesh.handle_timeout(self.now);
        }
        self.spread(HOSTILE, wire.sent);
        self.settle();
    }

    /// One node or both change over; ports that are down stay down.
    pub(super) fn reload(&mut self, script: &mut Script<'_>) {
        let how = script.byte();
        for node in &mut self.nodes {
            if how & 1 << node.number != 0 {
                node.install(self.now, usize::from(how & 1));
            }
        }
        self.settle();
    }

    /// A port comes up or goes down, or every port is full for a while.
    pub(super) fn flip_port(&mut self, script: &mut Script<'_>) {
        let how = script.byte();
        let node = &mut self.nodes[usize::from(how & 1)];
        if how & 0xc0 == 0xc0 {
            node.recorder.full = !node.recorder.full;
        } else {
            let port = usize::from(how >> 1) % node.up.len();
            node.set_up(port, !node.up[port]);
        }
        self.settle();
    }

    /// A frame of a host.
    pub(super) fn send(&mut self, node: usize, port: usize, frame: Frame<'_>) {
        self.forget();
        let now = self.now;
        let node = &mut self.nodes[node];
        let port = LocalPort(u32::try_from(port).expect("a small number"));
        node.forwarder
            .handle_frame(now, port, frame, &mut node.recorder);
        self.settle();
    }

    /// An inner packet of the peer, to one of our nodes.
    pub(super) fn send_sealed(&mut self, node: usize, packet: &[u8]) {
        self.forget();
        self.seal(node + 1, packet);
        self.settle();
    }

    fn seal(&mut self, to: usize, packet: &[u8]) {
        let mut wire = Recorder::default();
        let sealed = self.hostile.seal(self.now, id(to), packet, &mut wire);
        assert_eq!(sealed, Ok(()), "the peer has its tunnels");
        self.hostile.flush(&mut wire);
        self.spread(HOSTILE, wire.sent);
    }

    /// A datagram from the peer's place, whoever made it.
    pub(super) fn send_datagram(&mut self, node: usize, datagram: &[u8]) {
        self.forget();
        self.arrive(HOSTILE, node + 1, datagram);
        self.settle();
    }

    fn forget(&mut self) {
        self.overheard.clear();
        self.carried = 0;
        for node in &mut self.nodes {
            node.recorder.delivered.clear();
        }
    }

    /// Carries datagrams and claims until nothing moves.
    pub(super) fn settle(&mut self) {
        for _ in 0..32 {
            let mut moved = false;
            for index in 0..self.nodes.len() {
                let node = &mut self.nodes[index];
                node.forwarder.flush(&mut node.recorder);
                let number = node.number;
                let sent = std::mem::take(&mut node.recorder.sent);
                let claims = std::mem::take(&mut node.recorder.claims);
                moved |= !sent.is_empty() || !claims.is_empty();
                self.spread(number, sent);
                for claim in claims {
                    self.relay(index, claim);
                }
                self.hear(index);
            }
            if !moved {
                return;
            }
        }
        panic!("the network does not come to rest");
    }

    fn spread(&mut self, from: usize, sent: Vec<(usize, Vec<u8>)>) {
        for (to, datagram) in sent {
            if from != HOSTILE && datagram.first() == Some(&4) && datagram.len() > 32 {
                self.carried += 1;
            }
            self.arrive(from, to, &datagram);
        }
    }

    fn arrive(&mut self, from: usize, to: usize, datagram: &[u8]) {
        let source = site::endpoint(from);
        if to != HOSTILE {
            // Whoever seals frames of every length meets every mark of the underlay.
            let mut ecn = Ecn::NotEct;
            if from == HOSTILE {
                self.last = datagram.to_vec();
                ecn = Ecn::of_tos(u8::try_from(datagram.len() / 16 % 4).unwrap_or(0));
            }
            let node = &mut self.nodes[to - 1];
            node.forwarder
                .handle_datagram(self.now, source, ecn, datagram, &mut node.recorder);
            return;
        }
        let mut wire = Recorder::default();
        if let Opened::Packet { bytes, .. } = self.hostile.open(
            self.now,
            source,
            datagram,
            &mut Scratch::default(),
            &mut wire,
        ) {
            self.overheard.push((from, bytes.to_vec()));
        }
        self.spread(HOSTILE, wire.sent);
    }

    /// As the control protocol does: our own addresses, at their node.
    fn relay(&mut self, from: usize, claim: Claim) {
        if matches!(claim.place, Place::Node(_)) {
            return;
        }
        let place = Place::Node(id(from + 1));
        let node = &mut self.nodes[1 - from];
        let claim = Claim { place, ..claim };
        node.forwarder
            .apply_claim(self.now, &claim, &mut node.recorder);
    }

    /// Control messages go to the mesh, and what it makes of them to the tables.
    fn hear(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        for (from, message) in std::mem::take(&mut node.recorder.control) {
            node.mesh.handle_message(self.now, from, &message);
        }
        while let Some(output) = node.mesh.poll_output() {
            match output {
                Output::Claim(claim) => {
                    node.forwarder
                        .apply_claim(self.now, &claim, &mut node.recorder);
                }
                Output::Path { to, mtu } => node.forwarder.set_path(to, mtu),
                // Nobody here listens, and everybody has one lane.
                Output::Send { .. } | Output::Lanes { .. } => {}
            }
        }
    }

    /// Both equations of every port and peer; every copy recorded was counted; and what one of
    /// our nodes sealed for the other arrived there.
    pub(super) fn check_counters(&mut self) {
        for node in &mut self.nodes {
            let counters = node.forwarder.counters();
            assert!(
                counters.ports.iter().all(|it| it.balanced()),
                "{counters:#?}"
            );
            assert!(
                counters.peers.iter().all(|it| it.balanced()),
                "{counters:#?}"
            );
            let sent: u64 = counters.ports.iter().map(|it| it.sent).sum();
            assert_eq!(
                sent, node.recorder.copies,
                "n{}: {counters:#?}",
                node.number
            );
        }
        for (from, to) in [(0, 1), (1, 0)] {
            let out = &self.nodes[from].forwarder.counters().peers[to];
            let arrived = &self.nodes[to].forwarder.counters().peers[from];
            assert_eq!(out.frames_out, arrived.frames_in, "{out:#?} {arrived:#?}");
        }
    }

    /// Nothing that policy binds has moved, the tables are bounded, and the peer holds only what
    /// is its own.
    pub(super) fn check_tables(&self) {
        for node in &self.nodes {
            let fabric = &node.forwarder.tables().fabric;
            let mut entries = 0;
            let mut gateway = None;
            for entry in node.forwarder.fdb(self.now) {
                entries += 1;
                let segment = fabric.segment(entry.segment).expect("a segment");
                if segment.name.starts_with("blue") && entry.mac.0 == site::GATEWAY {
                    gateway = Some(entry);
                }
                if let Place::Node(at) = entry.place {
                    assert!(fabric.may_send(at, entry.segment), "{entry:?}");
                }
            }
            let gateway = gateway.expect("what is bound stays");
            let there = match gateway.place {
                Place::Node(at) => at == id(1),
                Place::Port(_) => node.number == 1,
            };
            assert!(there && gateway.strength == Strength::Bound, "{gateway:?}");
            assert!(entries <= FDB_LIMIT, "{entries}");
        }
    }
}
