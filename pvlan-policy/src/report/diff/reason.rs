//! Why the access of a port may differ: its segment, its lists, or its private VLAN changed.

use std::collections::BTreeSet;

use super::compare::{Both, Comparison};
use crate::fabric::{Fabric, Hairpin};
use crate::id::{AttachmentId, PvlanId};
use crate::report::access::Reach;
use crate::source::Span;

/// Why the access of a port changes.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Reason {
    pub(super) text: String,
    /// In the new file, unless `old`.
    pub(super) span: Option<Span>,
    pub(super) old: bool,
    /// It happened to the whole private VLAN, which explains less than what happens to a port.
    pub(super) general: bool,
}

impl Reason {
    fn of_port(text: impl Into<String>, span: Option<Span>) -> Self {
        Self {
            text: text.into(),
            span,
            ..Self::default()
        }
    }
}

impl<'a> Comparison<'a> {
    pub(super) fn moved(&self, both: Both) -> Option<Reason> {
        match (both.old, both.new) {
            (None, Some(new)) => {
                let span = self.new.site.role_span(self.new.fabric, new);
                Some(Reason::of_port("new port", span))
            }
            (Some(old), None) => Some(Reason {
                text: "port removed".to_owned(),
                span: self.old.site.role_span(self.old.fabric, old),
                old: true,
                general: false,
            }),
            (Some(old), Some(new)) => self
                .moved_segment(old, new)
                .or_else(|| self.moved_lists(old, new))
                .or_else(|| self.moved_pvlan(old, new)),
            (None, None) => None,
        }
    }

    fn moved_segment(&self, old: AttachmentId, new: AttachmentId) -> Option<Reason> {
        let name = |reach: &Reach<'a>, id: AttachmentId| {
            let attachment = reach.fabric.attachments.get(id.index());
            attachment.map_or("", |attachment| reach.segment_name(attachment.segment))
        };
        let (before, after) = (name(&self.reach_old, old), name(&self.reach_new, new));
        (before != after).then(|| {
            let span = self.new.site.role_span(self.new.fabric, new);
            Reason::of_port(became(before, after), span)
        })
    }

    /// Exceptions and peerings name ports, so they are compared by name.
    fn moved_lists(&self, old: AttachmentId, new: AttachmentId) -> Option<Reason> {
        if exceptions(self.old.fabric, old) != exceptions(self.new.fabric, new) {
            let port = self.new.fabric.attachments.get(new.index())?.port;
            let decl = self.new.site.port(port)?;
            let listed = decl.hairpin.first().map(|exception| exception.span);
            let span = listed.unwrap_or(decl.name.span);
            return Some(Reason::of_port("hairpin exceptions changed", Some(span)));
        }
        let first = self.new.site.peerings.first();
        (peered(self.old.fabric, old) != peered(self.new.fabric, new)).then(|| {
            let span = first.map(|peering| peering.name.span);
            Reason::of_port("peerings changed", span)
        })
    }

    fn moved_pvlan(&self, old: AttachmentId, new: AttachmentId) -> Option<Reason> {
        let before = self
            .reach_old
            .fabric
            .pvlans
            .get(pvlan(self.old.fabric, old)?.index())?;
        let after = self
            .reach_new
            .fabric
            .pvlans
            .get(pvlan(self.new.fabric, new)?.index())?;
        let decl = self.new.site.pvlans.get(after.id.index())?;
        if before.hairpin != after.hairpin {
            let span = decl.hairpin.map_or(decl.name.span, |hairpin| hairpin.span);
            return Some(Reason {
                text: format!(
                    "hairpin {} became {}",
                    word(before.hairpin),
                    word(after.hairpin)
                ),
                span: Some(span),
                old: false,
                general: true,
            });
        }
        let routers = (
            self.reach_old.has_router(before.id),
            self.reach_new.has_router(after.id),
        );
        (routers.0 != routers.1).then(|| Reason {
            text: "who could route changed".to_owned(),
            span: Some(decl.name.span),
            old: false,
            general: true,
        })
    }
}

/// `isolated became web`; with the private VLAN's name where that changed too.
fn became(before: &str, after: &str) -> String {
    match (before.split_once('.'), after.split_once('.')) {
        (Some((one, was)), Some((other, is))) if one == other => format!("{was} became {is}"),
        _ => format!("{before} became {after}"),
    }
}

const fn word(hairpin: Hairpin) -> &'static str {
    match hairpin {
        Hairpin::Deny => "deny",
        Hairpin::Gateway => "gateway",
        Hairpin::Permit => "permit",
    }
}

fn pvlan(fabric: &Fabric, id: AttachmentId) -> Option<PvlanId> {
    let attachment = fabric.attachments.get(id.index())?;
    Some(fabric.segment(attachment.segment)?.pvlan)
}

fn exceptions(fabric: &Fabric, id: AttachmentId) -> BTreeSet<String> {
    let attachment = fabric.attachments.get(id.index());
    let listed = attachment
        .map(|it| it.hairpin.as_slice())
        .unwrap_or_default();
    listed
        .iter()
        .map(|&id| fabric.attachment_name(id))
        .collect()
}

fn peered(fabric: &Fabric, id: AttachmentId) -> BTreeSet<String> {
    let mut others = BTreeSet::new();
    for peering in &fabric.peerings {
        for (own, far) in [(&peering.from, &peering.to), (&peering.to, &peering.from)] {
            if own.binary_search(&id).is_ok() {
                others.extend(far.iter().map(|&id| fabric.attachment_name(id)));
            }
        }
    }
    others
}
