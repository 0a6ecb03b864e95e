//! One frame's way through the datapath: everything its checks may look at and change.

use std::net::IpAddr;

use skerry_policy::{
    Attachment, AttachmentId, LocalAttachment, LocalPort, Mac, NodeId, Pvlan, PvlanId, Role,
    Segment, SegmentId, Tables,
};

use crate::claim::{Change, Claim, Place, Strength};
use crate::fdb::{Held, Holder, Lead};
use crate::sink::{Onward, Sink};
use crate::time::Time;
use crate::wg::Lanes;

use super::edge::EdgeLanes;
use super::state::State;

/// Where a frame came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// A port of this node.
    Port(LocalPort),
    /// A peer's tunnel.
    Peer(NodeId),
}

/// How a frame ended that was not dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// At least one copy was due.
    Delivered,
    /// The fabric answered in its target's place.
    Answered,
    /// Policy let it pass; nobody was there.
    NoReceiver,
}

/// The way to other nodes.
#[derive(Debug)]
pub(super) enum Remote<'a> {
    /// Tunnels end on this worker: all there are, if it is the first, or its own lanes of peers.
    Lanes(&'a mut Lanes),
    /// They all end on other ones.
    Handoff,
    /// The frame came out of a tunnel of the mesh: there is a way to the edges of this node, and
    /// none to another peer.
    Edges(EdgeLanes<'a>),
}

/// Everything a frame may meet on its way.
#[derive(Debug)]
pub(super) struct Pass<'a, S> {
    pub(super) tables: &'a Tables,
    pub(super) remote: Remote<'a>,
    pub(super) state: &'a mut State,
    pub(super) sink: &'a mut S,
    pub(super) now: Time,
    /// To where the frame goes, if its address is known.
    pub(super) lead: Lead,
}

/// Who sends, as far as policy knows: looked up once per frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender<'a> {
    pub(super) origin: Origin,
    pub(super) segment: &'a Segment,
    pub(super) pvlan: &'a Pvlan,
    /// The attachment it entered by; unknown for a frame from a peer.
    pub(super) attachment: Option<&'a Attachment>,
    pub(super) mac: Mac,
    pub(super) place: Place,
    /// It entered under the policy that runs here.
    pub(super) agrees: bool,
}

impl Sender<'_> {
    /// A port that does not speak for others.
    pub(super) fn is_host(&self) -> bool {
        self.segment.role != Role::Promiscuous
    }

    /// The way to another node for a frame of its segment.
    pub(super) fn onward(&self, node: NodeId) -> Onward {
        Onward {
            node,
            segment: self.segment.id,
            mark: self.attachment.map_or(0, |it| it.mark),
        }
    }

    pub(super) const fn holder(&self) -> Holder {
        match self.origin {
            Origin::Port(port) => Holder::Port(port),
            Origin::Peer(node) => Holder::Node(node),
        }
    }

    /// Whether an attachment is where this frame came from, as exactly as can be known.
    pub(super) fn is_at(&self, attachment: &Attachment) -> bool {
        match self.origin {
            // Both are in the one table of the site: where they are tells them apart, and nothing
            // of them has to be read, which among many would be a wait for memory.
            Origin::Port(_) => self
                .attachment
                .is_some_and(|mine| std::ptr::eq(mine, attachment)),
            Origin::Peer(node) => attachment.home == node && attachment.segment == self.segment.id,
        }
    }
}

impl<'a, S: Sink> Pass<'a, S> {
    /// The sender behind one of this node's attachments.
    pub(super) fn local_sender(&self, at: LocalAttachment, mac: Mac) -> Option<Sender<'a>> {
        let tables: &'a Tables = self.tables;
        let view = tables.attachment(at)?;
        let attachment = tables.fabric.attachments.get(view.id.index())?;
        self.sender(
            Origin::Port(view.port),
            view.segment,
            Some(attachment),
            mac,
            Place::Port(at),
        )
    }

    /// The sender behind a peer.
    pub(super) fn remote_sender(
        &self,
        node: NodeId,
        segment: SegmentId,
        mac: Mac,
    ) -> Option<Sender<'a>> {
        self.sender(Origin::Peer(node), segment, None, mac, Place::Node(node))
    }

    fn sender(
        &self,
        origin: Origin,
        segment: SegmentId,
        attachment: Option<&'a Attachment>,
        mac: Mac,
        place: Place,
    ) -> Option<Sender<'a>> {
        let tables: &'a Tables = self.tables;
        let segment = tables.fabric.segment(segment)?;
        let pvlan = tables.fabric.pvlans.get(segment.pvlan.index())?;
        Some(Sender {
            origin,
            segment,
            pvlan,
            attachment,
            mac,
            place,
            agrees: true,
        })
    }

    /// The attachment that policy binds an address to.
    pub(super) fn owner(&self, pvlan: PvlanId, ip: IpAddr) -> Option<&'a Attachment> {
        let tables: &'a Tables = self.tables;
        let id: AttachmentId = tables.fabric.ip_owner(pvlan, ip)?;
        tables.fabric.attachments.get(id.index())
    }

    /// Tells the other workers where an address is; of this node's own, the peers hear too.
    pub(super) fn announce(&mut self, sender: &Sender<'_>, strength: Strength, what: Change) {
        self.sink.claim(Claim {
            generation: self.tables.generation,
            pvlan: sender.pvlan.id,
            segment: sender.segment.id,
            mac: sender.mac,
            place: sender.place,
            strength,
            what,
        });
    }

    /// The sender as holder of an address.
    pub(super) fn held_by(&self, sender: &Sender<'_>) -> Held {
        Held {
            segment: sender.segment.id,
            place: sender.place,
            holder: sender.holder(),
            mac: sender.mac,
            router: !sender.is_host(),
            bound: false,
            seen: self.now,
            told: self.now,
        }
    }
}
