//! `diff`: the pairs that a new policy gains and loses, and why.

mod compare;
mod reason;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::access::Access;
use super::policy::Policy;
use crate::source::{Place, Span};
use compare::{Comparison, Group};

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
