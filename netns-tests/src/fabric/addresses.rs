//! What the nodes know: `skerry fdb`.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Fabric;
use crate::site::{self, Guards};
use crate::topology::{Node, Port};

/// How long a pinned address may take to reach every node.
const REPLICATION: Duration = Duration::from_secs(10);

/// One line of `skerry fdb --json`.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct FdbEntry {
    /// Private VLAN.
    pub pvlan: String,
    /// Address.
    pub mac: String,
    /// Segment it is in.
    pub segment: String,
    /// Port of this node, or another node.
    pub place: String,
    /// `dynamic`, `pinned`, `promiscuous`, `bound`.
    pub strength: String,
}

impl FdbEntry {
    /// Whether this is about a port's own address.
    pub fn is_of(&self, port: Port) -> bool {
        let segment = port.segment();
        let vlan = segment.split('.').next().unwrap_or_default();
        self.pvlan == vlan && self.mac == site::mac(port.mac())
    }
}

impl Fabric {
    /// The address table of a node: private VLAN and MAC to segment, place and strength.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub fn fdb(&self, node: Node) -> Result<Vec<FdbEntry>> {
        let mut facts = self.daemon(node).facts("fdb")?;
        Ok(serde_json::from_value(facts["entries"].take())?)
    }

    /// What a node knows about a port's address.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub fn known(&self, node: Node, port: Port) -> Result<Option<FdbEntry>> {
        Ok(self.fdb(node)?.into_iter().find(|entry| entry.is_of(port)))
    }

    /// Waits until pinned addresses are known on every node that hosts a port of their private
    /// VLAN (private VLAN part 3.3); where guards are off, only those who heard a frame know it.
    ///
    /// # Errors
    /// With what is still unknown, and where.
    pub fn await_bindings(&self) -> Result<()> {
        let deadline = Instant::now() + REPLICATION;
        if self.options.guards == Guards::Off {
            return Ok(());
        }
        loop {
            let mut unknown = Vec::new();
            for node in Node::ALL {
                let table = self.fdb(node)?;
                let hosts = |port: &Port| {
                    self.ports()
                        .any(|own| own.node() == node && own.vlan() == port.vlan())
                };
                let missing = self
                    .ports()
                    .filter(hosts)
                    .filter(|port| !table.iter().any(|entry| entry.is_of(*port)));
                unknown.extend(missing.map(|port| format!("{port} at {node}")));
            }
            if unknown.is_empty() {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "addresses stay unknown: {}",
                unknown.join(", ")
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
