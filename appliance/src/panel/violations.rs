//! What was tried that is not allowed, and when last.

use std::collections::BTreeMap;
use std::time::Instant;

use skerry_gbdisplay::facts::Violation;
use skerry_overlay::DropReason;

use super::facts::{Sample, short};

/// Counters by port and reason, and when each last grew.
pub(super) type Counts = BTreeMap<(String, String), (u64, Option<Instant>)>;

/// The counters of what is not allowed.
#[derive(Debug, Default)]
pub(super) struct Violations(Counts);

/// Drops that say that somebody tried what is not allowed.
fn is_violation(reason: &str) -> bool {
    let mut reasons = DropReason::ALL.iter();
    reasons.any(|it| it.is_violation() && it.name() == reason)
}

impl Violations {
    pub(super) const fn counts(&self) -> &Counts {
        &self.0
    }

    /// Notes what a sample counts, and what of that is new since the one before. What there was before
    /// the first one is not. A daemon that is up for less long than it was counts from nothing, and so
    /// does a counter that fell: a port or a peer may go and come again.
    pub(super) fn note(&mut self, sample: &Sample, last: Option<&Sample>) {
        let sums = sums(sample);
        let has_restarted = last.is_some_and(|it| sample.status.uptime_s < it.status.uptime_s);
        self.0.retain(|key, _| sums.contains_key(key));
        for (key, count) in sums {
            let known = self.0.entry(key).or_insert((0, None));
            let began_again = has_restarted || count < known.0;
            if (began_again || count > known.0) && last.is_some() {
                known.1 = Some(sample.at);
            }
            known.0 = count;
        }
    }

    /// The ones that grew last come first.
    pub(super) fn facts(&self, node: &str) -> Vec<Violation> {
        let mut rows: Vec<_> = self.0.iter().collect();
        rows.sort_by(|(_, one), (_, other)| other.1.cmp(&one.1).then(other.0.cmp(&one.0)));
        rows.into_iter()
            .map(|((name, reason), (count, _))| Violation {
                port: short(name, node).into(),
                reason: reason.as_str().into(),
                count: *count,
            })
            .collect()
    }
}

/// What a sample has counted, both ways together; what was never tried is not in it.
fn sums(sample: &Sample) -> BTreeMap<(String, String), u64> {
    let ports = sample.counters.ports.iter();
    let ports = ports.flat_map(|(name, it)| {
        let drops = it.ingress_drops.iter().chain(&it.egress_drops);
        drops.map(move |it| (name, it))
    });
    let peers = sample.counters.peers.iter();
    let peers = peers.flat_map(|(name, it)| it.drops.iter().map(move |it| (name, it)));
    let mut sums: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (name, (reason, count)) in ports.chain(peers) {
        if is_violation(reason) && *count > 0 {
            *sums.entry((name.clone(), reason.clone())).or_default() += count;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::view::{Counters, Drops, PortCounters, Ports, Status};

    /// A sample with one port, which was denied so many frames.
    fn sample(at: Instant, denied: u64, uptime_s: u64) -> Sample {
        let port = PortCounters {
            ingress_drops: Drops::from([("pvlan_deny".into(), denied)]),
            ..PortCounters::default()
        };
        Sample {
            at,
            status: Status {
                node: "n1".into(),
                uptime_s,
                ..Status::default()
            },
            ports: Ports::default(),
            counters: Counters {
                ports: [("n1/i1".to_owned(), port)].into(),
                ..Counters::default()
            },
        }
    }

    /// Whether the second of two counts is new.
    #[track_caller]
    fn check(denied: [u64; 2], uptimes_s: [u64; 2], is_new: bool) {
        let start = Instant::now();
        let old = sample(start, denied[0], uptimes_s[0]);
        let new = sample(start + Duration::from_secs(5), denied[1], uptimes_s[1]);
        let mut violations = Violations::default();
        violations.note(&old, None);
        violations.note(&new, Some(&old));
        let key = ("n1/i1".to_owned(), "pvlan_deny".to_owned());
        let expect = match denied[1] {
            0 => None,
            count => Some((count, is_new.then_some(new.at))),
        };
        let found = violations.counts().get(&key).copied();
        assert_eq!(found, expect, "{denied:?} at {uptimes_s:?}");
    }

    #[test]
    fn what_is_counted_more_than_before_is_new() {
        check([5, 6], [60, 65], true);
        check([5, 5], [60, 65], false);
        check([0, 1], [60, 65], true);
    }

    #[test]
    fn what_a_daemon_counts_that_began_again_is_new() {
        check([100, 7], [60, 2], true);
        check([7, 7], [60, 2], true);
        check([100, 0], [60, 2], false);
        // So is what a port counts that was taken away and is there again.
        check([100, 7], [60, 65], true);
    }
}
