//! The datapath as a machine without I/O: frames, datagrams and `now` in, effects out.
//!
//! One [`Forwarder`] per worker decides where a frame goes; nothing else in Skerry does.
//! No sockets, no clock, no threads, no unsafe.

#![forbid(unsafe_code)]

mod bucket;
mod claim;
mod control;
mod counters;
mod fdb;
mod forwarder;
mod frame;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod gro;
mod gso;
mod queue;
mod reason;
mod sink;
mod time;
mod wg;
mod wire;

pub use claim::{Change, Claim, Place, Strength};
pub use control::{CONTROL_PORT, Ignored, LaneOffer, MESSAGE_MAX, Mesh, Output, PeerStatus};
pub use counters::{Counters, PeerCounters, PortCounters};
pub use fdb::FdbEntry;
pub use forwarder::{Forwarder, Setup};
pub use frame::{
    Checksum, ETH_HEADER, FRAME_MAX, Frame, Offload, Superframe, SuperframeKind, Weight,
};
pub use gro::Joins;
pub use gso::{GsoFault, Segments, complete_checksum, finish_sctp};
pub use reason::{DropReason, Drops, REASONS};
pub use sink::{Onward, Refused, Sink, Transmit};
pub use time::Time;
pub use wg::{LANES, LaneStatus, Lanes, OVERHEAD, Opened, Scratch, Told, lane_public, padded_len};
pub use wire::ecn::Ecn;
pub use wire::signalling::is_signalling;
