//! Datagrams gathered for one send.

use super::*;

/// Seals packets of these lengths and returns how many datagrams each send carried.
fn batches(lens: &[usize]) -> Vec<usize> {
    let (now, mut a, mut b) = pair();
    for (n, &len) in (0..).zip(lens) {
        a.seal(now, "n2", &packet(n, len)).unwrap();
    }
    a.flush();
    let sends = a.wire.sends.iter().map(|(_, list)| list.len()).collect();
    for (_, list) in &a.wire.sends {
        let bytes: usize = list.iter().map(Vec::len).sum();
        assert!(
            bytes <= 65_507 && list.len() <= 64,
            "{bytes} in {}",
            list.len()
        );
    }
    settle(now, &mut [&mut a, &mut b]);
    let got: Vec<u32> = b.packets.iter().map(|(_, packet)| number(packet)).collect();
    assert_eq!(
        got,
        (0..u32::try_from(lens.len()).unwrap()).collect::<Vec<_>>()
    );
    sends
}

#[test]
fn equal_datagrams_share_a_send_up_to_sixty_four() {
    assert_eq!(batches(&[100; 130]), [64, 64, 2]);
}

#[test]
fn a_longer_datagram_starts_a_send() {
    assert_eq!(batches(&[100, 100, 1400, 1400]), [2, 2]);
}

#[test]
fn a_shorter_datagram_ends_a_send() {
    assert_eq!(batches(&[1400, 1400, 100, 100, 1400]), [3, 1, 1]);
}

#[test]
fn what_says_something_else_of_congestion_starts_a_send() {
    use crate::wire::ecn::Ecn::{Ce, Ect0, Ect1, NotEct};
    let (now, mut a, mut b) = pair();
    a.wire.take();
    for (n, ecn) in (0..).zip([NotEct, NotEct, Ect0, Ect0, Ect0, Ce, Ect1, NotEct]) {
        let mut packet = packet(n, 100);
        packet[1] = ecn.tos();
        a.seal(now, "n2", &packet).unwrap();
    }
    a.flush();
    let counts: Vec<_> = a.wire.sends.iter().map(|(_, list)| list.len()).collect();
    assert_eq!(counts, [2, 3, 1, 1, 1]);
    assert_eq!(a.wire.said, [NotEct, Ect0, Ce, Ect1, NotEct]);
    settle(now, &mut [&mut a, &mut b]);
    let got: Vec<u32> = b.packets.iter().map(|(_, packet)| number(packet)).collect();
    assert_eq!(got, [0, 1, 2, 3, 4, 5, 6, 7], "in their order");
}

#[test]
fn handshakes_say_nothing_of_congestion() {
    use crate::wire::ecn::Ecn::NotEct;
    let fabric = fabric(&[reachable("n1"), reachable("n2")]);
    let now = Time(1_000_000_000);
    let mut a = End::boot(now, "n1", &fabric);
    let mut packet = packet(1, 100);
    packet[1] = 3;
    a.seal(now, "n2", &packet).unwrap();
    a.tick(now);
    assert!(!a.wire.said.is_empty());
    assert!(a.wire.said.iter().all(|it| *it == NotEct));
}

#[test]
fn padding_makes_equals_of_nearly_equals() {
    assert_eq!(batches(&[1425, 1440, 1430]), [3]);
}

#[test]
fn a_send_is_no_longer_than_a_udp_payload() {
    assert_eq!(batches(&[1440; 64]), [44, 20]);
    assert_eq!(batches(&[30_000; 5]), [2, 2, 1]);
}

#[test]
fn a_packet_too_long_for_udp_is_full() {
    let (now, mut a, _) = pair();
    let long = packet(1, 65_488);
    assert_eq!(a.seal(now, "n2", &long), Err(Refused::Full));
}

#[test]
fn more_open_batches_than_buffers_are_sent_early() {
    let names: Vec<String> = (1..=90).map(|n| format!("n{n}")).collect();
    let lines: Vec<String> = names.iter().map(|name| reachable(name)).collect();
    let fabric = fabric(&lines);
    let now = Time(0);
    let mut hub = End::boot(now, "n1", &fabric);
    let mut spokes: Vec<End> = names[1..]
        .iter()
        .map(|n| End::boot(now, n, &fabric))
        .collect();
    hub.tick(now);
    for spoke in &mut spokes {
        for (_, datagram) in hub
            .wire
            .sends
            .iter()
            .filter(|s| s.0 == spoke.at)
            .flat_map(|s| s.1.iter().map(|d| (s.0, d.clone())))
            .collect::<Vec<_>>()
        {
            spoke.open(now, hub.at, &datagram);
        }
    }
    hub.wire.take();
    for spoke in &mut spokes {
        for (_, datagram) in spoke.wire.take() {
            hub.open(now, spoke.at, &datagram);
        }
    }
    hub.wire.take();
    for name in &names[1..] {
        hub.seal(now, name, &packet(1, 100)).unwrap();
    }
    assert_eq!(hub.wire.take().len(), 64);
    hub.flush();
    assert_eq!(hub.wire.take().len(), 25);
}
