//! Ports, netlink and workers on a real kernel. Needs root; `cargo xtask test` runs it.
//!
//! Every test lives in a thread with a network and a mount namespace of its own: whatever it made
//! goes with the thread, also when it fails.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "the whole crate is a test, which fails by panicking and cares for one event of many"
)]

mod datagrams;
mod dataplane;
mod devices;
mod ecn;
mod faults;
mod lanes;
mod policy;
mod pump;
mod queues;
mod turns;
mod untold;
mod world;
