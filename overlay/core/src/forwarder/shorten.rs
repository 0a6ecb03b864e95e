//! Which frame is dropped so that a queue becomes shorter: one that carries TCP data, since only
//! its sender hears of it. A question, an acknowledgement or a key press never is.

use skerry_policy::LocalPort;

use super::Forwarder;
use super::pass::{Origin, Pass, Sender};
use super::state::State;
use crate::frame::{ETH_HEADER, Frame, SuperframeKind};
use crate::queue::Queue;
use crate::reason::DropReason;
use crate::sink::Sink;
use crate::time::Time;
use crate::wire::ethernet::Ethernet;
use crate::wire::transport::Transport;

/// Frames that are shorter are not what fills a queue.
const BULK: usize = 512;

/// The queues that a worker reads from.
#[derive(Debug)]
pub(super) struct Queues {
    /// Indexed by `LocalPort`.
    ports: Vec<Queue>,
    underlay: Queue,
}

impl Queues {
    /// As many as there are ports, all empty.
    pub(super) fn new(ports: usize) -> Self {
        Self {
            ports: vec![Queue::default(); ports],
            underlay: Queue::default(),
        }
    }
}

impl Forwarder {
    /// A turn with a port is over: so many bytes were read, and then the port had no more, or the
    /// next one's turn had come.
    pub fn port_read(&mut self, now: Time, port: LocalPort, bytes: usize, emptied: bool) {
        if let Some(queue) = self.state.queues.ports.get_mut(port.index()) {
            queue.read(now, bytes, emptied);
        }
    }

    /// A turn with a socket of the underlay is over, in the same way.
    pub fn socket_read(&mut self, now: Time, bytes: usize, emptied: bool) {
        self.state.queues.underlay.read(now, bytes, emptied);
    }
}

impl State {
    /// The queue that a frame has come through.
    fn queue_of(&mut self, origin: Origin, is_edge: bool) -> Option<&mut Queue> {
        match origin {
            Origin::Port(port) if !is_edge => self.queues.ports.get_mut(port.index()),
            Origin::Port(_) | Origin::Peer(_) => Some(&mut self.queues.underlay),
        }
    }
}

impl<S: Sink> Pass<'_, S> {
    /// Drops the frame if the queue that it came through has become too long, and if that makes
    /// its sender slow down.
    pub(super) fn shorten(
        &mut self,
        sender: &Sender<'_>,
        header: &Ethernet,
        frame: Frame<'_>,
    ) -> Result<(), DropReason> {
        let is_edge = match sender.origin {
            Origin::Port(port) => self.tables.edge_behind(port).is_some(),
            Origin::Peer(_) => false,
        };
        let queue = self.state.queue_of(sender.origin, is_edge);
        match queue.filter(|queue| queue.is_long()) {
            Some(queue) if is_bulk(header, frame) => {
                queue.shortened(self.now);
                Err(DropReason::QueueLong)
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Whether the frame carries TCP data, and more than a few bytes.
fn is_bulk(header: &Ethernet, frame: Frame<'_>) -> bool {
    match frame.offload.superframe.map(|it| it.kind) {
        Some(SuperframeKind::Tcp4 | SuperframeKind::Tcp6) => true,
        Some(SuperframeKind::Udp) => false,
        None if frame.bytes.len() < BULK => false,
        None => {
            // Its tag, if it had one, is off, and the header has been read before that.
            let packet = frame.bytes.get(ETH_HEADER..).unwrap_or_default();
            let transport = Transport::parse(header.ethertype, packet);
            matches!(transport, Some((_, _, Transport::Tcp { .. })))
        }
    }
}
