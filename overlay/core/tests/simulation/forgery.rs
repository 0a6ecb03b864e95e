//! What a node can make up: frames of any segment from anybody, outer headers of anybody, and
//! control messages about addresses that are not its own.

use std::net::IpAddr;

use etherparse::PacketBuilder;
use skerry_policy::{Digest, Mac};

use crate::oracle::{Kind, Role};
use crate::rng::Rng;
use crate::site::{Site, vni};
use crate::tag::{self, BROADCAST, GROUP4};

const CONTROL: u16 = 4790;
const VXLAN: u16 = 4789;

/// One packet for a tunnel.
#[derive(Debug)]
pub(crate) struct Forged {
    /// From another overlay address than its own.
    astray: bool,
    port: u16,
    payload: Vec<u8>,
    /// The frame in it and its segment, if anybody may take it.
    pub(crate) frame: Option<(Vec<u8>, Role)>,
}

impl Forged {
    /// The packet from one overlay address to another.
    pub(crate) fn packet(&self, me: IpAddr, to: IpAddr) -> Vec<u8> {
        let mut packet = Vec::new();
        let builder = match (me, to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let [a, b, c, d] = from.octets();
                let from = if self.astray {
                    [a, b, c, d ^ 0x40]
                } else {
                    [a, b, c, d]
                };
                PacketBuilder::ipv4(from, to.octets(), 64)
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                let mut from = from.octets();
                from[15] ^= if self.astray { 0x40 } else { 0 };
                PacketBuilder::ipv6(from, to.octets(), 64)
            }
            _ => panic!("overlay addresses are of one family"),
        };
        let builder = builder.udp(self.port, self.port);
        builder.write(&mut packet, &self.payload).unwrap();
        packet
    }
}

/// What it needs to be believed.
#[derive(Debug)]
pub(crate) struct Knowledge {
    boot: u64,
    digest: Digest,
    sequence: u64,
}

impl Knowledge {
    pub(crate) const fn new(boot: u64, digest: Digest) -> Self {
        Self {
            boot,
            digest,
            sequence: 0,
        }
    }

    /// A hello as an honest node would say it, or with a wild generation.
    pub(crate) fn hello(&mut self, rng: &mut Rng, now: u64) -> Forged {
        let generation = if rng.chance(300) { rng.next() } else { 1 };
        let mut payload = b"SK\x01\x01".to_vec();
        payload.extend(self.boot.to_be_bytes());
        payload.extend(generation.to_be_bytes());
        payload.extend(self.digest.0);
        payload.extend(now.to_be_bytes());
        payload.push(0);
        control(payload)
    }

    /// Bindings: others' addresses are here, with or without an IP address, or are gone.
    pub(crate) fn bindings(&mut self, rng: &mut Rng, site: &Site, roles: &[Role]) -> Forged {
        self.sequence += 1 + rng.within(0..3);
        let mut payload = b"SK\x01\x02".to_vec();
        payload.extend(self.boot.to_be_bytes());
        payload.extend(self.digest.0);
        payload.extend(self.sequence.to_be_bytes());
        if rng.chance(100) {
            // Everything there is: nothing.
            payload.extend([1, 0, 0]);
            return control(payload);
        }
        payload.push(0);
        for _ in 0..1 + rng.below(4) {
            let victim = rng.below(site.ports.len());
            let role = rng.pick(roles);
            payload.extend(&vni(*role).to_be_bytes()[1..]);
            payload.extend(site.mac(victim).0);
            let strength = 1 + (rng.byte() & 1);
            match rng.within(0..4) {
                0 => payload.push(0x10),
                1 => {
                    payload.push(strength | 4);
                    payload.extend(site.ip4(victim).octets());
                }
                _ => payload.push(strength),
            }
        }
        control(payload)
    }
}

const fn control(payload: Vec<u8>) -> Forged {
    Forged {
        astray: false,
        port: CONTROL,
        payload,
        frame: None,
    }
}

/// A frame of somebody's, in any segment. `roles` are the node's own segments.
pub(crate) fn frame(rng: &mut Rng, site: &Site, roles: &[Role]) -> Forged {
    let victim = rng.below(site.ports.len());
    let other = rng.below(site.ports.len());
    let role = if rng.chance(700) {
        *rng.pick(roles)
    } else {
        Role {
            pvlan: site.ports[other].pvlan,
            kind: *rng.pick(&[
                Kind::Promiscuous,
                Kind::Isolated,
                Kind::Community(0),
                Kind::Community(1),
            ]),
        }
    };
    let source = if rng.chance(800) {
        site.mac(victim)
    } else {
        Mac([2, 0xcc, rng.byte(), rng.byte(), rng.byte(), rng.byte()])
    };
    let target = match rng.within(0..10) {
        0..3 => BROADCAST,
        3 => GROUP4,
        _ => site.mac(other),
    };
    let words = rng.bytes::<40>();
    let mut inner = match rng.within(0..4) {
        0 => tag::udp4(
            (source, target),
            (site.ip4(victim), site.ip4(other)),
            &words,
        ),
        1 => tag::udp6(
            (source, target),
            (site.ip6(victim), site.ip6(other)),
            &words,
        ),
        2 => {
            let sender = (source, site.ip4(victim));
            let mut frame = tag::arp((source, target), 2, sender, (target, site.ip4(other)));
            frame.extend(words);
            frame
        }
        _ => tag::plain(source, target, &words),
    };
    wrap(rng, role, &mut inner)
}

/// The VXLAN packet, which in some cases must not be believed whatever is in it.
fn wrap(rng: &mut Rng, role: Role, inner: &mut Vec<u8>) -> Forged {
    let [_, a, b, c] = vni(role).to_be_bytes();
    let mut header = [8, 0, 0, 0, a, b, c, 0];
    let mut astray = false;
    let mut believable = true;
    match rng.within(0..20) {
        0 => {
            header[0] = *rng.pick(&[0, 9, 0x88, 0x48]);
            believable = false;
        }
        1 => {
            header[7] = 1;
            believable = false;
        }
        2 => {
            inner.splice(12..12, [0x81, 0, 0, rng.byte()]);
            believable = false;
        }
        3 => {
            astray = true;
            believable = false;
        }
        _ => {}
    }
    let mut payload = header.to_vec();
    payload.extend(inner.iter());
    Forged {
        astray,
        port: VXLAN,
        payload,
        frame: believable.then(|| (inner.clone(), role)),
    }
}
