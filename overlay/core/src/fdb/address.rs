//! The address table: which MAC an IP address was seen with, for answering ARP and ND, and the
//! link-local addresses pinned to ports (private-vlan 3.6 and 4).

use std::net::IpAddr;
use std::time::Duration;

use rustc_hash::FxHashMap;
use skerry_policy::{Mac, PvlanId, SegmentId};

use super::Holder;
use crate::claim::Place;
use crate::time::Time;

/// An old holder must have been silent for so long before another has its address.
const SILENCE: Duration = Duration::from_secs(5);
/// The MAC that goes with an address changes no more often than this.
const MAC_CHANGE: Duration = Duration::from_secs(1);

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

impl Held {
    /// Heard again at its place; true when the others should be told. A MAC that changes more
    /// often than once a second is not believed until then.
    fn renew(&mut self, held: Self, age: Duration) -> bool {
        let quiet = held.seen.since(self.told);
        if self.mac != held.mac && quiet < MAC_CHANGE {
            self.seen = held.seen;
            return false;
        }
        let news = self.mac != held.mac || quiet >= age / 4;
        let told = if news { held.seen } else { self.told };
        *self = Self { told, ..held };
        news
    }

    /// Whether another holder may have the address instead. A router's word beats a host's, and
    /// one router's another's that has fallen silent (VRRP without an address of its own). Between
    /// hosts the first keeps it, but for an address that is made from the other's MAC (RFC 4291
    /// appendix A): whoever took that first did so to keep it from its owner.
    fn yields_to(&self, ip: IpAddr, other: &Self) -> bool {
        match (self.router, other.router) {
            (true, true) => other.seen.since(self.seen) >= SILENCE,
            (false, true) => true,
            (true, false) => false,
            (false, false) => !self.bound && !is_made_of(ip, self.mac) && is_made_of(ip, other.mac),
        }
    }
}

/// Whether a link-local address has the interface identifier that this MAC gives.
fn is_made_of(ip: IpAddr, mac: Mac) -> bool {
    let Mac([a, b, c, d, e, f]) = mac;
    let identifier = [a ^ 2, b, c, 0xff, 0xfe, d, e, f];
    matches!(ip, IpAddr::V6(ip) if ip.octets().ends_with(&identifier))
}

/// The table. Bounded as a whole and per holder.
#[derive(Debug)]
pub(crate) struct Addresses {
    held: FxHashMap<Key, Held>,
    /// The addresses of each holder that nobody bound.
    unbound: FxHashMap<Holder, Vec<Key>>,
    limit: usize,
    age: Duration,
}

type Key = (PvlanId, IpAddr);

/// Why an address was not noted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotYours {
    /// Somebody else has it.
    Held,
    /// The holder, or everybody together, has as many as there may be.
    Full,
}

impl Addresses {
    /// A table of at most `limit` addresses.
    pub(crate) fn new(limit: usize, age: Duration) -> Self {
        Self {
            held: FxHashMap::default(),
            unbound: FxHashMap::default(),
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

    /// Notes who uses an address; the first place keeps it until it ages, with few exceptions. A
    /// holder that has `limit` addresses which nobody bound gives up one that its MAC has stopped
    /// using. `Ok(true)` when the others should be told.
    ///
    /// # Errors
    /// Another place has it, or there is no room.
    pub(crate) fn note(
        &mut self,
        pvlan: PvlanId,
        ip: IpAddr,
        held: Held,
        limit: u32,
    ) -> Result<bool, NotYours> {
        let key = (pvlan, ip);
        if let Some(known) = self.held.get_mut(&key) {
            if known.place == held.place && known.segment == held.segment {
                return Ok(known.renew(held, self.age));
            }
            if !known.yields_to(ip, &held) {
                return Err(NotYours::Held);
            }
            self.remove(key);
        }
        if !held.bound {
            self.make_room(&held, limit)?;
            self.unbound.entry(held.holder).or_default().push(key);
        }
        if self.held.len() >= self.limit {
            self.release(held.holder, key);
            return Err(NotYours::Full);
        }
        self.held.insert(key, held);
        Ok(true)
    }

    /// A machine that boots may use one link-local address in its firmware and another after.
    fn make_room(&mut self, held: &Held, limit: u32) -> Result<(), NotYours> {
        let own = self
            .unbound
            .get(&held.holder)
            .map_or(&[][..], Vec::as_slice);
        if u32::try_from(own.len()).is_ok_and(|used| used < limit) {
            return Ok(());
        }
        let silent = own.iter().filter_map(|key| {
            let known = self.held.get(key)?;
            let given_up = known.mac == held.mac && held.seen.since(known.seen) >= SILENCE;
            given_up.then_some((known.seen, *key))
        });
        let oldest = silent.min_by_key(|&(seen, _)| seen);
        let (_, key) = oldest.ok_or(NotYours::Full)?;
        self.remove(key);
        Ok(())
    }

    fn remove(&mut self, key: Key) {
        if let Some(held) = self.held.remove(&key) {
            self.release(held.holder, key);
        }
    }

    fn release(&mut self, holder: Holder, key: Key) {
        if let Some(own) = self.unbound.get_mut(&holder) {
            own.retain(|it| *it != key);
        }
    }

    /// Forgets what `gone` picks.
    pub(crate) fn forget_if(&mut self, gone: impl Fn(PvlanId, &Held) -> bool) {
        let unbound = &mut self.unbound;
        self.held.retain(|&key, held| {
            let keep = !gone(key.0, held);
            if !keep && let Some(own) = unbound.get_mut(&held.holder) {
                own.retain(|it| *it != key);
            }
            keep
        });
    }

    /// Forgets what has been silent for longer than the age, unless whoever has it still `lives`:
    /// a router may use its link-local address once in half an hour.
    pub(crate) fn expire(&mut self, now: Time, lives: impl Fn(PvlanId, &Held) -> bool) {
        let age = self.age;
        self.forget_if(|pvlan, held| {
            now.since(held.seen) >= age && !(held.router && lives(pvlan, held))
        });
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
        assert_eq!(
            table.note(BLUE, ip(1), held(2, 399), 1),
            Err(NotYours::Held)
        );
        table.expire(Time(400_000_000_000), |_, _| true);
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
        assert_eq!(table.note(BLUE, ip(1), held(1, 0), 1), Err(NotYours::Held));
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
            Err(NotYours::Full),
            "one each"
        );
        assert_eq!(table.note(BLUE, ip(2), held(2, 0), 1), Ok(true));
        assert_eq!(
            table.note(BLUE, ip(3), held(3, 0), 1),
            Err(NotYours::Full),
            "the table is full"
        );
    }

    #[test]
    fn an_address_that_its_mac_has_stopped_using_makes_room() {
        let mut table = Addresses::new(8, Duration::from_secs(300));
        assert_eq!(table.note(BLUE, ip(1), held(1, 0), 1), Ok(true));
        assert_eq!(
            table.note(BLUE, ip(2), held(1, 4), 1),
            Err(NotYours::Full),
            "too soon"
        );
        let other = Held {
            mac: Mac([2, 0, 0, 0, 0, 2]),
            ..held(1, 5)
        };
        assert_eq!(
            table.note(BLUE, ip(2), other, 1),
            Err(NotYours::Full),
            "another MAC"
        );
        assert_eq!(table.note(BLUE, ip(2), held(1, 5), 1), Ok(true));
        assert!(table.get(BLUE, ip(1)).is_none());
    }

    #[test]
    fn an_address_made_of_a_mac_belongs_to_it() {
        let mut table = Addresses::new(8, Duration::from_secs(300));
        let own: IpAddr = "fe80::ff:fe00:1".parse().unwrap();
        let thief = Held {
            mac: Mac([2, 0, 0, 0, 0, 9]),
            ..held(2, 0)
        };
        assert_eq!(table.note(BLUE, own, thief, 1), Ok(true));
        assert_eq!(table.note(BLUE, own, held(1, 1), 1), Ok(true));
        assert_eq!(table.note(BLUE, own, thief, 1), Err(NotYours::Held));
    }

    #[test]
    fn a_router_takes_over_from_one_that_has_fallen_silent() {
        let mut table = Addresses::new(8, Duration::from_secs(300));
        let router = |port, seconds| Held {
            router: true,
            ..held(port, seconds)
        };
        assert_eq!(table.note(BLUE, ip(1), router(1, 0), 1), Ok(true));
        assert_eq!(
            table.note(BLUE, ip(1), router(2, 4), 1),
            Err(NotYours::Held)
        );
        assert_eq!(table.note(BLUE, ip(1), router(2, 5), 1), Ok(true));
        table.expire(Time(900_000_000_000), |_, _| true);
        assert!(table.get(BLUE, ip(1)).is_some(), "its MAC is heard of");
        table.expire(Time(900_000_000_000), |_, _| false);
        assert!(table.get(BLUE, ip(1)).is_none());
    }

    #[test]
    fn two_macs_that_share_an_address_are_told_of_once_a_second() {
        let mut table = Addresses::new(8, Duration::from_secs(300));
        assert_eq!(table.note(BLUE, ip(1), held(1, 0), 1), Ok(true));
        let mut told = 0;
        for millis in (0..5_000).step_by(10) {
            let mac = Mac([2, 0, 0, 0, 0, u8::from(millis % 20 == 0)]);
            let seen = Time(millis * 1_000_000);
            let again = Held {
                mac,
                seen,
                told: seen,
                ..held(1, 0)
            };
            told += u32::from(table.note(BLUE, ip(1), again, 1) == Ok(true));
        }
        assert!((3..=5).contains(&told), "{told} times");
    }
}
