//! Four namespaces in a row: a host, its node, the other node, its host.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::bench::namespace::Namespace;

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

/// The namespaces, with the cable between the nodes.
#[derive(Debug)]
pub(super) struct Namespaces {
    sender: Namespace,
    tx: Namespace,
    rx: Namespace,
    receiver: Namespace,
}

impl Namespaces {
    /// Makes them. The cable is a veth pair of MTU 1500, `u1` to `u2`, 192.0.2.1 and 192.0.2.2;
    /// a veth passes superframes of UDP and TCP whole.
    pub(super) fn make() -> Result<Self> {
        let made = Self {
            sender: Namespace::make("h1")?,
            tx: Namespace::make("n1")?,
            rx: Namespace::make("n2")?,
            receiver: Namespace::make("h2")?,
        };
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

    const fn at(&self, place: Place) -> &Namespace {
        match place {
            Place::Sender => &self.sender,
            Place::Tx => &self.tx,
            Place::Rx => &self.rx,
            Place::Receiver => &self.receiver,
        }
    }

    pub(super) fn name(&self, place: Place) -> &str {
        self.at(place).name()
    }

    /// Where the kernel shows the namespace.
    pub(super) fn path(&self, place: Place) -> PathBuf {
        self.at(place).path()
    }

    /// `ip`, in one of them.
    pub(super) fn ip(&self, place: Place, words: &str) -> Result<()> {
        self.at(place).ip(words).map(|_| ())
    }

    /// Sets one of the kernel's variables in one of them, by its path below `/proc/sys/net`.
    pub(super) fn set(&self, place: Place, variable: &str, value: &str) -> Result<()> {
        self.at(place).set(variable, value)
    }

    /// A program that will run in one of them, as a direct child of this process.
    pub(super) fn command(&self, place: Place, program: &Path) -> Command {
        self.at(place).command(program)
    }

    /// The same, killed after some seconds.
    pub(super) fn bounded(&self, place: Place, program: &str, seconds: u32) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=1", &seconds.to_string()]);
        command.args(["ip", "netns", "exec", self.name(place), program]);
        command.stdin(Stdio::null());
        command
    }
}
