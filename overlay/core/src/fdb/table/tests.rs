//! The rules of private-vlan 3.2, one sentence each.

use skerry_policy::{LocalAttachment, LocalPort, NodeId};

use super::*;

const BLUE: PvlanId = PvlanId(0);
const RED: PvlanId = PvlanId(1);
const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);

/// What learning something new says, but for the time.
#[derive(Debug, Eq, PartialEq)]
enum Said {
    Known,
    Here,
}
use Said::{Here as HERE, Known as KNOWN};

fn said(learned: Result<Learned, DropReason>) -> Result<Said, DropReason> {
    learned.map(|learned| match learned {
        Learned::Known => KNOWN,
        Learned::Here { .. } => HERE,
    })
}

fn table() -> Fdb {
    Fdb::new(64, Duration::from_secs(300), 7)
}

fn port(number: u32, strength: Strength) -> Seat {
    Seat {
        pvlan: BLUE,
        segment: SegmentId(number),
        place: Place::Port(LocalAttachment(number)),
        strength,
        takes: strength,
        holder: Holder::Port(LocalPort(number)),
        limit: 2,
        near: true,
        agrees: true,
    }
}

fn peer(number: u32, strength: Strength) -> Seat {
    let node = NodeId(number);
    let (place, holder) = (Place::Node(node), Holder::Node(node));
    Seat {
        near: false,
        place,
        holder,
        segment: SegmentId(90 + number),
        ..port(0, strength)
    }
}

fn at(seconds: u64) -> Time {
    Time(seconds * 1_000_000_000)
}

fn mac(last: u8) -> Mac {
    Mac([2, 0, 0, 0, 1, last])
}

#[track_caller]
fn contest(first: &Seat, second: &Seat, silence: u64) -> Result<Said, DropReason> {
    let mut fdb = table();
    assert_eq!(said(fdb.learn(at(100), MAC, first)), Ok(HERE));
    said(fdb.learn(at(100 + silence), MAC, second))
}

#[test]
fn a_weaker_claim_never_wins_however_long_the_silence() {
    use Strength::{Dynamic, Pinned, Promiscuous};
    for (strong, weak, reason) in [
        (Promiscuous, Pinned, DropReason::MacSpoof),
        (Promiscuous, Dynamic, DropReason::MacSpoof),
        (Pinned, Dynamic, DropReason::MacMove),
    ] {
        for silence in [0, 4, 6, 299] {
            assert_eq!(
                contest(&port(1, strong), &port(2, weak), silence),
                Err(reason)
            );
            assert_eq!(
                contest(&port(1, strong), &peer(2, weak), silence),
                Err(reason)
            );
        }
    }
}

#[test]
fn a_bound_address_never_moves() {
    let mut fdb = table();
    fdb.bind(MAC, &port(1, Strength::Bound));
    for strength in [Strength::Dynamic, Strength::Pinned, Strength::Promiscuous] {
        assert_eq!(
            said(fdb.learn(at(9999), MAC, &port(2, strength))),
            Err(DropReason::MacSpoof)
        );
    }
    assert_eq!(
        said(fdb.learn(at(9999), MAC, &port(1, Strength::Pinned))),
        Ok(KNOWN)
    );
    fdb.expire(at(99_999), |_, _, _| panic!("bound addresses do not age"));
    assert!(!fdb.forget(at(200), BLUE, MAC, Place::Port(LocalAttachment(1))));
}

#[test]
fn an_equal_claim_waits_for_silence() {
    let (old, new) = (port(1, Strength::Pinned), port(2, Strength::Pinned));
    assert_eq!(contest(&old, &new, 4), Err(DropReason::MacMove));
    assert_eq!(contest(&old, &new, 5), Ok(HERE));
}

#[test]
fn a_refused_claim_does_not_refresh_the_old_one() {
    let mut fdb = table();
    fdb.learn(at(0), MAC, &port(1, Strength::Dynamic)).unwrap();
    let early = fdb.learn(at(4), MAC, &port(2, Strength::Dynamic));
    assert_eq!(early, Err(DropReason::MacMove));
    assert_eq!(
        said(fdb.learn(at(5), MAC, &port(2, Strength::Dynamic))),
        Ok(HERE)
    );
}

#[test]
fn a_stronger_claim_wins_at_once() {
    let (old, new) = (port(1, Strength::Pinned), port(2, Strength::Promiscuous));
    assert_eq!(contest(&old, &new, 0), Ok(HERE));
}

#[test]
fn what_is_behind_a_stock_member_keeps_its_address_and_takes_none() {
    let stock = |number| Seat {
        strength: Strength::Pinned,
        takes: Strength::Dynamic,
        near: true,
        ..peer(number, Strength::Pinned)
    };
    let pinned = port(1, Strength::Pinned);
    assert_eq!(contest(&stock(2), &pinned, 4), Err(DropReason::MacMove));
    assert_eq!(contest(&stock(2), &pinned, 5), Ok(HERE), "it has moved");
    assert_eq!(contest(&stock(2), &stock(3), 4), Err(DropReason::MacMove));
    assert_eq!(contest(&stock(2), &stock(3), 5), Ok(HERE), "to another one");
    assert_eq!(contest(&pinned, &stock(2), 299), Err(DropReason::MacMove));
    let router = port(4, Strength::Promiscuous);
    assert_eq!(contest(&stock(2), &router, 0), Ok(HERE));
}

#[test]
fn the_same_address_in_another_segment_is_another_place() {
    let old = port(1, Strength::Dynamic);
    let other_tag = Seat {
        segment: SegmentId(7),
        ..old
    };
    assert_eq!(contest(&old, &other_tag, 0), Err(DropReason::MacMove));
}

#[test]
fn a_peer_moves_its_own_addresses_between_its_segments() {
    let old = peer(1, Strength::Promiscuous);
    let demoted = Seat {
        segment: SegmentId(7),
        strength: Strength::Dynamic,
        ..old
    };
    assert_eq!(contest(&old, &demoted, 1), Ok(HERE));
    let other = Seat {
        segment: SegmentId(7),
        ..peer(2, Strength::Dynamic)
    };
    assert_eq!(
        contest(&old, &other, 0),
        Err(DropReason::MacSpoof),
        "but not another's"
    );
}

#[test]
fn what_a_peer_moves_about_is_told_once_a_second() {
    let mut fdb = table();
    let one = peer(1, Strength::Promiscuous);
    let other = Seat {
        segment: SegmentId(7),
        ..one
    };
    fdb.learn(at(0), MAC, &one).unwrap();
    let mut told = 0;
    for tenth in 1..=100_u64 {
        let now = Time(tenth * 100_000_000);
        let seat = if tenth % 2 == 0 { &one } else { &other };
        told += u32::from(said(fdb.learn(now, MAC, seat)) == Ok(HERE));
        assert_eq!(fdb.lookup(BLUE, MAC).unwrap().segment, seat.segment);
    }
    assert_eq!(told, 10);
    // The last word is told too, as soon as it may be.
    assert_eq!(
        said(fdb.learn(Time(10_500_000_000), MAC, &other)),
        Ok(KNOWN)
    );
    assert_eq!(
        said(fdb.learn(Time(10_900_000_000), MAC, &other)),
        Ok(KNOWN)
    );
    assert_eq!(said(fdb.learn(at(11), MAC, &other)), Ok(HERE));
    assert_eq!(said(fdb.learn(at(12), MAC, &other)), Ok(KNOWN));
}

#[test]
fn a_node_of_another_policy_moves_nothing_however_strong_its_claim() {
    let old = peer(1, Strength::Pinned);
    for strength in [Strength::Dynamic, Strength::Pinned, Strength::Promiscuous] {
        let moved = Seat {
            segment: SegmentId(7),
            strength,
            agrees: false,
            ..old
        };
        assert_eq!(contest(&old, &moved, 299), Err(DropReason::MacMove));
        let elsewhere = Seat {
            strength,
            agrees: false,
            ..peer(2, strength)
        };
        assert_eq!(contest(&old, &elsewhere, 299), Err(DropReason::MacMove));
    }
    let stays = Seat {
        agrees: false,
        ..old
    };
    assert_eq!(contest(&old, &stays, 299), Ok(HERE), "told again");
}

#[test]
fn the_same_address_in_another_private_vlan_is_another_address() {
    let old = port(1, Strength::Promiscuous);
    let red = Seat {
        pvlan: RED,
        ..port(2, Strength::Dynamic)
    };
    assert_eq!(contest(&old, &red, 0), Ok(HERE));
}

/// An address that has moved five times, the last time to port 1, and was refused a sixth.
fn frozen() -> Fdb {
    let mut fdb = table();
    fdb.learn(at(0), MAC, &port(0, Strength::Dynamic)).unwrap();
    for turn in 1..=5_u32 {
        let seat = port(turn % 2, Strength::Dynamic);
        assert_eq!(
            said(fdb.learn(at(u64::from(turn) * 6), MAC, &seat)),
            Ok(HERE),
            "{turn}"
        );
    }
    let seat = port(0, Strength::Dynamic);
    assert_eq!(
        said(fdb.learn(at(36), MAC, &seat)),
        Err(DropReason::MacDup),
        "the sixth move"
    );
    fdb
}

#[test]
fn flapping_freezes_the_address() {
    let mut fdb = frozen();
    let seat = port(0, Strength::Dynamic);
    assert_eq!(
        said(fdb.learn(at(250), MAC, &seat)),
        Err(DropReason::MacDup),
        "frozen until it ages"
    );
    assert_eq!(
        said(fdb.learn(at(37), MAC, &port(1, Strength::Dynamic))),
        Ok(KNOWN)
    );
}

#[test]
fn a_frozen_address_is_frozen_in_the_next_generation_too() {
    let old = frozen();
    let mut fdb = old.emptied();
    fdb.carry(&old, (BLUE, MAC), &port(1, Strength::Dynamic));
    assert_eq!(fdb.list(at(40)).next().map(|it| it.frozen), Some(true));
    let seat = port(0, Strength::Dynamic);
    assert_eq!(said(fdb.learn(at(50), MAC, &seat)), Err(DropReason::MacDup));
}

#[test]
fn an_address_that_has_aged_may_move_again() {
    let mut fdb = frozen();
    fdb.expire(at(400), |_, _, _| ());
    for turn in 0..2_u32 {
        let seat = port(turn % 2, Strength::Dynamic);
        assert_eq!(
            said(fdb.learn(at(410 + u64::from(turn) * 6), MAC, &seat)),
            Ok(HERE),
            "{turn}"
        );
    }
    fdb.forget_if(|_| true, |_, _, _| ());
    assert_eq!(fdb.flapping(), 0, "nothing is kept of what is gone");
}

#[test]
fn a_lead_leads_nowhere_else_when_the_table_has_changed() {
    let mut fdb = table();
    let seats = [port(1, Strength::Dynamic), port(2, Strength::Dynamic)];
    fdb.learn(at(0), mac(1), &seats[0]).unwrap();
    fdb.learn(at(0), mac(2), &seats[1]).unwrap();
    let leads = [
        fdb.lead(BLUE, mac(1)),
        fdb.lead(BLUE, mac(2)),
        fdb.lead(BLUE, mac(3)),
    ];
    fdb.forget(at(299), BLUE, mac(1), seats[0].place);
    fdb.learn(at(299), mac(3), &seats[0]).unwrap();
    let place = |lead, number| fdb.follow(lead, BLUE, mac(number)).map(|it| it.place);
    assert_eq!(place(leads[0], 1), None);
    assert_eq!(place(leads[1], 2), Some(seats[1].place));
    assert_eq!(place(leads[2], 3), Some(seats[0].place));
}

#[test]
fn slow_moves_do_not_freeze() {
    let mut fdb = table();
    fdb.learn(at(0), MAC, &port(0, Strength::Dynamic)).unwrap();
    for turn in 1..=20_u32 {
        let seat = port(turn % 2, Strength::Dynamic);
        assert_eq!(
            said(fdb.learn(at(u64::from(turn) * 60), MAC, &seat)),
            Ok(HERE),
            "{turn}"
        );
    }
}

#[test]
fn six_moves_in_three_minutes_are_too_many_wherever_the_minutes_begin() {
    let mut fdb = table();
    fdb.learn(at(0), MAC, &port(0, Strength::Dynamic)).unwrap();
    let mut try_move = |second, turn: u32| {
        let seat = port(turn % 2, Strength::Dynamic);
        said(fdb.learn(at(second), MAC, &seat))
    };
    for (second, turn) in [10, 170, 180, 190, 200].into_iter().zip(1..) {
        assert_eq!(try_move(second, turn), Ok(HERE), "{turn}");
    }
    assert_eq!(try_move(210, 6), Ok(HERE), "the first was long ago");
    assert_eq!(try_move(349, 7), Err(DropReason::MacDup));
}

#[test]
fn a_holder_cannot_grow_the_table_beyond_its_limit() {
    let mut fdb = table();
    let seat = port(1, Strength::Pinned);
    assert_eq!(said(fdb.learn(at(0), mac(1), &seat)), Ok(HERE));
    assert_eq!(said(fdb.learn(at(0), mac(2), &seat)), Ok(HERE));
    assert_eq!(
        said(fdb.learn(at(0), mac(3), &seat)),
        Err(DropReason::MacLimit)
    );
    assert_eq!(
        said(fdb.learn(at(0), mac(1), &seat)),
        Ok(KNOWN),
        "known ones still work"
    );
    assert!(fdb.forget(at(200), BLUE, mac(1), seat.place));
    assert_eq!(
        said(fdb.learn(at(0), mac(3), &seat)),
        Ok(HERE),
        "a freed place is free"
    );
}

#[test]
fn moving_frees_the_old_holder() {
    let mut fdb = table();
    let (old, new) = (port(1, Strength::Pinned), port(2, Strength::Pinned));
    fdb.learn(at(0), mac(1), &old).unwrap();
    fdb.learn(at(0), mac(2), &old).unwrap();
    fdb.learn(at(9), mac(1), &new).unwrap();
    assert_eq!(said(fdb.learn(at(9), mac(3), &old)), Ok(HERE));
}

#[test]
fn the_whole_table_is_bounded() {
    let mut fdb = Fdb::new(3, Duration::from_secs(300), 7);
    for number in 0..3 {
        fdb.learn(
            at(0),
            mac(number),
            &port(u32::from(number), Strength::Dynamic),
        )
        .unwrap();
    }
    let late = port(9, Strength::Dynamic);
    assert_eq!(
        said(fdb.learn(at(0), mac(9), &late)),
        Err(DropReason::MacLimit)
    );
}

#[test]
fn silence_ages_and_traffic_refreshes() {
    let mut fdb = table();
    let seat = port(1, Strength::Dynamic);
    fdb.learn(at(0), mac(1), &seat).unwrap();
    fdb.learn(at(0), mac(2), &seat).unwrap();
    fdb.learn(at(200), mac(2), &seat).unwrap();
    let mut gone = Vec::new();
    fdb.expire(at(300), |_, mac, _| gone.push(mac));
    assert_eq!(gone, [mac(1)]);
    assert!(fdb.lookup(BLUE, mac(2)).is_some());
}

#[test]
fn of_two_first_sights_on_one_node_the_earlier_keeps_the_address() {
    let mut fdb = table();
    fdb.learn(at(10), MAC, &port(1, Strength::Pinned)).unwrap();
    let rival = port(2, Strength::Pinned);
    assert!(!fdb.yield_to_earlier(at(11), MAC, &rival));
    assert!(fdb.yield_to_earlier(at(9), MAC, &rival));
    assert_eq!(fdb.lookup(BLUE, MAC).unwrap().place, rival.place);
    assert!(
        !fdb.yield_to_earlier(at(1), MAC, &peer(1, Strength::Pinned)),
        "peers have no say"
    );
}

#[test]
fn what_goes_on_talking_is_told_again_before_it_would_age() {
    let mut fdb = table();
    let seat = port(1, Strength::Pinned);
    fdb.learn(at(0), MAC, &seat).unwrap();
    let mut told = Vec::new();
    for second in 1..300 {
        if let Learned::Here { since } = fdb.learn(at(second), MAC, &seat).unwrap() {
            assert_eq!(since, at(0), "first seen then");
            told.push(second);
        }
    }
    assert_eq!(told, [75, 150, 225], "four times in its age");
}

#[test]
fn what_this_worker_hears_is_not_gone_because_another_says_so() {
    let mut fdb = table();
    let (near, far) = (port(1, Strength::Pinned), peer(2, Strength::Pinned));
    fdb.learn(at(0), mac(1), &near).unwrap();
    fdb.learn(at(0), mac(2), &far).unwrap();
    assert!(!fdb.forget(at(100), BLUE, mac(1), near.place));
    assert!(fdb.forget(at(100), BLUE, mac(2), far.place));
}

#[test]
fn a_pin_that_talks_elsewhere_is_silent_only_when_nobody_has_told_of_it() {
    let (far, thief) = (peer(1, Strength::Pinned), port(2, Strength::Pinned));
    assert_eq!(contest(&far, &thief, 79), Err(DropReason::MacMove));
    assert_eq!(contest(&far, &thief, 80), Ok(HERE));
    let (far, mover) = (peer(1, Strength::Dynamic), port(2, Strength::Dynamic));
    assert_eq!(
        contest(&far, &mover, 5),
        Ok(HERE),
        "unguarded addresses move as before"
    );
}

#[test]
fn a_pin_is_silent_here_and_not_where_another_worker_reads_its_port() {
    let (owner, thief) = (port(1, Strength::Pinned), port(2, Strength::Pinned));
    for (shared, taken) in [(false, true), (true, false)] {
        let mut fdb = table().sharing(shared);
        fdb.learn(at(0), MAC, &owner).unwrap();
        assert_eq!(fdb.learn(at(6), MAC, &thief).is_ok(), taken, "{shared}");
    }
    let mut fdb = table().sharing(true);
    fdb.learn(at(0), MAC, &owner).unwrap();
    assert!(fdb.learn(at(81), MAC, &thief).is_ok(), "nobody has told");
}

#[test]
fn the_limit_of_a_port_is_one_for_all_workers_that_read_it() {
    let seat = Seat {
        limit: 1,
        ..port(1, Strength::Pinned)
    };
    let other = Seat {
        limit: 1,
        ..port(2, Strength::Pinned)
    };
    let mut fdb = table().sharing(true);
    fdb.learn(at(0), mac(9), &other).unwrap();
    fdb.learn(at(10), mac(1), &seat).unwrap();
    assert!(fdb.make_room(at(11), mac(2), &seat).is_none(), "later");
    assert!(fdb.make_room(at(10), mac(2), &seat).is_none(), "a tie");
    let lost = fdb.make_room(at(9), mac(3), &seat).unwrap();
    assert_eq!((lost.mac, lost.entry.since), (mac(1), at(10)));
    assert!(fdb.lookup(BLUE, mac(1)).is_none() && fdb.lookup(BLUE, mac(9)).is_some());
    assert_eq!(fdb.lookup(BLUE, mac(3)).unwrap().since, at(9));
    let again = fdb.learn(at(12), mac(1), &seat);
    assert_eq!(again.err(), Some(DropReason::MacLimit));
    // Where a port is read by one worker that worker has said who is there.
    let mut alone = table();
    alone.learn(at(10), mac(1), &seat).unwrap();
    assert!(alone.make_room(at(9), mac(2), &seat).is_none());
}

#[test]
fn what_is_told_late_was_there_early() {
    let mut fdb = table().sharing(true);
    let seat = Seat {
        limit: 1,
        ..port(1, Strength::Pinned)
    };
    fdb.learn(at(20), mac(1), &seat).unwrap();
    fdb.date(at(5), mac(1), &seat);
    assert!(fdb.make_room(at(9), mac(2), &seat).is_none());
}
