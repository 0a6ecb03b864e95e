//! What the datapath can say about itself, taken between two batches of every worker.

use std::sync::Arc;

use skerry_overlay::{Counters, FdbEntry, LaneStatus};
use skerry_policy::Tables;

use crate::port::Superframes;

/// The state of all workers, merged.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The tables that every worker ran; indices in the rest refer to them.
    pub tables: Arc<Tables>,
    /// The workers' counters, added up.
    pub counters: Counters,
    /// The MAC table, if it was asked for: what any worker knows, each address once, in order.
    pub fdb: Vec<FdbEntry>,
    /// The tunnels: lane 0 of every peer, and how many lanes it has.
    pub peers: Vec<LaneStatus>,
    /// Ports that were attached, also those that wait for their tables.
    pub ports: Vec<PortView>,
    /// What the UDP sockets use.
    pub offloads: OffloadsInUse,
    /// What the shell lost before or after the core saw it.
    pub shell: ShellCounters,
    /// The same of every worker by itself.
    pub by_worker: Vec<ShellCounters>,
}

/// What one worker says.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) tables: Arc<Tables>,
    pub(crate) counters: Counters,
    pub(crate) fdb: Vec<FdbEntry>,
    pub(crate) peers: Vec<LaneStatus>,
    pub(crate) ports: Vec<PortView>,
    pub(crate) offloads: OffloadsInUse,
    pub(crate) shell: ShellCounters,
}

impl Snapshot {
    /// Adds up what the workers said, the owner of the tunnels first; `None` without any.
    pub(crate) fn merge(views: Vec<View>) -> Option<Self> {
        let mut views = views.into_iter();
        let first = views.next()?;
        let mut whole = Self {
            tables: first.tables,
            counters: first.counters,
            fdb: first.fdb,
            peers: first.peers,
            ports: first.ports,
            offloads: first.offloads,
            shell: first.shell,
            by_worker: vec![first.shell],
        };
        for view in views {
            add(&mut whole.counters, &view.counters);
            whole.shell.merge(&view.shell);
            whole.by_worker.push(view.shell);
            whole.fdb.extend(view.fdb);
            // Each writes to the ports itself, and may have found that one takes fewer. All were told
            // of them in the same order.
            for (mine, theirs) in whole.ports.iter_mut().zip(&view.ports) {
                if mine.name == theirs.name {
                    mine.superframes = mine.superframes.min(theirs.superframes);
                }
            }
            for lane in view.peers {
                let of = |it: &&mut LaneStatus| it.node == lane.node;
                if let Some(peer) = whole.peers.iter_mut().find(of) {
                    peer.lanes += lane.lanes;
                }
            }
        }
        // Every worker knows about most addresses; the one that heard it last knows best.
        whole
            .fdb
            .sort_by_key(|entry| (entry.pvlan, entry.mac, entry.age));
        whole.fdb.dedup_by_key(|entry| (entry.pvlan, entry.mac));
        Some(whole)
    }
}

fn add(whole: &mut Counters, part: &Counters) {
    for (mine, theirs) in whole.ports.iter_mut().zip(&part.ports) {
        mine.merge(theirs);
    }
    for (mine, theirs) in whole.peers.iter_mut().zip(&part.peers) {
        mine.merge(theirs);
    }
    whole.underlay_drops.merge(&part.underlay_drops);
}

/// An attached port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PortView {
    /// `n1/b-i1`.
    pub name: String,
    /// The interface is there and has its carrier.
    pub up: bool,
    /// The worker that reads it, or the first that does.
    pub worker: usize,
    /// How many read it, each a part of its flows.
    pub queues: usize,
    /// `tap`, `packet` or `datalink`.
    pub backend: &'static str,
    /// Which superframes cross the port whole.
    pub superframes: Superframes,
}

/// Which UDP offloads are in use right now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OffloadsInUse {
    /// `UDP_SEGMENT` on sends.
    pub gso: bool,
    /// `UDP_GRO` on receives.
    pub gro: bool,
}

/// What the shell did and lost, outside the core's two equations: nothing that was lost here was
/// ever counted as delivered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
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
    /// Datagrams lost because the socket stayed full (`EAGAIN`, `ENOBUFS`).
    pub send_full: u64,
    /// Datagrams longer than the path takes (`EMSGSIZE`).
    pub send_too_big: u64,
    /// Datagrams that the kernel refused for another reason, such as no route.
    pub send_failed: u64,
    /// Datagrams that the kernel dropped because the receive buffer was full (`SO_RXQ_OVFL`).
    pub receive_overflow: u64,
    /// Frames that a worker gave to the first one, having no lane of its own for them. Not lost.
    pub handed_over: u64,
    /// Claims, control messages and faults that the control task had no room for.
    pub events_lost: u64,
    /// Commands without an acknowledgement that a worker had no room for.
    pub commands_lost: u64,
}

impl ShellCounters {
    /// Adds another worker's block.
    pub fn merge(&mut self, other: &Self) {
        self.bad_offload_headers += other.bad_offload_headers;
        self.port_errors += other.port_errors;
        self.datagrams_out += other.datagrams_out;
        self.datagrams_in += other.datagrams_in;
        self.sends += other.sends;
        self.receives += other.receives;
        self.send_full += other.send_full;
        self.send_too_big += other.send_too_big;
        self.send_failed += other.send_failed;
        self.receive_overflow += other.receive_overflow;
        self.handed_over += other.handed_over;
        self.events_lost += other.events_lost;
        self.commands_lost += other.commands_lost;
    }
}
