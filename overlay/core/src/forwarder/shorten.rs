//! Which frame tells its sender to slow down, so that a queue becomes shorter: one with more than a
//! few bytes. A question, an acknowledgement or a key press never does.
//!
//! If its sender hears of marks (RFC 3168), it is marked and goes its way (RFC 7567 section 4.2.1),
//! whatever it carries. If not, it is dropped, but only if it carries TCP: nobody else hears of that.

use skerry_policy::LocalPort;

use super::Forwarder;
use super::inspect::Inspected;
use super::pass::{Origin, Outcome, Pass, Sender};
use super::state::State;
use super::verdict::Way;
use crate::frame::{ETH_HEADER, Frame, SuperframeKind};
use crate::queue::Queue;
use crate::reason::DropReason;
use crate::sink::Sink;
use crate::time::Time;
use crate::wire::bytes;
use crate::wire::ecn::Ecn;
use crate::wire::ethernet::Ethernet;
use crate::wire::transport::Transport;

/// Frames that are shorter are not what fills a queue.
const BULK: usize = 512;

impl Forwarder {
    /// A turn with a port is over: so many bytes were read, and then the port had no more, or the
    /// next one's turn had come.
    pub fn port_read(&mut self, now: Time, port: LocalPort, bytes: usize, emptied: bool) {
        if let Some(berth) = self.state.berths.get_mut(port.index()) {
            berth.queue.read(now, bytes, emptied);
        }
    }

    /// A turn with a socket of the underlay is over, in the same way.
    pub fn socket_read(&mut self, now: Time, bytes: usize, emptied: bool) {
        self.state.underlay.read(now, bytes, emptied);
    }
}

impl State {
    /// Whether a frame may have come through a queue that is long. Which one it came through takes
    /// more to find out, and hardly ever matters.
    fn may_be_long(&self, origin: Origin) -> bool {
        let own = match origin {
            Origin::Port(port) => self.berths.get(port.index()),
            Origin::Peer(_) => None,
        };
        own.is_some_and(|berth| berth.queue.is_long()) || self.underlay.is_long()
    }

    /// The queue that a frame has come through.
    fn queue_of(&mut self, origin: Origin, is_edge: bool) -> Option<&mut Queue> {
        match origin {
            Origin::Port(port) if !is_edge => Some(&mut self.berths.get_mut(port.index())?.queue),
            Origin::Port(_) | Origin::Peer(_) => Some(&mut self.underlay),
        }
    }
}

impl<S: Sink> Pass<'_, S> {
    /// Lets the sender of the frame know if the queue that it came through has become too long, and
    /// if it hears of it: says whether the frame is to be marked, or drops it.
    pub(super) fn shorten(
        &mut self,
        sender: &Sender<'_>,
        header: &Ethernet,
        inspected: &Inspected,
        frame: Frame<'_>,
    ) -> Result<bool, DropReason> {
        if !self.state.may_be_long(sender.origin) {
            return Ok(false);
        }
        let is_edge = match sender.origin {
            Origin::Port(port) => self.tables.edge_behind(port).is_some(),
            Origin::Peer(_) => false,
        };
        let queue = self.state.queue_of(sender.origin, is_edge);
        let Some(queue) = queue.filter(|queue| queue.is_long()) else {
            return Ok(false);
        };
        if !is_bulk(frame) {
            return Ok(false);
        }
        // What opens a connection has no mark to carry (RFC 3168 section 6.1.1).
        if Ecn::of_frame(frame.bytes).is_capable() && !inspected.opens {
            queue.shortened(self.now);
            return Ok(true);
        }
        if is_tcp(header, frame) {
            queue.shortened(self.now);
            return Err(DropReason::QueueLong);
        }
        Ok(false)
    }

    /// Sends a frame on its way, with a mark.
    pub(super) fn send_marked(
        &mut self,
        sender: &Sender<'_>,
        header: &Ethernet,
        inspected: &Inspected,
        way: Way,
        frame: Frame<'_>,
        n: u64,
    ) -> Result<Outcome, DropReason> {
        let mut buffer = std::mem::take(&mut self.state.amended);
        let marked = marked(&mut buffer, frame);
        let counted = if marked.is_some() { n } else { 0 };
        let frame = marked.unwrap_or(frame);
        let outcome = self.send(sender, header, inspected, way, frame, n);
        self.state.amended = buffer;
        if outcome.is_ok() {
            self.state.count_marked(sender.origin, counted);
        }
        outcome
    }
}

/// The frame, or each that it stands for, with a mark. What is owed on it stays: no transport sums
/// this up.
fn marked<'b>(buffer: &'b mut [u8], frame: Frame<'_>) -> Option<Frame<'b>> {
    bytes::put(buffer, 0, frame.bytes)?;
    let bytes = buffer.get_mut(..frame.bytes.len())?;
    Ecn::Ce.write(bytes.get_mut(ETH_HEADER..)?)?;
    Some(Frame {
        bytes,
        offload: frame.offload,
    })
}

/// Whether it is of those that fill a queue.
const fn is_bulk(frame: Frame<'_>) -> bool {
    frame.offload.superframe.is_some() || frame.bytes.len() >= BULK
}

fn is_tcp(header: &Ethernet, frame: Frame<'_>) -> bool {
    match frame.offload.superframe.map(|it| it.kind) {
        Some(SuperframeKind::Tcp4 | SuperframeKind::Tcp6) => true,
        Some(SuperframeKind::Udp) => false,
        None => {
            // Its tag, if it had one, is off, and the header has been read before that.
            let packet = frame.bytes.get(ETH_HEADER..).unwrap_or_default();
            let transport = Transport::parse(header.ethertype, packet);
            matches!(transport, Some((_, _, Transport::Tcp { .. })))
        }
    }
}
