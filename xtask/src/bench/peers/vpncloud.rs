//! VpnCloud (Rust, one thread), from its crate.

use std::process::Command;

use anyhow::Result;

use super::{ADDRESSES, Ends, Peer, TAP};
use crate::bench::namespaces::Place;

pub(super) const AES: Peer = Peer {
    name: "VpnCloud, AES",
    note: "a TAP switch in Rust, one thread, one frame a system call; AES-128-GCM",
    commands: |ends| commands(ends, "aes128"),
};

pub(super) const CHACHA: Peer = Peer {
    name: "VpnCloud, ChaCha20",
    note: "the same with ChaCha20-Poly1305, the cipher of WireGuard",
    commands: |ends| commands(ends, "chacha20"),
};

fn commands(ends: &Ends<'_>, algorithm: &str) -> Result<[Command; 2]> {
    let [first, second] = ADDRESSES;
    // It looks for its own address by a way to the outside, and does not start without one.
    for (place, gateway) in [(Place::Tx, second), (Place::Rx, first)] {
        let words = format!("route add default via {gateway}");
        ends.namespaces.ip(place, &words)?;
    }
    let mut commands = ends.each(&ends.tools.join("vpncloud"));
    for (command, (own, other)) in commands.iter_mut().zip([(first, second), (second, first)]) {
        command.args(["--type", "tap", "--device", TAP, "--mode", "switch"]);
        command.args(["--no-port-forwarding", "--password", "bench"]);
        command.args(["--algorithm", algorithm]);
        command.args(["--listen", &format!("{own}:3210")]);
        command.args(["--peer", &format!("{other}:3210")]);
    }
    Ok(commands)
}
