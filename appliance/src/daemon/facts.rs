//! From what the datapath, the mesh and the policy say to the facts that commands print.

use std::time::Duration;

use skerry_overlay_io::PortView;
pub(super) use skerry_overlay_io::Snapshot;
use skerry_policy::{Attach, LocalPort, NodeId, Port, Tables};
use tokio::time::Instant;

use super::node::Node;
use crate::key::public_text;
use crate::view;

/// A node says hello once a second.
const SILENT: Duration = Duration::from_secs(4);

/// `skerry status`.
pub(super) fn status(node: &Node, snapshot: &Snapshot) -> view::Status {
    let nodes = policies(node, &snapshot.tables);
    let listed = snapshot.tables.local.ports.len();
    let up = served(&snapshot.tables).filter(|port| port_is_up(snapshot, port));
    view::Status {
        node: node.config.node.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_s: node.started.elapsed().as_secs(),
        listen: node.dataplane.listen().to_string(),
        workers: usize::from(node.config.workers),
        generation: snapshot.tables.generation,
        digest: snapshot.tables.fabric.digest.to_string(),
        origin: node.running.origin.clone(),
        policy_rejected: node.rejected,
        confirm: confirm(node),
        ports: listed,
        ports_up: up.count(),
        degraded: node.trouble.reasons(),
        converged: nodes.iter().all(|it| {
            matches!(
                it.state,
                view::PeerState::Converged | view::PeerState::Stock
            )
        }),
        nodes,
        offloads: view::Offloads {
            tap_ports: snapshot
                .ports
                .iter()
                .filter(|port| port.superframes)
                .count(),
            gso: snapshot.offloads.gso,
            gro: snapshot.offloads.gro,
        },
    }
}

fn confirm(node: &Node) -> Option<view::Confirm> {
    let pending = node.pending.as_ref()?;
    Some(view::Confirm {
        generation: pending.generation,
        previous: pending.previous,
        left_s: (pending.deadline - Instant::now()).as_secs(),
    })
}

fn policies(node: &Node, tables: &Tables) -> Vec<view::Policy> {
    let peers = others(tables).map(|peer| view::Policy {
        node: peer.name.clone(),
        state: state(node, peer),
        generation: node.mesh.policy(peer.id).map(|it| it.generation),
        digest: node.mesh.policy(peer.id).map(|it| it.digest),
        rtt_us: node.mesh.rtt(peer.id).map(micros),
    });
    peers.collect()
}

fn state(node: &Node, peer: &skerry_policy::Node) -> view::PeerState {
    if peer.stock.is_some() {
        return view::PeerState::Stock;
    }
    match node.mesh.policy(peer.id) {
        None => view::PeerState::Silent,
        Some(policy) if policy.converged => view::PeerState::Converged,
        Some(_) if silent(node, peer.id) => view::PeerState::Silent,
        Some(_) => view::PeerState::Lagging,
    }
}

/// Not heard for longer than three of its messages may be lost.
fn silent(node: &Node, peer: NodeId) -> bool {
    let heard = node.mesh.last_heard(peer);
    heard.is_none_or(|ago| ago > SILENT)
}

fn others(tables: &Tables) -> impl Iterator<Item = &skerry_policy::Node> {
    tables.fabric.nodes.iter().filter(|it| it.id != tables.me)
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// `skerry ports`.
pub(super) fn ports(node: &Node, snapshot: &Snapshot) -> view::Ports {
    let tables = &snapshot.tables;
    let ports = served(tables).map(|port| {
        let name = tables.fabric.port_name(port.id);
        let open = opened(snapshot, &name);
        view::Port {
            segment: segments(tables, port),
            attach: attach(tables, port),
            up: port_is_up(snapshot, port),
            backend: open.map_or_else(String::new, |it| it.backend.to_owned()),
            superframes: open.is_some_and(|it| it.superframes),
            worker: open.map_or(0, |it| it.worker),
            gateway: port.gateway,
            macs: port.macs.iter().map(ToString::to_string).collect(),
            ips: port.ips.iter().map(ToString::to_string).collect(),
            name,
        }
    });
    view::Ports {
        node: node.config.node.clone(),
        ports: ports.collect(),
    }
}

fn served(tables: &Tables) -> impl Iterator<Item = &Port> {
    let ports = tables.local.ports.iter();
    ports.filter_map(|id| tables.fabric.ports.get(id.index()))
}

fn opened<'a>(snapshot: &'a Snapshot, name: &str) -> Option<&'a PortView> {
    snapshot.ports.iter().find(|it| it.name == name)
}

/// A stock edge has no interface here: it is as good as its tunnel.
pub(super) fn port_is_up(snapshot: &Snapshot, port: &Port) -> bool {
    if let Attach::Edge(edge) = port.attach {
        let lane = snapshot.peers.iter().find(|it| it.node == edge);
        return lane.is_some_and(|it| it.has_session);
    }
    let name = snapshot.tables.fabric.port_name(port.id);
    opened(snapshot, &name).is_some_and(|it| it.up)
}

fn segments(tables: &Tables, port: &Port) -> String {
    let fabric = &tables.fabric;
    let names = port.attachments.iter().filter_map(|id| {
        let attachment = fabric.attachments.get(id.index())?;
        let segment = fabric.segment(attachment.segment)?;
        Some(match attachment.tag {
            None => segment.name.clone(),
            Some(tag) => format!("{}#{tag}", segment.name),
        })
    });
    names.collect::<Vec<_>>().join(",")
}

fn attach(tables: &Tables, port: &Port) -> String {
    match &port.attach {
        Attach::Tap { name, netns } => {
            let name = name.as_ref().unwrap_or(&port.name);
            let place = netns
                .as_ref()
                .map(|it| format!(" in {it}"))
                .unwrap_or_default();
            format!("tap {name}{place}")
        }
        Attach::Nic(name) => format!("nic {name}"),
        Attach::Veth { name, netns } => format!("veth {name} in {netns}"),
        Attach::Edge(edge) => format!("edge {}", node_name(tables, *edge)),
    }
}

fn node_name(tables: &Tables, id: NodeId) -> String {
    let node = tables.fabric.nodes.get(id.index());
    node.map_or_else(String::new, |it| it.name.clone())
}

/// `skerry peers`.
pub(super) fn peers(node: &Node, snapshot: &Snapshot) -> view::Peers {
    let peers = others(&snapshot.tables).map(|peer| {
        let lane = snapshot.peers.iter().find(|it| it.node == peer.id);
        let policy = node.mesh.policy(peer.id);
        view::Peer {
            node: peer.name.clone(),
            key: public_text(&peer.key),
            overlay: peer.overlay.to_string(),
            endpoint: lane.and_then(|it| it.endpoint).map(|it| it.to_string()),
            session: lane.is_some_and(|it| it.has_session),
            last_handshake_s: lane.and_then(|it| it.last_handshake).map(|it| it.as_secs()),
            rtt_us: node.mesh.rtt(peer.id).map(micros),
            state: state(node, peer),
            generation: policy.as_ref().map(|it| it.generation),
            digest: policy.map(|it| it.digest),
        }
    });
    view::Peers {
        node: node.config.node.clone(),
        peers: peers.collect(),
    }
}

/// `skerry fdb`.
pub(super) fn fdb(node: &Node, snapshot: &Snapshot) -> view::Fdb {
    let mut entries: Vec<_> = snapshot.fdb.iter().map(|it| entry(snapshot, it)).collect();
    entries.sort();
    view::Fdb {
        node: node.config.node.clone(),
        entries,
    }
}

fn entry(snapshot: &Snapshot, entry: &skerry_overlay::FdbEntry) -> view::FdbEntry {
    use skerry_overlay::{Place, Strength};
    let tables = &snapshot.tables;
    let fabric = &tables.fabric;
    let place = match entry.place {
        Place::Node(id) => node_name(tables, id),
        Place::Port(local) => tables
            .attachment(local)
            .map_or_else(String::new, |it| fabric.attachment_name(it.id)),
    };
    let strength = match entry.strength {
        Strength::Dynamic => "dynamic",
        Strength::Pinned => "pinned",
        Strength::Promiscuous => "promiscuous",
        Strength::Bound => "bound",
    };
    let pvlan = fabric.pvlans.get(entry.pvlan.index());
    let segment = fabric.segment(entry.segment);
    view::FdbEntry {
        pvlan: pvlan.map_or_else(String::new, |it| it.name.clone()),
        mac: entry.mac.to_string(),
        segment: segment.map_or_else(String::new, |it| it.name.clone()),
        place,
        strength: strength.to_owned(),
        age_s: (entry.strength != Strength::Bound).then_some(entry.age.as_secs()),
        frozen: entry.frozen,
    }
}

/// `skerry counters`.
pub(super) fn counters(node: &Node, snapshot: &Snapshot) -> view::Counters {
    let tables = &snapshot.tables;
    let ports = (0_u32..).map(LocalPort).zip(&snapshot.counters.ports);
    let ports = ports.filter_map(|(local, counters)| {
        let port = tables.port(local)?;
        let name = tables.fabric.port_name(port.id);
        Some((name, port_counters(segments(tables, port), counters)))
    });
    let peers = others(tables).filter_map(|peer| {
        let counters = snapshot.counters.peers.get(peer.id.index())?;
        let mut view = peer_counters(counters);
        let lane = snapshot.peers.iter().find(|it| it.node == peer.id);
        view.handshakes = lane.map_or(counters.handshakes, |it| it.handshakes);
        view.last_handshake_s = lane.and_then(|it| it.last_handshake).map(|it| it.as_secs());
        view.rtt_us = node.mesh.rtt(peer.id).map(micros);
        Some((peer.name.clone(), view))
    });
    view::Counters {
        node: node.config.node.clone(),
        generation: tables.generation,
        digest: tables.fabric.digest.to_string(),
        ports: ports.collect(),
        peers: peers.collect(),
        underlay_drops: drops(&snapshot.counters.underlay_drops),
        shell: shell(&snapshot.shell),
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
    }
}

fn peer_counters(of: &skerry_overlay::PeerCounters) -> view::PeerCounters {
    let mut incoming = drops(&of.drops);
    let denied = skerry_overlay::DropReason::VniDenied.name();
    incoming.entry(denied.to_owned()).or_default();
    view::PeerCounters {
        frames_in: of.frames_in,
        bytes_in: of.bytes_in,
        frames_out: of.frames_out,
        bytes_out: of.bytes_out,
        drops: incoming,
        last_handshake_s: None,
        rtt_us: None,
        delivered: of.delivered,
        no_receiver: of.no_receiver,
        copies_out: of.copies_out,
        egress_drops: drops(&of.egress_drops),
        control_in: of.control_in,
        control_out: of.control_out,
        handshakes: of.handshakes,
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
        events_lost: of.events_lost,
        commands_lost: of.commands_lost,
    }
}
