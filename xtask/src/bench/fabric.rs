//! What a variant has built, ready to be measured.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::bench::INNER_MTU;
use crate::bench::namespaces::{Namespaces, Place};
use crate::bench::process::Process;

/// The receiving host's address.
pub(super) const RECEIVER: &str = "10.1.0.2";

/// A connection between the two hosts. Dropped, its programs end.
#[derive(Debug)]
pub(super) struct Fabric {
    /// The programs that carry the frames, if any do: the sending end's, the receiving end's.
    pub(super) ends: Option<(Process, Process)>,
    /// Keys, logs, sockets.
    pub(super) folder: Folder,
}

/// A folder of one run. Dropped, it is removed.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn make() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("skerry-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on it being gone.
        let _left = std::fs::remove_dir_all(&self.0);
    }
}

/// Gives both hosts' interfaces their addresses, and sets them up.
pub(super) fn address_hosts(namespaces: &Namespaces) -> Result<()> {
    for (place, address) in [
        (Place::Sender, "10.1.0.1/24"),
        (Place::Receiver, "10.1.0.2/24"),
    ] {
        namespaces.ip(place, &format!("addr add {address} dev eth0"))?;
        namespaces.ip(place, "link set eth0 up")?;
    }
    Ok(())
}

/// Connects both hosts to a bridge on their nodes, and the bridges to `uplinks`.
pub(super) fn bridge_hosts(namespaces: &Namespaces, uplinks: [&str; 2]) -> Result<()> {
    let ends = [(Place::Tx, Place::Sender), (Place::Rx, Place::Receiver)];
    for ((node, host), uplink) in ends.into_iter().zip(uplinks) {
        let far = namespaces.name(host);
        for words in [
            format!(
                "link add port mtu {INNER_MTU} type veth peer name eth0 mtu {INNER_MTU} netns {far}"
            ),
            "link add br0 type bridge".to_owned(),
            "link set port master br0".to_owned(),
            format!("link set {uplink} master br0"),
            "link set port up".to_owned(),
            format!("link set {uplink} up"),
            "link set br0 up".to_owned(),
        ] {
            namespaces.ip(node, &words)?;
        }
    }
    address_hosts(namespaces)
}
