//! Real boringtun on both ends, a list of datagrams between them, a clock that is a number.

mod batches;
mod datagrams;
mod endpoints;
mod sessions;
mod workers;

use std::sync::Arc;

use proptest::prelude::*;
use skerry_policy::Fabric;

use super::*;
use crate::wg::padded_len;
use crate::wg::testing::{Wire, address, fabric, id, node_line, reachable, secret};

/// One node's lanes, where they are, and what they received.
struct End {
    lanes: Lanes,
    room: Scratch,
    at: SocketAddr,
    fabric: Arc<Fabric>,
    wire: Wire,
    packets: Vec<(NodeId, Vec<u8>)>,
    drops: Vec<(DropReason, Option<NodeId>)>,
}

impl End {
    fn boot(now: Time, name: &str, fabric: &Arc<Fabric>) -> Self {
        let mut lanes = Lanes::new(secret(name), 0, u32::from(name.as_bytes()[1]));
        lanes.install(now, fabric, id(fabric, name));
        Self {
            lanes,
            room: Scratch::default(),
            at: address(name),
            fabric: Arc::clone(fabric),
            wire: Wire::default(),
            packets: Vec::new(),
            drops: Vec::new(),
        }
    }

    fn tick(&mut self, now: Time) {
        self.lanes.handle_timeout(now, &mut self.wire);
    }

    fn seal(&mut self, now: Time, to: &str, packet: &[u8]) -> Result<(), Refused> {
        let to = id(&self.fabric, to);
        self.lanes.seal(now, to, packet, &mut self.wire)
    }

    fn flush(&mut self) {
        self.lanes.flush(&mut self.wire);
    }

    fn open(&mut self, now: Time, from: SocketAddr, datagram: &[u8]) {
        let opened = self
            .lanes
            .open(now, from, datagram, &mut self.room, &mut self.wire);
        match opened {
            Opened::Packet { node, bytes } => self.packets.push((node, bytes.to_vec())),
            Opened::Handled => {}
            Opened::Dropped(reason, node) => self.drops.push((reason, node)),
        }
    }

    fn status(&self, of: &str) -> LaneStatus {
        let node = id(&self.fabric, of);
        self.lanes
            .status()
            .find(|status| status.node == node)
            .unwrap()
    }

    fn install(&mut self, now: Time, name: &str, fabric: &Arc<Fabric>) {
        self.fabric = Arc::clone(fabric);
        self.lanes.install(now, fabric, id(fabric, name));
    }
}

/// Carries datagrams between the ends until nothing moves.
fn settle(now: Time, ends: &mut [&mut End]) {
    loop {
        let mut moved = false;
        for from in 0..ends.len() {
            let (source, list) = (ends[from].at, ends[from].wire.take());
            for (to, datagram) in list {
                moved = true;
                for end in ends.iter_mut().filter(|end| end.at == to) {
                    end.open(now, source, &datagram);
                }
            }
        }
        if !moved {
            return;
        }
    }
}

fn pair() -> (Time, End, End) {
    let fabric = fabric(&[reachable("n1"), reachable("n2")]);
    let now = Time(1_000_000_000);
    let mut a = End::boot(now, "n1", &fabric);
    let mut b = End::boot(now, "n2", &fabric);
    a.tick(now);
    settle(now, &mut [&mut a, &mut b]);
    assert!(a.status("n2").has_session && b.status("n1").has_session);
    (now, a, b)
}

/// An IPv4 packet whose payload starts with a number, padded as the forwarder pads.
fn packet(number: u32, len: usize) -> Vec<u8> {
    let mut packet = vec![0; padded_len(len)];
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
    packet[20..24].copy_from_slice(&number.to_be_bytes());
    packet
}

fn number(packet: &[u8]) -> u32 {
    u32::from_be_bytes([packet[20], packet[21], packet[22], packet[23]])
}

/// One sealed datagram of `a` to `n2`, taken off the wire.
fn sealed(now: Time, a: &mut End, number: u32, len: usize) -> Vec<u8> {
    a.seal(now, "n2", &packet(number, len)).unwrap();
    a.flush();
    a.wire.take().remove(0).1
}

#[track_caller]
fn check_drop(end: &mut End, reason: DropReason) {
    assert!(end.packets.is_empty(), "{:?}", end.packets);
    let drops = std::mem::take(&mut end.drops);
    assert_eq!(
        drops.iter().map(|drop| drop.0).collect::<Vec<_>>(),
        [reason]
    );
}
