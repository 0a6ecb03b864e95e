//! Scripts for the MAC table, beside a naive one that keeps whole histories.

use std::collections::BTreeMap;
use std::time::Duration;

use skerry_policy::{LocalAttachment, LocalPort, Mac, NodeId, PvlanId, SegmentId};

use super::script::Script;
use crate::claim::{Place, Strength};
use crate::fdb::{Fdb, Holder, Seat};
use crate::reason::DropReason;
use crate::time::Time;

const LIMIT: usize = 12;
const AGE: Duration = Duration::from_secs(300);
const STRENGTHS: [Strength; 3] = [Strength::Dynamic, Strength::Pinned, Strength::Promiscuous];

/// What the naive table knows of an address.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    segment: SegmentId,
    place: Place,
    strength: Strength,
    holder: Holder,
    seen: Time,
    near: bool,
    /// When it moved between equals.
    moves: Vec<Time>,
    /// It has tried to once too often.
    frozen: bool,
}

type Naive = BTreeMap<(PvlanId, Mac), Known>;

/// The invariants of `private-vlan` 3.2, after every step of a script.
pub fn fdb(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut fdb = Fdb::new(LIMIT, AGE, 7);
    let mut naive = Naive::new();
    let mut now = Time(1_000_000_000);
    for _ in 0..64 {
        if script.is_over() {
            break;
        }
        match script.byte() % 12 {
            0..=6 => learn(&mut fdb, &mut naive, now, &mut script),
            7 => {
                let (seat, mac) = (seat(&mut script), mac(&mut script));
                let seat = Seat {
                    strength: Strength::Bound,
                    limit: u32::MAX,
                    ..seat
                };
                fdb.bind(mac, &seat);
                naive.insert((seat.pvlan, mac), known(Time::default(), &seat));
            }
            8 => {
                let (seat, mac) = (seat(&mut script), mac(&mut script));
                let gone = fdb.forget(now, seat.pvlan, mac, seat.place);
                forgotten(&mut naive, now, &seat, mac, gone);
            }
            9 => {
                let since = Time(now.0.saturating_sub(u64::from(script.word()) * 1_000_000));
                let (seat, mac) = (seat(&mut script), mac(&mut script));
                if fdb.yield_to_earlier(since, mac, &seat) {
                    yielded(&mut naive, since, mac, &seat);
                }
            }
            10 => {
                fdb.expire(now, |_, _, _| ());
                naive.retain(|_, it| it.strength == Strength::Bound || now.since(it.seen) < AGE);
            }
            _ => now = now + Duration::from_millis(u64::from(script.word()) * 8),
        }
        compare(&fdb, &naive, now);
    }
}

fn learn(fdb: &mut Fdb, naive: &mut Naive, now: Time, script: &mut Script<'_>) {
    let (seat, mac) = (seat(script), mac(script));
    let outcome = fdb.learn(now, mac, &seat);
    let used = naive.values().filter(|it| it.holder == seat.holder).count();
    let free = u32::try_from(used).is_ok_and(|used| used < seat.limit);
    let full = naive.len() >= LIMIT;
    let Some(old) = naive.get_mut(&(seat.pvlan, mac)) else {
        assert_eq!(outcome.is_ok(), free && !full, "a new address: {outcome:?}");
        if outcome.is_ok() {
            naive.insert((seat.pvlan, mac), known(now, &seat));
        }
        return;
    };
    if old.place == seat.place && old.segment == seat.segment {
        assert!(outcome.is_ok(), "it is there already: {outcome:?}");
        old.seen = now;
        old.near |= seat.near;
        old.strength = old.strength.max(seat.strength);
        return;
    }
    let own_node = matches!(seat.holder, Holder::Node(_)) && old.holder == seat.holder;
    let before = old.clone();
    if outcome.is_ok() {
        *old = known(now, &seat);
    }
    if own_node && before.strength < Strength::Bound {
        assert!(
            outcome.is_ok(),
            "a node has the last word on its own: {outcome:?}"
        );
        return;
    }
    match outcome {
        Ok(_) => {
            assert!(
                free || before.holder == seat.holder,
                "beyond the holder's limit"
            );
            assert!(
                before.strength <= seat.strength,
                "{before:?} displaced by {seat:?}"
            );
            if before.strength == seat.strength {
                assert!(
                    now.since(before.seen) >= Duration::from_secs(5),
                    "the old place talks"
                );
                let often = before.frozen || moved_often(&before, now);
                assert!(!often, "the sixth move in three minutes: {before:?}");
                let mut moves = before.moves;
                moves.push(now);
                old.moves = moves;
            }
        }
        Err(DropReason::MacSpoof) => {
            assert!(before.strength > seat.strength && before.strength >= Strength::Promiscuous);
        }
        Err(DropReason::MacMove) => assert!(before.strength >= seat.strength),
        Err(DropReason::MacLimit) => assert!(!free && before.holder != seat.holder),
        Err(DropReason::MacDup) => {
            assert!(before.frozen || moved_often(&before, now), "{before:?}");
            assert_eq!(before.strength, seat.strength);
            old.frozen = true;
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// Whether one more move would be the sixth within three minutes.
fn moved_often(known: &Known, now: Time) -> bool {
    let fifth = known.moves.iter().rev().nth(4);
    fifth.is_some_and(|&fifth| now.since(fifth) <= Duration::from_secs(180))
}

fn forgotten(naive: &mut Naive, now: Time, seat: &Seat, mac: Mac, gone: bool) {
    let key = (seat.pvlan, mac);
    let heard = |it: &Known| it.near && now.since(it.seen) < AGE / 2;
    let expect = naive
        .get(&key)
        .is_some_and(|it| it.place == seat.place && it.strength < Strength::Bound && !heard(it));
    assert_eq!(gone, expect);
    if gone {
        naive.remove(&key);
    }
}

/// Only between two ports of this node, and only for equals.
fn yielded(naive: &mut Naive, since: Time, mac: Mac, seat: &Seat) {
    let old = naive.get(&(seat.pvlan, mac)).expect("it changed hands");
    let local = |place: Place| matches!(place, Place::Port(_));
    assert!(local(old.place) && local(seat.place) && old.strength == seat.strength);
    naive.insert((seat.pvlan, mac), known(since, seat));
}

fn compare(fdb: &Fdb, naive: &Naive, now: Time) {
    let listed: Vec<_> = fdb.list(now).collect();
    assert_eq!(listed.len(), naive.len());
    for entry in listed {
        let known = &naive[&(entry.pvlan, entry.mac)];
        assert_eq!(
            (entry.place, entry.segment, entry.strength),
            (known.place, known.segment, known.strength)
        );
        if known.strength < Strength::Bound {
            assert_eq!(entry.age, now.since(known.seen));
        }
    }
    for (&(pvlan, mac), known) in naive {
        let entry = fdb.lookup(pvlan, mac).expect("listed above");
        assert!(entry.is_held_by(known.holder));
    }
}

fn known(now: Time, seat: &Seat) -> Known {
    Known {
        segment: seat.segment,
        place: seat.place,
        strength: seat.strength,
        holder: seat.holder,
        seen: now,
        near: seat.near,
        moves: Vec::new(),
        frozen: false,
    }
}

fn mac(script: &mut Script<'_>) -> Mac {
    Mac([2, 0, 0, 0, 0, script.byte() & 7])
}

/// Two attachments on each of two ports, three nodes; limits of one to four.
fn seat(script: &mut Script<'_>) -> Seat {
    let (what, strength) = (script.byte(), script.byte());
    let number = u32::from(what & 3);
    let (place, holder) = if what & 4 == 0 {
        let port = LocalPort(number / 2);
        (Place::Port(LocalAttachment(number)), Holder::Port(port))
    } else {
        let node = NodeId(number.min(2));
        (Place::Node(node), Holder::Node(node))
    };
    let claimed = STRENGTHS[usize::from(strength) % STRENGTHS.len()];
    Seat {
        pvlan: PvlanId(u32::from(what >> 7)),
        segment: SegmentId(u32::from(what >> 5 & 1)),
        place,
        strength: claimed,
        takes: claimed,
        holder,
        limit: 1 + u32::from(what >> 3 & 3),
        near: strength & 0x80 != 0,
        agrees: true,
    }
}
