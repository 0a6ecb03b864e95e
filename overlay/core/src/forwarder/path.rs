//! Paths to other nodes that carry less than the fabric's MTU.
//!
//! What a path carries the control protocol finds out, and tells every worker: the one that reads
//! a port is the one that can answer it. A frame that its path does not carry is not sent, since
//! it would vanish on the way. Whoever sent it is told so where its packet asks for that, as with
//! a packet that is too long for the fabric; nothing is fragmented. It is counted at the peer, as
//! a copy that was due and did not fit.

use skerry_policy::{NodeId, Tables};

use super::Forwarder;
use super::pass::{Pass, Sender};
use super::state::State;
use crate::frame::{ETH_HEADER, Frame};
use crate::gso::Segments;
use crate::reason::DropReason;
use crate::sink::Sink;

/// What the path to each node carries.
#[derive(Debug)]
pub(super) struct Paths {
    /// The fabric's MTU: what every path carries unless somebody found out better.
    full: u16,
    /// Indexed by [`NodeId`]; never more than the fabric's MTU.
    carry: Vec<u16>,
    /// Some path carries less.
    any_narrow: bool,
}

impl Paths {
    /// Every path carries all.
    pub(super) fn new(tables: &Tables) -> Self {
        let full = tables.fabric.mtu;
        Self {
            full,
            carry: vec![full; tables.fabric.nodes.len()],
            any_narrow: false,
        }
    }

    fn set(&mut self, node: NodeId, mtu: u16) {
        if let Some(carries) = self.carry.get_mut(node.index()) {
            *carries = mtu.min(self.full);
        }
        self.any_narrow = self.carry.iter().any(|&it| it < self.full);
    }

    /// The largest packet that the path to a node carries, if that is not the fabric's MTU.
    pub(super) fn narrow(&self, node: NodeId) -> Option<u16> {
        let carries = self.carry.get(node.index()).copied();
        carries.filter(|&mtu| mtu < self.full)
    }

    pub(super) const fn is_any_narrow(&self) -> bool {
        self.any_narrow
    }

    /// Follows a new policy: a path that was narrow is, to a node that is still there.
    pub(super) fn translate(&mut self, nodes: &[Option<NodeId>], tables: &Tables) {
        let old = std::mem::replace(self, Self::new(tables));
        for (&carries, node) in old.carry.iter().zip(nodes) {
            if let (true, Some(node)) = (carries < old.full, node) {
                self.set(*node, carries);
            }
        }
    }
}

impl Forwarder {
    /// What the path to a node carries from now on: its largest IP packet.
    pub fn set_path(&mut self, node: NodeId, mtu: u16) {
        self.state.paths.set(node, mtu);
    }
}

impl State {
    /// Length of the packet that carries the longest frame to a node: padding never goes beyond it.
    pub(super) fn longest_to(&self, node: NodeId) -> usize {
        let narrow = self.paths.narrow(node);
        let missing = narrow.map_or(0, |mtu| self.paths.full.saturating_sub(mtu));
        self.longest.saturating_sub(missing.into())
    }
}

impl<S: Sink> Pass<'_, S> {
    /// What the path to a node carries, if that is less than this frame needs.
    fn too_narrow(&self, node: NodeId, frame: Frame<'_>) -> Option<u16> {
        let mtu = self.state.paths.narrow(node)?;
        (longest(frame) > usize::from(mtu) + ETH_HEADER).then_some(mtu)
    }

    /// Tells the sender of a frame for one receiver that the way there is too narrow, if it is.
    pub(super) fn answer_narrow(&mut self, sender: &Sender<'_>, node: NodeId, frame: Frame<'_>) {
        if let Some(mtu) = self.too_narrow(node, frame) {
            self.answer_too_big_for(sender, frame, mtu);
        }
    }

    /// Drops a copy, which stands for `n` frames, that the path to its node does not carry; says
    /// whether it did.
    pub(super) fn drop_narrow(&mut self, node: NodeId, frame: Frame<'_>, n: u64) -> bool {
        let dropped = self.too_narrow(node, frame).is_some();
        if let (true, Some(counters)) = (dropped, self.state.peer_counters(node)) {
            counters.copies_out += n;
            counters.egress_drops.add(DropReason::EgressMtu, n);
        }
        dropped
    }
}

/// The longest of the frames that a frame stands for. What cannot be cut was refused on its way in.
fn longest(frame: Frame<'_>) -> usize {
    if frame.offload.is_finished() {
        return frame.bytes.len();
    }
    Segments::new(frame).map_or(frame.bytes.len(), |it| it.max_len())
}
