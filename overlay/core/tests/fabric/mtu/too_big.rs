//! What a sender is told whose packets do not fit.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use etherparse::PacketBuilder;
use skerry_overlay::{DropReason, Frame, Offload};
use smoltcp::wire::{
    EthernetFrame, Icmpv4DstUnreachable, Icmpv4Message, Icmpv4Packet, Icmpv6Packet, Icmpv6Repr,
    IpProtocol, Ipv4Packet, Ipv6Packet,
};

use super::*;
use crate::world::frames::{MULTICAST, UNKNOWN, nd, tcp4};
use crate::world::{guarded, open};

const HOST: &str = "n1/b-i1";
const GATEWAY: &str = "n1/b-gw";
/// On the gateway's other side.
const FAR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const FAR6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);

fn world() -> World {
    known(
        World::new(&guarded()),
        &[GATEWAY, HOST, "n1/b-i2", "n1/b-w1", "n3/b-i4"],
    )
}

/// A UDP packet of so many bytes, which must not be cut.
pub(crate) fn long(from: (Mac, IpAddr), to: (Mac, IpAddr), length: usize) -> Vec<u8> {
    let link = PacketBuilder::ethernet2(from.0.0, to.0.0);
    let (ip, headers) = match (from.1, to.1) {
        (IpAddr::V4(from), IpAddr::V4(to)) => (link.ipv4(from.octets(), to.octets(), 64), 28),
        (IpAddr::V6(from), IpAddr::V6(to)) => (link.ipv6(from.octets(), to.octets(), 64), 48),
        _ => panic!("one family"),
    };
    let mut frame = Vec::new();
    let payload = vec![7; length - headers];
    ip.udp(4_000, 5_000).write(&mut frame, &payload).unwrap();
    frame
}

/// One of 1,500 bytes, from a guest's own addresses.
fn from_host(from: &str, by: Mac, to: impl Into<IpAddr>) -> Vec<u8> {
    let to = to.into();
    let own: IpAddr = if to.is_ipv4() {
        ip(from).into()
    } else {
        ip6(from).into()
    };
    long((mac(from), own), (by, to), 1_500)
}

/// Reads an answer as a host would: the MTU that it tells and what it quotes. `None` for anything
/// but an answer to that frame.
pub(super) fn read(answer: &[u8], frame: &[u8]) -> Option<(u32, Vec<u8>)> {
    let ethernet = EthernetFrame::new_checked(answer).ok()?;
    let turned = ethernet.dst_addr().0 == frame[6..12] && ethernet.src_addr().0 == frame[..6];
    if !turned {
        return None;
    }
    let packet = ethernet.payload();
    if packet[0] >> 4 == 4 {
        let ip = Ipv4Packet::new_checked(packet).ok()?;
        let icmp = Icmpv4Packet::new_checked(ip.payload()).ok()?;
        let is_one = ip.verify_checksum()
            && icmp.verify_checksum()
            && ip.next_header() == IpProtocol::Icmp
            && icmp.msg_type() == Icmpv4Message::DstUnreachable
            && icmp.msg_code() == u8::from(Icmpv4DstUnreachable::FragRequired);
        let to_and_from =
            ip.dst_addr().octets() == frame[26..30] && ip.src_addr().octets() == frame[30..34];
        let mtu = u16::from_be_bytes([ip.payload()[6], ip.payload()[7]]);
        return (is_one && to_and_from).then(|| (mtu.into(), icmp.data().to_vec()));
    }
    let ip = Ipv6Packet::new_checked(packet).ok()?;
    let icmp = Icmpv6Packet::new_checked(ip.payload()).ok()?;
    let (source, destination) = (ip.src_addr(), ip.dst_addr());
    let checks = smoltcp::phy::ChecksumCapabilities::default();
    let Ok(Icmpv6Repr::PktTooBig { mtu, .. }) =
        Icmpv6Repr::parse(&source, &destination, &icmp, &checks)
    else {
        return None;
    };
    let to_and_from = destination.octets() == frame[22..38] && source.octets() == frame[38..54];
    to_and_from.then(|| (mtu, ip.payload()[8..].to_vec()))
}

/// A frame is dropped and answered, to its sender's port alone; the answer.
#[track_caller]
fn told(world: &mut World, from: &str, frame: &[u8]) -> Vec<u8> {
    let before = world.port_counters(from);
    let received = world.try_frame(from, frame);
    let [(to, answer)] = &received[..] else {
        panic!("one answer, not {received:02x?}")
    };
    assert_eq!(to, from);
    let carried = world.carried.iter().filter(|((from, _), _)| from == "n1");
    assert_eq!(carried.count(), 0, "nothing leaves the node");
    let (mtu, quote) = read(answer, frame).unwrap_or_else(|| panic!("{answer:02x?}"));
    assert_eq!(mtu, u32::from(MTU));
    assert!(quote.len() >= 28 && frame[14..].starts_with(&quote));
    let after = world.port_counters(from);
    let oversize = |it: &skerry_overlay::PortCounters| it.ingress_drops.get(DropReason::Oversize);
    assert_eq!(oversize(&after), oversize(&before) + 1);
    assert_eq!(after.copies_out, before.copies_out + 1);
    assert_eq!(after.sent, before.sent + 1);
    assert_eq!(after.bytes_out, before.bytes_out + answer.len() as u64);
    assert_eq!(after.answered, before.answered, "it is no question");
    answer.clone()
}

/// A frame is dropped, and that is all.
#[track_caller]
fn silent(world: &mut World, from: &str, frame: &[u8], what: &str) {
    let drops = world.port_counters(from).ingress_drops.total();
    let received = world.try_frame(from, frame);
    assert_eq!(received, [], "{what}");
    assert_eq!(
        world.port_counters(from).ingress_drops.total(),
        drops + 1,
        "{what}"
    );
}

#[test]
fn whoever_sends_too_much_is_told_in_the_receivers_name() {
    let mut world = world();
    for (by, to, to6) in [
        (GATEWAY, ip(GATEWAY), ip6(GATEWAY)),
        (GATEWAY, FAR, FAR6),
        ("n3/b-p2", ip("n3/b-p2"), ip6("n3/b-p2")),
    ] {
        told(&mut world, HOST, &from_host(HOST, mac(by), to));
        told(&mut world, HOST, &from_host(HOST, mac(by), to6));
    }
    // A router says what others told it, and is told for them.
    let routed = long(
        (mac(GATEWAY), FAR.into()),
        (mac(HOST), ip(HOST).into()),
        1_500,
    );
    told(&mut world, GATEWAY, &routed);
    world.check_balance();
}

#[test]
fn one_byte_more_than_fits_is_too_much() {
    let mut world = world();
    let ends = ((mac(HOST), ip(HOST).into()), (mac(GATEWAY), FAR.into()));
    let fits = long(ends.0, ends.1, usize::from(MTU));
    assert_eq!(world.receivers(HOST, &fits), [GATEWAY]);
    told(
        &mut world,
        HOST,
        &long(ends.0, ends.1, usize::from(MTU) + 1),
    );
    // A packet that fits in a frame that does not.
    let padded = [&fits[..], &[0; 9]].concat();
    silent(&mut world, HOST, &padded, "padding");
}

#[test]
fn an_answer_tells_nothing_of_its_receiver() {
    let strangers = [UNKNOWN, mac("n1/b-i2"), mac("n1/b-w1"), mac("n3/b-i4")];
    for by in strangers {
        for to in [FAR, ip("n1/b-i2"), ip("n3/b-i4"), [10, 1, 0, 200].into()] {
            let frame = from_host(HOST, by, to);
            // Once where everybody has been heard, once where nobody but the sender has.
            let known_to_all = told(&mut world(), HOST, &frame);
            let mut alone = known(World::new(&guarded()), &[HOST]);
            assert_eq!(told(&mut alone, HOST, &frame), known_to_all);
        }
    }
}

#[test]
fn nobody_is_told_in_anothers_name() {
    let mut world = world();
    let (own, by) = (mac(HOST), mac(GATEWAY));
    let far: IpAddr = FAR.into();
    let fdb = |world: &World| {
        let (node, _) = world.place(HOST);
        let entries = world.nodes[node].forwarder.fdb(world.now);
        let mut entries: Vec<_> = entries
            .map(|it| format!("{:?} {:?}", it.mac, it.place))
            .collect();
        entries.sort();
        entries
    };
    let before = fdb(&world);
    for (source, address, what) in [
        (mac("n1/b-i2"), ip(HOST), "a neighbour's MAC address"),
        (by, ip(HOST), "the gateway's"),
        (UNKNOWN, ip(HOST), "one that nobody has"),
        (MULTICAST, ip(HOST), "a group's"),
        (Mac([0; 6]), ip(HOST), "none"),
        (own, ip("n1/b-i2"), "a neighbour's IP address"),
        (own, ip(GATEWAY), "the gateway's"),
        (own, FAR, "a stranger's"),
        (own, [10, 1, 0, 200].into(), "one that is free"),
        (own, Ipv4Addr::UNSPECIFIED, "none"),
    ] {
        let frame = long((source, address.into()), (by, far), 1_500);
        silent(&mut world, HOST, &frame, what);
    }
    for six in [ip6("n1/b-i2"), ip6(GATEWAY), FAR6, Ipv6Addr::UNSPECIFIED] {
        let frame = long((own, six.into()), (by, FAR6.into()), 1_500);
        silent(&mut world, HOST, &frame, &six.to_string());
    }
    assert_eq!(fdb(&world), before, "nothing is learned from any of them");
    // Nor from one that nobody has heard of, however right its addresses are.
    let mut fresh = World::new(&guarded());
    let frame = from_host(HOST, by, FAR);
    silent(&mut fresh, HOST, &frame, "never heard");
    silent(&mut fresh, HOST, &frame, "nor now");
}

#[test]
fn a_link_local_address_is_its_holders() {
    let mut world = world();
    let local: Ipv6Addr = "fe80::11".parse().unwrap();
    let frame = long(
        (mac(HOST), local.into()),
        (mac(GATEWAY), FAR6.into()),
        1_500,
    );
    silent(&mut world, HOST, &frame, "not heard yet");
    let group = Mac([0x33, 0x33, 0xff, 0, 0, 1]);
    let all = "ff02::1:ff00:1".parse().unwrap();
    let question = nd(
        mac(HOST),
        group,
        (local, all),
        135,
        ip6(GATEWAY),
        Some((1, mac(HOST))),
    );
    world.send(HOST, &question);
    told(&mut world, HOST, &frame);
    let theft = long(
        (mac("n1/b-i2"), local.into()),
        (mac(GATEWAY), FAR6.into()),
        1_500,
    );
    silent(&mut world, "n1/b-i2", &theft, "somebody else's");
}

#[test]
fn what_no_error_may_speak_of_is_not_answered() {
    let mut world = world();
    let by = mac(GATEWAY);
    for (to, address, what) in [
        (BROADCAST, Ipv4Addr::BROADCAST, "to everybody"),
        (MULTICAST, [224, 0, 0, 251].into(), "to a group"),
        (BROADCAST, FAR, "to everybody's MAC address"),
        (MULTICAST, FAR, "to a group's"),
        (by, [224, 0, 0, 251].into(), "to a group's address"),
        (by, Ipv4Addr::BROADCAST, "to everybody's address"),
        (by, [10, 1, 0, 255].into(), "to everybody in a subnet"),
        (by, [10, 1, 0, 0].into(), "the same, as it was once written"),
        (by, Ipv4Addr::LOCALHOST, "to the host itself"),
        (Mac([0; 6]), FAR, "to no MAC address"),
        (Mac([1, 0x80, 0xc2, 0, 0, 0]), FAR, "to a bridge"),
        (mac(HOST), FAR, "to its own port"),
    ] {
        silent(&mut world, HOST, &from_host(HOST, to, address), what);
    }
    for (address, what) in [
        ("ff02::fb", "to a group"),
        ("2001:db8:1::", "to any router of a subnet"),
    ] {
        let address: Ipv6Addr = address.parse().unwrap();
        silent(&mut world, HOST, &from_host(HOST, by, address), what);
    }
    let whole = from_host(HOST, by, FAR);
    let six = from_host(HOST, by, FAR6);
    let edit = |frame: &[u8], edits: &[(usize, u8)]| {
        let mut frame = frame.to_vec();
        for (at, value) in edits {
            frame[*at] = *value;
        }
        frame
    };
    for (frame, what) in [
        (edit(&whole, &[(20, 0)]), "it may be cut"),
        (edit(&whole, &[(21, 1)]), "a later fragment"),
        (edit(&whole, &[(23, 1), (34, 3)]), "an error"),
        (edit(&whole, &[(23, 1), (34, 5)]), "a redirect"),
        (edit(&six, &[(20, 58), (54, 2)]), "an error of IPv6"),
        (edit(&six, &[(20, 253)]), "a chain that nobody can read"),
        (
            edit(&whole, &[(12, 0x88), (13, 0xb5)]),
            "no ethertype of the port",
        ),
        (edit(&whole, &[(14, 0x65)]), "no IPv4"),
    ] {
        silent(&mut world, HOST, &frame, what);
    }
    let (node, port) = world.place(HOST);
    let node = &mut world.nodes[node];
    node.forwarder.set_port_up(port, false, &mut node.recorder);
    silent(&mut world, HOST, &whole, "a port that is down");
}

#[test]
fn two_hosts_behind_one_port_are_left_alone() {
    let site = guarded().replace(
        "b-i1 = { as = \"blue.isolated\",",
        "b-i1 = { as = \"blue.isolated\", guard = { max_macs = 2 },",
    );
    let mut world = known(World::new(&site), &[HOST]);
    let other = Mac([2, 0xaa, 0, 0, 0, 1]);
    let frame = from_host(HOST, other, FAR);
    told(&mut world, HOST, &frame);
    world.send(HOST, &udp_as(other, ip(HOST), BROADCAST, FAR, b"me too"));
    silent(&mut world, HOST, &frame, "it is behind the same port");
}

#[test]
fn a_trunk_is_told_under_its_own_tag() {
    let trunk = "[port.n3]\n\
        up0 = { trunk = { 10 = \"blue.promiscuous\", 20 = \"red.promiscuous\" } }\n";
    let mut world = World::new(&open().replace("[port.n3]\n", trunk));
    let up = Mac([2, 0x77, 0, 0, 0, 1]);
    let far: IpAddr = FAR.into();
    let frame = long((up, far), (mac(HOST), ip(HOST).into()), 1_500);
    for tag in [10, 20] {
        silent(&mut world, "n3/up0", &tagged(&frame, tag), "never heard");
        let hello = udp_as(up, FAR, BROADCAST, Ipv4Addr::BROADCAST, b"up");
        world.send("n3/up0", &tagged(&hello, tag));
        let received = world.try_frame("n3/up0", &tagged(&frame, tag));
        let [(to, answer)] = &received[..] else {
            panic!("{received:02x?}")
        };
        assert_eq!(to, "n3/up0");
        let [high, low] = u16::to_be_bytes(tag);
        assert_eq!(answer[12..16], [0x81, 0, high, low]);
        let bare = [&answer[..12], &answer[16..]].concat();
        assert_eq!(read(&bare, &frame).expect("an answer").0, u32::from(MTU));
    }
    silent(
        &mut world,
        "n3/up0",
        &tagged(&frame, 30),
        "no tag of the trunk",
    );
    silent(&mut world, "n3/up0", &frame, "no tag");
}

/// 5,000 bytes of TCP by way of a router, to be cut into pieces of a size.
pub(super) fn superframe(by: &str, size: u16) -> (Vec<u8>, Offload) {
    let mut bytes = Vec::new();
    PacketBuilder::ethernet2(mac(HOST).0, mac(by).0)
        .ipv4(ip(HOST).octets(), FAR.octets(), 64)
        .tcp(4_000, 80, 1_000, 1_000)
        .ack(1)
        .write(&mut bytes, &[7; 5_000])
        .unwrap();
    let offload = tcp4(size);
    (bytes, offload)
}

#[test]
fn a_superframe_is_as_long_as_its_pieces_and_answered_once() {
    let mut world = world();
    let (bytes, offload) = superframe(GATEWAY, 1_350);
    world.send_frame(
        HOST,
        Frame {
            bytes: &bytes,
            offload,
        },
    );
    assert_eq!(world.received().len(), 1, "its pieces fit");
    world.forget();
    let before = world.port_counters(HOST);
    let (bytes, offload) = superframe(GATEWAY, 1_351);
    let frame = Frame {
        bytes: &bytes,
        offload,
    };
    world.send_frame(HOST, frame);
    let received = world.received();
    let [(to, answer)] = &received[..] else {
        panic!("{received:02x?}")
    };
    assert_eq!(to, HOST);
    // What is quoted is a packet as it would have been on a wire: its length and checksums too.
    let mut piece = [0; 2_000];
    let mut segments = skerry_overlay::Segments::new(frame).unwrap();
    let length = segments.next_into(&mut piece).unwrap();
    let (_, quote) = read(answer, &bytes).expect("an answer");
    assert!(piece[14..length].starts_with(&quote));
    let after = world.port_counters(HOST);
    let oversize = |it: &skerry_overlay::PortCounters| it.ingress_drops.get(DropReason::Oversize);
    assert_eq!(
        oversize(&after),
        oversize(&before) + 4,
        "every piece is dropped"
    );
    assert_eq!(after.copies_out, before.copies_out + 1);
    world.check_balance();
}

/// How many answers a port gets for so many frames, one a millisecond.
fn answers(world: &mut World, port: &str, frame: &[u8], millis: u64) -> usize {
    world.forget();
    for _ in 0..millis {
        world.now = world.now + Duration::from_millis(1);
        let (node, local) = world.place(port);
        let node = &mut world.nodes[node];
        let frame = Frame::plain(frame);
        node.forwarder
            .handle_frame(world.now, local, frame, &mut node.recorder);
    }
    world.settle();
    world.check_balance();
    let received = world.received();
    assert!(received.iter().all(|(to, _)| to == port));
    received.len()
}

#[test]
fn answers_have_a_limit_at_each_port() {
    let mut world = world();
    let (frame, spoofed) = (
        from_host(HOST, mac(GATEWAY), FAR),
        long((mac(HOST), FAR.into()), (mac(GATEWAY), FAR.into()), 1_500),
    );
    // What gets no answer takes nothing.
    assert_eq!(answers(&mut world, HOST, &spoofed, 1_000), 0);
    assert_eq!(answers(&mut world, HOST, &frame, 1_000), 130);
    assert_eq!(answers(&mut world, HOST, &frame, 1_000), 100);
    let other = from_host("n1/b-i2", mac(GATEWAY), FAR);
    assert_eq!(
        answers(&mut world, "n1/b-i2", &other, 1_000),
        130,
        "it has its own"
    );
    world.install(&format!("{}\n# again\n", guarded()), |_| true);
    assert_eq!(
        answers(&mut world, HOST, &frame, 100),
        30 + 10,
        "what it saved up while the other one sent"
    );
    world.install(&format!("{}\n# once more\n", guarded()), |_| true);
    assert_eq!(
        answers(&mut world, HOST, &frame, 100),
        10,
        "a reload fills nothing"
    );
}

#[test]
fn a_full_port_loses_the_answer_and_counts_it() {
    let mut world = world();
    let (node, local) = world.place(HOST);
    world.nodes[node].recorder.full.insert(local);
    let before = world.port_counters(HOST);
    silent(
        &mut world,
        HOST,
        &from_host(HOST, mac(GATEWAY), FAR),
        "full",
    );
    let after = world.port_counters(HOST);
    assert_eq!(after.copies_out, before.copies_out + 1);
    assert_eq!(after.egress_drops.get(DropReason::EgressFull), 1);
}

#[test]
fn what_comes_out_of_a_tunnel_too_long_is_not_answered() {
    // A node with a larger MTU of its own.
    let with = |mtu: u16| {
        let version = format!("version = 1\n[defaults]\nmtu = {mtu}\n");
        guarded().replacen("version = 1\n", &version, 1)
    };
    let mut world = known(World::new(&with(MTU)), &[GATEWAY, "n2/b-i3"]);
    world.install(&with(1500), |name| name == "n2");
    let frame = from_host("n2/b-i3", mac(GATEWAY), FAR);
    assert_eq!(world.try_frame("n2/b-i3", &frame), []);
    assert_eq!(
        world.carried.values().sum::<usize>(),
        1,
        "nothing comes back"
    );
}
