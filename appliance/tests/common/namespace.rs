//! A network namespace of a test's own; needs root, `unshare`, `nsenter` and `ip`.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Ran;

/// A network namespace that lives as long as this; `unshare` holds it open.
#[derive(Debug)]
pub(crate) struct Namespace(std::process::Child);

impl Namespace {
    pub(crate) fn new() -> Self {
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", "echo ready; exec sleep 600"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = [0; 6];
        let out = child.stdout.as_mut().unwrap();
        std::io::Read::read_exact(out, &mut ready).unwrap();
        let namespace = Self(child);
        // Nobody announces himself on a TAP without IPv6: counters stay what the tests make them.
        namespace.sh("sysctl -qw net.ipv6.conf.default.disable_ipv6=1; ip link set lo up");
        namespace
    }

    /// The file that names it.
    pub(crate) fn path(&self) -> String {
        format!("/proc/{}/ns/net", self.0.id())
    }

    /// A program in the namespace; `nsenter` becomes it, so its process id stays.
    pub(crate) fn enter(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--net", "--target", &self.0.id().to_string(), "--", program]);
        command
    }

    /// Runs a shell script in it.
    pub(crate) fn sh(&self, script: &str) -> Ran {
        let output = self.enter("sh").args(["-c", script]).output();
        output.unwrap().into()
    }

    /// `skerry` in it.
    pub(crate) fn skerry(&self) -> Command {
        self.enter(env!("CARGO_BIN_EXE_skerry"))
    }

    /// Runs a daemon that is expected to end by itself.
    pub(crate) fn run(&self, dir: &Path) -> Ran {
        let mut command = self.skerry();
        command
            .args(["run", "--config", "node.toml"])
            .current_dir(dir);
        command.output().unwrap().into()
    }

    /// The interfaces in it, but for the loopback.
    pub(crate) fn links(&self) -> Vec<String> {
        let list = self.sh("ip -o link | cut -d: -f2").out;
        let names = list.lines().map(|it| it.trim().to_owned());
        names.filter(|it| it != "lo").collect()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
