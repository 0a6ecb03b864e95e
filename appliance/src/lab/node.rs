//! A node of the lab: its files, its namespace and the real daemon that runs there.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use serde::de::DeserializeOwned;
use skerry_overlay_io::netns::Namespace;

use crate::control_socket::{Client, Command as Ask};
use crate::exit::Exit;
use crate::key::Key;
use crate::lab::plan::NodePlan;
use crate::lab::site;

/// This very program, whatever has become of its file.
const MYSELF: &str = "/proc/self/exe";
/// How long a daemon may take to stop before it is killed.
const MERCY: Duration = Duration::from_secs(3);

/// The files of a node, before its daemon runs.
#[derive(Debug)]
pub(super) struct NodeFiles {
    pub(super) plan: &'static NodePlan,
    directory: PathBuf,
}

impl NodeFiles {
    /// Writes the key and the node file into a directory of the node's own, and returns the public
    /// key for the site file.
    pub(super) fn create(plan: &'static NodePlan, root: &Path) -> Result<(Self, String)> {
        let directory = root.join(plan.name);
        std::fs::create_dir(&directory)?;
        let key = Key::generate()?;
        key.create(&directory.join(format!("{}.key", plan.name)))?;
        let files = Self { plan, directory };
        std::fs::write(files.config(), site::node_file(plan, &files.control()))?;
        Ok((files, crate::key::public_text(&key.public())))
    }

    /// Writes what the node will load next.
    pub(super) fn write_site(&self, text: &str) -> Result<()> {
        Ok(std::fs::write(self.directory.join("site.toml"), text)?)
    }

    fn config(&self) -> PathBuf {
        self.directory.join("node.toml")
    }

    fn control(&self) -> PathBuf {
        self.directory.join("control.sock")
    }
}

/// A running node.
#[derive(Debug)]
pub(super) struct Node {
    files: NodeFiles,
    child: Child,
    log: PathBuf,
    client: Option<Client>,
    started: Instant,
}

impl Node {
    /// Starts the daemon in its namespace; its words go to `log`, which can be read at `log_path`.
    pub(super) fn start(
        files: NodeFiles,
        namespace: &Namespace,
        log: File,
        log_path: PathBuf,
    ) -> Result<Self> {
        let child = Command::new(MYSELF)
            .arg("lab-node")
            .arg(namespace.path())
            .arg(files.config())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C is for the lab, which then stops its daemons in order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start the daemon of {}", files.plan.name))?;
        Ok(Self {
            files,
            child,
            log: log_path,
            client: None,
            started: Instant::now(),
        })
    }

    pub(super) const fn plan(&self) -> &'static NodePlan {
        self.files.plan
    }

    /// Where its daemon listens for questions.
    pub(super) fn control(&self) -> PathBuf {
        self.files.control()
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// When the daemon was started.
    pub(super) const fn started(&self) -> Instant {
        self.started
    }

    /// Whether the daemon answers already; an error once it is gone.
    pub(super) fn is_up(&mut self) -> Result<bool> {
        self.check()?;
        if self.client.is_none() {
            self.client = Client::connect(&self.files.control()).ok();
        }
        Ok(self.client.is_some())
    }

    /// An error, with the daemon's last words, once it is gone.
    pub(super) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.gone(&status.to_string())),
        }
    }

    /// Asks the daemon for facts.
    pub(super) fn ask<T: DeserializeOwned>(&mut self, ask: Ask) -> Result<T> {
        self.check()?;
        let name = self.files.plan.name;
        let what = format!("{ask:?}");
        let reply = match &mut self.client {
            Some(client) => client.ask(ask),
            None => bail!("{name} does not listen yet"),
        }
        .map_err(|error| anyhow!("{name}: {error}\n{}", last_words(&self.log)))?;
        // A degraded node still tells its facts.
        if reply.exit == Exit::Good as u8 || reply.exit == Exit::Degraded as u8 {
            return serde_json::from_value(reply.facts)
                .with_context(|| format!("{name}: the answer to {what} has an unknown shape"));
        }
        bail!("{name} refused {what}: {}", reply.words)
    }

    /// Loads a site file; returns when every worker of the node runs it.
    pub(super) fn load(&mut self, text: &str) -> Result<()> {
        self.files.write_site(text)?;
        self.ask::<serde_json::Value>(Ask::Reload).map(drop)
    }

    /// User and system CPU time of the daemon so far (proc_pid_stat(5), fields 14 and 15).
    pub(super) fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()))?;
        let ticks = cpu_ticks(&stat).context("/proc/PID/stat has an unknown format")?;
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_millis(ticks * 1000 / per_second.max(1)))
    }

    fn gone(&self, how: &str) -> anyhow::Error {
        let name = self.files.plan.name;
        anyhow!(
            "the daemon of {name} ended ({how}); its last words:\n{}",
            last_words(&self.log)
        )
    }

    /// Stops the daemon: politely, then not.
    pub(super) fn stop(&mut self) -> Result<()> {
        self.client = None;
        if self.child.try_wait()?.is_none() {
            kill_process(pid(&self.child)?, Signal::TERM)?;
        }
        let deadline = Instant::now() + MERCY;
        while Instant::now() < deadline {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.child.kill()?;
        self.child.wait()?;
        bail!(
            "the daemon of {} did not stop within {} s and was killed",
            self.files.plan.name,
            MERCY.as_secs()
        )
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Stopped already on the good path; on the others there is nobody to tell.
        drop(self.stop());
    }
}

/// `skerry lab-node`: becomes the daemon of one node. It dies with the lab, whatever the lab
/// dies of.
pub(super) fn become_daemon(namespace: &Path, config: &Path) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    Namespace::open(namespace)?.enter()?;
    let error = Command::new(MYSELF)
        .arg("run")
        .arg("--config")
        .arg(config)
        .exec();
    Err(error).context("cannot become the daemon")
}

fn pid(child: &Child) -> Result<Pid> {
    let raw = i32::try_from(child.id())?;
    Pid::from_raw(raw).context("a process has a number")
}

fn last_words(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines
        .get(lines.len().saturating_sub(12)..)
        .unwrap_or_default();
    last.iter().map(|line| format!("    | {line}\n")).collect()
}

/// The name in field 2 may hold spaces and parentheses; the fields count from its last one.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_any_name() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 70 30 0 0 20 0 5 0 100";
        for name in ["skerry", "a b", "a) (b"] {
            assert_eq!(
                cpu_ticks(&format!("12 ({name}) {rest}")),
                Some(100),
                "{name}"
            );
        }
        for bad in ["", "12 skerry S 1", "12 (skerry) S 1 2"] {
            assert_eq!(cpu_ticks(bad), None, "{bad:?}");
        }
    }
}
