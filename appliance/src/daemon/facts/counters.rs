//! `skerry counters` from the counters of the workers.

use skerry_policy::{LocalPort, NodeId};

use super::{Facts, others, segments};
use crate::view;

impl Facts<'_> {
    pub(in crate::daemon) fn counters(&self) -> view::Counters {
        let tables = self.tables;
        let snapshot = self.snapshot;
        let ports = (0_u32..).map(LocalPort).zip(&snapshot.counters.ports);
        let ports = ports.filter_map(|(local, counters)| {
            let port = tables.port(local)?;
            let name = tables.fabric.port_name(port.id);
            Some((name, port_counters(segments(tables, port), counters)))
        });
        let peers = others(tables).filter_map(|peer| {
            let counters = snapshot.counters.peers.get(peer.id.index())?;
            Some((peer.name.clone(), self.peer_counters(peer.id, counters)))
        });
        let ignored = self.node.mesh.ignored();
        view::Counters {
            node: self.name(),
            generation: tables.generation,
            digest: tables.fabric.digest.to_string(),
            ports: ports.collect(),
            peers: peers.collect(),
            underlay_drops: drops(&snapshot.counters.underlay_drops),
            control_ignored: view::ControlIgnored {
                malformed: ignored.malformed,
                stale: ignored.stale,
                foreign: ignored.foreign,
                overflow: ignored.overflow,
            },
            shell: shell(&snapshot.shell),
        }
    }

    fn peer_counters(&self, peer: NodeId, of: &skerry_overlay::PeerCounters) -> view::PeerCounters {
        let mut incoming = drops(&of.drops);
        let denied = skerry_overlay::DropReason::VniDenied.name();
        incoming.entry(denied.to_owned()).or_default();
        view::PeerCounters {
            frames_in: of.frames_in,
            bytes_in: of.bytes_in,
            frames_out: of.frames_out,
            bytes_out: of.bytes_out,
            drops: incoming,
            last_handshake_s: self.last_handshake(peer),
            rtt_us: self.rtt(peer),
            delivered: of.delivered,
            no_receiver: of.no_receiver,
            copies_out: of.copies_out,
            egress_drops: drops(&of.egress_drops),
            control_in: of.control_in,
            control_out: of.control_out,
            control_refused: of.control_refused,
            claims_refused: of.claims_refused,
            marked: of.marked,
            handshakes: self.lanes.get(&peer).map_or(0, |it| it.handshakes),
        }
    }
}

fn port_counters(segment: String, of: &skerry_overlay::PortCounters) -> view::PortCounters {
    view::PortCounters {
        segment,
        frames_in: of.frames_in,
        bytes_in: of.bytes_in,
        delivered: of.delivered,
        answered: of.answered,
        no_receiver: of.no_receiver,
        ingress_drops: drops(&of.ingress_drops),
        copies_out: of.copies_out,
        sent: of.sent,
        bytes_out: of.bytes_out,
        egress_drops: drops(&of.egress_drops),
        hairpin_routed: of.hairpin_routed,
        peering_pass: of.peering_pass,
        marked: of.marked,
    }
}

fn drops(of: &skerry_overlay::Drops) -> view::Drops {
    of.iter()
        .map(|(reason, n)| (reason.name().to_owned(), n))
        .collect()
}

fn shell(of: &skerry_overlay_io::ShellCounters) -> view::ShellCounters {
    view::ShellCounters {
        bad_offload_headers: of.bad_offload_headers,
        port_errors: of.port_errors,
        datagrams_out: of.datagrams_out,
        datagrams_in: of.datagrams_in,
        sends: of.sends,
        receives: of.receives,
        send_full: of.send_full,
        send_too_big: of.send_too_big,
        send_failed: of.send_failed,
        receive_overflow: of.receive_overflow,
        handed_over: of.handed_over,
        events_lost: of.events_lost,
        commands_lost: of.commands_lost,
    }
}
