//! The forwarder: one per worker, the only place in Skerry that decides where a frame goes.
//!
//! | file | noun |
//! |---|---|
//! | `admission` | is this a frame at all, and may this port send its kind |
//! | `source` | is the sender who it says it is |
//! | `inspect` | what its payload says: ARP, IP, neighbour discovery |
//! | `licence` | whether it may say so: router advertisements, DHCP |
//! | `listening` | multicast groups and who asks for them |
//! | `answer` | questions the fabric answers itself |
//! | `too_big` | what a sender is told whose packets are too long |
//! | `clamp` | the segment size of TCP, held to what the fabric carries |
//! | `hairpin` | traffic between hosts by way of the gateway, and redirects around it |
//! | `routes` | which port of a peer speaks for those it may be |
//! | `meter` | how much of it, and how many copies |
//! | `berth` | what changes at a port with every frame |
//! | `shorten` | queues that have grown too long |
//! | `congestion` | marks of the underlay |
//! | `verdict` | who receives it |
//! | `peering` | the one way into another private VLAN |
//! | `path` | what fits on the way to another node |
//! | `copies` | handing copies to ports and to tunnels |
//! | `joining` | TCP and UDP out of tunnels, joined before anything else looks at it |
//! | `ingress`, `tunnel` | the two ways in |
//! | `edge` | ports that are the far end of a tunnel |
//! | `tag` | VLAN tags, off and on |
//! | `install` | changing the generation |
//!
//! Invariants: nothing reaches a port or a tunnel but through `verdict` and `copies`, which ask
//! the compiled tables; a frame from a tunnel of the mesh is never offered to another; every frame
//! ends in exactly one [`Outcome`] or one drop reason, and is counted there and nowhere else.

mod admission;
mod answer;
mod berth;
mod clamp;
mod congestion;
mod copies;
mod edge;
mod flow;
mod hairpin;
mod ingress;
mod inspect;
mod install;
mod joining;
mod licence;
mod listening;
mod meter;
mod pass;
mod path;
mod peering;
mod routes;
mod shorten;
mod source;
mod state;
mod tag;
mod too_big;
mod tunnel;
mod verdict;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use skerry_policy::{LocalPort, NodeId, Tables};
use x25519_dalek::StaticSecret;

use crate::claim::{Claim, Place};
use crate::counters::Counters;
use crate::fdb::{FdbEntry, Lead};
use crate::frame::{Frame, Weight};
use crate::gro::Joins;
use crate::sink::{Onward, Refused, Sink};
use crate::time::Time;
use crate::wg::{LANES, LaneStatus, Lanes, Scratch, Told};
use crate::wire::ecn::Ecn;
use pass::{Pass, Remote};
use state::State;

/// How often silent addresses are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// What a forwarder is made from.
pub struct Setup {
    /// The generation to start with.
    pub tables: Arc<Tables>,
    /// The node's WireGuard key.
    pub secret: StaticSecret,
    /// This worker's number, and that of its lanes. Worker 0 has the tunnels that are always there.
    pub worker: u32,
    /// Whether tunnels end here: on worker 0, and on every other that has sockets. What another one
    /// than worker 0 has no lane for, it hands over.
    pub owns_lanes: bool,
    /// Random, new at every start: session numbers must not repeat.
    pub seed: u32,
    /// How long a silent address is remembered.
    pub age: Duration,
    /// MAC addresses the node learns at most.
    pub fdb_limit: usize,
    /// Which frames out of tunnels that continue each other are joined, so that ports get superframes.
    pub joins: Joins,
    /// Whether other workers read the ports that this one reads, each some of their flows.
    pub shares: bool,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            worker,
            owns_lanes,
            age,
            fdb_limit,
            joins,
            shares,
            ..
        } = self;
        f.debug_struct("Setup")
            .field("worker", worker)
            .field("owns_lanes", owns_lanes)
            .field("age", age)
            .field("fdb_limit", fdb_limit)
            .field("joins", joins)
            .field("shares", shares)
            .finish_non_exhaustive()
    }
}

/// One worker's datapath.
///
/// Methods come in quinn's four kinds: `handle_*` take what happened, `install`, `apply_claim`,
/// `set_path`, `set_port_up` and `send_control` are commands, `poll_timeout` says when time itself matters,
/// and the rest are getters. Effects leave through the [`Sink`] given to each call.
#[derive(Debug)]
pub struct Forwarder {
    tables: Arc<Tables>,
    /// `None` on a worker that hands every frame over.
    lanes: Option<Lanes>,
    /// What datagrams are opened into: not the lanes', which a frame may need on its way.
    opened: Scratch,
    state: State,
    next_sweep: Time,
}

impl Forwarder {
    /// A datapath with every port down; those behind a stock edge have no device and are up.
    pub fn new(now: Time, setup: Setup) -> Self {
        let Setup {
            tables,
            secret,
            worker,
            owns_lanes,
            seed,
            age,
            fdb_limit,
            joins,
            shares,
        } = setup;
        let number = u8::try_from(worker).ok().filter(|it| *it < LANES);
        let number = number.filter(|_| owns_lanes);
        let mut lanes = number.map(|number| Lanes::new(secret, number, seed));
        if let Some(lanes) = &mut lanes {
            lanes.install(now, &tables.fabric, tables.me);
        }
        let state = State::new(&tables, age, fdb_limit, u64::from(seed), joins, shares);
        Self {
            tables,
            lanes,
            opened: Scratch::default(),
            state,
            next_sweep: now + SWEEP,
        }
    }

    /// A frame a guest sent. Says what it weighed: how much work it was.
    pub fn handle_frame(
        &mut self,
        now: Time,
        port: LocalPort,
        frame: Frame<'_>,
        sink: &mut impl Sink,
    ) -> Weight {
        self.pass(now, sink).admit_from_port(port, frame)
    }

    /// A datagram from the underlay, and what its IP header says of congestion. Dropped unread on a
    /// worker without lanes.
    pub fn handle_datagram(
        &mut self,
        now: Time,
        from: SocketAddr,
        ecn: Ecn,
        datagram: &[u8],
        sink: &mut impl Sink,
    ) {
        let Some(lanes) = &mut self.lanes else { return };
        tunnel::receive(
            &self.tables,
            lanes,
            &mut self.state,
            now,
            sink,
            from,
            ecn,
            datagram,
            &mut self.opened,
        );
    }

    /// A frame that another worker's port sent to a remote node, or to a stock edge of this one. Says
    /// what it weighed.
    pub fn handle_handoff(
        &mut self,
        now: Time,
        to: Onward,
        frame: Frame<'_>,
        sink: &mut impl Sink,
    ) -> Weight {
        self.pass(now, sink).copy_handed_over(to, frame)
    }

    /// Timers of the tunnels, and ageing.
    pub fn handle_timeout(&mut self, now: Time, sink: &mut impl Sink) {
        if let Some(lanes) = &mut self.lanes {
            lanes.handle_timeout(now, sink);
        }
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP;
            let generation = self.tables.generation;
            self.state
                .expire(now, generation, |claim| sink.claim(claim));
        }
    }

    /// When [`Self::handle_timeout`] wants to be called next.
    pub fn poll_timeout(&self) -> Option<Time> {
        let lanes = self.lanes.as_ref().and_then(Lanes::poll_timeout);
        Some(lanes.map_or(self.next_sweep, |lanes| lanes.min(self.next_sweep)))
    }

    /// The end of a batch: what was held back to be joined goes its way, and whatever the lanes
    /// gathered is sent.
    pub fn flush(&mut self, sink: &mut impl Sink) {
        self.release(sink);
        if let Some(lanes) = &mut self.lanes {
            lanes.flush(sink);
        }
    }

    /// Sends a control message to a peer, inside its tunnel.
    ///
    /// # Errors
    /// The message is too long, the peer has no lane here, or it cannot be reached now.
    pub fn send_control(
        &mut self,
        now: Time,
        to: NodeId,
        message: &[u8],
        sink: &mut impl Sink,
    ) -> Result<(), Refused> {
        self.pass(now, sink).send_control(to, message)
    }

    /// A peer has told of this worker's lane of it, or that it has none; `peer` is in the numbering
    /// of the tables that run.
    pub fn tell_lane(&mut self, now: Time, peer: NodeId, told: Option<Told>, sink: &mut impl Sink) {
        let Tables { fabric, me, .. } = &*self.tables;
        if let Some(lanes) = &mut self.lanes {
            lanes.tell(now, fabric, *me, peer, told, sink);
        }
    }

    /// Another worker, or through the control task a peer, says where an address is. The rules
    /// are those of the table; claims of other generations are ignored.
    pub fn apply_claim(&mut self, now: Time, claim: &Claim, sink: &mut impl Sink) {
        if claim.generation != self.tables.generation {
            return;
        }
        let tell = |gone| sink.claim(gone);
        let applied = self.state.apply(&self.tables, now, claim, tell);
        // Every worker hears of it; the first counts.
        let first = self.lanes.as_ref().is_some_and(Lanes::is_first);
        if let (false, Place::Node(node), true) = (applied, claim.place, first)
            && let Some(counters) = self.state.peer_counters(node)
        {
            counters.claims_refused += 1;
        }
    }

    /// The port's device came up or went down. Ports start down; what was learned on a port that
    /// goes down is forgotten.
    pub fn set_port_up(&mut self, port: LocalPort, up: bool, sink: &mut impl Sink) {
        self.release(sink);
        self.state.set_up(port, up);
        if !up {
            self.state
                .forget_port(&self.tables, port, |claim| sink.claim(claim));
        }
    }

    /// The generation this worker runs.
    pub const fn tables(&self) -> &Arc<Tables> {
        &self.tables
    }

    /// What it counted so far.
    pub const fn counters(&self) -> &Counters {
        &self.state.counters
    }

    /// Its MAC table, in no order.
    pub fn fdb(&self, now: Time) -> impl Iterator<Item = FdbEntry> {
        self.state.fdb.list(now)
    }

    /// Its tunnels.
    pub fn peers(&self) -> impl Iterator<Item = LaneStatus> {
        self.lanes.iter().flat_map(Lanes::status)
    }

    /// Takes what was held back to be joined to its outcome.
    fn release(&mut self, sink: &mut impl Sink) {
        joining::release(&self.tables, self.lanes.as_mut(), &mut self.state, sink);
    }

    fn pass<'a, S: Sink>(&'a mut self, now: Time, sink: &'a mut S) -> Pass<'a, S> {
        let remote = self.lanes.as_mut().map_or(Remote::Handoff, Remote::Lanes);
        Pass {
            tables: &self.tables,
            remote,
            state: &mut self.state,
            sink,
            now,
            lead: Lead::default(),
        }
    }
}
