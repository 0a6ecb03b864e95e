//! From two readings of the counters to rates.

use std::time::Instant;

use crate::view::{Counters, Drops};

/// One reading.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) at: Instant,
    pub(super) counters: Counters,
}

/// What happened between two readings, per second.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rates {
    pub(super) ports: Vec<Line>,
    pub(super) peers: Vec<Line>,
    /// Reasons for drops at any port or peer, the busiest first: name, rate, total.
    pub(super) drops: Vec<(String, f64, u64)>,
}

/// One port or peer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Line {
    pub(super) name: String,
    /// The segment of a port, the round trip of a peer.
    pub(super) note: String,
    /// Frames a second.
    pub(super) frames_in: f64,
    pub(super) frames_out: f64,
    /// Bits a second.
    pub(super) bits_in: f64,
    pub(super) bits_out: f64,
    /// Drops a second.
    pub(super) drops: f64,
}

impl Rates {
    /// Rates between two readings; all zero without an older one.
    pub(super) fn between(old: Option<&Sample>, new: &Sample) -> Self {
        let seconds = old.map(|old| new.at.duration_since(old.at).as_secs_f64());
        let per = Per { seconds };
        let before = old.map(|old| &old.counters);
        let ports = new.counters.ports.iter().map(|(name, now)| {
            let old = before
                .and_then(|it| it.ports.get(name))
                .cloned()
                .unwrap_or_default();
            Line {
                name: name.clone(),
                note: now.segment.clone(),
                frames_in: per.second(now.frames_in, old.frames_in),
                frames_out: per.second(now.sent, old.sent),
                bits_in: 8.0 * per.second(now.bytes_in, old.bytes_in),
                bits_out: 8.0 * per.second(now.bytes_out, old.bytes_out),
                drops: per.second(
                    total(&now.ingress_drops) + total(&now.egress_drops),
                    total(&old.ingress_drops) + total(&old.egress_drops),
                ),
            }
        });
        let peers = new.counters.peers.iter().map(|(name, now)| {
            let old = before
                .and_then(|it| it.peers.get(name))
                .cloned()
                .unwrap_or_default();
            Line {
                name: name.clone(),
                note: now
                    .rtt_us
                    .map_or_else(|| "-".to_owned(), |rtt| format!("{rtt} us")),
                frames_in: per.second(now.frames_in, old.frames_in),
                frames_out: per.second(now.frames_out, old.frames_out),
                bits_in: 8.0 * per.second(now.bytes_in, old.bytes_in),
                bits_out: 8.0 * per.second(now.bytes_out, old.bytes_out),
                drops: per.second(
                    total(&now.drops) + total(&now.egress_drops),
                    total(&old.drops) + total(&old.egress_drops),
                ),
            }
        });
        Self {
            ports: ports.collect(),
            peers: peers.collect(),
            drops: drops(&per, before, &new.counters),
        }
    }
}

fn total(drops: &Drops) -> u64 {
    drops.values().sum()
}

fn drops(per: &Per, old: Option<&Counters>, new: &Counters) -> Vec<(String, f64, u64)> {
    let before = old.map(all_drops).unwrap_or_default();
    let lines = all_drops(new).into_iter().map(|(reason, n)| {
        let was = before.get(&reason).copied().unwrap_or(0);
        (reason, per.second(n, was), n)
    });
    let mut lines: Vec<_> = lines.filter(|(_, _, n)| *n > 0).collect();
    lines.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.2.cmp(&a.2)));
    lines
}

fn all_drops(counters: &Counters) -> Drops {
    let ports = counters.ports.values();
    let ports = ports.flat_map(|it| it.ingress_drops.iter().chain(&it.egress_drops));
    let peers = counters.peers.values();
    let peers = peers.flat_map(|it| it.drops.iter().chain(&it.egress_drops));
    let mut sum = Drops::new();
    for (reason, n) in ports.chain(peers).chain(&counters.underlay_drops) {
        *sum.entry(reason.clone()).or_default() += n;
    }
    sum
}

struct Per {
    seconds: Option<f64>,
}

impl Per {
    /// A counter that went back belongs to another life of the daemon: no rate.
    fn second(&self, now: u64, before: u64) -> f64 {
        let grown = now.saturating_sub(before);
        match self.seconds {
            // Counters stay far below 2^53, where f64 is exact.
            #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
            Some(seconds) if seconds > 0.0 => grown as f64 / seconds,
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::view::PortCounters;

    fn sample(at: Instant, frames: u64, denied: u64) -> Sample {
        let port = PortCounters {
            frames_in: frames,
            bytes_in: frames * 100,
            ingress_drops: Drops::from([("pvlan_deny".into(), denied)]),
            ..PortCounters::default()
        };
        let counters = Counters {
            ports: [("n1/b-i1".to_owned(), port)].into(),
            ..Counters::default()
        };
        Sample { at, counters }
    }

    #[test]
    fn rates_are_growth_by_time() {
        let start = Instant::now();
        let old = sample(start, 100, 0);
        let new = sample(start + Duration::from_secs(2), 300, 10);
        let rates = Rates::between(Some(&old), &new);
        let line = &rates.ports[0];
        assert_eq!(
            (line.frames_in, line.bits_in, line.drops),
            (100.0, 80_000.0, 5.0)
        );
        assert_eq!(rates.drops, [("pvlan_deny".to_owned(), 5.0, 10)]);
    }

    #[test]
    fn a_restarted_daemon_shows_no_wild_rates() {
        let start = Instant::now();
        let old = sample(start, 1_000_000, 0);
        let new = sample(start + Duration::from_secs(1), 5, 0);
        assert_eq!(Rates::between(Some(&old), &new).ports[0].frames_in, 0.0);
        assert_eq!(Rates::between(None, &new).ports[0].frames_in, 0.0);
    }
}
