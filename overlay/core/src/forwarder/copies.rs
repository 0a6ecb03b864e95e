//! Handing copies to ports and to tunnels, and counting each: `copies_out = sent + egress_drops`.

use skerry_policy::{LocalAttachment, LocalPort, LocalView, NodeId, SegmentId, Vid};

use super::edge::vxlan_header;
use super::flow::source_port;
use super::pass::{Pass, Remote};
use super::state::State;
use super::tag;
use crate::claim::Place;
use crate::control::{CONTROL_PORT, is_probe};
use crate::frame::Frame;
use crate::gso::Segments;
use crate::reason::DropReason;
use crate::sink::{Onward, Refused, Sink};
use crate::time::Time;
use crate::wg::{Lanes, padded_len};
use crate::wire::carrier::Carrier;
use crate::wire::ecn::Ecn;
use crate::wire::{bytes, vxlan};

impl<S: Sink> Pass<'_, S> {
    /// One copy to an attachment of this node, if it accepts the segment. Asked here once more,
    /// of the table of this node alone: whatever chose the receiver, this is the last word.
    pub(super) fn copy_to_attachment(
        &mut self,
        segment: SegmentId,
        to: LocalAttachment,
        frame: Frame<'_>,
        n: u64,
    ) {
        let tables = self.tables;
        let Some(view) = tables.attachment(to) else {
            return;
        };
        if tables.accepts(segment, to) {
            self.copy_by(view, frame, n);
        } else if let Some(counters) = self.state.port_counters(view.port) {
            counters.copies_out += n;
            counters.egress_drops.add(DropReason::PvlanDeny, n);
        }
    }

    /// An answer, back to where its question came from.
    pub(super) fn copy_out(&mut self, place: Place, frame: Frame<'_>) {
        if let Place::Port(attachment) = place
            && let Some(view) = self.tables.attachment(attachment)
        {
            self.copy_by(view, frame, 1);
        }
    }

    pub(super) fn copy_by(&mut self, view: &LocalView, frame: Frame<'_>, n: u64) {
        if let Some(edge) = view.edge {
            return self.copy_to_edge(edge, view.port, view.segment, frame, n);
        }
        match view.tag {
            None => self.copy_to_port(view.port, frame, n),
            Some(vid) => self.copy_with_tag(view.port, vid, frame, n),
        }
    }

    /// One copy to a trunk, under the tag of the attachment that accepts it.
    fn copy_with_tag(&mut self, port: LocalPort, vid: Vid, frame: Frame<'_>, n: u64) {
        let mut buffer = std::mem::take(&mut self.state.tagged);
        match tag::put_on(&mut buffer, frame, vid) {
            Some(tagged) => self.copy_to_port(port, tagged, n),
            None => {
                if let Some(counters) = self.state.port_counters(port) {
                    counters.copies_out += n;
                    counters.egress_drops.add(DropReason::EgressMtu, n);
                }
            }
        }
        self.state.tagged = buffer;
    }

    /// One copy, which stands for `n` frames, to a port.
    fn copy_to_port(&mut self, port: LocalPort, frame: Frame<'_>, n: u64) {
        let taken = if self.state.is_up(port) {
            self.sink.deliver(port, frame)
        } else {
            Err(Refused::Down)
        };
        let Some(counters) = self.state.port_counters(port) else {
            return;
        };
        counters.copies_out += n;
        match taken {
            Ok(()) => {
                counters.sent += n;
                counters.bytes_out += frame.total_len(n);
            }
            Err(refused) => counters.egress_drops.add(refused.reason(), n),
        }
    }

    /// One copy, which stands for `n` frames, to another node: in the lane of this worker, if the
    /// node is known to hear it there, or by the first worker.
    pub(super) fn copy_to_node(&mut self, to: Onward, frame: Frame<'_>, n: u64) {
        if self.drop_narrow(to.node, frame, n) {
            return;
        }
        let receiver = Receiver {
            node: to.node,
            port: None,
        };
        let refused = match &mut self.remote {
            Remote::Lanes(lanes) if lanes.takes(to.node) => {
                let Some(vxlan) = vxlan_header(self.tables, to.segment) else {
                    return;
                };
                let from = if self.tables.is_stock(to.node) {
                    source_port(frame.bytes)
                } else {
                    to.mark
                };
                let headers = Headers { from, vxlan };
                let (state, sink, now) = (&mut *self.state, &mut *self.sink, self.now);
                return seal_frame(state, lanes, sink, now, receiver, headers, frame);
            }
            // Counted by the worker that takes it, or here when none does.
            Remote::Lanes(_) | Remote::Handoff => match self.sink.handoff(to, frame) {
                Ok(()) => return,
                Err(refused) => refused,
            },
            Remote::Edges(_) => Refused::Down,
        };
        count_copies(self.state, receiver, n, 0, Err(refused));
    }

    /// One control message to another node: in lane 0, as those that come.
    pub(super) fn send_control(&mut self, node: NodeId, message: &[u8]) -> Result<(), Refused> {
        let Remote::Lanes(lanes) = &mut self.remote else {
            return Err(Refused::Down);
        };
        if !lanes.is_first() {
            return Err(Refused::Down);
        }
        let carrier = carrier(self.state, node).ok_or(Refused::Down)?;
        let at = carrier.header_len();
        let end = at + message.len();
        bytes::put(&mut self.state.scratch, at, message).ok_or(Refused::Full)?;
        let packet = self.state.scratch.get_mut(..end).ok_or(Refused::Full)?;
        carrier
            .write(packet, CONTROL_PORT, CONTROL_PORT)
            .ok_or(Refused::Full)?;
        // A probe is a datagram by itself, and exactly as long as it says: what waits may be too long
        // for the path, and be refused together with it.
        let longest = if is_probe(message) { end } else { usize::MAX };
        lanes.flush(self.sink);
        lanes.seal(
            self.now,
            node,
            pad(&mut self.state.scratch, end, longest),
            self.sink,
        )?;
        lanes.flush(self.sink);
        if let Some(counters) = self.state.peer_counters(node) {
            counters.control_out += 1;
        }
        Ok(())
    }
}

impl Refused {
    /// What a copy that was not taken is counted as.
    const fn reason(self) -> DropReason {
        match self {
            Self::Full => DropReason::EgressFull,
            Self::Down => DropReason::EgressDown,
        }
    }
}

/// Where a sealed copy goes, and so where it counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Receiver {
    pub(super) node: NodeId,
    /// Of a stock edge, the port that it is here.
    pub(super) port: Option<LocalPort>,
}

/// What goes in front of a frame in the tunnel, besides the addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Headers {
    /// The source port: towards a node that runs Skerry, the mark of the attachment that the
    /// frame entered by, so that it can hold the sender to its own policy; towards a stock one, a
    /// hash of the flow. RFC 7348 section 5 wants a hash to spread flows over paths, and inside a
    /// tunnel there is one.
    pub(super) from: u16,
    pub(super) vxlan: [u8; vxlan::LEN],
}

/// Cuts a frame to size, wraps every piece, and seals it into the peer's lane.
pub(super) fn seal_frame<S: Sink>(
    state: &mut State,
    lanes: &mut Lanes,
    sink: &mut S,
    now: Time,
    to: Receiver,
    headers: Headers,
    frame: Frame<'_>,
) {
    let node = to.node;
    let Some(carrier) = carrier(state, node) else {
        return count_copies(state, to, 1, 0, Err(Refused::Down));
    };
    let carrier = carrier.saying(Ecn::of_frame(frame.bytes));
    let at = carrier.header_len() + headers.vxlan.len();
    if frame.offload.is_finished() {
        let fits = bytes::put(&mut state.scratch, at, frame.bytes).is_some();
        let length = frame.bytes.len();
        let sealed = if fits {
            seal_packet(state, lanes, sink, now, node, carrier, headers, length)
        } else {
            Err(Refused::Full)
        };
        return count_copies(state, to, 1, length, sealed);
    }
    // Checked on the way in, so that it cuts.
    let Ok(mut segments) = Segments::new(frame) else {
        return;
    };
    while let Some(length) = state
        .scratch
        .get_mut(at..)
        .and_then(|out| segments.next_into(out))
    {
        let sealed = seal_packet(state, lanes, sink, now, node, carrier, headers, length);
        count_copies(state, to, 1, length, sealed);
    }
}

/// Wraps the frame of `length` bytes that stands in the scratch buffer, and seals it.
#[expect(
    clippy::too_many_arguments,
    reason = "the inner loop; a struct would be these again"
)]
fn seal_packet<S: Sink>(
    state: &mut State,
    lanes: &mut Lanes,
    sink: &mut S,
    now: Time,
    node: NodeId,
    carrier: Carrier,
    headers: Headers,
    length: usize,
) -> Result<(), Refused> {
    let header = carrier.header_len();
    let end = header + headers.vxlan.len() + length;
    bytes::put(&mut state.scratch, header, &headers.vxlan).ok_or(Refused::Full)?;
    let packet = state.scratch.get_mut(..end).ok_or(Refused::Full)?;
    carrier
        .write(packet, headers.from, vxlan::PORT)
        .ok_or(Refused::Full)?;
    let longest = state.longest_to(node);
    lanes.seal(now, node, pad(&mut state.scratch, end, longest), sink)
}

/// The packet of `end` bytes, filled up to the next multiple of 16 (WireGuard section 5.4.6),
/// which boringtun leaves to its caller, but not past the longest packet the underlay carries.
fn pad(scratch: &mut [u8], end: usize, longest: usize) -> &[u8] {
    let padded = padded_len(end).min(longest.max(end)).min(scratch.len());
    if let Some(rest) = scratch.get_mut(end..padded) {
        rest.fill(0);
    }
    scratch.get(..padded).unwrap_or_default()
}

fn carrier(state: &State, node: NodeId) -> Option<Carrier> {
    state.carriers.get(node.index()).copied().flatten()
}

/// Counts `n` copies at the peer, and at the port if the peer is one.
pub(super) fn count_copies(
    state: &mut State,
    to: Receiver,
    n: u64,
    bytes: usize,
    sealed: Result<(), Refused>,
) {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    if let Some(counters) = state.peer_counters(to.node) {
        counters.copies_out += n;
        match sealed {
            Ok(()) => {
                counters.frames_out += n;
                counters.bytes_out += bytes;
            }
            Err(refused) => counters.egress_drops.add(refused.reason(), n),
        }
    }
    if let Some(counters) = to.port.and_then(|port| state.port_counters(port)) {
        counters.copies_out += n;
        match sealed {
            Ok(()) => {
                counters.sent += n;
                counters.bytes_out += bytes;
            }
            Err(refused) => counters.egress_drops.add(refused.reason(), n),
        }
    }
}
