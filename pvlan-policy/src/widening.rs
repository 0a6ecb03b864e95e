//! P016 for what peerings allow: the matrix has one letter for a peering, whatever it lets pass.

use rustc_hash::FxHashSet;

use crate::code::Code;
use crate::diagnostic::{Finding, Findings};
use crate::fabric::Fabric;
use crate::id::AttachmentId;
use crate::report::Policy;
use crate::site::Flow;

/// A running peering, by the names that its ends have under any numbering.
struct Running<'a> {
    from: FxHashSet<String>,
    to: FxHashSet<String>,
    allow: &'a [Flow],
}

/// Refuses traffic that a pair of ports may not exchange in the running generation.
pub(crate) fn refuse_wider_peerings(running: &Fabric, new: Policy<'_>, findings: &mut Findings) {
    let named = |ends: &[AttachmentId]| {
        let names = ends.iter().map(|&end| running.attachment_name(end));
        names.collect::<FxHashSet<_>>()
    };
    let running: Vec<_> = running
        .peerings
        .iter()
        .map(|it| Running {
            from: named(&it.from),
            to: named(&it.to),
            allow: &it.allow,
        })
        .collect();
    for (decl, peering) in new.site.peerings.iter().zip(&new.fabric.peerings) {
        let names = |ends: &[AttachmentId]| {
            let names = ends.iter().map(|&end| new.fabric.attachment_name(end));
            names.collect::<Vec<_>>()
        };
        let (from, to) = (names(&peering.from), names(&peering.to));
        for flow in &decl.allow {
            if from
                .iter()
                .all(|from| reaches(&running, from, &to, flow.value))
            {
                continue;
            }
            let message = format!("peering `{}` lets more traffic pass", peering.name);
            let finding = Finding::error(Code::Widening, flow.span, message);
            findings.push(finding.says("not in the running generation, for all of its ends"));
        }
    }
}

/// Could `from` start this with each of these in the running generation?
fn reaches(running: &[Running<'_>], from: &str, to: &[String], flow: Flow) -> bool {
    let listed = running
        .iter()
        .filter(|it| it.from.contains(from) && it.allow.iter().any(|rule| rule.covers(flow)));
    let listed: Vec<_> = listed.collect();
    to.iter()
        .all(|to| listed.iter().any(|it| it.to.contains(to)))
}
