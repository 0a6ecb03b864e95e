//! What crosses a peering: the only way a frame changes private VLAN (private-vlan 6).
//!
//! The policy it enforces: unicast only, and only to the MAC address of a peering; from an address
//! that policy binds to the sending end to one that it binds to an opposite end; whole packets of
//! traffic that the peering lists, and replies to it; only `from` may start. Whatever else is sent
//! to that address is `peering_deny`, and goes nowhere. Nothing is ever flooded across.
//!
//! Both nodes look, each with its own tables, and the second takes a peer's word for nothing but
//! that the packet left one of that peer's own ends. MAC addresses never cross: on each side the
//! other one is behind the address of the peering, which the fabric gives when asked, and by which
//! the frame is sealed. So nothing is learned from a frame that crosses.
//!
//! No state is kept. A reply is told by its source port, so an end in `to` may send from that port
//! unasked; it cannot open a connection. Where several peerings join the same two ends, the
//! address of one leads to all of them, because a host can know only one for an address; each
//! frame goes by the first that lets it pass.
//!
//! The hairpin guard does not look at these frames. It is for hosts of one private VLAN that meet
//! at a router; here the addresses are of two, and the frame never reaches a port that could route.

use std::net::IpAddr;

use skerry_policy::{Attachment, Crossing, Flow, Mac, NodeId, Peering, Protocol, Way};

use super::inspect::Question;
use super::pass::{Origin, Outcome, Pass, Sender};
use crate::claim::Place;
use crate::frame::{ETH_HEADER, Frame};
use crate::reason::DropReason;
use crate::sink::{Onward, Sink};
use crate::wire::bytes;
use crate::wire::ethernet::Ethernet;
use crate::wire::transport::Transport;

impl<'t, S: Sink> Pass<'t, S> {
    /// Takes a frame for the address of a peering to its outcome.
    pub(super) fn cross(
        &mut self,
        sender: &Sender<'_>,
        header: &Ethernet,
        frame: Frame<'_>,
        n: u64,
    ) -> Result<Outcome, DropReason> {
        let (peering, crossing, target) = self
            .permitted(sender, header, frame.bytes)
            .ok_or(DropReason::PeeringDeny)?;
        self.count_passed(sender, n);
        if crossing.receiver.home == self.tables.me {
            return Ok(self.hand_over(peering, crossing.receiver, target, frame, n));
        }
        self.answer_narrow(sender, crossing.receiver.home, frame);
        let mac = peering.mac();
        let mut buffer = std::mem::take(&mut self.state.crossing);
        if let Some(frame) = readdressed(&mut buffer, frame, mac, mac) {
            let to = Onward {
                segment: peering.id,
                ..sender.onward(crossing.receiver.home)
            };
            self.copy_to_node(to, frame, n);
        }
        self.state.crossing = buffer;
        Ok(Outcome::Delivered)
    }

    /// The peering that lets a frame of one of its ends pass, between whom, and to which address.
    fn permitted(
        &self,
        sender: &Sender<'_>,
        header: &Ethernet,
        frame: &[u8],
    ) -> Option<(&'t Peering, Crossing<'t>, IpAddr)> {
        let fabric = &self.tables.fabric;
        let end = sender.attachment?;
        let packet = frame.get(ETH_HEADER..)?;
        let (source, target, transport) = Transport::parse(header.ethertype, packet)?;
        let asked = fabric.peering_for_mac(sender.pvlan.id, header.destination)?;
        let crossing = fabric.crossing(asked, source, target)?;
        if crossing.sender.id != end.id {
            return None;
        }
        let passes = |it: &&Peering| {
            let way = it.joins(crossing.sender.id, crossing.receiver.id);
            way.is_some_and(|way| allows(it, way, transport))
        };
        let mut peerings = std::iter::once(asked).chain(fabric.peerings_of(end.id));
        let peering = peerings.find(passes)?;
        Some((peering, crossing, target))
    }

    /// The node that a frame to the address of a peering goes to.
    pub(super) fn far_end(
        &self,
        sender: &Sender<'_>,
        header: &Ethernet,
        frame: &[u8],
    ) -> Option<NodeId> {
        let (_, crossing, _) = self.permitted(sender, header, frame)?;
        Some(crossing.receiver.home)
    }

    /// Takes a frame that came out of a peer's tunnel under a peering's number to its outcome.
    pub(super) fn cross_from_peer(
        &mut self,
        node: NodeId,
        peering: &Peering,
        header: &Ethernet,
        frame: Frame<'_>,
        n: u64,
    ) -> Result<Outcome, DropReason> {
        let mac = peering.mac();
        if (header.source, header.destination) != (mac, mac) {
            return Err(DropReason::PeeringDeny);
        }
        let packet = frame.bytes.get(ETH_HEADER..).unwrap_or_default();
        let (source, target, transport) =
            Transport::parse(header.ethertype, packet).ok_or(DropReason::PeeringDeny)?;
        let crossing = self.tables.fabric.crossing(peering, source, target);
        let crossing = crossing.ok_or(DropReason::PeeringDeny)?;
        let between = crossing.sender.home == node && crossing.receiver.home == self.tables.me;
        if !between || !allows(peering, crossing.way, transport) {
            return Err(DropReason::PeeringDeny);
        }
        Ok(self.hand_over(peering, crossing.receiver, target, frame, n))
    }

    /// One copy to an end of this node. Where its MAC address is not known there is nobody: a
    /// frame that crosses is never flooded.
    fn hand_over(
        &mut self,
        peering: &Peering,
        receiver: &Attachment,
        target: IpAddr,
        frame: Frame<'_>,
        n: u64,
    ) -> Outcome {
        let tables = self.tables;
        let view = tables
            .local_attachment(receiver.id)
            .and_then(|local| tables.attachment(local));
        let Some((view, mac)) = view.zip(self.mac_at(receiver, target)) else {
            return Outcome::NoReceiver;
        };
        let mut buffer = std::mem::take(&mut self.state.crossing);
        if let Some(frame) = readdressed(&mut buffer, frame, mac, peering.mac()) {
            self.copy_by(view, frame, n);
        }
        self.state.crossing = buffer;
        Outcome::Delivered
    }

    /// The MAC address of an end of this node: bound, or else the one its address was seen with.
    fn mac_at(&self, receiver: &Attachment, ip: IpAddr) -> Option<Mac> {
        let fabric = &self.tables.fabric;
        let port = fabric.ports.get(receiver.port.index())?;
        let pvlan = fabric.segment(receiver.segment)?.pvlan;
        let here = Place::Port(self.tables.local_attachment(receiver.id)?);
        let held = self.state.addresses.get(pvlan, ip);
        let seen = held.filter(|held| held.place == here);
        port.macs.first().copied().or_else(|| Some(seen?.mac))
    }

    /// The MAC address to answer a question with, if it asks for an opposite end. Whether the
    /// address is free in the asker's own private VLAN is none of the other one's business.
    pub(super) fn way_across(
        &self,
        sender: &Sender<'_>,
        destination: Mac,
        question: Question,
    ) -> Option<Mac> {
        let to_all_or_us = destination.is_group() || destination.is_peerings();
        if question.is_probe() || !to_all_or_us {
            return None;
        }
        let fabric = &self.tables.fabric;
        let peering = fabric.peering_towards(sender.attachment?.id, question.target())?;
        Some(peering.mac())
    }

    fn count_passed(&mut self, sender: &Sender<'_>, n: u64) {
        if let Origin::Port(port) = sender.origin
            && let Some(counters) = self.state.port_counters(port)
        {
            counters.peering_pass += n;
        }
    }
}

/// Is it traffic that the peering lists, or a reply to it?
fn allows(peering: &Peering, way: Way, transport: Transport) -> bool {
    let flow = conversation(way, transport);
    flow.is_some_and(|flow| peering.allow.iter().any(|rule| rule.covers(flow)))
}

/// What a packet belongs to, named as in the site file: by the port that was called.
fn conversation(way: Way, transport: Transport) -> Option<Flow> {
    let flow = |protocol, port| Some(Flow { protocol, port });
    match (way, transport) {
        (Way::Forth, Transport::Tcp { destination, .. }) => flow(Protocol::Tcp, Some(destination)),
        (Way::Back, Transport::Tcp { opens: true, .. }) => None,
        (Way::Back, Transport::Tcp { source, .. }) => flow(Protocol::Tcp, Some(source)),
        (Way::Forth, Transport::Udp { destination, .. }) => flow(Protocol::Udp, Some(destination)),
        (Way::Back, Transport::Udp { source, .. }) => flow(Protocol::Udp, Some(source)),
        (Way::Forth, Transport::EchoRequest) => flow(Protocol::Icmp, None),
        (Way::Back, Transport::EchoReply | Transport::IcmpError) => flow(Protocol::Icmp, None),
        (Way::Forth, Transport::EchoReply | Transport::IcmpError)
        | (Way::Back, Transport::EchoRequest) => None,
    }
}

/// The frame with other addresses. Everything behind them, and what is owed on it, stays.
fn readdressed<'b>(
    buffer: &'b mut [u8],
    frame: Frame<'_>,
    destination: Mac,
    source: Mac,
) -> Option<Frame<'b>> {
    bytes::put(buffer, 0, frame.bytes)?;
    bytes::put(buffer, 0, &destination.0)?;
    bytes::put(buffer, 6, &source.0)?;
    Some(Frame {
        bytes: buffer.get(..frame.bytes.len())?,
        offload: frame.offload,
    })
}
