//! A suite of rows that share fabrics: chosen by how their names begin, run one after another or in
//! parts beside each other, and nothing left behind however it ends.

mod part;

use std::fmt;
use std::io::Write as _;
use std::ops::Range;
use std::process::ExitCode;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::{Arguments, Failed, Trial};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::{netns, traces};

/// What a suite consists of.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    /// Its name, for people.
    pub name: &'static str,
    /// Its rows, in the order that starts the fewest fabrics.
    pub rows: fn() -> Vec<Trial>,
    /// How many processes share the rows when all are to run.
    pub beside: usize,
    /// Stops what the rows shared.
    pub close: fn() -> Result<()>,
    /// What to say at the end.
    pub summary: fn(&Ran),
}

/// How it went.
#[derive(Debug)]
pub struct Ran {
    /// Rows that held.
    pub passed: u64,
    /// Rows that did not.
    pub failed: u64,
    /// Rows that the command line did not ask for.
    pub left_out: usize,
    /// From the first row to the last.
    pub took: Duration,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            left_out,
            ..
        } = self;
        let seconds = self.took.as_secs_f64();
        write!(
            f,
            "{passed} passed, {failed} failed, {left_out} not chosen; {seconds:.1} s"
        )
    }
}

impl Suite {
    /// Runs the rows whose names begin with one of the words on the command line, or all.
    pub fn run(self) -> ExitCode {
        let (arguments, beginnings) = arguments();
        if arguments.list {
            return libtest_mimic::run(&arguments, (self.rows)()).exit_code();
        }
        let ran = prepare().and_then(|()| match part::own_rows()? {
            None if beginnings.is_empty() && self.beside > 1 => self.run_in_parts(),
            own => self.run_here(&arguments, &beginnings, own.as_ref()),
        });
        match ran {
            Ok(ran) => {
                (self.summary)(&ran);
                ExitCode::from(u8::from(ran.failed > 0))
            }
            Err(error) => {
                say(&format!("the {} suite failed: {error:#}", self.name));
                ExitCode::FAILURE
            }
        }
    }

    /// All rows, in processes beside each other.
    fn run_in_parts(self) -> Result<Ran> {
        let started = Instant::now();
        let tally = part::run_all((self.rows)().len(), self.beside)?;
        Ok(Ran {
            passed: tally.passed,
            failed: tally.failed,
            left_out: 0,
            took: started.elapsed(),
        })
    }

    /// The rows that were asked for, one after another.
    fn run_here(
        self,
        arguments: &Arguments,
        beginnings: &[String],
        own: Option<&Range<usize>>,
    ) -> Result<Ran> {
        let all = (self.rows)();
        let known = all.len();
        let is_chosen = |(number, row): &(usize, Trial)| {
            let begins = |word: &String| row.name().starts_with(word.as_str());
            let is_own = own.is_none_or(|own| own.contains(number));
            is_own && (beginnings.is_empty() || beginnings.iter().any(begins))
        };
        let chosen: Vec<_> = all
            .into_iter()
            .enumerate()
            .filter(is_chosen)
            .map(|(_, row)| row)
            .collect();
        let left_out = known - chosen.len();
        let started = Instant::now();
        let conclusion = libtest_mimic::run(arguments, chosen);
        let took = started.elapsed();
        (self.close)().context("the last fabric does not stop well")?;
        Ok(Ran {
            passed: conclusion.num_passed,
            failed: conclusion.num_failed,
            left_out,
            took,
        })
    }
}

/// libtest knows one filter; rows are chosen by any number of them.
fn arguments() -> (Arguments, Vec<String>) {
    let (beginnings, flags): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|argument| !argument.starts_with('-'));
    let program = std::env::args().take(1);
    let mut arguments = Arguments::from_iter(program.chain(flags));
    // One fabric at a time, on a machine of two cores.
    arguments.test_threads = Some(1);
    (arguments, beginnings)
}

/// Root, `ip`, and nothing left of a run that died.
fn prepare() -> Result<()> {
    ensure!(
        nix::unistd::geteuid().is_root(),
        "it makes network namespaces: run it as root"
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

/// A row, from a function that says what went wrong.
pub fn row(name: &str, run: impl FnOnce() -> Result<()> + Send + 'static) -> Trial {
    Trial::test(name, move || {
        run().map_err(|error| Failed::from(format!("{error:#}")))
    })
}

/// What a thread gave back.
///
/// # Errors
/// When it failed or panicked.
pub fn joined<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    match thread.join() {
        Ok(outcome) => outcome,
        Err(_) => bail!("a thread of the suite panicked"),
    }
}

/// A line for the reader of the run; one that begins with `figure: ` is repeated by the gates.
pub fn say(line: &str) {
    // Nobody is served by a panic when stderr is closed.
    if writeln!(std::io::stderr(), "{line}").is_err() {
        std::process::abort();
    }
}
