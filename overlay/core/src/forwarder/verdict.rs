//! Who receives a frame: the only place that decides it.
//!
//! Group and unknown addresses go to everyone who accepts the segment, known ones to their place
//! if it does. A known address that does not accept is a denial, and is never flooded.

use skerry_policy::{LocalAttachment, NodeId, Role};

use super::pass::{Origin, Outcome, Pass, Sender};
use super::source::Inspected;
use crate::claim::Place;
use crate::fdb::Entry;
use crate::frame::Frame;
use crate::reason::DropReason;
use crate::sink::Sink;
use crate::wire::ethernet::Ethernet;

impl<S: Sink> Pass<'_, S> {
    /// Sends a frame that passed every guard of its sender to whoever is to have it; `n` is the
    /// number of frames it stands for.
    pub(super) fn forward(
        &mut self,
        sender: &Sender<'_>,
        header: &Ethernet,
        inspected: &Inspected,
        frame: Frame<'_>,
        n: u64,
    ) -> Result<Outcome, DropReason> {
        if header.destination.is_group() {
            return self.flood(sender, inspected, frame, n);
        }
        match self
            .state
            .fdb
            .lookup(sender.pvlan.id, header.destination)
            .copied()
        {
            Some(entry) => self.unicast(sender, &entry, inspected, frame, n),
            None => self.flood(sender, inspected, frame, n),
        }
    }

    fn unicast(
        &mut self,
        sender: &Sender<'_>,
        entry: &Entry,
        inspected: &Inspected,
        frame: Frame<'_>,
        n: u64,
    ) -> Result<Outcome, DropReason> {
        match entry.place {
            Place::Port(to) => self.unicast_here(sender, to, inspected, frame, n),
            Place::Node(to) => self.unicast_there(sender, to, entry, inspected, frame),
        }
    }

    fn unicast_here(
        &mut self,
        sender: &Sender<'_>,
        to: LocalAttachment,
        inspected: &Inspected,
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
        if let Some((source, destination)) = inspected.ip {
            if self.role_of(view.segment) == Some(Role::Promiscuous) {
                self.hairpin_up(sender, destination, false)?;
            } else {
                let target = tables.fabric.attachments.get(view.id.index());
                self.hairpin_down(sender, source, target)?;
            }
        }
        self.copy_to_attachment(sender.segment.id, to, frame, n);
        Ok(Outcome::Delivered)
    }

    fn unicast_there(
        &mut self,
        sender: &Sender<'_>,
        to: NodeId,
        entry: &Entry,
        inspected: &Inspected,
        frame: Frame<'_>,
    ) -> Result<Outcome, DropReason> {
        if matches!(sender.origin, Origin::Peer(_)) {
            return Err(DropReason::SplitHorizon);
        }
        if !self.tables.fabric.accepts(sender.segment.id, entry.segment) {
            return Err(DropReason::PvlanDeny);
        }
        if let Some((source, destination)) = inspected.ip {
            if self.role_of(entry.segment) == Some(Role::Promiscuous) {
                self.hairpin_up(sender, destination, false)?;
            } else if let Some(target) = self.owner(sender.pvlan.id, destination)
                && target.home == to
                && target.segment == entry.segment
            {
                // Where the target is not known exactly its own node looks, which knows.
                self.hairpin_down(sender, source, Some(target))?;
            }
        }
        self.copy_to_node(to, sender.segment.id, frame);
        Ok(Outcome::Delivered)
    }

    /// One copy to every attachment here and, for a frame of this node, to every node that
    /// accepts the segment.
    fn flood(
        &mut self,
        sender: &Sender<'_>,
        inspected: &Inspected,
        frame: Frame<'_>,
        n: u64,
    ) -> Result<Outcome, DropReason> {
        if let Some((source, destination)) = inspected.ip {
            self.hairpin_up(sender, destination, true)?;
            self.hairpin_down(sender, source, None)?;
        }
        let segment = sender.segment.id;
        let Some(flood) = self.tables.flood(segment) else {
            return Ok(Outcome::NoReceiver);
        };
        let mut outcome = Outcome::NoReceiver;
        for &to in &flood.local {
            let port = self
                .tables
                .attachment(to)
                .map(|view| Origin::Port(view.port));
            if port != Some(sender.origin) {
                self.copy_to_attachment(segment, to, frame, n);
                outcome = Outcome::Delivered;
            }
        }
        if matches!(sender.origin, Origin::Port(_)) {
            for &node in &flood.nodes {
                self.copy_to_node(node, segment, frame);
                outcome = Outcome::Delivered;
            }
        }
        Ok(outcome)
    }

    fn role_of(&self, segment: skerry_policy::SegmentId) -> Option<Role> {
        self.tables
            .fabric
            .segments
            .get(segment.index())
            .map(|segment| segment.role)
    }
}
