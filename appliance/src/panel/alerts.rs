//! What somebody should look at: causes come and go.
//!
//! A guest must not be able to bury other alerts, nor whoever reads them. So what one does at a port
//! is one alert, however many kinds of forbidden things it is; and a cause that guests can bring
//! about keeps its number for some minutes after it is over, so that whoever acknowledged it is left
//! in peace, unless it becomes worse: a kind of its own at that port is a new alert. What the fabric
//! itself is about comes first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use skerry_gbdisplay::facts::Alert;
use skerry_gbdisplay::panel::QUIET_US;

use super::facts::{Sample, short};
use super::violations::Counts;
use crate::view::PeerState;

/// For how long a violation stands after the last time it was tried.
const VIOLATION_FOR: Duration = Duration::from_secs(30);
/// For how long a cause of a guest keeps its number after it is over.
const QUIET: Duration = Duration::from_micros(QUIET_US);

/// Causes that are, and that were. Bounded by the ports, peers and reasons of a node.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    known: BTreeMap<Cause, Known>,
    /// Of the last alert.
    number: u64,
}

/// Why there is an alert, the most urgent first.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Cause {
    PeerDown(String),
    Degraded(String),
    Violation(String),
    PortDown(String),
}

/// What is known of a cause.
#[derive(Debug)]
struct Known {
    number: u64,
    since: Instant,
    /// When it was so last, and whether it still is.
    last: Instant,
    is_open: bool,
    /// The forbidden things that were tried, and when last.
    kinds: BTreeMap<String, Instant>,
}

impl Alerts {
    /// The alerts of a sample; within a kind, the newest first.
    pub(super) fn facts(&mut self, sample: &Sample, violations: &Counts) -> Vec<Alert> {
        let now = sample.at;
        let causes = causes(sample, violations);
        self.known.retain(|cause, it| {
            it.is_open &= causes.contains_key(cause);
            let over = now.saturating_duration_since(it.last);
            it.is_open || cause.is_of_guest() && over <= QUIET
        });
        for (cause, kinds) in causes {
            self.note(cause, kinds, now);
        }
        let mut open: Vec<_> = self.known.iter().filter(|(_, it)| it.is_open).collect();
        open.sort_by_key(|(cause, it)| (cause.rank(), std::cmp::Reverse(it.number)));
        open.into_iter()
            .map(|(cause, it)| Alert {
                id: it.number,
                text: cause.text(&it.kinds, &sample.status.node).into(),
                age_s: now.saturating_duration_since(it.since).as_secs(),
            })
            .collect()
    }

    /// Notes that a cause is there.
    fn note(&mut self, cause: Cause, kinds: BTreeSet<String>, now: Instant) {
        let known = self.known.entry(cause).or_insert_with(|| Known {
            number: 0,
            since: now,
            last: now,
            is_open: false,
            kinds: BTreeMap::new(),
        });
        let over = |last: &Instant| now.saturating_duration_since(*last);
        known.kinds.retain(|_, last| over(last) <= QUIET);
        let is_news = kinds.iter().any(|it| !known.kinds.contains_key(it));
        if known.number == 0 || is_news {
            self.number += 1;
            known.number = self.number;
        }
        if !known.is_open || is_news {
            known.since = now;
        }
        known.kinds.extend(kinds.into_iter().map(|it| (it, now)));
        (known.last, known.is_open) = (now, true);
    }
}

/// What is so now, and at ports which forbidden things were tried.
fn causes(sample: &Sample, violations: &Counts) -> BTreeMap<Cause, BTreeSet<String>> {
    let now = sample.at;
    let is_recent = |at: &Option<Instant>| {
        at.is_some_and(|it| now.saturating_duration_since(it) <= VIOLATION_FOR)
    };
    let mut causes: BTreeMap<Cause, BTreeSet<String>> = BTreeMap::new();
    for ((at, kind), _) in violations.iter().filter(|(_, (_, at))| is_recent(at)) {
        let kinds = causes.entry(Cause::Violation(at.clone())).or_default();
        kinds.insert(kind.clone());
    }
    let nodes = sample.status.nodes.iter();
    let silent = nodes.filter(|it| it.state == PeerState::Silent);
    let silent = silent.map(|it| Cause::PeerDown(it.node.clone()));
    let ports = sample.ports.ports.iter().filter(|it| !it.up);
    let ports = ports.map(|it| Cause::PortDown(it.name.clone()));
    let degraded = sample.status.degraded.iter();
    let degraded = degraded.map(|it| Cause::Degraded(it.clone()));
    causes.extend(
        silent
            .chain(ports)
            .chain(degraded)
            .map(|it| (it, BTreeSet::new())),
    );
    causes
}

impl Cause {
    const fn rank(&self) -> u8 {
        match self {
            Self::PeerDown(_) => 0,
            Self::Degraded(_) => 1,
            Self::Violation(_) => 2,
            Self::PortDown(_) => 3,
        }
    }

    /// True for what a guest can bring about, as often as he likes.
    const fn is_of_guest(&self) -> bool {
        matches!(self, Self::Violation(_) | Self::PortDown(_))
    }

    fn text(&self, kinds: &BTreeMap<String, Instant>, node: &str) -> String {
        match self {
            Self::PeerDown(peer) => format!("node {peer} is silent"),
            Self::Degraded(reason) => format!("degraded: {reason}"),
            Self::Violation(at) => {
                let at = short(at, node);
                match (kinds.len(), kinds.first_key_value()) {
                    (1, Some((kind, _))) => format!("violation at {at}: {kind}"),
                    (count, _) => format!("violation at {at}: {count} kinds"),
                }
            }
            Self::PortDown(port) => format!("port {} is down", short(port, node)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{Counters, Policy, Ports, Status};

    /// A node, and what was tried at its ports.
    struct Bench {
        alerts: Alerts,
        sample: Sample,
        violations: Counts,
    }

    impl Bench {
        fn new() -> Self {
            let status = Status {
                node: "n1".into(),
                ..Status::default()
            };
            Self {
                alerts: Alerts::default(),
                sample: Sample {
                    at: Instant::now(),
                    status,
                    ports: Ports::default(),
                    counters: Counters::default(),
                },
                violations: BTreeMap::new(),
            }
        }

        fn tries(&mut self, port: &str, kind: &str) {
            let key = (port.to_owned(), kind.to_owned());
            self.violations.insert(key, (1, Some(self.sample.at)));
        }

        fn wait(&mut self, seconds: u64) {
            self.sample.at += Duration::from_secs(seconds);
        }

        fn silence(&mut self, node: &str) {
            self.sample.status.nodes = vec![Policy {
                node: node.into(),
                state: PeerState::Silent,
                ..Policy::default()
            }];
        }

        /// Numbers and texts.
        fn facts(&mut self) -> Vec<(u64, String)> {
            let alerts = self.alerts.facts(&self.sample, &self.violations);
            let alerts = alerts.into_iter();
            alerts.map(|it| (it.id, it.text.to_string())).collect()
        }
    }

    fn told(number: u64, text: &str) -> (u64, String) {
        (number, text.to_owned())
    }

    #[test]
    fn whatever_a_guest_tries_is_one_alert() {
        let mut bench = Bench::new();
        for kind in ["mac_spoof", "ip_spoof", "pvlan_deny"] {
            bench.tries("n1/i1", kind);
        }
        bench.tries("n1/i2", "pvlan_deny");
        let expect = [
            told(2, "violation at i2: pvlan_deny"),
            told(1, "violation at i1: 3 kinds"),
        ];
        assert_eq!(bench.facts(), expect);
    }

    #[test]
    fn what_a_guest_tries_again_has_its_number_and_another_kind_a_new_one() {
        let mut bench = Bench::new();
        // Each half minute for an hour: one number, and it is over in between.
        for _ in 0..100 {
            bench.tries("n1/i1", "mac_spoof");
            assert_eq!(bench.facts(), [told(1, "violation at i1: mac_spoof")]);
            bench.wait(31);
            assert_eq!(bench.facts(), []);
            bench.wait(5);
        }
        bench.tries("n1/i1", "ip_spoof");
        assert_eq!(bench.facts(), [told(2, "violation at i1: 2 kinds")]);
        // Forgotten when it was over for long.
        bench.wait(31);
        assert_eq!(bench.facts(), []);
        bench.wait(QUIET.as_secs() + 1);
        bench.tries("n1/i1", "ip_spoof");
        assert_eq!(bench.facts(), [told(3, "violation at i1: ip_spoof")]);
    }

    #[test]
    fn a_kind_that_was_over_for_long_is_news_while_another_goes_on() {
        let mut bench = Bench::new();
        bench.tries("n1/i1", "pvlan_deny");
        bench.tries("n1/i1", "mac_spoof");
        assert_eq!(bench.facts(), [told(1, "violation at i1: 2 kinds")]);
        // One goes on, each five minutes, so the port is never at rest for ten.
        for _ in 0..3 {
            bench.wait(300);
            bench.tries("n1/i1", "mac_spoof");
            assert_eq!(bench.facts()[0].0, 1);
        }
        bench.tries("n1/i1", "pvlan_deny");
        assert_eq!(bench.facts(), [told(2, "violation at i1: 2 kinds")]);
    }

    #[test]
    fn a_silent_node_comes_before_guests_and_is_news_each_time() {
        let mut bench = Bench::new();
        bench.tries("n1/i1", "mac_spoof");
        bench.silence("n2");
        let expect = ["node n2 is silent", "violation at i1: mac_spoof"];
        let texts = |facts: Vec<(u64, String)>| facts.into_iter().map(|it| it.1);
        assert!(texts(bench.facts()).eq(expect));
        let number = bench.facts()[0].0;
        bench.sample.status.nodes.clear();
        bench.wait(1);
        bench.facts();
        bench.silence("n2");
        bench.wait(1);
        let again = bench.facts();
        assert!(again[0].0 > number, "{again:?}");
    }

    #[test]
    fn the_age_begins_anew_when_it_comes_again() {
        let mut bench = Bench::new();
        let age = |bench: &mut Bench| {
            let alerts = bench.alerts.facts(&bench.sample, &bench.violations);
            alerts.first().map(|it| it.age_s)
        };
        bench.tries("n1/i1", "mac_spoof");
        assert_eq!(age(&mut bench), Some(0));
        bench.wait(20);
        assert_eq!(age(&mut bench), Some(20));
        bench.wait(20);
        assert_eq!(age(&mut bench), None);
        bench.wait(20);
        bench.tries("n1/i1", "mac_spoof");
        assert_eq!(age(&mut bench), Some(0));
    }
}
