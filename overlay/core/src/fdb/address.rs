//! The address table: which MAC an IP address was seen with, for answering ARP and ND, and the
//! link-local addresses pinned to ports (private-vlan 3.6 and 4).

use std::net::IpAddr;
use std::time::Duration;

use rustc_hash::FxHashMap;
use skerry_policy::{Mac, PvlanId, SegmentId};

use super::{Holder, release};
use crate::claim::Place;
use crate::time::Time;

/// Who uses an IP address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Held {
    pub(crate) segment: SegmentId,
    pub(crate) place: Place,
    pub(crate) holder: Holder,
    pub(crate) mac: Mac,
    /// On a promiscuous port: a host never keeps such an address from it.
    pub(crate) router: bool,
    /// Policy gives it to this holder; otherwise it is link-local, and counts.
    pub(crate) bound: bool,
    pub(crate) seen: Time,
    /// When the other workers were last told.
    pub(crate) told: Time,
}

/// The table. Bounded as a whole and per holder.
#[derive(Debug)]
pub(crate) struct Addresses {
    held: FxHashMap<(PvlanId, IpAddr), Held>,
    in_use: FxHashMap<Holder, u32>,
    limit: usize,
    age: Duration,
}

/// The address is somebody else's, or the holder has too many.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct NotYours;

impl Addresses {
    /// A table of at most `limit` addresses.
    pub(crate) fn new(limit: usize, age: Duration) -> Self {
        Self {
            held: FxHashMap::default(),
            in_use: FxHashMap::default(),
            limit,
            age,
        }
    }

    /// An empty table with the same bounds.
    pub(crate) fn emptied(&self) -> Self {
        Self::new(self.limit, self.age)
    }

    /// Who uses an address.
    pub(crate) fn get(&self, pvlan: PvlanId, ip: IpAddr) -> Option<&Held> {
        self.held.get(&(pvlan, ip))
    }

    /// Notes who uses an address; the first place keeps it until it ages, but a router's word
    /// beats a host's. `Ok(true)` when the others should be told.
    ///
    /// # Errors
    /// Another place has it, or the holder already has `limit` addresses that nobody bound.
    pub(crate) fn note(
        &mut self,
        pvlan: PvlanId,
        ip: IpAddr,
        held: Held,
        limit: u32,
    ) -> Result<bool, NotYours> {
        if let Some(known) = self.held.get_mut(&(pvlan, ip)) {
            if known.place == held.place && known.segment == held.segment {
                let stale = held.seen.since(known.told) >= self.age / 4;
                let news = known.mac != held.mac || stale;
                let told = if news { held.seen } else { known.told };
                *known = Held { told, ..held };
                return Ok(news);
            }
            if known.router || !held.router {
                return Err(NotYours);
            }
            if !known.bound {
                release(&mut self.in_use, known.holder);
            }
            self.held.remove(&(pvlan, ip));
        }
        if self.held.len() >= self.limit {
            return Err(NotYours);
        }
        if !held.bound {
            let used = self.in_use.entry(held.holder).or_default();
            if *used >= limit {
                return Err(NotYours);
            }
            *used = used.saturating_add(1);
        }
        self.held.insert((pvlan, ip), held);
        Ok(true)
    }

    /// Forgets what `gone` picks.
    pub(crate) fn forget_if(&mut self, gone: impl Fn(&Held) -> bool) {
        let in_use = &mut self.in_use;
        self.held.retain(|_, held| {
            let keep = !gone(held);
            if !keep && !held.bound {
                release(in_use, held.holder);
            }
            keep
        });
    }

    /// Forgets what has been silent for longer than the age.
    pub(crate) fn expire(&mut self, now: Time) {
        let age = self.age;
        self.forget_if(|held| now.since(held.seen) >= age);
    }

    /// Every address with its key, in no order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (PvlanId, IpAddr, &Held)> {
        self.held
            .iter()
            .map(|(&(pvlan, ip), held)| (pvlan, ip, held))
    }
}

#[cfg(test)]
mod tests {
    use skerry_policy::{LocalAttachment, LocalPort};

    use super::*;

    const BLUE: PvlanId = PvlanId(0);

    fn held(port: u32, seconds: u64) -> Held {
        Held {
            segment: SegmentId(1),
            place: Place::Port(LocalAttachment(port)),
            holder: Holder::Port(LocalPort(port)),
            mac: Mac([2, 0, 0, 0, 0, 1]),
            router: false,
            bound: false,
            seen: Time(seconds * 1_000_000_000),
            told: Time(seconds * 1_000_000_000),
        }
    }

    fn ip(last: u16) -> IpAddr {
        IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, last])
    }

    #[test]
    fn the_first_place_keeps_an_address_until_it_ages() {
        let mut table = Addresses::new(8, Duration::from_secs(300));
        assert_eq!(table.note(BLUE, ip(1), held(1, 0), 1), Ok(true));
        assert_eq!(
            table.note(BLUE, ip(1), held(1, 70), 1),
            Ok(false),
            "nothing new"
        );
        assert_eq!(
            table.note(BLUE, ip(1), held(1, 100), 1),
            Ok(true),
            "still there"
        );
        assert_eq!(table.note(BLUE, ip(1), held(2, 399), 1), Err(NotYours));
        table.expire(Time(400_000_000_000));
        assert_eq!(table.note(BLUE, ip(1), held(2, 400), 1), Ok(true));
    }

    #[test]
    fn a_router_takes_its_address_back_from_a_host_and_not_the_other_way_round() {
        let mut table = Addresses::new(8, Duration::from_secs(300));
        let router = Held {
            router: true,
            ..held(2, 0)
        };
        assert_eq!(table.note(BLUE, ip(1), held(1, 0), 1), Ok(true));
        assert_eq!(table.note(BLUE, ip(1), router, 1), Ok(true));
        assert_eq!(table.note(BLUE, ip(1), held(1, 0), 1), Err(NotYours));
        assert_eq!(
            table.note(BLUE, ip(2), held(1, 0), 1),
            Ok(true),
            "its place is free again"
        );
    }

    #[test]
    fn neither_a_holder_nor_all_of_them_can_grow_it_without_end() {
        let mut table = Addresses::new(2, Duration::from_secs(300));
        assert_eq!(table.note(BLUE, ip(1), held(1, 0), 1), Ok(true));
        assert_eq!(
            table.note(BLUE, ip(2), held(1, 0), 1),
            Err(NotYours),
            "one each"
        );
        assert_eq!(table.note(BLUE, ip(2), held(2, 0), 1), Ok(true));
        assert_eq!(
            table.note(BLUE, ip(3), held(3, 0), 1),
            Err(NotYours),
            "the table is full"
        );
    }
}
