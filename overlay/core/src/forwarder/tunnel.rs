//! The way in for what comes out of a peer's tunnel (private-vlan 3.3).

use std::net::SocketAddr;

use skerry_policy::{NodeId, SegmentId, Tables};

use super::admission;
use super::congestion;
use super::edge::EdgeLanes;
use super::ingress::weigh;
use super::joining::Arrival;
use super::pass::{Origin, Outcome, Pass, Remote, Sender};
use super::state::{State, edition};
use crate::control::{CONTROL_PORT, is_short_enough};
use crate::fdb::Lead;
use crate::frame::{Frame, Weight};
use crate::reason::DropReason;
use crate::sink::Sink;
use crate::time::Time;
use crate::wg::{Lanes, Opened, Scratch};
use crate::wire::carrier::Carried;
use crate::wire::ecn::Ecn;
use crate::wire::ethernet::{Ethernet, Tagging};
use crate::wire::vxlan;

/// Opens a datagram and takes what is inside to its outcome.
///
/// A frame of the mesh gets a [`Pass`] without a way to other peers: from tunnel to tunnel there
/// is no path to choose by mistake. A frame of an edge is one of a port of this node.
#[expect(
    clippy::too_many_arguments,
    reason = "the forwarder's parts, each borrowed by itself"
)]
pub(super) fn receive<S: Sink>(
    tables: &Tables,
    lanes: &mut Lanes,
    state: &mut State,
    now: Time,
    sink: &mut S,
    from: SocketAddr,
    ecn: Ecn,
    datagram: &[u8],
    room: &mut Scratch,
) {
    match lanes.open(now, from, datagram, room, sink) {
        Opened::Packet { node, bytes } => {
            let len = bytes.len();
            let packet = room.filled_mut(len);
            let marks = congestion::take_over(ecn, packet);
            let is_edge = tables.is_edge(node);
            let remote = if is_edge {
                Remote::Lanes(lanes)
            } else {
                Remote::Edges(EdgeLanes::of(lanes))
            };
            let mut pass = Pass {
                tables,
                remote,
                state,
                sink,
                now,
                lead: Lead::default(),
            };
            if is_edge {
                pass.admit_from_edge(node, packet, marks);
            } else {
                pass.receive_from_peer(node, from, packet, marks);
            }
        }
        Opened::Handled => {}
        Opened::Dropped(reason, _) => state.counters.underlay_drops.count(reason),
    }
}

impl<S: Sink> Pass<'_, S> {
    /// Takes a packet from a peer as far as its tunnel has a say in it; `marks` is what became of
    /// those of the underlay.
    fn receive_from_peer(
        &mut self,
        node: NodeId,
        at: SocketAddr,
        packet: &[u8],
        marks: Result<(), DropReason>,
    ) {
        let carried = self.carried(node, packet);
        if let Ok(carried) = carried
            && carried.port == CONTROL_PORT
        {
            return self.take_control(node, at, carried.payload);
        }
        let arrival = carried.and_then(|carried| {
            let (segment, frame) = self.unwrap(node, &carried)?;
            let agrees = self.agrees(node, &carried);
            if !agrees && !self.has_port_there(node, segment, carried.from) {
                return Err(DropReason::VniDenied);
            }
            marks?;
            let arrival = Arrival {
                node,
                segment,
                agrees,
            };
            Ok((arrival, frame))
        });
        match arrival {
            Ok((arrival, frame)) => self.arrive(arrival, frame),
            Err(reason) => self.refuse(node, packet, reason),
        }
    }

    /// Counts a packet that its tunnel does not let through.
    pub(super) fn refuse(&mut self, node: NodeId, packet: &[u8], reason: DropReason) {
        self.count_in(node, Frame::plain(packet), 1);
        self.state.count_drop(Origin::Peer(node), reason, 1);
    }

    /// Takes a frame from a peer to its outcome, and counts it there.
    pub(super) fn admit_from_peer(&mut self, arrival: Arrival, frame: Frame<'_>) {
        let node = arrival.node;
        let (weight, longest) = weigh(frame);
        let frames = weight.frames;
        self.count_in(node, frame, frames);
        let outcome = match longest {
            Some(longest) => self.admit_inner(arrival, frame, weight, longest),
            None => Err(DropReason::OffloadBad),
        };
        match outcome {
            Ok(outcome) => self.count_peer_outcome(node, outcome, frames),
            Err(reason) => self.state.count_drop(Origin::Peer(node), reason, frames),
        }
    }

    /// Hands a message on, if it can be one, and if the peer has not said too much lately: whoever
    /// listens does so for all nodes. In lane 0 only, or a peer had a bucket for every lane.
    fn take_control(&mut self, node: NodeId, at: SocketAddr, message: &[u8]) {
        let first = matches!(&self.remote, Remote::Edges(lanes) if lanes.is_first());
        let bucket = self.state.control.get_mut(node.index());
        let taken = first
            && is_short_enough(message, self.tables.fabric.mtu)
            && bucket.is_some_and(|bucket| bucket.take(self.now, 1));
        if let Some(counters) = self.state.peer_counters(node) {
            counters.control_in += 1;
            counters.control_refused += u64::from(!taken);
        }
        if taken {
            self.sink.control(node, at, message);
        }
    }

    /// The UDP packet inside, if it is from the peer to this node: what WireGuard calls the
    /// allowed IPs, which boringtun leaves to its caller.
    pub(super) fn carried<'p>(
        &self,
        node: NodeId,
        packet: &'p [u8],
    ) -> Result<Carried<'p>, DropReason> {
        let carried = Carried::parse(packet)?;
        let nodes = &self.tables.fabric.nodes;
        let peer = nodes.get(node.index()).map(|peer| peer.overlay);
        let me = nodes.get(self.tables.me.index()).map(|me| me.overlay);
        if Some(carried.source) != peer || Some(carried.destination) != me {
            return Err(DropReason::OuterSrc);
        }
        Ok(carried)
    }

    /// Whether the peer runs the policy that runs here, as far as a stock one runs any.
    fn agrees(&self, node: NodeId, carried: &Carried<'_>) -> bool {
        self.tables.is_stock(node) || carried.edition == edition(self.tables)
    }

    /// Whether the port that a peer of another policy names is in the segment by the policy that
    /// runs here: one that it has moved there would be taken for the port whose MAC address it
    /// uses, and could be heard by ports that neither policy lets it reach.
    fn has_port_there(&self, node: NodeId, segment: SegmentId, mark: u16) -> bool {
        let is_peering = self.tables.fabric.peering(segment).is_some();
        is_peering || self.state.marks.contains(&(node, segment, mark))
    }

    /// The frame inside, if it is of a segment or peering that the peer may send.
    fn unwrap<'p>(
        &self,
        node: NodeId,
        carried: &Carried<'p>,
    ) -> Result<(SegmentId, &'p [u8]), DropReason> {
        let (segment, frame) = self.unwrap_vxlan(carried)?;
        if !self.tables.fabric.may_send(node, segment) {
            return Err(DropReason::VniDenied);
        }
        Ok((segment, frame))
    }

    /// The frame inside, and the segment or peering that its VNI names.
    pub(super) fn unwrap_vxlan<'p>(
        &self,
        carried: &Carried<'p>,
    ) -> Result<(SegmentId, &'p [u8]), DropReason> {
        if carried.port != vxlan::PORT {
            return Err(DropReason::VxlanShort);
        }
        let (vni, frame) = vxlan::parse(carried.payload)?;
        let fabric = &self.tables.fabric;
        let peering = || Some(fabric.peering_of_vni(vni)?.id);
        let segment = fabric.segment_of(vni).or_else(peering);
        Ok((segment.ok_or(DropReason::VniUnknown)?, frame))
    }

    fn admit_inner(
        &mut self,
        arrival: Arrival,
        frame: Frame<'_>,
        weight: Weight,
        longest: usize,
    ) -> Result<Outcome, DropReason> {
        let Arrival {
            node,
            segment,
            agrees,
        } = arrival;
        let (bytes, mtu) = (frame.bytes, self.tables.fabric.mtu);
        // A tag is refused as a tag, whatever else is wrong with the frame behind it.
        if Ethernet::parse(bytes).is_some_and(|it| it.tagging != Tagging::Untagged) {
            return Err(DropReason::InnerVlan);
        }
        let header = admission::header(bytes, longest, mtu)?;
        if let Some(peering) = self.tables.fabric.peering(segment) {
            // Whose an address is, its policy may see in another way.
            if !agrees {
                return Err(DropReason::PeeringDeny);
            }
            return self.cross_from_peer(node, peering, &header, frame, weight.frames);
        }
        let allowed = self.state.kinds.get(&(node, segment));
        let allowed = allowed.ok_or(DropReason::VniDenied)?;
        admission::kind(|kind| allowed.allows(kind), header.ethertype)?;
        let sender = self.remote_sender(node, segment, header.source);
        let sender = Sender {
            agrees,
            ..sender.ok_or(DropReason::VniUnknown)?
        };
        self.learn(&sender, header.destination)?;
        let payload = bytes.get(header.payload..).unwrap_or_default();
        let inspected = self.inspect(&sender, None, &header, payload)?;
        self.forward(&sender, &header, &inspected, frame, weight)
    }

    pub(super) fn count_in(&mut self, node: NodeId, frame: Frame<'_>, n: u64) {
        if let Some(counters) = self.state.peer_counters(node) {
            counters.frames_in += n;
            counters.bytes_in += frame.total_len(n);
        }
    }

    pub(super) fn count_peer_outcome(&mut self, node: NodeId, outcome: Outcome, n: u64) {
        let Some(counters) = self.state.peer_counters(node) else {
            return;
        };
        match outcome {
            Outcome::Delivered => counters.delivered += n,
            // Nobody answers a peer's question: its own node did, or it is for a port here.
            Outcome::Answered | Outcome::NoReceiver => counters.no_receiver += n,
        }
    }
}
