//! Stock edges: members without Skerry, each a port of its home node that hangs on a tunnel
//! instead of a device (private-vlan 3.4).
//!
//! An edge knows one VNI for each of its ports, that of the port's own segment, both ways: its
//! home translates. What comes out of its tunnel is a frame of that port, under all its guards;
//! what is due to the port goes into the tunnel.

use skerry_policy::{LocalPort, NodeId, SegmentId};

use super::copies::{Headers, Receiver, count_copies, seal_frame};
use super::flow::source_port;
use super::ingress::weigh;
use super::pass::{Outcome, Pass, Remote};
use crate::frame::{Frame, Weight};
use crate::reason::DropReason;
use crate::sink::{Onward, Refused, Sink};
use crate::wg::Lanes;
use crate::wire::carrier::Carried;
use crate::wire::ethernet::{Ethernet, Tagging};
use crate::wire::vxlan;

/// The tunnels to this node's edges. The others are not in reach: nothing outside this file gets
/// at the lanes inside, and here only a port's own edge is sealed for. The tunnels of edges end on
/// the first worker; another one's lanes lead to no edge, and it hands over.
#[derive(Debug)]
pub(super) struct EdgeLanes<'a>(&'a mut Lanes);

impl<'a> EdgeLanes<'a> {
    pub(super) const fn of(lanes: &'a mut Lanes) -> Self {
        Self(lanes)
    }

    /// Whether the tunnels to edges end on this worker.
    pub(super) const fn is_first(&self) -> bool {
        self.0.is_first()
    }
}

impl<S: Sink> Pass<'_, S> {
    /// Takes a packet from an edge to its port. What the tunnel refuses counts at the peer; what
    /// it hands over is delivered, as far as the peer is concerned, and counts at the port. `marks`
    /// is what became of those of the underlay.
    pub(super) fn admit_from_edge(
        &mut self,
        edge: NodeId,
        packet: &[u8],
        marks: Result<(), DropReason>,
    ) {
        let entered = self
            .carried(edge, packet)
            .and_then(|carried| self.enter(edge, &carried, marks));
        match entered {
            Ok((port, frame)) => {
                self.count_in(edge, Frame::plain(frame), 1);
                self.count_peer_outcome(edge, Outcome::Delivered, 1);
                self.admit_from_port(port, Frame::plain(frame));
            }
            Err(reason) => self.refuse(edge, packet, reason),
        }
    }

    /// The frame inside, and the port of the edge that its VNI names.
    fn enter<'p>(
        &self,
        edge: NodeId,
        carried: &Carried<'p>,
        marks: Result<(), DropReason>,
    ) -> Result<(LocalPort, &'p [u8]), DropReason> {
        let (segment, frame) = self.unwrap_vxlan(carried)?;
        let port = self
            .tables
            .edge_port(edge, segment)
            .ok_or(DropReason::VniDenied)?;
        marks?;
        if Ethernet::parse(frame).is_some_and(|it| it.tagging != Tagging::Untagged) {
            return Err(DropReason::InnerVlan);
        }
        Ok((port, frame))
    }

    /// One copy, which stands for `n` frames, to the edge behind a port, under the VNI of the
    /// port's own segment whoever sent it.
    pub(super) fn copy_to_edge(
        &mut self,
        edge: NodeId,
        port: LocalPort,
        segment: SegmentId,
        frame: Frame<'_>,
        n: u64,
    ) {
        let to = Receiver {
            node: edge,
            port: Some(port),
        };
        let refused = if self.state.is_up(port) {
            match (&mut self.remote, vxlan_header(self.tables, segment)) {
                (_, None) => Refused::Down,
                (Remote::Lanes(lanes) | Remote::Edges(EdgeLanes(lanes)), Some(vxlan))
                    if lanes.is_first() =>
                {
                    let from = source_port(frame.bytes);
                    let headers = Headers { from, vxlan };
                    return seal_frame(self.state, lanes, self.sink, self.now, to, headers, frame);
                }
                // Counted by the worker that takes it, or here when none does.
                (Remote::Lanes(_) | Remote::Edges(_) | Remote::Handoff, Some(_)) => {
                    let onward = Onward {
                        node: edge,
                        segment,
                        mark: 0,
                    };
                    match self.sink.handoff(onward, frame) {
                        Ok(()) => return,
                        Err(refused) => refused,
                    }
                }
            }
        } else {
            Refused::Down
        };
        count_copies(self.state, to, n, 0, Err(refused));
    }

    /// One copy that a worker without a tunnel there has for a node: an edge of this one, or a peer.
    /// Says what it weighed.
    pub(super) fn copy_handed_over(&mut self, to: Onward, frame: Frame<'_>) -> Weight {
        let (weight, _) = weigh(frame);
        if !self.tables.is_edge(to.node) {
            self.copy_to_node(to, frame, weight.frames);
        } else if let Some(port) = self.tables.edge_port(to.node, to.segment) {
            // Both workers run one generation, so the port is there.
            self.copy_to_edge(to.node, port, to.segment, frame, weight.frames);
        }
        weight
    }
}

/// The header of frames in a segment or a peering.
pub(super) fn vxlan_header(
    tables: &skerry_policy::Tables,
    segment: SegmentId,
) -> Option<[u8; vxlan::LEN]> {
    tables.fabric.vni_of(segment).map(vxlan::header)
}
