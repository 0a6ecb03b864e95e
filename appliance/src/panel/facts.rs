//! From what a daemon tells to what the panel shows.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use skerry_gbdisplay::facts::{Facts, Peer, Port, Pvlan};

use super::alerts::Alerts;
use super::violations::Violations;
use crate::view::{Counters, Drops, PeerState, PortCounters, Ports, Status};

/// Round trips that the latency is taken from: of a minute, with four other nodes.
const ROUND_TRIPS: usize = 960;

/// Everything that was asked for at one moment.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) at: Instant,
    pub(super) status: Status,
    pub(super) ports: Ports,
    pub(super) counters: Counters,
}

/// Turns samples into facts; remembers what rates, latency and alerts are made from.
#[derive(Debug, Default)]
pub(super) struct Converter {
    last: Option<Sample>,
    round_trips_us: VecDeque<u64>,
    violations: Violations,
    alerts: Alerts,
}

impl Converter {
    /// When the last sample was taken.
    pub(super) fn last_at(&self) -> Option<Instant> {
        self.last.as_ref().map(|it| it.at)
    }

    /// The facts of a sample. Rates are those since the one before.
    pub(super) fn facts(&mut self, sample: Sample) -> Facts {
        self.violations.note(&sample, self.last.as_ref());
        self.note_round_trips(&sample.status);
        let ports = self.ports(&sample);
        let facts = Facts {
            node: sample.status.node.as_str().into(),
            is_demo: false,
            generation: sample.status.generation,
            uptime_s: sample.status.uptime_s,
            pvlans: pvlans(&sample.counters, &ports),
            peers: peers(&sample.status),
            latency_us: self.latency_us(),
            alerts: self.alerts.facts(&sample, self.violations.counts()),
            violations: self.violations.facts(&sample.status.node),
            agent: None,
            ports: ports.into_values().collect(),
        };
        self.last = Some(sample);
        facts
    }

    /// By name, as the counters have them.
    fn ports(&self, sample: &Sample) -> BTreeMap<String, Port> {
        let none = PortCounters::default();
        let before = |name: &str| {
            let last = self.last.as_ref()?;
            last.counters.ports.get(name)
        };
        let seconds = self.last.as_ref().map_or(0.0, |it| {
            sample.at.saturating_duration_since(it.at).as_secs_f64()
        });
        let ports = sample.counters.ports.iter().map(|(name, now)| {
            let old = before(name).unwrap_or(&none);
            let is_new = before(name).is_none();
            let rate = |now: u64, old: u64| {
                let grown = if is_new { 0 } else { now.saturating_sub(old) };
                per_second(grown, seconds)
            };
            let state = sample.ports.ports.iter().find(|it| it.name == *name);
            let port = Port {
                name: short(name, &sample.status.node).into(),
                kind: kind(&now.segment).into(),
                is_up: state.is_some_and(|it| it.up),
                rate_in: 8.0 * rate(now.bytes_in, old.bytes_in),
                rate_out: 8.0 * rate(now.bytes_out, old.bytes_out),
                drops: rate(drops(now), drops(old)),
            };
            (name.clone(), port)
        });
        ports.collect()
    }

    fn note_round_trips(&mut self, status: &Status) {
        for rtt_us in status.nodes.iter().filter_map(|it| it.rtt_us) {
            if self.round_trips_us.len() == ROUND_TRIPS {
                self.round_trips_us.pop_front();
            }
            self.round_trips_us.push_back(rtt_us);
        }
    }

    /// The median, and what 99 of 100 are not above.
    fn latency_us(&self) -> Option<(f64, f64)> {
        let mut sorted: Vec<u64> = self.round_trips_us.iter().copied().collect();
        sorted.sort_unstable();
        let rank = |percent: usize| {
            let at = (sorted.len() * percent).div_ceil(100).checked_sub(1)?;
            sorted.get(at).map(|it| float(*it))
        };
        rank(50).zip(rank(99))
    }
}

/// Private VLANs by name, each with its ports here; trunks, whose traffic is of several, come last.
fn pvlans(counters: &Counters, ports: &BTreeMap<String, Port>) -> Vec<Pvlan> {
    let mut rows: BTreeMap<(bool, &str), Pvlan> = BTreeMap::new();
    for (name, counters) in &counters.ports {
        let is_trunk = counters.segment.contains('#');
        let pvlan = match counters.segment.split_once('.') {
            Some((pvlan, _)) if !is_trunk => pvlan,
            _ => "trunks",
        };
        let row = rows.entry((is_trunk, pvlan)).or_insert_with(|| Pvlan {
            name: pvlan.into(),
            ..Pvlan::default()
        });
        row.ports += 1;
        row.rate += ports.get(name).map_or(0.0, |it| it.rate_in + it.rate_out);
    }
    rows.into_values().collect()
}

fn peers(status: &Status) -> Vec<Peer> {
    let nodes = status
        .nodes
        .iter()
        .filter(|it| it.state != PeerState::Stock);
    let peers = nodes.map(|node| Peer {
        name: node.node.as_str().into(),
        is_up: node.state == PeerState::Converged,
        rtt_us: node.rtt_us.map(float),
    });
    peers.collect()
}

/// Without the node, which is the same for all ports here.
pub(super) fn short<'a>(name: &'a str, node: &str) -> &'a str {
    let rest = name.strip_prefix(node).and_then(|it| it.strip_prefix('/'));
    rest.unwrap_or(name)
}

/// One letter for what a port is.
fn kind(segment: &str) -> &'static str {
    match segment.split_once('.') {
        _ if segment.contains('#') => "T",
        Some((_, "promiscuous")) => "P",
        Some((_, "isolated")) => "I",
        _ => "C",
    }
}

fn drops(port: &PortCounters) -> u64 {
    let sum = |drops: &Drops| drops.values().sum::<u64>();
    sum(&port.ingress_drops) + sum(&port.egress_drops)
}

fn per_second(grown: u64, seconds: f64) -> f64 {
    if seconds > 0.0 {
        float(grown) / seconds
    } else {
        0.0
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
const fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::view::{self, Policy};

    fn sample(at: Instant, bytes: u64, denied: u64) -> Sample {
        let port = |segment: &str, bytes| PortCounters {
            segment: segment.into(),
            bytes_in: bytes,
            bytes_out: 2 * bytes,
            ingress_drops: Drops::from([("pvlan_deny".into(), denied), ("runt".into(), 7)]),
            ..PortCounters::default()
        };
        let state = |name: &str, up| view::Port {
            name: name.into(),
            up,
            ..view::Port::default()
        };
        let node = |name: &str, state, rtt_us| Policy {
            node: name.into(),
            state,
            rtt_us,
            ..Policy::default()
        };
        Sample {
            at,
            status: Status {
                node: "n1".into(),
                generation: 7,
                nodes: vec![
                    node("n2", PeerState::Converged, Some(200)),
                    node("n3", PeerState::Silent, None),
                    node("n4", PeerState::Stock, None),
                ],
                ..Status::default()
            },
            ports: Ports {
                ports: vec![state("n1/i1", true), state("n1/t1", false)],
                ..Ports::default()
            },
            counters: Counters {
                ports: [
                    ("n1/i1".to_owned(), port("blue.isolated", bytes)),
                    (
                        "n1/t1".to_owned(),
                        port("blue.isolated#30,red.isolated#40", 0),
                    ),
                ]
                .into(),
                ..Counters::default()
            },
        }
    }

    #[test]
    fn rates_are_growth_by_time_and_summed_by_private_vlan() {
        let start = Instant::now();
        let mut converter = Converter::default();
        let facts = converter.facts(sample(start, 1_000_000, 0));
        assert_eq!(facts.ports[0].rate_in, 0.0);
        let later = start + Duration::from_millis(250);
        let facts = converter.facts(sample(later, 1_250_000, 0));
        let port = &facts.ports[0];
        assert_eq!((port.rate_in, port.rate_out), (8e6, 16e6));
        assert_eq!(port.name.as_str(), "i1");
        let kinds: Vec<&str> = facts.ports.iter().map(|it| it.kind.as_str()).collect();
        assert_eq!(kinds, ["I", "T"]);
        let pvlans: Vec<_> = facts
            .pvlans
            .iter()
            .map(|it| (it.name.as_str(), it.rate, it.ports))
            .collect();
        assert_eq!(pvlans, [("blue", 24e6, 1), ("trunks", 0.0, 1)]);
        // A daemon that began again counts from nothing.
        let facts = converter.facts(sample(later + Duration::from_secs(1), 5, 0));
        assert_eq!(facts.ports[0].rate_in, 0.0);
    }

    #[test]
    fn peers_are_those_that_have_a_policy() {
        let facts = Converter::default().facts(sample(Instant::now(), 0, 0));
        let peers: Vec<_> = facts
            .peers
            .iter()
            .map(|it| (it.name.as_str(), it.is_up))
            .collect();
        assert_eq!(peers, [("n2", true), ("n3", false)]);
        assert_eq!(facts.latency_us, Some((200.0, 200.0)));
    }

    #[test]
    fn violations_are_counted_and_only_new_ones_raise_an_alert() {
        let start = Instant::now();
        let mut converter = Converter::default();
        let texts = |facts: &Facts| -> Vec<String> {
            let alerts = facts.alerts.iter();
            alerts.map(|it| it.text.to_string()).collect()
        };
        let number = |facts: &Facts| {
            let mut alerts = facts.alerts.iter();
            alerts
                .find(|it| it.text.as_str() == "violation at i1: pvlan_deny")
                .map(|it| it.id)
        };
        let facts = converter.facts(sample(start, 0, 5));
        assert_eq!(facts.violations.len(), 2);
        assert_eq!(facts.violations[0].count, 5);
        assert!(!texts(&facts).iter().any(|it| it.contains("pvlan_deny")));
        let later = start + Duration::from_millis(250);
        let facts = converter.facts(sample(later, 0, 6));
        let mut found = texts(&facts);
        found.retain(|it| it.contains("pvlan_deny"));
        found.sort();
        let expect = ["i1", "t1"].map(|it| format!("violation at {it}: pvlan_deny"));
        assert_eq!(found, expect);
        let id = number(&facts);
        // It stays one alert while it goes on, and for a while after.
        let later = later + Duration::from_secs(20);
        assert_eq!(number(&converter.facts(sample(later, 0, 9))), id);
        let later = later + Duration::from_secs(29);
        assert_eq!(number(&converter.facts(sample(later, 0, 9))), id);
        let later = later + Duration::from_secs(2);
        let facts = converter.facts(sample(later, 0, 9));
        assert!(!texts(&facts).iter().any(|it| it.contains("pvlan_deny")));
        // Soon again, it is the same.
        let facts = converter.facts(sample(later, 0, 10));
        assert_eq!(number(&facts), id);
    }

    #[test]
    fn the_99th_percentile_is_by_rank() {
        let mut converter = Converter {
            round_trips_us: (1..=200).collect(),
            ..Converter::default()
        };
        assert_eq!(converter.latency_us(), Some((100.0, 198.0)));
        converter.round_trips_us.clear();
        assert_eq!(converter.latency_us(), None);
    }
}
