//! Everything that is held back until the batch ends.

use super::bundle::Bundle;
use super::segment::Kind;
use crate::frame::{FRAME_MAX, Frame};

/// Flows that are held at once. The one that was begun first makes room for the next.
const FLOWS: usize = 32;

/// The bundles of one worker, of frames that came from one place each. Empty between batches.
#[derive(Debug)]
pub(crate) struct Joiner<K> {
    /// In the order in which they were begun; each with its room.
    bundles: Vec<(usize, Bundle<K>)>,
    /// Rooms that nobody is in.
    free: Vec<usize>,
    /// One room behind the other. Memory is only real once a frame lies in it.
    rooms: Box<[u8]>,
}

impl<K: Copy + Eq> Joiner<K> {
    /// With room for all that it will ever hold.
    pub(crate) fn new() -> Self {
        Self {
            bundles: Vec::with_capacity(FLOWS),
            free: (0..FLOWS).collect(),
            rooms: vec![0; FLOWS * FRAME_MAX].into_boxed_slice(),
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
        let (flow, segment) = match Kind::of(bytes) {
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
        if let Some(at) = self.position(from, flow) {
            if let Some((room, bundle)) = self.bundles.get_mut(at)
                && bundle.append(
                    &segment,
                    self.rooms.get_mut(place(*room)).unwrap_or_default(),
                )
            {
                return true;
            }
            self.hand_out(at, &mut out);
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
            Some(bundle) => self.bundles.push((room, bundle)),
            None => self.free.push(room),
        }
        held
    }

    /// Hands out everything, in the order in which it was begun.
    pub(crate) fn flush(&mut self, mut out: impl FnMut(K, Frame<'_>)) {
        while !self.bundles.is_empty() {
            self.hand_out(0, &mut out);
        }
    }

    /// Whether anything is held.
    pub(crate) const fn is_empty(&self) -> bool {
        self.bundles.is_empty()
    }

    fn position(&self, from: K, flow: u64) -> Option<usize> {
        let is_it = |(_, it): &(usize, Bundle<K>)| it.flow == flow && it.from == from;
        self.bundles.iter().position(is_it)
    }

    fn hand_out(&mut self, at: usize, out: &mut impl FnMut(K, Frame<'_>)) {
        let (room, bundle) = self.bundles.remove(at);
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
