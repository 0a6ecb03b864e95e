//! What a worker knows and counts: everything in the datapath that changes from frame to frame.

use std::net::IpAddr;
use std::time::Duration;

use skerry_policy::{
    LocalAttachment, LocalPort, MacGuard, NodeId, PvlanId, Role, Segment, SegmentId, Tables,
};

use super::berth::Berth;
use super::joining::Arrivals;
use super::licence::{Kinds, Licence, Licences, Marks, marks_of_peers};
use super::meter::{Copies, Meter, PeerCopies, messages};
use super::pass::Origin;
use super::path::Paths;
use super::routes::Routes;
use crate::bucket::Bucket;
use crate::claim::{Change, Claim, Place, Strength};
use crate::counters::{Counters, PeerCounters, PortCounters};
use crate::fdb::{Addresses, Family, Fdb, Groups, Held, Holder, Seat};
use crate::frame::{ETH_HEADER, FRAME_MAX};
use crate::gro::Joins;
use crate::queue::Queue;
use crate::reason::DropReason;
use crate::time::Time;
use crate::wire::carrier::Carrier;
use crate::wire::vxlan;

/// Room for the longest headers in front of the longest frame.
const SCRATCH: usize = FRAME_MAX + 128;

/// The changing half of a forwarder; the tables are the other.
#[derive(Debug)]
pub(super) struct State {
    pub(super) fdb: Fdb,
    pub(super) addresses: Addresses,
    pub(super) groups: Groups,
    pub(super) counters: Counters,
    /// Indexed by `LocalPort`.
    pub(super) up: Vec<bool>,
    /// Indexed by `NodeId`; `None` for this node, and for one of another address family.
    pub(super) carriers: Vec<Option<Carrier>>,
    /// Indexed by `NodeId`: MAC addresses its ports may use together.
    pub(super) allowance: Vec<u32>,
    pub(super) licences: Licences,
    pub(super) kinds: Kinds,
    pub(super) marks: Marks,
    pub(super) routes: Routes,
    /// Indexed by `LocalPort`.
    pub(super) berths: Vec<Berth>,
    /// Indexed by `LocalPort`.
    pub(super) meters: Vec<Meter>,
    /// Indexed by `PvlanId`.
    pub(super) copies: Vec<Copies>,
    pub(super) peer_copies: PeerCopies,
    /// What the sockets of the underlay are read from.
    pub(super) underlay: Queue,
    /// Indexed by `NodeId`.
    pub(super) control: Vec<Bucket>,
    /// Length of the packet that carries a frame of full MTU: padding never goes beyond it.
    pub(super) longest: usize,
    pub(super) paths: Paths,
    /// What waits for more to be joined with.
    pub(super) arrivals: Arrivals,
    /// Where packets for the tunnel are put together.
    pub(super) scratch: Box<[u8]>,
    /// Where a frame loses its tag.
    pub(super) untagged: Box<[u8]>,
    /// Where a frame gets one.
    pub(super) tagged: Box<[u8]>,
    /// Where a frame gets the addresses of another private VLAN.
    pub(super) crossing: Box<[u8]>,
    /// Where a frame gets a smaller segment size, or a mark: none gets both.
    pub(super) amended: Box<[u8]>,
}

impl State {
    /// An empty state for these tables, every port with a device down.
    pub(super) fn new(
        tables: &Tables,
        age: Duration,
        limit: usize,
        seed: u64,
        joins: Joins,
        shared: bool,
    ) -> Self {
        let buffer = || vec![0; SCRATCH].into_boxed_slice();
        let mut state = Self {
            fdb: Fdb::new(limit, age, seed).sharing(shared),
            addresses: Addresses::new(limit, age),
            groups: Groups::new(limit),
            counters: blank_counters(tables),
            up: up(tables),
            carriers: carriers(tables),
            allowance: allowance(tables),
            licences: Licence::of_peers(tables),
            kinds: Licence::kinds_of_peers(tables),
            marks: marks_of_peers(tables),
            routes: Routes::of_peers(tables),
            berths: Berth::all(tables),
            meters: meters(tables),
            copies: tables.fabric.pvlans.iter().map(Copies::new).collect(),
            peer_copies: Copies::of_peers(tables),
            underlay: Queue::default(),
            control: messages(tables),
            longest: longest(tables),
            paths: Paths::new(tables),
            arrivals: Arrivals::new(joins),
            scratch: buffer(),
            untagged: buffer(),
            tagged: buffer(),
            crossing: buffer(),
            amended: buffer(),
        };
        state.bind(tables);
        state
    }

    /// Puts every address that policy binds into the table.
    pub(super) fn bind(&mut self, tables: &Tables) {
        for (pvlan, mac, id) in tables.fabric.bound_macs() {
            let Some(attachment) = tables.fabric.attachments.get(id.index()) else {
                continue;
            };
            let place = tables
                .local_attachment(id)
                .map_or(Place::Node(attachment.home), Place::Port);
            let Some(holder) = holder_of(tables, place) else {
                continue;
            };
            let limit = u32::MAX;
            let (segment, strength) = (attachment.segment, Strength::Bound);
            self.fdb.bind(
                mac,
                &Seat {
                    pvlan,
                    segment,
                    place,
                    strength,
                    takes: strength,
                    holder,
                    limit,
                    near: false,
                    agrees: true,
                },
            );
        }
    }

    /// The claim that a frame from here makes to its source address.
    pub(super) fn seat(&self, tables: &Tables, segment: &Segment, place: Place) -> Option<Seat> {
        let holder = holder_of(tables, place)?;
        let (strength, takes, limit) = match holder {
            Holder::Port(port) => {
                let guards = tables.gate(port)?.guards;
                let pinned = guards.mac == MacGuard::Pin;
                let host = if pinned {
                    Strength::Pinned
                } else {
                    Strength::Dynamic
                };
                (host, host, guards.max_macs)
            }
            Holder::Node(node) => {
                let host = if tables.is_stock(node) {
                    Strength::Pinned
                } else {
                    Strength::Dynamic
                };
                let allowance = self.allowance.get(node.index()).copied();
                (host, Strength::Dynamic, allowance.unwrap_or(0))
            }
        };
        let router = segment.role == Role::Promiscuous;
        let (strength, takes) = if router {
            (Strength::Promiscuous, Strength::Promiscuous)
        } else {
            (strength, takes)
        };
        Some(Seat {
            pvlan: segment.pvlan,
            segment: segment.id,
            place,
            strength,
            takes,
            holder,
            limit,
            near: false,
            agrees: true,
        })
    }

    /// Applies what another worker or a peer says; false when somebody else has the address. `tell`
    /// is told what had to go for it.
    pub(super) fn apply(
        &mut self,
        tables: &Tables,
        now: Time,
        claim: &Claim,
        tell: impl FnOnce(Claim),
    ) -> bool {
        let Some(segment) = tables.fabric.segment(claim.segment) else {
            return true;
        };
        if segment.pvlan != claim.pvlan {
            return true;
        }
        if let Place::Node(node) = claim.place
            && !tables.fabric.may_send(node, claim.segment)
        {
            return true;
        }
        let Some(mut seat) = self.seat(tables, segment, claim.place) else {
            return true;
        };
        seat.strength = claim.strength.min(strongest(segment));
        if !matches!(claim.place, Place::Node(node) if tables.is_stock(node)) {
            seat.takes = seat.strength;
        }
        match claim.what {
            Change::Here(since) => return self.apply_here(now, since, claim, &seat, tell),
            Change::Address(ip) => return self.apply_address(tables, now, ip, claim, &seat),
            Change::Gone => {
                let (pvlan, mac, place) = (claim.pvlan, claim.mac, claim.place);
                self.fdb.forget(now, pvlan, mac, place);
                let known = self.fdb.lookup(pvlan, mac);
                // What was learned and is still there has been heard here lately.
                let talks = known.is_some_and(|it| it.place == place && it.is_learned());
                if !talks {
                    let is_its = |held: &Held| held.mac == mac && held.place == place;
                    self.addresses
                        .forget_if(|within, held| within == pvlan && is_its(held));
                }
            }
            Change::Listens(group) => {
                if let Some(at) = listening_at(tables, claim.place) {
                    let limit = tables.port(at.0).map_or(0, |it| it.guards.max_groups);
                    // Where there is no room here, there was none there a moment later.
                    let _joined = self.groups.join(now, at, group, limit);
                }
            }
            Change::Leaves(group) => {
                if let Place::Port(at) = claim.place {
                    // Known to the worker that tells of it.
                    let _news = self.groups.leave(now, at, group);
                }
            }
            Change::Asks { v6, patience } => {
                if segment.role == Role::Promiscuous {
                    let from = (segment.id, claim.place);
                    let family = if v6 { Family::Mld } else { Family::Igmp };
                    let _news = self.groups.asks(now, segment.pvlan, from, family, patience);
                }
            }
        }
        true
    }

    /// A conflict keeps the first holder, which is the rule. A peer speaks for the MAC addresses
    /// that it has, and for no others.
    fn apply_address(
        &mut self,
        tables: &Tables,
        now: Time,
        ip: IpAddr,
        claim: &Claim,
        seat: &Seat,
    ) -> bool {
        let owner = self.fdb.lookup(claim.pvlan, claim.mac);
        let is_theirs = owner.is_some_and(|it| it.place == claim.place);
        if matches!(claim.place, Place::Node(_)) && !is_theirs {
            return false;
        }
        let bound = may_hold(tables, claim.pvlan, ip, claim.segment, claim.place);
        let Some(bound) = bound else { return false };
        let segment = tables.fabric.segment(claim.segment);
        let held = Held {
            segment: claim.segment,
            place: claim.place,
            holder: seat.holder,
            mac: claim.mac,
            router: segment.is_some_and(|it| it.role == Role::Promiscuous),
            bound,
            seen: now,
            told: now,
        };
        self.addresses
            .note(claim.pvlan, ip, held, seat.limit)
            .is_ok()
    }

    fn apply_here(
        &mut self,
        now: Time,
        since: Time,
        claim: &Claim,
        seat: &Seat,
        tell: impl FnOnce(Claim),
    ) -> bool {
        let mac = claim.mac;
        if self.fdb.learn(now, mac, seat).is_ok() {
            self.fdb.date(since, mac, seat);
            return true;
        }
        if !matches!(claim.place, Place::Port(_)) {
            return false;
        }
        if let Some(lost) = self.fdb.make_room(since, mac, seat) {
            let is_its = |held: &Held| held.mac == lost.mac && held.place == lost.entry.place;
            self.addresses
                .forget_if(|within, held| within == lost.pvlan && is_its(held));
            tell(gone(claim.generation, lost.pvlan, lost.mac, &lost.entry));
            return true;
        }
        self.fdb.yield_to_earlier(since, mac, seat)
    }

    /// Forgets the silent, and says so for this node's own, if it would have heard them: another
    /// worker may hear them still.
    pub(super) fn expire(&mut self, now: Time, generation: u64, mut tell: impl FnMut(Claim)) {
        let fdb = &self.fdb;
        self.addresses.expire(now, |pvlan, held| {
            let entry = fdb.lookup(pvlan, held.mac);
            entry.is_some_and(|entry| entry.place == held.place)
        });
        self.groups.expire(now);
        self.fdb.expire(now, |pvlan, mac, entry| {
            if matches!(entry.place, Place::Port(_)) && entry.near {
                tell(gone(generation, pvlan, mac, entry));
            }
        });
    }

    /// Notes whether a port's device is up.
    pub(super) fn set_up(&mut self, port: LocalPort, up: bool) {
        if let Some(state) = self.up.get_mut(port.index()) {
            *state = up;
        }
    }

    /// Whether a port's device is up.
    pub(super) fn is_up(&self, port: LocalPort) -> bool {
        self.up.get(port.index()).copied().unwrap_or(false)
    }

    /// Forgets what was learned on a port.
    pub(super) fn forget_port(
        &mut self,
        tables: &Tables,
        port: LocalPort,
        mut tell: impl FnMut(Claim),
    ) {
        let holder = Holder::Port(port);
        let generation = tables.generation;
        let is_its = |place| holder_of(tables, place) == Some(holder);
        self.groups.forget_port(port, is_its);
        self.addresses.forget_if(|_, held| held.holder == holder);
        self.fdb.forget_if(
            |entry| entry.is_held_by(holder),
            |pvlan, mac, entry| tell(gone(generation, pvlan, mac, entry)),
        );
    }

    /// A port's counters.
    pub(super) fn port_counters(&mut self, port: LocalPort) -> Option<&mut PortCounters> {
        self.counters.ports.get_mut(port.index())
    }

    /// A peer's counters.
    pub(super) fn peer_counters(&mut self, node: NodeId) -> Option<&mut PeerCounters> {
        self.counters.peers.get_mut(node.index())
    }

    /// Counts `n` marked frames where they came from.
    pub(super) fn count_marked(&mut self, origin: Origin, n: u64) {
        match origin {
            Origin::Port(port) => {
                if let Some(counters) = self.port_counters(port) {
                    counters.marked += n;
                }
            }
            Origin::Peer(node) => {
                if let Some(counters) = self.peer_counters(node) {
                    counters.marked += n;
                }
            }
        }
    }

    /// Counts `n` dropped frames where they came from.
    pub(super) fn count_drop(&mut self, origin: Origin, reason: DropReason, n: u64) {
        match origin {
            Origin::Port(port) => {
                if let Some(counters) = self.port_counters(port) {
                    counters.ingress_drops.add(reason, n);
                }
            }
            Origin::Peer(node) => {
                if let Some(counters) = self.peer_counters(node) {
                    counters.drops.add(reason, n);
                }
            }
        }
    }
}

/// Whether an address may be at a place: `Some(true)` where policy binds it, `Some(false)` for a
/// link-local one that policy leaves to the first who uses it, `None` for anybody else's.
pub(super) fn may_hold(
    tables: &Tables,
    pvlan: PvlanId,
    ip: IpAddr,
    segment: SegmentId,
    place: Place,
) -> Option<bool> {
    let Some(owner) = tables.fabric.ip_owner(pvlan, ip) else {
        let link_local = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
        return link_local.then_some(false);
    };
    let attachment = tables.fabric.attachments.get(owner.index())?;
    let there = match place {
        Place::Port(local) => tables.local_attachment(owner) == Some(local),
        Place::Node(node) => attachment.home == node,
    };
    (there && attachment.segment == segment).then_some(true)
}

/// No claim of a host is ever as strong as a router's, whoever makes it.
fn strongest(segment: &Segment) -> Strength {
    match segment.role {
        Role::Promiscuous => Strength::Promiscuous,
        Role::Isolated | Role::Community => Strength::Pinned,
    }
}

fn gone(
    generation: u64,
    pvlan: PvlanId,
    mac: skerry_policy::Mac,
    entry: &crate::fdb::Entry,
) -> Claim {
    Claim {
        generation,
        pvlan,
        segment: entry.segment,
        mac,
        place: entry.place,
        strength: entry.strength,
        what: Change::Gone,
    }
}

/// The port and the attachment of a place of this node.
fn listening_at(tables: &Tables, place: Place) -> Option<(LocalPort, LocalAttachment)> {
    let Place::Port(at) = place else { return None };
    Some((tables.attachment(at)?.port, at))
}

/// What every port may send.
pub(super) fn meters(tables: &Tables) -> Vec<Meter> {
    let ports = tables.local.ports.iter();
    let ports = ports.filter_map(|port| tables.fabric.ports.get(port.index()));
    ports.map(Meter::new).collect()
}

/// Who answers for addresses at a place.
pub(super) fn holder_of(tables: &Tables, place: Place) -> Option<Holder> {
    Some(match place {
        Place::Port(attachment) => Holder::Port(tables.attachment(attachment)?.port),
        Place::Node(node) => Holder::Node(node),
    })
}

/// Zeroed counters with the shape of these tables.
pub(super) fn blank_counters(tables: &Tables) -> Counters {
    Counters {
        generation: tables.generation,
        ports: vec![PortCounters::default(); tables.local.ports.len()],
        peers: vec![PeerCounters::default(); tables.fabric.nodes.len()],
        underlay_drops: crate::reason::Drops::default(),
    }
}

/// Which ports are up before anybody said so: an edge has no device here that could be down.
pub(super) fn up(tables: &Tables) -> Vec<bool> {
    let ports = (0..).map(LocalPort).take(tables.local.ports.len());
    ports
        .map(|port| tables.edge_behind(port).is_some())
        .collect()
}

/// How to address packets to every other node.
pub(super) fn carriers(tables: &Tables) -> Vec<Option<Carrier>> {
    let nodes = &tables.fabric.nodes;
    let Some(me) = nodes.get(tables.me.index()) else {
        return Vec::new();
    };
    let carrier = |node: &skerry_policy::Node| {
        (node.id != tables.me)
            .then(|| Carrier::new(me.overlay, node.overlay, edition(tables)))
            .flatten()
    };
    nodes.iter().map(carrier).collect()
}

/// What tells this policy from others in the header of a carrying packet.
pub(super) fn edition(tables: &Tables) -> u16 {
    let [high, low, ..] = tables.fabric.digest.0;
    u16::from_be_bytes([high, low])
}

/// The packet that carries a frame of full MTU, for the padding to stop at.
pub(super) fn longest(tables: &Tables) -> usize {
    let overlay = tables
        .fabric
        .nodes
        .get(tables.me.index())
        .map(|me| me.overlay);
    let headers = if overlay.is_some_and(|ip| ip.is_ipv6()) {
        48
    } else {
        28
    };
    headers + vxlan::LEN + ETH_HEADER + usize::from(tables.fabric.mtu)
}

/// MAC addresses that the ports of each node may use together: a peer cannot fill the table.
pub(super) fn allowance(tables: &Tables) -> Vec<u32> {
    let mut allowance = vec![0_u32; tables.fabric.nodes.len()];
    for port in &tables.fabric.ports {
        let home = port
            .attachments
            .first()
            .and_then(|id| tables.fabric.attachments.get(id.index()))
            .map_or(port.node, |attachment| attachment.home);
        if let Some(sum) = allowance.get_mut(home.index()) {
            *sum = sum.saturating_add(port.guards.max_macs);
        }
    }
    allowance
}
