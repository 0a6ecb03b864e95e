//! `check`: text in; a proven fabric, or everything that is wrong, out.

use std::sync::Arc;

use crate::code::Code;
use crate::compile::compile;
use crate::decode::decode;
use crate::diagnostic::{Diagnostic, Finding, Findings};
use crate::fabric::Fabric;
use crate::proof::{Proof, prove};
use crate::report::{Policy, diff};
use crate::site::Site;
use crate::source::{Source, Span};
use crate::widening::refuse_wider_peerings;

/// What came of a site file.
#[derive(Debug)]
pub struct Checked {
    /// The file as written; only without errors.
    pub site: Option<Site>,
    /// The policy to run; only without errors, and only when the proof holds.
    pub fabric: Option<Arc<Fabric>>,
    /// What was proved about it; present whenever the file compiled.
    pub proof: Option<Proof>,
    /// Everything there is to say, in file order.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads, compiles and proves a site file.
pub fn check(source: &Source) -> Checked {
    check_with(source, |_, _| {})
}

/// Checks a site file that is to follow a running policy: a VNI may not change its meaning from
/// one generation to the next (P015), and under `no_new_access` nobody may gain access (P016).
pub fn check_against(source: &Source, running: Policy<'_>, no_new_access: bool) -> Checked {
    check_with(source, |new, findings| {
        refuse_new_meanings(running.fabric, new, findings);
        if no_new_access {
            refuse_widening(running, new, findings);
            refuse_wider_peerings(running.fabric, new, findings);
        }
    })
}

/// P015: while a roll-out is half done, one node would read the other's frames as another segment.
fn refuse_new_meanings(running: &Fabric, new: Policy<'_>, findings: &mut Findings) {
    for (vni, name, span) in new.site.vni_spans(new.fabric) {
        let before = running.meaning_of(vni);
        let Some(before) = before.filter(|before| *before != name) else {
            continue;
        };
        findings.push(
            Finding::error(
                Code::VniMeaning,
                span,
                format!("VNI {vni} changes its meaning"),
            )
            .says(format!("`{before}` in the running generation"))
            .help("nodes change over one by one: in between, frames would end in the wrong segment")
            .help("leave the number out of use for one generation"),
        );
    }
}

/// P016, with the pairs that would be gained.
fn refuse_widening(running: Policy<'_>, new: Policy<'_>, findings: &mut Findings) {
    for change in diff(running, new).changes {
        if change.gained {
            let span = change.span.unwrap_or_default();
            let message = format!("{} gains access", change.port);
            let finding = Finding::error(Code::Widening, span, message);
            findings.push(finding.says(change.reason.clone()).help(change.to_string()));
        }
    }
}

/// Reads, compiles and proves; `judge` may refuse what is good in itself.
fn check_with(source: &Source, judge: impl FnOnce(Policy<'_>, &mut Findings)) -> Checked {
    let mut findings = Findings::default();
    let decoded = decode(source, &mut findings);
    let site = decoded.site;
    let fabric = (!decoded.guessed)
        .then(|| compile(&site, &mut findings))
        .flatten();
    let fabric = fabric.map(Arc::new);
    let proof = fabric.as_ref().map(|fabric| {
        let proof = prove(&site, fabric, &|node| fabric.tables_for(node, 0));
        refuse_broken(&proof, &mut findings);
        let policy = Policy {
            site: &site,
            fabric,
        };
        judge(policy, &mut findings);
        proof
    });
    let good = !findings.has_errors();
    let diagnostics = findings.finish(source, &site.lines);
    Checked {
        site: good.then_some(site),
        fabric: fabric.filter(|_| good),
        proof,
        diagnostics,
    }
}

/// P033: what does not hold is not loaded, whoever is to blame.
fn refuse_broken(proof: &Proof, findings: &mut Findings) {
    for claim in proof.claims.iter().filter(|claim| !claim.holds()) {
        let message = format!("{} fails: {}", claim.id, claim.statement);
        let finding = Finding::error(Code::Proof, Span::default(), message);
        let examples = claim.examples.join("; ");
        findings.push(
            finding
                .help(examples)
                .help("this is a bug in Skerry; please report it"),
        );
    }
}
