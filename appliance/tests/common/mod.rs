//! Runs the built binary.
#![allow(dead_code, reason = "every test binary uses its own part of this")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]

pub(crate) mod daemon;
pub(crate) mod namespace;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A site of one node whose key is Alice's of RFC 7748 section 6.1.
pub(crate) const SITE: &str = r#"version = 1
[node]
n1 = { key = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=", overlay = "100.64.0.1" }
[pvlan.blue]
primary = 20100
isolated = 20101
community = { web = 20102 }
subnets = ["10.1.0.0/24"]
[port.n1]
gw = { as = "blue.promiscuous", ip = ["10.1.0.1"], gateway = true }
i1 = { as = "blue.isolated", ip = ["10.1.0.11"] }
w1 = { as = "blue.web", ip = ["10.1.0.21"] }
"#;

/// The private key that belongs to [`SITE`].
pub(crate) const KEY: &str = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n";

/// The command, without anything of the tester's environment that it would look at.
pub(crate) fn skerry() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skerry"));
    for variable in [
        "SKERRY_SOCKET",
        "SKERRY_LOG",
        "NOTIFY_SOCKET",
        "JOURNAL_STREAM",
    ] {
        command.env_remove(variable);
    }
    command
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Fails with everything the command said unless it ended as expected.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout: {}\nstderr: {}",
            self.out, self.err
        );
        self
    }

    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(
            self.err.contains(words),
            "no {words:?} in stderr: {}",
            self.err
        );
        self
    }

    #[track_caller]
    pub(crate) fn prints(self, words: &str) -> Self {
        assert!(
            self.out.contains(words),
            "no {words:?} in stdout: {}",
            self.out
        );
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error} in stdout: {}\nstderr: {}", self.out, self.err))
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs `skerry` in a folder.
pub(crate) fn run(dir: &Path, args: &[&str]) -> Ran {
    let output = skerry()
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output();
    output.unwrap().into()
}

/// Runs `skerry` in a folder with something on stdin.
pub(crate) fn run_with(dir: &Path, args: &[&str], stdin: &str) -> Ran {
    let mut command = skerry();
    command.args(args).current_dir(dir);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(stdin.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap().into()
}

/// A folder with files in it.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(&dir.path().join(name), text);
    }
    dir
}

/// Writes a file; a key gets the mode that a key must have.
pub(crate) fn write(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    if path.extension().is_some_and(|it| it == "key") {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}
