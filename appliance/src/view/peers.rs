//! `skerry peers`: the other nodes and the tunnels to them.

use serde::{Deserialize, Serialize};

use super::View;
use super::status::{PeerState, short};
use super::table::{Table, dash};

/// The other nodes.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Peers {
    /// The node that was asked.
    pub node: String,
    /// In the order of the site file.
    pub peers: Vec<Peer>,
}

/// One other node.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Peer {
    /// Its name.
    pub node: String,
    /// Its public key, in base64.
    pub key: String,
    /// Its address inside the tunnel.
    pub overlay: String,
    /// Where its datagrams last came from, or where the site file says it is.
    pub endpoint: Option<String>,
    /// Whether there is a session to send in.
    pub session: bool,
    /// Lanes that there is one in; each worker has one of its own.
    pub lanes: usize,
    /// Seconds since the last handshake.
    pub last_handshake_s: Option<u64>,
    /// Round trip of the control protocol, in microseconds.
    pub rtt_us: Option<u64>,
    /// The largest IP packet that the path to it carries, where that is less than the fabric's MTU.
    pub path_mtu: Option<u16>,
    /// Whether it runs the same policy.
    pub state: PeerState,
    /// Its own count of accepted site files.
    pub generation: Option<u64>,
    /// Its site file's digest.
    pub digest: Option<String>,
}

impl View for Peers {
    const SCHEMA: &'static str = "skerry.peers/1";

    fn text(&self) -> String {
        let mut table = Table::new([
            "peer",
            "endpoint",
            "overlay",
            "session",
            ">handshake",
            ">rtt us",
            ">path mtu",
            "policy",
            "digest",
        ]);
        for peer in &self.peers {
            let ago = |it| format!("{it} s ago");
            table.row([
                peer.node.clone(),
                dash(peer.endpoint.as_deref()),
                peer.overlay.clone(),
                match (peer.session, peer.lanes) {
                    (false, _) => "none".to_owned(),
                    (true, 0 | 1) => "up".to_owned(),
                    (true, lanes) => format!("up, {lanes} lanes"),
                },
                dash(peer.last_handshake_s.map(ago)),
                dash(peer.rtt_us),
                dash(peer.path_mtu),
                peer.state.as_str().to_owned(),
                dash(peer.digest.as_deref().map(short)),
            ]);
        }
        table.render()
    }
}
