//! Entries of a table side by side, each in a cache line of its own, and an index to find them by.
//!
//! A frame looks up two addresses, and among tens of thousands both are in no cache. So a lookup
//! touches one line of the index, small enough for L2, and one of the entries, and nothing else. Nor
//! does it ever allocate within the room that was asked for: no place of the index stays used
//! after its entry has gone.
//!
//! There is room for many more addresses than most nodes ever hear. Of the index, only as much is in
//! use as what is there needs: a few hundred addresses all over eight megabytes were each on a page of
//! its own, and every lookup waited for the page tables too.

use skerry_policy::{Mac, PvlanId};

/// Places of the index that are in use at first: 8 KiB, for 1,024 entries.
const FIRST: usize = 1 << 11;

/// How many times as many are in use afterwards. With each step every entry is entered anew, and
/// frames wait meanwhile.
const STEP: usize = 4;

/// From here on it is all of them: for more entries than half as many the wait would be long.
const LAST: usize = 1 << 17;

/// What an entry is found by.
pub(super) type Key = (PvlanId, Mac);

/// The table.
#[derive(Debug)]
pub(super) struct Slots<V> {
    /// Open addressing with linear probing, at most half full. Zero where nothing is; otherwise the
    /// number of a slot, plus one, in the low bits, and of the hash whatever is left above them.
    index: Box<[u32]>,
    /// The places of the index that are in use, less one: a power of two, less one.
    mask: u32,
    slots: Vec<Slot<V>>,
    /// Nobody outside can tell which addresses share a place.
    seed: u64,
}

/// Where something was found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lead(Option<usize>);

#[derive(Debug)]
#[repr(align(64))]
struct Slot<V> {
    key: Key,
    value: V,
}

impl<V> Slots<V> {
    /// Room for so many entries without allocating again.
    pub(super) fn with_capacity(capacity: usize, seed: u64) -> Self {
        let places = capacity.max(8).saturating_mul(2).next_power_of_two();
        Self {
            index: vec![0; places].into_boxed_slice(),
            mask: mask(places.min(FIRST)),
            slots: Vec::with_capacity(capacity),
            seed,
        }
    }

    /// The same room, with as much of the index in use as what is here needs: whoever takes it over
    /// need not enter it several times.
    pub(super) fn emptied(&self) -> Self {
        let all = self.index.len();
        let mut places = all.min(FIRST);
        while places < all.min(self.slots.len().saturating_mul(2)) {
            places = wider(places, all);
        }
        Self {
            index: vec![0; all].into_boxed_slice(),
            mask: mask(places),
            slots: Vec::with_capacity(self.slots.capacity()),
            seed: self.seed,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn get(&self, key: Key) -> Option<&V> {
        let (_, number) = self.find(key)?;
        self.slots.get(number).map(|slot| &slot.value)
    }

    /// Where a key is now: found early, so that two waits for memory fall together.
    pub(super) fn lead(&self, key: Key) -> Lead {
        Lead(self.find(key).map(|(_, number)| number))
    }

    /// What [`Self::get`] gives, from where it was if it is still there.
    pub(super) fn follow(&self, lead: Lead, key: Key) -> Option<&V> {
        let there = lead.0.and_then(|number| self.slots.get(number));
        match there.filter(|slot| slot.key == key) {
            Some(slot) => Some(&slot.value),
            None => self.get(key),
        }
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut V> {
        let (_, number) = self.find(key)?;
        self.slots.get_mut(number).map(|slot| &mut slot.value)
    }

    /// Puts a value in, in the place of what was there. Beyond the room asked for, it allocates.
    pub(super) fn insert(&mut self, key: Key, value: V) {
        if let Some(old) = self.get_mut(key) {
            *old = value;
            return;
        }
        self.slots.push(Slot { key, value });
        if self.slots.len().saturating_mul(2) > self.places() {
            self.widen();
        } else {
            self.enter(self.slots.len().saturating_sub(1));
        }
    }

    /// Uses more of the index, or makes a larger one where all of it is in use.
    fn widen(&mut self) {
        let all = self.index.len();
        if self.places() < all {
            // Behind what was in use all is zero already.
            let used = self.places();
            self.index.iter_mut().take(used).for_each(|it| *it = 0);
            self.mask = mask(wider(used, all));
        } else {
            self.index = vec![0; all.saturating_mul(2)].into_boxed_slice();
            self.mask = mask(self.index.len());
        }
        (0..self.slots.len()).for_each(|number| self.enter(number));
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<V> {
        let (place, number) = self.find(key)?;
        self.vacate(place);
        let last = self.slots.len().saturating_sub(1);
        if number != last
            && let Some(moved) = self.slots.get(last).map(|slot| slot.key)
            && let Some((place, _)) = self.find(moved)
        {
            self.point(place, moved, number);
        }
        Some(self.slots.swap_remove(number).value)
    }

    /// Removes what `keep` does not want to keep.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(Key, &mut V) -> bool) {
        // From the end, so that what moves into a gap has been asked about.
        for number in (0..self.slots.len()).rev() {
            if let Some(slot) = self.slots.get_mut(number)
                && !keep(slot.key, &mut slot.value)
            {
                let key = slot.key;
                self.remove(key);
            }
        }
    }

    /// Every entry, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &V)> {
        self.slots.iter().map(|slot| (slot.key, &slot.value))
    }

    /// Where in the index a key is, and the number of its slot.
    fn find(&self, key: Key) -> Option<(usize, usize)> {
        let hash = self.hash(key);
        let mut place = self.home(hash);
        // At most half of the places are used, so there is an end.
        loop {
            let entry = *self.index.get(place)?;
            if entry == 0 {
                return None;
            }
            if (entry ^ tag(hash)) & !self.mask == 0 {
                let number = self.number(entry);
                if self.slots.get(number)?.key == key {
                    return Some((place, number));
                }
            }
            place = self.after(place);
        }
    }

    /// Enters a slot at the first free place from its home.
    fn enter(&mut self, number: usize) {
        let Some(key) = self.slots.get(number).map(|slot| slot.key) else {
            return;
        };
        let mut place = self.home(self.hash(key));
        while self.index.get(place).is_some_and(|it| *it != 0) {
            place = self.after(place);
        }
        self.point(place, key, number);
    }

    fn point(&mut self, place: usize, key: Key, number: usize) {
        let (mask, tag) = (self.mask, tag(self.hash(key)));
        // Half as many slots as places, so that the number fits under the mask.
        let number = u32::try_from(number).unwrap_or(u32::MAX).wrapping_add(1);
        if let Some(entry) = self.index.get_mut(place) {
            *entry = (tag & !mask) | (number & mask);
        }
    }

    /// Frees a place, and moves up whatever was only behind it because it was taken.
    fn vacate(&mut self, mut gap: usize) {
        let mut place = gap;
        loop {
            place = self.after(place);
            let entry = self.index.get(place).copied().unwrap_or(0);
            let Some(slot) = self.slots.get(self.number(entry)).filter(|_| entry != 0) else {
                break;
            };
            let home = self.home(self.hash(slot.key));
            if self.distance(home, place) >= self.distance(gap, place) {
                self.set(gap, entry);
                gap = place;
            }
        }
        self.set(gap, 0);
    }

    fn set(&mut self, place: usize, entry: u32) {
        if let Some(it) = self.index.get_mut(place) {
            *it = entry;
        }
    }

    /// The number of the slot that an entry of the index names.
    fn number(&self, entry: u32) -> usize {
        ((entry & self.mask) as usize).wrapping_sub(1)
    }

    /// The places of the index that are in use.
    const fn places(&self) -> usize {
        self.mask as usize + 1
    }

    fn home(&self, hash: u64) -> usize {
        (low(hash) & self.mask) as usize
    }

    fn after(&self, place: usize) -> usize {
        place.wrapping_add(1) & (self.mask as usize)
    }

    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.mask as usize)
    }

    /// Both halves of the product with an odd number, folded: every bit of the key reaches both ends.
    fn hash(&self, (pvlan, Mac([a, b, c, d, e, f])): Key) -> u64 {
        let mac = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        let key = mac ^ u64::from(pvlan.0).rotate_left(40) ^ self.seed;
        let product = u128::from(key).wrapping_mul(u128::from(ODD));
        let half = |it: u128| u64::try_from(it & u128::from(u64::MAX)).unwrap_or_default();
        half(product) ^ half(product >> 64)
    }
}

/// The golden ratio as a fraction of 2^64.
const ODD: u64 = 0x9E37_79B9_7F4A_7C15;

/// The places of an index to use after so many, of so many.
fn wider(used: usize, all: usize) -> usize {
    let more = if used < LAST {
        used.saturating_mul(STEP)
    } else {
        all
    };
    more.min(all)
}

/// The bits of an entry, and of a hash, that are one of so many places.
fn mask(places: usize) -> u32 {
    u32::try_from(places).map_or(u32::MAX, |it| it.wrapping_sub(1))
}

/// What is remembered of a hash in the index, in the bits that are no place.
fn tag(hash: u64) -> u32 {
    low(hash >> 32)
}

fn low(hash: u64) -> u32 {
    u32::try_from(hash & u64::from(u32::MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// Few keys, so that they meet again.
    fn key(number: u8) -> Key {
        (
            PvlanId(u32::from(number & 1)),
            Mac([2, 0, 0, 0, 0, number >> 1]),
        )
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u8, u32),
        Remove(u8),
        Retain(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (any::<u8>(), any::<u32>()).prop_map(|(number, value)| Step::Insert(number, value)),
            5 => any::<u8>().prop_map(Step::Remove),
            1 => (2..5_u32).prop_map(Step::Retain),
        ]
    }

    proptest! {
        /// Of 256 that come and go: runs of places wrap around, the places in use become more, and
        /// then the table grows.
        #[test]
        fn it_is_a_map(
            seed in any::<u64>(),
            room in prop_oneof![Just(8_usize), Just(100), Just(256)],
            steps in prop::collection::vec(step(), 1..400),
        ) {
            let mut slots = Slots::with_capacity(room, seed);
            slots.mask = 7;
            let mut map = HashMap::new();
            for step in steps {
                match step {
                    Step::Insert(number, value) => {
                        slots.insert(key(number), value);
                        map.insert(key(number), value);
                    }
                    Step::Remove(number) => {
                        prop_assert_eq!(slots.remove(key(number)), map.remove(&key(number)));
                    }
                    Step::Retain(divisor) => {
                        slots.retain(|_, value| *value % divisor != 0);
                        map.retain(|_, value| *value % divisor != 0);
                    }
                }
                prop_assert_eq!(slots.len(), map.len());
            }
            for number in 0..=u8::MAX {
                prop_assert_eq!(slots.get(key(number)), map.get(&key(number)));
            }
            prop_assert_eq!(slots.iter().count(), map.len());
            let used = slots.index.iter().filter(|it| **it != 0).count();
            prop_assert_eq!(used, map.len(), "no place stays used");
        }
    }

    #[test]
    fn coming_and_going_takes_no_more_room_than_was_asked_for() {
        let mut slots = Slots::with_capacity(100, 7);
        let (places, room) = (slots.index.len(), slots.slots.capacity());
        for number in 0..100_000_u32 {
            let [.., a, b, c] = number.to_be_bytes();
            let old = number.checked_sub(100).map(u32::to_be_bytes);
            if let Some([.., a, b, c]) = old {
                assert!(
                    slots
                        .remove((PvlanId(0), Mac([2, 0, 0, a, b, c])))
                        .is_some()
                );
            }
            slots.insert((PvlanId(0), Mac([2, 0, 0, a, b, c])), ());
        }
        assert_eq!((slots.index.len(), slots.slots.capacity()), (places, room));
    }

    #[test]
    fn few_addresses_use_little_of_the_index_and_many_find_their_way() {
        let mut slots = Slots::with_capacity(1 << 20, 3);
        let (all, at) = (slots.index.len(), slots.index.as_ptr());
        let key = |number: u32| {
            let [.., a, b, c] = number.to_be_bytes();
            (PvlanId(0), Mac([2, 0, 0, a, b, c]))
        };
        for number in 0..70_000_u32 {
            slots.insert(key(number), number);
            let places = match number {
                0..1_024 => 1 << 11,
                1_024..4_096 => 1 << 13,
                4_096..16_384 => 1 << 15,
                16_384..65_536 => 1 << 17,
                _ => 1 << 21,
            };
            assert_eq!(slots.places(), places, "{number}");
        }
        let lost = (0..70_000).find(|&number| slots.get(key(number)) != Some(&number));
        assert_eq!(lost, None);
        let next = slots.emptied();
        assert_eq!((next.places(), next.len()), (1 << 21, 0));
        slots.retain(|_, number| *number < 4_096);
        assert_eq!(slots.emptied().places(), 1 << 13);
        slots.retain(|_, _| false);
        assert_eq!(slots.emptied().places(), 1 << 11);
        for number in 0..70_000_u32 {
            slots.insert(key(number), number);
        }
        assert_eq!((slots.index.len(), slots.index.as_ptr()), (all, at));
    }

    /// What vendors give out in a row must not pile up: every probe is a cache line.
    #[test]
    fn addresses_in_a_row_are_spread() {
        for step in [1_u32, 2, 256, 4096] {
            let mut slots = Slots::with_capacity(65_536, 0);
            for number in 0..65_536_u32 {
                let [a, b, c, d] = number.wrapping_mul(step).to_be_bytes();
                slots.insert((PvlanId(0), Mac([2, 0, a, b, c, d])), ());
            }
            let strays = |(place, entry): (usize, &u32)| {
                let slot = slots.slots.get(slots.number(*entry))?;
                Some(slots.distance(slots.home(slots.hash(slot.key)), place))
            };
            let used = slots.index.iter().enumerate().filter(|(_, it)| **it != 0);
            let total: usize = used.filter_map(strays).sum();
            // Half a probe each, if they were random (Knuth, volume 3, section 6.4).
            assert!(total < 65_536, "{total} steps of {step}");
        }
    }

    #[test]
    fn an_address_of_the_mac_table_fits_a_cache_line() {
        assert_eq!(size_of::<Slot<crate::fdb::Entry>>(), 64);
    }
}
