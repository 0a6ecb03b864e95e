//! `skerry panel` as a process, and what it says.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use skerry_netns_tests::daemon::{Daemon, binary};

/// It ends by itself, should the suite be killed.
const LIFE_S: &str = "300";

/// A panel of a daemon's. Dropping it kills it, whatever state it is in.
#[derive(Debug)]
pub(crate) struct Show {
    child: Child,
    /// Where its words for people go.
    words: PathBuf,
    said: Arc<Mutex<Vec<(Instant, String)>>>,
    reader: Option<JoinHandle<()>>,
}

impl Show {
    /// Starts it at a link such as `emulated`.
    pub(crate) fn start(daemon: &Daemon, link: &str) -> Result<Self> {
        let words = daemon.log_file().with_extension("panel");
        let mut command = Command::new(binary()?);
        command
            .args(["panel", "--json", "--seconds", LIFE_S, "--link", link])
            .arg("--socket")
            .arg(daemon.socket())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&words)?);
        let mut child = command.spawn().context("skerry panel cannot be started")?;
        let out = child.stdout.take().context("no pipe")?;
        let said = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&said);
        let reader = std::thread::Builder::new()
            .name("panel".into())
            .spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    if let Some(event) = event(&line) {
                        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                        log.push((Instant::now(), event));
                    }
                }
            })?;
        Ok(Self {
            child,
            words,
            said,
            reader: Some(reader),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill(Pid::from_raw(i32::try_from(self.pid())?), signal)?)
    }

    /// When it first told of an event since a moment.
    pub(crate) fn told(&self, event: &str, since: Instant) -> Option<Instant> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |(at, name): &&(Instant, String)| *at >= since && name == event;
        said.iter().find(is_it).map(|(at, _)| *at)
    }

    /// How long after a moment it told of an event.
    pub(crate) fn await_event(
        &self,
        event: &str,
        since: Instant,
        limit: Duration,
    ) -> Result<Duration> {
        while since.elapsed() < limit {
            if let Some(at) = self.told(event, since) {
                return Ok(at.duration_since(since));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let events: Vec<&str> = said.iter().map(|(_, name)| name.as_str()).collect();
        let words = fs::read_to_string(&self.words).unwrap_or_default();
        bail!("the panel did not say {event:?} within {limit:?}, but {events:?}: {words}");
    }
}

/// The name of an event in a line of JSON.
fn event(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    Some(line["event"].as_str()?.to_owned())
}

impl Drop for Show {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
    }
}
