//! Frames out of tunnels on their way to a port: TCP segments that continue each other are joined,
//! and delivered when the batch ends.

use skerry_policy::LocalPort;

use super::copies::hand_over;
use super::pass::{Pass, Remote};
use super::state::State;
use crate::frame::Frame;
use crate::gro::Joined;
use crate::sink::Sink;

impl<S: Sink> Pass<'_, S> {
    /// Holds a frame back, to be joined with what follows. False: it is to be handed over now.
    pub(super) fn join(&mut self, port: LocalPort, frame: Frame<'_>) -> bool {
        let is_a_peers = matches!(self.remote, Remote::Edges(_));
        if !is_a_peers || !frame.offload.is_finished() || !self.sink.joins(port) {
            return false;
        }
        let mut joiner = std::mem::take(&mut self.state.joiner);
        let held = joiner.take(port, frame.bytes, |joined| {
            deliver(self.state, self.sink, joined);
        });
        self.state.joiner = joiner;
        held
    }
}

/// Delivers everything that is held back.
pub(super) fn release<S: Sink>(state: &mut State, sink: &mut S) {
    if state.joiner.is_empty() {
        return;
    }
    let mut joiner = std::mem::take(&mut state.joiner);
    joiner.flush(|joined| deliver(state, sink, joined));
    state.joiner = joiner;
}

fn deliver<S: Sink>(state: &mut State, sink: &mut S, joined: Joined<'_>) {
    let Joined {
        port,
        frame,
        frames,
        bytes,
    } = joined;
    hand_over(state, sink, port, frame, (frames, bytes));
}
