//! Encrypted layer-2 overlays of others, each with a TAP on both nodes that is bridged to the host,
//! set up as its manual says and otherwise left as it comes.

mod openvpn;
mod tinc;
mod vpncloud;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::bench::fabric::{Folder, bridge_hosts};
use crate::bench::namespaces::{Namespaces, Place};
use crate::bench::process::Process;

/// What every one of them calls its TAP.
const TAP: &str = "tap0";

/// How long it may take to make it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the nodes reach each other.
const ADDRESSES: [&str; 2] = ["192.0.2.1", "192.0.2.2"];

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) name: &'static str,
    /// What it was told, and what it seals with.
    pub(super) note: &'static str,
    /// The programs of the sending and of the receiving end.
    commands: fn(&Ends<'_>) -> Result<[Command; 2]>,
}

/// What a peer is started in.
#[derive(Debug)]
struct Ends<'a> {
    namespaces: &'a Namespaces,
    folder: &'a Path,
    tools: &'a Path,
}

/// All of them.
pub(super) const PEERS: [Peer; 4] = [vpncloud::AES, vpncloud::CHACHA, openvpn::PEER, tinc::PEER];

impl Ends<'_> {
    /// A program for each end.
    fn each(&self, program: &Path) -> [Command; 2] {
        [Place::Tx, Place::Rx].map(|place| self.namespaces.command(place, program))
    }
}

/// Starts both ends, and bridges their TAPs to the hosts.
pub(super) fn start(
    namespaces: &Namespaces,
    folder: &Folder,
    peer: Peer,
    root: &Path,
) -> Result<(Process, Process)> {
    let ends = Ends {
        namespaces,
        folder: folder.path(),
        tools: &root.join("target/tools/bin"),
    };
    let [mut tx, mut rx] = (peer.commands)(&ends)?;
    let tx = Process::start(&mut tx, &folder.path().join("n1.log"))?;
    let rx = Process::start(&mut rx, &folder.path().join("n2.log"))?;
    let deadline = Instant::now() + PATIENCE;
    for place in [Place::Tx, Place::Rx] {
        while namespaces
            .ip(place, &format!("link show dev {TAP}"))
            .is_err()
        {
            if Instant::now() > deadline {
                let log = std::fs::read_to_string(folder.path().join("n1.log"));
                bail!("{} makes no TAP: {}", peer.name, log.unwrap_or_default());
            }
            sleep(Duration::from_millis(50));
        }
    }
    bridge_hosts(namespaces, [TAP; 2])?;
    Ok((tx, rx))
}

/// Where a file of one end is kept.
fn file(ends: &Ends<'_>, end: usize, name: &str) -> PathBuf {
    ends.folder.join(format!("n{}-{name}", end + 1))
}
