//! The daemons' own counters: what was dropped and why, whether the books balance, and when the
//! fabric has come to rest.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::control_socket::Command;
use crate::lab::node::Node;
use crate::lab::story::Story;
use crate::lab::wait::{self, Interrupt};
use crate::view::{Counters, Drops, PortCounters};

/// The counters of every node, taken one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts(pub(super) Vec<Counters>);

impl Counts {
    /// Asks every node.
    pub(super) fn read(nodes: &mut [Node]) -> Result<Self> {
        nodes
            .iter_mut()
            .map(|node| node.ask(Command::Counters))
            .collect::<Result<_>>()
            .map(Self)
    }

    /// Every port of the fabric with its name.
    pub(super) fn ports(&self) -> impl Iterator<Item = (&str, &PortCounters)> {
        self.0
            .iter()
            .flat_map(|node| &node.ports)
            .map(|(name, port)| (name.as_str(), port))
    }

    /// The port of this name.
    pub(super) fn port(&self, name: &str) -> Option<&PortCounters> {
        self.0.iter().find_map(|node| node.ports.get(name))
    }

    /// What a port has dropped on the way in since `before`.
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

    /// Frames that the ports of a node have taken in and given out.
    pub(super) fn frames(&self, node: &str) -> u64 {
        let ports = self
            .node(node)
            .into_iter()
            .flat_map(|node| node.ports.values());
        ports.map(|port| port.frames_in + port.sent).sum()
    }

    /// Whether everything that `from` had sent to `to` has arrived there.
    pub(super) fn arrived(&self, from: &str, to: &str) -> bool {
        let sent = self.node(from).and_then(|node| node.peers.get(to));
        let received = self.node(to).and_then(|node| node.peers.get(from));
        sent.map_or(0, |peer| peer.frames_out) <= received.map_or(0, |peer| peer.frames_in)
    }

    /// The node of this name.
    pub(super) fn node(&self, name: &str) -> Option<&Counters> {
        self.0.iter().find(|node| node.node == name)
    }

    /// Whether everything that was sent into a tunnel has arrived at its other end.
    fn tunnels_empty(&self) -> bool {
        let tunnels = self
            .0
            .iter()
            .flat_map(|node| node.peers.keys().map(|peer| (&node.node, peer)));
        tunnels.into_iter().all(|(from, to)| self.arrived(from, to))
    }

    /// Whether no frame has moved between the two readings.
    fn same_frames(&self, other: &Self) -> bool {
        let ports = |counts: &Self| {
            counts
                .0
                .iter()
                .map(|node| node.ports.clone())
                .collect::<Vec<_>>()
        };
        let peers = |counts: &Self| {
            let peers = counts.0.iter().flat_map(|node| node.peers.values());
            peers
                .map(|peer| (peer.frames_in, peer.frames_out))
                .collect::<Vec<_>>()
        };
        ports(self) == ports(other) && peers(self) == peers(other)
    }
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
    wait::until(
        story,
        interrupt,
        "waiting for the fabric to come to rest",
        LIMIT,
        || {
            let now = Counts::read(nodes)?;
            let moved = !now.same_frames(&last);
            last = now;
            if moved {
                since = Instant::now();
                return Ok(None);
            }
            let closed = taken_in(&last, before, sent) && last.tunnels_empty();
            Ok((closed || since.elapsed() >= STUBBORN).then(|| last.clone()))
        },
    )
}

fn taken_in(now: &Counts, before: &Counts, sent: &Sent) -> bool {
    sent.iter().all(|(port, &count)| {
        let frames = |counts: &Counts| counts.port(port).map_or(0, |port| port.frames_in);
        frames(now) >= frames(before) + count
    })
}

/// The books of the whole fabric.
#[derive(Debug, Serialize)]
pub(super) struct Conservation {
    /// Ports looked at: two equations each.
    pub(super) ports: usize,
    /// Tunnel ends looked at: two equations each.
    pub(super) tunnels: usize,
    /// Those where an equation does not hold.
    pub(super) unbalanced: Vec<String>,
    /// Everything that was dropped since the start.
    pub(super) drops: Vec<PortDrops>,
}

/// What one port has dropped.
#[derive(Debug, Serialize)]
pub(super) struct PortDrops {
    pub(super) port: String,
    pub(super) segment: String,
    /// Of frames that the host sent.
    pub(super) ingress: Drops,
    /// Of copies that were due to the host.
    pub(super) egress: Drops,
}

impl Conservation {
    /// Both equations of every port and tunnel end: every frame has exactly one outcome.
    pub(super) fn of(counts: &Counts) -> Self {
        let tunnels = || {
            let nodes = counts.0.iter();
            nodes.flat_map(|node| {
                node.peers
                    .iter()
                    .map(|(peer, c)| (format!("{}-{peer}", node.node), c))
            })
        };
        let ports = counts.ports().filter(|(_, port)| !port.balanced());
        let peers = tunnels().filter(|(_, peer)| !peer.balanced());
        Self {
            ports: counts.ports().count(),
            tunnels: tunnels().count(),
            unbalanced: ports
                .map(|(name, _)| name.to_owned())
                .chain(peers.map(|(name, _)| name))
                .collect(),
            drops: counts
                .ports()
                .filter_map(|(name, port)| PortDrops::of(name, port))
                .collect(),
        }
    }

    /// Whether every equation holds.
    pub(super) const fn holds(&self) -> bool {
        self.ports > 0 && self.unbalanced.is_empty()
    }
}

impl PortDrops {
    fn of(name: &str, port: &PortCounters) -> Option<Self> {
        let quiet = port.ingress_drops.is_empty() && port.egress_drops.is_empty();
        (!quiet).then(|| Self {
            port: name.to_owned(),
            segment: port.segment.clone(),
            ingress: port.ingress_drops.clone(),
            egress: port.egress_drops.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::PeerCounters;

    fn counts() -> Counts {
        let port = PortCounters {
            frames_in: 9,
            delivered: 5,
            answered: 1,
            ingress_drops: Drops::from([("pvlan_deny".to_owned(), 3)]),
            copies_out: 4,
            sent: 4,
            ..PortCounters::default()
        };
        Counts(vec![Counters {
            node: "n1".to_owned(),
            ports: [("n1/b-i1".to_owned(), port)].into(),
            ..Counters::default()
        }])
    }

    fn port(counts: &mut Counts) -> &mut PortCounters {
        counts.0[0].ports.get_mut("n1/b-i1").expect("the port")
    }

    #[test]
    fn a_frame_too_many_on_either_side_is_found() {
        assert!(Conservation::of(&counts()).holds());
        let spoils: [fn(&mut PortCounters); 2] =
            [|port| port.delivered += 1, |port| port.copies_out += 1];
        for spoil in spoils {
            let mut counts = counts();
            spoil(port(&mut counts));
            let books = Conservation::of(&counts);
            assert!(!books.holds());
            assert_eq!(books.unbalanced, ["n1/b-i1"]);
        }
    }

    #[test]
    fn no_ports_prove_nothing() {
        assert!(!Conservation::of(&Counts::default()).holds());
    }

    #[test]
    fn only_new_drops_are_told() {
        let before = counts();
        let mut after = before.clone();
        port(&mut after)
            .ingress_drops
            .insert("mac_spoof".to_owned(), 1);
        let drops = after.dropped_since(&before, "n1/b-i1");
        assert_eq!(drops, Drops::from([("mac_spoof".to_owned(), 1)]));
    }

    #[test]
    fn a_tunnel_is_empty_when_both_ends_agree() {
        let node = |name: &str, peer: &str, sent, received| Counters {
            node: name.to_owned(),
            peers: BTreeMap::from([(
                peer.to_owned(),
                PeerCounters {
                    frames_in: received,
                    frames_out: sent,
                    ..PeerCounters::default()
                },
            )]),
            ..Counters::default()
        };
        for (received, expect) in [(5, true), (4, false)] {
            let counts = Counts(vec![node("n1", "n2", 5, 3), node("n2", "n1", 3, received)]);
            assert_eq!(counts.tunnels_empty(), expect, "{received} of 5 arrived");
        }
    }
}
