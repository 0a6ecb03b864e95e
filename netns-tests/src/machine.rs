//! A machine without Skerry: the kernel's `vxlan` and bridge, WireGuard, and nothing to configure
//! them with but the lines that `skerry peer` prints.
//!
//! The lines are run as printed, one by one, by `sh` as root. Two things differ from a machine in
//! the field:
//!
//! - `ip link add wg0 type wireguard` is not run. `wireguard-go wg0` makes the device in its place:
//!   the kernel of a test machine need not have WireGuard.
//! - `/etc/wireguard` and `/run` are empty file systems of the machine's own, so that the key can
//!   stand where the lines expect it and two machines can both have a `wg0`.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::daemon::skerry;
use crate::netns::{Netns, eprintln_quietly};
use crate::underlay::Underlay;

/// The line that `wireguard-go` stands in for.
const DEVICE: &str = "ip link add wg0 type wireguard";
/// How long `wireguard-go` may take to make its device, and to end.
const START: Duration = Duration::from_secs(10);
/// Gives the machine its own file systems, then becomes `wireguard-go`.
const BOOT: &str = "mount -t tmpfs none /run && mount -t tmpfs none /etc/wireguard && \
                    cat > /etc/wireguard/wg0.key && exec wireguard-go -f wg0";

/// A printed line that the machine's kernel or tools refused.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The line, as printed.
    pub line: String,
    /// What was said about it.
    pub words: String,
}

/// One stock machine, until dropped.
#[derive(Debug)]
pub struct Stock {
    /// Its name in the site file.
    pub name: String,
    /// Where it is.
    pub netns: Netns,
    wireguard: Child,
}

impl Stock {
    /// A machine on the underlay, with a WireGuard device that knows nobody yet. `folder` takes
    /// the log, and has the private key as `<name>.key`.
    ///
    /// # Errors
    /// When the namespace, the link or `wireguard-go` cannot be had.
    pub fn boot(name: &str, address: &str, underlay: &Underlay, folder: &Path) -> Result<Self> {
        let netns = Netns::create(name)?;
        // A machine in the field has IPv6.
        netns.enter(|| fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "0"))??;
        underlay.plug(name, address, &netns, 1500)?;
        let log = File::create(folder.join(format!("{name}.log")))?;
        let key = File::open(folder.join(format!("{name}.key")))?;
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", BOOT])
            .env("WG_PROCESS_FOREGROUND", "1")
            .stdin(key)
            .stdout(log.try_clone()?)
            .stderr(log);
        let wireguard = netns
            .enter(|| command.spawn())?
            .context("`unshare` cannot be run")?;
        let mut machine = Self {
            name: name.to_owned(),
            netns,
            wireguard,
        };
        machine.await_device(folder)?;
        Ok(machine)
    }

    fn await_device(&mut self, folder: &Path) -> Result<()> {
        let deadline = Instant::now() + START;
        while !self.run("wg show wg0")?.status.success() {
            let ended = self.wireguard.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(folder.join(format!("{}.log", self.name)))?;
                bail!("wireguard-go made no device ({ended:?}): {}", log.trim());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Runs one line of shell on the machine.
    ///
    /// # Errors
    /// When it cannot be started; what it ended with is the caller's business.
    pub fn run(&self, line: &str) -> Result<Output> {
        let pid = self.wireguard.id().to_string();
        Command::new("nsenter")
            .args(["--target", &pid, "--mount", "--net", "sh", "-c", line])
            .stdin(Stdio::null())
            .output()
            .context("`nsenter` cannot be run")
    }

    /// Runs one line that must succeed, and gives back what it printed.
    ///
    /// # Errors
    /// With what it said.
    pub fn must(&self, line: &str) -> Result<String> {
        let output = self.run(line)?;
        let words = String::from_utf8_lossy(&output.stderr);
        let words = words.trim();
        ensure!(output.status.success(), "{}: {line}: {words}", self.name);
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs what `skerry peer` prints for this machine, and gives back the lines that failed.
    ///
    /// # Errors
    /// When `skerry peer` fails, or does not begin as this suite expects.
    pub fn configure(&self, site: &Path) -> Result<Vec<Refused>> {
        let site = site.to_str().context("a site file's path is not text")?;
        let printed = skerry(&["peer", site, &self.name], "")?;
        let words = String::from_utf8_lossy(&printed.stderr).into_owned();
        ensure!(printed.status.success(), "skerry peer: {}", words.trim());
        let printed = String::from_utf8(printed.stdout)?;
        let lines = printed.lines().map(str::trim);
        let lines: Vec<&str> = lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect();
        let made = lines.iter().filter(|line| **line == DEVICE).count();
        ensure!(made == 1, "{made} lines make wg0 in:\n{printed}");
        let mut refused = Vec::new();
        for line in lines.into_iter().filter(|line| *line != DEVICE) {
            let output = self.run(line)?;
            if !output.status.success() {
                refused.push(Refused {
                    line: line.to_owned(),
                    words: one_line(&output.stderr),
                });
            }
        }
        Ok(refused)
    }
}

fn one_line(words: &[u8]) -> String {
    let words = String::from_utf8_lossy(words);
    words.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

impl Drop for Stock {
    fn drop(&mut self) {
        let Ok(pid) = i32::try_from(self.wireguard.id()) else {
            return;
        };
        let asked = kill(Pid::from_raw(pid), Signal::SIGTERM);
        let deadline = Instant::now() + START;
        while matches!(self.wireguard.try_wait(), Ok(None)) {
            if asked.is_err() || Instant::now() > deadline {
                eprintln_quietly(&format!("{}: wireguard-go had to be killed", self.name));
                drop(self.wireguard.kill());
                drop(self.wireguard.wait());
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
