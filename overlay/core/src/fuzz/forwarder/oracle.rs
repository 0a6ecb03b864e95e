//! One step of a script, and what may come of it.

use super::frames;
use super::world::{HOSTILE, World};
use crate::control::{CONTROL_PORT, fuzz::message};
use crate::frame::{Frame, Offload};
use crate::fuzz::gso::offload;
use crate::fuzz::script::Script;
use crate::fuzz::site::{GATEWAY, SEATS, VNIS, accepts, overlay};
use crate::wire::carrier::{Carried, Carrier};
use crate::wire::vxlan;
use skerry_policy::Vni;

/// A host sends a frame.
pub(super) fn frame(world: &mut World, script: &mut Script<'_>) {
    let node = script.below(2);
    let port = script.below(world.nodes[node].up.len());
    let bytes = frames::any(script);
    let offload = if script.byte() & 0xf0 == 0xf0 {
        offload(script)
    } else {
        Offload::NONE
    };
    let frame = Frame {
        bytes: &bytes,
        offload,
    };
    let seat = world.nodes[node].seat(port);
    let before = world.nodes[node].forwarder.counters().ports[port].frames_in;
    world.send(node, port, frame);
    let after = world.nodes[node].forwarder.counters().ports[port].frames_in;
    assert!(after > before, "every frame is counted");
    let segment = segment_of(&bytes, seat.segments);
    if !world.nodes[node].up[port] {
        assert_eq!(world.carried, 0, "a port that is down sends nothing");
    }
    check_deliveries(world, node + 1, Some((node, port)), segment, &bytes);
    check_overheard(world, node, segment, &bytes);
}

/// The segment a frame enters by, if there is one that it could.
fn segment_of(bytes: &[u8], segments: &[(u16, &'static str)]) -> &'static str {
    let word = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let vid = match word(12) {
        Some(0x8100) => word(14).map_or(0, |tci| tci & 0xfff),
        _ => 0,
    };
    let found = segments.iter().find(|(tag, _)| *tag == vid);
    found.map_or("", |(_, segment)| *segment)
}

/// Every copy is where RFC 5517 lets it be by the policy of the node that delivers it, and under
/// the right tag. Before that, the node it came from must be one that has a port in the segment.
fn check_deliveries(
    world: &World,
    from: usize,
    origin: Option<(usize, usize)>,
    segment: &str,
    sent: &[u8],
) {
    for (index, node) in world.nodes.iter().enumerate() {
        for (port, copy) in &node.recorder.delivered {
            let port = port.index();
            let seat = node.seat(port);
            let told = || {
                format!(
                    "{segment:?} of n{from} to {}: {sent:02x?} {copy:02x?}",
                    seat.name
                )
            };
            assert!(node.up[port], "a port that is down: {}", told());
            if origin == Some((index, port)) {
                assert!(is_answer(copy, sent), "its own frame: {}", told());
                continue;
            }
            let lands = segment_of(copy, seat.segments);
            assert!(accepts(segment, lands), "forbidden: {}", told());
            let tagged = copy.get(12..14) == Some(&[0x81, 0][..]);
            assert!(
                tagged || seat.segments[0].0 == 0,
                "a trunk's copy has its tag: {}",
                told()
            );
            let may_send = SEATS[node.generation]
                .iter()
                .filter(|it| it.node == from)
                .any(|it| it.segments.iter().any(|(_, its)| *its == segment));
            assert!(may_send, "n{from} has no such port there: {}", told());
        }
    }
}

/// What comes back to the sender: ARP, neighbour discovery, or word that its packet was too big, to
/// the address that sent, and not the frame itself.
fn is_answer(copy: &[u8], sent: &[u8]) -> bool {
    let at = if copy.get(12..14) == Some(&[0x81, 0][..]) {
        16
    } else {
        12
    };
    let kind = copy.get(at..at + 2);
    copy.get(..6) == sent.get(6..12)
        && copy.get(6..12) != sent.get(6..12)
        && [[8, 6], [8, 0], [0x86, 0xdd]]
            .iter()
            .any(|it| kind == Some(it))
}

/// The peer hears only segments that one of its ports accepts, and nothing for the gateway.
fn check_overheard(world: &World, node: usize, segment: &str, sent: &[u8]) {
    let generation = world.nodes[node].generation;
    for (from, packet) in &world.overheard {
        let carried = Carried::parse(packet).expect("what our nodes send is UDP");
        if carried.port == CONTROL_PORT {
            continue;
        }
        assert_eq!(*from, node + 1, "only the frame's own node sends it");
        let (vni, inner) = vxlan::parse(carried.payload).expect("VXLAN");
        let named = VNIS.iter().find(|(number, _)| *number == vni.get());
        assert_eq!(named.map(|(_, name)| *name), Some(segment), "{sent:02x?}");
        let mut theirs = SEATS[generation].iter().filter(|it| it.node == HOSTILE);
        let hears = theirs.any(|it| it.segments.iter().any(|(_, its)| accepts(segment, its)));
        assert!(hears, "{segment} leaves for the peer: {sent:02x?}");
        let for_gateway = inner.get(..6) == Some(&GATEWAY[..]);
        assert!(
            !for_gateway || !segment.starts_with("blue"),
            "drawn: {sent:02x?}"
        );
    }
}

/// The peer seals a frame, in order or with a few bytes written over.
pub(super) fn sealed_frame(world: &mut World, script: &mut Script<'_>) {
    let (node, how) = (script.below(2), script.byte());
    let (number, segment) = script.one_of(&VNIS);
    let frame = frames::any(script);
    let mut payload = match Vni::new(number) {
        Some(vni) => vxlan::header(vni).to_vec(),
        None => vec![8, 0, 0, 0, 0, 0, 0, 0],
    };
    payload.extend(&frame);
    let mut packet = wrap(world, node, &payload, vxlan::PORT);
    let mut segment = segment;
    if how & 0xe0 == 0xe0 && script.edit(&mut packet) {
        // Whatever it is now, it is of the segment that it says, if it says one.
        let said = Carried::parse(&packet).ok();
        let said = said.and_then(|it| vxlan::parse(it.payload).ok());
        let named = said.and_then(|(vni, _)| VNIS.iter().find(|it| it.0 == vni.get()));
        segment = named.map_or("", |(_, name)| *name);
    }
    send_sealed(world, node, &packet, segment);
}

/// The peer seals bytes.
pub(super) fn sealed_bytes(world: &mut World, script: &mut Script<'_>) {
    let node = script.below(2);
    let length = usize::from(script.byte());
    let mut packet = script.bytes(length).to_vec();
    packet.truncate(27);
    send_sealed(world, node, &packet, "");
}

/// What came out of a tunnel is delivered here or nowhere: it goes into no tunnel.
fn send_sealed(world: &mut World, node: usize, packet: &[u8], segment: &str) {
    world.send_sealed(node, packet);
    assert_eq!(world.carried, 0, "from tunnel to tunnel: {packet:02x?}");
    check_deliveries(world, HOSTILE, None, segment, packet);
    let elsewhere = &world.nodes[1 - node].recorder.delivered;
    assert!(
        elsewhere.is_empty(),
        "by way of another node: {packet:02x?}"
    );
}

/// A datagram that nobody sealed: an old one again, one written over, or bytes.
pub(super) fn datagram(world: &mut World, script: &mut Script<'_>) {
    let node = script.below(2);
    let bytes = match script.byte() % 4 {
        0 => {
            let length = usize::from(script.byte());
            script.bytes(length).to_vec()
        }
        1 => world.last.clone(),
        _ => {
            let mut bytes = world.last.clone();
            script.edit(&mut bytes);
            bytes
        }
    };
    // For the other node, or for the same one once more: neither may open it. A handshake that
    // was not written over may be answered again, as WireGuard's own rules have it.
    world.send_datagram(node, &bytes);
    for node in &world.nodes {
        assert!(node.recorder.delivered.is_empty(), "{bytes:02x?}");
    }
}

/// The peer says something to a node's control task.
pub(super) fn control(world: &mut World, script: &mut Script<'_>) {
    let node = script.below(2);
    let digest = world.nodes[node].forwarder.tables().fabric.digest;
    let message = message(script, digest);
    let packet = wrap(world, node, &message, CONTROL_PORT);
    send_sealed(world, node, &packet, "");
}

/// A packet from the peer's overlay address to a node's.
fn wrap(world: &World, node: usize, payload: &[u8], port: u16) -> Vec<u8> {
    let [a, b, ..] = world.nodes[node].forwarder.tables().fabric.digest.0;
    let edition = u16::from_be_bytes([a, b]);
    let (source, destination) = (overlay(HOSTILE), overlay(node + 1));
    let carrier = Carrier::new(source.into(), destination.into(), edition).expect("one family");
    let mut packet = vec![0; carrier.header_len()];
    packet.extend(payload);
    carrier.write(&mut packet, 0xc001, port).expect("it fits");
    packet
}
