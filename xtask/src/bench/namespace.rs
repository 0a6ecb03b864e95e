//! A network namespace of the bench's own.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio, id};
use std::thread;

use anyhow::{Context, Result, bail};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

const PREFIX: &str = "skerry-bench-";

/// How long any single program that sets something up may take, in seconds.
const PATIENCE: &str = "10";

/// A namespace with a name. Dropped, the name is removed, and with the last program inside every
/// interface.
#[derive(Debug)]
pub(super) struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes it, with nothing in it but its loopback.
    pub(super) fn make(suffix: &str) -> Result<Self> {
        let name = format!("{PREFIX}{}-{suffix}", id());
        ip(&["netns", "add", &name])?;
        let made = Self { name };
        made.ip("link set lo up")?;
        Ok(made)
    }

    /// Removes what a run left that was killed.
    pub(super) fn sweep() -> Result<()> {
        let listed = ip(&["netns", "list"])?;
        let names = listed
            .lines()
            .filter_map(|line| line.split_whitespace().next());
        for name in names.filter(|name| abandoned(name)) {
            ip(&["netns", "del", name])?;
        }
        Ok(())
    }

    /// What `ip` calls it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where the kernel shows it.
    pub(super) fn path(&self) -> PathBuf {
        Path::new("/run/netns").join(&self.name)
    }

    /// `ip`, inside: what it printed.
    pub(super) fn ip(&self, words: &str) -> Result<String> {
        let mut all = vec!["-n", &self.name];
        all.extend(words.split_whitespace());
        ip(&all)
    }

    /// A program that will run inside, as a direct child of this process.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.name])
            .arg(program)
            .stdin(Stdio::null());
        command
    }

    /// Sets one of the kernel's variables inside, by its path below `/proc/sys/net`.
    pub(super) fn set(&self, variable: &str, value: &str) -> Result<()> {
        let path = Path::new("/proc/sys/net").join(variable);
        self.enter(|| {
            fs::write(&path, value).with_context(|| format!("cannot write {}", path.display()))
        })
    }

    /// Does something inside, on a thread of its own. Sockets that it makes stay inside.
    pub(super) fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let file = File::open(self.path()).with_context(|| format!("{} is gone", self.name))?;
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                    .context("cannot enter a namespace")?;
                work()
            });
            let ended = inside.join();
            ended.unwrap_or_else(|_| bail!("a thread in {} panicked", self.name))
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The next run sweeps what cannot be removed now.
        let _swept_later = ip(&["netns", "del", &self.name]);
    }
}

/// Whether a namespace is of a run that is over.
fn abandoned(name: &str) -> bool {
    let run = name
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split('-').next());
    run.is_some_and(|pid| !Path::new("/proc").join(pid).exists())
}

fn ip(words: &[&str]) -> Result<String> {
    let output = Command::new("timeout")
        .args([PATIENCE, "ip"])
        .args(words)
        .stdin(Stdio::null())
        .output()
        .context("cannot run ip")?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("`ip {}`: {}", words.join(" "), why.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_goes_on_keeps_its_namespaces() {
        assert!(!abandoned(&format!("{PREFIX}{}-h1", id())), "our own");
        assert!(abandoned(&format!("{PREFIX}999999999-h1")), "nobody's");
        assert!(!abandoned("blue"), "somebody else's");
    }
}
