//! What fuzzing runs: one function per target, that takes bytes and panics when something does
//! not hold. Each says what holds beyond "it does not panic".
//!
//! The programs around them, and the inputs worth keeping, are in `overlay/fuzz`. A target of
//! this crate is a function here, a line in `TARGETS`, a program of two lines and its entry in
//! `overlay/fuzz/Cargo.toml`, and a line in `xtask/src/fuzz/target.rs`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "to panic is what a target is for"
)]

mod fdb;
mod forwarder;
mod gro;
mod gso;
mod packets;
pub(crate) mod script;
pub(crate) mod site;
mod wireguard;

pub use crate::control::fuzz::control;
pub use fdb::fdb;
pub use forwarder::forwarder;
pub use gro::gro;
#[cfg(test)]
pub(crate) use gro::stream_of;
pub use gso::gso;
pub use packets::{arp, carrier, ethernet, ip, nd};
pub use wireguard::wireguard;

#[cfg(test)]
mod tests {
    type Target = (&'static str, fn(&[u8]));

    const TARGETS: [Target; 11] = [
        ("arp", super::arp),
        ("carrier", super::carrier),
        ("control", super::control),
        ("ethernet", super::ethernet),
        ("fdb", super::fdb),
        ("forwarder", super::forwarder),
        ("gro", super::gro),
        ("gso", super::gso),
        ("ip", super::ip),
        ("nd", super::nd),
        ("wireguard", super::wireguard),
    ];

    #[test]
    fn every_input_that_was_kept_still_holds() {
        for (name, body) in TARGETS {
            skerry_fuzz::replay(name, body);
        }
    }
}
