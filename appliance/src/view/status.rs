//! `skerry status`: how the node is, and how far the fabric agrees.

use serde::{Deserialize, Serialize};

use super::View;
use super::table::{Table, dash};

/// How a node is.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Status {
    /// The node.
    pub node: String,
    /// The release it runs.
    pub version: String,
    /// Seconds since it started.
    pub uptime_s: u64,
    /// Where its WireGuard socket listens.
    pub listen: String,
    /// Worker threads.
    pub workers: usize,
    /// The generation it runs.
    pub generation: u64,
    /// Its site file's digest, in hexadecimal.
    pub digest: String,
    /// The largest IP packet of every port, in bytes.
    pub mtu: u16,
    /// Where that site file came from.
    pub origin: String,
    /// Site files refused since the start.
    pub policy_rejected: u64,
    /// Set while a generation waits for its confirmation.
    pub confirm: Option<Confirm>,
    /// Ports of this node, and how many of them are up.
    pub ports: usize,
    /// Ports that are up.
    pub ports_up: usize,
    /// What is not as it should be; empty when all is well.
    pub degraded: Vec<String>,
    /// Whether every node that answers runs the same policy, and every node answers.
    pub converged: bool,
    /// The other nodes.
    pub nodes: Vec<Policy>,
    /// Offloads in use.
    pub offloads: Offloads,
}

/// A generation that waits for its confirmation.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Confirm {
    /// Which one waits.
    pub generation: u64,
    /// What it falls back to.
    pub previous: u64,
    /// Seconds left.
    pub left_s: u64,
}

/// Whether a peer runs the policy that this node runs.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerState {
    /// The same digest.
    Converged,
    /// Another digest: a roll-out is under way, and only what both permit passes.
    Lagging,
    /// It does not answer.
    #[default]
    Silent,
    /// A stock Linux kernel, which has no policy.
    Stock,
}

impl PeerState {
    /// One word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::Lagging => "lagging",
            Self::Silent => "silent",
            Self::Stock => "stock",
        }
    }
}

/// The policy of another node, as it last said.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Policy {
    /// The node.
    pub node: String,
    /// How it compares.
    pub state: PeerState,
    /// Its own count of accepted site files.
    pub generation: Option<u64>,
    /// Its site file's digest.
    pub digest: Option<String>,
    /// Round trip, in microseconds.
    pub rtt_us: Option<u64>,
    /// The largest IP packet that the path to it carries, where that is less than the fabric's MTU.
    pub path_mtu: Option<u16>,
}

/// Which offloads are in use right now.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Offloads {
    /// Ports that superframes cross whole.
    pub tap_ports: usize,
    /// Those of them that superframes of UDP cross whole too.
    pub udp_ports: usize,
    /// Several datagrams a call on the way out.
    pub gso: bool,
    /// Several datagrams a call on the way in.
    pub gro: bool,
}

impl View for Status {
    const SCHEMA: &'static str = "skerry.status/1";

    fn text(&self) -> String {
        let on = |it| if it { "on" } else { "off" };
        let mut text = format!(
            "{} runs generation {} (digest {}, {}), up {} s, {} of {} ports up\n\
             listens on {}, {} worker(s), gso {}, gro {}, superframes on {} port(s), \
             of UDP too on {}\n",
            self.node,
            self.generation,
            short(&self.digest),
            self.origin,
            self.uptime_s,
            self.ports_up,
            self.ports,
            self.listen,
            self.workers,
            on(self.offloads.gso),
            on(self.offloads.gro),
            self.offloads.tap_ports,
            self.offloads.udp_ports,
        );
        if self.policy_rejected > 0 {
            text.push_str(&format!("{} site file(s) refused\n", self.policy_rejected));
        }
        if let Some(confirm) = &self.confirm {
            text.push_str(&format!(
                "generation {} waits for `skerry confirm`; back to {} in {} s\n",
                confirm.generation, confirm.previous, confirm.left_s
            ));
        }
        for reason in &self.degraded {
            text.push_str(&format!("degraded: {reason}\n"));
        }
        if !self.nodes.is_empty() {
            text.push('\n');
            text.push_str(&nodes(&self.nodes));
        }
        for node in &self.nodes {
            text.push_str(&narrow(node, self.mtu));
        }
        text
    }
}

/// What to do about a path that carries less than the fabric's MTU: traffic passes, with less in
/// each packet, so that is not counted as degraded.
fn narrow(node: &Policy, mtu: u16) -> String {
    let Some(carries) = node.path_mtu else {
        return String::new();
    };
    format!(
        "\nthe path to {} carries packets of {carries} bytes, the fabric's MTU is {mtu}: let the \
         underlay carry {} bytes more, or set `mtu = {carries}` under `[defaults]` in the site file\n",
        node.node,
        mtu.saturating_sub(carries),
    )
}

fn nodes(nodes: &[Policy]) -> String {
    let mut table = Table::new(["node", "policy", ">generation", "digest", ">rtt us"]);
    for node in nodes {
        table.row([
            node.node.clone(),
            node.state.as_str().to_owned(),
            dash(node.generation),
            dash(node.digest.as_deref().map(short)),
            dash(node.rtt_us),
        ]);
    }
    table.render()
}

/// Enough of a digest to tell two apart.
pub(super) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_path_is_told_with_two_ways_out() {
        let node = |name: &str, path_mtu| Policy {
            node: name.to_owned(),
            path_mtu,
            ..Policy::default()
        };
        let status = Status {
            mtu: 1390,
            nodes: vec![node("n2", Some(1170)), node("n3", None)],
            ..Status::default()
        };
        let text = status.text();
        let line = text.lines().last().unwrap();
        assert_eq!(
            line,
            "the path to n2 carries packets of 1170 bytes, the fabric's MTU is 1390: let the \
             underlay carry 220 bytes more, or set `mtu = 1170` under `[defaults]` in the site file"
        );
        assert_eq!(text.matches("the path to").count(), 1);
    }
}
