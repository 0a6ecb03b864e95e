//! A node in the hands of an attacker: it holds the node's key and runs its tunnels, and sends
//! through them what it likes.

use std::net::SocketAddr;
use std::sync::Arc;

use skerry_overlay::{Claim, Frame, Lanes, Onward, Opened, Refused, Scratch, Sink, Time, Transmit};
use skerry_policy::{Fabric, LocalPort, NodeId};

use crate::forgery::{Forged, Knowledge};
use crate::node::at_the_origin;
use crate::rng::Rng;
use crate::site::secret;

/// Inner packets: IPv4 or IPv6, UDP, VXLAN.
const UDP: usize = 8;
const VXLAN: usize = 8;

/// Datagrams to be sent.
#[derive(Debug, Default)]
struct Outbox(Vec<(SocketAddr, Vec<u8>)>);

impl Sink for Outbox {
    fn deliver(&mut self, _: LocalPort, _: Frame<'_>) -> Result<(), Refused> {
        Err(Refused::Down)
    }

    fn transmit(&mut self, datagrams: Transmit<'_>) {
        for datagram in datagrams.bytes.chunks(datagrams.size.max(1)) {
            self.0.push((datagrams.to, datagram.to_vec()));
        }
    }

    fn handoff(&mut self, _: Onward, _: Frame<'_>) -> Result<(), Refused> {
        Err(Refused::Down)
    }

    fn control(&mut self, _: NodeId, _: SocketAddr, _: &[u8]) {}

    fn claim(&mut self, _: Claim) {}
}

/// The attacker.
pub(crate) struct Intruder {
    pub(crate) node: usize,
    fabric: Arc<Fabric>,
    lanes: Lanes,
    room: Scratch,
    outbox: Outbox,
    pub(crate) rng: Rng,
    knowledge: Knowledge,
}

impl Intruder {
    /// Takes over a node that is gone.
    pub(crate) fn new(now: Time, node: usize, fabric: &Arc<Fabric>, mut rng: Rng) -> Self {
        let me = fabric.node_named(&format!("n{node}")).unwrap();
        let [a, b, c, d, ..] = rng.next().to_be_bytes();
        let mut lanes = Lanes::new(secret(node), 0, u32::from_be_bytes([a, b, c, d]));
        at_the_origin(|| lanes.install(now, fabric, me));
        let mut outbox = Outbox::default();
        lanes.handle_timeout(now, &mut outbox);
        Self {
            node,
            fabric: Arc::clone(fabric),
            lanes,
            room: Scratch::default(),
            outbox,
            knowledge: Knowledge::new(rng.next(), fabric.digest),
            rng,
        }
    }

    /// The frame that a datagram carried, if it carried one.
    pub(crate) fn datagram(
        &mut self,
        now: Time,
        from: SocketAddr,
        bytes: &[u8],
    ) -> Option<Vec<u8>> {
        let Self {
            lanes,
            room,
            outbox,
            ..
        } = self;
        match lanes.open(now, from, bytes, room, outbox) {
            Opened::Packet { bytes, .. } => {
                let ip = if bytes[0] >> 4 == 4 { 20 } else { 40 };
                let vxlan = bytes.get(ip + 2..ip + 4) == Some(&4789_u16.to_be_bytes()[..]);
                let inner = bytes.get(ip + UDP + VXLAN..);
                inner.filter(|_| vxlan).map(<[u8]>::to_vec)
            }
            Opened::Handled | Opened::Dropped(..) => None,
        }
    }

    pub(crate) fn timers(&mut self, now: Time) {
        self.lanes.handle_timeout(now, &mut self.outbox);
    }

    pub(crate) fn due(&self) -> Option<Time> {
        self.lanes.poll_timeout()
    }

    /// What it has to send by now.
    pub(crate) fn sent(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        self.lanes.flush(&mut self.outbox);
        std::mem::take(&mut self.outbox.0)
    }

    /// Sends something forged to another node.
    pub(crate) fn forge(&mut self, now: Time, to: usize, forged: &Forged) {
        let to = self.fabric.node_named(&format!("n{to}")).unwrap();
        let me = self.fabric.node_named(&format!("n{}", self.node)).unwrap();
        let overlay = |id: NodeId| self.fabric.nodes[id.index()].overlay;
        let mut packet = forged.packet(overlay(me), overlay(to));
        // It says that it runs the policy that all run.
        let edition = if packet[0] >> 4 == 4 { 4..6 } else { 2..4 };
        packet[edition].copy_from_slice(&self.fabric.digest.0[..2]);
        // Without a session it waits, or is lost.
        let _sent = self.lanes.seal(now, to, &packet, &mut self.outbox);
    }

    /// What it knows and counts, and its random numbers.
    pub(crate) const fn mind(&mut self) -> (&mut Knowledge, &mut Rng) {
        (&mut self.knowledge, &mut self.rng)
    }
}
