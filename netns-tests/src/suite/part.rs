//! A part of a suite: rows that follow each other, in a process of their own.
//!
//! Rows wait far more than they work, and all that a process makes carries its number, so several
//! can run beside each other. Parts are small and taken one after the other, so that none of the
//! processes is done long before the rest.

use std::ops::Range;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;

use super::{joined, say};

/// Tells a process which rows are its own: `14..28`.
const ROWS: &str = "SKERRY_ROWS";

/// Parts for each of the processes that run at one time.
const PARTS: usize = 3;

/// The rows of this process, if it is one of several. It ends with whoever started it.
///
/// # Errors
/// What it was told is not a range.
pub(super) fn own_rows() -> Result<Option<Range<usize>>> {
    let Ok(rows) = std::env::var(ROWS) else {
        return Ok(None);
    };
    set_pdeathsig(Signal::SIGTERM)?;
    let (from, to) = rows.split_once("..").context("no range of rows")?;
    Ok(Some(from.parse()?..to.parse()?))
}

/// What processes came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
}

/// Runs all rows, in `beside` processes at a time, and prints what each has to say when it ends.
///
/// # Errors
/// A process cannot be started.
pub(super) fn run_all(rows: usize, beside: usize) -> Result<Tally> {
    let size = rows.div_ceil(beside * PARTS).max(1);
    let parts = (0..rows)
        .step_by(size)
        .map(|from| from..(from + size).min(rows));
    let parts = Mutex::new(parts);
    let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || -> Result<Tally> {
        let mut tally = Tally::default();
        while let Some(part) = next() {
            let output = run(&part)?;
            for text in [&output.stderr, &output.stdout] {
                say(String::from_utf8_lossy(text).trim_end());
            }
            tally.add(&part, &output);
        }
        Ok(tally)
    };
    let tallies: Result<Vec<_>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..beside).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(joined).collect()
    });
    let sum = |sum: Tally, it: Tally| Tally {
        passed: sum.passed + it.passed,
        failed: sum.failed + it.failed,
    };
    Ok(tallies?.into_iter().fold(Tally::default(), sum))
}

fn run(part: &Range<usize>) -> Result<Output> {
    let program = std::env::current_exe()?;
    let mut command = Command::new(program);
    command
        .args(std::env::args().skip(1))
        .env(ROWS, format!("{}..{}", part.start, part.end))
        .stdin(Stdio::null());
    command
        .output()
        .context("a part of the suite cannot be started")
}

impl Tally {
    /// Counts what a process says in its closing line.
    fn add(&mut self, part: &Range<usize>, output: &Output) {
        let text = String::from_utf8_lossy(&output.stdout);
        let closing = text.lines().find(|line| line.starts_with("test result: "));
        let before = |word| {
            let words: Vec<_> = closing?.split([' ', ';']).collect();
            let at = words.iter().position(|it| *it == word)?;
            words.get(at.checked_sub(1)?)?.parse::<u64>().ok()
        };
        let (passed, failed) = (before("passed").unwrap_or(0), before("failed").unwrap_or(0));
        self.passed += passed;
        self.failed += failed;
        if failed == 0 && !output.status.success() {
            say(&format!("rows {part:?} ended badly: {}", output.status));
            self.failed += 1;
        }
    }
}
