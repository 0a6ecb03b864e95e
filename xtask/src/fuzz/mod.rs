//! Fuzzing: every target for a while, side by side on the machine's cores.

mod build;
mod report;
mod run;
mod target;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::command::{Ended, cargo, run as run_command, say};
use build::Build;
use report::grouped;
use run::Ran;
use target::{TARGETS, Target};

/// How long one target runs in CI.
const SMOKE_SECONDS: u64 = 5;

/// What to run, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Hours for each target.
    #[arg(long, conflicts_with = "seconds")]
    hours: Option<f64>,
    /// Seconds for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Only the targets with these names.
    #[arg(long = "target", value_name = "NAME")]
    targets: Vec<String>,
    /// How many run at a time; as many as there are cores unless given.
    #[arg(long)]
    jobs: Option<usize>,
    /// With AddressSanitizer: fewer inputs, for the `unsafe` code of what is linked in.
    #[arg(long)]
    address: bool,
    /// Afterwards, fold what was found into the committed corpora.
    #[arg(long)]
    minimise: bool,
}

impl Options {
    fn seconds(&self) -> Result<u64> {
        match self.hours {
            None => Ok(self.seconds),
            Some(hours) if (0.0..=1_000.0).contains(&hours) => {
                Ok(std::time::Duration::from_secs_f64(hours * 3_600.0).as_secs())
            }
            Some(hours) => bail!("{hours} hours are none, or too many"),
        }
    }

    fn targets(&self) -> Result<Vec<Target>> {
        if self.targets.is_empty() {
            return Ok(TARGETS.to_vec());
        }
        let find = |name: &String| TARGETS.iter().find(|it| it.name == name).copied();
        let found = self.targets.iter().map(|name| {
            let names = || TARGETS.map(|it| it.name).join(", ");
            find(name).with_context(|| format!("no target {name}; there are {}", names()))
        });
        found.collect()
    }
}

/// Builds and runs the targets. True when nothing failed.
pub(crate) fn run(root: &Path, options: &Options) -> Result<bool> {
    let (targets, seconds) = (options.targets()?, options.seconds()?);
    let build = if options.address {
        Build::Address
    } else {
        Build::Plain
    };
    build.make(root, &targets)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let ran = side_by_side(&targets, options.jobs.unwrap_or(cores), |target| {
        run::run(root, build, target, seconds)
    })?;
    let (mut inputs, mut crashes) = (0, 0);
    for (target, ran) in &ran {
        say(&line(target, ran));
        for crash in &ran.crashes {
            say(&format!("{}: {}", target.name, crash.display()));
            say(&format!(
                "to keep it: cp it to overlay/fuzz/crashes/{}/",
                target.name
            ));
        }
        if !ran.tail.is_empty() {
            say(&ran.tail);
        }
        inputs += ran.report.inputs;
        crashes += ran.crashes.len();
        note(root, target, ran)?;
    }
    say(&format!(
        "{} inputs in all, {crashes} crashes",
        grouped(inputs)
    ));
    if options.minimise && crashes == 0 {
        for target in &targets {
            let kept = run::minimise(root, build, target)?;
            say(&format!("{:<12} {kept} inputs are kept", target.name));
        }
    }
    Ok(crashes == 0)
}

/// The smoke test of `cargo xtask test`. By way of cargo: an earlier set may have built this very
/// program anew.
pub(crate) fn run_as_set(root: &Path, name: &str) -> Result<Ended> {
    let seconds = SMOKE_SECONDS.to_string();
    let arguments = ["xtask", "fuzz", "--seconds", &seconds];
    run_command(root, name, &mut cargo(root, &arguments))
}

/// Runs the targets, so many at a time, and gives their results in their own order.
fn side_by_side(
    targets: &[Target],
    jobs: usize,
    run: impl Fn(&Target) -> Result<Ran> + Sync,
) -> Result<Vec<(Target, Ran)>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, targets.len().max(1)) {
            scope.spawn(|| {
                while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let ran = run(target);
                    if let Ok(mut done) = done.lock() {
                        done.push((target.name, ran));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    let take = |target: &Target| {
        let place = done.iter().position(|(name, _)| *name == target.name);
        let (_, ran) = done.swap_remove(place.context("every target was run")?);
        Ok((*target, ran?))
    };
    targets.iter().map(take).collect()
}

fn line(target: &Target, ran: &Ran) -> String {
    let report = &ran.report;
    let rate = report.inputs / ran.took.as_secs().max(1);
    format!(
        "figure: fuzz {}: {} inputs, {}/s, {} edges, {} in the corpus, {} MiB, {} crashes",
        target.name,
        grouped(report.inputs),
        grouped(rate),
        grouped(report.edges),
        report.corpus,
        report.peak_mib,
        ran.crashes.len()
    )
}

/// Adds the run to the log of all runs in this checkout.
fn note(root: &Path, target: &Target, ran: &Ran) -> Result<()> {
    let path = root.join("target/fuzz/runs.tsv");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let (name, inputs) = (target.name, ran.report.inputs);
    let (seconds, crashes) = (ran.took.as_secs(), ran.crashes.len());
    writeln!(file, "{name}\t{inputs}\t{seconds}\t{crashes}")
        .with_context(|| format!("cannot write {}", path.display()))
}
