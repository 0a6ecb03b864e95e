//! Sealed datagrams on their way to one peer, gathered for one send (UDP GSO).

use std::net::SocketAddr;

use crate::sink::{Sink, Transmit};
use crate::wire::ecn::Ecn;

/// Datagrams in one send: what every kernel with UDP GSO takes (`UDP_MAX_SEGMENTS` was 64).
const DATAGRAMS_MAX: usize = 64;

/// Bytes in one send: the longest UDP payload over IPv4. IPv6 would take 20 more.
pub(super) const BYTES_MAX: usize = 65_507;

/// boringtun may write a handshake initiation where a datagram was to go.
const HANDSHAKE_INIT: usize = 148;
const BUFFER: usize = BYTES_MAX + HANDSHAKE_INIT;

/// Buffers lent at once; a flood to more peers than this sends the batches that are open.
const BUFFERS_MAX: usize = 64;

/// The buffers that batches are gathered in: no more than are open at once, never returned to
/// the allocator.
#[derive(Default)]
pub(super) struct Pool {
    free: Vec<Box<[u8]>>,
    lent: usize,
}

impl Pool {
    /// Whether a batch can be opened now.
    pub(super) const fn has_room(&self) -> bool {
        self.lent < BUFFERS_MAX
    }

    fn take(&mut self) -> Box<[u8]> {
        self.lent += 1;
        self.free
            .pop()
            .unwrap_or_else(|| vec![0; BUFFER].into_boxed_slice())
    }

    fn give(&mut self, buffer: Box<[u8]>) {
        self.lent = self.lent.saturating_sub(1);
        self.free.push(buffer);
    }

    /// Corrects the count after lanes were dropped together with their batches.
    pub(super) const fn set_lent(&mut self, lent: usize) {
        self.lent = lent;
    }
}

/// The datagrams gathered for one peer, in the order they were sealed.
#[derive(Default)]
pub(super) struct Batch {
    /// Present while the batch is open, even when it is empty.
    buffer: Option<Box<[u8]>>,
    used: usize,
    /// Length of every datagram but the last.
    size: usize,
    count: usize,
    /// What each says of congestion: the kernel writes it once for all.
    ecn: Ecn,
}

impl Batch {
    pub(super) const fn is_open(&self) -> bool {
        self.buffer.is_some()
    }

    /// Whether a datagram of this length that says this may follow in the same send.
    pub(super) fn takes(&self, len: usize, ecn: Ecn) -> bool {
        self.count == 0
            || (len <= self.size
                && self.count < DATAGRAMS_MAX
                && self.used + len <= BYTES_MAX
                && self.ecn == ecn)
    }

    /// Where the next datagram is sealed: 148 bytes longer than [`BYTES_MAX`] allows.
    pub(super) fn room(&mut self, pool: &mut Pool) -> &mut [u8] {
        let buffer = self.buffer.get_or_insert_with(|| pool.take());
        buffer.get_mut(self.used..).unwrap_or_default()
    }

    /// Counts the datagram just written into [`Self::room`]. Returns whether the batch is
    /// complete: a shorter datagram is the last, so is the 64th.
    pub(super) const fn push(&mut self, len: usize, ecn: Ecn) -> bool {
        if self.count == 0 {
            self.size = len;
            self.ecn = ecn;
        }
        self.used += len;
        self.count += 1;
        len < self.size || self.count == DATAGRAMS_MAX
    }

    /// Sends what has been gathered; the batch stays open.
    pub(super) fn send(&mut self, to: Option<SocketAddr>, sink: &mut impl Sink) {
        let bytes = self.buffer.as_deref().and_then(|all| all.get(..self.used));
        if let (Some(to), Some(bytes @ [_, ..])) = (to, bytes) {
            sink.transmit(Transmit {
                to,
                bytes,
                size: self.size,
                ecn: self.ecn,
            });
        }
        self.used = 0;
        self.count = 0;
    }

    /// Gives the buffer back; whatever was not sent is lost.
    pub(super) fn close(&mut self, pool: &mut Pool) {
        if let Some(buffer) = self.buffer.take() {
            pool.give(buffer);
        }
        self.used = 0;
        self.count = 0;
    }
}
