//! Who receives a frame: the only place that decides it.
//!
//! Group and unknown addresses go to everyone who accepts the segment, known ones to their place
//! if it does. A known address that does not accept is a denial, and is never flooded.

use std::net::IpAddr;

use skerry_policy::{AttachmentId, Hairpin, LocalAttachment, NodeId, Role, SegmentId};

use super::inspect::Inspected;
use super::pass::{Origin, Outcome, Pass, Sender};
use crate::claim::Place;
use crate::fdb::Entry;
use crate::frame::{Frame, Weight};
use crate::reason::DropReason;
use crate::sink::Sink;
use crate::wire::ethernet::Ethernet;

/// Where the table sends a frame.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// A group address: to all who accept it.
    Group,
    /// An address that nobody has been seen with: to all who accept it.
    Unknown,
    /// To the one place of the address.
    Known(Entry),
    /// An unknown address again, of a packet that a router passes on from a host: to whom policy
    /// binds the packet's destination, since others must not see what that host says.
    Owner(AttachmentId),
    /// To another private VLAN, if a peering lets it.
    Across,
}

impl<S: Sink> Pass<'_, S> {
    /// Sends a frame that passed every guard of its sender to whoever is to have it.
    pub(super) fn forward(
        &mut self,
        sender: &Sender<'_>,
        header: &Ethernet,
        inspected: &Inspected,
        frame: Frame<'_>,
        weight: Weight,
    ) -> Result<Outcome, DropReason> {
        let way = self.way(sender, header, inspected);
        if let Some(addresses) = inspected.ip {
            self.check_hairpin(sender, way, addresses, weight.frames)?;
        }
        if inspected.detour && self.may_be_routed(sender, way) {
            return Err(DropReason::HairpinUp);
        }
        if let Some(target) = inspected.redirect {
            self.check_redirect(sender, target)?;
        }
        self.weigh(sender, header, way, weight)?;
        let marks = self.shorten(sender, header, inspected, frame)?;
        if let Some(question) = inspected.question
            && let Some(outcome) = self.answer(sender, header.destination, question)
        {
            return outcome;
        }
        if marks {
            return self.send_marked(sender, header, inspected, way, frame, weight.frames);
        }
        if inspected.opens {
            return self.send_opening(sender, header, inspected, way, frame, weight.frames);
        }
        self.send(sender, header, inspected, way, frame, weight.frames)
    }

    /// Sends a frame that may go on on its way.
    pub(super) fn send(
        &mut self,
        sender: &Sender<'_>,
        header: &Ethernet,
        inspected: &Inspected,
        way: Way,
        frame: Frame<'_>,
        n: u64,
    ) -> Result<Outcome, DropReason> {
        match way {
            Way::Known(entry) => self.unicast(sender, &entry, frame, n),
            Way::Owner(id) => self.unicast_to_owner(sender, id, frame, n),
            Way::Across => self.cross(sender, header, frame, n),
            Way::Group if inspected.report => Ok(self.send_report(sender, inspected, frame, n)),
            Way::Group | Way::Unknown => Ok(self.flood(sender, inspected, frame, n)),
        }
    }

    fn way(&self, sender: &Sender<'_>, header: &Ethernet, inspected: &Inspected) -> Way {
        if header.destination.is_group() {
            return Way::Group;
        }
        if header.destination.is_peerings() {
            return Way::Across;
        }
        let pvlan = sender.pvlan.id;
        let (fdb, to) = (&self.state.fdb, header.destination);
        if let Some(entry) = fdb.follow(self.lead, pvlan, to) {
            return Way::Known(*entry);
        }
        match inspected.ip {
            Some((source, destination)) if self.is_routed(sender, source) => self
                .owner(pvlan, destination)
                .map_or(Way::Unknown, |owner| Way::Owner(owner.id)),
            Some(_) | None => Way::Unknown,
        }
    }

    /// Traffic between hosts by way of the gateway is looked at wherever it would go.
    fn check_hairpin(
        &mut self,
        sender: &Sender<'_>,
        way: Way,
        (source, destination): (IpAddr, IpAddr),
        n: u64,
    ) -> Result<(), DropReason> {
        let entry = match way {
            Way::Group | Way::Unknown => {
                self.hairpin_up(sender, destination, true, n)?;
                return self.hairpin_down(sender, source, None);
            }
            Way::Across => return Ok(()),
            Way::Owner(_) => {
                let target = self.owner(sender.pvlan.id, destination);
                return self.hairpin_down(sender, source, target);
            }
            Way::Known(entry) => entry,
        };
        if self.role_of(entry.segment) == Some(Role::Promiscuous) {
            return self.hairpin_up(sender, destination, false, n);
        }
        let target = match entry.place {
            Place::Port(to) => {
                let view = self.tables.attachment(to);
                view.and_then(|view| self.tables.fabric.attachments.get(view.id.index()))
            }
            // Where the target is not known exactly its own node looks, which knows.
            Place::Node(to) => self
                .owner(sender.pvlan.id, destination)
                .filter(|target| target.home == to && target.segment == entry.segment),
        };
        match (target, entry.place) {
            (None, Place::Node(_)) => Ok(()),
            (target, _) => self.hairpin_down(sender, source, target),
        }
    }

    /// Whether a router may get a host's packet, where the guard looks at what it would do with it.
    fn may_be_routed(&self, sender: &Sender<'_>, way: Way) -> bool {
        let looked_at = sender.is_host() && sender.pvlan.hairpin != Hairpin::Permit;
        looked_at
            && match way {
                Way::Group | Way::Unknown => true,
                Way::Known(entry) => self.role_of(entry.segment) == Some(Role::Promiscuous),
                Way::Owner(_) | Way::Across => false,
            }
    }

    fn unicast(
        &mut self,
        sender: &Sender<'_>,
        entry: &Entry,
        frame: Frame<'_>,
        n: u64,
    ) -> Result<Outcome, DropReason> {
        match entry.place {
            Place::Port(to) => self.unicast_here(sender, to, frame, n),
            Place::Node(to) => self.unicast_there(sender, to, entry.segment, frame, n),
        }
    }

    fn unicast_here(
        &mut self,
        sender: &Sender<'_>,
        to: LocalAttachment,
        frame: Frame<'_>,
        n: u64,
    ) -> Result<Outcome, DropReason> {
        let tables = self.tables;
        let Some(view) = tables.attachment(to) else {
            return Ok(Outcome::NoReceiver);
        };
        if sender.origin == Origin::Port(view.port) {
            // The guest's own segment has it already.
            return Ok(Outcome::NoReceiver);
        }
        if !tables.accepts(sender.segment.id, to) {
            return Err(DropReason::PvlanDeny);
        }
        self.copy_to_attachment(sender.segment.id, to, frame, n);
        Ok(Outcome::Delivered)
    }

    fn unicast_there(
        &mut self,
        sender: &Sender<'_>,
        to: NodeId,
        segment: SegmentId,
        frame: Frame<'_>,
        n: u64,
    ) -> Result<Outcome, DropReason> {
        if !self.tables.fabric.accepts(sender.segment.id, segment) {
            return Err(DropReason::PvlanDeny);
        }
        if matches!(sender.origin, Origin::Peer(_)) {
            return Err(DropReason::SplitHorizon);
        }
        self.answer_narrow(sender, to, frame);
        self.copy_to_node(sender.onward(to), frame, n);
        Ok(Outcome::Delivered)
    }

    fn unicast_to_owner(
        &mut self,
        sender: &Sender<'_>,
        id: AttachmentId,
        frame: Frame<'_>,
        n: u64,
    ) -> Result<Outcome, DropReason> {
        let tables = self.tables;
        if let Some(to) = tables.local_attachment(id) {
            return self.unicast_here(sender, to, frame, n);
        }
        let owner = tables.fabric.attachments.get(id.index());
        let Some(owner) = owner else {
            return Ok(Outcome::NoReceiver);
        };
        self.unicast_there(sender, owner.home, owner.segment, frame, n)
    }

    /// One copy to every attachment here and, for a frame of this node, to every node that
    /// accepts the segment; of a multicast group that routers ask for, to its listeners here.
    fn flood(
        &mut self,
        sender: &Sender<'_>,
        inspected: &Inspected,
        frame: Frame<'_>,
        n: u64,
    ) -> Outcome {
        let segment = sender.segment.id;
        let Some(flood) = self.tables.flood(segment) else {
            return Outcome::NoReceiver;
        };
        let group = self.snooped_group(sender, inspected);
        let mut copies = 0;
        for &to in &flood.local {
            let port = self
                .tables
                .attachment(to)
                .map(|view| Origin::Port(view.port));
            let heard = group.is_none_or(|group| self.is_to_hear(sender, group, to));
            if port != Some(sender.origin) && heard {
                self.copy_to_attachment(segment, to, frame, n);
                copies += n;
            }
        }
        if matches!(sender.origin, Origin::Port(_)) {
            for &node in &flood.nodes {
                self.copy_to_node(sender.onward(node), frame, n);
                copies += n;
            }
        }
        self.multiplied(sender, copies);
        if copies > 0 {
            Outcome::Delivered
        } else {
            Outcome::NoReceiver
        }
    }

    pub(super) fn role_of(&self, segment: SegmentId) -> Option<Role> {
        self.tables.fabric.segment(segment).map(|it| it.role)
    }
}
