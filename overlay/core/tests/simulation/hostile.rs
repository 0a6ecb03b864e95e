//! Guests that send whatever comes to their mind.

use skerry_policy::Mac;

use crate::rng::Rng;
use crate::tag::{self, BROADCAST, GROUP6};
use crate::world::World;

/// A hostile host's turn: a few frames that were honest until somebody wrote over them.
pub(crate) fn speak(world: &mut World, port: usize) {
    let mut rng = world.rng.fork(6);
    for _ in 0..1 + rng.below(4) {
        let frame = frame(world, &mut rng, port);
        world.send(port, frame, None);
    }
}

fn frame(world: &mut World, rng: &mut Rng, port: usize) -> Vec<u8> {
    let site = &world.site;
    let victim = rng.below(site.ports.len());
    let other = rng.below(site.ports.len());
    let source = match rng.within(0..4) {
        0 => site.mac(victim),
        1 => Mac([2, 0xbb, rng.byte(), rng.byte(), rng.byte(), rng.byte()]),
        _ => site.mac(port),
    };
    let target = match rng.within(0..4) {
        0 => BROADCAST,
        1 => GROUP6,
        _ => site.mac(other),
    };
    let words = rng.bytes::<40>();
    let mut frame = match rng.within(0..5) {
        0 => {
            let operation = 1 + (rng.byte() & 1);
            let sender = (site.mac(port), site.ip4(victim));
            tag::arp(
                (source, target),
                operation,
                sender,
                (target, site.ip4(other)),
            )
        }
        1 => tag::udp4(
            (source, target),
            (site.ip4(victim), site.ip4(other)),
            &words,
        ),
        2 => tag::udp6(
            (source, target),
            (site.ip6(victim), site.ip6(other)),
            &words,
        ),
        3 => advertisement(site.mac(port), (source, target), site.ip6(victim)),
        _ => tag::plain(source, target, &words),
    };
    for _ in 0..rng.below(4) {
        let at = rng.below(frame.len().min(70));
        frame[at] = rng.byte();
    }
    match rng.within(0..20) {
        0 => frame.truncate(rng.below(20)),
        1 => frame.resize(1_300 + rng.below(300), 0x5a),
        2 => insert_tag(&mut frame, 0),
        3 => {
            let vid = rng.byte();
            insert_tag(&mut frame, vid);
        }
        _ => {}
    }
    frame
}

fn insert_tag(frame: &mut Vec<u8>, vid: u8) {
    if frame.len() > 12 {
        frame.splice(12..12, [0x81, 0, 0, vid]);
    }
}

/// A neighbour advertisement with the override flag: `target` is at `link`.
fn advertisement(link: Mac, ends: (Mac, Mac), target: std::net::Ipv6Addr) -> Vec<u8> {
    let all_nodes = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let builder = etherparse::PacketBuilder::ethernet2(ends.0.0, ends.1.0)
        .ipv6(target.octets(), all_nodes, 255)
        .icmpv6_raw(136, 0, [0x20, 0, 0, 0]);
    let mut body = target.octets().to_vec();
    body.extend([2, 1]);
    body.extend(link.0);
    let mut frame = Vec::new();
    builder.write(&mut frame, &body).unwrap();
    frame
}

/// The frame as it is forwarded, where that is not as it was sent: a priority tag is taken off.
pub(crate) fn without_priority_tag(frame: &[u8]) -> Option<Vec<u8>> {
    let (head, rest) = frame.split_at_checked(12)?;
    match rest {
        [0x81, 0, high, 0, inner @ ..] if high & 0x0f == 0 => Some([head, inner].concat()),
        _ => None,
    }
}
