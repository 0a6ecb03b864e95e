//! The conformance matrix against the real binary, in network namespaces. Needs root.
//!
//! `cargo test -p skerry-netns-tests --features root --test conformance -- A01 D01` runs the rows
//! whose names start so. `SKERRY_BIN` names another binary than the one built beside this suite.

mod bench;
mod conflict;
mod congestion;
mod control_traffic;
mod endure;
mod exchange;
mod fuzz;
mod hairpin;
mod harness;
mod header;
mod hidden;
mod inject;
mod learn;
mod loop_;
mod malformed;
mod mtu;
mod multicast;
mod network;
mod rate;
mod reach;
mod reload;
mod source;
mod spoof;
mod stage;
mod stock;
mod storm;
mod trunk;

fn main() -> std::process::ExitCode {
    bench::main()
}
