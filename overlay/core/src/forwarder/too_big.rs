//! Whoever sends more than the fabric carries is told so, where its packet says that it minds:
//! otherwise a connection of a machine with a larger MTU opens, and then hangs.
//!
//! The policy it enforces: the answer goes back to the attachment that sent the packet and nowhere
//! else; it is given for nobody else's address, so that a neighbour cannot be told in one's name;
//! and it depends on the packet, the policy and its sender alone. Whether the receiver exists, and
//! whether the sender may reach it, it does not tell. Nothing is learned from the packet, which is
//! dropped as `oversize` all the same.
//!
//! A packet that fits the fabric and not the path to another node is answered under the same
//! conditions. That tells something of its receiver, and to nobody who may not reach it: the packet
//! has passed every guard and the verdict by then.

use std::net::IpAddr;

use skerry_policy::{Guards, LocalPort};

use super::admission;
use super::pass::{Origin, Pass, Sender};
use super::source::{Rule, is_link_local};
use crate::claim::Place;
use crate::frame::Frame;
use crate::gso::Segments;
use crate::sink::Sink;
use crate::wire::ethernet::Ethernet;
use crate::wire::too_big::{Answer, TooBig};

impl<S: Sink> Pass<'_, S> {
    /// Answers a frame that is too long, if it is to be answered. Of a superframe the first piece
    /// is, which is as long as any.
    pub(super) fn answer_too_big(&mut self, port: LocalPort, frame: Frame<'_>) {
        if let Some((place, answer)) = self.too_big(port, frame) {
            self.copy_out(place, Frame::plain(answer.frame()));
        }
    }

    /// Answers a frame that is too long for its way, which carries packets of `mtu` bytes, if it is
    /// to be answered. It has passed every guard, and its receiver is at another node: that it
    /// hears is no secret to whoever may reach it. A frame of a peer is its own node's business.
    pub(super) fn answer_too_big_for(&mut self, sender: &Sender<'_>, frame: Frame<'_>, mtu: u16) {
        let Some(header) = Ethernet::parse(frame.bytes) else {
            return;
        };
        if let Some((place, answer)) = self.answer_to(sender, &header, frame, mtu) {
            self.copy_out(place, Frame::plain(answer.frame()));
        }
    }

    fn too_big(&mut self, port: LocalPort, frame: Frame<'_>) -> Option<(Place, Answer)> {
        let tables = self.tables;
        let mtu = tables.fabric.mtu;
        // Every check of a frame of a port but the one of its length.
        let header = admission::header(frame.bytes, 0, mtu).ok()?;
        let attachment = admission::attachment(tables, port, header.tagging).ok()?;
        admission::kind(|kind| tables.sends(port, kind), header.ethertype).ok()?;
        let sender = self.local_sender(attachment, header.source)?;
        self.answer_to(&sender, &header, frame, mtu)
    }

    fn answer_to(
        &mut self,
        sender: &Sender<'_>,
        header: &Ethernet,
        frame: Frame<'_>,
        mtu: u16,
    ) -> Option<(Place, Answer)> {
        if !self.is_known(sender) || !self.is_elsewhere(sender, header) {
            return None;
        }
        // The frame may stand in the buffer for frames that lose their tag.
        let mut buffer = std::mem::take(&mut self.state.tagged);
        let piece = first_piece(&mut buffer, frame);
        let answer = piece.and_then(|piece| self.answer_to_piece(sender, header, piece, mtu));
        self.state.tagged = buffer;
        answer
    }

    fn answer_to_piece(
        &mut self,
        sender: &Sender<'_>,
        header: &Ethernet,
        piece: &[u8],
        mtu: u16,
    ) -> Option<(Place, Answer)> {
        let Origin::Port(port) = sender.origin else {
            return None;
        };
        let gate = self.tables.gate(port)?;
        let packet = TooBig::parse(header.ethertype, piece.get(header.payload..)?, mtu)?;
        let between_hosts =
            !is_every_host(sender, packet.source) && !is_every_host(sender, packet.destination);
        if !between_hosts || !self.owns(sender, &gate.guards, packet.source) {
            return None;
        }
        let answer = packet.answer(header.source, header.destination)?;
        let meter = self.state.meters.get_mut(port.index())?;
        meter.may_tell(self.now).then_some((sender.place, answer))
    }

    /// Whether the table has the sender's MAC address where it sends from. One that it has nowhere
    /// was never said in a frame that passed a guard.
    fn is_known(&self, sender: &Sender<'_>) -> bool {
        let entry = self.state.fdb.lookup(sender.pvlan.id, sender.mac);
        entry.is_some_and(|it| it.place == sender.place && it.segment == sender.segment.id)
    }

    /// Whether a frame is for somebody behind another port, or may be. Two hosts behind one port
    /// reach each other without the fabric, whatever its MTU; and an answer in the name of one of
    /// them would teach the switch between them that it is here.
    fn is_elsewhere(&self, sender: &Sender<'_>, header: &Ethernet) -> bool {
        let entry = self.state.fdb.lookup(sender.pvlan.id, header.destination);
        let here = entry.is_some_and(|it| it.is_held_by(sender.holder()));
        !here && !header.destination.is_group()
    }

    /// Whether the guards would let the sender use an address, as far as they know it by now.
    fn owns(&self, sender: &Sender<'_>, guards: &Guards, ip: IpAddr) -> bool {
        let rule = Rule::of(sender, Some(guards));
        if rule == Rule::Free || !is_link_local(ip) || self.owner(sender.pvlan.id, ip).is_some() {
            return self.may_use(sender, rule, ip);
        }
        let held = self.state.addresses.get(sender.pvlan.id, ip);
        held.is_some_and(|it| it.place == sender.place && it.segment == sender.segment.id)
    }
}

/// The first and the last address of a subnet, which are no single host's: all routers' or nobody's
/// (RFC 4291 section 2.6.1, RFC 1812 section 4.2.3.1), and all hosts' (RFC 919 section 7).
fn is_every_host(sender: &Sender<'_>, ip: IpAddr) -> bool {
    let mut subnets = sender.pvlan.subnets.iter();
    subnets.any(|it| {
        // A link between two has no such addresses (RFC 3021, RFC 6164).
        let has_them = it.prefix_len() + 1 < it.max_prefix_len();
        let last = ip.is_ipv4() && ip == it.broadcast();
        has_them && (ip == it.network() || last)
    })
}

/// A frame that owes nothing: this one, or the first of those that it stands for.
fn first_piece<'b>(buffer: &'b mut [u8], frame: Frame<'b>) -> Option<&'b [u8]> {
    if frame.offload.is_finished() {
        return Some(frame.bytes);
    }
    let length = Segments::new(frame).ok()?.next_into(buffer)?;
    buffer.get(..length)
}
