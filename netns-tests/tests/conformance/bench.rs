//! Runs the rows one after another and says how it went.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use libtest_mimic::{Arguments, Conclusion, Failed, Trial};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use skerry_netns_tests::{netns, traces};

use crate::stage::{self, GUARDED, GUARDED_T2, OPEN, OPEN_T2, TAPS};

/// What the whole suite may take on two cores.
const BUDGET: Duration = Duration::from_secs(8 * 60);

/// Rows of the matrix that this suite does not have, and why. The book's index of rows has the
/// others, and a test compares it with them.
const ABSENT: [(&str, &str); 1] = [("J01, J02, J04, J07", "need telemetry")];

/// Everything that can be run, in the order that starts the fewest fabrics.
fn trials() -> Vec<Trial> {
    let sets = [
        crate::harness::trials(),
        crate::reach::trials("taps", TAPS)
            .into_iter()
            .take(1)
            .collect(),
        crate::header::taps(),
        crate::reach::trials("open", OPEN),
        crate::learn::trials("open", OPEN),
        crate::learn::unguarded(),
        crate::source::unguarded(),
        crate::trunk::trials("t2 open", OPEN_T2),
        crate::trunk::trials("t2 guarded", GUARDED_T2),
        crate::reach::trials("guarded", GUARDED),
        crate::learn::trials("guarded", GUARDED),
        crate::header::trials(),
        crate::spoof::trials(),
        crate::hairpin::trials(),
        crate::control_traffic::trials(),
        crate::hidden::trials(),
        crate::source::trials(),
        crate::conflict::trials(),
        crate::storm::trials(),
        crate::rate::trials(),
        crate::network::trials(),
        crate::exchange::trials(),
        crate::multicast::trials(),
        crate::loop_::trials(),
        crate::inject::trials(),
        crate::endure::trials(),
        crate::reload::trials(),
        crate::stock::trials(),
        crate::malformed::trials(),
    ];
    sets.into_iter().flatten().collect()
}

/// What a thread gave back.
///
/// # Errors
/// When it failed or panicked.
pub(crate) fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread
        .join()
        .unwrap_or_else(|_| anyhow::bail!("a thread of the suite panicked"))
}

/// A row, from a function that says what went wrong.
pub(crate) fn row(name: &str, run: impl FnOnce() -> Result<()> + Send + 'static) -> Trial {
    Trial::test(name, move || {
        run().map_err(|error| Failed::from(format!("{error:#}")))
    })
}

pub(crate) fn main() -> ExitCode {
    let (arguments, rows) = arguments();
    if arguments.list {
        return libtest_mimic::run(&arguments, trials()).exit_code();
    }
    if let Err(error) = prepare() {
        say(&format!("the conformance suite cannot run: {error:#}"));
        return ExitCode::FAILURE;
    }
    let all = trials();
    let known = all.len();
    let chosen: Vec<_> = all
        .into_iter()
        .filter(|trial| is_chosen(trial, &rows))
        .collect();
    let started = Instant::now();
    let left_out = known - chosen.len();
    let conclusion = libtest_mimic::run(&arguments, chosen);
    if let Err(error) = stage::clear() {
        say(&format!("the last fabric does not stop well: {error:#}"));
        return ExitCode::FAILURE;
    }
    summary(&conclusion, left_out, started.elapsed());
    conclusion.exit_code()
}

/// libtest knows one filter; rows are chosen by any number of them.
fn arguments() -> (Arguments, Vec<String>) {
    let (rows, flags): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|argument| !argument.starts_with('-'));
    let program = std::env::args().take(1);
    let mut arguments = Arguments::from_iter(program.chain(flags));
    // One fabric at a time, on a machine of two cores.
    arguments.test_threads = Some(1);
    (arguments, rows)
}

fn is_chosen(trial: &Trial, rows: &[String]) -> bool {
    rows.is_empty()
        || rows
            .iter()
            .any(|row| trial.name().starts_with(row.as_str()))
}

/// Root, `ip`, and nothing left of a run that died.
fn prepare() -> Result<()> {
    anyhow::ensure!(
        nix::unistd::geteuid().is_root(),
        "it makes network namespaces: run it as root"
    );
    netns::ip(&["-Version"])?;
    traces::sweep()?;
    clean_up_when_interrupted()
}

/// Counts, time, and what was not tried.
fn summary(conclusion: &Conclusion, left_out: usize, took: Duration) {
    let (passed, failed) = (conclusion.num_passed, conclusion.num_failed);
    let (seconds, budget) = (took.as_secs_f64(), BUDGET.as_secs());
    say(&format!(
        "conformance: {passed} passed, {failed} failed, {left_out} not chosen; \
         {seconds:.1} s of {budget} s"
    ));
    if left_out > 0 {
        return;
    }
    for (rows, why) in ABSENT {
        say(&format!("conformance: not here: {rows}: {why}"));
    }
    if took > BUDGET {
        say("conformance: the suite took longer than its budget");
    }
}

/// An interrupted run leaves nothing behind either.
fn clean_up_when_interrupted() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                traces::abandon();
                // Ends the process as if nobody had caught the signal.
                if let Err(error) = emulate_default_handler(signal) {
                    say(&format!("cannot end: {error}"));
                }
            }
        })?;
    Ok(())
}

/// A line for the reader of the run.
pub(crate) fn say(line: &str) {
    // Nobody is served by a panic when stderr is closed.
    if writeln!(std::io::stderr(), "{line}").is_err() {
        std::process::abort();
    }
}
