//! What one node runs: the shared [`Fabric`] and its own ports ([`Local`]).

use std::net::IpAddr;
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;

use crate::fabric::{Fabric, Stock};
use crate::gate::Gate;
use crate::id::{AttachmentId, LocalAttachment, LocalPort, NodeId, PortId, SegmentId, Vid};
use crate::port::{Attach, Port};

/// One attachment of the node that runs the tables.
#[derive(Clone, Debug)]
pub struct LocalView {
    /// Its site-wide identity.
    pub id: AttachmentId,
    /// The port of this node it belongs to.
    pub port: LocalPort,
    /// `None` on an access port.
    pub tag: Option<Vid>,
    /// The segment of what enters here.
    pub segment: SegmentId,
    /// The stock edge that its port stands for.
    pub edge: Option<NodeId>,
}

/// Who gets copies of a flooded frame.
#[derive(Clone, Debug, Default)]
pub struct Flood {
    /// Attachments of this node that accept the segment. The sender's own port is still among
    /// them where it accepts: whoever floods leaves it out.
    pub local: Vec<LocalAttachment>,
    /// Every other member node; empty for a segment that this node may not send, because what
    /// came out of the tunnel never goes back into it.
    pub nodes: Vec<NodeId>,
}

/// What this node serves.
#[derive(Debug)]
pub struct Local {
    /// Indexed by [`LocalPort`].
    pub ports: Vec<PortId>,
    /// Indexed by [`LocalAttachment`].
    pub attachments: Vec<LocalView>,
    /// Indexed by [`LocalPort`]: its attachments, sorted by tag.
    pub(crate) by_port: Vec<Vec<LocalAttachment>>,
    /// Indexed by [`LocalPort`].
    pub(crate) gates: Vec<Gate>,
    /// Indexed by [`SegmentId`].
    pub(crate) flood: Vec<Flood>,
    /// Indexed by [`SegmentId`]; bit: local attachment that accepts it.
    pub(crate) accept: Vec<FixedBitSet>,
    pub(crate) by_id: FxHashMap<AttachmentId, LocalAttachment>,
    /// What a stock edge sends in a segment enters here.
    pub(crate) edges: FxHashMap<(NodeId, SegmentId), LocalPort>,
}

/// The immutable snapshot that one node's datapath runs.
#[derive(Debug)]
pub struct Tables {
    /// What every node shares.
    pub fabric: Arc<Fabric>,
    /// The node these tables are for.
    pub me: NodeId,
    /// The node's count of accepted site files.
    pub generation: u64,
    /// The ports it serves.
    pub local: Local,
}

impl Tables {
    /// May a frame of segment `from` leave through this attachment? Asked last, for every copy.
    pub fn accepts(&self, from: SegmentId, to: LocalAttachment) -> bool {
        self.local
            .accept
            .get(from.index())
            .is_some_and(|row| row.contains(to.index()))
    }

    /// Who gets copies of a flooded frame of this segment.
    pub fn flood(&self, segment: SegmentId) -> Option<&Flood> {
        self.local.flood.get(segment.index())
    }

    /// The attachments of a port of this node, sorted by tag (an access port has exactly one).
    pub fn attachments_of(&self, port: LocalPort) -> &[LocalAttachment] {
        self.local
            .by_port
            .get(port.index())
            .map_or(&[], Vec::as_slice)
    }

    /// This node's view of one of its attachments.
    pub fn attachment(&self, attachment: LocalAttachment) -> Option<&LocalView> {
        self.local.attachments.get(attachment.index())
    }

    /// Where a site-wide attachment is on this node, if it is here.
    pub fn local_attachment(&self, id: AttachmentId) -> Option<LocalAttachment> {
        self.local.by_id.get(&id).copied()
    }

    /// The port of this node that a stock edge's frames of a segment enter by; an edge has no two
    /// ports in one segment (P028).
    pub fn edge_port(&self, edge: NodeId, segment: SegmentId) -> Option<LocalPort> {
        self.local.edges.get(&(edge, segment)).copied()
    }

    /// Whether a node runs no Skerry.
    pub fn is_stock(&self, node: NodeId) -> bool {
        let node = self.fabric.nodes.get(node.index());
        node.is_some_and(|node| node.stock.is_some())
    }

    /// Whether a node is a stock edge that this one is the home of.
    pub fn is_edge(&self, node: NodeId) -> bool {
        let node = self.fabric.nodes.get(node.index());
        node.is_some_and(|node| node.stock == Some(Stock::Edge(self.me)))
    }

    /// The stock edge that a port of this node stands for.
    pub fn edge_behind(&self, port: LocalPort) -> Option<NodeId> {
        match self.port(port)?.attach {
            Attach::Edge(edge) => Some(edge),
            Attach::Tap { .. } | Attach::Nic(_) | Attach::Veth { .. } => None,
        }
    }

    /// What every frame of a port of this node is held to.
    pub fn gate(&self, port: LocalPort) -> Option<&Gate> {
        self.local.gates.get(port.index())
    }

    /// Whether a port of this node may send frames of a type.
    pub fn sends(&self, port: LocalPort, ethertype: u16) -> bool {
        let Some(gate) = self.gate(port) else {
            return false;
        };
        gate.allows(ethertype).unwrap_or_else(|| {
            let port = self.fabric.ports.get(gate.port.index());
            port.is_some_and(|port| port.ethertypes.allows(ethertype))
        })
    }

    /// The policy of a port of this node.
    pub fn port(&self, port: LocalPort) -> Option<&Port> {
        let id = self.local.ports.get(port.index())?;
        self.fabric.ports.get(id.index())
    }
}

impl Fabric {
    /// What a node runs. Ports of a stock edge are listed at its home; the edge itself has none.
    pub fn tables_for(self: &Arc<Self>, me: NodeId, generation: u64) -> Tables {
        Tables {
            fabric: Arc::clone(self),
            me,
            generation,
            local: self.local(me),
        }
    }

    fn local(&self, me: NodeId) -> Local {
        let mut local = Local {
            ports: Vec::new(),
            attachments: Vec::new(),
            by_port: Vec::new(),
            gates: Vec::new(),
            flood: vec![Flood::default(); self.segments.len()],
            accept: vec![FixedBitSet::new(); self.segments.len()],
            by_id: FxHashMap::default(),
            edges: FxHashMap::default(),
        };
        let mine = self.served.get(me.index()).map_or(&[][..], Vec::as_slice);
        for port in mine.iter().filter_map(|id| self.ports.get(id.index())) {
            self.add_port(&mut local, port);
        }
        self.add_nodes(&mut local, me);
        local
    }

    fn add_port(&self, local: &mut Local, port: &Port) {
        let place = LocalPort(index(local.ports.len()));
        local.ports.push(port.id);
        let mut here = Vec::with_capacity(port.attachments.len());
        let mut access = None;
        let edge = match port.attach {
            Attach::Edge(edge) => Some(edge),
            Attach::Tap { .. } | Attach::Nic(_) | Attach::Veth { .. } => None,
        };
        for &id in &port.attachments {
            let Some(attachment) = self.attachments.get(id.index()) else {
                continue;
            };
            let slot = LocalAttachment(index(local.attachments.len()));
            local.attachments.push(LocalView {
                id,
                port: place,
                tag: attachment.tag,
                segment: attachment.segment,
                edge,
            });
            if attachment.tag.is_none() {
                access = Some(slot);
            }
            local.by_id.insert(id, slot);
            if let Some(edge) = edge {
                local.edges.insert((edge, attachment.segment), place);
            }
            here.push(slot);
            self.add_senders(local, slot, attachment.segment);
        }
        local.by_port.push(here);
        local.gates.push(self.gate(local, port, access));
    }

    fn gate(&self, local: &Local, port: &Port, access: Option<LocalAttachment>) -> Gate {
        let view = access.and_then(|slot| local.attachments.get(slot.index()));
        let at = view.and_then(|view| Some((self.segment(view.segment)?.pvlan, view.id)));
        let is_bound =
            |ip: &IpAddr| at.is_some_and(|(pvlan, id)| self.ip_owner(pvlan, *ip) == Some(id));
        let bound = port.ips.iter().copied().filter(is_bound);
        Gate::new(port, access, bound)
    }

    /// Every segment that this attachment accepts floods to it.
    fn add_senders(&self, local: &mut Local, slot: LocalAttachment, to: SegmentId) {
        let pvlan = self.segment(to).map(|segment| segment.pvlan);
        let Some(pvlan) = pvlan.and_then(|pvlan| self.pvlans.get(pvlan.index())) else {
            return;
        };
        for &from in &pvlan.segments {
            if !self.accepts(from, to) {
                continue;
            }
            if let Some(row) = local.accept.get_mut(from.index()) {
                row.grow_and_insert(slot.index());
            }
            if let Some(flood) = local.flood.get_mut(from.index()) {
                flood.local.push(slot);
            }
        }
    }

    fn add_nodes(&self, local: &mut Local, me: NodeId) {
        let Some(sends) = self.may_send.get(me.index()) else {
            return;
        };
        for segment in sends.ones() {
            let Some(flood) = local.flood.get_mut(segment) else {
                continue;
            };
            let members = self.members.get(segment).map_or(&[][..], Vec::as_slice);
            flood.nodes = members.iter().copied().filter(|&node| node != me).collect();
        }
    }
}

/// Tables are bounded far below `u32::MAX` when they are compiled.
fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
