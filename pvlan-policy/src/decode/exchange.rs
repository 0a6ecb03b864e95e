//! What crosses a boundary on purpose: `[peering]`, `[export]`, `[sink]`.

use crate::code::Code;
use crate::decode::guess::guess;
use crate::decode::scalar::{bounded, day, name, owned, port, seconds, text, vni};
use crate::decode::section::{Section, Value, out_of_range, span, unreadable};
use crate::diagnostic::{Finding, Findings};
use crate::site::{ExportDecl, Flow, PeeringDecl, Sees, SinkDecl};
use crate::source::At;

/// The figures that may be exported. Nothing here names a host: identities cannot be exported.
pub const EXPORT_FIELDS: &[&str] = &[
    "frames",
    "bytes",
    "drops",
    "frames_rate",
    "bytes_rate",
    "drops_rate",
    "latency_p50",
    "latency_p90",
    "latency_p99",
];

/// What authors may be tempted to export, to be told why not.
const IDENTITIES: &[&str] = &[
    "mac", "macs", "ip", "ips", "port", "ports", "flow", "flows", "name", "node", "host",
];

pub(super) fn peering<'a>(
    at: At<&'a str>,
    value: &'a Value<'a>,
    findings: &mut Findings,
) -> Option<PeeringDecl> {
    let section = Section::open(at.span, value, "peering.<peering>", findings)?;
    for key in ["from", "to", "allow"] {
        section.demand(key, findings);
    }
    for key in ["from", "to"] {
        refuse_nobody(&section, key, findings);
    }
    Some(PeeringDecl {
        name: name(at, findings),
        vni: section.required("vni", vni, findings),
        from: section.list("from", port, findings),
        to: section.list("to", port, findings),
        allow: section.list("allow", flow, findings),
    })
}

/// P039: a side with nobody on it is no side.
fn refuse_nobody(section: &Section<'_>, key: &str, findings: &mut Findings) {
    let list = section.get(key).map(|(_, value)| value);
    let empty = list.filter(|list| list.get_ref().as_array().is_some_and(|it| it.is_empty()));
    if let Some(list) = empty {
        let finding = Finding::error(
            Code::PeeringEnds,
            span(list.span()),
            "nobody is on this side",
        );
        findings.push(finding.says("needs a port"));
    }
}

fn flow(findings: &mut Findings, value: &Value<'_>) -> Option<Flow> {
    let flow = Flow::parse(text(findings, value)?);
    if flow.is_none() {
        let finding = unreadable(value, "not a kind of traffic");
        findings
            .push(finding.says("expected \"tcp/80\", \"udp/53\", \"tcp\", \"udp\" or \"icmp\""));
    }
    flow
}

pub(super) fn export<'a>(
    at: At<&'a str>,
    value: &'a Value<'a>,
    findings: &mut Findings,
) -> Option<ExportDecl> {
    let section = Section::open(at.span, value, "export.<export>", findings)?;
    section.demand("fields", findings);
    Some(ExportDecl {
        name: name(at, findings),
        from: section.required("from", owned, findings),
        to: section.required("to", owned, findings),
        fields: section.list("fields", field, findings),
        every: section.required("every", seconds, findings),
        min_ports: section.required("min_ports", min_ports, findings),
        round: section.optional("round", round, findings),
        expires: section.required("expires", day, findings),
        why: section.required("why", why, findings),
    })
}

fn field(findings: &mut Findings, value: &Value<'_>) -> Option<String> {
    let field = owned(findings, value)?;
    if EXPORT_FIELDS.contains(&field.as_str()) {
        return Some(field);
    }
    let message = if IDENTITIES.contains(&field.as_str()) {
        "identities are never exported"
    } else {
        "not a field that can be exported"
    };
    let hint = guess(&field, EXPORT_FIELDS.iter().copied(), findings);
    findings.push(
        Finding::error(Code::Export, span(value.span()), message)
            .says(hint.unwrap_or_default())
            .help(format!("the list is closed: {}", EXPORT_FIELDS.join(", "))),
    );
    None
}

fn min_ports(findings: &mut Findings, value: &Value<'_>) -> Option<u32> {
    let highest = i128::from(u32::MAX);
    let ports = bounded(findings, value, 0..=highest, "min_ports")?;
    if ports < 3 {
        findings.push(
            Finding::error(
                Code::Export,
                span(value.span()),
                "too few ports to hide among",
            )
            .says("must be 3 or more")
            .help("of two ports, each could subtract its own figures and read the other's"),
        );
        return None;
    }
    Some(ports)
}

fn round(findings: &mut Findings, value: &Value<'_>) -> Option<u64> {
    let highest = i128::from(u64::MAX);
    bounded(findings, value, 1..=highest, "round")
}

fn why(findings: &mut Findings, value: &Value<'_>) -> Option<String> {
    let why = owned(findings, value)?;
    if why.trim().is_empty() {
        findings.push(out_of_range(value, "the reason is empty"));
        return None;
    }
    Some(why)
}

pub(super) fn sink<'a>(
    at: At<&'a str>,
    value: &'a Value<'a>,
    findings: &mut Findings,
) -> Option<SinkDecl> {
    let section = Section::open(at.span, value, "sink.<sink>", findings)?;
    section.demand("sees", findings);
    Some(SinkDecl {
        name: name(at, findings),
        sees: sees(&section, findings),
    })
}

fn sees(section: &Section<'_>, findings: &mut Findings) -> Sees {
    let all = section
        .get("sees")
        .is_some_and(|(_, value)| value.get_ref().as_str() == Some("*"));
    if all {
        Sees::All
    } else {
        Sees::Only(section.list("sees", owned, findings))
    }
}
