//! Frames that nobody would send on purpose: whatever a host makes up, it reaches nobody that
//! policy denies it, no counter is lost, and nothing panics.

use std::cell::RefCell;

use proptest::prelude::*;
use skerry_overlay::{Checksum, Frame, Offload, Superframe, SuperframeKind};
use skerry_policy::Mac;

use crate::matrix::permitted;
use crate::world::frames::{BROADCAST, ip, mac, udp};
use crate::world::{PORTS, World, guarded, open};

fn any_offload() -> impl Strategy<Value = Offload> {
    let kind = prop_oneof![
        Just(SuperframeKind::Tcp4),
        Just(SuperframeKind::Tcp6),
        Just(SuperframeKind::Udp)
    ];
    let superframe = prop::option::of((kind, any::<u16>(), any::<bool>()));
    let checksum = prop::option::of((0_u16..80, 0_u16..40));
    (superframe, checksum, any::<bool>()).prop_map(|(superframe, checksum, valid)| Offload {
        superframe: superframe.map(|(kind, size, ecn)| Superframe { kind, size, ecn }),
        checksum: checksum.map(|(start, offset)| Checksum { start, offset }),
        valid,
    })
}

/// A frame that was honest until somebody wrote over it.
fn any_frame() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let ports = 0..PORTS.len();
    let edits = prop::collection::vec((0_usize..70, any::<u8>()), 0..6);
    let destination = prop_oneof![Just(None), ports.clone().prop_map(Some)];
    (ports, destination, edits, 0_usize..80).prop_map(|(from, to, edits, cut)| {
        let destination = to.map_or(BROADCAST, |to: usize| mac(PORTS[to]));
        let target = to.map_or_else(|| [192, 0, 2, 1].into(), |to| ip(PORTS[to]));
        let mut frame = udp(PORTS[from], destination, target, &[7; 30]);
        for (place, value) in edits {
            if let Some(byte) = frame.get_mut(place) {
                *byte = value;
            }
        }
        if cut < 14 {
            frame.truncate(cut * 5);
        }
        (from, frame)
    })
}

fn check(world: &RefCell<World>, from: usize, frame: &[u8], offload: Offload) {
    let mut world = world.borrow_mut();
    world.forget();
    let from = PORTS[from];
    world.send_frame(
        from,
        Frame {
            bytes: frame,
            offload,
        },
    );
    for (to, copy) in world.received() {
        let answer = to == from && Mac(copy[..6].try_into().unwrap()) == mac(from);
        let own_words = copy.get(6..12) == frame.get(6..12);
        let spoofed_answer = to == from && !own_words;
        assert!(
            permitted(from, &to) || answer || spoofed_answer,
            "{from} reached {to} with {frame:02x?} {offload:?}"
        );
    }
}

fn run(site: &str) {
    let world = RefCell::new(World::new(site));
    let config = ProptestConfig {
        cases: 4000,
        failure_persistence: None,
        ..Default::default()
    };
    proptest!(config, |((from, frame) in any_frame(), offload in any_offload())| {
        check(&world, from, &frame, Offload::NONE);
        check(&world, from, &frame, offload);
    });
}

#[test]
fn with_guards_nothing_made_up_gets_where_it_may_not() {
    run(&guarded());
}

#[test]
fn without_guards_nothing_made_up_gets_where_it_may_not() {
    run(&open());
}
