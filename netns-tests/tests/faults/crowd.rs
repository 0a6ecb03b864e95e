//! A crowd of ports that send everything there is: what is right, what is wrong, what is a lie.

use anyhow::{Result, ensure};
use skerry_netns_tests::frame::{
    self, Arp, BROADCAST, MDNS, NOBODY, Pair, ethernet, transport6_checksum, udp4, udp6, with_vlan,
};
use skerry_netns_tests::oracle;
use skerry_netns_tests::probe::Log;
use skerry_netns_tests::relay::Random;
use skerry_netns_tests::tag::Tag;
use skerry_netns_tests::topology::{Port, Role, Vlan};

/// What a frame is. The tag's sequence number carries it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Unicast,
    Unicast6,
    Unknown,
    Broadcast,
    Multicast,
    OwnArp,
    Priority,
    Tagged,
    Stacked,
    StolenMac,
    StolenIp,
    StolenIp6,
    ArpLie,
    Lldp,
    Bpdu,
    Foreign,
    Advertisement,
    Offer,
    Hairpin,
}

/// How often each kind is drawn: mostly what is forwarded, so that there is something to leak.
const KINDS: [(Kind, usize); 19] = [
    (Kind::Unicast, 50),
    (Kind::Unicast6, 8),
    (Kind::Unknown, 3),
    (Kind::Broadcast, 3),
    (Kind::Multicast, 3),
    (Kind::OwnArp, 1),
    (Kind::Priority, 2),
    (Kind::Tagged, 2),
    (Kind::Stacked, 2),
    (Kind::StolenMac, 3),
    (Kind::StolenIp, 3),
    (Kind::StolenIp6, 2),
    (Kind::ArpLie, 2),
    (Kind::Lldp, 1),
    (Kind::Bpdu, 1),
    (Kind::Foreign, 2),
    (Kind::Advertisement, 2),
    (Kind::Offer, 2),
    (Kind::Hairpin, 6),
];

/// Bits of a sequence number that say the kind.
const BITS: u32 = 5;
/// Set in every sequence number of the crowd: those of [`skerry_netns_tests::fabric`] are lower.
const CROWD: u32 = 1 << 31;
/// Frames that one port may send.
const MOST: usize = 1 << 24;

/// A port that differs from T1 under the other policy.
pub(crate) type Changed = [(&'static str, &'static str, Role)];

/// Both policies of the flap.
#[derive(Debug)]
pub(crate) struct Policies {
    roles: Vec<[Role; 2]>,
}

impl Policies {
    pub(crate) fn new(changed: &Changed) -> Result<Self> {
        let mut roles: Vec<_> = Port::all().map(|port| [port.role(); 2]).collect();
        for (name, _, role) in changed {
            roles[Port::named(name)?.index()][1] = *role;
        }
        Ok(Self { roles })
    }

    /// Whether one of both policies as a whole lets a pair talk.
    pub(crate) fn permit(&self, from: Port, to: Port) -> bool {
        let under = |policy: usize| {
            let side = |port: Port| (port.vlan(), self.roles[port.index()][policy]);
            oracle::accepts(side(from), side(to))
        };
        from != to && (under(0) || under(1))
    }

    /// Whether a sender under one policy and a receiver under the other may talk, which neither
    /// policy as a whole need permit.
    fn mix(&self, from: Port, to: Port) -> bool {
        let side = |port: Port, policy: usize| (port.vlan(), self.roles[port.index()][policy]);
        let crossed = |a, b| oracle::accepts(side(from, a), side(to, b));
        from != to && (crossed(0, 1) || crossed(1, 0))
    }

    /// Whether a frame of this kind may be delivered at all.
    fn may_pass(&self, kind: Kind, from: Port, target: Port) -> bool {
        let host = from.role() != Role::Promiscuous;
        match kind {
            Kind::Tagged | Kind::Stacked | Kind::Lldp | Kind::Bpdu => false,
            // A promiscuous port may speak for others, and sends what it likes.
            Kind::Advertisement
            | Kind::Offer
            | Kind::StolenMac
            | Kind::StolenIp
            | Kind::StolenIp6
            | Kind::ArpLie
            | Kind::Foreign => !host,
            // The red private VLAN lets its gateway forward between hosts.
            Kind::Hairpin => {
                let neighbour = from.vlan() == target.vlan() && from != target;
                !host || from.vlan() == Vlan::Red || !neighbour || self.permit(from, target)
            }
            Kind::Unicast
            | Kind::Unicast6
            | Kind::Unknown
            | Kind::Broadcast
            | Kind::Multicast
            | Kind::OwnArp
            | Kind::Priority => true,
        }
    }
}

/// One port's share of the crowd.
#[derive(Debug)]
pub(crate) struct Member {
    from: Port,
    run: u32,
    random: Random,
    sent: u32,
}

impl Member {
    pub(crate) fn new(from: Port, run: u32, seed: u64) -> Self {
        Self {
            from,
            run,
            random: Random::new(seed ^ u64::from(from.0) << 48),
            sent: 0,
        }
    }

    /// The next frame.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let (index, kind) = self.draw();
        // A few bits of the number name the target too, so that it can be judged by the tag alone.
        let target = Port::all()
            .nth(self.random.below(Port::COUNT))
            .unwrap_or(self.from);
        let number = self.sent << 4 | u32::from(target.0);
        let tag = Tag {
            run: self.run,
            source: self.from.0,
            sequence: CROWD | number << BITS | index,
        };
        self.sent = (self.sent + 1) % (1 << 22);
        let padding = self.random.below(120);
        self.build(kind, target, tag, padding)
    }

    fn draw(&mut self) -> (u32, Kind) {
        let total: usize = KINDS.iter().map(|(_, weight)| weight).sum();
        let mut left = self.random.below(total);
        for (index, (kind, weight)) in (0..).zip(KINDS) {
            if left < weight {
                return (index, kind);
            }
            left -= weight;
        }
        (0, Kind::Unicast)
    }

    fn build(&self, kind: Kind, target: Port, tag: Tag, padding: usize) -> Vec<u8> {
        let own = |to| Pair {
            to,
            from: self.from.mac(),
        };
        let ip = |to| Pair {
            to,
            from: self.from.ip(),
        };
        let gateway = match self.from.vlan() {
            Vlan::Blue => Port(0),
            Vlan::Red => Port(9),
        };
        let unicast = || udp4(own(target.mac()), ip(target.ip()), tag, padding);
        let flood = |to, group| udp4(own(to), ip(group), tag, padding);
        match kind {
            Kind::Unicast => unicast(),
            Kind::Unicast6 => {
                let address = Pair {
                    to: target.ip6(),
                    from: self.from.ip6(),
                };
                udp6(own(target.mac()), address, tag, padding)
            }
            Kind::Unknown => flood(NOBODY, target.ip()),
            Kind::Broadcast => flood(BROADCAST, [255; 4]),
            Kind::Multicast => flood(MDNS, [224, 0, 0, 251]),
            Kind::OwnArp => arp(own(BROADCAST), self.from.ip(), tag),
            Kind::Priority => with_vlan(unicast(), 0),
            Kind::Tagged => with_vlan(unicast(), 100),
            Kind::Stacked => with_vlan(with_vlan(unicast(), 100), 0),
            Kind::StolenMac => {
                let lie = Pair {
                    to: target.mac(),
                    from: gateway.mac(),
                };
                udp4(lie, ip(target.ip()), tag, padding)
            }
            Kind::StolenIp => {
                let lie = Pair {
                    to: gateway.ip(),
                    from: other(self.from, target).ip(),
                };
                udp4(own(gateway.mac()), lie, tag, padding)
            }
            Kind::StolenIp6 => {
                let lie = Pair {
                    to: gateway.ip6(),
                    from: other(self.from, target).ip6(),
                };
                udp6(own(gateway.mac()), lie, tag, padding)
            }
            Kind::ArpLie => arp(own(BROADCAST), other(self.from, gateway).ip(), tag),
            Kind::Lldp => tagged(own([0x01, 0x80, 0xc2, 0, 0, 0x0e]), 0x88cc, tag),
            Kind::Bpdu => tagged(own([0x01, 0x80, 0xc2, 0, 0, 0]), 0x0800, tag),
            Kind::Foreign => tagged(own(target.mac()), frame::EXPERIMENT, tag),
            Kind::Advertisement => router_advertisement(self.from, tag),
            Kind::Offer => {
                let mut offer = flood(BROADCAST, [255; 4]);
                offer[34..38].copy_from_slice(&[0, 67, 0, 68]);
                offer
            }
            Kind::Hairpin => udp4(own(gateway.mac()), ip(target.ip()), tag, padding),
        }
    }
}

/// Never the port itself: using one's own address is no lie.
fn other(from: Port, target: Port) -> Port {
    let next = || Port::all().find(|port| *port != from && port.vlan() == from.vlan());
    let usable = target != from && target.vlan() == from.vlan();
    if usable {
        target
    } else {
        next().unwrap_or(target)
    }
}

fn arp(mac: Pair<6>, ip: [u8; 4], tag: Tag) -> Vec<u8> {
    let message = Arp {
        operation: 1,
        sender: (mac.from, ip),
        target: ([0; 6], ip),
    };
    message.frame(mac, tag)
}

fn tagged(mac: Pair<6>, ethertype: u16, tag: Tag) -> Vec<u8> {
    let mut frame = ethernet(mac.to, mac.from, ethertype);
    tag.append_to(&mut frame, 0);
    frame
}

/// To all nodes (RFC 4861 section 4.2), with the tag in an option of an experimental type.
fn router_advertisement(from: Port, tag: Tag) -> Vec<u8> {
    let mut frame = ethernet([0x33, 0x33, 0, 0, 0, 1], from.mac(), 0x86dd);
    let [a, b, c, d, e, f] = from.mac();
    let link_local = [
        0xfe,
        0x80,
        0,
        0,
        0,
        0,
        0,
        0,
        a ^ 2,
        b,
        c,
        0xff,
        0xfe,
        d,
        e,
        f,
    ];
    let all_nodes = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    frame.extend_from_slice(&[0x60, 0, 0, 0, 0, 48, 58, 255]);
    frame.extend_from_slice(&link_local);
    frame.extend_from_slice(&all_nodes);
    let start = frame.len();
    frame.extend_from_slice(&[134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 253, 4]);
    tag.append_to(&mut frame, 0);
    frame.extend_from_slice(&[0; 2]);
    let ip = Pair {
        from: link_local,
        to: all_nodes,
    };
    transport6_checksum(&mut frame, start, ip, 58, 2);
    frame
}

/// Everything that was seen so far, judged as it comes, so that a run may be as long as it likes.
#[derive(Debug)]
pub(crate) struct Judge {
    policies: Policies,
    run: u32,
    /// By sender and receiver: which frames were seen, a bit each.
    seen: Vec<Vec<u64>>,
    /// Frames delivered.
    pub(crate) delivered: u64,
    /// Frames delivered of each kind, in the order of the kinds.
    pub(crate) by_kind: [u64; KINDS.len()],
    /// Deliveries that only the other policy permits.
    pub(crate) by_the_other: u64,
    /// Deliveries that neither policy permits, and a mix of both does.
    pub(crate) mixed: u64,
}

impl Judge {
    pub(crate) fn new(policies: Policies, run: u32) -> Self {
        Self {
            policies,
            run,
            seen: vec![Vec::new(); Port::COUNT * Port::COUNT],
            delivered: 0,
            by_kind: [0; KINDS.len()],
            by_the_other: 0,
            mixed: 0,
        }
    }

    /// Judges what the probes saw since the last time.
    ///
    /// # Errors
    /// With the first frame that was forbidden, changed, or seen twice.
    pub(crate) fn hear(&mut self, logs: &[Log]) -> Result<()> {
        for (port, log) in Port::all().zip(logs) {
            for seen in &log.seen {
                self.one(port, seen.tag, seen.intact)?;
            }
        }
        Ok(())
    }

    fn one(&mut self, port: Port, tag: Tag, intact: bool) -> Result<()> {
        ensure!(
            tag.run == self.run,
            "{port} saw a frame of another run: {tag:?}"
        );
        ensure!(intact, "{port} saw a frame that was changed: {tag:?}");
        let from = Port(tag.source);
        let number = (tag.sequence & !CROWD) >> BITS;
        let kind = usize::try_from(tag.sequence & ((1 << BITS) - 1))?;
        let (what, _) = *KINDS.get(kind).unwrap_or(&KINDS[0]);
        let target = Port(u8::try_from(number & 0xf)?);
        let mixed = !self.policies.permit(from, port);
        ensure!(
            tag.sequence & CROWD != 0 && (!mixed || self.policies.mix(from, port)),
            "a {what:?} frame leaked from {from} to {port}: {tag:?}"
        );
        self.mixed += u64::from(mixed);
        ensure!(
            self.policies.may_pass(what, from, target),
            "a {what:?} frame of {from} (about {target}) was delivered to {port}"
        );
        let index = usize::try_from(number >> 4)?;
        ensure!(index < MOST, "a sequence number that nobody sent: {tag:?}");
        let bits = &mut self.seen[from.index() * Port::COUNT + port.index()];
        if bits.len() <= index / 64 {
            bits.resize(index / 64 + 1, 0);
        }
        let bit = 1 << (index % 64);
        ensure!(
            bits[index / 64] & bit == 0,
            "{port} saw a {what:?} frame of {from} twice: {tag:?}"
        );
        bits[index / 64] |= bit;
        self.delivered += 1;
        self.by_kind[kind] += 1;
        self.by_the_other += u64::from(!mixed && !oracle::permits(from, port));
        Ok(())
    }

    /// What was delivered, kind by kind.
    pub(crate) fn kinds(&self) -> String {
        let kinds = KINDS.iter().zip(self.by_kind);
        let words = kinds.map(|((kind, _), count)| format!("{kind:?} {count}"));
        words.collect::<Vec<_>>().join(", ")
    }
}
