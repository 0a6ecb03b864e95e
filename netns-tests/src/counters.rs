//! What the daemons count, read from `skerry counters --json`, and the equations it must satisfy.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::topology::{Node, Port};

/// Drops by reason.
pub type Drops = BTreeMap<String, u64>;

/// One port of one node.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct PortCounters {
    /// Its segment's name.
    #[serde(default)]
    pub segment: String,
    /// Frames the host sent.
    pub frames_in: u64,
    /// Frames with a receiver.
    pub delivered: u64,
    /// Frames answered for their target.
    pub answered: u64,
    /// Frames nobody was there to hear.
    pub no_receiver: u64,
    /// Frames dropped.
    pub ingress_drops: Drops,
    /// Copies due to the host.
    pub copies_out: u64,
    /// Copies handed over.
    pub sent: u64,
    /// Copies dropped.
    pub egress_drops: Drops,
    /// Frames that went from host to host through the gateway.
    #[serde(default)]
    pub hairpin_routed: u64,
    /// Frames that a peering let pass into another private VLAN.
    #[serde(default)]
    pub peering_pass: u64,
}

impl PortCounters {
    fn check(&self) -> Result<()> {
        let ingress: u64 = self.ingress_drops.values().sum();
        let accounted = self.delivered + self.answered + self.no_receiver + ingress;
        ensure!(
            self.frames_in == accounted,
            "{} frames in, {accounted} accounted for: {self:?}",
            self.frames_in
        );
        let egress: u64 = self.egress_drops.values().sum();
        ensure!(
            self.copies_out == self.sent + egress,
            "{} copies due, {} sent and {egress} dropped: {self:?}",
            self.copies_out,
            self.sent
        );
        Ok(())
    }
}

/// What one node counts about another.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct PeerCounters {
    /// VXLAN frames that came out of the tunnel.
    pub frames_in: u64,
    /// VXLAN frames sealed and sent.
    pub frames_out: u64,
    /// Frames refused on the way in.
    pub drops: Drops,
    /// Frames with a receiver here.
    pub delivered: u64,
    /// Frames nobody was here to hear.
    pub no_receiver: u64,
    /// Copies due to the peer.
    pub copies_out: u64,
    /// Copies dropped on the way out.
    pub egress_drops: Drops,
    /// Control messages that came out of the tunnel.
    pub control_in: u64,
    /// Control messages put into it.
    pub control_out: u64,
}

impl PeerCounters {
    fn check(&self) -> Result<()> {
        let accounted = self.delivered + self.no_receiver + self.drops.values().sum::<u64>();
        ensure!(
            self.frames_in == accounted,
            "{} frames in, {accounted} accounted for: {self:?}",
            self.frames_in
        );
        let accounted = self.frames_out + self.egress_drops.values().sum::<u64>();
        ensure!(
            self.copies_out == accounted,
            "{} copies due, {accounted} accounted for: {self:?}",
            self.copies_out
        );
        Ok(())
    }
}

/// One node at one instant; all zeros for a node that was not asked.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct NodeCounters {
    /// Count of accepted site files.
    pub generation: u64,
    /// Which site file.
    pub digest: String,
    /// By `n1/b-i1`.
    pub ports: BTreeMap<String, PortCounters>,
    /// By node name.
    pub peers: BTreeMap<String, PeerCounters>,
    /// Datagrams that belong to no peer.
    pub underlay_drops: Drops,
    /// Everything, as printed.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// All nodes, at nearly one instant, in the order of [`Node::ALL`].
#[derive(Clone, Debug)]
pub struct Snapshot(pub Vec<NodeCounters>);

impl Snapshot {
    /// One port's counters; zeros where its node does not list it.
    pub fn port(&self, port: Port) -> PortCounters {
        let node = self.0.get(port.node().index());
        node.and_then(|node| node.ports.get(&port.full_name()))
            .cloned()
            .unwrap_or_default()
    }

    /// What `of` counts about `about`.
    pub fn peer(&self, of: Node, about: Node) -> PeerCounters {
        let node = self.0.get(of.index());
        node.and_then(|node| node.peers.get(&about.name()))
            .cloned()
            .unwrap_or_default()
    }

    /// Both conservation equations at every port and every peer of every node.
    ///
    /// # Errors
    /// With the first port whose frames do not add up.
    pub fn check(&self) -> Result<()> {
        for node in &self.0 {
            for (name, port) in &node.ports {
                port.check()
                    .with_context(|| format!("{name} does not add up"))?;
            }
            for (name, peer) in &node.peers {
                peer.check()
                    .with_context(|| format!("peer {name} does not add up"))?;
            }
        }
        Ok(())
    }
}

/// Drops that were policy's decision: all but those of a queue that was full, or long.
fn decided(drops: &Drops) -> u64 {
    let of_queue = |reason: &str| matches!(reason, "egress_full" | "queue_long");
    let reasons = drops.iter().filter(|(reason, _)| !of_queue(reason));
    reasons.map(|(_, count)| count).sum()
}

/// What happened between two snapshots.
#[derive(Clone, Debug)]
pub struct Change {
    /// The earlier one.
    pub before: Snapshot,
    /// The later one.
    pub after: Snapshot,
}

impl Change {
    /// Growth of a figure of a port.
    pub fn port(&self, port: Port, figure: impl Fn(&PortCounters) -> u64) -> u64 {
        figure(&self.after.port(port)).saturating_sub(figure(&self.before.port(port)))
    }

    /// Growth of a drop reason at a port's ingress.
    pub fn ingress(&self, port: Port, reason: &str) -> u64 {
        self.port(port, |counters| {
            counters.ingress_drops.get(reason).copied().unwrap_or(0)
        })
    }

    /// Growth of all drops at a port, both ways, but for those of a full queue.
    pub fn dropped(&self, port: Port) -> u64 {
        let both = |counters: &PortCounters| {
            let ways = [&counters.ingress_drops, &counters.egress_drops];
            ways.into_iter().map(decided).sum()
        };
        self.port(port, both)
    }

    /// Growth of all drops in the tunnel from one node to another, at both ends, but for those of a
    /// full queue.
    pub fn dropped_between(&self, from: Node, to: Node) -> u64 {
        let both = |snapshot: &Snapshot| -> u64 {
            let (near, far) = (snapshot.peer(from, to), snapshot.peer(to, from));
            decided(&near.egress_drops) + decided(&far.drops)
        };
        both(&self.after).saturating_sub(both(&self.before))
    }

    /// Every drop that grew at a port's ingress.
    pub fn ingress_drops(&self, port: Port) -> Drops {
        let reasons = self.after.port(port).ingress_drops.into_keys();
        let grown = reasons.map(|reason| (reason.clone(), self.ingress(port, &reason)));
        grown.filter(|(_, count)| *count > 0).collect()
    }

    /// Frames that a node sealed for another.
    pub fn tunnelled(&self, from: Node, to: Node) -> u64 {
        let out = |snapshot: &Snapshot| snapshot.peer(from, to).frames_out;
        out(&self.after).saturating_sub(out(&self.before))
    }

    /// Frames that a node unsealed from another.
    pub fn untunnelled(&self, at: Node, from: Node) -> u64 {
        let frames = |snapshot: &Snapshot| snapshot.peer(at, from).frames_in;
        frames(&self.after).saturating_sub(frames(&self.before))
    }

    /// Whether every frame that a node put into a tunnel came out at the other end, where both
    /// ends were asked.
    pub fn tunnels_are_empty(&self) -> bool {
        let asked = |node: &Node| !self.after.0[node.index()].digest.is_empty();
        let nodes = || Node::ALL.into_iter().filter(asked);
        let pairs = nodes().flat_map(|a| nodes().map(move |b| (a, b)));
        pairs
            .filter(|(a, b)| a != b)
            .all(|(a, b)| self.tunnelled(a, b) == self.untunnelled(b, a))
    }

    /// Refuses any drop at a port's ingress but these, with these numbers.
    ///
    /// # Errors
    /// With what the port dropped instead.
    pub fn expect_ingress(&self, port: Port, expected: &[(&str, u64)]) -> Result<()> {
        let expected: Drops = expected
            .iter()
            .map(|(reason, count)| ((*reason).to_owned(), *count))
            .collect();
        let got = self.ingress_drops(port);
        ensure!(got == expected, "{port} dropped {got:?}, not {expected:?}");
        Ok(())
    }
}
