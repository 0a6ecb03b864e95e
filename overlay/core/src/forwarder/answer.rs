//! Questions the fabric answers itself: ARP requests, neighbour solicitations and duplicate
//! address detection for addresses whose owner is known (private-vlan 3.6, RFC 9161, RFC 4562,
//! RFC 6957). Answering here keeps broadcasts off the tunnels, and is the only way to say no.

use std::net::IpAddr;

use skerry_policy::{Attachment, Mac, Port, Routed, SegmentId};

use super::inspect::Question;
use super::pass::{Origin, Outcome, Pass, Sender};
use crate::frame::Frame;
use crate::reason::DropReason;
use crate::sink::Sink;
use crate::wire::arp;
use crate::wire::nd::Answer;

/// Defends an address whose owner nobody has seen yet: a locally administered address that no
/// host has a reason to send to.
const DEFENDER: Mac = Mac([0x02, 0x53, 0x4b, 0, 0, 0]);

/// What to do with a question.
enum Reply {
    /// Let it go its way.
    Forward,
    /// Answer that the address is at this MAC.
    Answer(Mac),
    /// Neither: whether the address exists is not revealed.
    Silence,
}

/// Whom an address belongs to, as far as it matters here.
struct Owner<'a> {
    /// Unknown for a link-local address, which policy does not bind.
    attachment: Option<&'a Attachment>,
    segment: SegmentId,
    mac: Option<Mac>,
}

impl<'t, S: Sink> Pass<'t, S> {
    /// Answers a question from a port. `None`: it goes its way like any other frame.
    pub(super) fn answer(
        &mut self,
        sender: &Sender<'_>,
        destination: Mac,
        question: Question,
    ) -> Option<Result<Outcome, DropReason>> {
        if matches!(sender.origin, Origin::Peer(_)) {
            return None;
        }
        match self.reply_to(sender, destination, question) {
            Reply::Forward => None,
            Reply::Silence => Some(Err(DropReason::PvlanDeny)),
            Reply::Answer(mac) => {
                let frame =
                    Written::new(sender.mac, question, mac, self.is_router(sender, question));
                self.copy_out(sender.place, Frame::plain(frame.bytes()));
                Some(Ok(Outcome::Answered))
            }
        }
    }

    fn reply_to(&self, sender: &Sender<'_>, destination: Mac, question: Question) -> Reply {
        let Some(owner) = self.owner_of(sender, question.target()) else {
            let across = self.way_across(sender, destination, question);
            return across.map_or(Reply::Forward, Reply::Answer);
        };
        let held_here = self
            .state
            .addresses
            .get(sender.pvlan.id, question.target())
            .is_some_and(|held| held.place == sender.place && held.segment == sender.segment.id);
        let own = owner.attachment.is_some_and(|it| sender.is_at(it));
        if own || held_here {
            return Reply::Forward;
        }
        if question.is_probe() && owner.mac != Some(sender.mac) {
            // Defended, and never handed on: under isolation the asker could not hear the owner do
            // it (RFC 6957), and an owner that is about to use the address would give it up.
            return Reply::Answer(owner.mac.unwrap_or(DEFENDER));
        }
        if self.tables.fabric.accepts(sender.segment.id, owner.segment) {
            // A unicast question asks whether the neighbour is alive: only it can say.
            let ask_itself = !destination.is_group();
            return match owner.mac {
                Some(mac) if !ask_itself && mac != sender.mac => Reply::Answer(mac),
                _ => Reply::Forward,
            };
        }
        self.reply_for_unreachable(sender, &owner)
    }

    fn reply_for_unreachable(&self, sender: &Sender<'_>, owner: &Owner<'_>) -> Reply {
        let (Some(mine), Some(theirs)) = (sender.attachment, owner.attachment) else {
            return Reply::Silence;
        };
        match self.tables.fabric.routed(mine.id, theirs.id) {
            Some(Routed::Gateway | Routed::Exception) => self
                .gateway_mac(sender)
                .map_or(Reply::Silence, Reply::Answer),
            Some(Routed::Unchecked | Routed::Neighbours) => Reply::Forward,
            Some(Routed::Denied) | None => Reply::Silence,
        }
    }

    fn owner_of(&self, sender: &Sender<'_>, ip: IpAddr) -> Option<Owner<'t>> {
        let held = self.state.addresses.get(sender.pvlan.id, ip);
        let attachment = self.owner(sender.pvlan.id, ip);
        let segment = attachment
            .map(|owner| owner.segment)
            .or_else(|| held.map(|held| held.segment))?;
        let port = attachment.and_then(|owner| self.port_of(owner));
        let bound = port.map_or(&[][..], |port| port.macs.as_slice());
        // Of several bound MACs the one that was seen with the address; no other, whoever says so.
        let seen = held.map(|held| held.mac);
        let mac = seen.filter(|mac| bound.is_empty() || bound.contains(mac));
        let mac = mac.or_else(|| bound.first().copied());
        Some(Owner {
            attachment,
            segment,
            mac,
        })
    }

    fn port_of(&self, attachment: &Attachment) -> Option<&'t Port> {
        let tables: &'t skerry_policy::Tables = self.tables;
        tables.fabric.ports.get(attachment.port.index())
    }

    /// The gateway's MAC, this node's own gateway first.
    fn gateway_mac(&self, sender: &Sender<'_>) -> Option<Mac> {
        let gateways = || {
            let attachments = &self.tables.fabric.attachments;
            sender
                .pvlan
                .gateways
                .iter()
                .filter_map(|id| attachments.get(id.index()))
        };
        let local = gateways().find(|gateway| gateway.home == self.tables.me);
        let gateway = local.or_else(|| gateways().next())?;
        self.port_of(gateway)?.macs.first().copied()
    }

    fn is_router(&self, sender: &Sender<'_>, question: Question) -> bool {
        let (pvlan, target) = (sender.pvlan.id, question.target());
        let held = self.state.addresses.get(pvlan, target);
        let port = self.owner(pvlan, target).map(|owner| self.port_of(owner));
        match port {
            Some(port) => port.is_some_and(|port| port.gateway),
            // A router's link-local address, which policy does not bind.
            None => held.is_some_and(|held| held.router),
        }
    }
}

/// An answering frame of either protocol.
enum Written {
    Arp([u8; arp::REPLY_FRAME]),
    Nd([u8; crate::wire::nd::ADVERTISEMENT_FRAME]),
}

impl Written {
    fn new(asker_mac: Mac, question: Question, owner: Mac, router: bool) -> Self {
        match question {
            Question::Arp { target, asker } => {
                Self::Arp(arp::reply(asker_mac, asker, owner, target))
            }
            Question::Nd {
                target,
                asker: asker_ip,
            } => Self::Nd(
                Answer {
                    asker: asker_mac,
                    asker_ip,
                    owner,
                    target,
                    router,
                }
                .frame(),
            ),
        }
    }

    const fn bytes(&self) -> &[u8] {
        match self {
            Self::Arp(frame) => frame,
            Self::Nd(frame) => frame,
        }
    }
}
