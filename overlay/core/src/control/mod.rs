//! The protocol between nodes, inside their tunnels.
//!
//! UDP from overlay address to overlay address, so that a message's sender is the WireGuard key
//! that sealed it. Five messages, each at most [`MESSAGE_MAX`] bytes but for a probe:
//!
//! - `Hello`, once a second: which policy a node runs, and what the round-trip time needs.
//! - `Bindings`, while both ends run the same policy: MAC addresses pinned or learned on the
//!   sender's own guarded ports. Changes go out at once; every five seconds the whole list is
//!   told again, in pages that each cover a range of keys, so that whatever was lost, doubled or
//!   reordered is right again once a page arrives.
//! - `Offers`, after every Hello of a node that has lanes besides the first: their keys and ports.
//!   What it tells is where to look for the peer, not who it is (see `wg/keys.rs`).
//! - `Probe`, twice a second: whether a datagram of so many bytes arrives, which is how long it is.
//! - `Answer`: it did.
//!
//! Absent on purpose: membership and addresses (the site file has them), bindings of unguarded
//! ports (they may move, so a peer's word must not hold them in place), anything about private
//! VLANs that the receiver has no port in, and trust: what a peer says about a segment that
//! policy does not let it send is not looked at.

mod binding;
mod codec;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod hello;
mod mesh;
mod message;
mod neighbour;
mod offers;
mod own;
mod page;
mod path;
mod probe;

pub use mesh::{Ignored, Mesh, Output, PeerStatus};
pub(crate) use message::{is_probe, is_short_enough};
pub use offers::LaneOffer;

/// UDP port of control messages, overlay address to overlay address.
pub const CONTROL_PORT: u16 = 4790;

/// The longest message that is read, but for a probe. A node says no longer one than fits the
/// smallest tunnel (IPv6's least MTU less all headers).
pub const MESSAGE_MAX: usize = 1_200;
