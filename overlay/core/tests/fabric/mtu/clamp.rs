//! The segment sizes that connections open with.

use std::net::IpAddr;

use etherparse::{NetHeaders, PacketBuilder, PacketHeaders, TcpOptionElement, TransportHeader};
use skerry_overlay::{Checksum, Frame, Offload};

use super::*;
use crate::world::{guarded, open};

const EVERYBODY: [&str; 5] = ["n1/b-gw", "n1/b-i1", "n1/b-w1", "n2/b-w2", "n4/b-i5"];

/// A SYN, or what accepts one, that names a segment size.
fn opens(from: (Mac, IpAddr), to: (Mac, IpAddr), accepts: bool, size: u16) -> Vec<u8> {
    let link = PacketBuilder::ethernet2(from.0.0, to.0.0);
    let ip = match (from.1, to.1) {
        (IpAddr::V4(from), IpAddr::V4(to)) => link.ipv4(from.octets(), to.octets(), 64),
        (IpAddr::V6(from), IpAddr::V6(to)) => link.ipv6(from.octets(), to.octets(), 64),
        _ => panic!("one family"),
    };
    let mut tcp = ip.tcp(4_000, 80, 1, 64_000).syn();
    if accepts {
        tcp = tcp.ack(2);
    }
    let size = TcpOptionElement::MaximumSegmentSize(size);
    let tcp = tcp.options(&[TcpOptionElement::Noop, size]).unwrap();
    let mut frame = Vec::new();
    tcp.write(&mut frame, b"early").unwrap();
    frame
}

/// The same, between two guests.
pub(super) fn between(from: &str, to: &str, six: bool, accepts: bool, size: u16) -> Vec<u8> {
    let end = |port: &str| {
        let ip: IpAddr = if six {
            ip6(port).into()
        } else {
            ip(port).into()
        };
        (mac(port), ip)
    };
    opens(end(from), end(to), accepts, size)
}

/// The size that a frame names. Its checksum must be right by a full computation.
fn size_in(frame: &[u8]) -> u16 {
    let packet = PacketHeaders::from_ethernet_slice(frame).unwrap();
    let Some(TransportHeader::Tcp(tcp)) = packet.transport else {
        panic!("no TCP in {frame:02x?}")
    };
    let payload = packet.payload.slice();
    let sum = match packet.net {
        Some(NetHeaders::Ipv4(ip, _)) => tcp.calc_checksum_ipv4(&ip, payload),
        Some(NetHeaders::Ipv6(ip, _)) => tcp.calc_checksum_ipv6(&ip, payload),
        other => panic!("{other:?}"),
    };
    assert_eq!(Ok(tcp.checksum), sum, "{frame:02x?}");
    let sizes = tcp.options_iterator().filter_map(|it| match it {
        Ok(TcpOptionElement::MaximumSegmentSize(size)) => Some(size),
        _ => None,
    });
    let sizes: Vec<u16> = sizes.collect();
    assert_eq!(sizes.len(), 1, "{frame:02x?}");
    sizes[0]
}

pub(super) fn sizes(received: &[(String, Vec<u8>)]) -> Vec<(&str, u16)> {
    let sizes = received
        .iter()
        .map(|(to, copy)| (to.as_str(), size_in(copy)));
    sizes.collect()
}

#[test]
fn a_connection_opens_with_what_the_fabric_carries_at_both_ends() {
    let mut world = known(World::new(&guarded()), &EVERYBODY);
    for (six, limit) in [(false, 1350), (true, 1330)] {
        for (from, to) in [
            ("n1/b-i1", "n1/b-gw"),
            ("n1/b-gw", "n1/b-i1"),
            ("n1/b-w1", "n2/b-w2"),
            ("n2/b-w2", "n1/b-w1"),
        ] {
            for accepts in [false, true] {
                let frame = between(from, to, six, accepts, 1460);
                let received = world.try_frame(from, &frame);
                assert_eq!(sizes(&received), [(to, limit)], "{from}");
                let expect = between(from, to, six, accepts, limit);
                assert_eq!(received[0].1, expect, "nothing else has changed");
            }
        }
    }
}

#[test]
fn what_fits_passes_as_it_is() {
    let mut world = known(World::new(&guarded()), &EVERYBODY);
    for (six, limit) in [(false, 1350), (true, 1330)] {
        for size in [536, limit - 1, limit] {
            let frame = between("n1/b-w1", "n2/b-w2", six, false, size);
            assert_eq!(world.receivers("n1/b-w1", &frame), ["n2/b-w2"]);
        }
        // Only what opens a connection is looked at.
        let mut later = between("n1/b-w1", "n2/b-w2", six, true, 1460);
        later[if six { 67 } else { 47 }] &= !2;
        assert_eq!(world.receivers("n1/b-w1", &later), ["n2/b-w2"]);
    }
}

#[test]
fn a_flooded_syn_names_the_same_everywhere() {
    let mut world = World::new(&guarded());
    let frame = between("n1/b-i1", "n1/b-gw", false, false, 8960);
    let nobody = [&crate::world::frames::UNKNOWN.0, &frame[6..]].concat();
    let received = world.try_frame("n1/b-i1", &nobody);
    assert_eq!(sizes(&received), [("n1/b-gw", 1350), ("n3/b-p2", 1350)]);
}

#[test]
fn a_denied_syn_is_denied_all_the_same() {
    let mut world = known(World::new(&guarded()), &EVERYBODY);
    let straight = between("n1/b-i1", "n1/b-w1", false, false, 1460);
    assert_eq!(world.refused("n1/b-i1", &straight), "pvlan_deny");
    let around = [&mac("n1/b-gw").0, &straight[6..]].concat();
    assert_eq!(world.refused("n1/b-i1", &around), "hairpin_up");
}

#[test]
fn a_checksum_that_is_owed_is_still_owed() {
    let mut world = known(World::new(&guarded()), &EVERYBODY);
    let mut frame = between("n1/b-w1", "n2/b-w2", false, false, 1460);
    // What a kernel leaves: the sum of the pseudo-header.
    let length = u16::try_from(frame.len() - 34).unwrap();
    let words = frame[26..34].chunks(2);
    let sum: u32 = words
        .map(|it| u32::from(u16::from_be_bytes([it[0], it[1]])))
        .sum::<u32>()
        + 6
        + u32::from(length);
    let sum = u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    frame[50..52].copy_from_slice(&sum.to_be_bytes());
    let checksum = Some(Checksum {
        start: 34,
        offset: 16,
    });
    let offload = Offload {
        checksum,
        ..Offload::NONE
    };
    world.forget();
    let bytes = &frame[..];
    world.send_frame("n1/b-w1", Frame { bytes, offload });
    // The tunnel completes it, over the new size.
    assert_eq!(sizes(&world.received()), [("n2/b-w2", 1350)]);
}

#[test]
fn a_trunk_opens_with_no_more_either_way() {
    let trunk = "[port.n3]\nup0 = { trunk = { 10 = \"blue.promiscuous\" } }\n";
    let site = open().replace("[port.n3]\n", trunk);
    let mut world = World::new(&site);
    let up = Mac([2, 0x77, 0, 0, 0, 1]);
    let host = "n1/b-i1";
    let far: IpAddr = [192, 0, 2, 1].into();
    let hello = udp_as(up, [192, 0, 2, 1].into(), BROADCAST, [255; 4].into(), b"up");
    world.send("n3/up0", &tagged(&hello, 10));
    let world = &mut known(world, &[host]);

    let frame = opens((up, far), (mac(host), ip(host).into()), true, 1460);
    let received = world.try_frame("n3/up0", &tagged(&frame, 10));
    assert_eq!(sizes(&received), [(host, 1350)]);

    let frame = opens((mac(host), ip(host).into()), (up, far), false, 1460);
    let received = world.try_frame(host, &frame);
    let lowered = opens((mac(host), ip(host).into()), (up, far), false, 1350);
    assert_eq!(received, [("n3/up0".to_owned(), tagged(&lowered, 10))]);
}

#[test]
fn what_a_stock_member_sends_is_lowered_where_it_comes_in() {
    // As if n4 had a stock kernel, which lowers nothing: its own MTU is larger.
    let site = guarded();
    let line = site.lines().find(|line| line.starts_with("n4 = ")).unwrap();
    let site = site.replace(line, &line.replace(" }", ", stock = \"mesh\" }"));
    let with = |mtu: u16| {
        let version = format!("version = 1\n[defaults]\nmtu = {mtu}\n");
        site.replacen("version = 1\n", &version, 1)
    };
    let mut world = World::new(&with(MTU));
    world.install(&with(1500), |name| name == "n4");
    let world = &mut known(world, &EVERYBODY);
    for (six, limit) in [(false, 1350), (true, 1330)] {
        let frame = between("n4/b-i5", "n1/b-gw", six, false, 1440);
        let received = world.try_frame("n4/b-i5", &frame);
        assert_eq!(sizes(&received), [("n1/b-gw", limit)]);
    }
}
