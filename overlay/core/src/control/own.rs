//! What this node has to tell: bindings of its own ports.

use std::collections::BTreeMap;
use std::ops::Bound;

use rustc_hash::FxHashMap;
use skerry_policy::{LocalAttachment, LocalView, Mac, PvlanId, SegmentId, Tables, Vid, Vni};

use crate::claim::{Change, Claim, Place};
use crate::control::binding::{Hold, Key, Record};

/// More than any node's MAC table holds.
const OWN_MAX: usize = 65_536;

/// A binding and where it is.
#[derive(Clone, Copy, Debug)]
struct Mine {
    hold: Hold,
    at: LocalAttachment,
}

/// This node's bindings, in the order of the pages.
#[derive(Debug, Default)]
pub(super) struct Own {
    mine: BTreeMap<Key, Mine>,
    /// One MAC is in one segment of a private VLAN at a time.
    segments: FxHashMap<(PvlanId, Mac), Vni>,
}

impl Own {
    /// Takes what a worker says, and tells what there is to send. Claims of another generation,
    /// of unguarded ports, and of segments their port is not in, change nothing. A worker that
    /// has accepted an address behind a peer says so too: then it is not here any more, and
    /// telling it on would have two nodes pull at it.
    pub(super) fn apply(&mut self, tables: &Tables, claim: &Claim, mut tell: impl FnMut(Record)) {
        if claim.generation != tables.generation {
            return;
        }
        let at = match (claim.place, claim.what) {
            // Every node knows the listeners of its own ports, and needs no others.
            (_, Change::Listens(_) | Change::Leaves(_) | Change::Asks { .. }) => return,
            (Place::Port(at), _) => at,
            (Place::Node(_), Change::Here(_)) => {
                return self.remove(claim.pvlan, claim.mac, &mut tell);
            }
            (Place::Node(_), Change::Address(_) | Change::Gone) => return,
        };
        let Some(vni) = vni_of(tables, claim.segment) else {
            return;
        };
        let here = tables.attachment(at).map(|view| view.segment);
        if here != Some(claim.segment) {
            return;
        }
        let ip = match claim.what {
            Change::Gone => {
                if self.segments.get(&(claim.pvlan, claim.mac)) == Some(&vni) {
                    self.remove(claim.pvlan, claim.mac, &mut tell);
                }
                return;
            }
            Change::Here(_) => None,
            Change::Address(ip) => Some(ip),
            Change::Listens(_) | Change::Leaves(_) | Change::Asks { .. } => return,
        };
        let Some(hold) = Hold::of(claim.strength) else {
            return;
        };
        let mac = claim.mac;
        if self
            .segments
            .get(&(claim.pvlan, mac))
            .is_some_and(|&old| old != vni)
        {
            self.remove(claim.pvlan, mac, &mut tell);
        }
        let key = Key { vni, mac, ip };
        if self.mine.len() < OWN_MAX || self.mine.contains_key(&key) {
            self.segments.insert((claim.pvlan, mac), vni);
            self.mine.insert(key, Mine { hold, at });
            let hold = Some(hold);
            tell(Record { key, hold });
        }
    }

    /// Bindings after a key, in order.
    pub(super) fn after(&self, after: Option<Key>) -> impl Iterator<Item = (Key, Hold)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.mine.range((start, Bound::Unbounded));
        rest.map(|(&key, mine)| (key, mine.hold))
    }

    /// Follows a new policy: a binding stays where its port, tag and segment stay.
    pub(super) fn install(&mut self, old: &Tables, new: &Tables) {
        let mut places: FxHashMap<_, LocalAttachment> = FxHashMap::default();
        for (id, view) in (0..).map(LocalAttachment).zip(&new.local.attachments) {
            places.extend(identity(new, view).map(|identity| (identity, id)));
        }
        let same = |at: LocalAttachment| {
            let identity = identity(old, old.attachment(at)?)?;
            places.get(&identity).copied()
        };
        self.mine.retain(|_, mine| match same(mine.at) {
            Some(at) => {
                mine.at = at;
                true
            }
            None => false,
        });
        let pvlan_of = |key: &Key| {
            let id = new.fabric.segment_of(key.vni)?;
            let segment = new.fabric.segment(id)?;
            Some(((segment.pvlan, key.mac), key.vni))
        };
        self.segments = self.mine.keys().filter_map(pvlan_of).collect();
    }

    fn remove(&mut self, pvlan: PvlanId, mac: Mac, tell: &mut impl FnMut(Record)) {
        let Some(vni) = self.segments.remove(&(pvlan, mac)) else {
            return;
        };
        let first = Key { vni, mac, ip: None };
        let theirs = |key: &Key| key.vni == vni && key.mac == mac;
        let range = self.mine.range(first..).map(|(&key, _)| key);
        let keys: Vec<Key> = range.take_while(theirs).collect();
        for key in keys {
            self.mine.remove(&key);
        }
        tell(Record {
            key: first,
            hold: None,
        });
    }
}

/// What makes an attachment the same in two generations: node and name of the port, tag, VNI.
fn identity(tables: &Tables, view: &LocalView) -> Option<(String, Option<Vid>, Vni)> {
    let port = *tables.local.ports.get(view.port.index())?;
    let vni = vni_of(tables, view.segment)?;
    Some((tables.fabric.port_name(port), view.tag, vni))
}

fn vni_of(tables: &Tables, segment: SegmentId) -> Option<Vni> {
    Some(tables.fabric.segment(segment)?.vni)
}
