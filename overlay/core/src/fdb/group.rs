//! Who listens to which multicast group, and behind which places routers ask for it
//! (private-vlan 3.6, RFC 4541).
//!
//! Listeners are known on their own node only: a copy goes to every node that accepts the
//! segment, and each looks for itself. Nothing here widens what the matrix accepts.

use std::net::IpAddr;
use std::time::Duration;

use rustc_hash::FxHashMap;
use skerry_policy::{LocalAttachment, LocalPort, PvlanId, SegmentId};

use crate::claim::Place;
use crate::time::Time;

/// Without a report for so long, nobody listens (RFC 3376 section 8.4).
const LISTENS: Duration = Duration::from_secs(260);
/// A router that has asked is one for so long (RFC 3376 section 8.5).
const ASKS: Duration = Duration::from_secs(255);
/// After a leave the router asks whether somebody else still listens: twice, a second apart
/// (RFC 3376 section 8.8).
const LAST: Duration = Duration::from_secs(2);
/// No router waits longer for answers, whatever it says (RFC 3376 section 8.3).
const PATIENCE: Duration = Duration::from_secs(10);
/// The other workers are told again after so long.
const RETELL: Duration = Duration::from_secs(60);

/// One group at one attachment.
#[derive(Clone, Copy, Debug)]
struct Listener {
    port: LocalPort,
    until: Time,
    told: Time,
}

/// A place behind which a router asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Querier {
    pub(crate) segment: SegmentId,
    pub(crate) place: Place,
    /// A router that asks by IGMP refreshes nobody who listens by MLD, and the other way round.
    pub(crate) family: Family,
    /// Everybody who listens has answered by then.
    heard_out: Time,
    until: Time,
    told: Time,
}

/// The protocol of a question about listeners.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Family {
    Igmp,
    Mld,
}

impl Family {
    pub(crate) const fn of(group: IpAddr) -> Self {
        match group {
            IpAddr::V4(_) => Self::Igmp,
            IpAddr::V6(_) => Self::Mld,
        }
    }
}

/// The port listens to as many groups as it may.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TooMany;

/// The tables. Bounded by the ports' limits and as a whole.
#[derive(Debug)]
pub(crate) struct Groups {
    listeners: FxHashMap<(IpAddr, LocalAttachment), Listener>,
    in_use: FxHashMap<LocalPort, u32>,
    /// A handful in each: at most two for each promiscuous place.
    queriers: FxHashMap<PvlanId, Vec<Querier>>,
    limit: usize,
}

impl Groups {
    /// Empty tables for at most `limit` listeners.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            listeners: FxHashMap::default(),
            in_use: FxHashMap::default(),
            queriers: FxHashMap::default(),
            limit,
        }
    }

    /// Empty tables with the same bounds.
    pub(crate) fn emptied(&self) -> Self {
        Self::new(self.limit)
    }

    /// Whether a port may listen to all of these, what it listens to already included.
    pub(crate) fn has_room(
        &self,
        (port, at): (LocalPort, LocalAttachment),
        groups: impl Iterator<Item = IpAddr>,
        limit: u32,
    ) -> bool {
        let new = groups.filter(|&group| !self.listeners.contains_key(&(group, at)));
        let new = u32::try_from(new.count()).unwrap_or(u32::MAX);
        let used = self.in_use.get(&port).copied().unwrap_or(0);
        let all = u32::try_from(self.listeners.len()).unwrap_or(u32::MAX);
        let most = u32::try_from(self.limit).unwrap_or(u32::MAX);
        new == 0 || (used.saturating_add(new) <= limit && all.saturating_add(new) <= most)
    }

    /// Somebody at this attachment listens. `Ok(true)` when the other workers should hear of it.
    ///
    /// # Errors
    /// No room.
    pub(crate) fn join(
        &mut self,
        now: Time,
        (port, at): (LocalPort, LocalAttachment),
        group: IpAddr,
        limit: u32,
    ) -> Result<bool, TooMany> {
        if let Some(known) = self.listeners.get_mut(&(group, at)) {
            let was_leaving = known.until <= now + LAST;
            let news = was_leaving || now.since(known.told) >= RETELL;
            known.until = now + LISTENS;
            if news {
                known.told = now;
            }
            return Ok(news);
        }
        let used = self.in_use.entry(port).or_default();
        if *used >= limit || self.listeners.len() >= self.limit {
            return Err(TooMany);
        }
        *used = used.saturating_add(1);
        let listener = Listener {
            port,
            until: now + LISTENS,
            told: now,
        };
        self.listeners.insert((group, at), listener);
        Ok(true)
    }

    /// Somebody at this attachment no longer listens; others there have a moment to speak up.
    /// True when the other workers should hear of it.
    pub(crate) fn leave(&mut self, now: Time, at: LocalAttachment, group: IpAddr) -> bool {
        match self.listeners.get_mut(&(group, at)) {
            Some(listener) if listener.until > now + LAST => {
                listener.until = now + LAST;
                true
            }
            Some(_) | None => false,
        }
    }

    /// Whether somebody at this attachment listens.
    pub(crate) fn hears(&self, now: Time, at: LocalAttachment, group: IpAddr) -> bool {
        let listener = self.listeners.get(&(group, at));
        listener.is_some_and(|listener| now < listener.until)
    }

    /// A router asks from here, and wants to be answered within `patience`. True when the other
    /// workers should hear of it.
    pub(crate) fn asks(
        &mut self,
        now: Time,
        pvlan: PvlanId,
        (segment, place): (SegmentId, Place),
        family: Family,
        patience: Duration,
    ) -> bool {
        let queriers = self.queriers.entry(pvlan).or_default();
        let same =
            |it: &&mut Querier| it.segment == segment && it.place == place && it.family == family;
        if let Some(known) = queriers.iter_mut().find(same) {
            known.until = now + ASKS;
            let news = now.since(known.told) >= RETELL;
            if news {
                known.told = now;
            }
            return news;
        }
        queriers.push(Querier {
            segment,
            place,
            family,
            heard_out: now + patience.min(PATIENCE),
            until: now + ASKS,
            told: now,
        });
        true
    }

    /// The routers that ask in a private VLAN by one protocol.
    fn alive(&self, now: Time, pvlan: PvlanId, family: Family) -> impl Iterator<Item = &Querier> {
        let queriers = self.queriers.get(&pvlan);
        let queriers = queriers.into_iter().flatten();
        queriers.filter(move |it| it.family == family && now < it.until)
    }

    /// The places behind which they are.
    pub(crate) fn queriers(
        &self,
        now: Time,
        pvlan: PvlanId,
        family: Family,
    ) -> impl Iterator<Item = Place> {
        self.alive(now, pvlan, family).map(|it| it.place)
    }

    /// Whether every listener of a private VLAN has been asked, and has had time to answer.
    pub(crate) fn are_known(&self, now: Time, pvlan: PvlanId, family: Family) -> bool {
        let mut queriers = self.alive(now, pvlan, family);
        queriers.any(|it| it.heard_out <= now)
    }

    /// Forgets what was heard on a port.
    pub(crate) fn forget_port(&mut self, port: LocalPort, is_its: impl Fn(Place) -> bool) {
        self.listeners.retain(|_, it| it.port != port);
        self.in_use.remove(&port);
        for queriers in self.queriers.values_mut() {
            queriers.retain(|it| !is_its(it.place));
        }
    }

    /// Forgets what has been silent for too long.
    pub(crate) fn expire(&mut self, now: Time) {
        let in_use = &mut self.in_use;
        self.listeners.retain(|_, it| {
            let keep = now < it.until;
            if !keep && let Some(used) = in_use.get_mut(&it.port) {
                *used = used.saturating_sub(1);
            }
            keep
        });
        for queriers in self.queriers.values_mut() {
            queriers.retain(|it| now < it.until);
        }
    }

    /// Takes over what an older generation knew: `place` says where an attachment is now, and how
    /// many groups its port may listen to.
    pub(crate) fn carry(
        &mut self,
        old: &Self,
        place: impl Fn(LocalAttachment) -> Option<(LocalPort, LocalAttachment, u32)>,
        seat: impl Fn(PvlanId, &Querier) -> Option<(PvlanId, SegmentId, Place)>,
    ) {
        for (&(group, at), listener) in &old.listeners {
            let Some((port, at, limit)) = place(at) else {
                continue;
            };
            let used = self.in_use.entry(port).or_default();
            if *used < limit {
                *used = used.saturating_add(1);
                let carried = Listener { port, ..*listener };
                self.listeners.insert((group, at), carried);
            }
        }
        for (&pvlan, queriers) in &old.queriers {
            for querier in queriers {
                if let Some((pvlan, segment, place)) = seat(pvlan, querier) {
                    let carried = Querier {
                        segment,
                        place,
                        ..*querier
                    };
                    self.queriers.entry(pvlan).or_default().push(carried);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: (LocalPort, LocalAttachment) = (LocalPort(1), LocalAttachment(1));

    fn at(seconds: u64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    fn group(last: u8) -> IpAddr {
        IpAddr::from([239, 1, 1, last])
    }

    #[test]
    fn a_listener_is_forgotten_unless_it_says_so_again() {
        let mut groups = Groups::new(8);
        assert_eq!(groups.join(at(0), PORT, group(1), 1), Ok(true));
        assert_eq!(groups.join(at(50), PORT, group(1), 1), Ok(false), "known");
        assert_eq!(
            groups.join(at(70), PORT, group(1), 1),
            Ok(true),
            "told again"
        );
        assert!(groups.hears(at(329), PORT.1, group(1)));
        assert!(!groups.hears(at(330), PORT.1, group(1)));
        assert!(!groups.hears(at(1), LocalAttachment(2), group(1)));
    }

    #[test]
    fn a_leave_takes_effect_unless_somebody_else_speaks_up() {
        let mut groups = Groups::new(8);
        for last in [1, 2] {
            assert_eq!(groups.join(at(10), PORT, group(last), 2), Ok(true));
            groups.leave(at(20), PORT.1, group(last));
        }
        assert_eq!(groups.join(at(21), PORT, group(2), 2), Ok(true), "is news");
        assert!(groups.hears(at(21), PORT.1, group(1)));
        assert!(!groups.hears(at(22), PORT.1, group(1)));
        assert!(groups.hears(at(22), PORT.1, group(2)));
    }

    #[test]
    fn limits_hold_and_what_expires_makes_room() {
        let mut groups = Groups::new(3);
        assert_eq!(groups.join(at(0), PORT, group(1), 1), Ok(true));
        assert_eq!(groups.join(at(0), PORT, group(2), 1), Err(TooMany));
        assert!(!groups.has_room(PORT, [group(1), group(2)].into_iter(), 1));
        assert!(groups.has_room(PORT, [group(1)].into_iter(), 1));
        let other = (LocalPort(2), LocalAttachment(2));
        for last in 1..=2 {
            assert_eq!(groups.join(at(0), other, group(last), 9), Ok(true));
        }
        assert_eq!(groups.join(at(0), other, group(3), 9), Err(TooMany), "full");
        groups.expire(at(260));
        assert_eq!(groups.join(at(260), PORT, group(2), 1), Ok(true));
    }

    #[test]
    fn routers_are_known_by_private_vlan_and_protocol_and_age() {
        let mut groups = Groups::new(8);
        let place = Place::Port(LocalAttachment(4));
        let asks = |groups: &mut Groups, now| {
            let (from, patience) = ((SegmentId(0), place), Duration::from_secs(2));
            groups.asks(at(now), PvlanId(0), from, Family::Igmp, patience)
        };
        assert!(asks(&mut groups, 0));
        assert!(!asks(&mut groups, 1));
        let places = |groups: &Groups, now, pvlan, family| -> Vec<Place> {
            groups.queriers(at(now), PvlanId(pvlan), family).collect()
        };
        assert_eq!(places(&groups, 255, 0, Family::Igmp), [place]);
        assert_eq!(places(&groups, 255, 0, Family::Mld), []);
        assert_eq!(places(&groups, 255, 1, Family::Igmp), []);
        assert_eq!(places(&groups, 256, 0, Family::Igmp), []);
        assert!(
            !groups.are_known(at(1), PvlanId(0), Family::Igmp),
            "not yet"
        );
        assert!(groups.are_known(at(2), PvlanId(0), Family::Igmp));
        groups.forget_port(LocalPort(9), |it| it == place);
        assert_eq!(places(&groups, 2, 0, Family::Igmp), []);
    }
}
