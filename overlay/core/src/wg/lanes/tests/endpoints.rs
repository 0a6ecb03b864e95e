//! Where a peer is, and who gets in under a flood.

use super::*;

#[test]
fn the_endpoint_follows_authentic_data_only() {
    let (now, mut a, mut b) = pair();
    let moved: SocketAddr = "198.51.100.77:4444".parse().unwrap();
    let mut forged = sealed(now, &mut a, 1, 100);
    forged[40] ^= 1;
    b.open(now, moved, &forged);
    assert_eq!(b.status("n1").endpoint, Some(a.at));
    let replayed = sealed(now, &mut a, 2, 100);
    b.open(now, a.at, &replayed);
    b.open(now, moved, &replayed);
    assert_eq!(b.status("n1").endpoint, Some(a.at));
    let genuine = sealed(now, &mut a, 3, 100);
    b.open(now, moved, &genuine);
    assert_eq!(b.status("n1").endpoint, Some(moved));
    b.seal(now, "n1", &packet(4, 100)).unwrap();
    b.flush();
    assert_eq!(b.wire.take()[0].0, moved);
}

#[test]
fn what_was_sealed_before_a_move_keeps_its_order() {
    let (now, mut a, mut b) = pair();
    b.seal(now, "n1", &packet(1, 100)).unwrap();
    let genuine = sealed(now, &mut a, 3, 100);
    b.open(now, "198.51.100.77:4444".parse().unwrap(), &genuine);
    b.seal(now, "n1", &packet(2, 100)).unwrap();
    b.flush();
    for (_, datagram) in b.wire.take() {
        a.open(now, b.at, &datagram);
    }
    assert_eq!(
        a.packets.iter().map(|(_, p)| number(p)).collect::<Vec<_>>(),
        [1, 2]
    );
}

#[test]
fn a_cookie_never_moves_the_endpoint() {
    let (now, mut a, mut b) = pair();
    let elsewhere: SocketAddr = "198.51.100.66:1".parse().unwrap();
    // Inits of many sources push b's gate into asking for cookies; only the first is genuine.
    let late = now + Duration::from_secs(40);
    a.lanes = Lanes::new(secret("n1"), 0, 99);
    a.lanes.install(late, &a.fabric, id(&a.fabric, "n1"));
    a.tick(late);
    let init = a.wire.take().remove(0).1;
    let mut cookie = None;
    for host in 0..600_u32 {
        let source = SocketAddr::from((std::net::Ipv4Addr::from(0x0a00_0000 + host), 9));
        b.open(late, source, &init);
        let replies = b.wire.take();
        cookie = replies
            .into_iter()
            .map(|(_, d)| d)
            .find(|d| d[0] == 3)
            .or(cookie);
    }
    let cookie = cookie.expect("no cookie after 600 handshakes");
    a.open(late, elsewhere, &cookie);
    assert!(a.drops.is_empty(), "{:?}", a.drops);
    assert_eq!(a.status("n2").endpoint, Some(b.at));
}

#[test]
fn under_a_flood_a_peer_gets_in_with_its_cookie() {
    let (now, mut a, mut b) = pair();
    let late = now + Duration::from_secs(40);
    a.lanes = Lanes::new(secret("n1"), 0, 99);
    a.lanes.install(late, &a.fabric, id(&a.fabric, "n1"));
    a.tick(late);
    let init = a.wire.take().remove(0).1;
    for host in 0..600_u32 {
        let source = SocketAddr::from((std::net::Ipv4Addr::from(0x0a00_0000 + host), 9));
        b.open(late, source, &init);
    }
    b.wire.take();
    // To b it is still the same second, so its gate stays shut.
    let mut kinds = Vec::new();
    for second in 1..4 {
        a.tick(late + Duration::from_secs(second));
        for (_, datagram) in a.wire.take() {
            b.open(late, a.at, &datagram);
        }
        for (_, datagram) in b.wire.take() {
            kinds.push(datagram[0]);
            a.open(late, b.at, &datagram);
        }
    }
    assert_eq!(kinds, [3, 2], "a cookie, then a response");
    assert!(a.status("n2").has_session);
}

#[test]
fn a_handshake_flood_from_one_source_is_held_to_its_burst() {
    let (now, mut a, mut b) = pair();
    let late = now + Duration::from_secs(40);
    a.lanes = Lanes::new(secret("n1"), 0, 99);
    a.lanes.install(late, &a.fabric, id(&a.fabric, "n1"));
    a.tick(late);
    let init = a.wire.take().remove(0).1;
    for _ in 0..1000 {
        b.open(late, "203.0.113.1:7".parse().unwrap(), &init);
    }
    // One is answered, 99 are replays, the others are not looked at.
    let replays = b
        .drops
        .iter()
        .filter(|drop| drop.0 == DropReason::WgReplay)
        .count();
    assert_eq!((replays, b.drops.len()), (99, 999));
}
