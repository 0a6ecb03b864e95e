//! `skerry counters`: what this node has counted since it started.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::View;
use super::table::{Table, dash};

/// Drops by the name of their reason; reasons that did not occur are left out.
pub type Drops = BTreeMap<String, u64>;

/// Every counter of a node, taken between two batches of every worker.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Counters {
    /// The node.
    pub node: String,
    /// The generation that ran when the counters were taken.
    pub generation: u64,
    /// Its site file's digest, in hexadecimal.
    pub digest: String,
    /// By name: `n1/b-i1`.
    pub ports: BTreeMap<String, PortCounters>,
    /// By name: `n2`.
    pub peers: BTreeMap<String, PeerCounters>,
    /// Datagrams that belong to no peer.
    pub underlay_drops: Drops,
    /// Control messages of other nodes, or parts of them, that changed nothing.
    pub control_ignored: ControlIgnored,
    /// What was lost before or after the datapath saw it.
    pub shell: ShellCounters,
}

/// One port. `frames_in = delivered + answered + no_receiver + sum(ingress_drops)` and
/// `copies_out = sent + sum(egress_drops)` hold in every copy.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct PortCounters {
    /// `blue.isolated`; for a trunk `blue.isolated#30,red.isolated#40`.
    pub segment: String,
    /// Frames the guest sent; a superframe counts as the frames it stands for.
    pub frames_in: u64,
    /// Bytes of those frames.
    pub bytes_in: u64,
    /// Frames with at least one receiver.
    pub delivered: u64,
    /// Frames answered on behalf of their target.
    pub answered: u64,
    /// Frames that policy let pass and nobody was there to hear.
    pub no_receiver: u64,
    /// Frames dropped.
    pub ingress_drops: Drops,
    /// Copies due to this port.
    pub copies_out: u64,
    /// Copies the port took.
    pub sent: u64,
    /// Bytes of those copies.
    pub bytes_out: u64,
    /// Copies dropped.
    pub egress_drops: Drops,
    /// Frames routed between hosts by way of the gateway.
    pub hairpin_routed: u64,
    /// Frames that a peering let pass into another private VLAN.
    pub peering_pass: u64,
    /// Frames that were marked, rather than dropped, in a queue grown too long.
    pub marked: u64,
}

/// One peer. `frames_in = delivered + no_receiver + sum(drops)` and
/// `copies_out = frames_out + sum(egress_drops)` hold in every copy.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct PeerCounters {
    /// VXLAN frames that arrived in the peer's tunnel.
    pub frames_in: u64,
    /// Bytes of those frames.
    pub bytes_in: u64,
    /// Frames sealed and handed to the socket.
    pub frames_out: u64,
    /// Bytes of those frames.
    pub bytes_out: u64,
    /// Frames dropped on the way in; `vni_denied` is always told, as it names a peer that
    /// stepped out of its role.
    pub drops: Drops,
    /// Seconds since the last handshake; absent before the first.
    pub last_handshake_s: Option<u64>,
    /// Round trip of the control protocol, in microseconds; absent until measured.
    pub rtt_us: Option<u64>,
    /// Frames with at least one receiver here.
    pub delivered: u64,
    /// Frames that policy let pass and nobody was there to hear.
    pub no_receiver: u64,
    /// Copies due to the peer.
    pub copies_out: u64,
    /// Copies dropped on the way out.
    pub egress_drops: Drops,
    /// Control messages received.
    pub control_in: u64,
    /// Control messages sent.
    pub control_out: u64,
    /// Of those received, the ones that were too long, or more than a node has to say.
    pub control_refused: u64,
    /// Addresses it said are at its ports, and that somebody else has.
    pub claims_refused: u64,
    /// Frames that were marked, rather than dropped, in a queue grown too long.
    pub marked: u64,
    /// Handshakes completed.
    pub handshakes: u64,
}

/// Control messages, or parts of them, that changed nothing.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct ControlIgnored {
    /// No message of this version, or of a node that does not speak the protocol.
    pub malformed: u64,
    /// Older than what was heard, or under another policy.
    pub stale: u64,
    /// A binding that policy does not let this node have.
    pub foreign: u64,
    /// One binding too many.
    pub overflow: u64,
}

/// Losses outside the two equations.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct ShellCounters {
    /// Frames whose `virtio_net_hdr` made no sense.
    pub bad_offload_headers: u64,
    /// Reads that a port's device refused.
    pub port_errors: u64,
    /// Datagrams that the UDP socket took.
    pub datagrams_out: u64,
    /// Datagrams that the UDP socket handed in.
    pub datagrams_in: u64,
    /// System calls that sent datagrams.
    pub sends: u64,
    /// System calls that received datagrams.
    pub receives: u64,
    /// Datagrams lost because the socket stayed full.
    pub send_full: u64,
    /// Datagrams longer than the path takes.
    pub send_too_big: u64,
    /// Datagrams that the kernel refused for another reason.
    pub send_failed: u64,
    /// Datagrams that the kernel dropped because the receive buffer was full.
    pub receive_overflow: u64,
    /// Frames that a worker gave to the first one, having no lane of its own for them. Not lost.
    pub handed_over: u64,
    /// News that the control task had no room for.
    pub events_lost: u64,
    /// Commands that a worker had no room for.
    pub commands_lost: u64,
}

impl PortCounters {
    /// Both equations.
    pub fn balanced(&self) -> bool {
        let drops: u64 = self.ingress_drops.values().sum();
        let egress: u64 = self.egress_drops.values().sum();
        self.frames_in == self.delivered + self.answered + self.no_receiver + drops
            && self.copies_out == self.sent + egress
    }
}

impl PeerCounters {
    /// The peer's side of the two equations.
    pub fn balanced(&self) -> bool {
        let drops: u64 = self.drops.values().sum();
        let egress: u64 = self.egress_drops.values().sum();
        self.frames_in == self.delivered + self.no_receiver + drops
            && self.copies_out == self.frames_out + egress
    }
}

impl View for Counters {
    const SCHEMA: &'static str = "skerry.counters/1";

    fn text(&self) -> String {
        let mut ports = Table::new([
            "port",
            "segment",
            ">in",
            ">delivered",
            ">answered",
            ">nobody",
            ">dropped",
            ">out",
            "drops",
        ]);
        for (name, port) in &self.ports {
            let dropped: u64 = port.ingress_drops.values().sum();
            ports.row([
                name.clone(),
                port.segment.clone(),
                port.frames_in.to_string(),
                port.delivered.to_string(),
                port.answered.to_string(),
                port.no_receiver.to_string(),
                dropped.to_string(),
                port.sent.to_string(),
                reasons([&port.ingress_drops, &port.egress_drops]),
            ]);
        }
        let mut peers = Table::new(["peer", ">in", ">out", ">handshake", ">rtt us", "drops"]);
        for (name, peer) in &self.peers {
            peers.row([
                name.clone(),
                peer.frames_in.to_string(),
                peer.frames_out.to_string(),
                peer.last_handshake_s
                    .map_or_else(|| "never".to_owned(), |it| format!("{it} s")),
                dash(peer.rtt_us),
                reasons([&peer.drops, &peer.egress_drops]),
            ]);
        }
        let mut text = format!("{}\n{}", ports.render(), peers.render());
        if !self.underlay_drops.is_empty() {
            let drops = reasons([&self.underlay_drops]);
            text.push_str(&format!("\nfrom nobody: {drops}\n"));
        }
        text
    }
}

fn reasons<const N: usize>(drops: [&Drops; N]) -> String {
    let some = drops.into_iter().flatten().filter(|&(_, &n)| n > 0);
    let texts: Vec<String> = some.map(|(reason, n)| format!("{reason} {n}")).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_that_tests_rely_on_is_read_and_written() {
        let text = r#"{"node":"n1","generation":7,"digest":"3f9c",
            "ports":{"n1/b-i1":{"segment":"blue.isolated","frames_in":9,"bytes_in":900,
              "delivered":5,"answered":1,"no_receiver":0,"ingress_drops":{"pvlan_deny":3},
              "copies_out":4,"sent":4,"bytes_out":400,"egress_drops":{}}},
            "peers":{"n2":{"frames_in":4,"bytes_in":400,"frames_out":5,"bytes_out":500,
              "drops":{"vni_denied":0},"last_handshake_s":3,"rtt_us":210}}}"#;
        let shape: serde_json::Value = serde_json::from_str(text).unwrap();
        let counters: Counters = serde_json::from_value(shape.clone()).unwrap();
        assert!(counters.ports["n1/b-i1"].balanced(), "{counters:?}");
        let facts = counters.facts();
        assert_eq!(facts["schema"], "skerry.counters/1");
        assert_contains("", &facts, &shape);
    }

    /// Fields may be added, never taken away or changed.
    #[track_caller]
    fn assert_contains(path: &str, whole: &serde_json::Value, part: &serde_json::Value) {
        match part.as_object() {
            None => assert_eq!(whole, part, "at {path}"),
            Some(fields) => {
                for (key, value) in fields {
                    assert_contains(&format!("{path}/{key}"), &whole[key], value);
                }
            }
        }
    }

    #[test]
    fn a_frame_that_vanished_is_noticed() {
        let mut port = PortCounters {
            frames_in: 3,
            delivered: 2,
            ingress_drops: Drops::from([("runt".into(), 1)]),
            ..PortCounters::default()
        };
        assert!(port.balanced());
        port.delivered = 1;
        assert!(!port.balanced());
    }

    #[test]
    fn people_see_reasons_beside_the_numbers() {
        let port = PortCounters {
            segment: "blue.isolated".into(),
            frames_in: 3,
            ingress_drops: Drops::from([("pvlan_deny".into(), 3)]),
            ..PortCounters::default()
        };
        let counters = Counters {
            ports: [("n1/b-i1".to_owned(), port)].into(),
            ..Counters::default()
        };
        let text = counters.text();
        assert!(text.contains("pvlan_deny 3"), "{text}");
    }
}
