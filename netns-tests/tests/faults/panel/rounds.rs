//! What the datapath did in each round, and how the rounds of a state differ from those without a
//! panel right before and after.
//!
//! The machine's two cores are shared with whoever else is on it, and drift: so every round is
//! compared with its neighbours, and the middle one of a state's rounds counts. What rounds without
//! a panel differ among themselves, by the same measure, is the noise of the run.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::idle::MOST_MS;
use super::states::State;
use crate::talk::Heard;

/// What may be lost at most where the run is quiet enough to tell, in percent.
const LIMIT: f64 = 1.0;

/// A window in which nothing changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) state: State,
    pub(crate) from: Instant,
    pub(crate) to: Instant,
    /// CPU time of the datapath's threads.
    pub(crate) busy: Duration,
}

/// What became of the frames in a window.
#[derive(Clone, Copy, Debug)]
struct Reading {
    state: State,
    /// Frames a second that arrived.
    rate: f64,
    /// Microseconds of the datapath's threads for each.
    cost_us: f64,
    /// The longest time in which a stream was silent, in milliseconds.
    silence_ms: f64,
}

/// A state against none, in percent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Difference {
    /// What more a frame costs.
    pub(crate) cost: f64,
    /// What fewer frames arrive in a second.
    pub(crate) rate: f64,
    /// The longest silence of a stream, in milliseconds: the middle one of the rounds.
    pub(crate) silence_ms: f64,
}

/// Every round of an attempt.
#[derive(Debug)]
pub(crate) struct Readings(Vec<Reading>);

impl Readings {
    /// Counts what arrived in each window.
    pub(crate) fn new(rounds: &[Round], heard: &Heard) -> Self {
        let streams: Vec<Vec<Instant>> = (0..heard.talks.len())
            .map(|talk| {
                let arrived = heard.arrived(talk).offsets;
                arrived.into_iter().map(|(_, at)| at).collect()
            })
            .collect();
        let reading = |round: &Round| {
            let parts = streams.iter().map(|times| within(times, round));
            let (counts, silences): (Vec<usize>, Vec<Duration>) =
                parts.map(|part| (part.len(), silence(part, round))).unzip();
            let frames = float(counts.iter().sum());
            Reading {
                state: round.state,
                rate: frames / round.to.duration_since(round.from).as_secs_f64(),
                cost_us: round.busy.as_secs_f64() * 1e6 / frames.max(1.0),
                silence_ms: silences
                    .iter()
                    .max()
                    .map_or(0.0, |it| it.as_secs_f64() * 1e3),
            }
        };
        Self(rounds.iter().map(reading).collect())
    }

    /// What a round without a panel is like: frames a second, and microseconds for each.
    pub(crate) fn quiet(&self) -> Result<(f64, f64)> {
        let quiet = || self.0.iter().filter(|it| it.state == State::Off);
        let rate = median(quiet().map(|it| it.rate));
        let cost = median(quiet().map(|it| it.cost_us));
        rate.zip(cost).context("no round without a panel")
    }

    /// A state against the rounds without a panel beside each of its own.
    pub(crate) fn difference(&self, state: State) -> Result<Difference> {
        let cost = median(self.beside(state, |it| it.cost_us));
        let rate = median(self.beside(state, |it| it.rate));
        let own = self.0.iter().filter(|it| it.state == state);
        let (cost, rate) = cost.zip(rate).context("a state without rounds")?;
        Ok(Difference {
            cost,
            rate: -rate,
            silence_ms: median(own.map(|it| it.silence_ms)).unwrap_or_default(),
        })
    }

    /// How large a difference in cost, and in rate, this run can tell from none, for a state of so
    /// many rounds: three standard errors of a median, and one percent at least. What a panel may
    /// take while there are no frames it may take here too: a larger part of less work.
    pub(crate) fn limits(&self, rounds: usize) -> Result<(f64, f64)> {
        let limit = |value: fn(&Reading) -> f64| {
            let spread = median(self.beside(State::Off, value).map(f64::abs));
            // Of a normal distribution: a median deviation is 0.6745 of the standard one, and a
            // median has an error 1.2533 times that of a mean.
            let error = spread.unwrap_or_default() / 0.6745 * 1.2533 / float(rounds.max(1)).sqrt();
            (3.0 * error).max(LIMIT)
        };
        let (rate, cost_us) = self.quiet()?;
        let usual_ms = rate * cost_us / 1e3;
        let most = MOST_MS / usual_ms * 100.0;
        Ok((limit(|it| it.cost_us).max(most), limit(|it| it.rate)))
    }

    /// By how many percent each round of a state is above those without a panel next to it.
    fn beside(&self, state: State, value: fn(&Reading) -> f64) -> impl Iterator<Item = f64> {
        let is_off = |it: &&Reading| it.state == State::Off;
        let own = self.0.iter().enumerate();
        own.filter(move |(_, it)| it.state == state)
            .filter_map(move |(at, it)| {
                let before = self.0.get(..at)?.iter().rev().find(is_off)?;
                let after = self.0.get(at + 1..)?.iter().find(is_off)?;
                let usual = f64::midpoint(value(before), value(after));
                Some((value(it) / usual - 1.0) * 100.0)
            })
    }
}

/// The arrivals in a window; all of them are in order.
fn within<'a>(times: &'a [Instant], round: &Round) -> &'a [Instant] {
    let from = times.partition_point(|at| *at < round.from);
    let to = times.partition_point(|at| *at < round.to);
    times.get(from..to).unwrap_or_default()
}

fn silence(times: &[Instant], round: &Round) -> Duration {
    let starts = std::iter::once(&round.from).chain(times);
    let ends = times.iter().chain([&round.to]);
    let gaps = starts.zip(ends).map(|(a, b)| b.duration_since(*a));
    gaps.max().unwrap_or_default()
}

/// The middle one.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
