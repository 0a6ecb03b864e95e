//! `check`: text in; a proven fabric, or everything that is wrong, out.

use std::sync::Arc;

use crate::code::Code;
use crate::compile::compile;
use crate::decode::decode;
use crate::diagnostic::{Diagnostic, Finding, Findings};
use crate::fabric::Fabric;
use crate::proof::{Proof, prove};
use crate::site::Site;
use crate::source::{Source, Span};

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

/// Reads, compiles and proves; `judge` may refuse what is good in itself.
fn check_with(source: &Source, judge: impl FnOnce(&Compiled<'_>, &mut Findings)) -> Checked {
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
        judge(
            &Compiled {
                site: &site,
                fabric,
            },
            &mut findings,
        );
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

/// A site without errors of its own.
struct Compiled<'a> {
    site: &'a Site,
    fabric: &'a Fabric,
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
