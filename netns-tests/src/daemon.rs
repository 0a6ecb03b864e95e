//! One `skerry run` in its node's namespace, and the commands that talk to it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::netns::Netns;
use crate::topology::Node;

/// How long a daemon may take to stop when asked.
const STOP: Duration = Duration::from_secs(5);
/// Exit code of `skerry status` when something is not as it should be.
const DEGRADED: i32 = 5;
/// Lines of the log that a failure shows.
const TAIL: usize = 15;

/// The binary under test: `SKERRY_BIN`, or the one built beside the suite.
///
/// # Errors
/// When there is none, with the command that builds it.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("SKERRY_BIN") {
        let path = PathBuf::from(path);
        ensure!(
            path.is_file(),
            "SKERRY_BIN is {}, where no file is",
            path.display()
        );
        return Ok(path);
    }
    let suite = std::env::current_exe()?;
    let beside = suite.ancestors().nth(2).map(|folder| folder.join("skerry"));
    beside
        .filter(|path| path.is_file())
        .context("there is no skerry beside this suite: `cargo build -p skerry`, or set SKERRY_BIN")
}

/// Runs `skerry` with arguments, outside any node.
///
/// # Errors
/// When it cannot be started; its exit code is the caller's business.
pub fn skerry(arguments: &[&str], stdin: &str) -> Result<Output> {
    let mut child = Command::new(binary()?)
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("skerry cannot be started")?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(stdin.as_bytes())?;
    }
    Ok(child.wait_with_output()?)
}

/// One node.
#[derive(Debug)]
pub struct Daemon {
    /// Which one.
    pub node: Node,
    /// Where it runs.
    pub netns: Arc<Netns>,
    folder: PathBuf,
    child: Option<Child>,
}

impl Daemon {
    /// Prepares a node that does not run yet.
    pub fn new(node: Node, netns: Netns, folder: &Path) -> Self {
        Self {
            node,
            netns: Arc::new(netns),
            folder: folder.to_owned(),
            child: None,
        }
    }

    /// Its node file.
    pub fn config(&self) -> PathBuf {
        self.folder.join(format!("{}.toml", self.node))
    }

    /// Its control socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(format!("{}.sock", self.node))
    }

    /// Where its stderr goes.
    pub fn log_file(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.node))
    }

    /// Starts it; it is ready when its socket answers.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub fn start(&mut self) -> Result<()> {
        self.start_under(&[])
    }

    /// Starts it by way of another program, which becomes it (`exec`), such as `prlimit`.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub fn start_under(&mut self, before: &[&str]) -> Result<()> {
        ensure!(self.child.is_none(), "{} runs already", self.node);
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())?;
        let binary = binary()?;
        let mut command = match before {
            [] => Command::new(binary),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(binary);
                command
            }
        };
        command
            .arg("run")
            .arg("--config")
            .arg(self.config())
            .env("NO_COLOR", "1");
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        // A child inherits the namespace of the thread that starts it.
        let child = self
            .netns
            .enter(|| command.spawn())?
            .context("skerry run cannot be started")?;
        self.child = Some(child);
        Ok(())
    }

    /// Process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// The exit status when it ended by itself.
    ///
    /// # Errors
    /// When the system cannot say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self
            .child
            .as_mut()
            .map(Child::try_wait)
            .transpose()?
            .flatten())
    }

    /// Fails when the daemon is no more, and says its last words.
    ///
    /// # Errors
    /// When it does not run.
    pub fn must_run(&mut self) -> Result<()> {
        match self.ended()? {
            None if self.child.is_some() => Ok(()),
            ended => bail!(
                "{} does not run ({ended:?}):\n{}",
                self.node,
                self.last_words()
            ),
        }
    }

    /// Kills it as a power cut would.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self) -> Result<()> {
        let mut child = self
            .child
            .take()
            .with_context(|| format!("{} does not run", self.node))?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self
            .pid()
            .with_context(|| format!("{} does not run", self.node))?;
        Ok(kill(Pid::from_raw(i32::try_from(pid)?), signal)?)
    }

    /// Asks it to stop, and waits.
    ///
    /// # Errors
    /// When it does not stop in time, or stops with an error.
    pub fn stop(&mut self) -> Result<()> {
        self.signal(Signal::SIGTERM)?;
        let status = self.wait(STOP)?;
        ensure!(
            status.success(),
            "{} stopped with {status}:\n{}",
            self.node,
            self.last_words()
        );
        Ok(())
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When it still runs after the limit; then it is killed.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.ended()? {
                self.child = None;
                return Ok(status);
            }
            if Instant::now() > deadline {
                self.kill()?;
                bail!("{} did not end within {limit:?}", self.node);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Runs a client command against this daemon.
    ///
    /// # Errors
    /// When `skerry` cannot be started.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        let socket = self.socket();
        let socket = socket.to_str().context("a socket's path is not text")?;
        let mut all = arguments.to_vec();
        all.extend(["--socket", socket]);
        skerry(&all, "")
    }

    /// Runs a client command that must succeed.
    ///
    /// # Errors
    /// With what the command said.
    pub fn must(&self, arguments: &[&str]) -> Result<String> {
        self.must_end(arguments, &[0])
    }

    /// Runs a client command with `--json` and reads its answer; bad news are news too.
    ///
    /// # Errors
    /// With what the command said, or when the answer is not JSON.
    pub fn facts(&self, command: &str) -> Result<Value> {
        let text = self.must_end(&[command, "--json"], &[0, DEGRADED])?;
        serde_json::from_str(&text)
            .with_context(|| format!("skerry {command} --json said {text:?}"))
    }

    fn must_end(&self, arguments: &[&str], codes: &[i32]) -> Result<String> {
        let output = self.run(arguments)?;
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(
            output
                .status
                .code()
                .is_some_and(|code| codes.contains(&code)),
            "{}: skerry {} ended with {}: {}",
            self.node,
            arguments.join(" "),
            output.status,
            words.trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(self.log_file()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let from = lines.len().saturating_sub(TAIL);
        lines
            .get(from..)
            .unwrap_or_default()
            .iter()
            .map(|line| format!("    {} {line}\n", self.node))
            .collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.child.is_some() && self.stop().is_err() && self.child.is_some() {
            // The namespace goes next, and everything in it.
            drop(self.kill());
        }
    }
}
