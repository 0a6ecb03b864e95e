//! A program in the background, and the CPU time that it has used.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};

/// How long it may take to end when asked.
const PATIENCE: Duration = Duration::from_secs(3);

/// A running program. Dropped, it is asked to end, then killed.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
}

impl Process {
    /// Starts it, with its output in a file.
    pub(super) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = command
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot run {command:?}"))?;
        Ok(Self { child })
    }

    /// Its number.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Keeps all of its threads on one processor, and those that they will start.
    pub(super) fn keep_on(&self, processor: usize) -> Result<()> {
        let mut set = CpuSet::new();
        set.set(processor);
        let tasks = format!("/proc/{}/task", self.child.id());
        for task in fs::read_dir(&tasks).with_context(|| format!("cannot read {tasks}"))? {
            let number = task?.file_name().to_string_lossy().parse()?;
            sched_setaffinity(Pid::from_raw(number), &set)
                .with_context(|| format!("cannot keep a thread on processor {processor}"))?;
        }
        Ok(())
    }

    /// CPU time of all of its threads so far, in nanoseconds, as the scheduler counts it.
    pub(super) fn cpu(&self) -> Result<u64> {
        Ok(self.threads()?.iter().map(|(_, spent)| spent).sum())
    }

    /// The same, thread by thread, with their names.
    pub(super) fn threads(&self) -> Result<Vec<(String, u64)>> {
        let tasks = format!("/proc/{}/task", self.child.id());
        let mut threads = Vec::new();
        for task in fs::read_dir(&tasks).with_context(|| format!("cannot read {tasks}"))? {
            let task = task?.path();
            let read = |name| fs::read_to_string(task.join(name));
            // A thread may end between the listing and the reading.
            if let (Ok(name), Ok(schedstat)) = (read("comm"), read("schedstat")) {
                threads.push((name.trim().to_owned(), nanoseconds(&schedstat)?));
            }
        }
        Ok(threads)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.child.id())
            && let Some(pid) = Pid::from_raw(pid)
        {
            // It may have ended already.
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            sleep(Duration::from_millis(10));
        }
        let _dead = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The first number of a `schedstat`: time on a CPU.
fn nanoseconds(schedstat: &str) -> Result<u64> {
    let first = schedstat.split_whitespace().next();
    let first = first.context("an empty schedstat")?;
    first
        .parse()
        .with_context(|| format!("not a time: {first}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_on_a_cpu_comes_first() {
        assert_eq!(nanoseconds("1234567 89 10\n").unwrap(), 1_234_567);
        assert!(nanoseconds("").is_err(), "nothing is not zero");
    }
}
