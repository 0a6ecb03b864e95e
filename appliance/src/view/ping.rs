//! `skerry ping`: one round trip through the tunnel.

use serde::{Deserialize, Serialize};

use super::View;

/// What came of a ping.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Ping {
    /// What was asked for: `n2` or `n2/b-i3`.
    pub target: String,
    /// The node that was asked.
    pub node: String,
    /// Round trip of the control protocol inside the tunnel, in microseconds; absent when nobody
    /// answered.
    pub rtt_us: Option<u64>,
    /// Whether the port is up, as far as this node can know; absent for a node.
    pub port_up: Option<bool>,
}

impl View for Ping {
    const SCHEMA: &'static str = "skerry.ping/1";

    fn text(&self) -> String {
        let port = match self.port_up {
            None => String::new(),
            Some(true) => format!(", port {} is up", self.target),
            Some(false) => format!(", port {} is down", self.target),
        };
        match self.rtt_us {
            Some(rtt) => format!("{} answers in {rtt} us{port}\n", self.node),
            None => format!("{} does not answer{port}\n", self.node),
        }
    }
}
