//! Frames that continue each other, joined into superframes: the reverse of [`gso`](crate::gso).
//!
//! One look at a packet of 64 KiB, and one write of it, cost far less than forty-five of 1,400 bytes.
//! So what comes out of tunnels is held until the batch ends, TCP segments and UDP datagrams, and goes
//! its way joined. The frames of a bundle differ in nothing that any check looks at but their length,
//! and of that the longest counts, which is the first.
//! Nothing may be lost by it: cut again, a superframe is the very frames that went in, bytes, order
//! and all. Whatever would come back otherwise is not joined, a wrong checksum above all, which a
//! kernel that finishes the superframe would put right (datapath 7, and the kernel's own `gro.c`). The
//! one exception is a number that means nothing, in [`identity`].

mod bundle;
mod datagram;
mod identity;
mod joiner;
mod segment;

pub(crate) use joiner::Joiner;
pub use joiner::Joins;
