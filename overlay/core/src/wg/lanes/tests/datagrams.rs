//! What is opened, and what is refused.

use super::*;

#[test]
fn padding_is_to_sixteen() {
    for (len, padded) in [(0, 0), (1, 16), (16, 16), (65, 80), (1440, 1440)] {
        assert_eq!(padded_len(len), padded);
    }
}

#[test]
fn data_flows_both_ways_after_a_handshake() {
    let (now, mut a, mut b) = pair();
    a.seal(now, "n2", &packet(1, 100)).unwrap();
    b.seal(now, "n1", &packet(2, 200)).unwrap();
    a.flush();
    b.flush();
    settle(now, &mut [&mut a, &mut b]);
    let fabric = Arc::clone(&a.fabric);
    assert_eq!(
        b.packets,
        [(id(&fabric, "n1"), packet(1, 100)[..100].to_vec())]
    );
    assert_eq!(
        a.packets,
        [(id(&fabric, "n2"), packet(2, 200)[..200].to_vec())]
    );
}

#[test]
fn ten_thousand_packets_arrive_in_order() {
    let (now, mut a, mut b) = pair();
    for n in 0..10_000 {
        a.seal(now, "n2", &packet(n, 60 + (n as usize * 37) % 1300))
            .unwrap();
    }
    a.flush();
    settle(now, &mut [&mut a, &mut b]);
    let got: Vec<u32> = b.packets.iter().map(|(_, packet)| number(packet)).collect();
    assert_eq!(got, (0..10_000).collect::<Vec<_>>());
    assert!(b.drops.is_empty(), "{:?}", b.drops);
}

#[test]
fn reordering_of_five_hundred_costs_nothing() {
    let (now, mut a, mut b) = pair();
    for n in 0..500 {
        a.seal(now, "n2", &packet(n, 100)).unwrap();
    }
    a.flush();
    let at = a.at;
    for (_, datagram) in a.wire.take().into_iter().rev() {
        b.open(now, at, &datagram);
    }
    assert_eq!((b.packets.len(), b.drops.len()), (500, 0));
}

#[test]
fn a_replayed_datagram_is_dropped() {
    let (now, mut a, mut b) = pair();
    let datagram = sealed(now, &mut a, 1, 100);
    b.open(now, a.at, &datagram);
    b.packets.clear();
    b.open(now, a.at, &datagram);
    check_drop(&mut b, DropReason::WgReplay);
}

#[test]
fn a_replayed_handshake_is_dropped() {
    let fabric = fabric(&[reachable("n1"), reachable("n2")]);
    let now = Time(0);
    let mut a = End::boot(now, "n1", &fabric);
    let mut b = End::boot(now, "n2", &fabric);
    a.tick(now);
    let init = a.wire.take().remove(0).1;
    b.open(now, a.at, &init);
    b.open(now, a.at, &init);
    check_drop(&mut b, DropReason::WgReplay);
}

#[test]
fn any_flipped_bit_is_dropped() {
    let (now, mut a, mut b) = pair();
    let datagram = sealed(now, &mut a, 1, 100);
    for byte in 0..datagram.len() {
        let mut flipped = datagram.clone();
        flipped[byte] ^= 0x10;
        b.open(now, a.at, &flipped);
        check_drop(&mut b, DropReason::WgAuth);
    }
    b.open(now, a.at, &datagram);
    assert_eq!(b.packets.len(), 1);
}

#[test]
fn any_truncation_is_dropped() {
    let (now, mut a, mut b) = pair();
    let datagram = sealed(now, &mut a, 1, 100);
    for len in 0..datagram.len() {
        b.open(now, a.at, &datagram[..len]);
        check_drop(&mut b, DropReason::WgAuth);
    }
}

#[test]
fn an_empty_datagram_is_dropped_and_sends_no_queued_packet() {
    let fabric = fabric(&[reachable("n1"), reachable("n2")]);
    let mut a = End::boot(Time(0), "n1", &fabric);
    a.seal(Time(0), "n2", &packet(1, 100)).unwrap();
    a.wire.take();
    a.open(Time(0), address("n2"), &[]);
    check_drop(&mut a, DropReason::WgAuth);
    assert!(a.wire.take().is_empty());
}

#[test]
fn a_forged_index_of_any_length_is_dropped() {
    let (now, mut a, mut b) = pair();
    let seen = sealed(now, &mut a, 1, 100);
    for len in [
        32, 33, 1500, 1600, 9000, 65_503, 65_504, 65_507, 65_535, 70_000,
    ] {
        // As seen on the wire, another session of the same lane, another lane.
        for spoil in [0, 1, 0xff] {
            let mut forged = vec![0x5a; len];
            forged[..8].copy_from_slice(&seen[..8]);
            forged[8..16].copy_from_slice(&99_u64.to_le_bytes());
            forged[4] ^= spoil;
            forged[6] ^= spoil & 0xf0;
            b.open(now, a.at, &forged);
            check_drop(&mut b, DropReason::WgAuth);
        }
    }
}

#[test]
fn a_counter_beyond_the_last_is_dropped() {
    let (now, mut a, mut b) = pair();
    for counter in [u64::MAX, u64::MAX - (1 << 13)] {
        let mut datagram = sealed(now, &mut a, 1, 100);
        datagram[8..16].copy_from_slice(&counter.to_le_bytes());
        b.open(now, a.at, &datagram);
        check_drop(&mut b, DropReason::WgReplay);
    }
    let mut datagram = sealed(now, &mut a, 1, 100);
    datagram[8..16].copy_from_slice(&(u64::MAX - (1 << 13) - 1).to_le_bytes());
    b.open(now, a.at, &datagram);
    check_drop(&mut b, DropReason::WgAuth);
}

#[test]
fn what_is_not_ip_inside_is_dropped() {
    let (now, mut a, mut b) = pair();
    a.seal(now, "n2", &[0x10; 64]).unwrap();
    a.flush();
    let datagram = a.wire.take().remove(0).1;
    b.open(now, a.at, &datagram);
    check_drop(&mut b, DropReason::VxlanShort);
}

#[test]
fn a_handshake_with_an_unknown_key_is_dropped() {
    let (now, _, mut b) = pair();
    let known = fabric(&[reachable("n2"), reachable("n9")]);
    let mut stranger = End::boot(now, "n9", &known);
    stranger.tick(now);
    let init = stranger.wire.take().remove(0).1;
    b.open(now, stranger.at, &init);
    check_drop(&mut b, DropReason::WgAuth);
    assert!(b.wire.take().is_empty());
}

#[test]
fn nothing_printed_tells_a_secret() {
    let (now, mut a, mut b) = pair();
    a.seal(now, "n2", &packet(0x5ec2e7, 100)).unwrap();
    a.flush();
    let datagram = a.wire.take().remove(0).1;
    let at = a.at;
    let opened = b.lanes.open(now, at, &datagram, &mut b.room, &mut b.wire);
    assert_eq!(
        format!("{opened:?}"),
        format!("Packet(100 bytes of {:?})", id(&a.fabric, "n1"))
    );
    assert_eq!(format!("{:?}", b.room), "Scratch { .. }");
    let printed = format!("{:?}", a.lanes);
    assert_eq!(printed, "Lanes { number: 0, lanes: 1, open: 0, .. }");
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0_u8..6) {
        let (now, a, mut b) = pair();
        let mut bytes = bytes;
        if bytes.len() >= 4 { bytes[..4].copy_from_slice(&[kind, 0, 0, 0]); }
        b.open(now, a.at, &bytes);
        prop_assert!(b.packets.is_empty());
        prop_assert_eq!(b.drops.len(), 1);
    }

    #[test]
    fn spoilt_messages_never_panic(
        pokes in proptest::collection::vec((0_usize..200, any::<u8>()), 1..5),
        len in prop_oneof![Just(148_usize), Just(92), Just(64), Just(132), 0_usize..70_000],
    ) {
        let fabric = fabric(&[reachable("n1"), reachable("n2")]);
        let now = Time(0);
        let mut a = End::boot(now, "n1", &fabric);
        let mut b = End::boot(now, "n2", &fabric);
        a.tick(now);
        let init = a.wire.take().remove(0).1;
        b.open(now, a.at, &init);
        let response = b.wire.take().remove(0).1;
        for message in [init, response] {
            let mut message = message;
            message.resize(len, 0);
            for &(at, value) in &pokes {
                if let Some(byte) = message.get_mut(at) { *byte = value; }
            }
            let (at_a, at_b) = (a.at, b.at);
            a.open(now, at_b, &message);
            b.open(now, at_a, &message);
        }
    }
}
