//! Superframes and unfinished checksums: arithmetic on byte slices, no I/O, no allocation.
//!
//! A guest's kernel hands over TCP and UDP in superframes of up to 64 KiB (TSO, USO) and leaves
//! checksums half done. [`Segments`] is the only way from such a [`Frame`](crate::Frame) to
//! finished frames. It trusts no offset it is given: a guest can write any offload header, and a
//! checksum "completed" over a byte that a guard has read would undo the guard. So what the
//! header says must agree with what the bytes say, and it has to be asked before any guard runs.

mod checksum;
mod cut;
mod fault;
mod network;
mod sctp;
mod segments;

pub(crate) use checksum::Sum;
pub use checksum::complete_checksum;
pub(crate) use cut::TCP_SIZE_MIN;
pub use fault::GsoFault;
pub(crate) use network::{Network, TCP, UDP, Version, word};
pub use sctp::finish_sctp;
pub use segments::Segments;
