//! Network namespaces with names of this run, removed with their guard, and after a crash by the
//! next run.

use std::fs;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use nix::sched::{CloneFlags, setns};

const FOLDER: &str = "/run/netns";
const PREFIX: &str = "skt";

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
        let name = format!("{PREFIX}{}-{suffix}", std::process::id());
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

/// Removes the namespaces of runs whose process is gone.
///
/// # Errors
/// When one of them cannot be removed.
pub fn sweep() -> Result<()> {
    for name in names()? {
        let owner = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('-'))
            .map(|(pid, _)| pid);
        let Some(owner) = owner.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit())) else {
            continue;
        };
        if !Path::new("/proc").join(owner).exists() {
            end_processes_in(&name)?;
            ip(&["netns", "delete", &name])?;
        }
    }
    Ok(())
}

/// Removes every namespace of this process: for a run that is being interrupted.
pub fn abandon() {
    let mine = format!("{PREFIX}{}-", std::process::id());
    for name in names()
        .unwrap_or_default()
        .iter()
        .filter(|name| name.starts_with(&mine))
    {
        let removed = end_processes_in(name).and_then(|()| ip(&["netns", "delete", name]));
        if let Err(error) = removed {
            eprintln_quietly(&format!("{name}: {error:#}"));
        }
    }
}

/// Names of the namespaces that this process still has.
///
/// # Errors
/// When the folder cannot be read.
pub fn mine() -> Result<Vec<String>> {
    let mine = format!("{PREFIX}{}-", std::process::id());
    Ok(names()?
        .into_iter()
        .filter(|name| name.starts_with(&mine))
        .collect())
}

fn names() -> Result<Vec<String>> {
    if !Path::new(FOLDER).exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(FOLDER)?.map(|entry| Ok(entry?.file_name()));
    let names: Result<Vec<_>> = entries.collect();
    Ok(names?
        .into_iter()
        .filter_map(|name| name.into_string().ok())
        .collect())
}

/// Daemons of a dead run: only a namespace of ours can hold them.
fn end_processes_in(name: &str) -> Result<()> {
    for pid in ip(&["netns", "pids", name])?.split_whitespace() {
        let pid = nix::unistd::Pid::from_raw(pid.parse()?);
        if pid != nix::unistd::Pid::this() {
            match nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL) {
                // It may have ended by itself meanwhile.
                Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// A line on stderr; a closed stderr is nobody's fault.
pub(crate) fn eprintln_quietly(line: &str) {
    use std::io::Write as _;
    drop(writeln!(std::io::stderr(), "{line}"));
}
