//! Everything that is held back until the batch ends.

use std::collections::VecDeque;

use super::bundle::Bundle;
use super::segment::Kind;
use crate::frame::{FRAME_MAX, Frame};

/// Flows that are held at once. The one that was begun first makes room for the next.
const FLOWS: usize = 32;

/// What is joined.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Joins {
    /// Nothing: ports want finished frames.
    #[default]
    Nothing,
    /// TCP. Ports do not take superframes of UDP.
    Tcp,
    /// TCP and UDP.
    All,
}

/// The bundles of one worker, of frames that came from one place each. Empty between batches.
#[derive(Debug)]
pub(crate) struct Joiner<K> {
    /// In the order in which their flows were; each with its room.
    bundles: VecDeque<(usize, Bundle<K>)>,
    /// Rooms that nobody is in.
    free: Vec<usize>,
    /// One room behind the other. Memory is only real once a frame lies in it.
    rooms: Box<[u8]>,
    /// UDP is joined too.
    datagrams: bool,
}

impl<K: Copy + Eq> Joiner<K> {
    /// With room for all that it will ever hold; `None` where nothing is to be joined.
    pub(crate) fn new(joins: Joins) -> Option<Self> {
        (joins != Joins::Nothing).then(|| Self {
            bundles: VecDeque::with_capacity(FLOWS),
            free: (0..FLOWS).collect(),
            rooms: vec![0; FLOWS * FRAME_MAX].into_boxed_slice(),
            datagrams: joins == Joins::All,
        })
    }

    /// What it joins.
    pub(crate) const fn joins(&self) -> Joins {
        if self.datagrams {
            Joins::All
        } else {
            Joins::Tcp
        }
    }

    /// Takes a finished frame and holds it; false when it is to be handed out as it is, now. What
    /// has to go before it is given to `out` first.
    pub(crate) fn take(
        &mut self,
        from: K,
        bytes: &[u8],
        mut out: impl FnMut(K, Frame<'_>),
    ) -> bool {
        let (flow, segment) = match Kind::of(bytes, self.datagrams) {
            Kind::Segment(flow, segment) => (flow, segment),
            Kind::OfFlow(flow) => {
                if let Some(at) = self.position(from, flow) {
                    self.hand_out(at, &mut out);
                }
                return false;
            }
            Kind::OfAny => {
                while let Some(at) = self.bundles.iter().position(|(_, it)| it.from == from) {
                    self.hand_out(at, &mut out);
                }
                return false;
            }
            Kind::Apart => return false,
        };
        if let Some(at) = self.position(from, flow)
            && let Some((room, bundle)) = self.bundles.get_mut(at)
        {
            let bytes = self.rooms.get_mut(place(*room)).unwrap_or_default();
            if bundle.append(&segment, bytes) {
                return true;
            }
            // The next one takes its place: a flow of which nothing can be joined should cost little.
            out(from, bundle.close(bytes));
            if let Some(next) = Bundle::open(from, flow, &segment, bytes) {
                *bundle = next;
                return true;
            }
            self.bundles
                .remove(at)
                .into_iter()
                .for_each(|(room, _)| self.free.push(room));
            return false;
        }
        if self.free.is_empty() {
            self.hand_out(0, &mut out);
        }
        let Some(room) = self.free.pop() else {
            return false;
        };
        let bytes = self.rooms.get_mut(place(room)).unwrap_or_default();
        let opened = Bundle::open(from, flow, &segment, bytes);
        let held = opened.is_some();
        match opened {
            Some(bundle) => self.bundles.push_back((room, bundle)),
            None => self.free.push(room),
        }
        held
    }

    /// Hands out everything, in the order of the flows.
    pub(crate) fn flush(&mut self, mut out: impl FnMut(K, Frame<'_>)) {
        while !self.is_empty() {
            self.hand_out(0, &mut out);
        }
    }

    /// Whether anything is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.bundles.is_empty()
    }

    fn position(&self, from: K, flow: u64) -> Option<usize> {
        let is_it = |(_, it): &(usize, Bundle<K>)| it.flow == flow && it.from == from;
        self.bundles.iter().position(is_it)
    }

    fn hand_out(&mut self, at: usize, out: &mut impl FnMut(K, Frame<'_>)) {
        let Some((room, bundle)) = self.bundles.remove(at) else {
            return;
        };
        let bytes = self.rooms.get_mut(place(room)).unwrap_or_default();
        out(bundle.from, bundle.close(bytes));
        self.free.push(room);
    }
}

/// Where a room is among the rooms.
const fn place(room: usize) -> std::ops::Range<usize> {
    room * FRAME_MAX..(room + 1) * FRAME_MAX
}

#[cfg(test)]
mod tests;
