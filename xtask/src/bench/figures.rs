//! What was measured, and what becomes of many measurements.

use std::fmt;

use serde::Serialize;

use crate::bench::machine;
use crate::bench::measure::Durations;
use crate::bench::variant::Variant;

/// Everything of one call of the bench.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    pub(super) machine: String,
    /// Bytes: the largest IP packet between the hosts.
    pub(super) inner_mtu: u32,
    pub(super) rounds: u32,
    /// Seconds of every TCP measurement.
    pub(super) seconds: u32,
    /// What the sending host's TCP goes by.
    pub(super) congestion: String,
    pub(super) variants: Vec<Described>,
    pub(super) samples: Vec<Sample>,
}

/// A variant, for the reader.
#[derive(Debug, Serialize)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) note: String,
}

/// One turn of one variant.
#[derive(Debug, Serialize)]
pub(super) struct Sample {
    pub(super) variant: String,
    pub(super) round: u32,
    /// CPUs that other work kept busy just before.
    pub(super) others: f64,
    /// What the cipher alone cost just before: CPU nanoseconds for 1,420 bytes.
    pub(super) aead: f64,
    /// With nothing else on the way.
    pub(super) ping: Latency,
    /// Beside one stream of bulk TCP.
    pub(super) loaded: Latency,
    pub(super) tcp1: Tcp,
    pub(super) tcp4: Tcp,
    pub(super) udp64: Udp,
    /// As long as fits.
    pub(super) udp1400: Udp,
}

/// Round trips in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p99: f64,
}

/// Bulk TCP.
#[derive(Debug, Serialize)]
pub(super) struct Tcp {
    /// Payload that arrived, in 10^9 bits a second.
    pub(super) gbps: f64,
    /// Segments sent again.
    pub(super) retransmits: f64,
    pub(super) per_frame: PerFrame,
}

/// Packets of one length.
#[derive(Debug, Serialize)]
pub(super) struct Udp {
    /// That arrived in a second.
    pub(super) pps: f64,
    /// Percent that did not.
    pub(super) loss: f64,
    pub(super) per_frame: PerFrame,
}

/// CPU nanoseconds per full-sized data frame that arrived.
#[derive(Debug, Serialize)]
pub(super) struct PerFrame {
    /// Of the sending node's program, if it has one.
    pub(super) tx: Option<f64>,
    /// Of the receiving node's program.
    pub(super) rx: Option<f64>,
    /// Of the whole machine: hosts, kernel, iperf3 and whoever else ran.
    pub(super) machine: f64,
}

impl Udp {
    /// Nothing gets through without loss.
    pub(super) const NONE: Self = Self {
        pps: 0.0,
        loss: 0.0,
        per_frame: PerFrame {
            tx: None,
            rx: None,
            machine: 0.0,
        },
    };
}

impl Run {
    pub(super) fn new(variants: &[Variant], rounds: u32, durations: &Durations) -> Self {
        let describe = |variant: &Variant| Described {
            name: variant.name.clone(),
            note: variant.note.clone(),
        };
        Self {
            machine: machine::describe(),
            inner_mtu: crate::bench::INNER_MTU,
            rounds,
            seconds: durations.tcp,
            congestion: durations.congestion.clone(),
            variants: variants.iter().map(describe).collect(),
            samples: Vec::new(),
        }
    }
}

impl Latency {
    /// Of round trips in any order; none of no round trip.
    pub(super) fn of(mut times: Vec<f64>) -> Option<Self> {
        times.sort_by(f64::total_cmp);
        let last = times.len().checked_sub(1)?;
        let at = |percent: usize| times.get(last * percent / 100).copied();
        Some(Self {
            p50: at(50)?,
            p99: at(99)?,
        })
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:6.2} / {:6.2} Gb/s, ping {:4.0} us",
            self.tcp1.gbps, self.tcp4.gbps, self.ping.p50
        )?;
        if let (Some(tx), Some(rx)) = (self.tcp1.per_frame.tx, self.tcp1.per_frame.rx) {
            write!(f, ", {tx:.0} + {rx:.0} ns/frame")?;
        }
        write!(f, " (others: {:.2} CPUs)", self.others)
    }
}

/// The middle of several figures, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    /// `median (min-max)`, with so many decimals.
    pub(super) fn shown(&self, decimals: usize) -> String {
        let Self { median, min, max } = self;
        format!("{median:.decimals$} ({min:.decimals$}-{max:.decimals$})")
    }

    /// None of no figures.
    pub(super) fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        let half = figures.len() / 2;
        let upper = figures.get(half).copied()?;
        let lower = match figures.len() % 2 {
            0 => figures.get(half.checked_sub(1)?).copied()?,
            _ => upper,
        };
        Some(Self {
            median: f64::midpoint(lower, upper),
            min: figures.first().copied()?,
            max: figures.last().copied()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middles() {
        let spread = |figures: &[f64]| Spread::of(figures.to_vec());
        assert_eq!(spread(&[]), None);
        let odd = spread(&[9.0, 1.0, 2.0]).unwrap();
        assert_eq!((odd.median, odd.min, odd.max), (2.0, 1.0, 9.0));
        let even = spread(&[4.0, 1.0, 2.0, 9.0]).unwrap();
        assert_eq!((even.median, even.min, even.max), (3.0, 1.0, 9.0));
    }

    #[test]
    fn the_ninety_ninth_percentile_leaves_one_in_a_hundred_above() {
        let times = (1..=101).rev().map(f64::from).collect();
        let latency = Latency::of(times).unwrap();
        assert_eq!((latency.p50, latency.p99), (51.0, 100.0));
        assert_eq!(Latency::of(Vec::new()), None);
    }
}
