//! What is known of another node, and what it has to be told.

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::FxHashSet;
use skerry_policy::{Digest, Fabric, Node, NodeId, Role, SegmentId, Vni};

use crate::control::binding::{Hold, Key};
use crate::control::hello::{Echo, Hello};
use crate::control::mesh::PeerStatus;
use crate::control::offers::Offers;
use crate::control::page::Range;
use crate::control::path::Path;
use crate::control::probe::Probe;
use crate::time::Time;

/// How often a node says hello.
const HELLO: Duration = Duration::from_secs(1);
/// News are answered at once, but no more often than this, whatever a peer makes up.
const PROMPT: Duration = Duration::from_millis(100);
/// Without a word for so long, it is not known to run the same policy any more.
const SILENT: Duration = Duration::from_millis(3_500);
/// How often everything is told again.
const REFRESH: Duration = Duration::from_secs(5);
/// Pages of one list are sent a few at a time.
const STEP: Duration = Duration::from_millis(50);
/// A binding that is told again is passed on only this often: every time counts as a sign of
/// life in the MAC table, and would keep an address from moving that is not used any more.
const PASS_ON: Duration = Duration::from_secs(60);
/// Bindings of one node: as many as its own table holds.
const HEARD_MAX: usize = 65_536;

/// A binding that a peer told.
#[derive(Clone, Copy, Debug)]
struct Heard {
    hold: Hold,
    /// `None` under a new policy: the workers may have forgotten it with the port it was at.
    passed_on: Option<Time>,
}

impl Heard {
    fn is_fresh(&self, now: Time) -> bool {
        self.passed_on.is_some_and(|at| now.since(at) < PASS_ON)
    }
}

/// What becomes of a binding that a peer told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Noted {
    /// New, stronger, weaker, or due again: the workers should know.
    News,
    Known,
    /// The peer has told too many.
    Full,
}

/// The last Hello of a peer.
#[derive(Clone, Copy, Debug)]
struct Last {
    hello: Hello,
    arrived: Time,
}

/// Where the telling of everything stands.
#[derive(Clone, Copy, Debug)]
struct Refresh {
    at: Time,
    began: Time,
    told: Option<Key>,
}

/// Another node that runs Skerry.
#[derive(Debug)]
pub(super) struct Neighbour {
    pub(super) node: NodeId,
    pub(super) key: [u8; 32],
    /// Segments of the private VLANs it has a port in.
    shares: FxHashSet<Vni>,
    last: Option<Last>,
    rtt: Option<Duration>,
    heard: BTreeMap<Key, Heard>,
    /// The lanes it has besides the first.
    offers: Option<Offers>,
    /// When the workers were last told of them.
    told_at: Option<Time>,
    sequence_in: u64,
    sequence_out: u64,
    said: Option<Time>,
    hello_at: Time,
    refresh: Refresh,
    pub(super) path: Path,
}

impl Neighbour {
    pub(super) fn new(now: Time, boot: u64, fabric: &Fabric, node: &Node) -> Self {
        Self {
            node: node.id,
            key: node.key,
            shares: shares(fabric, node.id),
            last: None,
            rtt: None,
            heard: BTreeMap::new(),
            offers: None,
            told_at: None,
            sequence_in: 0,
            sequence_out: 0,
            said: None,
            hello_at: now,
            refresh: Refresh {
                at: now,
                began: now,
                told: None,
            },
            // Answers to an earlier start of this node are about other numbers.
            path: Path::new(now, fabric.mtu, node, boot),
        }
    }

    /// Follows a new policy: forgets what it would not let the peer say, and begins anew.
    pub(super) fn install(&mut self, now: Time, fabric: &Fabric, node: &Node) {
        self.node = node.id;
        self.shares = shares(fabric, node.id);
        let id = node.id;
        self.heard
            .retain(|key, heard| sayable(fabric, id, key.vni, heard.hold).is_some());
        for heard in self.heard.values_mut() {
            heard.passed_on = None;
        }
        self.hello_at = now;
        self.begin_refresh(now);
        self.path.install(now, fabric.mtu, node);
    }

    /// Takes a Hello. `None` when it is older than the last; otherwise whether it says anything
    /// new, and so is answered at once.
    pub(super) fn on_hello(&mut self, now: Time, boot: u64, hello: Hello) -> Option<bool> {
        let same_boot = self.last.is_some_and(|last| last.hello.boot == hello.boot);
        if !same_boot {
            self.sequence_in = 0;
            self.rtt = None;
            self.path.restart(now);
        } else if self.last.is_some_and(|last| hello.sent <= last.hello.sent) {
            return None;
        }
        let news = self.last.is_none_or(|Last { hello: last, .. }| {
            (last.boot, last.generation, last.digest)
                != (hello.boot, hello.generation, hello.digest)
        });
        self.last = Some(Last {
            hello,
            arrived: now,
        });
        if let Some(echo) = hello.echo.filter(|echo| echo.boot == boot) {
            self.measure(now.since(echo.sent).checked_sub(echo.held));
        }
        if news {
            let soon = self.said.map_or(now, |said| now.max(said + PROMPT));
            self.hello_at = self.hello_at.min(soon);
            self.begin_refresh(soon);
        }
        Some(news)
    }

    /// The Hello that is due, if one is.
    pub(super) fn hello(
        &mut self,
        now: Time,
        boot: u64,
        generation: u64,
        digest: Digest,
    ) -> Option<Hello> {
        if self.hello_at > now {
            return None;
        }
        self.hello_at = now + HELLO;
        self.said = Some(now);
        let echo = self.last.map(|last| Echo {
            boot: last.hello.boot,
            sent: last.hello.sent,
            held: now.since(last.arrived),
        });
        Some(Hello {
            boot,
            generation,
            digest,
            sent: now,
            echo,
        })
    }

    /// The start of it that was heard last.
    pub(super) fn boot(&self) -> Option<u64> {
        self.last.map(|last| last.hello.boot)
    }

    /// Takes its lanes, if they are of the start that was heard last. `Some(true)` when the workers
    /// should be told: now and then, whether they have changed or not.
    pub(super) fn take_offers(&mut self, now: Time, offers: Offers) -> Option<bool> {
        if self.boot() != Some(offers.boot) {
            return None;
        }
        self.offers = Some(offers);
        Some(self.may_tell(now))
    }

    /// A peer that talks a lot costs the workers no more than others do.
    fn may_tell(&mut self, now: Time) -> bool {
        let may = self.told_at.is_none_or(|at| now.since(at) >= HELLO / 2);
        if may {
            self.told_at = Some(now);
        }
        may
    }

    /// Whether one of its lanes has this key.
    pub(super) fn offers(&self, key: &[u8; 32]) -> bool {
        let mut lanes = self.offers.iter().flat_map(|it| &it.lanes);
        lanes.any(|lane| lane.key == *key)
    }

    /// What a Hello says of its lanes, `before` being the start that was heard before it: they have
    /// begun anew where the node has, and are gone where it has not told of them since.
    pub(super) fn lanes_after_hello(&mut self, now: Time, before: Option<u64>) -> Option<Offers> {
        let boot = self.boot()?;
        let offers = self.offers.as_ref().filter(|it| it.boot != boot)?;
        let lanes = offers.lanes.clone();
        if !self.may_tell(now) {
            return None;
        }
        if before != Some(boot) {
            return Some(Offers { boot, lanes });
        }
        self.offers = None;
        let lanes = Vec::new();
        Some(Offers { boot, lanes })
    }

    /// The probes that are due, if it is there to answer them.
    pub(super) fn probes(&mut self, now: Time) -> Vec<Probe> {
        let is_heard = self
            .last
            .is_some_and(|last| now.since(last.arrived) < SILENT);
        self.path.probes(now, is_heard, self.rtt)
    }

    /// Whether both ends run one policy, as far as the last Hello says.
    pub(super) fn agrees(&self, digest: Digest) -> bool {
        self.last.is_some_and(|last| last.hello.digest == digest)
    }

    /// Whether a list with this boot and number is newer than the last; it is the last from now.
    pub(super) fn follows(&mut self, boot: u64, sequence: u64) -> bool {
        let known = self.last.is_some_and(|last| last.hello.boot == boot);
        let newer = known && sequence > self.sequence_in;
        if newer {
            self.sequence_in = sequence;
        }
        newer
    }

    /// The number of the next list to it.
    pub(super) const fn next_sequence(&mut self) -> u64 {
        self.sequence_out += 1;
        self.sequence_out
    }

    /// Whether it has a port in the private VLAN of this segment.
    pub(super) fn shares(&self, vni: Vni) -> bool {
        self.shares.contains(&vni)
    }

    /// Whether pages are due.
    pub(super) fn page_due(&self, now: Time) -> bool {
        self.refresh.at <= now
    }

    /// Up to which key this round has told; nothing yet when absent.
    pub(super) const fn told(&self) -> Option<Key> {
        self.refresh.told
    }

    /// A page up to this key has gone out; the last one has none.
    pub(super) const fn page_told(&mut self, upto: Option<Key>) {
        self.refresh.told = upto;
    }

    /// Enough pages for now: more after a pause, or everything again when that was all.
    pub(super) fn pause(&mut self, now: Time) {
        if self.refresh.told.is_some() {
            self.refresh.at = now + STEP;
        } else {
            self.refresh.at = (self.refresh.began + REFRESH).max(now + STEP);
            self.refresh.began = self.refresh.at;
        }
    }

    /// Tells everything again from the start, now.
    pub(super) const fn begin_refresh(&mut self, now: Time) {
        self.refresh = Refresh {
            at: now,
            began: now,
            told: None,
        };
    }

    /// When something is due for a peer of this policy.
    pub(super) fn timeout(&self, digest: Digest) -> Time {
        let refresh = self.agrees(digest).then_some(self.refresh.at);
        let others = refresh.into_iter().chain(self.path.timeout());
        others.fold(self.hello_at, Time::min)
    }

    /// Notes a binding that it told.
    pub(super) fn note(&mut self, now: Time, key: Key, hold: Hold) -> Noted {
        let full = self.heard.len() >= HEARD_MAX;
        match self.heard.get_mut(&key) {
            Some(heard) if heard.hold == hold && heard.is_fresh(now) => return Noted::Known,
            None if full => return Noted::Full,
            Some(_) | None => {}
        }
        let passed_on = Some(now);
        self.heard.insert(key, Heard { hold, passed_on });
        Noted::News
    }

    /// Forgets a MAC address and what came with it.
    pub(super) fn forget(&mut self, gone: Key) -> bool {
        let theirs = |key: &Key| key.vni == gone.vni && key.mac == gone.mac;
        let range = self.heard.range(gone..).map(|(&key, _)| key);
        let known: Vec<Key> = range.take_while(theirs).collect();
        for key in &known {
            self.heard.remove(key);
        }
        !known.is_empty()
    }

    /// Keys that it told once and has left out of this page.
    pub(super) fn missing(&self, page: &Range) -> Vec<Key> {
        let told = &page.bindings;
        let absent = |key: &Key| told.binary_search_by_key(key, |&(key, _)| key).is_err();
        let before = self.heard.range(page.bounds()).map(|(&key, _)| key);
        before.filter(absent).collect()
    }

    /// Forgets one key.
    pub(super) fn drop_key(&mut self, key: Key) {
        self.heard.remove(&key);
    }

    pub(super) fn status(&self, now: Time, digest: Digest) -> PeerStatus {
        let last_heard = self.last.map(|last| now.since(last.arrived));
        PeerStatus {
            node: self.node,
            generation: self.last.map(|last| last.hello.generation),
            digest: self.last.map(|last| last.hello.digest),
            converged: self.agrees(digest) && last_heard.is_some_and(|age| age < SILENT),
            rtt: self.rtt,
            last_heard,
            narrow: self.path.narrow(),
        }
    }

    /// Smoothed as TCP's (RFC 6298 section 2): an eighth of every new measurement. One of less
    /// than half replaces it: the first Hello may have waited for the tunnel.
    fn measure(&mut self, sample: Option<Duration>) {
        let Some(sample) = sample else { return };
        self.rtt = Some(match self.rtt {
            Some(rtt) if rtt <= sample * 2 => (rtt * 7 + sample) / 8,
            Some(_) | None => sample,
        });
    }
}

/// The segment, if policy lets this node say that it has an address there, so strongly.
pub(super) fn sayable(fabric: &Fabric, node: NodeId, vni: Vni, hold: Hold) -> Option<SegmentId> {
    let id = fabric.segment_of(vni)?;
    let role = fabric.segment(id)?.role;
    let as_strong = hold == Hold::Pinned || role == Role::Promiscuous;
    (as_strong && fabric.may_send(node, id)).then_some(id)
}

/// The VNIs of every private VLAN that a node has a port in.
pub(super) fn shares(fabric: &Fabric, node: NodeId) -> FxHashSet<Vni> {
    let sends = |&&id: &&SegmentId| fabric.may_send(node, id);
    let vni = |&id: &SegmentId| Some(fabric.segment(id)?.vni);
    let within = fabric.pvlans.iter();
    within
        .filter(|pvlan| pvlan.segments.iter().any(|id| sends(&id)))
        .flat_map(|pvlan| pvlan.segments.iter().filter_map(vni))
        .collect()
}
