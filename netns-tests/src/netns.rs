//! Network namespaces with names of this run, removed with their guard.

use std::fs;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use nix::sched::{CloneFlags, setns};

use crate::traces;

/// Where `ip` keeps the names.
pub(crate) const FOLDER: &str = "/run/netns";

/// A named network namespace. Dropping it removes the name; links inside go with it.
#[derive(Debug)]
pub struct Netns {
    name: String,
}

impl Netns {
    /// Makes a namespace for this process: `skt<pid>-<suffix>`.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub fn create(suffix: &str) -> Result<Self> {
        let name = traces::own_name(suffix);
        ip(&["netns", "add", &name])?;
        let netns = Self { name };
        netns.quieten()?;
        Ok(netns)
    }

    /// No IPv6 of the kernel's own: a host says nothing that a test did not ask it to say.
    fn quieten(&self) -> Result<()> {
        self.enter(|| {
            for scope in ["all", "default"] {
                fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"), "1")
                    .context("IPv6 of a namespace cannot be switched off")?;
            }
            Ok(())
        })?
    }

    /// `/run/netns/skt1234-n1`.
    pub fn path(&self) -> PathBuf {
        Path::new(FOLDER).join(&self.name)
    }

    /// Runs a closure on a thread of its own inside the namespace.
    ///
    /// # Errors
    /// When the namespace is gone, or the closure panicked.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let file = File::open(self.path()).with_context(|| format!("{} is gone", self.name))?;
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                setns(&file, CloneFlags::CLONE_NEWNET).context("cannot enter a namespace")?;
                Ok(work())
            });
            inside
                .join()
                .unwrap_or_else(|_| bail!("a thread in {} panicked", self.name))
        })
    }

    /// Runs `ip` inside, and gives back what it printed.
    ///
    /// # Errors
    /// With `ip`'s own words.
    pub fn ip(&self, arguments: &str) -> Result<String> {
        let mut all = vec!["-n", self.name.as_str()];
        all.extend(arguments.split_whitespace());
        ip(&all)
    }

    /// Names of the interfaces inside, without the loopback.
    ///
    /// # Errors
    /// When the namespace is gone.
    pub fn links(&self) -> Result<Vec<String>> {
        let text = self.enter(|| fs::read_to_string("/proc/thread-self/net/dev"))??;
        let names = text
            .lines()
            .skip(2)
            .filter_map(|line| Some(line.split_once(':')?.0.trim()));
        Ok(names
            .filter(|name| *name != "lo")
            .map(str::to_owned)
            .collect())
    }

    /// Bytes and packets that an interface received, by the kernel's count.
    ///
    /// # Errors
    /// When there is no such interface.
    pub fn received(&self, link: &str) -> Result<(u64, u64)> {
        let text = self.enter(|| fs::read_to_string("/proc/thread-self/net/dev"))??;
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix(link)?.strip_prefix(':'));
        let mut fields = line
            .with_context(|| format!("{} has no {link}", self.name))?
            .split_whitespace();
        let mut next = || -> Result<u64> { Ok(fields.next().context("short line")?.parse()?) };
        Ok((next()?, next()?))
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        if let Err(error) = ip(&["netns", "delete", &self.name]) {
            eprintln_quietly(&format!("{}: {error:#}", self.name));
        }
    }
}

/// Runs `ip` and gives back what it printed.
///
/// # Errors
/// With `ip`'s own words.
pub fn ip(arguments: &[&str]) -> Result<String> {
    let output = Command::new("ip")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("`ip` cannot be run: install the package iproute2")?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "ip {}: {}",
        arguments.join(" "),
        words.trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A line on stderr; a closed stderr is nobody's fault.
pub(crate) fn eprintln_quietly(line: &str) {
    use std::io::Write as _;
    drop(writeln!(std::io::stderr(), "{line}"));
}
