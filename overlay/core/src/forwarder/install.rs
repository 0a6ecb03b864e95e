//! Changing the generation: one swap between two batches, after which every index means what the
//! new tables say. What was learned is carried over where its port or node kept its segment, and
//! forgotten everywhere else.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use skerry_policy::{
    Attachment, Fabric, LocalAttachment, LocalPort, NodeId, PvlanId, SegmentId, Tables, Vid, Vni,
};

use super::Forwarder;
use super::berth::Berth;
use super::licence::{Licence, marks_of_peers};
use super::meter::{Copies, messages};
use super::routes::Routes;
use super::state::{State, allowance, blank_counters, carriers, longest, may_hold, meters, up};
use crate::claim::{Place, Strength};
use crate::counters::Counters;
use crate::fdb::{Held, Querier, Seat};
use crate::queue::Queue;
use crate::sink::Sink;
use crate::time::Time;

impl Forwarder {
    /// Runs these tables from now on.
    pub fn install(&mut self, now: Time, tables: Arc<Tables>, sink: &mut impl Sink) {
        self.release(sink);
        if let Some(lanes) = &mut self.lanes {
            lanes.flush(sink);
            lanes.install(now, &tables.fabric, tables.me);
        }
        let translation = Translation::new(&self.tables, &tables);
        self.state.translate(&translation, &tables);
        self.tables = tables;
    }
}

/// Where the things of one generation are in the next, if they are still the same things.
struct Translation {
    ports: Vec<Option<LocalPort>>,
    attachments: Vec<Option<LocalAttachment>>,
    segments: Vec<Option<SegmentId>>,
    nodes: Vec<Option<NodeId>>,
    pvlans: Vec<Option<PvlanId>>,
    /// Segments of nodes that lost an attachment: which address was behind it is not known.
    disturbed: FxHashSet<(NodeId, SegmentId)>,
}

impl Translation {
    fn new(old: &Tables, new: &Tables) -> Self {
        let ports = ports(old, new);
        let segments = segments(&old.fabric, &new.fabric);
        let attachments = attachments(old, new, &ports, &segments);
        let pvlans = by_name(
            old.fabric.pvlans.iter().map(|it| it.name.as_str()),
            new.fabric.pvlans.iter().map(|it| (it.name.as_str(), it.id)),
        );
        Self {
            ports,
            attachments,
            segments,
            nodes: nodes(&old.fabric, &new.fabric),
            pvlans,
            disturbed: disturbed(&old.fabric, &new.fabric),
        }
    }

    /// Where a place of an address in a segment is now, if it can still be there.
    fn place(&self, place: Place, segment: SegmentId) -> Option<Place> {
        match place {
            Place::Port(old) => at(&self.attachments, old.index()).map(Place::Port),
            Place::Node(old) if self.disturbed.contains(&(old, segment)) => None,
            Place::Node(old) => at(&self.nodes, old.index()).map(Place::Node),
        }
    }
}

fn at<T: Copy>(list: &[Option<T>], index: usize) -> Option<T> {
    list.get(index).copied().flatten()
}

fn by_name<'n, T: Copy>(
    old: impl Iterator<Item = &'n str>,
    new: impl Iterator<Item = (&'n str, T)>,
) -> Vec<Option<T>> {
    let new: FxHashMap<&str, T> = new.collect();
    old.map(|name| new.get(name).copied()).collect()
}

fn port_names(tables: &Tables) -> impl Iterator<Item = (String, LocalPort)> {
    (0..)
        .map(LocalPort)
        .take(tables.local.ports.len())
        .map(|port| {
            let name = tables.port(port).map(|it| tables.fabric.port_name(it.id));
            (name.unwrap_or_default(), port)
        })
}

fn ports(old: &Tables, new: &Tables) -> Vec<Option<LocalPort>> {
    let new: FxHashMap<String, LocalPort> = port_names(new).collect();
    port_names(old)
        .map(|(name, _)| new.get(&name).copied())
        .collect()
}

/// A segment is the same when its number, its name and so its private VLAN and role are.
fn segments(old: &Fabric, new: &Fabric) -> Vec<Option<SegmentId>> {
    let key = |it: &skerry_policy::Segment| (it.vni, it.role, it.name.clone());
    let new: FxHashMap<(Vni, skerry_policy::Role, String), SegmentId> =
        new.segments.iter().map(|it| (key(it), it.id)).collect();
    old.segments
        .iter()
        .map(|it| new.get(&key(it)).copied())
        .collect()
}

/// An attachment is the same when its port, its tag and its segment are.
fn attachments(
    old: &Tables,
    new: &Tables,
    ports: &[Option<LocalPort>],
    segments: &[Option<SegmentId>],
) -> Vec<Option<LocalAttachment>> {
    let new: FxHashMap<(LocalPort, Option<Vid>, SegmentId), LocalAttachment> = (0..)
        .map(LocalAttachment)
        .zip(&new.local.attachments)
        .map(|(id, view)| ((view.port, view.tag, view.segment), id))
        .collect();
    let same = |view: &skerry_policy::LocalView| {
        let port = at(ports, view.port.index())?;
        let segment = at(segments, view.segment.index())?;
        new.get(&(port, view.tag, segment)).copied()
    };
    old.local.attachments.iter().map(same).collect()
}

/// The old (node, segment) pairs of which an attachment is gone, renamed, or in another segment.
fn disturbed(old: &Fabric, new: &Fabric) -> FxHashSet<(NodeId, SegmentId)> {
    let key = |fabric: &Fabric, it: &Attachment| {
        let segment = fabric
            .segments
            .get(it.segment.index())
            .map(|it| it.name.clone());
        (fabric.port_name(it.port), it.tag, segment)
    };
    let kept: FxHashSet<_> = new.attachments.iter().map(|it| key(new, it)).collect();
    let lost = old
        .attachments
        .iter()
        .filter(|it| !kept.contains(&key(old, it)));
    lost.map(|it| (it.home, it.segment)).collect()
}

/// A node is the same when its name and its key are.
fn nodes(old: &Fabric, new: &Fabric) -> Vec<Option<NodeId>> {
    let new: FxHashMap<(&str, [u8; 32]), NodeId> = new
        .nodes
        .iter()
        .map(|it| ((it.name.as_str(), it.key), it.id))
        .collect();
    old.nodes
        .iter()
        .map(|it| new.get(&(it.name.as_str(), it.key)).copied())
        .collect()
}

impl State {
    fn translate(&mut self, translation: &Translation, tables: &Tables) {
        self.carriers = carriers(tables);
        self.allowance = allowance(tables);
        self.longest = longest(tables);
        self.paths.translate(&translation.nodes, tables);
        self.counters = translate_counters(&self.counters, translation, tables);
        self.licences = Licence::of_peers(tables);
        self.kinds = Licence::kinds_of_peers(tables);
        self.routes = Routes::of_peers(tables);
        self.marks = marks_of_peers(tables);
        self.translate_ports(translation, tables);
        // What was too long shows again.
        self.underlay = Queue::default();
        self.translate_buckets(translation, tables);
        self.translate_groups(translation, tables);
        let (fdb, addresses) = (self.fdb.emptied(), self.addresses.emptied());
        let old_fdb = std::mem::replace(&mut self.fdb, fdb);
        let old_addresses = std::mem::replace(&mut self.addresses, addresses);
        self.bind(tables);
        for (pvlan, mac, entry) in old_fdb.entries() {
            if entry.strength == Strength::Bound {
                continue;
            }
            let seat = self.new_seat(translation, tables, pvlan, entry.segment, entry.place);
            if let Some(seat) = seat {
                let strength = entry.strength.min(seat.strength.max(Strength::Pinned));
                let seat = Seat { strength, ..seat };
                self.fdb.carry(&old_fdb, (pvlan, mac), &seat);
            }
        }
        for (pvlan, ip, held) in old_addresses.entries() {
            let seat = self.new_seat(translation, tables, pvlan, held.segment, held.place);
            if let Some(seat) = seat {
                let bound = may_hold(tables, seat.pvlan, ip, seat.segment, seat.place);
                let Some(bound) = bound else { continue };
                let carried = Held {
                    segment: seat.segment,
                    place: seat.place,
                    holder: seat.holder,
                    bound,
                    ..*held
                };
                // No room is no reason to keep it.
                let _kept = self.addresses.note(seat.pvlan, ip, carried, seat.limit);
            }
        }
    }

    /// Links and buckets stay with their ports.
    fn translate_ports(&mut self, translation: &Translation, tables: &Tables) {
        let old_meters = std::mem::replace(&mut self.meters, meters(tables));
        let old_berths = std::mem::replace(&mut self.berths, Berth::all(tables));
        let mut up = up(tables);
        let old = old_meters.iter().zip(&old_berths);
        let old = self.up.iter().zip(old).zip(&translation.ports);
        for ((&was_up, (old_meter, old_berth)), new) in old {
            let Some(new) = new else { continue };
            if let Some(state) = up.get_mut(new.index()) {
                *state = was_up;
            }
            if let Some(meter) = self.meters.get_mut(new.index()) {
                *meter = meter.inherit(old_meter);
            }
            if let Some(berth) = self.berths.get_mut(new.index()) {
                *berth = berth.inherit(old_berth);
            }
        }
        self.up = up;
    }

    fn translate_buckets(&mut self, translation: &Translation, tables: &Tables) {
        let new = tables.fabric.pvlans.iter().map(Copies::new).collect();
        let old = std::mem::replace(&mut self.copies, new);
        for (old, new) in old.iter().zip(&translation.pvlans) {
            if let Some(bucket) = new.and_then(|new| self.copies.get_mut(new.index())) {
                *bucket = bucket.inherit(old);
            }
        }
        let old = std::mem::replace(&mut self.control, messages(tables));
        for (old, new) in old.iter().zip(&translation.nodes) {
            if let Some(bucket) = new.and_then(|new| self.control.get_mut(new.index())) {
                *bucket = bucket.inherit(old);
            }
        }
        let old = std::mem::replace(&mut self.peer_copies, Copies::of_peers(tables));
        for ((node, pvlan), old) in &old {
            let node = at(&translation.nodes, node.index());
            let key = node.zip(at(&translation.pvlans, pvlan.index()));
            if let Some(bucket) = key.and_then(|key| self.peer_copies.get_mut(&key)) {
                *bucket = bucket.inherit(old);
            }
        }
    }

    fn translate_groups(&mut self, translation: &Translation, tables: &Tables) {
        let mut groups = self.groups.emptied();
        let place = |old: LocalAttachment| {
            let new = at(&translation.attachments, old.index())?;
            let port = tables.attachment(new)?.port;
            Some((port, new, tables.port(port)?.guards.max_groups))
        };
        let seat = |pvlan, it: &Querier| {
            let seat = self.new_seat(translation, tables, pvlan, it.segment, it.place)?;
            Some((seat.pvlan, seat.segment, seat.place))
        };
        groups.carry(&self.groups, place, seat);
        self.groups = groups;
    }

    fn new_seat(
        &self,
        translation: &Translation,
        tables: &Tables,
        pvlan: PvlanId,
        segment: SegmentId,
        place: Place,
    ) -> Option<Seat> {
        let place = translation.place(place, segment)?;
        let segment = at(&translation.segments, segment.index())?;
        let segment = tables.fabric.segment(segment)?;
        if at(&translation.pvlans, pvlan.index()) != Some(segment.pvlan) {
            return None;
        }
        if let Place::Node(node) = place
            && !tables.fabric.may_send(node, segment.id)
        {
            return None;
        }
        self.seat(tables, segment, place)
    }
}

fn translate_counters(old: &Counters, translation: &Translation, tables: &Tables) -> Counters {
    let mut new = blank_counters(tables);
    for (index, counters) in old.ports.iter().enumerate() {
        if let Some(port) = at(&translation.ports, index)
            && let Some(place) = new.ports.get_mut(port.index())
        {
            place.clone_from(counters);
        }
    }
    for (index, counters) in old.peers.iter().enumerate() {
        if let Some(node) = at(&translation.nodes, index)
            && let Some(place) = new.peers.get_mut(node.index())
        {
            place.clone_from(counters);
        }
    }
    new.underlay_drops.clone_from(&old.underlay_drops);
    new
}
