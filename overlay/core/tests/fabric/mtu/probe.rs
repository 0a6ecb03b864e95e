//! Datagrams by length: none is longer than its path, and a probe is what it says it is.

use std::net::SocketAddr;

use skerry_overlay::{Claim, Frame, Onward, Refused, Sink, Transmit};
use skerry_policy::{LocalPort, NodeId};

use super::MTU;
use super::path::{HOST, NARROW, ROUTER, id, sized, world};
use crate::world::{Recorder, World};

/// Datagrams of n1 since this was last asked, by length.
fn datagrams(world: &mut World) -> Vec<usize> {
    let node = &mut world.nodes[0];
    node.forwarder.flush(&mut node.recorder);
    let sent = node.recorder.sent.drain(..);
    sent.map(|(_, _, datagram)| datagram.len()).collect()
}

#[test]
fn no_datagram_is_longer_than_its_path_and_a_probe_is_as_long_as_a_frame() {
    let mut world = world(NARROW);
    let n3 = id(&world, "n3");
    let (node, local) = world.place(HOST);
    for length in [NARROW - 17, NARROW - 1, NARROW] {
        let frame = sized(HOST, ROUTER, false, length);
        let node = &mut world.nodes[node];
        let frame = Frame::plain(&frame);
        node.forwarder
            .handle_frame(world.now, local, frame, &mut node.recorder);
        let sent = datagrams(&mut world);
        assert_eq!(sent.len(), 1);
        // 28 bytes of IP and UDP are in front of it on the underlay.
        assert!(sent[0] + 28 <= 1280, "{length} makes {sent:?}");
    }
    for mtu in [576, NARROW, 1389, MTU] {
        let mut probe = b"SK\x01\x04".to_vec();
        probe.resize(usize::from(mtu) + 22, 0);
        let now = world.now;
        let node = &mut world.nodes[0];
        let sent = node
            .forwarder
            .send_control(now, n3, &probe, &mut node.recorder);
        assert_eq!(sent, Ok(()));
        assert_eq!(datagrams(&mut world), [usize::from(mtu) + 110 - 28]);
    }
}

#[test]
fn a_probe_is_a_batch_by_itself() {
    let mut world = world(MTU);
    let (n3, now) = (id(&world, "n3"), world.now);
    let (index, local) = world.place(HOST);
    let frame = sized(HOST, ROUTER, false, MTU);
    let mut probe = b"SK\x01\x04".to_vec();
    probe.resize(usize::from(NARROW) + 22, 0);
    let node = &mut world.nodes[index];
    let mut batches = Batches::default();
    node.forwarder
        .handle_frame(now, local, Frame::plain(&frame), &mut batches);
    let sent = node.forwarder.send_control(now, n3, &probe, &mut batches);
    assert_eq!((sent, batches.0), (Ok(()), vec![1, 1]));
}

/// How many datagrams each send has.
#[derive(Default)]
struct Batches(Vec<usize>);

impl Sink for Batches {
    fn deliver(&mut self, _: LocalPort, _: Frame<'_>) -> Result<(), Refused> {
        Ok(())
    }

    fn transmit(&mut self, datagrams: Transmit<'_>) {
        self.0.push(datagrams.bytes.len().div_ceil(datagrams.size));
    }

    fn handoff(&mut self, _: Onward, _: Frame<'_>) -> Result<(), Refused> {
        Ok(())
    }

    fn control(&mut self, _: NodeId, _: SocketAddr, _: &[u8]) {}

    fn claim(&mut self, _: Claim) {}
}

#[test]
fn a_probe_may_be_as_long_as_a_frame_and_nothing_else_may() {
    let mut world = world(MTU);
    let (n1, n3) = (id(&world, "n1"), world.place(ROUTER).0);
    for (kind, length, passes) in [
        (4, usize::from(MTU) + 22, true),
        (4, usize::from(MTU) + 23, false),
        (1, usize::from(MTU) + 22, false),
        (5, usize::from(MTU) + 22, false),
    ] {
        let mut message = vec![b'S', b'K', 1, kind];
        message.resize(length, 0);
        let now = world.now;
        let Recorder { control, .. } = &mut world.nodes[0].recorder;
        control.clear();
        let node = &mut world.nodes[n3];
        let sent = node
            .forwarder
            .send_control(now, n1, &message, &mut node.recorder);
        assert_eq!(sent, Ok(()));
        world.settle();
        let heard = !world.nodes[0].recorder.control.is_empty();
        assert_eq!(heard, passes, "kind {kind}, {length} bytes");
    }
}
