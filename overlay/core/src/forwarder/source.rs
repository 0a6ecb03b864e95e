//! Is the sender who it says it is? Whose a MAC and an IP address are, for frames of ports and of
//! peers.

use std::net::IpAddr;

use skerry_policy::{Guards, IpGuard, Mac, Role};

use super::pass::{Origin, Pass, Sender};
use super::state::may_hold;
use crate::claim::{Change, Place, Strength};
use crate::fdb::{Held, Learned, NotYours, Seat};
use crate::reason::DropReason;
use crate::sink::Sink;

impl<S: Sink> Pass<'_, S> {
    /// Claims the source MAC for its sender. The destination is looked for at the same time: among
    /// many addresses both are in no cache, and the frame waits for memory once and not twice.
    pub(super) fn learn(&mut self, sender: &Sender<'_>, to: Mac) -> Result<(), DropReason> {
        if !to.is_group() {
            self.lead = self.state.fdb.lead(sender.pvlan.id, to);
        }
        if sender.mac.is_peerings() {
            return Err(spoofed(sender, DropReason::MacSpoof));
        }
        let Some(seat) = self.state.seat(self.tables, sender.segment, sender.place) else {
            return Err(DropReason::PortDown);
        };
        // Frames of a port come in by this worker, and by others only where they share its ports,
        // which the table knows. Nor does anybody else tell of a stock member's guests.
        let near = match sender.origin {
            Origin::Port(_) => true,
            Origin::Peer(node) => self.tables.is_stock(node),
        };
        let agrees = sender.agrees;
        let seat = Seat {
            near,
            agrees,
            ..seat
        };
        match self.state.fdb.learn(self.now, sender.mac, &seat) {
            Ok(Learned::Known) => Ok(()),
            Ok(Learned::Here { since }) => {
                self.announce(sender, seat.strength, Change::Here(since));
                Ok(())
            }
            Err(DropReason::MacLimit) => Err(DropReason::MacLimit),
            Err(reason) => Err(spoofed(sender, reason)),
        }
    }

    /// Whether an address may be this sender's.
    pub(super) fn may_use(&self, sender: &Sender<'_>, rule: Rule, ip: IpAddr) -> bool {
        if self.is_own(sender, ip) {
            return true;
        }
        let owner = self.owner(sender.pvlan.id, ip);
        match rule {
            Rule::Free => true,
            Rule::NotOthers => owner.is_none_or(|owner| sender.is_at(owner)),
            Rule::OwnOnly => owner.is_some_and(|owner| sender.is_at(owner)),
        }
    }

    /// Whether an address is one of those that stand where frames of its port are looked at first: it
    /// may be bound to the sender all the same.
    fn is_own(&self, sender: &Sender<'_>, ip: IpAddr) -> bool {
        let Origin::Port(port) = sender.origin else {
            return false;
        };
        let gate = self.tables.gate(port);
        gate.is_some_and(|gate| gate.access.map(Place::Port) == Some(sender.place) && gate.owns(ip))
    }

    /// The first place that uses a link-local address keeps it.
    pub(super) fn pin_link_local(&mut self, sender: &Sender<'_>, rule: Rule, ip: IpAddr) -> bool {
        if let Some(owner) = self.owner(sender.pvlan.id, ip) {
            return rule == Rule::Free || sender.is_at(owner);
        }
        match self.remember(sender, ip) {
            Ok(()) => true,
            Err(NotYours::Held) => rule == Rule::Free,
            Err(NotYours::Full) => rule != Rule::OwnOnly,
        }
    }

    /// Remembers the MAC that goes with an address the sender may use, for answering in its
    /// place. Unbound addresses of unguarded ports are not worth remembering: anyone's word.
    pub(super) fn note_address(&mut self, sender: &Sender<'_>, ip: IpAddr) {
        if self
            .owner(sender.pvlan.id, ip)
            .is_some_and(|owner| sender.is_at(owner))
        {
            // What is bound to it nobody else can hold; a full table forgets.
            let _noted = self.remember(sender, ip);
        }
    }

    fn remember(&mut self, sender: &Sender<'_>, ip: IpAddr) -> Result<(), NotYours> {
        let (pvlan, segment, place) = (sender.pvlan.id, sender.segment.id, sender.place);
        if !sender.agrees {
            // Nothing new from a node of another policy, as with its MAC addresses.
            let held = self.state.addresses.get(pvlan, ip);
            let there = held.is_some_and(|it| it.place == place && it.segment == segment);
            return there.then_some(()).ok_or(NotYours::Held);
        }
        let bound = may_hold(self.tables, pvlan, ip, segment, place);
        let seat = self.state.seat(self.tables, sender.segment, place);
        let (bound, seat) = bound.zip(seat).ok_or(NotYours::Held)?;
        let held = Held {
            bound,
            ..self.held_by(sender)
        };
        if self.state.addresses.note(pvlan, ip, held, seat.limit)? {
            self.announce(sender, Strength::Pinned, Change::Address(ip));
        }
        Ok(())
    }
}

/// How a refused MAC address is counted: of a peer, another node should have refused it first.
const fn spoofed(sender: &Sender<'_>, reason: DropReason) -> DropReason {
    match sender.origin {
        Origin::Port(_) => reason,
        Origin::Peer(_) => DropReason::PeerMacSpoof,
    }
}

/// How strictly a sender's addresses are held to the policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Rule {
    /// Routers: they forward what others sent.
    Free,
    /// Unguarded hosts, and hosts behind a peer, whose own node holds them to more: anything
    /// that policy does not bind to somebody else.
    NotOthers,
    /// Guarded hosts.
    OwnOnly,
}

impl Rule {
    pub(super) fn of(sender: &Sender<'_>, guards: Option<&Guards>) -> Self {
        let guarded = guards.is_some_and(|guards| guards.ip == IpGuard::Bound);
        match sender.segment.role {
            _ if guarded => Self::OwnOnly,
            Role::Promiscuous => Self::Free,
            Role::Isolated | Role::Community => Self::NotOthers,
        }
    }
}

pub(super) const fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}
