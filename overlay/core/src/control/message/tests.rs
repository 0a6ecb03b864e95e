//! Whatever is written can be read, and nothing else can.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use skerry_policy::{Digest, Mac, Vni};

use super::*;
use crate::control::binding::{Hold, Key, Record};
use crate::control::hello::Echo;
use crate::control::offers::LaneOffer;
use crate::control::page::{List, Range, changes};
use crate::time::Time;

fn keys() -> impl Strategy<Value = Key> {
    let ips = prop_oneof![
        Just(None),
        any::<u32>().prop_map(|ip| Some(IpAddr::V4(Ipv4Addr::from(ip)))),
        any::<u128>().prop_map(|ip| Some(IpAddr::V6(Ipv6Addr::from(ip)))),
    ];
    (1_u32..0x00ff_ffff, any::<[u8; 6]>(), ips).prop_map(|(vni, mut mac, ip)| {
        mac[0] = mac[0] & 0xfe | 2;
        let (vni, mac) = (Vni::new(vni).unwrap(), Mac(mac));
        Key { vni, mac, ip }
    })
}

fn holds() -> impl Strategy<Value = Hold> {
    prop_oneof![Just(Hold::Pinned), Just(Hold::Promiscuous)]
}

fn records() -> impl Strategy<Value = Record> {
    (keys(), holds(), any::<bool>()).prop_map(|(key, hold, gone)| Record {
        key,
        hold: (!gone || key.ip.is_some()).then_some(hold),
    })
}

fn hellos() -> impl Strategy<Value = Message> {
    let echo = proptest::option::of(any::<[u64; 3]>());
    (any::<[u64; 3]>(), any::<[u8; 32]>(), echo).prop_map(
        |([boot, generation, sent], digest, echo)| {
            Message::Hello(Hello {
                boot,
                generation,
                digest: Digest(digest),
                sent: Time(sent),
                echo: echo.map(|[boot, sent, held]| Echo {
                    boot,
                    sent: Time(sent),
                    held: Duration::from_nanos(held),
                }),
            })
        },
    )
}

fn bindings(list: List) -> Message {
    Message::Bindings(Bindings {
        boot: 1,
        digest: Digest([2; 32]),
        sequence: 3,
        list,
    })
}

fn offers() -> impl Strategy<Value = Message> {
    let lane = (1_u16..=u16::MAX, 2_u8..200);
    (any::<u64>(), vec(lane, 1..16)).prop_map(|(boot, lanes)| {
        let lane = |(number, (port, key)): (u8, (u16, u8))| LaneOffer {
            number,
            port,
            key: std::array::from_fn(|at| if at == 0 { number } else { key }),
        };
        let lanes = (1..).zip(lanes).map(lane).collect();
        Message::Offers(Offers { boot, lanes })
    })
}

fn offered(number: u8) -> LaneOffer {
    LaneOffer {
        number,
        port: 1,
        key: [100 + number; 32],
    }
}

#[track_caller]
fn refuse_offers(lanes: Vec<LaneOffer>) {
    let bytes = Message::Offers(Offers { boot: 1, lanes }).encode();
    assert_eq!(Message::decode(&bytes), None);
}

#[test]
fn lanes_that_cannot_be_are_refused() {
    refuse_offers(Vec::new());
    refuse_offers(vec![offered(0)]);
    refuse_offers(vec![offered(16)]);
    refuse_offers(vec![offered(2), offered(1)]);
    refuse_offers(vec![offered(1), offered(1)]);
    refuse_offers((1..=16).map(offered).collect());
    let (port, zero) = (0, [0; 32]);
    refuse_offers(vec![LaneOffer { port, ..offered(1) }]);
    refuse_offers(vec![LaneOffer {
        key: zero,
        ..offered(1)
    }]);
    let key = offered(1).key;
    refuse_offers(vec![offered(1), LaneOffer { key, ..offered(2) }]);
}

fn probes() -> impl Strategy<Value = Probe> {
    (any::<u64>(), 576_u16..=9_000).prop_map(|(number, mtu)| Probe { number, mtu })
}

#[track_caller]
fn check_round_trip(message: &Message) {
    let bytes = message.encode();
    assert!(is_short_enough(&bytes, 9_000), "{} bytes", bytes.len());
    assert_eq!(Message::decode(&bytes).as_ref(), Some(message));
    for len in 0..bytes.len() {
        let cut = Message::decode(&bytes[..len]);
        assert_ne!(cut.as_ref(), Some(message), "cut to {len}");
    }
    let mut longer = bytes;
    longer.push(0);
    if let Message::Probe(probe) = message {
        let next = Probe {
            mtu: probe.mtu + 1,
            ..*probe
        };
        let next = (next.mtu <= 9_000).then_some(Message::Probe(next));
        assert_eq!(Message::decode(&longer), next, "its length is what it asks");
        return;
    }
    assert_eq!(Message::decode(&longer), None);
}

#[test]
fn a_probe_is_as_long_as_what_it_asks_about_and_holds_nothing_else() {
    for mtu in [576, 1170, 1390, 9_000] {
        let bytes = Message::Probe(Probe { number: 5, mtu }).encode();
        // A frame of so many bytes has 14 in front of its packet, and a VXLAN header of 8.
        assert_eq!(bytes.len(), usize::from(mtu) + 14 + 8);
        assert!(is_probe(&bytes) && is_short_enough(&bytes, mtu));
        assert!(usize::from(mtu) < MESSAGE_MAX || !is_short_enough(&bytes, mtu - 1));
        let mut other = bytes.clone();
        *other.last_mut().unwrap() = 1;
        assert_eq!(Message::decode(&other), None);
    }
    for mtu in [0, 575, 9_001, u16::MAX] {
        for message in [
            Message::Probe(Probe { number: 5, mtu }),
            Message::Answer(Probe { number: 5, mtu }),
        ] {
            assert_eq!(Message::decode(&message.encode()), None, "{mtu}");
        }
    }
    let hello = [&b"SK\x01\x01"[..], &[0; MESSAGE_MAX]].concat();
    assert!(!is_short_enough(&hello, 9_000), "only a probe");
}

/// Every page of this list, as it would be sent.
fn pages(all: &[(Key, Hold)]) -> Vec<Range> {
    let mut pages: Vec<Range> = Vec::new();
    loop {
        let after = pages.last().and_then(|page| page.upto);
        let rest = all.iter().copied().filter(|&(key, _)| Some(key) > after);
        pages.push(Range::cut(after, rest));
        if pages.last().unwrap().upto.is_none() {
            return pages;
        }
    }
}

fn record(last: u8, hold: Option<Hold>) -> Record {
    let (vni, mac) = (Vni::new(9).unwrap(), Mac([2, 0, 0, 0, 0, last]));
    Record {
        key: Key { vni, mac, ip: None },
        hold,
    }
}

#[track_caller]
fn refuse_range(after: Option<u8>, upto: Option<u8>, list: &[u8]) {
    let hold = Hold::Pinned;
    let range = Range {
        after: after.map(|last| record(last, None).key),
        upto: upto.map(|last| record(last, None).key),
        bindings: list
            .iter()
            .map(|&last| (record(last, None).key, hold))
            .collect(),
    };
    assert_eq!(
        Message::decode(&bindings(List::Range(range)).encode()),
        None
    );
}

#[test]
fn a_range_that_is_none_is_refused() {
    refuse_range(Some(5), Some(5), &[]);
    refuse_range(Some(6), Some(5), &[]);
    refuse_range(Some(1), Some(5), &[3, 2]);
    refuse_range(Some(1), Some(5), &[2, 2]);
    refuse_range(Some(1), Some(5), &[1]);
    refuse_range(Some(1), Some(5), &[6]);
    refuse_range(Some(5), None, &[5]);
}

#[test]
fn the_longest_list_fits_the_smallest_tunnel() {
    let key = |ip: u16| Key {
        ip: Some(IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, ip])),
        ..record(1, None).key
    };
    let all: Vec<_> = (0..200).map(|ip| (key(ip), Hold::Pinned)).collect();
    let records: Vec<_> = all
        .iter()
        .map(|&(key, hold)| Record {
            key,
            hold: Some(hold),
        })
        .collect();
    let pages = pages(&all).into_iter().map(List::Range);
    for list in pages.chain(changes(&records)) {
        // Behind IPv6 and UDP, WireGuard, and IPv6 and UDP again, on a link of 1280 bytes.
        let length = bindings(list).encode().len();
        assert!(length + 48 + 32 + 48 <= 1280, "{length} bytes");
    }
}

#[test]
fn an_empty_list_is_one_page_of_everything() {
    let pages = pages(&[]);
    assert_eq!(pages.len(), 1);
    assert_eq!((pages[0].after, pages[0].upto), (None, None));
}

#[test]
fn another_version_is_another_protocol() {
    let mut bytes = bindings(List::Changes(Vec::new())).encode();
    bytes[2] = 2;
    assert_eq!(Message::decode(&bytes), None);
}

#[test]
fn a_record_of_no_host_is_refused() {
    for (at, value) in [
        (3, 0x01),
        (9, 0x00),
        (9, 0x11),
        (9, 0x14),
        (9, 0x0d),
        (9, 0x81),
    ] {
        let mut bytes = bindings(List::Changes(vec![record(1, Some(Hold::Pinned))])).encode();
        let start = bytes.len() - 10;
        bytes[start + at] = value;
        assert_eq!(Message::decode(&bytes), None, "byte {at} = {value:#x}");
    }
    let mut bytes = bindings(List::Changes(vec![record(1, Some(Hold::Pinned))])).encode();
    let start = bytes.len() - 10;
    bytes[start..start + 3].fill(0);
    assert_eq!(Message::decode(&bytes), None, "VNI 0");
}

proptest! {
    #[test]
    fn hellos_survive(hello in hellos()) {
        check_round_trip(&hello);
    }

    #[test]
    fn offers_survive_and_fit(offers in offers()) {
        check_round_trip(&offers);
    }

    #[test]
    fn probes_survive(probe in probes()) {
        check_round_trip(&Message::Probe(probe));
        check_round_trip(&Message::Answer(probe));
    }

    #[test]
    fn changes_survive_and_fit(records in vec(records(), 1..200)) {
        let mut back = Vec::new();
        for list in changes(&records) {
            if let List::Changes(part) = &list { back.extend(part.clone()); }
            check_round_trip(&bindings(list));
        }
        prop_assert_eq!(back, records);
    }

    #[test]
    fn pages_survive_fit_and_cover_everything_once(all in proptest::collection::btree_map(keys(), holds(), 0..200)) {
        let all: Vec<(Key, Hold)> = all.into_iter().collect();
        let mut back = Vec::new();
        for page in pages(&all) {
            back.extend(page.bindings.clone());
            check_round_trip(&bindings(List::Range(page)));
        }
        prop_assert_eq!(back, all);
    }

    #[test]
    fn garbage_never_panics(mut bytes in vec(any::<u8>(), 0..1300), kind in 0_u8..7) {
        if bytes.len() >= 4 { bytes[..4].copy_from_slice(&[b'S', b'K', 1, kind]); }
        if let Some(message) = Message::decode(&bytes) {
            prop_assert_eq!(message.encode(), bytes);
        }
    }
}
