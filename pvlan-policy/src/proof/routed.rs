//! V5: every pair that would meet through the gateway has the verdict the file gives it.

use std::collections::{BTreeMap, BTreeSet};

use super::Ground;
use super::claim::Claim;
use crate::fabric::{Hairpin, Routed};
use crate::id::AttachmentId;

pub(super) fn verdicts(ground: &Ground<'_>) -> Claim {
    let statement = "every pair that would meet through a gateway has its verdict";
    let mut claim = Claim::new("V5", statement);
    let rooms = Rooms::new(ground);
    for (index, &end) in (0..).zip(&ground.ends) {
        let Some(end) = end else { continue };
        rooms.sender(ground, AttachmentId(index), end, &mut claim);
    }
    claim
}

/// The attachments by segment, and the segments by private VLAN, as the oracle has them.
struct Rooms {
    /// Indexed by the oracle's end.
    ids: Vec<Option<AttachmentId>>,
    /// Segments that have an end.
    segments: BTreeMap<usize, Vec<usize>>,
    /// One end of every private VLAN that has any.
    first: BTreeMap<usize, usize>,
}

impl Rooms {
    fn new(ground: &Ground<'_>) -> Self {
        let oracle = ground.oracle;
        let mut ids = vec![None; oracle.ends.len()];
        for (index, end) in (0..).zip(&ground.ends) {
            if let Some(slot) = end.and_then(|end| ids.get_mut(end)) {
                *slot = Some(AttachmentId(index));
            }
        }
        let mut segments: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut first = BTreeMap::new();
        let populated = oracle.segments.iter().zip(&oracle.ends_of).enumerate();
        for (index, (segment, ends)) in populated {
            if let Some(&end) = ends.first() {
                segments.entry(segment.pvlan).or_default().push(index);
                first.entry(segment.pvlan).or_insert(end);
            }
        }
        Self {
            ids,
            segments,
            first,
        }
    }

    fn sender(&self, ground: &Ground<'_>, id: AttachmentId, end: usize, claim: &mut Claim) {
        let oracle = ground.oracle;
        let Some(pvlan) = oracle.pvlan_of(end) else {
            return;
        };
        let listed = oracle.exceptions.range((end, 0)..=(end, usize::MAX));
        let listed: BTreeSet<usize> = listed.map(|&(_, to)| to).collect();
        self.exceptions(ground, id, &listed, claim);
        for segment in self.segments.get(&pvlan).into_iter().flatten() {
            let ends = oracle.ends_of.get(*segment).into_iter().flatten();
            let stranger = ends.copied().find(|to| *to != end && !listed.contains(to));
            if let Some(to) = stranger {
                self.pair(ground, (id, end), to, false, claim);
            }
        }
        for &to in &listed {
            self.pair(ground, (id, end), to, true, claim);
        }
        let outside = self.first.iter().find(|(other, _)| **other != pvlan);
        let outside = outside.and_then(|(_, &to)| self.ids.get(to).copied().flatten());
        if let Some(to) = outside {
            let actual = ground.fabric.routed(id, to);
            claim.expect(actual.is_none(), || {
                format!("{} has a verdict outside: {actual:?}", oracle.name(end))
            });
        }
    }

    /// The table's list is the oracle's list.
    fn exceptions(
        &self,
        ground: &Ground<'_>,
        id: AttachmentId,
        listed: &BTreeSet<usize>,
        claim: &mut Claim,
    ) {
        let attachment = ground.fabric.attachments.get(id.index());
        let table: Vec<AttachmentId> = attachment.map(|it| it.hairpin.clone()).unwrap_or_default();
        let oracle = listed
            .iter()
            .filter_map(|&to| self.ids.get(to).copied().flatten());
        let mut oracle: Vec<_> = oracle.collect();
        oracle.sort_unstable();
        claim.equal(&table, &oracle, || {
            format!("exceptions of {}", ground.fabric.attachment_name(id))
        });
    }

    fn pair(
        &self,
        ground: &Ground<'_>,
        (id, end): (AttachmentId, usize),
        to: usize,
        listed: bool,
        claim: &mut Claim,
    ) {
        let Some(target) = self.ids.get(to).copied().flatten() else {
            return;
        };
        let expected = expected(ground, end, to, listed);
        let actual = ground.fabric.routed(id, target);
        claim.equal(&actual, &expected, || {
            format!(
                "{} via gateway to {}",
                ground.oracle.name(end),
                ground.oracle.name(to)
            )
        });
    }
}

fn expected(ground: &Ground<'_>, from: usize, to: usize, listed: bool) -> Option<Routed> {
    let oracle = ground.oracle;
    let (sender, receiver) = (oracle.ends.get(from)?, oracle.ends.get(to)?);
    if oracle.accept(sender.segment, receiver.segment) {
        return Some(Routed::Neighbours);
    }
    Some(match oracle.hairpin(oracle.pvlan_of(from)?) {
        Hairpin::Gateway => Routed::Gateway,
        Hairpin::Permit => Routed::Unchecked,
        Hairpin::Deny if listed => Routed::Exception,
        Hairpin::Deny => Routed::Denied,
    })
}
