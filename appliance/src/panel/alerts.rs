//! What somebody should look at: causes come and go, and each time one comes it has a new number.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use skerry_gbdisplay::facts::Alert;

use super::facts::{Sample, short};
use crate::view::PeerState;

/// For how long a violation stands after the last time it was tried.
const VIOLATION_FOR: Duration = Duration::from_secs(30);

/// Open alerts by cause. Bounded by the ports, peers and reasons of a node.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    open: BTreeMap<Cause, (u64, Instant)>,
    /// Of the last alert.
    number: u64,
}

/// Why there is an alert, the most urgent first.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Cause {
    Violation(String, String),
    PeerDown(String),
    PortDown(String),
    Degraded(String),
}

impl Alerts {
    /// The alerts of a sample; within a kind, the newest first.
    pub(super) fn facts(
        &mut self,
        sample: &Sample,
        violations: &BTreeMap<(String, String), (u64, Option<Instant>)>,
    ) -> Vec<Alert> {
        let now = sample.at;
        let is_recent = |at: &Option<Instant>| {
            at.is_some_and(|it| now.saturating_duration_since(it) <= VIOLATION_FOR)
        };
        let tried = violations.iter().filter(|(_, (_, at))| is_recent(at));
        let tried = tried.map(|((at, reason), _)| Cause::Violation(at.clone(), reason.clone()));
        let nodes = sample.status.nodes.iter();
        let silent = nodes.filter(|it| it.state == PeerState::Silent);
        let silent = silent.map(|it| Cause::PeerDown(it.node.clone()));
        let ports = sample.ports.ports.iter().filter(|it| !it.up);
        let ports = ports.map(|it| Cause::PortDown(it.name.clone()));
        let degraded = sample.status.degraded.iter();
        let degraded = degraded.map(|it| Cause::Degraded(it.clone()));
        let causes = tried.chain(silent).chain(ports).chain(degraded);
        let causes: Vec<Cause> = causes.collect();
        self.open.retain(|cause, _| causes.contains(cause));
        for cause in causes {
            self.open.entry(cause).or_insert_with(|| {
                self.number += 1;
                (self.number, now)
            });
        }
        let mut open: Vec<_> = self.open.iter().collect();
        open.sort_by_key(|(cause, (id, _))| (cause.rank(), std::cmp::Reverse(*id)));
        open.into_iter()
            .map(|(cause, (id, since))| Alert {
                id: *id,
                text: cause.text(&sample.status.node).into(),
                age_s: now.saturating_duration_since(*since).as_secs(),
            })
            .collect()
    }
}

impl Cause {
    const fn rank(&self) -> u8 {
        match self {
            Self::Violation(..) => 0,
            Self::PeerDown(_) => 1,
            Self::PortDown(_) => 2,
            Self::Degraded(_) => 3,
        }
    }

    fn text(&self, node: &str) -> String {
        match self {
            Self::Violation(at, reason) => format!("violation at {}: {reason}", short(at, node)),
            Self::PeerDown(peer) => format!("node {peer} is silent"),
            Self::PortDown(port) => format!("port {} is down", short(port, node)),
            Self::Degraded(reason) => format!("degraded: {reason}"),
        }
    }
}
