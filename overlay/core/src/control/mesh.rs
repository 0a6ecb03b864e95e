//! The control protocol as a machine: messages, claims and `now` in, messages and claims out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};
use skerry_policy::{Digest, NodeId, Tables, Vni};

use crate::claim::{Change, Claim, Place, Strength};
use crate::control::binding::{Hold, Key, Record};
use crate::control::hello::Hello;
use crate::control::message::Message;
use crate::control::neighbour::{Neighbour, Noted, sayable, shares};
use crate::control::offers::{LaneOffer, Offers};
use crate::control::own::Own;
use crate::control::page::{Bindings, List, Range, changes};
use crate::control::probe::Probe;
use crate::time::Time;

/// Changes wait so long for company.
const GATHER: Duration = Duration::from_millis(10);
/// More changes at once than this, and everything is told again instead.
const CHANGES_MAX: usize = 4_096;
/// Pages to one peer before others get their turn.
const PAGES_PER_STEP: usize = 16;

/// What is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// Send this through the tunnel.
    Send {
        /// The peer.
        to: NodeId,
        /// At most [`MESSAGE_MAX`](crate::MESSAGE_MAX) bytes; a probe is as long as what it asks
        /// about.
        message: Vec<u8>,
    },
    /// Apply this on every worker; its place is the peer that said so.
    Claim(Claim),
    /// Tell every worker but the first of its lane of a peer, or that it has none.
    Lanes {
        /// The peer.
        of: NodeId,
        /// Random per start of the peer.
        boot: u64,
        /// Those that it has, the first left out.
        lanes: Vec<LaneOffer>,
    },
    /// Tell every worker what the path to a peer carries.
    Path {
        /// The peer.
        to: NodeId,
        /// The largest IP packet that fits in one datagram, in bytes; never more than the
        /// fabric's MTU.
        mtu: u16,
    },
}

/// How a peer is doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PeerStatus {
    /// The peer.
    pub node: NodeId,
    /// Its count of accepted site files, once it has been heard.
    pub generation: Option<u64>,
    /// The policy it runs.
    pub digest: Option<Digest>,
    /// It was heard lately, and runs the same policy.
    pub converged: bool,
    /// Smoothed round-trip time through the tunnel.
    pub rtt: Option<Duration>,
    /// How long ago it was heard.
    pub last_heard: Option<Duration>,
    /// The largest IP packet that the path to it carries, where that is less than the fabric's MTU.
    pub narrow: Option<u16>,
}

/// Messages, or parts of them, that changed nothing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ignored {
    /// Not a message of this version, or of a node that does not speak the protocol.
    pub malformed: u64,
    /// Older than what was heard, or under another policy.
    pub stale: u64,
    /// A binding that policy does not let this peer have.
    pub foreign: u64,
    /// One binding too many.
    pub overflow: u64,
}

/// One node's end of the control protocol.
#[derive(Debug)]
pub struct Mesh {
    boot: u64,
    tables: Arc<Tables>,
    /// Segments of the private VLANs that this node has a port in.
    shares: FxHashSet<Vni>,
    neighbours: BTreeMap<NodeId, Neighbour>,
    own: Own,
    /// What this node tells of its lanes.
    lanes: Vec<LaneOffer>,
    changes: Vec<Record>,
    changes_at: Option<Time>,
    outputs: VecDeque<Output>,
    ignored: Ignored,
    now: Time,
}

impl Mesh {
    /// A node that has just started; `boot` is random.
    pub fn new(now: Time, boot: u64, tables: Arc<Tables>) -> Self {
        let mut mesh = Self {
            boot,
            tables: Arc::clone(&tables),
            shares: FxHashSet::default(),
            neighbours: BTreeMap::new(),
            own: Own::default(),
            lanes: Vec::new(),
            changes: Vec::new(),
            changes_at: None,
            outputs: VecDeque::new(),
            ignored: Ignored::default(),
            now,
        };
        mesh.install(now, tables);
        mesh
    }

    /// Tells the peers of these lanes of this node's from now on: each once, in the order of their
    /// numbers, the first left out.
    pub fn offer(&mut self, lanes: Vec<LaneOffer>) {
        self.lanes = lanes;
    }

    /// Follows a new generation. Peers are known by their keys; what they said stays where the
    /// new policy lets them say it.
    pub fn install(&mut self, now: Time, tables: Arc<Tables>) {
        self.now = now;
        let fabric = &tables.fabric;
        let old = std::mem::take(&mut self.neighbours);
        let mut old: FxHashMap<[u8; 32], Neighbour> =
            old.into_values().map(|peer| (peer.key, peer)).collect();
        let peers = fabric.nodes.iter();
        for node in peers.filter(|node| node.id != tables.me && node.stock.is_none()) {
            let peer = match old.remove(&node.key) {
                Some(mut peer) => {
                    peer.install(now, fabric, node);
                    peer
                }
                None => Neighbour::new(now, self.boot, fabric, node),
            };
            self.neighbours.insert(node.id, peer);
        }
        self.own.install(&self.tables, &tables);
        self.shares = shares(fabric, tables.me);
        self.changes.clear();
        self.changes_at = None;
        self.tables = tables;
    }

    /// Takes a message that came out of the tunnel to `from`.
    pub fn handle_message(&mut self, now: Time, from: NodeId, bytes: &[u8]) {
        self.now = now;
        match Message::decode(bytes) {
            Some(Message::Hello(hello)) => self.on_hello(now, from, hello),
            Some(Message::Bindings(bindings)) => self.on_bindings(now, from, bindings),
            Some(Message::Offers(offers)) => self.on_offers(now, from, offers),
            Some(Message::Probe(probe)) => self.on_probe(from, probe),
            Some(Message::Answer(answer)) => self.on_answer(now, from, answer),
            None => self.ignored.malformed += 1,
        }
    }

    /// Takes what a worker of this node learned, and tells the peers.
    pub fn handle_claim(&mut self, now: Time, claim: &Claim) {
        self.now = now;
        let changes = &mut self.changes;
        self.own
            .apply(&self.tables, claim, |record| changes.push(record));
        if self.changes.len() > CHANGES_MAX {
            self.changes.clear();
            for peer in self.neighbours.values_mut() {
                peer.begin_refresh(now);
            }
        }
        if self.changes.is_empty() {
            self.changes_at = None;
        } else {
            self.changes_at.get_or_insert(now + GATHER);
        }
    }

    /// Says what is due.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = now;
        self.say_hello(now);
        if self.changes_at.is_some_and(|at| at <= now) {
            self.tell_changes();
        }
        self.tell_everything(now);
        self.probe(now);
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        let digest = self.tables.fabric.digest;
        let peers = self.neighbours.values().map(|peer| peer.timeout(digest));
        peers.chain(self.changes_at).min()
    }

    /// The next thing to be done. To be asked until there is none, after every `handle_*`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// How every peer is doing, stock nodes left out.
    pub fn peers(&self) -> impl Iterator<Item = PeerStatus> {
        let digest = self.tables.fabric.digest;
        let peers = self.neighbours.values();
        peers.map(move |peer| peer.status(self.now, digest))
    }

    /// What changed nothing, since the start.
    pub const fn ignored(&self) -> Ignored {
        self.ignored
    }

    fn on_hello(&mut self, now: Time, from: NodeId, hello: Hello) {
        let Some(peer) = self.neighbours.get_mut(&from) else {
            self.ignored.malformed += 1;
            return;
        };
        let before = peer.boot();
        let Some(news) = peer.on_hello(now, self.boot, hello) else {
            self.ignored.stale += 1;
            return;
        };
        if let Some(offers) = peer.lanes_after_hello(now, before) {
            self.tell_workers(from, offers);
        }
        if news {
            self.handle_timeout(now);
        }
    }

    /// A key that somebody else has is nobody's lane: not another node's, not this one's.
    fn on_offers(&mut self, now: Time, from: NodeId, offers: Offers) {
        let known = self.neighbours.contains_key(&from);
        if !known || offers.lanes.iter().any(|lane| self.is_taken(from, lane)) {
            self.ignored.malformed += 1;
            return;
        }
        let peer = self.neighbours.get_mut(&from);
        match peer.and_then(|peer| peer.take_offers(now, offers.clone())) {
            None => self.ignored.stale += 1,
            Some(true) => self.tell_workers(from, offers),
            Some(false) => {}
        }
    }

    fn is_taken(&self, by: NodeId, lane: &LaneOffer) -> bool {
        let nodes = &self.tables.fabric.nodes;
        let mut others = self.neighbours.values().filter(|peer| peer.node != by);
        nodes.iter().any(|node| node.key == lane.key)
            || self.lanes.iter().any(|own| own.key == lane.key)
            || others.any(|peer| peer.offers(&lane.key))
    }

    fn tell_workers(&mut self, of: NodeId, offers: Offers) {
        let Offers { boot, lanes } = offers;
        self.outputs.push_back(Output::Lanes { of, boot, lanes });
    }

    /// Says that a probe has arrived. Nothing is noted: whoever asks often is answered often, with
    /// less than it sent.
    fn on_probe(&mut self, from: NodeId, probe: Probe) {
        if probe.mtu > self.tables.fabric.mtu || !self.neighbours.contains_key(&from) {
            self.ignored.malformed += 1;
            return;
        }
        self.outputs.push_back(Output::Send {
            to: from,
            message: Message::Answer(probe).encode(),
        });
    }

    fn on_answer(&mut self, now: Time, from: NodeId, answer: Probe) {
        let Some(peer) = self.neighbours.get_mut(&from) else {
            self.ignored.malformed += 1;
            return;
        };
        if peer.path.on_answer(now, answer) {
            self.outputs.extend(path_news(peer));
        } else {
            self.ignored.stale += 1;
        }
    }

    fn on_bindings(&mut self, now: Time, from: NodeId, bindings: Bindings) {
        let Some(peer) = self.neighbours.get_mut(&from) else {
            self.ignored.malformed += 1;
            return;
        };
        if bindings.digest != self.tables.fabric.digest
            || !peer.follows(bindings.boot, bindings.sequence)
        {
            self.ignored.stale += 1;
            return;
        }
        match bindings.list {
            List::Changes(records) => {
                for record in records {
                    self.on_record(now, from, record);
                }
            }
            List::Range(range) => self.on_range(now, from, &range),
        }
    }

    fn on_record(&mut self, now: Time, from: NodeId, record: Record) {
        match record.hold {
            Some(hold) => self.on_binding(now, from, record.key, hold),
            None => self.on_gone(from, record.key),
        }
    }

    fn on_range(&mut self, now: Time, from: NodeId, range: &Range) {
        let missing = self.neighbours.get(&from).map(|peer| peer.missing(range));
        for key in missing.into_iter().flatten() {
            match key.ip {
                None => self.on_gone(from, key),
                // There is no claim for one address less; it ages.
                Some(_) => {
                    if let Some(peer) = self.neighbours.get_mut(&from) {
                        peer.drop_key(key);
                    }
                }
            }
        }
        for &(key, hold) in &range.bindings {
            self.on_binding(now, from, key, hold);
        }
    }

    fn on_binding(&mut self, now: Time, from: NodeId, key: Key, hold: Hold) {
        let sayable = sayable(&self.tables.fabric, from, key.vni, hold).is_some();
        if !sayable || !self.shares.contains(&key.vni) {
            self.ignored.foreign += 1;
            return;
        }
        let noted = self
            .neighbours
            .get_mut(&from)
            .map(|peer| peer.note(now, key, hold));
        match noted {
            Some(Noted::News) => {
                let what = key.ip.map_or(Change::Here(now), Change::Address);
                self.claim(from, key, hold.strength(), what);
            }
            Some(Noted::Full) => self.ignored.overflow += 1,
            Some(Noted::Known) | None => {}
        }
    }

    fn on_gone(&mut self, from: NodeId, key: Key) {
        if sayable(&self.tables.fabric, from, key.vni, Hold::Pinned).is_none() {
            self.ignored.foreign += 1;
            return;
        }
        // What it never told of cannot be gone: it would only cost the workers' time.
        let peer = self.neighbours.get_mut(&from);
        if peer.is_some_and(|peer| peer.forget(key)) {
            self.claim(from, key, Strength::Dynamic, Change::Gone);
        }
    }

    fn claim(&mut self, from: NodeId, key: Key, strength: Strength, what: Change) {
        let fabric = &self.tables.fabric;
        let segment = fabric.segment_of(key.vni);
        let segment = segment.and_then(|id| fabric.segment(id));
        if let Some(segment) = segment {
            self.outputs.push_back(Output::Claim(Claim {
                generation: self.tables.generation,
                pvlan: segment.pvlan,
                segment: segment.id,
                mac: key.mac,
                place: Place::Node(from),
                strength,
                what,
            }));
        }
    }

    fn say_hello(&mut self, now: Time) {
        let (generation, digest) = (self.tables.generation, self.tables.fabric.digest);
        for peer in self.neighbours.values_mut() {
            if let Some(hello) = peer.hello(now, self.boot, generation, digest) {
                let offers = Offers {
                    boot: self.boot,
                    lanes: self.lanes.clone(),
                };
                let offers = Some(offers).filter(|it| !it.lanes.is_empty());
                let messages = [Some(Message::Hello(hello)), offers.map(Message::Offers)];
                for message in messages.into_iter().flatten() {
                    self.outputs.push_back(Output::Send {
                        to: peer.node,
                        message: message.encode(),
                    });
                }
            }
        }
    }

    fn probe(&mut self, now: Time) {
        for peer in self.neighbours.values_mut() {
            for probe in peer.probes(now) {
                self.outputs.push_back(Output::Send {
                    to: peer.node,
                    message: Message::Probe(probe).encode(),
                });
            }
            self.outputs.extend(path_news(peer));
        }
    }

    fn tell_changes(&mut self) {
        self.changes_at = None;
        let records = std::mem::take(&mut self.changes);
        let digest = self.tables.fabric.digest;
        for peer in self.neighbours.values_mut() {
            if peer.agrees(digest) {
                let theirs = records.iter().filter(|record| peer.shares(record.key.vni));
                let theirs: Vec<Record> = theirs.copied().collect();
                for list in changes(&theirs) {
                    self.outputs
                        .push_back(list_to(self.boot, digest, peer, list));
                }
            }
        }
    }

    fn tell_everything(&mut self, now: Time) {
        let digest = self.tables.fabric.digest;
        for peer in self.neighbours.values_mut() {
            if peer.agrees(digest) && peer.page_due(now) {
                tell_pages(self.boot, digest, peer, &self.own, &mut self.outputs);
                peer.pause(now);
            }
        }
    }
}

/// Tells a peer the next pages of what this node has, up to the last or a few.
fn tell_pages(
    boot: u64,
    digest: Digest,
    peer: &mut Neighbour,
    own: &Own,
    outputs: &mut VecDeque<Output>,
) {
    for _ in 0..PAGES_PER_STEP {
        let after = peer.told();
        let theirs = own.after(after).filter(|(key, _)| peer.shares(key.vni));
        let range = Range::cut(after, theirs);
        let upto = range.upto;
        outputs.push_back(list_to(boot, digest, peer, List::Range(range)));
        peer.page_told(upto);
        if upto.is_none() {
            break;
        }
    }
}

/// What the workers are to know of a path, if anything.
fn path_news(peer: &mut Neighbour) -> Option<Output> {
    let to = peer.node;
    peer.path.news().map(|mtu| Output::Path { to, mtu })
}

fn list_to(boot: u64, digest: Digest, peer: &mut Neighbour, list: List) -> Output {
    let bindings = Bindings {
        boot,
        digest,
        sequence: peer.next_sequence(),
        list,
    };
    Output::Send {
        to: peer.node,
        message: Message::Bindings(bindings).encode(),
    }
}

#[cfg(test)]
mod tests;
