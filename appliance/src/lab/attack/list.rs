//! The attacks: what is sent, how it would be recognised, and what it must be dropped for.

use crate::lab::frame::{Arp, Probe};
use crate::lab::plan::{HostId, cast};
use crate::lab::tag::{Kind, Tag};

/// One attack.
#[derive(Debug)]
pub(in crate::lab) struct Attack {
    pub(in crate::lab) name: &'static str,
    /// What a reader should know.
    pub(in crate::lab) about: &'static str,
    /// The drop reason that must be counted.
    pub(in crate::lab) expected: &'static str,
    pub(in crate::lab) frame: Vec<u8>,
    pub(super) mark: Mark,
    /// Sent afterwards by somebody honest: it must reach its target and nobody else.
    pub(super) then: Option<(HostId, HostId)>,
}

/// What identifies an attack's frame where it is heard.
#[derive(Debug)]
pub(super) enum Mark {
    Tag(Tag),
    Arp(Arp),
}

/// All of them, as frames of this run.
pub(in crate::lab) fn attacks(run: u64) -> Vec<Attack> {
    vec![
        hairpin(run),
        theft(run),
        forgery(run),
        scan(),
        poison(),
        hopping(run),
    ]
}

fn hairpin(run: u64) -> Attack {
    let probe = around(probe(run, 0), cast::NEIGHBOUR);
    tagged(
        "hairpin",
        "to the gateway's MAC, for b-i2's address",
        "hairpin_up",
        &probe,
    )
}

fn theft(run: u64) -> Attack {
    let probe = Probe {
        from_mac: cast::GATEWAY.plan().mac(),
        ..probe(run, 1)
    };
    Attack {
        then: Some((cast::FAR_ISOLATED, cast::GATEWAY)),
        ..tagged("theft", "the gateway's MAC as its own", "mac_spoof", &probe)
    }
}

fn forgery(run: u64) -> Attack {
    let probe = Probe {
        from_ip: cast::NEIGHBOUR.plan().ip,
        ..probe(run, 2)
    };
    tagged("forgery", "b-i2's address as its own", "ip_spoof", &probe)
}

fn scan() -> Attack {
    let question = Arp::request(cast::ATTACKER.plan(), cast::NEIGHBOUR.plan().ip);
    arp(
        "scan",
        "ARP: who has b-i2's address?",
        "pvlan_deny",
        question,
    )
}

fn poison() -> Attack {
    let gateway = cast::GATEWAY.plan();
    let claim = Arp {
        operation: 2,
        sender_ip: gateway.ip,
        ..Arp::request(cast::ATTACKER.plan(), gateway.ip)
    };
    arp(
        "poison",
        "ARP: the gateway's address is mine",
        "arp_spoof",
        claim,
    )
}

fn hopping(run: u64) -> Attack {
    let probe = probe(run, 3);
    Attack {
        frame: probe.vlan_tagged(102),
        ..tagged(
            "hopping",
            "a VLAN tag on an access port",
            "vlan_tagged",
            &probe,
        )
    }
}

/// A packet for a neighbour in a frame for the gateway, which is to route it: the way around an
/// isolated segment.
pub(in crate::lab) fn detour(
    run: u64,
    from: HostId,
    gateway: HostId,
    neighbour: HostId,
) -> Vec<u8> {
    around(probe_of(run, from, gateway, 0), neighbour).bytes()
}

const fn around(probe: Probe, neighbour: HostId) -> Probe {
    Probe {
        to_ip: neighbour.plan().ip,
        ..probe
    }
}

/// An honest frame to the gateway, to be spoilt.
fn probe(run: u64, sequence: u32) -> Probe {
    probe_of(run, cast::ATTACKER, cast::GATEWAY, sequence)
}

fn probe_of(run: u64, from: HostId, gateway: HostId, sequence: u32) -> Probe {
    Probe::honest(Tag {
        run,
        source: from,
        target: Some(gateway),
        kind: Kind::Attack,
        sequence,
    })
}

fn tagged(
    name: &'static str,
    about: &'static str,
    expected: &'static str,
    probe: &Probe,
) -> Attack {
    Attack {
        name,
        about,
        expected,
        frame: probe.bytes(),
        mark: Mark::Tag(probe.tag),
        then: None,
    }
}

fn arp(name: &'static str, about: &'static str, expected: &'static str, arp: Arp) -> Attack {
    Attack {
        name,
        about,
        expected,
        frame: arp.broadcast(),
        mark: Mark::Arp(arp),
        then: None,
    }
}
