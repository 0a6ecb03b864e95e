//! The MAC table, shared by all segments of a private VLAN (private-vlan 3.2).
//!
//! The invariant: a claim never displaces a stronger one, and an equal one only where the old
//! place has fallen silent. So a host can neither steal the gateway's address nor a neighbour's.

use std::cmp::Ordering;
use std::time::Duration;

use rustc_hash::FxHashMap;
use skerry_policy::{Mac, PvlanId, SegmentId};

use super::flap::Flaps;
use super::slots::{Lead, Slots};
use super::{FdbEntry, Holder, release};
use crate::claim::{Place, Strength};
use crate::reason::DropReason;
use crate::time::Time;

/// An old place must have been silent for so long before an equal claim moves the address.
const SILENCE: Duration = Duration::from_secs(5);

/// An address that its own node moves about is told of so often and no more.
const MOVES: Duration = Duration::from_secs(1);

/// Where a frame came from, as a claim to its source address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) pvlan: PvlanId,
    pub(crate) segment: SegmentId,
    pub(crate) place: Place,
    pub(crate) strength: Strength,
    /// How strongly it claims what is elsewhere. Less than it holds its own only for a stock member:
    /// nobody guards its guests, so they take no pinned address, and nobody but they speaks for
    /// theirs, so no pinned port takes one while they talk.
    pub(crate) takes: Strength,
    pub(crate) holder: Holder,
    /// Addresses the holder may have at once.
    pub(crate) limit: u32,
    /// This worker reads every frame of the place itself.
    pub(crate) near: bool,
    /// Whoever claims runs the policy that this node runs.
    pub(crate) agrees: bool,
}

/// One address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) segment: SegmentId,
    pub(crate) place: Place,
    pub(crate) strength: Strength,
    pub(crate) since: Time,
    takes: Strength,
    holder: Holder,
    seen: Time,
    /// This worker would hear it talk.
    pub(crate) near: bool,
    /// When the other workers were last told.
    told: Time,
    /// It has moved since, and they were not told at once.
    owed: bool,
}

impl Entry {
    fn new(now: Time, seat: &Seat) -> Self {
        Self {
            segment: seat.segment,
            place: seat.place,
            strength: seat.strength,
            since: now,
            takes: seat.takes,
            holder: seat.holder,
            seen: now,
            near: seat.near,
            told: now,
            owed: false,
        }
    }

    fn sits_at(&self, seat: &Seat) -> bool {
        self.place == seat.place && self.segment == seat.segment
    }

    /// How a claim from elsewhere compares.
    fn rival(&self, seat: &Seat) -> Ordering {
        if (self.strength, self.takes) == (seat.strength, seat.takes) {
            return Ordering::Equal;
        }
        seat.takes.cmp(&self.strength)
    }

    /// Whether it was heard, not named by policy.
    pub(crate) fn is_learned(&self) -> bool {
        self.strength < Strength::Bound
    }

    /// Whether this holder answers for it.
    pub(crate) fn is_held_by(&self, holder: Holder) -> bool {
        self.holder == holder
    }

    /// What an address that is where it was has to say: now and then, that it still is.
    fn known(&mut self, now: Time, age: Duration) -> Learned {
        let pause = if self.owed { MOVES } else { age / 4 };
        if self.strength == Strength::Bound || now.since(self.told) < pause {
            return Learned::Known;
        }
        (self.told, self.owed) = (now, false);
        Learned::Here { since: self.since }
    }

    /// The entry after its own node has moved it. A node that does so with every frame is not worth
    /// a word to everybody with every frame.
    fn moved_by_its_own_node(&self, now: Time, seat: &Seat) -> Self {
        Self {
            told: self.told,
            owed: true,
            ..Self::new(now, seat)
        }
    }

    /// A peer has the last word on which of its own segments an address is in: its own table
    /// keeps its ports apart.
    fn is_moved_by_its_own_node(&self, seat: &Seat) -> bool {
        self.is_learned() && self.holder == seat.holder && matches!(seat.holder, Holder::Node(_))
    }
}

/// What a claim changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Learned {
    /// Nothing: the address was here already.
    Known,
    /// The address is here, and the other workers should hear of it: it is new, or they have not
    /// heard for so long that it would soon age in their tables.
    Here {
        /// When it was first seen here.
        since: Time,
    },
}

/// An address that had to go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lost {
    pub(crate) pvlan: PvlanId,
    pub(crate) mac: Mac,
    pub(crate) entry: Entry,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Fdb {
    entries: Slots<Entry>,
    /// Of those addresses that equals have moved.
    flaps: Slots<Flaps>,
    in_use: FxHashMap<Holder, u32>,
    limit: usize,
    age: Duration,
    seed: u64,
    /// Other workers read the ports that this one reads: what is silent here may talk there.
    shared: bool,
}

impl Fdb {
    /// A table of at most `limit` addresses, allocated now, so that learning never allocates. Which of
    /// them are near each other in it nobody can tell who does not know the seed.
    pub(crate) fn new(limit: usize, age: Duration, seed: u64) -> Self {
        Self {
            entries: Slots::with_capacity(limit, seed),
            flaps: Slots::with_capacity(limit, seed),
            seed,
            in_use: FxHashMap::default(),
            limit,
            age,
            shared: false,
        }
    }

    /// The same, where other workers read the same ports, or do not.
    pub(crate) fn sharing(self, shared: bool) -> Self {
        Self { shared, ..self }
    }

    /// An empty table with the same bounds.
    pub(crate) fn emptied(&self) -> Self {
        Self {
            entries: self.entries.emptied(),
            flaps: self.flaps.emptied(),
            seed: self.seed,
            in_use: FxHashMap::default(),
            limit: self.limit,
            age: self.age,
            shared: self.shared,
        }
    }

    /// Where an address is.
    pub(crate) fn lookup(&self, pvlan: PvlanId, mac: Mac) -> Option<&Entry> {
        self.entries.get((pvlan, mac))
    }

    /// Begins to look for an address, of which [`Self::follow`] makes what [`Self::lookup`] does.
    pub(crate) fn lead(&self, pvlan: PvlanId, mac: Mac) -> Lead {
        self.entries.lead((pvlan, mac))
    }

    /// Where an address is, whatever has changed since the lead to it.
    pub(crate) fn follow(&self, lead: Lead, pvlan: PvlanId, mac: Mac) -> Option<&Entry> {
        self.entries.follow(lead, (pvlan, mac))
    }

    /// Puts an address where policy says, whatever was there.
    pub(crate) fn bind(&mut self, mac: Mac, seat: &Seat) {
        self.remove(seat.pvlan, mac);
        self.insert(mac, Entry::new(Time::default(), seat), seat.pvlan);
    }

    /// Learns that `mac` is at `seat`, or says why it cannot be. From a node that runs another
    /// policy nothing new is learned, however strong the claim: an address that its policy has
    /// moved already is still where ours has it, or two ports that neither policy lets meet could
    /// meet between them. A roll-out that is half-way may only deny more (private-vlan 5).
    ///
    /// # Errors
    /// `MacSpoof`, `MacLimit`, `MacMove`, `MacDup`, in the precedence of the pipeline.
    pub(crate) fn learn(
        &mut self,
        now: Time,
        mac: Mac,
        seat: &Seat,
    ) -> Result<Learned, DropReason> {
        let key = (seat.pvlan, mac);
        let entry = self.entries.get_mut(key);
        if !seat.agrees && !entry.as_ref().is_some_and(|it| it.sits_at(seat)) {
            return Err(DropReason::MacMove);
        }
        let Some(entry) = entry else {
            let full = self.entries.len() >= self.limit;
            if full || used(&self.in_use, seat.holder) >= seat.limit {
                return Err(DropReason::MacLimit);
            }
            self.insert(mac, Entry::new(now, seat), seat.pvlan);
            return Ok(Learned::Here { since: now });
        };
        if entry.sits_at(seat) {
            entry.seen = now;
            entry.near |= seat.near;
            entry.strength = entry.strength.max(seat.strength);
            entry.takes = entry.takes.max(seat.takes);
            return Ok(entry.known(now, self.age));
        }
        if entry.is_moved_by_its_own_node(seat) {
            *entry = entry.moved_by_its_own_node(now, seat);
            self.flaps.remove(key);
            return Ok(entry.known(now, self.age));
        }
        let weaker = entry.rival(seat) == Ordering::Less;
        if weaker && entry.strength >= Strength::Promiscuous {
            return Err(DropReason::MacSpoof);
        }
        // Another tag of the same port counts as the same holder, and needs no more room. A peer
        // that takes an address from elsewhere is told so first, a port last (private-vlan 3.5).
        let over = entry.holder != seat.holder && used(&self.in_use, seat.holder) >= seat.limit;
        if over && matches!(seat.holder, Holder::Port(_)) {
            return Err(DropReason::MacLimit);
        }
        if weaker {
            return Err(DropReason::MacMove);
        }
        let entry = *entry;
        let flaps = self.displace(now, key, &entry, seat)?;
        if over {
            return Err(DropReason::MacLimit);
        }
        self.remove(seat.pvlan, mac);
        self.insert(mac, Entry::new(now, seat), seat.pvlan);
        if let Some(flaps) = flaps {
            self.flaps.insert(key, flaps);
        }
        Ok(Learned::Here { since: now })
    }

    /// Settles a race between two workers of this node: both saw the address first at a place of
    /// their own, and whichever saw it earlier keeps it. True when the table changed.
    pub(crate) fn yield_to_earlier(&mut self, since: Time, mac: Mac, seat: &Seat) -> bool {
        let Some(entry) = self.entries.get((seat.pvlan, mac)).copied() else {
            return false;
        };
        let both_local = matches!((entry.place, seat.place), (Place::Port(_), Place::Port(_)));
        if !both_local || entry.strength != seat.strength || entry.since <= since {
            return false;
        }
        self.remove(seat.pvlan, mac);
        self.insert(mac, Entry::new(since, seat), seat.pvlan);
        true
    }

    /// An address that another worker has learned was there since then, whenever it is told.
    pub(crate) fn date(&mut self, since: Time, mac: Mac, seat: &Seat) {
        let entry = self.entries.get_mut((seat.pvlan, mac));
        if let Some(entry) = entry.filter(|entry| entry.sits_at(seat)) {
            entry.since = entry.since.min(since);
        }
    }

    /// Settles a race between two workers that read one port: each let in an address where there
    /// was room for one of them. The one that was there earlier stays, or the limit of a port would
    /// be one for each worker. Gives the address that goes, if another has to.
    pub(crate) fn make_room(&mut self, since: Time, mac: Mac, seat: &Seat) -> Option<Lost> {
        let is_port = matches!(seat.holder, Holder::Port(_));
        let full = used(&self.in_use, seat.holder) >= seat.limit;
        if !self.shared || !is_port || !full || self.lookup(seat.pvlan, mac).is_some() {
            return None;
        }
        let own = self.entries.iter().filter(|(_, it)| {
            it.is_held_by(seat.holder) && it.is_learned() && it.strength <= seat.strength
        });
        let ((pvlan, last), _) = own.max_by_key(|&((_, mac), it)| (it.since, mac))?;
        let entry = *self.lookup(pvlan, last)?;
        if (entry.since, last) <= (since, mac) {
            return None;
        }
        self.remove(pvlan, last);
        self.insert(mac, Entry::new(since, seat), seat.pvlan);
        Some(Lost {
            pvlan,
            mac: last,
            entry,
        })
    }

    /// Forgets an address that another worker or a peer says is gone from `place`, unless policy
    /// put it there or this worker itself has heard it lately. True when it was there.
    pub(crate) fn forget(&mut self, now: Time, pvlan: PvlanId, mac: Mac, place: Place) -> bool {
        let lately = self.age / 2;
        let here = self.lookup(pvlan, mac).is_some_and(|entry| {
            let heard = entry.near && now.since(entry.seen) < lately;
            entry.place == place && entry.is_learned() && !heard
        });
        here && self.remove(pvlan, mac).is_some()
    }

    /// Forgets what `gone` picks, bound addresses excepted, and hands each to `tell`.
    pub(crate) fn forget_if(
        &mut self,
        gone: impl Fn(&Entry) -> bool,
        mut tell: impl FnMut(PvlanId, Mac, &Entry),
    ) {
        let (in_use, flaps) = (&mut self.in_use, &mut self.flaps);
        self.entries.retain(|(pvlan, mac), entry| {
            let keep = entry.strength == Strength::Bound || !gone(entry);
            if !keep {
                release(in_use, entry.holder);
                flaps.remove((pvlan, mac));
                tell(pvlan, mac, entry);
            }
            keep
        });
    }

    /// Forgets what has been silent for longer than the age.
    pub(crate) fn expire(&mut self, now: Time, tell: impl FnMut(PvlanId, Mac, &Entry)) {
        let age = self.age;
        self.forget_if(|entry| now.since(entry.seen) >= age, tell);
    }

    /// Puts an entry of the table of an older generation at its place in this one.
    pub(crate) fn carry(&mut self, old: &Self, (pvlan, mac): (PvlanId, Mac), seat: &Seat) {
        let Some(entry) = old.lookup(pvlan, mac) else {
            return;
        };
        let carried = Entry {
            segment: seat.segment,
            place: seat.place,
            strength: seat.strength,
            takes: seat.takes,
            holder: seat.holder,
            ..*entry
        };
        let free = used(&self.in_use, seat.holder) < seat.limit && self.entries.len() < self.limit;
        if free && self.lookup(seat.pvlan, mac).is_none() {
            self.insert(mac, carried, seat.pvlan);
            if let Some(flaps) = old.flaps.get((pvlan, mac)) {
                self.flaps.insert((seat.pvlan, mac), *flaps);
            }
        }
    }

    /// Every entry with its key, in no order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (PvlanId, Mac, &Entry)> {
        self.entries
            .iter()
            .map(|((pvlan, mac), entry)| (pvlan, mac, entry))
    }

    /// The table for people, in no order.
    pub(crate) fn list(&self, now: Time) -> impl Iterator<Item = FdbEntry> {
        self.entries().map(move |(pvlan, mac, entry)| FdbEntry {
            pvlan,
            mac,
            segment: entry.segment,
            place: entry.place,
            strength: entry.strength,
            age: if entry.strength == Strength::Bound {
                Duration::ZERO
            } else {
                now.since(entry.seen)
            },
            frozen: self.flaps.get((pvlan, mac)).is_some_and(Flaps::is_frozen),
        })
    }

    /// How many addresses are remembered to have moved.
    #[cfg(test)]
    const fn flapping(&self) -> usize {
        self.flaps.len()
    }

    fn insert(&mut self, mac: Mac, entry: Entry, pvlan: PvlanId) {
        let used = self.in_use.entry(entry.holder).or_default();
        *used = used.saturating_add(1);
        self.entries.insert((pvlan, mac), entry);
    }

    fn remove(&mut self, pvlan: PvlanId, mac: Mac) -> Option<Entry> {
        let entry = self.entries.remove((pvlan, mac))?;
        self.flaps.remove((pvlan, mac));
        release(&mut self.in_use, entry.holder);
        Some(entry)
    }

    /// Whether an address may move to `seat`; how often it has moved between equals then.
    fn displace(
        &mut self,
        now: Time,
        key: (PvlanId, Mac),
        entry: &Entry,
        seat: &Seat,
    ) -> Result<Option<Flaps>, DropReason> {
        if entry.rival(seat) == Ordering::Greater {
            return Ok(None);
        }
        let mut flaps = self.flaps.get(key).copied().unwrap_or_default();
        if flaps.is_frozen() {
            return Err(DropReason::MacDup);
        }
        // What talks elsewhere is heard of here a few times in its age, and no more often.
        let all_heard = entry.near && !self.shared;
        let far = entry.strength == Strength::Pinned && !all_heard;
        let silence = if far { SILENCE + self.age / 4 } else { SILENCE };
        if now.since(entry.seen) < silence {
            return Err(DropReason::MacMove);
        }
        if !flaps.may_move(now) {
            self.flaps.insert(key, flaps);
            return Err(DropReason::MacDup);
        }
        Ok(Some(flaps))
    }
}

/// How many addresses a holder has.
fn used(in_use: &FxHashMap<Holder, u32>, holder: Holder) -> u32 {
    in_use.get(&holder).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
