//! All rows of the table of faults, and the figures that they reach.

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;
use libtest_mimic::Trial;
use skerry_netns_tests::suite::{self, Ran, Suite, say};

use crate::stage;

/// Rows of the table: id, fault, what was reached.
static FIGURES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// In the order that starts the fewest fabrics.
fn trials() -> Vec<Trial> {
    let sets = [
        crate::cut::trials(),
        crate::noise::trials(),
        crate::narrow::trials(),
        crate::link::trials(),
        crate::machine::trials(),
        crate::kill::trials(),
        crate::flood::trials(),
        crate::panel::trials(),
        crate::flap::trials(),
    ];
    sets.into_iter().flatten().collect()
}

/// Whether the long forms of the rows were asked for.
pub(crate) fn long() -> bool {
    std::env::var_os("SKERRY_FAULTS_LONG").is_some_and(|value| value == "1")
}

/// A line of the table of faults.
pub(crate) fn figure(id: &str, fault: &str, reached: &str) {
    let line = format!("| {id} | {fault} | {reached} |");
    say(&format!("    {line}"));
    FIGURES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(line);
}

/// A row that says how long it took.
pub(crate) fn row(name: &str, run: impl FnOnce() -> Result<()> + Send + 'static) -> Trial {
    suite::row(name, move || {
        let started = Instant::now();
        let done = run();
        say(&format!(
            "    took {:.1} s",
            started.elapsed().as_secs_f64()
        ));
        done
    })
}

pub(crate) fn main() -> ExitCode {
    let suite = Suite {
        name: "faults",
        rows: trials,
        beside: 2,
        close: stage::clear,
        summary,
    };
    suite.run()
}

/// The table, counts and time.
fn summary(ran: &Ran) {
    for line in FIGURES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
    {
        say(&format!("figure: {line}"));
    }
    say(&format!("faults: {ran}"));
}
