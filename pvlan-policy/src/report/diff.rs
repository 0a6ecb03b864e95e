//! `diff`: the pairs that a new policy gains and loses, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::access::{Access, Reach};
use super::policy::Policy;
use crate::fabric::{Fabric, Hairpin};
use crate::id::{AttachmentId, PvlanId};
use crate::source::{Place, Span};

/// What changes between two policies.
#[derive(Clone, Debug, Serialize)]
pub struct Diff {
    /// `skerry.diff/1`.
    pub schema: &'static str,
    /// Ordered pairs that may do more than before.
    pub gained: u64,
    /// Ordered pairs that may do less than before.
    pub lost: u64,
    /// The pairs, grouped by the port that changed.
    pub changes: Vec<Change>,
}

/// One port and the others with which its access changes in the same way.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// More access, or less?
    pub gained: bool,
    /// The port that changed.
    pub port: String,
    /// `<->`, or `->` and `<-` where only one direction changes.
    pub direction: &'static str,
    /// The others.
    pub others: Vec<String>,
    /// What was.
    pub before: Access,
    /// What is.
    pub after: Access,
    /// Why: `isolated became web`.
    pub reason: String,
    /// Where the new file says so; the old file for what is gone.
    pub place: Option<Place>,
    #[serde(skip)]
    pub(crate) span: Option<Span>,
}

/// The same name in both policies.
#[derive(Clone, Copy, Debug)]
struct Both {
    old: Option<AttachmentId>,
    new: Option<AttachmentId>,
}

/// Why the access of a port changes.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Reason {
    text: String,
    /// In the new file, unless `old`.
    span: Option<Span>,
    old: bool,
}

struct Comparison<'a> {
    old: Policy<'a>,
    new: Policy<'a>,
    reach_old: Reach<'a>,
    reach_new: Reach<'a>,
    names: Vec<String>,
    ports: Vec<Both>,
    /// Indexed like `ports`: why it may have other access than before.
    moved: Vec<Option<Reason>>,
}

/// A group: gained or lost, whose, before and after, reason.
type Group = (bool, usize, Access, Access, Reason);

/// Compares two policies by the names of their ports.
pub fn diff(old: Policy<'_>, new: Policy<'_>) -> Diff {
    let comparison = Comparison::new(old, new);
    let mut groups: BTreeMap<Group, BTreeMap<usize, [bool; 2]>> = BTreeMap::new();
    let (mut gained, mut lost) = (0, 0);
    comparison.each_pair(&mut |from, to| {
        let before = comparison.before(from, to);
        let after = comparison.after(from, to);
        if before == after {
            return;
        }
        let more = after > before;
        *(if more { &mut gained } else { &mut lost }) += 1;
        let (port, other, way) = comparison.subject(from, to);
        let reason = comparison.reason(port, other);
        let others = groups
            .entry((more, port, before, after, reason))
            .or_default();
        let ways = others.entry(other).or_default();
        if let Some(slot) = ways.get_mut(way) {
            *slot = true;
        }
    });
    let changes = groups
        .into_iter()
        .flat_map(|(group, others)| comparison.changes(group, &others));
    let mut changes: Vec<Change> = changes.collect();
    changes.sort_by(|a, b| b.gained.cmp(&a.gained).then_with(|| a.span.cmp(&b.span)));
    Diff {
        schema: "skerry.diff/1",
        gained,
        lost,
        changes,
    }
}

impl<'a> Comparison<'a> {
    fn new(old: Policy<'a>, new: Policy<'a>) -> Self {
        let mut index: FxHashMap<String, usize> = FxHashMap::default();
        let mut names = Vec::new();
        let mut ports: Vec<Both> = Vec::new();
        for attachment in &new.fabric.attachments {
            let name = new.fabric.attachment_name(attachment.id);
            index.insert(name.clone(), ports.len());
            names.push(name);
            ports.push(Both {
                old: None,
                new: Some(attachment.id),
            });
        }
        for attachment in &old.fabric.attachments {
            let name = old.fabric.attachment_name(attachment.id);
            let known = index.get(&name).and_then(|&known| ports.get_mut(known));
            if let Some(both) = known {
                both.old = Some(attachment.id);
            } else {
                names.push(name);
                ports.push(Both {
                    old: Some(attachment.id),
                    new: None,
                });
            }
        }
        let mut comparison = Self {
            reach_old: Reach::new(old.fabric),
            reach_new: Reach::new(new.fabric),
            old,
            new,
            names,
            moved: Vec::new(),
            ports,
        };
        comparison.moved = comparison
            .ports
            .iter()
            .map(|both| comparison.moved(*both))
            .collect();
        comparison
    }

    /// Compares every pair that could differ. Access depends on the two segments, the private
    /// VLAN's hairpin mode and routers, the exceptions of the two and the peerings; where none of
    /// these changed for either port, nothing did.
    fn each_pair(&self, visit: &mut dyn FnMut(usize, usize)) {
        let changed: Vec<usize> = (0..self.ports.len())
            .filter(|&port| self.moved.get(port).is_some_and(Option::is_some))
            .collect();
        let is_changed: BTreeSet<usize> = changed.iter().copied().collect();
        for &one in &changed {
            for other in 0..self.ports.len() {
                // Two changed ports meet twice; the pair is visited the first time.
                if other == one || (other < one && is_changed.contains(&other)) {
                    continue;
                }
                visit(one, other);
                visit(other, one);
            }
        }
    }

    fn before(&self, from: usize, to: usize) -> Access {
        let id = |port: usize| self.ports.get(port).and_then(|both| both.old);
        let pair = id(from).zip(id(to));
        pair.map_or(Access::Never, |(from, to)| self.reach_old.access(from, to))
    }

    fn after(&self, from: usize, to: usize) -> Access {
        let id = |port: usize| self.ports.get(port).and_then(|both| both.new);
        let pair = id(from).zip(id(to));
        pair.map_or(Access::Never, |(from, to)| self.reach_new.access(from, to))
    }

    /// Whose change it is: the port that changed, the first in the file if both did.
    fn subject(&self, from: usize, to: usize) -> (usize, usize, usize) {
        let weight = |port: usize| match self.moved.get(port).and_then(Option::as_ref) {
            // What happens to the whole private VLAN explains less than what happens to a port.
            Some(reason) => usize::from(reason.is_general()),
            None => 2,
        };
        if (weight(from), from) <= (weight(to), to) {
            (from, to, 0)
        } else {
            (to, from, 1)
        }
    }

    fn reason(&self, port: usize, other: usize) -> Reason {
        let of = |port: usize| self.moved.get(port).cloned().flatten();
        of(port).or_else(|| of(other)).unwrap_or_default()
    }

    fn moved(&self, both: Both) -> Option<Reason> {
        match (both.old, both.new) {
            (None, Some(new)) => Some(Reason {
                text: "new port".to_owned(),
                span: self.new.site.role_span(self.new.fabric, new),
                old: false,
            }),
            (Some(old), None) => Some(Reason {
                text: "port removed".to_owned(),
                span: self.old.site.role_span(self.old.fabric, old),
                old: true,
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
        (before != after).then(|| Reason {
            text: became(before, after),
            span: self.new.site.role_span(self.new.fabric, new),
            old: false,
        })
    }

    /// Exceptions and peerings name ports, so they are compared by name.
    fn moved_lists(&self, old: AttachmentId, new: AttachmentId) -> Option<Reason> {
        if exceptions(self.old.fabric, old) != exceptions(self.new.fabric, new) {
            let port = self.new.fabric.attachments.get(new.index())?.port;
            let decl = self.new.site.port(port)?;
            let listed = decl.hairpin.first().map(|exception| exception.span);
            return Some(Reason {
                text: "hairpin exceptions changed".to_owned(),
                span: listed.or(Some(decl.name.span)),
                old: false,
            });
        }
        (peered(self.old.fabric, old) != peered(self.new.fabric, new)).then(|| Reason {
            text: "peerings changed".to_owned(),
            span: self
                .new
                .site
                .peerings
                .first()
                .map(|peering| peering.name.span),
            old: false,
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
        })
    }

    /// The others of a group, split by direction.
    fn changes(&self, group: Group, others: &BTreeMap<usize, [bool; 2]>) -> Vec<Change> {
        let (gained, port, before, after, reason) = group;
        let name = |port: usize| self.names.get(port).cloned().unwrap_or_default();
        let directions = [
            ([true, true], "<->"),
            ([true, false], "->"),
            ([false, true], "<-"),
        ];
        let site = if reason.old {
            self.old.site
        } else {
            self.new.site
        };
        let change = |(ways, direction)| {
            let matching = others.iter().filter(|(_, which)| **which == ways);
            let others: Vec<String> = matching.map(|(&other, _)| name(other)).collect();
            (!others.is_empty()).then(|| Change {
                gained,
                port: name(port),
                direction,
                others,
                before,
                after,
                reason: reason.text.clone(),
                place: reason.span.map(|span| site.place(span)),
                span: reason.span.filter(|_| !reason.old),
            })
        };
        directions.into_iter().filter_map(change).collect()
    }
}

impl Default for Reason {
    fn default() -> Self {
        Self {
            text: "changed".to_owned(),
            span: None,
            old: false,
        }
    }
}

impl Reason {
    fn is_general(&self) -> bool {
        self.text.starts_with("hairpin ") && self.text.contains(" became ")
            || self.text.starts_with("who could")
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

/// Names printed in one line of a change.
const SHOWN: usize = 8;

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.gained { '+' } else { '-' };
        let shown: Vec<_> = self.others.iter().take(SHOWN).map(String::as_str).collect();
        write!(
            f,
            "{sign} {} {} {}",
            self.port,
            self.direction,
            shown.join(", ")
        )?;
        if self.others.len() > SHOWN {
            write!(f, " and {} more", self.others.len() - SHOWN)?;
        }
        write!(f, "   ({}", self.reason)?;
        if let Some(place) = &self.place {
            write!(f, ", {place}")?;
        }
        let plain = [self.before, self.after] == [Access::Never, Access::Direct]
            || [self.before, self.after] == [Access::Direct, Access::Never];
        if !plain {
            write!(f, "; {} became {}", self.before.words(), self.after.words())?;
        }
        write!(f, ")")
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            writeln!(f, "{change}")?;
        }
        writeln!(f, "{} pairs gained, {} lost", self.gained, self.lost)
    }
}
