//! The way in for frames of this node's guests.

use skerry_policy::LocalPort;

use super::admission;
use super::pass::{Origin, Outcome, Pass};
use super::tag;
use crate::frame::{Frame, Weight};
use crate::gso::Segments;
use crate::reason::DropReason;
use crate::sink::Sink;
use crate::wire::ethernet::Tagging;

impl<S: Sink> Pass<'_, S> {
    /// Takes a frame from a port to its outcome, and counts it there. Says what it weighed.
    pub(super) fn admit_from_port(&mut self, port: LocalPort, frame: Frame<'_>) -> Weight {
        let (weight, longest) = weigh(frame);
        let frames = weight.frames;
        if let Some(counters) = self.state.port_counters(port) {
            counters.frames_in += frames;
            counters.bytes_in += weight.bytes;
        }
        let outcome = self.admit(port, frame, weight, longest);
        match outcome {
            Ok(outcome) => self.count_outcome(port, outcome, frames),
            Err(reason) => self.state.count_drop(Origin::Port(port), reason, frames),
        }
        weight
    }

    fn admit(
        &mut self,
        port: LocalPort,
        frame: Frame<'_>,
        weight: Weight,
        longest: Option<usize>,
    ) -> Result<Outcome, DropReason> {
        if !self.state.is_up(port) {
            return Err(DropReason::PortDown);
        }
        let longest = longest.ok_or(DropReason::OffloadBad)?;
        let tables = self.tables;
        let header = admission::header(frame.bytes, longest, tables.fabric.mtu);
        if matches!(header, Err(DropReason::Oversize)) {
            self.answer_too_big(port, frame);
        }
        let header = header?;
        let attachment = admission::attachment(tables, port, header.tagging)?;
        let gate = tables.gate(port).ok_or(DropReason::PortDown)?;
        admission::kind(|kind| tables.sends(port, kind), header.ethertype)?;
        let sender = self
            .local_sender(attachment, header.source)
            .ok_or(DropReason::PortDown)?;
        self.learn(&sender, header.destination)?;
        let payload = frame.bytes.get(header.payload..).unwrap_or_default();
        let inspected = self.inspect(&sender, Some(&gate.guards), &header, payload)?;
        if header.tagging == Tagging::Untagged {
            return self.forward(&sender, &header, &inspected, frame, weight);
        }
        // Inside, a frame has no tag: its segment says all that the tag said.
        let mut buffer = std::mem::take(&mut self.state.untagged);
        let outcome = match tag::take_off(&mut buffer, frame) {
            Some(frame) => self.forward(&sender, &header, &inspected, frame, weight),
            None => Err(DropReason::OffloadBad),
        };
        self.state.untagged = buffer;
        outcome
    }

    fn count_outcome(&mut self, port: LocalPort, outcome: Outcome, n: u64) {
        let Some(counters) = self.state.port_counters(port) else {
            return;
        };
        match outcome {
            Outcome::Delivered => counters.delivered += n,
            Outcome::Answered => counters.answered += n,
            Outcome::NoReceiver => counters.no_receiver += n,
        }
    }
}

/// What it weighs, and the length of the longest frame it stands for, unless its offload header
/// contradicts its bytes.
pub(super) fn weigh(frame: Frame<'_>) -> (Weight, Option<usize>) {
    let weight = |frames, bytes| Weight {
        frames: u64::try_from(frames).unwrap_or(u64::MAX),
        bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
    };
    let one = weight(1, frame.bytes.len());
    if frame.offload.is_finished() {
        return (one, Some(frame.bytes.len()));
    }
    match Segments::new(frame) {
        Ok(segments) => (
            weight(segments.count(), segments.total_len()),
            Some(segments.max_len()),
        ),
        Err(_) => (one, None),
    }
}
