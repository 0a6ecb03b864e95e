//! Two policies side by side, port by port.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::Change;
use super::reason::Reason;
use crate::id::AttachmentId;
use crate::report::access::{Access, Reach};
use crate::report::policy::Policy;

/// The same name in both policies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Both {
    pub(super) old: Option<AttachmentId>,
    pub(super) new: Option<AttachmentId>,
}

pub(super) struct Comparison<'a> {
    pub(super) old: Policy<'a>,
    pub(super) new: Policy<'a>,
    pub(super) reach_old: Reach<'a>,
    pub(super) reach_new: Reach<'a>,
    names: Vec<String>,
    ports: Vec<Both>,
    /// Indexed like `ports`: why it may have other access than before.
    moved: Vec<Option<Reason>>,
}

/// A group: gained or lost, whose, before and after, reason.
pub(super) type Group = (bool, usize, Access, Access, Reason);

impl<'a> Comparison<'a> {
    pub(super) fn new(old: Policy<'a>, new: Policy<'a>) -> Self {
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
    pub(super) fn each_pair(&self, visit: &mut dyn FnMut(usize, usize)) {
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

    pub(super) fn before(&self, from: usize, to: usize) -> Access {
        let id = |port: usize| self.ports.get(port).and_then(|both| both.old);
        let pair = id(from).zip(id(to));
        pair.map_or(Access::Never, |(from, to)| self.reach_old.access(from, to))
    }

    pub(super) fn after(&self, from: usize, to: usize) -> Access {
        let id = |port: usize| self.ports.get(port).and_then(|both| both.new);
        let pair = id(from).zip(id(to));
        pair.map_or(Access::Never, |(from, to)| self.reach_new.access(from, to))
    }

    /// Whose change it is: the port that changed, the first in the file if both did.
    pub(super) fn subject(&self, from: usize, to: usize) -> (usize, usize, usize) {
        let weight = |port: usize| match self.moved.get(port).and_then(Option::as_ref) {
            // What happens to the whole private VLAN explains less than what happens to a port.
            Some(reason) => usize::from(reason.general),
            None => 2,
        };
        if (weight(from), from) <= (weight(to), to) {
            (from, to, 0)
        } else {
            (to, from, 1)
        }
    }

    pub(super) fn reason(&self, port: usize, other: usize) -> Reason {
        let of = |port: usize| self.moved.get(port).cloned().flatten();
        of(port).or_else(|| of(other)).unwrap_or_default()
    }

    /// The others of a group, split by direction.
    pub(super) fn changes(&self, group: Group, others: &BTreeMap<usize, [bool; 2]>) -> Vec<Change> {
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
