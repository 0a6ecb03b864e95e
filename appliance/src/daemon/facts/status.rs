//! `skerry status`: the node and how far the fabric agrees.

use skerry_overlay_io::Superframes;
use tokio::time::Instant;

use super::{Facts, others, served};
use crate::view::{self, PeerState};

impl Facts<'_> {
    pub(in crate::daemon) fn status(&self) -> view::Status {
        let (node, snapshot) = (self.node, self.snapshot);
        let nodes = self.policies();
        let ports_with = |are: fn(Superframes) -> bool| {
            let ports = snapshot.ports.iter();
            ports.filter(|port| are(port.superframes)).count()
        };
        view::Status {
            node: self.name(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: node.started.elapsed().as_secs(),
            listen: node.dataplane.listen().to_string(),
            workers: usize::from(node.config.workers),
            generation: self.tables.generation,
            digest: self.tables.fabric.digest.to_string(),
            mtu: self.tables.fabric.mtu,
            origin: node.running.origin.clone(),
            policy_rejected: node.rejected,
            confirm: self.confirm(),
            ports: self.tables.local.ports.len(),
            ports_up: served(self.tables).filter(|port| self.is_up(port)).count(),
            degraded: node.trouble.reasons(),
            converged: nodes
                .iter()
                .all(|it| matches!(it.state, PeerState::Converged | PeerState::Stock)),
            nodes,
            offloads: view::Offloads {
                tap_ports: ports_with(|it| it != Superframes::None),
                udp_ports: ports_with(|it| it == Superframes::All),
                gso: snapshot.offloads.gso,
                gro: snapshot.offloads.gro,
            },
        }
    }

    fn confirm(&self) -> Option<view::Confirm> {
        let pending = self.node.pending.as_ref()?;
        Some(view::Confirm {
            generation: pending.generation,
            previous: pending.previous,
            left_s: (pending.deadline - Instant::now()).as_secs(),
        })
    }

    fn policies(&self) -> Vec<view::Policy> {
        let peers = others(self.tables).map(|peer| {
            let spoken = self.spoken.get(&peer.id);
            view::Policy {
                node: peer.name.clone(),
                state: self.state(peer),
                generation: spoken.and_then(|it| it.generation),
                digest: spoken.and_then(|it| it.digest).map(|it| it.to_string()),
                rtt_us: self.rtt(peer.id),
                path_mtu: spoken.and_then(|it| it.narrow),
            }
        });
        peers.collect()
    }
}
