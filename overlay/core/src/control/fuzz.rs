//! The fuzz target for control messages: the encoding, and a node that hears them.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "to panic is what a target is for"
)]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use skerry_policy::{Digest, Mac, NodeId, Vni};

use super::MESSAGE_MAX;
use super::binding::{Hold, Key, Record};
use super::hello::{Echo, Hello};
use super::is_short_enough;
use super::mesh::{Mesh, Output};
use super::message::Message;
use super::offers::{LaneOffer, Offers};
use super::page::{Bindings, List, Range};
use super::probe::Probe;
use crate::claim::{Place, Strength};
use crate::fuzz::script::Script;
use crate::fuzz::site;
use crate::time::Time;
use crate::wg::LANES;

/// What decodes encodes to the same bytes and the other way round; and whatever a peer says, it
/// is believed about its own segments alone.
pub fn control(bytes: &[u8]) {
    round_trip(bytes);
    let fabric = site::fabric(0);
    let mut script = Script::new(bytes);
    let (me, peer) = (
        fabric.node_named("n1").expect("a node"),
        fabric.node_named("n3").expect("a node"),
    );
    let digest = fabric.digest;
    let mut now = Time(1_000_000_000);
    let mut mesh = Mesh::new(now, 1, Arc::new(fabric.tables_for(me, 1)));
    let mut told = 0;
    for _ in 0..8 {
        if script.is_over() {
            break;
        }
        let message = message(&mut script, digest);
        round_trip(&message);
        told += message.len();
        mesh.handle_message(now, peer, &message);
        now = now + Duration::from_millis(u64::from(script.byte()) * 100);
        mesh.handle_timeout(now);
        check_outputs(&mut mesh, peer, told);
    }
}

fn round_trip(bytes: &[u8]) {
    if let Some(message) = Message::decode(bytes) {
        assert_eq!(message.encode(), bytes, "{message:?}");
    }
}

/// Claims are about the peer's own segments, and no more than it told of.
fn check_outputs(mesh: &mut Mesh, peer: NodeId, told: usize) {
    let fabric = site::fabric(0);
    let mut claims = 0;
    while let Some(output) = mesh.poll_output() {
        match output {
            Output::Send { message, .. } => {
                assert!(is_short_enough(&message, fabric.mtu));
                assert!(Message::decode(&message).is_some(), "{message:02x?}");
            }
            Output::Path { to, mtu } => {
                assert_eq!(to, peer, "nobody else is heard");
                assert!((1170..=fabric.mtu).contains(&mtu), "{mtu}");
            }
            Output::Claim(claim) => {
                claims += 1;
                assert_eq!(claim.place, Place::Node(peer));
                assert!(fabric.may_send(peer, claim.segment), "{claim:?}");
                assert!(claim.strength < Strength::Promiscuous, "{claim:?}");
                assert!(!claim.mac.is_group() && !claim.mac.is_zero());
            }
            Output::Lanes { of, lanes, .. } => {
                assert_eq!(of, peer);
                check_lanes(&lanes);
            }
        }
    }
    assert!(claims <= told / 10, "{claims} claims out of {told} bytes");
}

/// Each once, and none with the key of a node.
fn check_lanes(lanes: &[LaneOffer]) {
    assert!(lanes.is_sorted_by(|a, b| a.number < b.number), "{lanes:?}");
    for lane in lanes {
        assert!(
            (1..LANES).contains(&lane.number) && lane.port != 0,
            "{lane:?}"
        );
        let nodes = &site::fabric(0).nodes;
        assert!(nodes.iter().all(|node| node.key != lane.key), "{lane:?}");
    }
}

/// A message as a peer that runs this policy might send it, or bytes.
pub(crate) fn message(script: &mut Script<'_>, digest: Digest) -> Vec<u8> {
    let kind = script.byte();
    let boot = u64::from(kind >> 6);
    let digest = if kind & 0x20 == 0 {
        digest
    } else {
        Digest(script.array())
    };
    let message = match kind % 4 {
        0 if kind & 0x14 == 0x10 => Message::Probe(probe(script)),
        0 if kind & 0x14 == 0x14 => Message::Answer(probe(script)),
        0 => {
            let length = usize::from(script.word()) % (MESSAGE_MAX + 2);
            return script.bytes(length).to_vec();
        }
        1 if kind & 0x10 != 0 => Message::Offers(offers(script, boot)),
        1 => Message::Hello(hello(script, boot, digest)),
        kind => {
            let sequence = u64::from(script.byte());
            let list = if kind == 2 {
                List::Changes(records(script))
            } else {
                range(script)
            };
            Message::Bindings(Bindings {
                boot,
                digest,
                sequence,
                list,
            })
        }
    };
    let mut bytes = message.encode();
    let read = Message::decode(&bytes);
    assert!(read.is_none() || read == Some(message));
    script.edit(&mut bytes);
    bytes
}

/// Numbers near those that a node of this target asks by, which begin at its boot.
fn probe(script: &mut Script<'_>) -> Probe {
    let number = u64::from(script.byte());
    let mtu = script.one_of(&[576, 1170, 1290, 1390, 1391, 9_000, 0]);
    let mtu = if mtu == 0 { script.word() } else { mtu };
    Probe { number, mtu }
}

fn hello(script: &mut Script<'_>, boot: u64, digest: Digest) -> Hello {
    let mut number = || u64::from_be_bytes(script.array());
    let (generation, sent, heard, held) = (number(), number(), number(), number());
    let echo = Echo {
        boot: heard & 3,
        sent: Time(heard),
        held: Duration::from_nanos(held),
    };
    Hello {
        boot,
        generation,
        digest,
        sent: Time(sent),
        echo: (sent & 1 == 0).then_some(echo),
    }
}

fn offers(script: &mut Script<'_>, boot: u64) -> Offers {
    let count = script.below(18);
    let lane = |_| {
        let (step, who) = (script.byte(), script.byte());
        let nodes = &site::fabric(0).nodes;
        let key = match nodes.get(usize::from(who)) {
            Some(node) => node.key,
            None => [who; 32],
        };
        LaneOffer {
            number: step % 17,
            port: script.word(),
            key,
        }
    };
    let mut lanes: Vec<LaneOffer> = (0..count).map(lane).collect();
    lanes.sort_by_key(|lane| lane.number);
    Offers { boot, lanes }
}

fn range(script: &mut Script<'_>) -> List {
    let ends = script.byte();
    let mut bindings: Vec<(Key, Hold)> = records(script)
        .into_iter()
        .map(|record| (record.key, record.hold.unwrap_or(Hold::Pinned)))
        .collect();
    if ends & 4 == 0 {
        bindings.sort_by_key(|&(key, _)| key);
    }
    List::Range(Range {
        after: (ends & 1 == 1).then(|| key(script)),
        upto: (ends & 2 == 2).then(|| key(script)),
        bindings,
    })
}

fn records(script: &mut Script<'_>) -> Vec<Record> {
    let count = script.below(48);
    let record = |_| {
        let key = key(script);
        let hold = match script.byte() % 3 {
            0 if key.ip.is_none() => None,
            1 => Some(Hold::Promiscuous),
            _ => Some(Hold::Pinned),
        };
        Record { key, hold }
    };
    (0..count).map(record).collect()
}

fn key(script: &mut Script<'_>) -> Key {
    let (vni, _) = script.one_of(&site::VNIS);
    let ip = match script.byte() % 4 {
        0 | 1 => None,
        2 => Some(IpAddr::from([10, 1, 0, script.byte()])),
        _ => Some(IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, script.word()])),
    };
    Key {
        vni: Vni::new(vni).unwrap_or_else(|| Vni::new(1).expect("a number")),
        mac: Mac([2, 0, 0, 0, script.byte() & 3, script.byte()]),
        ip,
    }
}
