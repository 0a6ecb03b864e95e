//! One run of one target, and the folding of what it found into the repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::build::Build;
use super::report::Report;
use super::target::Target;
use crate::command::run as run_command;

/// An input may take this long, and the process use this much memory.
const SECONDS_PER_INPUT: u32 = 5;
const MEMORY_MIB: u32 = 1_024;

/// The folders of a target.
pub(super) struct Folders {
    /// What is committed, and what the run finds.
    pub(super) committed: PathBuf,
    pub(super) found: PathBuf,
    pub(super) crashes: PathBuf,
}

impl Folders {
    pub(super) fn of(root: &Path, target: &Target) -> Result<Self> {
        let folders = Self {
            committed: root.join("overlay/fuzz/corpus").join(target.name),
            found: root.join("target/fuzz/corpus").join(target.name),
            crashes: root.join("target/fuzz/crashes").join(target.name),
        };
        for folder in [&folders.committed, &folders.found, &folders.crashes] {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        Ok(folders)
    }
}

/// What came of a run.
pub(super) struct Ran {
    pub(super) report: Report,
    pub(super) took: Duration,
    /// Inputs that failed, were too slow, or used too much.
    pub(super) crashes: Vec<PathBuf>,
    /// The end of the log, when something failed.
    pub(super) tail: String,
}

/// Runs a target for so long, from the committed corpus and what earlier runs found.
pub(super) fn run(root: &Path, build: Build, target: &Target, seconds: u64) -> Result<Ran> {
    let folders = Folders::of(root, target)?;
    let before = files(&folders.crashes)?;
    let mut command = Command::new(build.program(root, target)?);
    command.arg(&folders.found).arg(&folders.committed);
    command.arg(format!("-artifact_prefix={}/", folders.crashes.display()));
    command.arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-max_len={}", target.longest));
    command.arg(format!("-timeout={SECONDS_PER_INPUT}"));
    command.arg(format!("-rss_limit_mb={MEMORY_MIB}"));
    command.args(["-print_final_stats=1", "-verbosity=1"]);
    if build == Build::Address {
        // Worlds are kept from input to input on purpose.
        command.env("ASAN_OPTIONS", "detect_leaks=0");
    }
    let start = Instant::now();
    let ended = run_command(root, &format!("fuzz-{}", target.name), &mut command)?;
    let took = start.elapsed();
    let mut crashes = files(&folders.crashes)?;
    crashes.retain(|file| !before.contains(file));
    if !ended.success && crashes.is_empty() {
        bail!("{} does not run:\n{}", target.name, ended.tail(20));
    }
    Ok(Ran {
        report: Report::read(&ended.output),
        took,
        tail: if ended.success {
            String::new()
        } else {
            ended.tail(40)
        },
        crashes,
    })
}

/// Replaces the committed corpus, but for the seeds, by the smallest set that takes the same edges
/// as it and all that was found.
pub(super) fn minimise(root: &Path, build: Build, target: &Target) -> Result<usize> {
    let folders = Folders::of(root, target)?;
    let merged = root.join("target/fuzz/merged").join(target.name);
    if merged.exists() {
        fs::remove_dir_all(&merged)?;
    }
    fs::create_dir_all(&merged)?;
    let mut command = Command::new(build.program(root, target)?);
    command.args(["-set_cover_merge=1", "-use_counters=0"]);
    command.arg(format!("-max_len={}", target.longest));
    command
        .arg(&merged)
        .arg(&folders.committed)
        .arg(&folders.found);
    let ended = run_command(root, &format!("fuzz-merge-{}", target.name), &mut command)?;
    let kept = files(&merged)?;
    if !ended.success || kept.is_empty() {
        bail!("{} cannot be minimised:\n{}", target.name, ended.tail(20));
    }
    // Those with names were written by hand, each for a reason that edges do not show.
    let found = files(&folders.committed)?;
    for file in found.iter().filter(|file| !is_seed(file)) {
        fs::remove_file(file)?;
    }
    for file in &kept {
        let name = file.file_name().context("a file has a name")?;
        fs::copy(file, folders.committed.join(name))?;
    }
    Ok(kept.len())
}

fn is_seed(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default();
    name.to_string_lossy().starts_with("seed-")
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    Ok(paths.collect::<Result<_, _>>()?)
}
