//! `[port.<node>]`.

use crate::code::Code;
use crate::decode::scalar::{self, address, boolean, check_name, mac, owned, segment};
use crate::decode::section::{Section, Value, out_of_range, span, unreadable, wrong_type};
use crate::decode::settings::{PORT, settings};
use crate::diagnostic::{Finding, Findings};
use crate::port::Attach;
use crate::site::{Carries, PortDecl, TagDecl, parse_vid};
use crate::source::At;

/// The kernel's IFNAMSIZ less the closing zero: ports are interfaces, and named like them.
const INTERFACE_MAX: usize = 15;

/// All ports of one node.
pub(super) fn ports_of<'a>(
    node: At<&'a str>,
    value: &'a Value<'a>,
    findings: &mut Findings,
) -> Option<Vec<PortDecl>> {
    let section = Section::names(node.span, value, findings)?;
    let entries = section.entries().into_iter();
    Some(
        entries
            .filter_map(|(at, value)| port(node, at, value, findings))
            .collect(),
    )
}

fn port<'a>(
    node: At<&'a str>,
    at: At<&'a str>,
    value: &'a Value<'a>,
    findings: &mut Findings,
) -> Option<PortDecl> {
    let section = Section::open(at.span, value, "port.<node>.<port>", findings)?;
    Some(PortDecl {
        node: At::new(node.value.to_owned(), node.span),
        name: check_name(at, INTERFACE_MAX, findings),
        carries: carries(&section, findings),
        ips: section.one_or_more("ip", address, findings),
        macs: section.one_or_more("mac", mac, findings),
        gateway: section.optional("gateway", boolean, findings),
        hairpin: section.list("hairpin", scalar::port, findings),
        attach: attach(&section, findings),
        settings: settings(&section, &PORT, findings),
    })
}

fn carries(section: &Section<'_>, findings: &mut Findings) -> Carries {
    match (section.get("as"), section.get("trunk")) {
        (Some((_, value)), None) => access(section, value, findings),
        (None, Some((name, value))) => trunk(At::new((), name), value, findings),
        (Some((role, _)), Some((trunk, _))) => {
            findings.push(
                Finding::error(
                    Code::Trunk,
                    trunk,
                    "a port is untagged or a trunk, not both",
                )
                .label(role, "untagged")
                .help("put every segment into `trunk`, each under its tag"),
            );
            Carries::Unknown
        }
        (None, None) => {
            findings.push(
                Finding::error(Code::NoRole, section.name(), "this port has no role")
                    .says("needs `as` or `trunk`")
                    .help("there is no default: a port without a role would be an open door"),
            );
            Carries::Unknown
        }
    }
}

fn access(section: &Section<'_>, value: &Value<'_>, findings: &mut Findings) -> Carries {
    if value.get_ref().as_array().is_some() {
        findings.push(
            Finding::error(
                Code::TwoWithoutTags,
                span(value.span()),
                "one untagged port cannot be in several segments",
            )
            .says("nothing tells their frames apart")
            .help("use a trunk: trunk = { 10 = \"blue.promiscuous\", 20 = \"red.promiscuous\" }"),
        );
        return Carries::Unknown;
    }
    let role = section.optional("as", segment, findings);
    role.map_or(Carries::Unknown, Carries::Access)
}

fn trunk(name: At<()>, value: &Value<'_>, findings: &mut Findings) -> Carries {
    let Some(tags) = Section::names(name.span, value, findings) else {
        return Carries::Unknown;
    };
    let entries = tags.entries();
    if entries.is_empty() {
        let finding = Finding::error(Code::Trunk, span(value.span()), "a trunk without tags");
        findings.push(finding.help("trunk = { 10 = \"blue.promiscuous\" }"));
        return Carries::Unknown;
    }
    let tags = entries.into_iter();
    Carries::Trunk(
        tags.filter_map(|(at, value)| tag(at, value, findings))
            .collect(),
    )
}

fn tag(at: At<&str>, value: &Value<'_>, findings: &mut Findings) -> Option<TagDecl> {
    let vid = parse_vid(at.value);
    if vid.is_none() {
        let finding = Finding::error(Code::Range, at.span, "not a VLAN tag");
        findings.push(finding.says("must be 1 to 4094 (IEEE 802.1Q)"));
    }
    let segment = segment(findings, value)?;
    Some(TagDecl {
        vid: At::new(vid?, at.span),
        segment: At::new(segment, span(value.span())),
    })
}

fn attach(section: &Section<'_>, findings: &mut Findings) -> Option<At<Attach>> {
    let (name, value) = section.get("attach")?;
    let attach = match value.get_ref().as_str() {
        Some("tap") => Some(Attach::Tap {
            name: None,
            netns: None,
        }),
        Some(_) => {
            let finding = unreadable(value, "not a way to attach");
            findings.push(finding.says("expected \"tap\" or { nic = \"eth1\" }"));
            None
        }
        None => attach_table(At::new((), name), value, findings),
    };
    attach.map(|attach| At::new(attach, span(value.span())))
}

fn attach_table(name: At<()>, value: &Value<'_>, findings: &mut Findings) -> Option<Attach> {
    if value.get_ref().as_table().is_none() {
        findings.push(wrong_type(
            value,
            "\"tap\" or a table with tap, nic or veth",
        ));
        return None;
    }
    let path = "port.<node>.<port>.attach";
    let section = Section::open(name.span, value, path, findings)?;
    let tap = section.optional("tap", interface, findings);
    let nic = section.optional("nic", interface, findings);
    let veth = section.optional("veth", interface, findings);
    let netns = section.optional("netns", namespace, findings);
    let count = ["tap", "nic", "veth"]
        .iter()
        .filter(|key| section.get(key).is_some())
        .count();
    if count != 1 {
        findings.push(unreadable(
            value,
            "exactly one of tap, nic and veth is needed",
        ));
        return None;
    }
    let netns_path = netns.as_ref().map(|at| at.value.clone());
    if let (Some(_), Some(netns)) = (&nic, &netns) {
        let message = "an existing interface is taken where it is";
        findings.push(Finding::warning(Code::NoEffect, netns.span, message));
    }
    if veth.is_some() && section.get("netns").is_none() {
        section.demand("netns", findings);
    }
    let nic = nic.map(|at| Attach::Nic(at.value));
    let tap = tap.map(|at| Attach::Tap {
        name: Some(at.value),
        netns: netns_path.clone(),
    });
    let veth = veth.zip(netns).map(|(name, netns)| Attach::Veth {
        name: name.value,
        netns: netns.value,
    });
    nic.or(tap).or(veth)
}

/// The kernel's rule (`dev_valid_name`): no slash, colon or space, not `.` or `..`.
fn interface(findings: &mut Findings, value: &Value<'_>) -> Option<String> {
    let name = owned(findings, value)?;
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'/' && byte != b':';
    let sized = (1..=INTERFACE_MAX).contains(&name.len());
    if sized && name.bytes().all(plain) && name != "." && name != ".." {
        return Some(name);
    }
    let finding = unreadable(value, "not the name of an interface");
    findings.push(finding.says("1 to 15 characters without spaces, `/` and `:`"));
    None
}

fn namespace(findings: &mut Findings, value: &Value<'_>) -> Option<String> {
    let path = owned(findings, value)?;
    if path.starts_with('/') && path.len() < 4096 && !path.contains('\0') {
        return Some(path);
    }
    let finding = out_of_range(value, "not the path of a network namespace");
    findings.push(finding.says("expected an absolute path such as \"/run/netns/guest\""));
    None
}
