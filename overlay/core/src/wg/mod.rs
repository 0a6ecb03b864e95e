//! WireGuard: one lane (tunnel) per peer and worker.
//!
//! Handshake, sessions and the cipher are boringtun's. This module is the strict wrapper around
//! it: what must hold before boringtun sees a byte, and what boringtun leaves to its caller.
//!
//! - The buffer that a datagram is opened into is at least as long as the datagram, by type;
//!   boringtun panics otherwise, before authentication.
//! - An empty datagram means "send what is queued" to boringtun, so none from outside gets there.
//! - No counter from 2^64 - 2^13 - 1 on is sealed or opened (Reject-After-Messages of the
//!   WireGuard paper, section 5.4): boringtun would overflow its replay window.
//! - Handshakes pass a bucket per source and a cookie gate before any Diffie-Hellman is done.
//! - The endpoint moves only after something authentic, never on a cookie.
//! - A peer's lane is a lane of the node that policy names by its key: the lanes of other workers
//!   than the first are bound to that key by a pre-shared one (`keys`), and go when it goes.
//! - A tunnel that boringtun has given up is tried again for as long as the policy lists it.
//!
//! boringtun reads the clock itself (its timers, TAI64N); everything here goes by `now`.

mod batch;
mod datagram;
mod far;
mod index;
mod keys;
mod lane;
mod lanes;
mod limiter;
mod retry;
mod scratch;
#[cfg(test)]
pub(crate) mod testing;

pub use far::Told;
pub use keys::{LANES, lane_public};
pub use lanes::{LaneStatus, Lanes, Opened};
pub use scratch::Scratch;

/// What WireGuard adds to an inner packet: type, receiver, counter (16) and tag (16).
pub const OVERHEAD: usize = 32;

/// The length that an inner packet of `len` bytes is padded to before it is sealed: a multiple
/// of 16 (WireGuard paper, section 5.4.6), which boringtun leaves to its caller.
pub const fn padded_len(len: usize) -> usize {
    len.next_multiple_of(16)
}

/// The first message counter that must not be used any more: 2^64 - 2^13 - 1.
const REJECT_AFTER_MESSAGES: u64 = u64::MAX - (1 << 13);
