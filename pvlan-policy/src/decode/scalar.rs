//! Values that every table uses: names, numbers, addresses, durations.

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;

use crate::code::Code;
use crate::decode::section::{Value, out_of_range, span, unreadable, wrong_type};
use crate::diagnostic::{Finding, Findings};
use crate::id::{Mac, Vni};
use crate::site::{Day, PortRef, SegmentRef};
use crate::source::At;

/// Longest name of anything.
const NAME_MAX: usize = 63;

pub(super) fn text<'a>(findings: &mut Findings, value: &'a Value<'_>) -> Option<&'a str> {
    let text = value.get_ref().as_str();
    if text.is_none() {
        findings.push(wrong_type(value, "text"));
    }
    text
}

pub(super) fn owned(findings: &mut Findings, value: &Value<'_>) -> Option<String> {
    text(findings, value).map(str::to_owned)
}

pub(super) fn boolean(findings: &mut Findings, value: &Value<'_>) -> Option<bool> {
    let truth = value.get_ref().as_bool();
    if truth.is_none() {
        findings.push(wrong_type(value, "true or false"));
    }
    truth
}

/// An integer; one too long for any key is as good as the largest.
pub(super) fn integer(findings: &mut Findings, value: &Value<'_>) -> Option<i128> {
    let Some(number) = value.get_ref().as_integer() else {
        findings.push(wrong_type(value, "an integer"));
        return None;
    };
    Some(i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(i128::MAX))
}

/// An integer within bounds.
pub(super) fn bounded<T: TryFrom<i128>>(
    findings: &mut Findings,
    value: &Value<'_>,
    bounds: std::ops::RangeInclusive<i128>,
    what: &str,
) -> Option<T> {
    let number = integer(findings, value)?;
    let good = bounds.contains(&number).then(|| T::try_from(number).ok());
    if good.is_none() {
        let (low, high) = bounds.into_inner();
        let finding = out_of_range(value, format!("{what} is out of range"));
        findings.push(finding.says(format!("must be {low} to {high}")));
    }
    good.flatten()
}

pub(super) fn vni(findings: &mut Findings, value: &Value<'_>) -> Option<Vni> {
    let number = integer(findings, value)?;
    let vni = u32::try_from(number).ok().and_then(Vni::new);
    if vni.is_none() {
        let shown = value.get_ref().as_integer().map_or("", |it| it.as_str());
        let shown = shown.get(..24).unwrap_or(shown);
        findings.push(
            Finding::error(
                Code::VniRange,
                span(value.span()),
                format!("{shown} is not a VNI"),
            )
            .says("must be 1 to 16777215")
            .help("a VNI has 24 bits (RFC 7348 section 5); 0 is never given to a segment"),
        );
    }
    vni
}

pub(super) fn key(findings: &mut Findings, value: &Value<'_>) -> Option<[u8; 32]> {
    let text = text(findings, value)?;
    let bytes = STANDARD.decode(text).ok();
    let key: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
    match key {
        None => findings.push(
            unreadable(value, "not a WireGuard public key")
                .says("expected base64 of 32 bytes: 44 characters ending in `=`")
                .help("`skerry pubkey` and `wg pubkey` print it"),
        ),
        Some(key) if key == [0; 32] => {
            let finding = out_of_range(value, "the all-zero key belongs to nobody");
            findings.push(finding.help("`skerry pubkey` and `wg pubkey` print the node's own"));
            return None;
        }
        Some(_) => {}
    }
    key
}

/// A unicast address of a host.
pub(super) fn address(findings: &mut Findings, value: &Value<'_>) -> Option<IpAddr> {
    let text = text(findings, value)?;
    let Ok(address) = text.parse::<IpAddr>() else {
        let finding = unreadable(value, "not an IP address");
        let help = text
            .parse::<IpNet>()
            .ok()
            .map(|net| format!("without the prefix length: \"{}\"", net.addr()));
        findings.push(finding.maybe_help(help));
        return None;
    };
    if is_host(address) {
        return Some(address);
    }
    let finding = out_of_range(value, format!("{address} is not the address of a host"));
    findings.push(finding.says("unspecified, loopback, multicast, broadcast or IPv4-mapped"));
    None
}

fn is_host(address: IpAddr) -> bool {
    let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    let special = address.is_unspecified() || address.is_loopback() || address.is_multicast();
    !(mapped || broadcast || special)
}

pub(super) fn endpoint(findings: &mut Findings, value: &Value<'_>) -> Option<SocketAddr> {
    let text = text(findings, value)?;
    let Ok(endpoint) = text.parse::<SocketAddr>() else {
        findings.push(
            unreadable(value, "not an address and port")
                .says("expected \"198.51.100.1:51820\" or \"[2001:db8::1]:51820\"")
                .help("host names are not looked up: all nodes must read one and the same address"),
        );
        return None;
    };
    let usable = !endpoint.ip().is_unspecified() && !endpoint.ip().is_multicast();
    if endpoint.port() == 0 || !usable {
        findings.push(out_of_range(
            value,
            format!("nobody can be reached at {endpoint}"),
        ));
        return None;
    }
    Some(endpoint)
}

pub(super) fn subnet(findings: &mut Findings, value: &Value<'_>) -> Option<IpNet> {
    let text = text(findings, value)?;
    let Ok(net) = text.parse::<IpNet>() else {
        let finding = unreadable(value, "not a prefix");
        findings.push(finding.says("expected \"10.1.0.0/24\" or \"2001:db8:1::/64\""));
        return None;
    };
    if net.trunc() != net {
        let finding = unreadable(value, format!("{net} has bits set after its prefix"));
        findings.push(finding.says(format!("did you mean \"{}\"?", net.trunc())));
        return None;
    }
    Some(net)
}

pub(super) fn mac(findings: &mut Findings, value: &Value<'_>) -> Option<Mac> {
    let text = text(findings, value)?;
    let Some(mac) = Mac::parse(text) else {
        let finding = unreadable(value, "not a MAC address");
        findings.push(finding.says("expected \"02:00:00:00:01:01\""));
        return None;
    };
    if mac.is_group() || mac.is_zero() {
        let finding = out_of_range(value, format!("{mac} is not the address of one host"));
        findings.push(finding.says("zero, or the group bit is set"));
        return None;
    }
    Some(mac)
}

pub(super) fn segment(findings: &mut Findings, value: &Value<'_>) -> Option<SegmentRef> {
    let reference = SegmentRef::parse(text(findings, value)?);
    if reference.is_none() {
        let finding = unreadable(value, "not a segment");
        let forms = "expected \"pvlan.promiscuous\", \"pvlan.isolated\" or \"pvlan.community\"";
        findings.push(finding.says(forms));
    }
    reference
}

pub(super) fn port(findings: &mut Findings, value: &Value<'_>) -> Option<PortRef> {
    let reference = PortRef::parse(text(findings, value)?);
    if reference.is_none() {
        let finding = unreadable(value, "not a port");
        findings.push(finding.says("expected \"node/port\" or, on a trunk, \"node/port#tag\""));
    }
    reference
}

/// A whole number with a unit, in the smallest unit.
pub(super) fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

pub(super) fn rate(findings: &mut Findings, value: &Value<'_>) -> Option<u64> {
    const UNITS: &[(&str, u64)] = &[
        ("bit", 1),
        ("kbit", 1_000),
        ("Mbit", 1_000_000),
        ("Gbit", 1_000_000_000),
    ];
    let Some(rate) = with_unit(text(findings, value)?, UNITS) else {
        let finding = unreadable(value, "not a rate");
        findings
            .push(finding.says("expected \"50Mbit\": a whole number and bit, kbit, Mbit or Gbit"));
        return None;
    };
    if rate == 0 {
        let finding = out_of_range(value, "a rate of nothing");
        findings.push(finding.help("leave `rate` out for no limit"));
        return None;
    }
    Some(rate)
}

pub(super) fn seconds(findings: &mut Findings, value: &Value<'_>) -> Option<u64> {
    const UNITS: &[(&str, u64)] = &[("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    let Some(seconds) = with_unit(text(findings, value)?, UNITS) else {
        let finding = unreadable(value, "not a duration");
        findings.push(finding.says("expected \"60s\": a whole number and s, m, h or d"));
        return None;
    };
    if !(10..=86_400).contains(&seconds) {
        let finding = out_of_range(value, "the window is out of range");
        findings.push(finding.says("must be 10s to 1d"));
        return None;
    }
    Some(seconds)
}

pub(super) fn day(findings: &mut Findings, value: &Value<'_>) -> Option<Day> {
    let moment = value.get_ref().as_datetime();
    let date = moment
        .filter(|moment| moment.time.is_none())
        .and_then(|moment| moment.date);
    if date.is_none() {
        findings.push(wrong_type(value, "a date such as 2027-01-01"));
    }
    date.map(|date| Day {
        year: date.year,
        month: date.month,
        day: date.day,
    })
}

/// Names are what references and counters are made of, so their separators are kept out.
pub(super) fn check_name(name: At<&str>, longest: usize, findings: &mut Findings) -> At<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let longest = longest.min(NAME_MAX);
    if name.value.is_empty() || !name.value.bytes().all(plain) {
        let finding = Finding::error(Code::Name, name.span, "this name cannot be used");
        findings.push(finding.says("letters a-z A-Z, digits, `-` and `_` only"));
    } else if name.value.len() > longest {
        let finding = Finding::error(Code::Name, name.span, "this name is too long");
        findings.push(finding.says(format!("at most {longest} characters")));
    }
    At::new(name.value.to_owned(), name.span)
}

/// A name of the ordinary kind.
pub(super) fn name(name: At<&str>, findings: &mut Findings) -> At<String> {
    check_name(name, NAME_MAX, findings)
}
