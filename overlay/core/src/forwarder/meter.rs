//! How much a port may send, and a private VLAN may multiply (private-vlan 3.6): buckets in
//! frames a second for what goes to more than one receiver, in bits for everything, and in copies
//! for what floods make of it.

use std::time::Duration;

use rustc_hash::FxHashMap;
use skerry_policy::{Mac, NodeId, Port, Pvlan, PvlanId, Role, Tables};

use super::pass::{Origin, Pass, Sender};
use super::verdict::Way;
use crate::bucket::Bucket;
use crate::frame::Weight;
use crate::reason::DropReason;
use crate::sink::Sink;
use crate::time::Time;
use crate::wire::ethernet::Ethernet;

/// Of frames, a tenth of a second's worth may come at once, and never fewer than a few dozen: a
/// host that starts up, or looks for its neighbours, sends many in a row and then none.
const FRAMES_BURST: Duration = Duration::from_millis(100);
const FRAMES_AT_ONCE: u32 = 32;
/// A superframe of no more may be more than a bucket holds: what a kernel makes of datagrams at most
/// (`UDP_MAX_SEGMENTS`). Longer ones, of tiny segments, pass if there is room for all they stand for.
const DEBT_MAX: u64 = 128;
/// Of bits, and of copies.
const BITS_BURST: Duration = Duration::from_millis(50);
const COPIES_BURST: Duration = Duration::from_millis(100);
/// Of changes of listeners: a host answers for all its groups at once, and again right after.
const LISTENERS_BURST: Duration = Duration::from_secs(4);
/// Changes a second that a port may report however few groups it may join.
const LISTENERS_LEAST: u32 = 16;

/// Of packets that are too big, as many a second are answered. A host needs one for each that it
/// talks to, and may have several under way when the first is answered.
const TOO_BIG: u64 = 100;
const TOO_BIG_BURST: Duration = Duration::from_millis(300);

/// Of control messages, by the second: half as many again as a node has to say that tells a full
/// table ([`Mesh`](crate::Mesh): 16 pages, 20 times), with changes and hellos on top.
const MESSAGES: u64 = 500;
const MESSAGES_BURST: Duration = Duration::from_secs(1);

/// The kinds of frames that go to more than one receiver.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Class {
    Broadcast,
    Multicast,
    Unknown,
}

impl Class {
    fn of(header: &Ethernet, way: Way) -> Option<Self> {
        match way {
            Way::Group if header.destination == Mac::BROADCAST => Some(Self::Broadcast),
            Way::Group => Some(Self::Multicast),
            Way::Unknown | Way::Owner(_) => Some(Self::Unknown),
            Way::Known(_) | Way::Across => None,
        }
    }

    const fn reason(self) -> DropReason {
        match self {
            Self::Broadcast => DropReason::StormBcast,
            Self::Multicast => DropReason::StormMcast,
            Self::Unknown => DropReason::StormUnknown,
        }
    }
}

/// What one port may send, but for bits, which every frame has. `None`: as much as it can.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meter {
    broadcast: Option<Bucket>,
    multicast: Option<Bucket>,
    unknown: Option<Bucket>,
    /// Policy floods nothing that is unknown.
    deaf: bool,
    /// Changes of listeners: every other worker hears of each.
    listeners: Bucket,
    /// Answers to what is too big.
    too_big: Bucket,
}

impl Meter {
    pub(super) fn new(port: &Port) -> Self {
        Self {
            broadcast: frames(port.storm.broadcast),
            multicast: frames(port.storm.multicast),
            unknown: frames(port.storm.unknown),
            deaf: port.storm.unknown == 0,
            listeners: Bucket::new(
                port.guards.max_groups.max(LISTENERS_LEAST).into(),
                LISTENERS_BURST,
            ),
            too_big: Bucket::new(TOO_BIG, TOO_BIG_BURST),
        }
    }

    /// The same debts under other limits.
    pub(super) fn inherit(self, old: &Self) -> Self {
        Self {
            broadcast: inherit(self.broadcast, old.broadcast),
            multicast: inherit(self.multicast, old.multicast),
            unknown: inherit(self.unknown, old.unknown),
            deaf: self.deaf,
            listeners: self.listeners.inherit(&old.listeners),
            too_big: self.too_big.inherit(&old.too_big),
        }
    }

    /// Lets a report of so many changes pass, or not.
    pub(super) fn may_report(&mut self, now: Time, changes: u64) -> bool {
        self.listeners.take_all(now, changes)
    }

    /// Lets an answer to something too big pass, or not.
    pub(super) fn may_tell(&mut self, now: Time) -> bool {
        self.too_big.take(now, 1)
    }

    const fn of(&mut self, class: Class) -> Option<&mut Bucket> {
        match class {
            Class::Broadcast => self.broadcast.as_mut(),
            Class::Multicast => self.multicast.as_mut(),
            Class::Unknown => self.unknown.as_mut(),
        }
    }
}

/// The copies that floods of a private VLAN may make: those of hosts, and those of promiscuous
/// ports, so that no host can use up what its gateway needs. Every peer has its own of each: what
/// its ports may multiply there is its own node's business, and what it sends here in spite of
/// that must not cost others theirs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copies {
    hosts: Option<Bucket>,
    routers: Option<Bucket>,
}

impl Copies {
    pub(super) fn new(pvlan: &Pvlan) -> Self {
        let limited = pvlan.copies != u32::MAX;
        let bucket = limited.then(|| Bucket::new(pvlan.copies.into(), COPIES_BURST));
        Self {
            hosts: bucket,
            routers: bucket,
        }
    }

    pub(super) fn inherit(self, old: &Self) -> Self {
        Self {
            hosts: inherit(self.hosts, old.hosts),
            routers: inherit(self.routers, old.routers),
        }
    }

    /// Those of each peer, in each private VLAN that it has a port in.
    pub(super) fn of_peers(tables: &Tables) -> PeerCopies {
        let fabric = &tables.fabric;
        let others = fabric.attachments.iter().filter(|it| it.home != tables.me);
        let copies = others.filter_map(|it| {
            let pvlan = fabric
                .pvlans
                .get(fabric.segment(it.segment)?.pvlan.index())?;
            Some(((it.home, pvlan.id), Self::new(pvlan)))
        });
        copies.collect()
    }

    const fn of(&mut self, sender: &Sender<'_>) -> Option<&mut Bucket> {
        if matches!(sender.segment.role, Role::Promiscuous) {
            self.routers.as_mut()
        } else {
            self.hosts.as_mut()
        }
    }
}

/// The copies of every (node, private VLAN) that is not this node's own.
pub(super) type PeerCopies = FxHashMap<(NodeId, PvlanId), Copies>;

/// What each node may say to this one by the control protocol.
pub(super) fn messages(tables: &Tables) -> Vec<Bucket> {
    vec![Bucket::new(MESSAGES, MESSAGES_BURST); tables.fabric.nodes.len()]
}

/// So many bits a second.
pub(super) const fn bits(rate: u64) -> Bucket {
    Bucket::new(rate, BITS_BURST)
}

/// The same debt under another limit, if there was one.
pub(super) fn inherit(new: Option<Bucket>, old: Option<Bucket>) -> Option<Bucket> {
    let new = new?;
    Some(old.map_or(new, |old| new.inherit(&old)))
}

/// One frame if there is room for it. A superframe if there is room at all: it may be more than ever
/// fits, where each of its frames by itself would pass in its turn. The next wait for longer then.
fn may_pass(bucket: &mut Bucket, now: Time, frames: u64) -> bool {
    if (2..=DEBT_MAX).contains(&frames) {
        bucket.take(now, frames)
    } else {
        bucket.take_all(now, frames)
    }
}

/// `u32::MAX` is how policy says "off".
fn frames(rate: u32) -> Option<Bucket> {
    let at_least = Duration::from_secs(FRAMES_AT_ONCE.into()) / rate.max(1);
    (rate != u32::MAX).then(|| Bucket::new(rate.into(), FRAMES_BURST.max(at_least)))
}

impl<S: Sink> Pass<'_, S> {
    /// Weighs a frame on its sender's buckets, and looks whether its private VLAN may multiply it.
    pub(super) fn weigh(
        &mut self,
        sender: &Sender<'_>,
        header: &Ethernet,
        way: Way,
        weight: Weight,
    ) -> Result<(), DropReason> {
        let now = self.now;
        let class = Class::of(header, way);
        let meter = match sender.origin {
            Origin::Port(port) => self.state.meters.get_mut(port.index()),
            // Its own node has weighed it.
            Origin::Peer(_) => None,
        };
        let mut deaf = false;
        if let Some(meter) = meter {
            deaf = class == Some(Class::Unknown) && meter.deaf;
            if let Some(class) = class.filter(|_| !deaf)
                && let Some(bucket) = meter.of(class)
                && !may_pass(bucket, now, weight.frames)
            {
                return Err(class.reason());
            }
        }
        if let Some(class) = class
            && self.copies_of(sender).is_some_and(|it| !it.is_ready(now))
        {
            return Err(class.reason());
        }
        if let Origin::Port(port) = sender.origin
            && let Some(berth) = self.state.berths.get_mut(port.index())
            && let Some(bits) = &mut berth.bits
            && !bits.take(now, weight.bytes.saturating_mul(8))
        {
            return Err(DropReason::Rate);
        }
        if deaf {
            return Err(DropReason::UnknownDrop);
        }
        Ok(())
    }

    /// Notes the copies that a flood has made. A frame is multiplied whole or not at all, so that
    /// no receiver is always the last.
    pub(super) fn multiplied(&mut self, sender: &Sender<'_>, copies: u64) {
        let now = self.now;
        if let Some(bucket) = self.copies_of(sender) {
            bucket.charge(now, copies);
        }
    }

    fn copies_of(&mut self, sender: &Sender<'_>) -> Option<&mut Bucket> {
        let pvlan = sender.pvlan.id;
        let copies = match sender.origin {
            Origin::Port(_) => self.state.copies.get_mut(pvlan.index()),
            Origin::Peer(node) => self.state.peer_copies.get_mut(&(node, pvlan)),
        };
        copies?.of(sender)
    }
}
