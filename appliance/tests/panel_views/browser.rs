//! Chromium without a window, driven by its own protocol ("Chrome DevTools Protocol") over a pair
//! of pipes: no port is open, and a browser whose pipes are closed ends by itself.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::PATIENCE;

/// It reads commands from its third descriptor and writes answers to its fourth.
const START: &str = "exec chromium \"$@\" 3<&0 4>&1 </dev/null >/dev/null";
/// Nothing that is not about one page: no sandbox, since root has none, and nothing from outside.
const FLAGS: [&str; 19] = [
    "--remote-debugging-pipe",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-proxy-server",
];
/// How long it may take to end when it is asked to.
const FAREWELL: Duration = Duration::from_secs(5);

/// A browser with one empty page; ended when dropped, with all its processes and files.
#[derive(Debug)]
pub(crate) struct Browser {
    child: Child,
    commands: ChildStdin,
    answers: Receiver<Value>,
    number: u64,
    /// The page.
    session: Option<String>,
    /// What it told unasked.
    notes: Vec<Value>,
    home: TempDir,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut child = spawn(home.path());
        let (commands, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, answers) = channel();
        // The thread ends with the browser.
        thread::spawn(move || {
            for message in BufReader::new(out).split(0).map_while(Result::ok) {
                drop(sender.send(serde_json::from_slice(&message).unwrap()));
            }
        });
        let mut browser = Self {
            child,
            commands,
            answers,
            number: 0,
            session: None,
            notes: Vec::new(),
            home,
        };
        let page = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let target = json!({"targetId": page["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", target);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        browser
    }

    /// Has it do something; returns what it answers.
    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        let number = self.send(method, parameters).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(mut message) = self.answers.recv_timeout(left) else {
                panic!("no answer to {method}: {}", self.log());
            };
            if message["id"] != number {
                self.notes.push(message);
            } else if message["error"].is_null() {
                return message["result"].take();
            } else {
                panic!("{method}: {message}");
            }
        }
    }

    fn send(&mut self, method: &str, parameters: Value) -> std::io::Result<u64> {
        self.number += 1;
        let mut command = json!({"id": self.number, "method": method});
        command["params"] = parameters;
        if let Some(session) = &self.session {
            command["sessionId"] = session.as_str().into();
        }
        self.commands.write_all(format!("{command}\0").as_bytes())?;
        Ok(self.number)
    }

    /// What it has told unasked so far, by the name of what happened.
    pub(crate) fn notes(&mut self, method: &str) -> Vec<&Value> {
        self.notes.extend(self.answers.try_iter());
        let notes = self.notes.iter().filter(|it| it["method"] == method);
        notes.map(|it| &it["params"]).collect()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }

    fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)) | Err(_))
    }
}

/// In a process group of its own, with all its files in a folder of its own.
fn spawn(home: &Path) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", START, "chromium"]).args(FLAGS);
    command.arg(format!(
        "--user-data-dir={}",
        home.join("profile").display()
    ));
    command.arg("about:blank");
    command.env("HOME", home).env("TMPDIR", home);
    for variable in [
        "DISPLAY",
        "DBUS_SESSION_BUS_ADDRESS",
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
        "XDG_RUNTIME_DIR",
    ] {
        command.env_remove(variable);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(File::create(home.join("log")).unwrap());
    command.process_group(0).spawn().unwrap()
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.session = None;
        // One that is asked ends its helpers first. It may be gone, or deaf, though.
        drop(self.send("Browser.close", json!({})));
        let deadline = Instant::now() + FAREWELL;
        while !self.has_ended() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        let group = Pid::from_child(&self.child);
        let _nobody_left = kill_process_group(group, Signal::KILL);
        drop(self.child.wait());
        // A helper that has just been killed may still have written something.
        while std::fs::remove_dir_all(self.home.path()).is_err() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
    }
}
