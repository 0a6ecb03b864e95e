//! Frames out of tunnels of the mesh: TCP segments that continue each other are joined, and so are UDP
//! datagrams of one flow, and what policy has to say is said once for all of them, when the batch ends. What a stock edge sends is
//! metered as a port's is, frame by frame, and is not held.

use skerry_policy::{NodeId, SegmentId, Tables};

use super::Forwarder;
use super::edge::EdgeLanes;
use super::pass::{Pass, Remote};
use super::state::State;
use crate::fdb::Lead;
use crate::frame::Frame;
use crate::gro::{Joiner, Joins};
use crate::sink::Sink;
use crate::time::Time;
use crate::wg::Lanes;

/// How a frame came in: all that its tunnel says of it. Frames are joined if they agree in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Arrival {
    pub(super) node: NodeId,
    pub(super) segment: SegmentId,
    /// The node runs the policy that runs here.
    pub(super) agrees: bool,
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
    pub(super) fn new(joins: Joins) -> Self {
        Self {
            joiner: Joiner::new(joins),
            at: Time(0),
        }
    }
}

impl Forwarder {
    /// Joins such frames from now on. What was held back goes its way first.
    pub fn set_joins(&mut self, joins: Joins, sink: &mut impl Sink) {
        self.release(sink);
        let joiner = &mut self.state.arrivals.joiner;
        if joiner.as_ref().map_or(Joins::Nothing, Joiner::joins) != joins {
            *joiner = Joiner::new(joins);
        }
    }
}

impl<S: Sink> Pass<'_, S> {
    /// Takes a frame that its tunnel let through, to be joined with what follows, or to its outcome.
    pub(super) fn arrive(&mut self, arrival: Arrival, bytes: &[u8]) {
        let Some(mut joiner) = self.state.arrivals.joiner.take() else {
            return self.admit_from_peer(arrival, Frame::plain(bytes));
        };
        self.state.arrivals.at = self.now;
        let admit = |arrival, frame: Frame<'_>| self.admit_from_peer(arrival, frame);
        let held = joiner.take(arrival, bytes, admit);
        self.state.arrivals.joiner = Some(joiner);
        if !held {
            self.admit_from_peer(arrival, Frame::plain(bytes));
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
            remote: Remote::Edges(EdgeLanes::of(lanes)),
            now: state.arrivals.at,
            state,
            sink,
            lead: Lead::default(),
        };
        pass.admit_from_peer(arrival, frame);
    });
    state.arrivals.joiner = Some(joiner);
}
