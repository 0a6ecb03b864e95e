//! Frames out of tunnels: TCP segments that continue each other are joined, and what policy has to
//! say is said once for all of them, when the batch ends.

use skerry_policy::{LocalPort, NodeId, SegmentId, Tables};

use super::edge::EdgeLanes;
use super::pass::{Pass, Remote};
use super::state::State;
use crate::frame::Frame;
use crate::gro::Joiner;
use crate::sink::Sink;
use crate::time::Time;
use crate::wg::Lanes;

/// How a frame came in: all that its tunnel says of it. Frames are joined if they agree in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Arrival {
    /// From a peer of the mesh.
    Peer {
        node: NodeId,
        segment: SegmentId,
        /// It runs the policy that runs here.
        agrees: bool,
    },
    /// From a stock edge, which is a port of this node.
    Edge(LocalPort),
}

/// What is held back.
#[derive(Debug)]
pub(super) struct Arrivals {
    /// `None` where nothing is joined, and while what was is on its way.
    joiner: Option<Joiner<Arrival>>,
    /// When the last of it came.
    at: Time,
}

impl Arrivals {
    /// Nothing, with room for what will be if frames are to be joined.
    pub(super) fn new(joins: bool) -> Self {
        Self {
            joiner: joins.then(Joiner::new),
            at: Time(0),
        }
    }
}

impl<S: Sink> Pass<'_, S> {
    /// Takes a frame that its tunnel let through, to be joined with what follows, or to its outcome.
    pub(super) fn arrive(&mut self, arrival: Arrival, bytes: &[u8]) {
        let Some(mut joiner) = self.state.arrivals.joiner.take() else {
            return self.admit_arrival(arrival, Frame::plain(bytes));
        };
        self.state.arrivals.at = self.now;
        let admit = |arrival, frame: Frame<'_>| self.admit_arrival(arrival, frame);
        let held = joiner.take(arrival, bytes, admit);
        self.state.arrivals.joiner = Some(joiner);
        if !held {
            self.admit_arrival(arrival, Frame::plain(bytes));
        }
    }

    fn admit_arrival(&mut self, arrival: Arrival, frame: Frame<'_>) {
        match arrival {
            Arrival::Edge(port) => self.admit_from_port(port, frame),
            Arrival::Peer {
                node,
                segment,
                agrees,
            } => self.admit_from_peer(node, segment, agrees, frame),
        }
    }
}

/// Takes everything that is held back to its outcome.
pub(super) fn release<S: Sink>(
    tables: &Tables,
    lanes: Option<&mut Lanes>,
    state: &mut State,
    sink: &mut S,
) {
    // Only who has tunnels holds anything.
    let Some(lanes) = lanes else { return };
    let holding = state.arrivals.joiner.take_if(|it| !it.is_empty());
    let Some(mut joiner) = holding else { return };
    joiner.flush(|arrival, frame| {
        let mut pass = Pass {
            tables,
            remote: remote(arrival, lanes),
            now: state.arrivals.at,
            state,
            sink,
        };
        pass.admit_arrival(arrival, frame);
    });
    state.arrivals.joiner = Some(joiner);
}

/// A frame of the mesh has no way to other peers: from tunnel to tunnel there is no path to choose
/// by mistake. A frame of an edge is one of a port of this node.
const fn remote(arrival: Arrival, lanes: &mut Lanes) -> Remote<'_> {
    match arrival {
        Arrival::Edge(_) => Remote::Lanes(lanes),
        Arrival::Peer { .. } => Remote::Edges(EdgeLanes::of(lanes)),
    }
}
