//! Traffic between hosts by way of the gateway: what isolation at layer 2 would otherwise leave
//! open at layer 3 (RFC 5517 section 5; private-vlan 4).
//!
//! Upward, a host's packet to a promiscuous port must not be meant for a host that the sender may
//! not reach. Downward, a promiscuous port's packet to a host must not come from one. Both ends
//! look, each on its own, so one lying node opens nothing.

use std::net::IpAddr;

use skerry_policy::{Attachment, Hairpin, Role, Routed};

use super::pass::{Origin, Pass, Sender};
use super::source::is_link_local;
use crate::reason::DropReason;
use crate::sink::Sink;

impl<S: Sink> Pass<'_, S> {
    /// A host sends `n` frames towards a promiscuous port. `flooded`: nobody in particular was meant,
    /// so an address without an owner (a subnet's broadcast address, say) is no neighbour's.
    pub(super) fn hairpin_up(
        &mut self,
        sender: &Sender<'_>,
        destination: IpAddr,
        flooded: bool,
        n: u64,
    ) -> Result<(), DropReason> {
        let pvlan = sender.pvlan;
        if pvlan.hairpin == Hairpin::Permit
            || !sender.is_host()
            || !pvlan
                .subnets
                .iter()
                .any(|subnet| subnet.contains(&destination))
        {
            return Ok(());
        }
        let routed = match self.owner(pvlan.id, destination) {
            Some(owner) => self.routed_from(sender, owner),
            None if flooded || pvlan.hairpin == Hairpin::Gateway => return Ok(()),
            None => Some(Routed::Denied),
        };
        match routed {
            Some(Routed::Denied) | None => Err(DropReason::HairpinUp),
            Some(Routed::Gateway) => {
                self.count_routed(sender, n);
                Ok(())
            }
            Some(Routed::Neighbours | Routed::Exception | Routed::Unchecked) => Ok(()),
        }
    }

    /// Whether a router passes on what a host said, where that is looked at.
    pub(super) fn is_routed(&self, sender: &Sender<'_>, source: IpAddr) -> bool {
        let looked_at = !sender.is_host() && sender.pvlan.hairpin == Hairpin::Deny;
        let owner = looked_at.then(|| self.owner(sender.pvlan.id, source));
        let owner = owner.flatten();
        owner.is_some_and(|it| self.role_of(it.segment) != Some(Role::Promiscuous))
    }

    /// A promiscuous port sends to a host at `target`, or to everybody when `None`.
    pub(super) fn hairpin_down(
        &self,
        sender: &Sender<'_>,
        source: IpAddr,
        target: Option<&Attachment>,
    ) -> Result<(), DropReason> {
        if !self.is_routed(sender, source) {
            return Ok(());
        }
        let Some(owner) = self.owner(sender.pvlan.id, source) else {
            return Ok(());
        };
        let routed = target.map(|target| self.tables.fabric.routed(owner.id, target.id));
        match routed {
            Some(Some(Routed::Denied) | None) | None => Err(DropReason::HairpinDown),
            Some(Some(_)) => Ok(()),
        }
    }

    /// A redirect would have a host send to another directly what the gateway should see (RFC 4562
    /// section 4 wants them off). One to another router is as good as any.
    pub(super) fn check_redirect(
        &self,
        sender: &Sender<'_>,
        target: IpAddr,
    ) -> Result<(), DropReason> {
        let pvlan = sender.pvlan;
        let inside = is_link_local(target)
            || target.is_unspecified()
            || pvlan.subnets.iter().any(|subnet| subnet.contains(&target));
        let held = self.state.addresses.get(pvlan.id, target);
        let routes = match self.owner(pvlan.id, target) {
            Some(owner) => self.role_of(owner.segment) == Some(Role::Promiscuous),
            None => held.is_some_and(|held| held.router),
        };
        if inside && !routes {
            return Err(DropReason::IcmpRedirect);
        }
        Ok(())
    }

    /// The verdict on a pair whose first half may be known by its segment only.
    fn routed_from(&self, sender: &Sender<'_>, owner: &Attachment) -> Option<Routed> {
        let fabric = &self.tables.fabric;
        if let Some(mine) = sender.attachment {
            return fabric.routed(mine.id, owner.id);
        }
        // Which of the peer's ports it was cannot be known here: the strictest of them decides
        // unless one has leave, in which case that peer's own node has looked closer.
        let Origin::Peer(node) = sender.origin else {
            return None;
        };
        let routes = &self.state.routes;
        let freest = routes.freest(node, sender.segment.id, owner.id)?;
        fabric.routed(freest, owner.id)
    }

    fn count_routed(&mut self, sender: &Sender<'_>, n: u64) {
        if let Origin::Port(port) = sender.origin
            && let Some(counters) = self.state.port_counters(port)
        {
            counters.hairpin_routed += n;
        }
    }
}
