//! The tables for people, and the file for programs.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::bench::datapath::folder;
use crate::bench::figures::Spread;
use crate::bench::many::layout::Dimension;
use crate::bench::many::node::Switch;
use crate::bench::many::sender::{BURST, RATE};
use crate::bench::many::{Run, Sample};
use crate::command::say;

/// Prints the tables, and writes them and the JSON under `target/bench/`.
pub(super) fn write(root: &Path, run: &Run) -> Result<()> {
    let folder = folder(root)?;
    let text = markdown(run);
    fs::write(folder.join("many.md"), &text)?;
    fs::write(folder.join("many.json"), serde_json::to_string_pretty(run)?)?;
    say(&text);
    say("(also in target/bench/many.md and many.json)");
    Ok(())
}

fn markdown(run: &Run) -> String {
    let mut out = format!(
        "CPU time of a node for a frame of 64 bytes in ns: median (min-max) of {} rounds of {} s.\n\n",
        run.rounds, run.seconds
    );
    for dimension in Dimension::ALL {
        out.push_str(&table(run, dimension));
        out.push('\n');
    }
    let lost: u64 = run.samples.iter().map(|it| it.lost).sum();
    let rates = Spread::of(run.samples.iter().map(|it| it.rate).collect());
    let rates = rates.map_or_else(String::new, |it| it.shown(0));
    let [before, after] = run.load;
    out.push_str(&format!(
        "{}. {rates} frames a second were sent in bursts of {BURST}, at most {RATE}; {lost} were \
         lost. Load average {before:.1} before and {after:.1} after.\n",
        run.machine
    ));
    out
}

/// A row of figures for each switch below the points, with what was added from the first to the last.
fn table(run: &Run, dimension: Dimension) -> String {
    let mut out = format!("| ns; {} |", dimension.title());
    for count in dimension.counts() {
        out.push_str(&format!(" {} |", grouped(count)));
    }
    out.push_str(" growth, % | in each round |\n|---|---|---|---|---|---|---|\n");
    for switch in Switch::ALL {
        out.push_str(&row(run, dimension, switch));
    }
    out
}

fn row(run: &Run, dimension: Dimension, switch: Switch) -> String {
    let counts = dimension.counts();
    let of = |count| figures(&run.samples, dimension, switch, count);
    let mut out = format!("| {} |", switch.title());
    for count in counts {
        out.push_str(&format!(" {} |", shown(of(count), 0)));
    }
    let [first, .., last] = counts;
    let (first, last) = (of(first), of(last));
    let each = first.iter().zip(&last).map(|(from, to)| growth(*from, *to));
    let each = shown(each.collect(), 1);
    let medians = Spread::of(first).zip(Spread::of(last));
    let medians = medians.map(|(from, to)| growth(from.median, to.median));
    let medians = medians.map_or_else(|| "-".to_owned(), |it| format!("{it:+.1}"));
    out.push_str(&format!(" {medians} | {each} |\n"));
    out
}

/// In the order of the rounds.
fn figures(samples: &[Sample], dimension: Dimension, switch: Switch, count: u32) -> Vec<f64> {
    let these = samples.iter().filter(|it| it.switch == switch);
    let these = these.filter(|it| it.dimension == dimension && it.count == count);
    these.map(|it| it.nanoseconds).collect()
}

fn shown(figures: Vec<f64>, decimals: usize) -> String {
    Spread::of(figures).map_or_else(|| "-".to_owned(), |it| it.shown(decimals))
}

/// Percent.
fn growth(from: f64, to: f64) -> f64 {
    (to / from - 1.0) * 100.0
}

/// With a comma before the thousands; there are no millions.
fn grouped(count: u32) -> String {
    match (count / 1_000, count % 1_000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{thousands},{rest:03}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_of_medians_and_of_every_round() {
        let sample = |switch, count, round, nanoseconds| Sample {
            switch,
            dimension: Dimension::Ports,
            count,
            round,
            nanoseconds,
            idle: 0.0,
            rate: 30_000.0,
            lost: 0,
        };
        let run = Run {
            machine: "a machine".to_owned(),
            rounds: 3,
            seconds: 1,
            load: [0.0, 0.0],
            samples: vec![
                sample(Switch::Skerry, 16, 1, 1_000.0),
                sample(Switch::Relay, 16, 1, 100.0),
                sample(Switch::Skerry, 1_024, 1, 1_100.0),
                sample(Switch::Relay, 1_024, 1, 105.0),
                sample(Switch::Skerry, 16, 2, 2_000.0),
                sample(Switch::Skerry, 1_024, 2, 2_500.0),
                sample(Switch::Skerry, 16, 3, 1_000.0),
                sample(Switch::Skerry, 1_024, 3, 1_200.0),
            ],
        };
        let text = table(&run, Dimension::Ports);
        for row in [
            "| Skerry | 1000 (1000-2000) | - | - | 1200 (1100-2500) | +20.0 | 20.0 (10.0-25.0) |",
            "| read and write alone | 100 (100-100) | - | - | 105 (105-105) | +5.0 | 5.0 (5.0-5.0) |",
        ] {
            assert!(text.contains(row), "{text}");
        }
        assert!(
            text.starts_with("| ns; ports | 16 | 64 | 256 | 1,024 |"),
            "{text}"
        );
    }
}
