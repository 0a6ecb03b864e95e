//! Facts that are made up, for a panel without a fabric. They say so, and the panel shows it.

use std::collections::BTreeMap;

use crate::facts::{Agent, Alert, Decision, Facts, Peer, Port, Pvlan, Violation};
use crate::panel::{Event, What};

/// Ports: name, kind, private VLAN, and its usual rate in Mb/s.
const PORTS: [(&str, &str, &str, f64); 9] = [
    ("gw", "P", "blue", 640.0),
    ("b-i1", "I", "blue", 210.0),
    ("b-i2", "I", "blue", 95.0),
    ("web1", "C", "blue", 330.0),
    ("web2", "C", "blue", 280.0),
    ("r-gw", "P", "red", 120.0),
    ("r-i1", "I", "red", 40.0),
    ("db1", "C", "green", 870.0),
    ("tr1", "T", "lab", 12.0),
];
const PVLANS: [&str; 5] = ["blue", "red", "green", "lab", "guests"];
/// What the agent of the demo decides, in turn.
const DECISIONS: [&str; 4] = ["probe 2/s", "sleep n4 nic", "mirror blue", "batch 64"];
/// Facts between two decisions.
const DECISION_EVERY: u64 = 60;
/// How many facts there are before the first alert, and how many between two.
const ALERT_FROM: u64 = 32;
const ALERT_EVERY: u64 = 160;
/// For how many facts an alert stands.
const ALERT_FOR: u64 = 80;

/// Makes up facts, always the same ones.
#[derive(Debug, Default)]
pub struct Demo {
    tick: u64,
    is_paused: bool,
    verdicts: BTreeMap<u64, &'static str>,
}

impl Demo {
    /// The next facts: four of them are a second.
    pub fn facts(&mut self) -> Facts {
        let tick = self.tick;
        self.tick += 1;
        let ports: Vec<Port> = (0..).zip(PORTS).map(|(n, it)| port(tick, n, it)).collect();
        let rate = |name: &str| {
            let ports = PORTS.iter().zip(&ports).filter(|(it, _)| it.2 == name);
            ports.map(|(_, it)| it.rate_in + it.rate_out).sum()
        };
        let pvlans = PVLANS.iter().map(|name| Pvlan {
            name: (*name).into(),
            rate: rate(name),
            ports: PORTS.iter().map(|it| u64::from(it.2 == *name)).sum(),
        });
        let pvlans = pvlans.collect();
        let alerts = alerts(tick);
        let is_peer_down = alerts.iter().any(|it| it.id % 2 == 1);
        let median = 180.0 + 60.0 * wave(tick, 3);
        Facts {
            node: "n1".into(),
            is_demo: true,
            generation: 7 + tick / 1_000,
            uptime_s: 93_600 + tick / 4,
            ports,
            peers: (2..=4).map(|n| peer(n, median, is_peer_down)).collect(),
            pvlans,
            latency_us: Some((median, median * 2.0 + 700.0 * wave(tick, 5).powi(4))),
            alerts,
            violations: violations(tick),
            agent: Some(self.agent(tick)),
        }
    }

    /// Does what somebody wants of the agent.
    pub fn handle_event(&mut self, event: &Event) {
        match event.what {
            What::Pause => self.is_paused = true,
            What::Resume => self.is_paused = false,
            What::Approved { decision } => {
                self.verdicts.insert(decision, "YES");
            }
            What::Vetoed { decision } => {
                self.verdicts.insert(decision, "NO");
            }
            What::Up
            | What::Down(_)
            | What::Navigated { .. }
            | What::Acknowledged { .. }
            | What::Shown { .. } => {}
        }
        while self.verdicts.len() > crate::facts::LIST_MAX {
            self.verdicts.pop_first();
        }
    }

    fn agent(&self, tick: u64) -> Agent {
        let last = tick / DECISION_EVERY;
        let decisions = (0..=last).rev().take(12).map(|id| {
            let text = DECISIONS.iter().cycle().nth((id % 4) as usize);
            Decision {
                id,
                text: text.copied().unwrap_or_default().into(),
                state: self.verdicts.get(&id).copied().unwrap_or("WAITS").into(),
            }
        });
        Agent {
            is_paused: self.is_paused,
            reward: 50.0 + 40.0 * wave(tick, 7),
            energy: 0.4 + 0.2 * wave(tick, 2),
            observability: 0.9 + 0.08 * wave(tick, 1),
            decisions: decisions.collect(),
        }
    }
}

fn port(tick: u64, number: u64, (name, kind, _, mbps): (&str, &str, &str, f64)) -> Port {
    let rate = mbps * 1e6 * (0.6 + 0.4 * wave(tick, number));
    Port {
        name: name.into(),
        kind: kind.into(),
        is_up: number != 6 || tick % 400 < 300,
        rate_in: rate * 0.4,
        rate_out: rate * 0.6,
        drops: if number == 2 && tick >= 30 { 2.0 } else { 0.0 },
    }
}

fn peer(number: u64, rtt_us: f64, is_down: bool) -> Peer {
    let is_down = is_down && number == 3;
    Peer {
        name: format!("n{number}").into(),
        is_up: !is_down,
        rtt_us: (!is_down).then_some(rtt_us),
    }
}

fn alerts(tick: u64) -> Vec<Alert> {
    let Some(since) = tick.checked_sub(ALERT_FROM) else {
        return Vec::new();
    };
    let (id, age) = (since / ALERT_EVERY, since % ALERT_EVERY);
    if age >= ALERT_FOR {
        return Vec::new();
    }
    let text = if id % 2 == 0 {
        "violation at b-i2: pvlan_deny"
    } else {
        "peer n3 is down"
    };
    vec![Alert {
        id: id + 1,
        text: text.into(),
        age_s: age / 4,
    }]
}

fn violations(tick: u64) -> Vec<Violation> {
    let count = tick.saturating_sub(30) / 2;
    let rows = [
        ("b-i2", "pvlan_deny", count),
        ("r-i1", "hairpin_denied", count / 9),
        ("web1", "mac_spoof", count / 50),
    ];
    let rows = rows.into_iter().filter(|(_, _, count)| *count > 0);
    rows.map(|(port, reason, count)| Violation {
        port: port.into(),
        reason: reason.into(),
        count,
    })
    .collect()
}

/// A wave from -1 to 1 with some noise on it.
fn wave(tick: u64, number: u64) -> f64 {
    let noise = (tick.wrapping_mul(number + 3).wrapping_mul(2_654_435_761) >> 16) % 64;
    #[expect(clippy::cast_precision_loss, reason = "a day of ticks is 350,000")]
    let (tick, noise) = (tick as f64, noise as f64);
    #[expect(clippy::cast_precision_loss, reason = "a few")]
    let period = 40.0 + 13.0 * number as f64;
    (tick * std::f64::consts::TAU / period).sin() * 0.8 + (noise / 31.5 - 1.0) * 0.2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_every_time_and_says_what_it_is() {
        let (mut one, mut other) = (Demo::default(), Demo::default());
        for _ in 0..1_000 {
            let facts = one.facts();
            assert_eq!(facts, other.facts());
            assert!(facts.is_demo);
        }
    }

    #[test]
    fn it_has_alerts_that_come_and_go() {
        let mut demo = Demo::default();
        let open: Vec<usize> = (0..400).map(|_| demo.facts().alerts.len()).collect();
        assert_eq!(open[..32], [0; 32]);
        assert_eq!(open[32..112], [1; 80]);
        assert_eq!(open[112..192], [0; 80]);
        assert_eq!(open[192], 1);
    }

    #[test]
    fn the_agent_obeys() {
        let mut demo = Demo::default();
        let event = |what| Event {
            number: 1,
            at_us: 0,
            what,
        };
        demo.handle_event(&event(What::Pause));
        demo.handle_event(&event(What::Vetoed { decision: 0 }));
        let agent = demo.facts().agent.unwrap();
        assert!(agent.is_paused);
        assert_eq!(agent.decisions[0].state.as_str(), "NO");
    }
}
