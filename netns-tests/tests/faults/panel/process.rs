//! What a process uses, as its kernel counts it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// What must not grow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) resident_kib: u64,
    pub(crate) threads: usize,
    pub(crate) descriptors: usize,
}

impl Usage {
    /// What a process uses now.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let status = fs::read_to_string(folder(pid).join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next());
        Ok(Self {
            resident_kib: kib.context("no VmRSS")?.parse()?,
            threads: fs::read_dir(folder(pid).join("task"))?.count(),
            descriptors: fs::read_dir(folder(pid).join("fd"))?.count(),
        })
    }

    /// Memory has grown by no more than this, and nothing else at all.
    pub(crate) fn must_be_flat(&self, before: &Self, whose: &str, most_kib: u64) -> Result<u64> {
        let grown = self.resident_kib.saturating_sub(before.resident_kib);
        ensure!(
            grown <= most_kib
                && self.threads <= before.threads
                && self.descriptors <= before.descriptors,
            "{whose} grew: {before:?}, then {self:?}"
        );
        Ok(grown)
    }
}

/// CPU time of a daemon's datapath: of its threads `worker-0`, `worker-1` and so on.
pub(crate) fn datapath_time(pid: u32) -> Result<Duration> {
    let (mut total, mut workers) = (0, 0);
    for task in fs::read_dir(folder(pid).join("task"))? {
        let task = task?.path();
        if !fs::read_to_string(task.join("comm"))?.starts_with("worker-") {
            continue;
        }
        // The first of three numbers: nanoseconds on a processor.
        let times = fs::read_to_string(task.join("schedstat"))?;
        let time = times.split(' ').next().context("an empty schedstat")?;
        total += time.parse::<u64>()?;
        workers += 1;
    }
    ensure!(workers > 0, "process {pid} has no worker threads");
    Ok(Duration::from_nanos(total))
}

fn folder(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}"))
}
