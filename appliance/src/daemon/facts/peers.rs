//! `skerry peers`: the other nodes and the tunnels to them.

use super::{Facts, others};
use crate::key::public_text;
use crate::view;

impl Facts<'_> {
    pub(in crate::daemon) fn peers(&self) -> view::Peers {
        view::Peers {
            node: self.name(),
            peers: others(self.tables).map(|peer| self.peer(peer)).collect(),
        }
    }

    fn peer(&self, peer: &skerry_policy::Node) -> view::Peer {
        let lane = self.lanes.get(&peer.id);
        let spoken = self.spoken.get(&peer.id);
        view::Peer {
            node: peer.name.clone(),
            key: public_text(&peer.key),
            overlay: peer.overlay.to_string(),
            endpoint: lane.and_then(|it| it.endpoint).map(|it| it.to_string()),
            session: lane.is_some_and(|it| it.has_session),
            lanes: lane.map_or(0, |it| it.lanes),
            last_handshake_s: self.last_handshake(peer.id),
            rtt_us: self.rtt(peer.id),
            path_mtu: spoken.and_then(|it| it.narrow),
            state: self.state(peer),
            generation: spoken.and_then(|it| it.generation),
            digest: spoken.and_then(|it| it.digest).map(|it| it.to_string()),
        }
    }
}
