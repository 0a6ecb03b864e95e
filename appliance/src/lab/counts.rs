//! The daemons' own counters, as `skerry counters --json` prints them: what was dropped and why,
//! whether the books balance, and when the fabric has come to rest.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::control_socket::Command;
use crate::lab::node::Node;
use crate::lab::story::Story;
use crate::lab::wait::{self, Interrupt};

/// Counts by drop reason.
pub(super) type Drops = BTreeMap<String, u64>;

/// One node's counters.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub(super) struct NodeCounts {
    pub(super) node: String,
    pub(super) generation: u64,
    pub(super) digest: String,
    pub(super) ports: BTreeMap<String, PortCounts>,
    pub(super) peers: BTreeMap<String, PeerCounts>,
}

/// One port's counters.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub(super) struct PortCounts {
    pub(super) frames_in: u64,
    #[serde(default)]
    pub(super) bytes_in: u64,
    pub(super) delivered: u64,
    pub(super) answered: u64,
    pub(super) no_receiver: u64,
    pub(super) ingress_drops: Drops,
    pub(super) copies_out: u64,
    pub(super) sent: u64,
    #[serde(default)]
    pub(super) bytes_out: u64,
    pub(super) egress_drops: Drops,
}

/// One peer's counters.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub(super) struct PeerCounts {
    pub(super) frames_in: u64,
    pub(super) frames_out: u64,
    pub(super) drops: Drops,
    #[serde(default)]
    pub(super) rtt_us: Option<u64>,
}

/// The counters of every node, taken one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counts(pub(super) Vec<NodeCounts>);

impl Counts {
    /// Asks every node.
    pub(super) fn read(nodes: &mut [Node]) -> Result<Self> {
        nodes.iter_mut().map(read_node).collect::<Result<_>>().map(Self)
    }

    /// Every port of the fabric with its name.
    pub(super) fn ports(&self) -> impl Iterator<Item = (&str, &PortCounts)> {
        self.0.iter().flat_map(|node| &node.ports).map(|(name, port)| (name.as_str(), port))
    }

    /// The port of this name.
    pub(super) fn port(&self, name: &str) -> Option<&PortCounts> {
        self.0.iter().find_map(|node| node.ports.get(name))
    }

    /// What a port has dropped on the way in since `before`, by reason.
    pub(super) fn dropped_since(&self, before: &Self, port: &str) -> Drops {
        let now = self.port(port).map(|port| &port.ingress_drops);
        let then = before.port(port).map(|port| &port.ingress_drops);
        let mut drops = now.cloned().unwrap_or_default();
        for (reason, count) in then.into_iter().flatten() {
            if let Some(mine) = drops.get_mut(reason) {
                *mine = mine.saturating_sub(*count);
            }
        }
        drops.retain(|_, count| *count > 0);
        drops
    }

    /// Frames that ports have taken in, those of one node or of all.
    pub(super) fn frames(&self, node: &str) -> u64 {
        let node = self.0.iter().find(|counts| counts.node == node);
        node.into_iter().flat_map(|node| node.ports.values()).map(|p| p.frames_in + p.sent).sum()
    }

    /// Whether everything that one node sent to another has arrived there.
    fn tunnels_empty(&self) -> bool {
        self.0.iter().all(|node| {
            node.peers.iter().all(|(peer, sent)| {
                let other = self.0.iter().find(|other| other.node == *peer);
                let back = other.and_then(|other| other.peers.get(&node.node));
                back.is_none_or(|back| sent.frames_out == back.frames_in)
            })
        })
    }
}

fn read_node(node: &mut Node) -> Result<NodeCounts> {
    let facts = node.ask(Command::Counters)?;
    serde_json::from_value(facts)
        .with_context(|| format!("the counters of {} have an unknown shape", node.plan().name))
}

/// How many frames each port must have taken in before the fabric can be at rest.
pub(super) type Sent = BTreeMap<String, u64>;

/// How long books that do not close may stay unchanged before that is taken as the answer.
const STUBBORN: Duration = Duration::from_millis(500);
const LIMIT: Duration = Duration::from_secs(20);

/// Waits until every frame of `sent` has been taken in since `before`, every tunnel is empty, and
/// nothing changes any more. A fabric that lost frames in a tunnel also comes to rest: later.
pub(super) fn at_rest(
    story: &mut Story,
    interrupt: &Interrupt,
    nodes: &mut [Node],
    before: &Counts,
    sent: &Sent,
) -> Result<Counts> {
    let mut last = Counts::default();
    let mut since = Instant::now();
    wait::until(story, interrupt, "waiting for the fabric to come to rest", LIMIT, || {
        let now = Counts::read(nodes)?;
        if now != last {
            last = now;
            since = Instant::now();
            return Ok(None);
        }
        let closed = taken_in(&last, before, sent) && last.tunnels_empty();
        Ok((closed || since.elapsed() >= STUBBORN).then(|| last.clone()))
    })
}

fn taken_in(now: &Counts, before: &Counts, sent: &Sent) -> bool {
    sent.iter().all(|(port, &count)| {
        let frames = |counts: &Counts| counts.port(port).map_or(0, |port| port.frames_in);
        frames(now) >= frames(before) + count
    })
}

/// A conservation equation that does not hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Imbalance {
    /// The port.
    pub(super) port: String,
    /// `frames_in` or `copies_out`.
    pub(super) equation: &'static str,
    /// The left side.
    pub(super) total: u64,
    /// The sum of the right side.
    pub(super) sum: u64,
}

/// Both equations of every port: `frames_in = delivered + answered + no_receiver +
/// sum(ingress_drops)` and `copies_out = sent + sum(egress_drops)`.
pub(super) fn imbalances(counts: &Counts) -> Vec<Imbalance> {
    counts.ports().flat_map(|(name, port)| port_imbalances(name, port)).collect()
}

fn port_imbalances(name: &str, port: &PortCounts) -> impl Iterator<Item = Imbalance> {
    let outcomes = port.delivered + port.answered + port.no_receiver;
    let ingress = outcomes + port.ingress_drops.values().sum::<u64>();
    let egress = port.sent + port.egress_drops.values().sum::<u64>();
    let equations = [
        ("frames_in", port.frames_in, ingress),
        ("copies_out", port.copies_out, egress),
    ];
    let name = name.to_owned();
    equations
        .into_iter()
        .filter(|(_, total, sum)| total != sum)
        .map(move |(equation, total, sum)| Imbalance {
            port: name.clone(),
            equation,
            total,
            sum,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shape that the product page promises.
    const DOCUMENT: &str = r#"{"node":"n1","generation":7,"digest":"3f9c",
        "ports":{"n1/b-i1":{"segment":"blue.isolated","frames_in":9,"bytes_in":900,"delivered":5,
          "answered":1,"no_receiver":0,"ingress_drops":{"pvlan_deny":3},"copies_out":4,"sent":4,
          "bytes_out":400,"egress_drops":{}}},
        "peers":{"n2":{"frames_in":4,"bytes_in":400,"frames_out":5,"bytes_out":500,
          "drops":{"vni_denied":0},"last_handshake_s":3,"rtt_us":210}}}"#;

    fn counts() -> Counts {
        Counts(vec![serde_json::from_str(DOCUMENT).expect("the promised shape")])
    }

    #[test]
    fn the_promised_document_balances() {
        assert_eq!(imbalances(&counts()), []);
    }

    #[test]
    fn a_frame_too_many_on_either_side_is_found() {
        for (equation, spoil) in [
            ("frames_in", (|p| p.delivered += 1) as fn(&mut PortCounts)),
            ("copies_out", |p| p.copies_out += 1),
        ] {
            let mut counts = counts();
            spoil(counts.0[0].ports.get_mut("n1/b-i1").expect("the port"));
            let found: Vec<_> = imbalances(&counts).iter().map(|i| i.equation).collect();
            assert_eq!(found, [equation]);
        }
    }

    #[test]
    fn only_new_drops_are_told() {
        let before = counts();
        let mut after = before.clone();
        let port = after.0[0].ports.get_mut("n1/b-i1").expect("the port");
        port.ingress_drops.insert("mac_spoof".to_owned(), 1);
        let drops = after.dropped_since(&before, "n1/b-i1");
        assert_eq!(drops, Drops::from([("mac_spoof".to_owned(), 1)]));
    }

    #[test]
    fn a_tunnel_is_empty_when_both_ends_agree() {
        let node = |name: &str, peer: &str, sent, received| NodeCounts {
            node: name.to_owned(),
            peers: BTreeMap::from([(
                peer.to_owned(),
                PeerCounts {
                    frames_in: received,
                    frames_out: sent,
                    ..PeerCounts::default()
                },
            )]),
            ..NodeCounts::default()
        };
        let check = |received, expect| {
            let counts = Counts(vec![node("n1", "n2", 5, 3), node("n2", "n1", 3, received)]);
            assert_eq!(counts.tunnels_empty(), expect, "{received} of 5 arrived");
        };
        check(5, true);
        check(4, false);
    }
}
