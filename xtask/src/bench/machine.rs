//! The machine that everything shares: how busy it is, and what it is.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity};

/// `/proc/stat` counts in hundredths of a second on every Linux that runs Rust.
const TICK: f64 = 0.01;

/// Less than this many busy CPUs is quiet.
const QUIET: f64 = 0.25;

/// How long to wait for quiet before measuring anyway.
const PATIENCE: Duration = Duration::from_secs(15);

/// CPU seconds that all CPUs together have been busy for, since boot.
pub(super) fn busy() -> Result<f64> {
    let stat = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    Ok(busy_ticks(&stat)? * TICK)
}

/// Everything but idle, waiting for disks, and what a hypervisor took away.
fn busy_ticks(stat: &str) -> Result<f64> {
    let line = stat.lines().next().context("an empty /proc/stat")?;
    let fields: Result<Vec<f64>, _> = line.split_whitespace().skip(1).map(str::parse).collect();
    let fields = fields.context("/proc/stat has no numbers")?;
    let field = |index: usize| fields.get(index).copied().unwrap_or(0.0);
    // user, nice, system, irq, softirq.
    Ok([0, 1, 2, 5, 6].into_iter().map(field).sum())
}

/// Waits, within bounds, until others leave the machine alone. Returns how many CPUs they keep busy.
pub(super) fn wait_for_quiet() -> Result<f64> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (start, before) = (Instant::now(), busy()?);
        sleep(Duration::from_millis(700));
        let cpus = (busy()? - before) / start.elapsed().as_secs_f64();
        if cpus < QUIET || Instant::now() > deadline {
            return Ok(cpus);
        }
    }
}

/// Processes that ran or wanted to, on average over the last minute.
pub(super) fn load() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg").context("cannot read /proc/loadavg")?;
    let first = text.split_whitespace().next().context("an empty load")?;
    first.parse().with_context(|| format!("no load: {first}"))
}

/// The processors that this process may use, in order.
pub(super) fn processors() -> Result<Vec<usize>> {
    let allowed = sched_getaffinity(None).context("cannot tell the processors")?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|it| allowed.is_set(*it))
        .collect())
}

/// Processors and kernel, in a line.
pub(super) fn describe() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cpus} CPUs ({model}), Linux {}", kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_waiting_and_stolen_time_is_not_busy() {
        let stat = "cpu  1 20 300 4000 50000 600000 7000000 80000000 0 0\ncpu0 9 9 9\n";
        assert!((busy_ticks(stat).unwrap() - 7_600_321.0).abs() < 0.1);
    }
}
