//! Runs the rows one after another, and collects the figures that they reach.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use skerry_netns_tests::{netns, traces};

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

/// A row, from a function that says what went wrong.
pub(crate) fn row(name: &str, run: impl FnOnce() -> Result<()> + Send + 'static) -> Trial {
    Trial::test(name, move || {
        let started = Instant::now();
        let done = run().map_err(|error| Failed::from(format!("{error:#}")));
        say(&format!(
            "    took {:.1} s",
            started.elapsed().as_secs_f64()
        ));
        done
    })
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

pub(crate) fn main() -> ExitCode {
    let (arguments, rows) = arguments();
    if arguments.list {
        return libtest_mimic::run(&arguments, trials()).exit_code();
    }
    if let Err(error) = prepare() {
        say(&format!("the faults cannot be tried: {error:#}"));
        return ExitCode::FAILURE;
    }
    let all = trials();
    let known = all.len();
    let is_chosen = |trial: &Trial| {
        let starts = |row: &String| trial.name().starts_with(row.as_str());
        rows.is_empty() || rows.iter().any(starts)
    };
    let chosen: Vec<_> = all.into_iter().filter(is_chosen).collect();
    let left_out = known - chosen.len();
    let started = Instant::now();
    let conclusion = libtest_mimic::run(&arguments, chosen);
    if let Err(error) = stage::clear() {
        say(&format!("the last fabric does not stop well: {error:#}"));
        return ExitCode::FAILURE;
    }
    for line in FIGURES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
    {
        say(&format!("figure: {line}"));
    }
    let seconds = started.elapsed().as_secs_f64();
    let (passed, failed) = (conclusion.num_passed, conclusion.num_failed);
    say(&format!(
        "faults: {passed} passed, {failed} failed, {left_out} not chosen; {seconds:.1} s"
    ));
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

/// Root, `ip`, and nothing left of a run that died.
fn prepare() -> Result<()> {
    anyhow::ensure!(
        nix::unistd::geteuid().is_root(),
        "network namespaces are made: run it as root"
    );
    netns::ip(&["-Version"])?;
    traces::sweep()?;
    clean_up_when_interrupted()
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
