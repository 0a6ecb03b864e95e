//! Four namespaces in a row: a host, its node, the other node, its host.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio, id};

use anyhow::{Context, Result, bail};

/// A place in the row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// The host that sends.
    Sender,
    /// The node that seals.
    Tx,
    /// The node that opens.
    Rx,
    /// The host that receives.
    Receiver,
}

const PLACES: [Place; 4] = [Place::Sender, Place::Tx, Place::Rx, Place::Receiver];

const PREFIX: &str = "skerry-bench-";

/// How long any single program that sets something up may take, in seconds.
const PATIENCE: &str = "10";

impl Place {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Sender => "h1",
            Self::Tx => "n1",
            Self::Rx => "n2",
            Self::Receiver => "h2",
        }
    }
}

/// The namespaces, with the cable between the nodes. Dropped, they are removed, and every
/// interface in them.
#[derive(Debug)]
pub(super) struct Namespaces {
    names: Vec<String>,
}

impl Namespaces {
    /// Makes them. The cable is a veth pair of MTU 1500, `u1` to `u2`, 192.0.2.1 and 192.0.2.2;
    /// a veth passes superframes of UDP and TCP whole.
    pub(super) fn make() -> Result<Self> {
        let mut made = Self { names: Vec::new() };
        for place in PLACES {
            let name = made.name(place);
            ip(&["netns", "add", &name])?;
            made.names.push(name);
            made.ip(place, "link set lo up")?;
        }
        let far = made.name(Place::Rx);
        made.ip(
            Place::Tx,
            &format!("link add u1 type veth peer name u2 netns {far}"),
        )?;
        for (place, link, address) in [
            (Place::Tx, "u1", "192.0.2.1/24"),
            (Place::Rx, "u2", "192.0.2.2/24"),
        ] {
            made.ip(place, &format!("addr add {address} dev {link}"))?;
            made.ip(place, &format!("link set {link} up"))?;
        }
        Ok(made)
    }

    /// Removes what a run left that was killed.
    pub(super) fn sweep() -> Result<()> {
        let listed = ip(&["netns", "list"])?;
        let names = listed
            .lines()
            .filter_map(|line| line.split_whitespace().next());
        for name in names.filter(|name| abandoned(name)) {
            ip(&["netns", "del", name])?;
        }
        Ok(())
    }

    #[expect(
        clippy::unused_self,
        reason = "a name means something while the namespaces are there"
    )]
    pub(super) fn name(&self, place: Place) -> String {
        format!("{PREFIX}{}-{}", id(), place.suffix())
    }

    /// Where the kernel shows the namespace.
    pub(super) fn path(&self, place: Place) -> PathBuf {
        Path::new("/run/netns").join(self.name(place))
    }

    /// `ip`, in one of them.
    pub(super) fn ip(&self, place: Place, words: &str) -> Result<()> {
        let name = self.name(place);
        let mut all = vec!["-n", &name];
        all.extend(words.split_whitespace());
        ip(&all).map(|_| ())
    }

    /// A program that will run in one of them, as a direct child of this process.
    pub(super) fn command(&self, place: Place, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.name(place)])
            .arg(program);
        command.stdin(Stdio::null());
        command
    }

    /// The same, killed after some seconds.
    pub(super) fn bounded(&self, place: Place, program: &str, seconds: u32) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=1", &seconds.to_string()]);
        command.args(["ip", "netns", "exec", &self.name(place), program]);
        command.stdin(Stdio::null());
        command
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in &self.names {
            // The next run sweeps what cannot be removed now.
            let _swept_later = ip(&["netns", "del", name]);
        }
    }
}

/// Whether a namespace is of a run that is over.
fn abandoned(name: &str) -> bool {
    let run = name
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split('-').next());
    run.is_some_and(|pid| !Path::new("/proc").join(pid).exists())
}

fn ip(words: &[&str]) -> Result<String> {
    let output = Command::new("timeout")
        .args([PATIENCE, "ip"])
        .args(words)
        .stdin(Stdio::null())
        .output()
        .context("cannot run ip")?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("`ip {}`: {}", words.join(" "), why.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_goes_on_keeps_its_namespaces() {
        assert!(!abandoned(&format!("{PREFIX}{}-h1", id())), "our own");
        assert!(abandoned(&format!("{PREFIX}999999999-h1")), "nobody's");
        assert!(!abandoned("blue"), "somebody else's");
    }
}
