//! `[pvlan]`.

use crate::code::Code;
use crate::decode::scalar::{name, owned, subnet, vni};
use crate::decode::section::{Section, Value, span};
use crate::decode::settings::{frames, word};
use crate::diagnostic::{Finding, Findings};
use crate::fabric::Hairpin;
use crate::site::{CommunityDecl, PvlanDecl};
use crate::source::At;

pub(super) fn pvlan<'a>(
    at: At<&'a str>,
    value: &'a Value<'a>,
    findings: &mut Findings,
) -> Option<PvlanDecl> {
    let section = Section::open(at.span, value, "pvlan.<pvlan>", findings)?;
    let subnets = section.list("subnets", subnet, findings);
    Some(PvlanDecl {
        name: name(at, findings),
        primary: section.required("primary", vni, findings),
        isolated: section
            .get("isolated")
            .map(|_| section.optional("isolated", vni, findings)),
        communities: communities(&section, findings),
        subnets_unclear: section.length("subnets") != Some(subnets.len()),
        subnets,
        hairpin: section.optional("hairpin", hairpin, findings),
        peers: section.list("peers", owned, findings),
        copies: section.optional("copies", frames, findings),
    })
}

fn communities(section: &Section<'_>, findings: &mut Findings) -> Vec<CommunityDecl> {
    let Some((at, value)) = section.get("community") else {
        return Vec::new();
    };
    let Some(section) = Section::names(at, value, findings) else {
        return Vec::new();
    };
    let entries = section.entries().into_iter();
    entries
        .map(|(at, value)| community(at, value, findings))
        .collect()
}

fn community(at: At<&str>, value: &Value<'_>, findings: &mut Findings) -> CommunityDecl {
    if ["promiscuous", "isolated"].contains(&at.value) {
        let finding = Finding::error(Code::Name, at.span, "this name is the name of a role");
        findings.push(finding.says("a community needs another name"));
    }
    CommunityDecl {
        name: name(at, findings),
        vni: vni(findings, value).map(|vni| At::new(vni, span(value.span()))),
    }
}

fn hairpin(findings: &mut Findings, value: &Value<'_>) -> Option<Hairpin> {
    let words = [
        ("deny", Hairpin::Deny),
        ("gateway", Hairpin::Gateway),
        ("permit", Hairpin::Permit),
    ];
    word(findings, value, &words)
}
