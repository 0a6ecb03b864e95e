//! A running daemon without ports: it needs no root, and everything but frames can be tried on it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{KEY, Ran, SITE, folder, run, skerry, write};

/// How long a daemon may take for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// [`SITE`] with its ports on a node that is not this one.
pub(crate) fn portless(site: &str) -> String {
    let other =
        r#"n2 = { key = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=", overlay = "100.64.0.2" }"#;
    site.replace("[pvlan.blue]", &format!("{other}\n[pvlan.blue]"))
        .replace("[port.n1]", "[port.n2]")
}

/// The node file that goes with it.
pub(crate) const NODE: &str = "\
node = 'n1'
site = 'site.toml'
key = 'n1.key'
listen = '127.0.0.1:0'
control = 'n1.sock'
state = 'state'
";

/// A folder with everything a node needs.
pub(crate) fn node_folder() -> tempfile::TempDir {
    let site = portless(SITE);
    folder(&[("site.toml", &site), ("node.toml", NODE), ("n1.key", KEY)])
}

/// A daemon that runs in a folder; killed when dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    dir: PathBuf,
    child: Child,
}

impl Daemon {
    /// Starts it and waits until it answers.
    #[track_caller]
    pub(crate) fn start(dir: &Path) -> Self {
        Self::start_as(dir, skerry())
    }

    /// Starts it by a command of the test's own.
    #[track_caller]
    pub(crate) fn start_as(dir: &Path, mut command: Command) -> Self {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(dir.join("log"))
            .unwrap();
        command
            .args(["run", "--config", "node.toml"])
            .current_dir(dir);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = command.spawn().unwrap();
        let mut daemon = Self {
            dir: dir.to_owned(),
            child,
        };
        daemon.await_answer();
        daemon
    }

    fn await_answer(&mut self) {
        until("the daemon to answer", || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", log(&self.dir));
            self.ask(&["counters", "--json"]).code == 0
        });
    }

    /// Runs a command against it.
    pub(crate) fn ask(&self, args: &[&str]) -> Ran {
        run(&self.dir, &[args, &["--socket", "n1.sock"]].concat())
    }

    /// `(generation, digest)` as it says.
    pub(crate) fn generation(&self) -> (u64, String) {
        let facts = self.ask(&["counters", "--json"]).exits(0).json();
        let digest = facts["digest"].as_str().unwrap().to_owned();
        (facts["generation"].as_u64().unwrap(), digest)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .unwrap();
        assert!(sent.success(), "kill -s {name} {id}");
    }

    /// Waits for it to end.
    pub(crate) fn wait(mut self) -> Option<i32> {
        until("the daemon to end", || {
            self.child.try_wait().unwrap().is_some()
        });
        self.child.wait().unwrap().code()
    }

    /// The site file it reads.
    pub(crate) fn write_site(&self, text: &str) {
        write(&self.dir.join("site.toml"), text);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Most have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What the daemons of a folder have logged.
pub(crate) fn log(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("log")).unwrap_or_default()
}

/// Waits for something to become true.
#[track_caller]
pub(crate) fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let start = Instant::now();
    while !reached() {
        assert!(start.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
