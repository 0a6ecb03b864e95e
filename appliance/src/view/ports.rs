//! `skerry ports`: where guests attach to this node.

use serde::{Deserialize, Serialize};

use super::View;
use super::table::Table;

/// The ports of a node.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Ports {
    /// The node.
    pub node: String,
    /// In the order of the site file.
    pub ports: Vec<Port>,
}

/// One port.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Port {
    /// `n1/b-i1`.
    pub name: String,
    /// `blue.isolated`; for a trunk with tags.
    pub segment: String,
    /// `tap b-i1`, `nic eth1`, `veth eth0 in /run/netns/guest`, `edge e1`.
    pub attach: String,
    /// Whether frames can pass.
    pub up: bool,
    /// `tap`, `packet` or `datalink`; empty when it is not open.
    pub backend: String,
    /// Whether superframes cross it whole.
    pub superframes: bool,
    /// The worker that reads it, or the first that does.
    pub worker: usize,
    /// How many workers read it, each a part of its flows.
    pub queues: usize,
    /// Whether it is a gateway of its private VLANs.
    pub gateway: bool,
    /// MAC addresses bound by policy.
    pub macs: Vec<String>,
    /// IP addresses bound by policy.
    pub ips: Vec<String>,
}

impl View for Ports {
    const SCHEMA: &'static str = "skerry.ports/1";

    fn text(&self) -> String {
        let mut table = Table::new(["port", "segment", "attach", "link", "backend", "bound"]);
        for port in &self.ports {
            let bound: Vec<&str> = port
                .macs
                .iter()
                .chain(&port.ips)
                .map(String::as_str)
                .collect();
            table.row([
                port.name.clone(),
                port.segment.clone(),
                port.attach.clone(),
                if port.up { "up" } else { "down" }.to_owned(),
                port.backend.clone(),
                bound.join(" "),
            ]);
        }
        table.render()
    }
}
