//! `[defaults]`, and the keys that a port may repeat.

use crate::code::Code;
use crate::decode::scalar::{bounded, rate, text};
use crate::decode::section::{Section, Value, out_of_range, span, unreadable, wrong_type};
use crate::diagnostic::{Finding, Findings};
use crate::port::{DhcpGuard, Ethertypes, IpGuard, MacGuard, RaGuard};
use crate::site::{Defaults, Settings};

/// Where in the schema a set of settings stands.
pub(super) struct Paths {
    guard: &'static str,
    storm: &'static str,
}

pub(super) const PORT: Paths = Paths {
    guard: "port.<node>.<port>.guard",
    storm: "port.<node>.<port>.storm",
};
const HOST: Paths = Paths {
    guard: "defaults.host.guard",
    storm: "defaults.host.storm",
};
const PROMISCUOUS: Paths = Paths {
    guard: "defaults.promiscuous.guard",
    storm: "defaults.promiscuous.storm",
};

pub(super) fn defaults(section: &Section<'_>, findings: &mut Findings) -> Defaults {
    let mut of = |key, path, paths| {
        let section = section.child(key, path, findings);
        section.map_or_else(Settings::default, |it| settings(&it, paths, findings))
    };
    Defaults {
        host: of("host", "defaults.host", &HOST),
        promiscuous: of("promiscuous", "defaults.promiscuous", &PROMISCUOUS),
        mtu: section.optional("mtu", mtu, findings),
    }
}

pub(super) fn settings(section: &Section<'_>, paths: &Paths, findings: &mut Findings) -> Settings {
    let mut settings = Settings {
        ethertypes: section.optional("ethertypes", ethertypes, findings),
        rate: section.optional("rate", rate, findings),
        ..Settings::default()
    };
    if let Some(guard) = section.child("guard", paths.guard, findings) {
        settings.mac = guard.optional("mac", mac_guard, findings);
        settings.max_macs = guard.optional("max_macs", max_macs, findings);
        settings.ip = guard.optional("ip", ip_guard, findings);
        settings.dhcp = guard.optional("dhcp", dhcp_guard, findings);
        settings.ra = guard.optional("ra", ra_guard, findings);
        settings.max_groups = guard.optional("max_groups", max_groups, findings);
    }
    if let Some(storm) = section.child("storm", paths.storm, findings) {
        settings.broadcast = storm.optional("broadcast", frames, findings);
        settings.multicast = storm.optional("multicast", frames, findings);
        settings.unknown = storm.optional("unknown", frames, findings);
    }
    settings
}

fn mtu(findings: &mut Findings, value: &Value<'_>) -> Option<u16> {
    bounded(findings, value, 576..=9000, "the MTU")
}

fn max_macs(findings: &mut Findings, value: &Value<'_>) -> Option<u32> {
    bounded(findings, value, 1..=1 << 20, "max_macs")
}

fn max_groups(findings: &mut Findings, value: &Value<'_>) -> Option<u32> {
    bounded(findings, value, 0..=1 << 16, "max_groups")
}

/// One of a few words.
pub(super) fn word<T: Copy>(
    findings: &mut Findings,
    value: &Value<'_>,
    words: &[(&str, T)],
) -> Option<T> {
    let text = text(findings, value)?;
    let found = words.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let quoted: Vec<_> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        let finding = unreadable(value, "none of the words this key takes");
        findings.push(finding.says(format!("expected {}", quoted.join(" or "))));
    }
    found.map(|&(_, meaning)| meaning)
}

fn mac_guard(findings: &mut Findings, value: &Value<'_>) -> Option<MacGuard> {
    let words = [("pin", MacGuard::Pin), ("off", MacGuard::Off)];
    word(findings, value, &words)
}

fn ip_guard(findings: &mut Findings, value: &Value<'_>) -> Option<IpGuard> {
    let words = [("bound", IpGuard::Bound), ("off", IpGuard::Off)];
    word(findings, value, &words)
}

fn dhcp_guard(findings: &mut Findings, value: &Value<'_>) -> Option<DhcpGuard> {
    let words = [
        ("client", DhcpGuard::Client),
        ("server", DhcpGuard::Server),
        ("off", DhcpGuard::Off),
    ];
    word(findings, value, &words)
}

fn ra_guard(findings: &mut Findings, value: &Value<'_>) -> Option<RaGuard> {
    let words = [("deny", RaGuard::Deny), ("allow", RaGuard::Allow)];
    word(findings, value, &words)
}

/// Frames a second; "off" is a limit that is never reached.
pub(super) fn frames(findings: &mut Findings, value: &Value<'_>) -> Option<u32> {
    if value.get_ref().as_str().is_some() {
        return word(findings, value, &[("off", u32::MAX)]);
    }
    if value.get_ref().as_integer().is_none() {
        findings.push(wrong_type(value, "frames a second, or \"off\""));
        return None;
    }
    let highest = i128::from(u32::MAX);
    bounded(findings, value, 0..=highest, "frames a second")
}

/// What one entry of the list means: a type, or all of them.
#[derive(Clone, Copy)]
enum Ethertype {
    Any,
    One(u16),
}

fn ethertypes(findings: &mut Findings, value: &Value<'_>) -> Option<Ethertypes> {
    let Some(array) = value.get_ref().as_array() else {
        findings.push(wrong_type(value, "a list"));
        return None;
    };
    let mut list = Vec::new();
    let mut any = false;
    for item in array.iter() {
        match ethertype(findings, item)? {
            Ethertype::Any => any = true,
            Ethertype::One(ethertype) => list.push(ethertype),
        }
    }
    if any && !list.is_empty() {
        let message = "\"any\" already covers the other ethertypes";
        findings.push(Finding::warning(
            Code::NoEffect,
            span(value.span()),
            message,
        ));
    }
    list.sort_unstable();
    list.dedup();
    Some(if any {
        Ethertypes::Any
    } else {
        Ethertypes::Only(list)
    })
}

fn ethertype(findings: &mut Findings, value: &Value<'_>) -> Option<Ethertype> {
    let number = match value.get_ref().as_str() {
        Some("any") => return Some(Ethertype::Any),
        Some("ipv4") => return Some(Ethertype::One(0x0800)),
        Some("arp") => return Some(Ethertype::One(0x0806)),
        Some("ipv6") => return Some(Ethertype::One(0x86dd)),
        Some(text) => text
            .strip_prefix("0x")
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| i128::from_str_radix(digits, 16).ok()),
        None => value
            .get_ref()
            .as_integer()
            .map(|it| i128::from_str_radix(it.as_str(), it.radix()).unwrap_or(i128::MAX)),
    };
    let Some(number) = number else {
        let finding = unreadable(value, "not an ethertype");
        findings.push(finding.says("expected ipv4, arp, ipv6, any, or a number such as 0x88b5"));
        return None;
    };
    let ethertype = u16::try_from(number)
        .ok()
        .filter(|&number| number >= 0x0600);
    if ethertype.is_none() {
        let finding = out_of_range(value, "an ethertype is out of range");
        findings.push(finding.says("must be 0x0600 to 0xffff; below are 802.3 lengths"));
    }
    ethertype.map(Ethertype::One)
}
