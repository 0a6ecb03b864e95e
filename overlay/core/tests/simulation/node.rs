//! One honest node: the product's forwarder and control protocol, and what they ask for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mock_instant::MockClock;
use skerry_overlay::{
    Claim, Ecn, Forwarder, Frame, Joins, Mesh, Onward, Output, Refused, Setup, Sink, Time, Transmit,
};
use skerry_policy::{Fabric, LocalPort, NodeId};

use crate::site::secret;

/// How long a silent address is remembered: the product's own.
const AGE: Duration = Duration::from_secs(300);
/// Small, so that it is cheap to make and its bound is met.
pub(crate) const FDB_LIMIT: usize = 512;

/// Rounds of effects that have effects; more than a few would be a loop.
const ROUNDS: usize = 64;

/// What one call of the product did.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) delivered: Vec<(usize, Vec<u8>)>,
    pub(crate) sent: Vec<(SocketAddr, Vec<u8>)>,
    claims: Vec<Claim>,
    control: Vec<(NodeId, Vec<u8>)>,
    /// By [`LocalPort`]: the port of the site, and whether it takes nothing now.
    ports: Vec<(usize, bool)>,
    /// By [`LocalPort`]: copies taken since the node started.
    taken: Vec<u64>,
}

impl Sink for Effects {
    fn deliver(&mut self, port: LocalPort, frame: Frame<'_>) -> Result<(), Refused> {
        let (index, stuck) = self.ports[port.index()];
        if stuck {
            return Err(Refused::Full);
        }
        self.taken[index] += 1;
        self.delivered.push((index, frame.bytes.to_vec()));
        Ok(())
    }

    fn transmit(&mut self, datagrams: Transmit<'_>) {
        for datagram in datagrams.bytes.chunks(datagrams.size.max(1)) {
            self.sent.push((datagrams.to, datagram.to_vec()));
        }
    }

    fn handoff(&mut self, _: Onward, _: Frame<'_>) -> Result<(), Refused> {
        panic!("every forwarder here owns its lanes")
    }

    fn control(&mut self, from: NodeId, _at: SocketAddr, message: &[u8]) {
        self.control.push((from, message.to_vec()));
    }

    fn claim(&mut self, claim: Claim) {
        self.claims.push(claim);
    }
}

/// A node that runs.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) forwarder: Forwarder,
    pub(crate) mesh: Mesh,
    pub(crate) effects: Effects,
    pub(crate) generation: u64,
    /// By port of the site: frames this node was given.
    pub(crate) given: Vec<u64>,
}

/// How a node starts.
pub(crate) struct Start<'a> {
    pub(crate) node: usize,
    pub(crate) fabric: &'a Arc<Fabric>,
    pub(crate) generation: u64,
    /// Random, new at every start.
    pub(crate) boot: u64,
    pub(crate) ports: usize,
}

impl Node {
    pub(crate) fn start(now: Time, start: &Start<'_>) -> Self {
        let id = start.fabric.node_named(&format!("n{}", start.node));
        let tables = Arc::new(start.fabric.tables_for(id.unwrap(), start.generation));
        let [a, b, c, d, ..] = start.boot.to_be_bytes();
        let setup = Setup {
            tables: Arc::clone(&tables),
            secret: secret(start.node),
            worker: 0,
            owns_lanes: true,
            seed: u32::from_be_bytes([a, b, c, d]),
            age: AGE,
            fdb_limit: FDB_LIMIT,
            joins: Joins::All,
            shares: false,
        };
        let mut node = Self {
            forwarder: at_the_origin(|| Forwarder::new(now, setup)),
            mesh: Mesh::new(now, start.boot, tables),
            effects: Effects::default(),
            generation: start.generation,
            given: vec![0; start.ports],
        };
        node.effects.taken = vec![0; start.ports];
        node.number_ports();
        for port in 0..node.effects.ports.len() {
            node.set_up(port, true);
        }
        // boringtun learns the time from its timers only.
        node.forwarder.handle_timeout(now, &mut node.effects);
        node
    }

    /// Another generation, from now on.
    pub(crate) fn install(&mut self, now: Time, fabric: &Arc<Fabric>, node: usize) {
        self.generation += 1;
        let id = fabric.node_named(&format!("n{node}")).unwrap();
        let tables = Arc::new(fabric.tables_for(id, self.generation));
        let before: Vec<usize> = self.effects.ports.iter().map(|it| it.0).collect();
        let (forwarder, effects) = (&mut self.forwarder, &mut self.effects);
        at_the_origin(|| forwarder.install(now, Arc::clone(&tables), effects));
        self.number_ports();
        let new = self.effects.ports.clone();
        for (local, (port, _)) in new.into_iter().enumerate() {
            if !before.contains(&port) {
                // The counters of a port begin with it.
                (self.given[port], self.effects.taken[port]) = (0, 0);
                self.set_up(local, true);
            }
        }
        self.mesh.install(now, tables);
        self.mesh.handle_timeout(now);
    }

    fn number_ports(&mut self) {
        let tables = self.forwarder.tables();
        let ports = tables.local.ports.iter();
        let name = |id| tables.fabric.port_name(id);
        let number = |name: String| name.rsplit_once('p').unwrap().1.parse().unwrap();
        self.effects.ports = ports.map(|&id| (number(name(id)), false)).collect();
    }

    fn set_up(&mut self, local: usize, up: bool) {
        let local = LocalPort(u32::try_from(local).unwrap());
        self.forwarder.set_port_up(local, up, &mut self.effects);
    }

    /// Where a port of the site is here.
    pub(crate) fn local(&self, port: usize) -> Option<usize> {
        self.effects.ports.iter().position(|it| it.0 == port)
    }

    /// The device of a port goes up or down.
    pub(crate) fn set_link(&mut self, port: usize, up: bool) {
        if let Some(local) = self.local(port) {
            self.set_up(local, up);
        }
    }

    /// The queue of a port fills or empties.
    pub(crate) fn set_stuck(&mut self, port: usize, stuck: bool) {
        if let Some(local) = self.local(port) {
            self.effects.ports[local].1 = stuck;
        }
    }

    /// A guest's frame. Nothing happens at a port that this generation does not have.
    pub(crate) fn frame(&mut self, now: Time, port: usize, frame: Frame<'_>) {
        if let Some(local) = self.local(port) {
            self.given[port] += 1;
            let local = LocalPort(u32::try_from(local).unwrap());
            self.forwarder
                .handle_frame(now, local, frame, &mut self.effects);
        }
    }

    pub(crate) fn datagram(&mut self, now: Time, from: SocketAddr, bytes: &[u8]) {
        self.forwarder
            .handle_datagram(now, from, Ecn::NotEct, bytes, &mut self.effects);
    }

    /// Runs every timer that is due.
    pub(crate) fn timers(&mut self, now: Time) {
        if self.forwarder.poll_timeout().is_some_and(|due| due <= now) {
            self.forwarder.handle_timeout(now, &mut self.effects);
        }
        if self.mesh.poll_timeout().is_some_and(|due| due <= now) {
            self.mesh.handle_timeout(now);
        }
    }

    /// When [`Self::timers`] has something to do.
    pub(crate) fn due(&self) -> Option<Time> {
        let dues = [self.forwarder.poll_timeout(), self.mesh.poll_timeout()];
        dues.into_iter().flatten().min()
    }

    /// Carries claims and control messages between the halves until none is left, as the
    /// daemon does, and ends the batch.
    pub(crate) fn settle(&mut self, now: Time) {
        for _ in 0..ROUNDS {
            for claim in std::mem::take(&mut self.effects.claims) {
                self.mesh.handle_claim(now, &claim);
            }
            for (from, message) in std::mem::take(&mut self.effects.control) {
                self.mesh.handle_message(now, from, &message);
            }
            let mut still = true;
            while let Some(output) = self.mesh.poll_output() {
                still = false;
                match output {
                    // A message that cannot be sent is lost, as any may be.
                    Output::Send { to, message } => {
                        let (forwarder, effects) = (&mut self.forwarder, &mut self.effects);
                        let _sent = forwarder.send_control(now, to, &message, effects);
                    }
                    Output::Claim(claim) => {
                        let effects = &mut self.effects;
                        self.forwarder.apply_claim(now, &claim, effects);
                    }
                    // Its nodes have one worker each, and offer nothing.
                    Output::Lanes { .. } => {}
                    Output::Path { to, mtu } => self.forwarder.set_path(to, mtu),
                }
            }
            if still && self.effects.claims.is_empty() && self.effects.control.is_empty() {
                return self.forwarder.flush(&mut self.effects);
            }
        }
        panic!("claims and messages of one node go on for ever");
    }

    /// By port of the site: copies its sink took.
    pub(crate) fn taken(&self, port: usize) -> u64 {
        self.effects.taken[port]
    }

    /// Ports of the site, in the order of the node's own numbers.
    pub(crate) fn ports(&self) -> impl Iterator<Item = usize> {
        self.effects.ports.iter().map(|it| it.0)
    }
}

/// Makes tunnels as if the run had just begun.
///
/// boringtun stamps a handshake with the wall clock at the making of the tunnel and the monotonic
/// time since then. The wall clock does not move with the simulation: a node that restarts after
/// ten simulated seconds would stamp earlier than before, and be refused as a replay. A real
/// clock has moved on; so has the sum of the two when the tunnel counts from the origin.
pub(crate) fn at_the_origin<T>(make: impl FnOnce() -> T) -> T {
    let now = MockClock::time();
    MockClock::set_time(ORIGIN);
    let made = make();
    MockClock::set_time(now);
    made
}

/// The monotonic clock when a run begins.
pub(crate) const ORIGIN: Duration = Duration::from_secs(1000);
