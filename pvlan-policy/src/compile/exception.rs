//! Routed exceptions to `hairpin = "deny"`.
//!
//! The guard looks at each packet alone, upstream and downstream, so an exception that held one
//! way only would let a question pass and drop its answer. One listing therefore holds both ways.

use crate::code::Code;
use crate::compile::Draft;
use crate::diagnostic::{Finding, Findings};
use crate::fabric::Hairpin;
use crate::id::AttachmentId;
use crate::port::Port;
use crate::site::PortRef;
use crate::source::At;

impl Draft<'_> {
    pub(super) fn add_exceptions(&mut self, findings: &mut Findings) {
        let mut pairs = Vec::new();
        for (port, &decl) in self.ports.iter().zip(&self.decls) {
            let listed = self
                .site
                .ports
                .get(decl)
                .map(|decl| decl.hairpin.as_slice());
            for reference in listed.unwrap_or_default() {
                if let Some(target) = self.attachment_named(reference, findings) {
                    self.exception(port, reference, target, &mut pairs, findings);
                }
            }
        }
        for (from, to) in pairs {
            self.connect(from, to);
            self.connect(to, from);
        }
        for attachment in &mut self.attachments {
            attachment.hairpin.sort_unstable();
            attachment.hairpin.dedup();
        }
    }

    fn connect(&mut self, from: AttachmentId, to: AttachmentId) {
        if let Some(attachment) = self.attachments.get_mut(from.index()) {
            attachment.hairpin.push(to);
        }
    }

    fn exception(
        &self,
        port: &Port,
        reference: &At<PortRef>,
        target: AttachmentId,
        pairs: &mut Vec<(AttachmentId, AttachmentId)>,
        findings: &mut Findings,
    ) {
        let pvlan = |id| Some(self.segment_of(self.attachment(id)?)?.pvlan);
        let own = self.attachment(target).is_some_and(|it| it.port == port.id);
        let here = port.attachments.iter().copied();
        let near: Vec<_> = here.filter(|&id| pvlan(id) == pvlan(target)).collect();
        if port.attachments.is_empty() {
            return;
        }
        if own || near.is_empty() {
            let why = if own {
                "this is the port itself"
            } else {
                "this port is in another private VLAN"
            };
            let message = "this hairpin exception cannot apply";
            let finding = Finding::error(Code::Exception, reference.span, message).says(why);
            findings.push(finding.maybe_help(
                (!own).then(|| "between private VLANs, `[peering]` is the only way".to_owned()),
            ));
            return;
        }
        let mode = pvlan(target).and_then(|id| Some(self.pvlan_decl(id)?.hairpin_mode()));
        if mode != Some(Hairpin::Deny) {
            let message = "an exception only means something under hairpin = \"deny\"";
            findings.push(Finding::warning(Code::NoEffect, reference.span, message));
        }
        pairs.extend(near.into_iter().map(|from| (from, target)));
    }
}
