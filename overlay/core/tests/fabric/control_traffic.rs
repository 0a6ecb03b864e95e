//! What hosts obey: router advertisements, DHCP, redirects, and where they could be hidden.

use std::net::{Ipv4Addr, Ipv6Addr};

use skerry_policy::Mac;

use crate::world::frames::{BROADCAST, bootp, ip, ip6, ipv4, ipv6, mac, udp_as, udp_ports};
use crate::world::{World, guarded};

const ALL_NODES: (Mac, Ipv6Addr) = (
    Mac([0x33, 0x33, 0, 0, 0, 1]),
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
);
const ICMP6: u8 = 58;
const ADVERTISEMENT: [u8; 16] = [134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
const MORE: u16 = 0x2000;

fn settled() -> World {
    let mut world = World::new(&guarded());
    for port in [
        "n1/b-gw", "n3/b-p2", "n1/b-w1", "n2/b-w2", "n2/r-l1", "n3/r-l2",
    ] {
        world.send(port, &udp_ports(port, BROADCAST, (9, 9), b"here"));
    }
    world
}

/// Destination options that lead to `next`.
fn options(next: u8) -> [u8; 8] {
    [next, 0, 1, 4, 0, 0, 0, 0]
}

fn fragment(next: u8, word: u16) -> [u8; 8] {
    let [high, low] = word.to_be_bytes();
    [next, 0, high, low, 0, 0, 0, 7]
}

#[test]
fn d12_a_host_is_no_router_however_it_says_so() {
    let mut world = settled();
    let twice = [&options(60)[..], &options(ICMP6), &ADVERTISEMENT].concat();
    let cut = [&fragment(ICMP6, 1)[..], &ADVERTISEMENT].concat();
    let behind = [&fragment(60, 1)[..], &options(ICMP6), &ADVERTISEMENT].concat();
    let chains: [(u8, &[u8]); 4] = [
        (ICMP6, &ADVERTISEMENT),
        (60, &twice),
        (44, &cut),
        (44, &behind),
    ];
    for port in ["n1/b-i1", "n1/b-w1"] {
        for (next, rest) in chains {
            for hops in [255, 64] {
                let frame = ipv6(port, ALL_NODES, next, hops, rest);
                assert_eq!(world.refused(port, &frame), "ra_guard", "{next} {hops}");
            }
        }
    }
    let router = ipv6("n1/b-gw", ALL_NODES, ICMP6, 255, &ADVERTISEMENT);
    assert_eq!(world.receivers("n1/b-gw", &router).len(), 10);
}

#[test]
fn a_chain_in_which_an_advertisement_could_hide_is_refused() {
    let mut world = settled();
    let hidden = [&fragment(60, 1)[..], &options(ICMP6)].concat();
    let unknown = [&options(200)[..], &ADVERTISEMENT].concat();
    let experiment = [&options(ICMP6)[..], &ADVERTISEMENT].concat();
    let chains: [(u8, &[u8]); 3] = [(44, &hidden), (60, &unknown), (253, &experiment)];
    for (next, rest) in chains {
        let frame = ipv6("n1/b-w1", ALL_NODES, next, 64, rest);
        assert_eq!(world.refused("n1/b-w1", &frame), "v6_chain", "{next}");
    }
    world.advance(std::time::Duration::from_secs(1));
    let later = [&fragment(ICMP6, 8)[..], &[0; 16]].concat();
    let frame = ipv6("n1/b-w1", ALL_NODES, 44, 64, &later);
    let receivers = world.receivers("n1/b-w1", &frame);
    assert_eq!(
        receivers,
        ["n1/b-gw", "n2/b-w2", "n3/b-p2"],
        "nothing to hide"
    );
    let frame = ipv6("n1/b-gw", ALL_NODES, 253, 64, &experiment);
    assert_eq!(world.receivers("n1/b-gw", &frame).len(), 10, "a router may");
}

#[test]
fn a_policy_may_let_a_host_be_a_router() {
    let site = guarded().replace(
        "b-w1 = { as = \"blue.web\",",
        "b-w1 = { as = \"blue.web\", guard = { ra = \"allow\" },",
    );
    let mut world = World::new(&site);
    let frame = ipv6("n1/b-w1", ALL_NODES, ICMP6, 255, &ADVERTISEMENT);
    let receivers = world.receivers("n1/b-w1", &frame);
    assert_eq!(receivers, ["n1/b-gw", "n2/b-w2", "n3/b-p2"]);
}

#[test]
fn d10_a_client_is_no_server() {
    let mut world = settled();
    let host = "n1/b-w1";
    for (ports, op) in [
        ((67, 68), 2),
        ((1000, 68), 2),
        ((67, 1000), 2),
        ((68, 67), 2),
        ((67, 67), 1),
    ] {
        let frame = udp_ports(host, BROADCAST, ports, &bootp(op, mac(host)));
        assert_eq!(world.refused(host, &frame), "dhcp_server", "{ports:?}");
    }
    let routers = (Mac([0x33, 0x33, 0, 1, 0, 2]), "ff02::1:2".parse().unwrap());
    for (ports, kind) in [
        ((547, 546), 2),
        ((9, 546), 7),
        ((546, 547), 2),
        ((546, 547), 13),
    ] {
        let mut udp = Vec::new();
        let header = etherparse::UdpHeader::without_ipv4_checksum(ports.0, ports.1, 4).unwrap();
        header.write(&mut udp).unwrap();
        udp.extend([kind, 0, 0, 1]);
        let frame = ipv6(host, routers, 17, 1, &udp);
        assert_eq!(
            world.refused(host, &frame),
            "dhcp_server",
            "{ports:?} {kind}"
        );
    }
}

#[test]
fn a_server_is_one_where_policy_says_so() {
    let site = guarded().replace(
        "r-l1 = { as = \"red.lab\",",
        "r-l1 = { as = \"red.lab\", guard = { dhcp = \"server\" },",
    );
    let mut world = World::new(&site);
    let offer = |port| udp_ports(port, BROADCAST, (67, 68), &bootp(2, mac("n3/r-l2")));
    let receivers = world.receivers("n2/r-l1", &offer("n2/r-l1"));
    assert_eq!(
        receivers,
        ["n2/r-gw", "n3/r-l2"],
        "the other node believes it"
    );
    assert_eq!(world.refused("n3/r-l2", &offer("n3/r-l2")), "dhcp_server");
}

#[test]
fn a_client_asks_for_its_own_address_only() {
    let mut world = settled();
    let host = "n1/b-i1";
    let discover = |client| udp_ports(host, BROADCAST, (68, 67), &bootp(1, client));
    assert_eq!(world.refused(host, &discover(mac("n1/b-i2"))), "dhcp_spoof");
    let cut = udp_ports(host, BROADCAST, (68, 67), &[1, 1, 6]);
    assert_eq!(world.refused(host, &cut), "dhcp_spoof");
    let receivers = world.receivers(host, &discover(mac(host)));
    assert_eq!(receivers, ["n1/b-gw", "n3/b-p2"]);
}

#[test]
fn a_first_fragment_shows_its_ports() {
    let mut world = settled();
    let host = "n1/b-w1";
    let all = (BROADCAST, Ipv4Addr::BROADCAST);
    let offer = [0, 67, 0, 68, 0, 16, 0, 0, 2, 1, 6, 0, 0, 0, 0, 0];
    let tiny = ipv4(host, all, 17, MORE, &offer[..4]);
    assert_eq!(world.refused(host, &tiny), "frag_bad");
    let whole = ipv4(host, all, 17, MORE, &offer);
    assert_eq!(world.refused(host, &whole), "dhcp_server");
    let harmless = ipv4(host, all, 17, MORE, &[0, 9, 0, 9, 0, 16, 0, 0]);
    let rest = ipv4(host, all, 17, 1, &offer[8..]);
    for frame in [harmless, rest] {
        let receivers = world.receivers(host, &frame);
        assert_eq!(receivers, ["n1/b-gw", "n2/b-w2", "n3/b-p2"]);
    }
}

/// An ICMP redirect to another gateway, about some destination.
fn redirect(from: &str, to: &str, gateway: Ipv4Addr) -> Vec<u8> {
    let mut icmp = vec![5, 1, 0, 0];
    icmp.extend(gateway.octets());
    icmp.extend([0x45, 0, 0, 28]);
    icmp.resize(8 + 28, 0);
    ipv4(from, (mac(to), ip(to)), 1, 0, &icmp)
}

fn redirect6(from: &str, to: &str, target: Ipv6Addr) -> Vec<u8> {
    let mut icmp = vec![137, 0, 0, 0, 0, 0, 0, 0];
    icmp.extend(target.octets());
    icmp.extend(target.octets());
    ipv6(from, (mac(to), ip6(to)), ICMP6, 255, &icmp)
}

#[test]
fn nobody_is_sent_around_the_gateway() {
    let mut world = settled();
    world.send(
        "n1/b-i1",
        &udp_as(
            mac("n1/b-i1"),
            ip("n1/b-i1"),
            BROADCAST,
            [192, 0, 2, 1].into(),
            b"x",
        ),
    );
    let to_host = redirect("n1/b-gw", "n1/b-i1", ip("n2/b-i3"));
    assert_eq!(world.refused("n1/b-gw", &to_host), "icmp_redirect");
    let to_free = redirect("n1/b-gw", "n1/b-i1", Ipv4Addr::new(10, 1, 0, 200));
    assert_eq!(world.refused("n1/b-gw", &to_free), "icmp_redirect");
    for target in [ip6("n2/b-i3"), "fe80::1234".parse().unwrap()] {
        let frame = redirect6("n1/b-gw", "n1/b-i1", target);
        assert_eq!(
            world.refused("n1/b-gw", &frame),
            "icmp_redirect",
            "{target}"
        );
    }
    let to_router = redirect("n1/b-gw", "n1/b-i1", ip("n3/b-p2"));
    assert_eq!(world.receivers("n1/b-gw", &to_router), ["n1/b-i1"]);
    let away = redirect("n1/b-gw", "n1/b-i1", Ipv4Addr::new(192, 0, 2, 9));
    assert_eq!(world.receivers("n1/b-gw", &away), ["n1/b-i1"]);
}

#[test]
fn a_host_redirects_nobody() {
    let mut world = settled();
    let frame = redirect("n1/b-w1", "n2/b-w2", ip("n1/b-w1"));
    assert_eq!(world.refused("n1/b-w1", &frame), "icmp_redirect");
}

#[test]
fn no_message_of_dhcp_hides_behind_the_first_of_a_superframe() {
    use skerry_overlay::{Checksum, Frame, Offload, Superframe, SuperframeKind};
    let mut world = settled();
    let host = "n1/b-i1";
    let mut messages = bootp(1, mac(host));
    messages.extend(bootp(2, mac(host)));
    let frame = udp_ports(host, BROADCAST, (68, 67), &messages);
    let offload = Offload {
        checksum: Some(Checksum {
            start: 34,
            offset: 6,
        }),
        superframe: Some(Superframe {
            kind: SuperframeKind::Udp,
            size: 240,
            ecn: false,
        }),
        valid: false,
    };
    world.forget();
    world.send_frame(
        host,
        Frame {
            bytes: &frame,
            offload,
        },
    );
    assert_eq!(world.received(), []);
    let dropped = world.port_counters(host).ingress_drops;
    assert_eq!(dropped.total(), 1, "as offload_bad: {dropped:?}");
}
