//! Ports, netlink and workers on a real kernel. Needs root; `cargo xtask test` runs it.
//!
//! Every test lives in a thread with a network and a mount namespace of its own: whatever it made
//! goes with the thread, also when it fails.

mod dataplane;
mod devices;
mod faults;
mod pump;
mod world;
