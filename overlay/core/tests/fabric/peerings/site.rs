//! Topology T2 with peerings: who is at their ends, and what those say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{IpNumber, PacketBuilder};
use skerry_policy::{Mac, Vni};

use crate::world::{World, frames};

/// From `n1/b-w1` to a trunk on another node.
pub(super) const DNS: u32 = 22_001;
/// Between two ports of n1.
pub(super) const WEB: u32 = 22_002;
/// The same two ends as [`DNS`], the other way round.
pub(super) const METRICS: u32 = 22_003;
/// From n4, which lies, and n2, to ports of n1 and n3.
pub(super) const LIES: u32 = 22_004;

pub(super) const PEERINGS: &str = "
[peering.dns]
vni = 22001
from = [\"n1/b-w1\"]
to = [\"n3/up0#20\"]
allow = [\"udp/53\", \"tcp/53\"]
[peering.web]
vni = 22002
from = [\"n1/r-i1\"]
to = [\"n1/b-d1\"]
allow = [\"tcp/80\", \"icmp\"]
[peering.metrics]
vni = 22003
from = [\"n3/up0#20\"]
to = [\"n1/b-w1\"]
allow = [\"tcp/9100\"]
[peering.lies]
vni = 22004
from = [\"n4/b-i5\", \"n2/b-i3\"]
to = [\"n1/r-i1\", \"n3/r-i2\"]
allow = [\"udp/53\"]
";

pub(super) const fn via(vni: u32) -> Mac {
    Mac::of_peering(Vni::new(vni).unwrap())
}

/// A site with the consent of both, the trunk, and these peerings.
pub(super) fn with(site: &str, peerings: &str) -> String {
    let trunk = "[port.n3]\nup0 = { trunk = { 10 = \"blue.promiscuous\", 20 = \"red.promiscuous\" }, \
                 ip = [\"10.2.0.53\", \"2001:db8:2::53\"] }\n";
    let site = site
        .replace("[pvlan.blue]\n", "[pvlan.blue]\npeers = [\"red\"]\n")
        .replace("[pvlan.red]\n", "[pvlan.red]\npeers = [\"blue\"]\n")
        .replace("[port.n3]\n", trunk);
    format!("{site}{peerings}")
}

/// A guest, as its packets show it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guest {
    pub(super) port: &'static str,
    pub(super) tag: Option<u16>,
    pub(super) mac: Mac,
    pub(super) ip: Ipv4Addr,
    pub(super) ip6: Ipv6Addr,
}

/// The red tag of the trunk.
pub(super) const UP: Guest = Guest {
    port: "n3/up0",
    tag: Some(20),
    mac: Mac([2, 0x11, 0, 0, 0, 0x53]),
    ip: Ipv4Addr::new(10, 2, 0, 53),
    ip6: Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x53),
};

pub(super) fn guest(port: &'static str) -> Guest {
    Guest {
        port,
        tag: None,
        mac: frames::mac(port),
        ip: frames::ip(port),
        ip6: frames::ip6(port),
    }
}

impl Guest {
    pub(super) fn address(&self, six: bool) -> IpAddr {
        if six { self.ip6.into() } else { self.ip.into() }
    }

    /// The frame as it stands on the guest's wire.
    pub(super) fn tagged(&self, frame: &[u8]) -> Vec<u8> {
        let tag = self.tag.map(|tag| [[0x81, 0], tag.to_be_bytes()].concat());
        [&frame[..12], &tag.unwrap_or_default(), &frame[12..]].concat()
    }

    /// A packet of its own to an address, as an untagged frame.
    pub(super) fn says(&self, by: Mac, to: IpAddr, what: Said) -> Vec<u8> {
        packet((self.mac, by), (self.address(to.is_ipv6()), to), what)
    }
}

/// A transport header.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said {
    Udp(u16, u16),
    /// Ports and flags.
    Tcp(u16, u16, u8),
    /// A type; in the family of the packet.
    Icmp(u8),
}

pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const ACK: u8 = 0x10;

impl Said {
    fn bytes(self, six: bool) -> (IpNumber, Vec<u8>) {
        match self {
            Self::Udp(source, destination) => {
                let words = [source, destination, 20, 0].map(u16::to_be_bytes).concat();
                (IpNumber::UDP, [&words[..], b"twelve bytes"].concat())
            }
            Self::Tcp(source, destination, flags) => {
                let ports = [source, destination].map(u16::to_be_bytes).concat();
                let rest = [0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 4, 0, 0, 0, 0, 0];
                (IpNumber::TCP, [&ports[..], &rest].concat())
            }
            Self::Icmp(kind) => {
                let number = if six {
                    IpNumber::IPV6_ICMP
                } else {
                    IpNumber::ICMP
                };
                (number, vec![kind, 0, 0, 0, 0, 1, 0, 1])
            }
        }
    }
}

/// A frame with these MAC and IP addresses, source first.
pub(super) fn packet(macs: (Mac, Mac), ips: (IpAddr, IpAddr), what: Said) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(macs.0.0, macs.1.0);
    let (number, payload) = what.bytes(ips.1.is_ipv6());
    let mut frame = Vec::new();
    let written = match ips {
        (IpAddr::V4(source), IpAddr::V4(destination)) => builder
            .ipv4(source.octets(), destination.octets(), 64)
            .write(&mut frame, number, &payload),
        (IpAddr::V6(source), IpAddr::V6(destination)) => builder
            .ipv6(source.octets(), destination.octets(), 64)
            .write(&mut frame, number, &payload),
        _ => panic!("one family"),
    };
    written.unwrap();
    frame
}

/// A world whose ends have all asked for an address, so that theirs are known.
pub(super) fn introduced(site: &str) -> World {
    let mut world = World::new(site);
    for port in ["n1/b-w1", "n1/b-d1", "n4/b-i5"] {
        hello(&mut world, guest(port), frames::ip("n1/b-gw"));
    }
    for end in [guest("n1/r-i1"), guest("n3/r-i2"), UP] {
        hello(&mut world, end, frames::ip("n2/r-gw"));
    }
    world
}

/// Lets a guest ask for another by ARP and by neighbour discovery.
pub(super) fn hello(world: &mut World, from: Guest, target: Ipv4Addr) {
    world.send(
        from.port,
        &from.tagged(&who_has(from, frames::BROADCAST, target)),
    );
    let six = Ipv6Addr::new(0x2001, 0xdb8, u16::from(target.octets()[1]), 0, 0, 0, 0, 1);
    world.send(from.port, &from.tagged(&solicits(from, GROUP, six)));
}

/// Where solicitations go.
pub(super) const GROUP: Mac = Mac([0x33, 0x33, 0xff, 0, 0, 1]);

pub(super) fn who_has(from: Guest, to: Mac, target: Ipv4Addr) -> Vec<u8> {
    frames::arp(from.mac, to, frames::REQUEST, (from.mac, from.ip), target)
}

pub(super) fn solicits(from: Guest, to: Mac, target: Ipv6Addr) -> Vec<u8> {
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 1);
    frames::nd(
        from.mac,
        to,
        (from.ip6, group),
        135,
        target,
        Some((1, from.mac)),
    )
}

/// Who got a frame, exactly as a peering hands it over.
#[track_caller]
pub(super) fn crossed(world: &mut World, from: Guest, frame: &[u8], to: Guest, vni: u32) {
    let passed = world.port_counters(from.port).peering_pass;
    let mut expected = frame.to_vec();
    expected[..6].copy_from_slice(&to.mac.0);
    expected[6..12].copy_from_slice(&via(vni).0);
    let received = world.try_frame(from.port, &from.tagged(frame));
    assert_eq!(received, [(to.port.to_owned(), to.tagged(&expected))]);
    assert_eq!(world.port_counters(from.port).peering_pass, passed + 1);
}

/// It went nowhere, for this reason.
#[track_caller]
pub(super) fn denied(world: &mut World, from: Guest, frame: &[u8]) {
    let reason = world.refused(from.port, &from.tagged(frame));
    assert_eq!(reason, "peering_deny", "{from:?} {frame:02x?}");
}
