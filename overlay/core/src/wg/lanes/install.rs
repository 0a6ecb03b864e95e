//! Which lanes there are: what policy lists, and of another lane than the first what peers tell.

use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};
use skerry_policy::{Fabric, Node, NodeId, Stock};

use super::Lanes;
use crate::sink::Sink;
use crate::time::Time;
use crate::wg::far::{Far, Told};
use crate::wg::index::LANES_MAX;
use crate::wg::lane::{Identity, Lane, TICK};

/// Lanes tick in this many groups, a few milliseconds apart.
const PHASES: u32 = 16;

impl Lanes {
    /// Takes up a policy. Lanes whose peer keeps its key keep their session; others are dropped
    /// with their keys, new ones are due for a handshake at once (see [`Self::poll_timeout`]). What
    /// waits for a session is never sent: the new policy may not let it.
    pub fn install(&mut self, now: Time, fabric: &Fabric, me: NodeId) {
        for lane in &mut self.lanes {
            lane.void();
        }
        self.arrange(now, fabric, me);
    }

    /// Makes the lanes that policy lists and peers have told of, and keeps those that there are.
    fn arrange(&mut self, now: Time, fabric: &Fabric, me: NodeId) {
        self.now = now;
        let peers = fabric.nodes.iter().filter(|node| tunnels(fabric, node, me));
        let peers: Vec<&Node> = peers.take(LANES_MAX).collect();
        let listed: FxHashSet<[u8; 32]> = fabric.nodes.iter().map(|node| node.key).collect();
        self.told.retain(|key, _| listed.contains(key));
        let mut old: FxHashMap<[u8; 32], Lane> =
            self.lanes.drain(..).map(|lane| (lane.key, lane)).collect();
        for (node, phase) in peers.into_iter().zip((0..PHASES).cycle()) {
            let Some(far) = self.far(&listed, node) else {
                continue;
            };
            let kept = old.remove(&node.key);
            let lane = match kept.filter(|lane| lane.far_key == far.key) {
                Some(mut lane) => {
                    lane.adopt(node, &far);
                    Some(lane)
                }
                None => self.fresh(now, node, &far, TICK * phase / PHASES, &old),
            };
            self.lanes.extend(lane);
        }
        self.reindex(fabric.nodes.len());
    }

    /// Takes what a peer has told of this lane, or that it has none. What lane 0 goes by stands in
    /// the policy, whatever anybody tells.
    pub fn tell(
        &mut self,
        now: Time,
        fabric: &Fabric,
        me: NodeId,
        peer: NodeId,
        told: Option<Told>,
        sink: &mut impl Sink,
    ) {
        let Some(node) = fabric.nodes.get(peer.index()) else {
            return;
        };
        let known = self.told.get(&node.key);
        // Whoever told of a key first keeps it: two ends of lanes are never the same.
        let is_taken = |it: &Told| {
            self.told
                .iter()
                .any(|(of, at)| *of != node.key && at.key == it.key)
        };
        if self.is_first() || known == told.as_ref() || told.as_ref().is_some_and(is_taken) {
            return;
        }
        match told {
            Some(told) => self.told.insert(node.key, told),
            None => self.told.remove(&node.key),
        };
        // What was sealed for a lane that goes still goes out.
        self.flush(sink);
        self.arrange(now, fabric, me);
    }

    /// The far end of this lane to a peer; `None` where there is no such lane.
    fn far(&self, listed: &FxHashSet<[u8; 32]>, node: &Node) -> Option<Far> {
        if self.is_first() {
            return Some(Far::listed(node));
        }
        let told = self.told.get(&node.key).filter(|_| node.stock.is_none())?;
        let is_own = told.key == *self.keys.public().as_bytes();
        (!is_own && !listed.contains(&told.key)).then(|| Far::told(told))
    }

    /// A lane without a session; `None` where none could be bound to the peer's key.
    fn fresh(
        &mut self,
        now: Time,
        node: &Node,
        far: &Far,
        stagger: Duration,
        old: &FxHashMap<[u8; 32], Lane>,
    ) -> Option<Lane> {
        let shared = if self.is_first() {
            None
        } else {
            Some(self.keys.shared(&node.key)?)
        };
        let fresh = &self.lanes;
        let index = self.indices.draw(|index| {
            let has = |lane: &Lane| lane.index == index;
            fresh.iter().any(has) || old.values().any(has)
        });
        let identity = Identity {
            keys: &self.keys,
            limiter: self.limiter.for_lanes(),
        };
        let lane = Lane::new(now, &identity, node, far, shared.as_deref(), index, stagger);
        Some(lane)
    }

    /// Rebuilds the tables that point into `lanes`.
    fn reindex(&mut self, nodes: usize) {
        self.by_node = vec![None; nodes];
        self.by_key.clear();
        self.indices.clear();
        self.open.clear();
        for (position, lane) in self.lanes.iter().enumerate() {
            if let Some(slot) = self.by_node.get_mut(lane.node.index()) {
                *slot = Some(position);
            }
            self.by_key.insert(lane.far_key, position);
            self.indices.set(lane.index, position);
            if lane.batch.is_open() {
                self.open.push(position);
            }
        }
        self.pool.set_lent(self.open.len());
        self.timeout = self.lanes.iter().map(Lane::due).min();
    }
}

/// Whether this node has a tunnel of its own to `node`: to every node that runs Skerry, to the
/// stock members of the mesh that have been told of it, as `skerry peer` tells those with which
/// frames are exchanged, and to the stock edges that it is the home of.
fn tunnels(fabric: &Fabric, node: &Node, me: NodeId) -> bool {
    node.id != me
        && match node.stock {
            Some(Stock::Edge(home)) => home == me,
            Some(Stock::Mesh) => fabric.exchanges(node.id, me),
            None => true,
        }
}
