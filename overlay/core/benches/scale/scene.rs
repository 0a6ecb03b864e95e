//! One point of one curve: a node with everybody known, and frames through it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use skerry_overlay::{Change, Claim, Ecn, Forwarder, Frame, Place, Strength, Time};
use skerry_policy::{Fabric, Role};

use crate::cpu;
use crate::far::{Far, connect, settle};
use crate::layout::{Crowd, Host, Layout, Way};
use crate::walk::Walk;
use crate::world::frames::Template;
use crate::world::node::{FDB_LIMIT, NOW, forwarder};
use crate::world::sinks::{Counter, Wire};
use crate::world::site::endpoint;

/// A small frame: the worst case, since nothing is copied or sealed that would hide the rest.
const LENGTH: usize = 64;

/// Frames between two looks at the clock of a real worker.
const BATCH: u64 = 64;

/// A node, its far ends, and whose turn it is.
pub(crate) struct Scene {
    pub(crate) layout: Layout,
    hub: Forwarder,
    far: Vec<Far>,
    sink: Counter,
    template: Template,
    walks: [Walk; 3],
    nth: u64,
}

impl Scene {
    /// The node with every tunnel up and every address known.
    pub(crate) fn new(layout: Layout) -> Self {
        let fabric = layout.plan.fabric();
        let mut hub = forwarder(&fabric, 0, FDB_LIMIT);
        let far = connect(&mut hub, layout.plan.peers);
        let mut scene = Self {
            hub,
            far,
            sink: Counter::default(),
            template: Template::new(layout.transport(), LENGTH),
            walks: layout.walks(),
            nth: 0,
            layout,
        };
        scene.introduce(&fabric, layout.senders);
        scene.introduce(&fabric, layout.receivers);
        if layout.way == Way::In {
            scene.give_headers();
        }
        scene
    }

    /// Has a crowd known: by a frame of each if it is here, by its node's word otherwise.
    fn introduce(&mut self, fabric: &Arc<Fabric>, crowd: Crowd) {
        let mut wire = Wire::default();
        let segment = fabric.segments.iter().find(|it| it.role == Role::Community);
        let segment = segment.unwrap();
        for host in (0..crowd.len()).map(|nth| crowd.host(nth)) {
            if host.node == 0 {
                self.template.patch(host.end, crowd.host(0).end, 0, 0);
                let frame = Frame::plain(&self.template.bytes);
                self.hub.handle_frame(NOW, host.port, frame, &mut wire);
                continue;
            }
            let claim = Claim {
                generation: 1,
                pvlan: segment.pvlan,
                segment: segment.id,
                mac: host.end.mac,
                place: Place::Node(fabric.node_named(&format!("n{}", host.node)).unwrap()),
                strength: Strength::Pinned,
                what: Change::Here(NOW),
            };
            self.hub.apply_claim(NOW, &claim, &mut Wire::default());
        }
        let known: std::collections::HashSet<_> = self.hub.fdb(NOW).map(|it| it.mac).collect();
        for nth in 0..crowd.len() {
            let mac = crowd.host(nth).end.mac;
            assert!(known.contains(&mac), "{}: {mac:?}", self.layout.name());
        }
    }

    /// Shows every far end what a packet to it looks like.
    fn give_headers(&mut self) {
        let (mut wire, from) = (Wire::default(), self.layout.receivers.host(0));
        let crowd = self.layout.senders;
        let mut told = std::collections::HashSet::new();
        for to in (0..crowd.len()).map(|nth| crowd.host(nth)) {
            if told.insert(to.node) {
                self.template.patch(from.end, to.end, 0, 0);
                let frame = Frame::plain(&self.template.bytes);
                self.hub.handle_frame(NOW, from.port, frame, &mut wire);
            }
        }
        settle(&mut self.hub, &mut self.far, &mut wire);
    }

    /// Carries so many frames; the CPU time of it, and nothing else.
    pub(crate) fn carry(&mut self, frames: u64) -> Duration {
        let before = self.carried();
        self.sink.effects = 0;
        let took = match self.layout.way {
            Way::Here | Way::Out => self.send(frames),
            Way::In => self.receive(frames),
        };
        let carried = self.carried() - before;
        assert_eq!(carried, frames, "{}: each arrives", self.layout.name());
        assert!(self.sink.effects > 0, "somebody was given them");
        took
    }

    fn send(&mut self, frames: u64) -> Duration {
        let start = cpu::time();
        for nth in 1..=frames {
            let from = self.prepare();
            let frame = Frame::plain(&self.template.bytes);
            self.hub.handle_frame(NOW, from.port, frame, &mut self.sink);
            if nth % BATCH == 0 {
                self.end_batch();
            }
        }
        self.end_batch();
        cpu::time() - start
    }

    /// All are sealed before any is opened, so that the far ends are not in the measured caches.
    fn receive(&mut self, frames: u64) -> Duration {
        let (mut bytes, mut nodes, mut stride) = (Vec::new(), Vec::new(), 0);
        for _ in 0..frames {
            let from = self.prepare();
            let far = &mut self.far[usize::try_from(from.node).unwrap() - 1];
            stride = far.seal(&self.template.bytes, &mut bytes);
            nodes.push(from.node);
        }
        assert_eq!(bytes.len(), stride * nodes.len(), "all have one length");
        let start = cpu::time();
        for (nth, (node, datagram)) in (1..).zip(nodes.iter().zip(bytes.chunks(stride))) {
            let from = endpoint(*node);
            self.hub
                .handle_datagram(NOW, from, Ecn::NotEct, datagram, &mut self.sink);
            if nth % BATCH == 0 {
                self.end_batch();
            }
        }
        self.end_batch();
        cpu::time() - start
    }

    /// What of the time is not the node's: finding out whose turn it is, and the frame itself.
    pub(crate) fn overhead(&mut self, frames: u64) -> Duration {
        let start = cpu::time();
        for _ in 0..frames {
            black_box(self.prepare());
            black_box(&self.template.bytes);
        }
        cpu::time() - start
    }

    /// Makes the next frame; whose it is.
    fn prepare(&mut self) -> Host {
        let [from, to, flow] = self.walks.each_mut().map(Walk::turn);
        let from = self.layout.senders.host(from);
        let mut target = self.layout.receivers.host(to);
        if target.end.mac == from.end.mac {
            let next = (to + 1) % self.layout.receivers.len();
            target = self.layout.receivers.host(next);
        }
        self.nth += 1;
        self.template.patch(from.end, target.end, flow, self.nth);
        from
    }

    /// Runs what is due at a later time; the CPU time of it.
    pub(crate) fn pass_time(&mut self, now: Time) -> Duration {
        let mut wire = Wire::default();
        let start = cpu::time();
        self.hub.handle_timeout(now, &mut wire);
        cpu::time() - start
    }

    fn end_batch(&mut self) {
        black_box(self.hub.poll_timeout());
        self.hub.flush(&mut self.sink);
    }

    /// Frames that went to a port or a peer so far.
    fn carried(&self) -> u64 {
        let counters = self.hub.counters();
        let ports = counters.ports.iter().map(|it| it.sent);
        let peers = counters.peers.iter().map(|it| it.frames_out);
        ports.sum::<u64>() + peers.sum::<u64>()
    }
}
