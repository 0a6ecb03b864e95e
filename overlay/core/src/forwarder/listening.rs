//! Multicast snooping: what the table of groups is told, and who hears a group
//! (private-vlan 3.6, RFC 4541).

use std::net::IpAddr;

use skerry_policy::{LocalAttachment, LocalPort};

use super::inspect::Inspected;
use super::pass::{Origin, Outcome, Pass, Sender};
use crate::claim::{Change, Place, Strength};
use crate::fdb::Family;
use crate::frame::Frame;
use crate::reason::DropReason;
use crate::sink::Sink;
use crate::wire::ip::Ip;
use crate::wire::multicast::{Changes, Membership, is_link_local};

impl<S: Sink> Pass<'_, S> {
    /// Learns from a query or a report; true for a report, which is for routers only.
    pub(super) fn inspect_membership(
        &mut self,
        sender: &Sender<'_>,
        ip: &Ip<'_>,
    ) -> Result<bool, DropReason> {
        match Membership::parse(ip) {
            None => Ok(false),
            Some(Membership::Query(_)) if sender.is_host() => Err(DropReason::RogueQuerier),
            Some(Membership::Query(_)) if !sender.agrees => Ok(false),
            Some(Membership::Query(patience)) => {
                let (pvlan, from) = (sender.pvlan.id, (sender.segment.id, sender.place));
                let (groups, family) = (&mut self.state.groups, Family::of(ip.source));
                if groups.asks(self.now, pvlan, from, family, patience) {
                    let v6 = ip.source.is_ipv6();
                    self.announce(sender, Strength::Dynamic, Change::Asks { v6, patience });
                }
                Ok(false)
            }
            Some(Membership::Report(changes)) => {
                // A peer's report is of ports that the peer looks after.
                if let (Origin::Port(port), Place::Port(at)) = (sender.origin, sender.place) {
                    self.take_report(sender, (port, at), changes)?;
                }
                Ok(true)
            }
        }
    }

    /// All of a report, or nothing of it.
    fn take_report(
        &mut self,
        sender: &Sender<'_>,
        at: (LocalPort, LocalAttachment),
        changes: Changes<'_>,
    ) -> Result<(), DropReason> {
        let limit = self.tables.port(at.0).map_or(0, |it| it.guards.max_groups);
        let wishes = || changes.filter(|wish| !is_link_local(wish.group));
        let joins = wishes().filter(|wish| wish.joins).map(|wish| wish.group);
        if !self.state.groups.has_room(at, joins, limit) {
            return Err(DropReason::GroupLimit);
        }
        let changes = u64::try_from(wishes().count()).unwrap_or(u64::MAX);
        let meter = self.state.meters.get_mut(at.0.index());
        if !meter.is_some_and(|meter| meter.may_report(self.now, changes)) {
            return Err(DropReason::GroupLimit);
        }
        for wish in wishes() {
            let (groups, now) = (&mut self.state.groups, self.now);
            let news = if wish.joins {
                let joined = groups.join(now, at, wish.group, limit);
                joined
                    .map_err(|_| DropReason::GroupLimit)?
                    .then_some(Change::Listens(wish.group))
            } else {
                let left = groups.leave(now, at.1, wish.group);
                left.then_some(Change::Leaves(wish.group))
            };
            if let Some(news) = news {
                self.announce(sender, Strength::Dynamic, news);
            }
        }
        Ok(())
    }

    /// A report goes where routers ask, and nowhere else: other hosts that heard it would leave
    /// theirs unsaid (RFC 4541 section 2.1.1).
    pub(super) fn send_report(
        &mut self,
        sender: &Sender<'_>,
        inspected: &Inspected,
        frame: Frame<'_>,
        n: u64,
    ) -> Outcome {
        let family = inspected
            .ip
            .map_or(Family::Igmp, |(from, _)| Family::of(from));
        let mut outcome = Outcome::NoReceiver;
        for nth in 0.. {
            // One after another, since a copy needs the whole pass.
            let pvlan = sender.pvlan.id;
            let queriers = self.state.groups.queriers(self.now, pvlan, family);
            let Some(place) = { queriers }.nth(nth) else {
                break;
            };
            match place {
                _ if place == sender.place => continue,
                Place::Port(to) => self.copy_to_attachment(sender.segment.id, to, frame, n),
                Place::Node(_) if matches!(sender.origin, Origin::Peer(_)) => continue,
                Place::Node(to) => self.copy_to_node(sender.onward(to), frame, n),
            }
            outcome = Outcome::Delivered;
        }
        outcome
    }

    /// The group whose listeners alone are to hear a frame: none where every port hears it, and
    /// none where no router asks who listens, or not all have had time to answer.
    pub(super) fn snooped_group(
        &self,
        sender: &Sender<'_>,
        inspected: &Inspected,
    ) -> Option<IpAddr> {
        let (_, group) = inspected.ip?;
        let snooped = group.is_multicast() && !is_link_local(group);
        let (groups, pvlan) = (&self.state.groups, sender.pvlan.id);
        (snooped && groups.are_known(self.now, pvlan, Family::of(group))).then_some(group)
    }

    /// Whether an attachment is to hear a group: somebody there listens, or a router asks.
    pub(super) fn is_to_hear(
        &self,
        sender: &Sender<'_>,
        group: IpAddr,
        at: LocalAttachment,
    ) -> bool {
        let groups = &self.state.groups;
        let mut queriers = groups.queriers(self.now, sender.pvlan.id, Family::of(group));
        groups.hears(self.now, at, group) || queriers.any(|place| place == Place::Port(at))
    }
}
