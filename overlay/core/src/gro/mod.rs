//! Frames that continue each other, joined into superframes: the reverse of [`gso`](crate::gso).
//!
//! A port takes one write of 64 KiB far sooner than forty-five of 1,400 bytes. So what comes out of
//! tunnels is held, TCP segment by TCP segment, until the batch ends, and handed to its port joined.
//! Nothing may be lost by it: cut again, a superframe is the very frames that went in, bytes, order
//! and all. Whatever would come back otherwise is not joined, a wrong checksum above all, which a
//! kernel that finishes the superframe would put right (datapath 7, and the kernel's own `gro.c`).

mod bundle;
mod joiner;
mod segment;

pub(crate) use joiner::{Joined, Joiner};
