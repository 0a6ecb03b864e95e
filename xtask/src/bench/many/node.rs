//! A node that is real but for its hosts: the daemon, its TAPs, and a namespace for both; or the
//! relay instead of the daemon.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::Value;

use crate::bench::many::layout::Layout;
use crate::bench::measure::output;
use crate::bench::namespace::Namespace;
use crate::bench::process::Process;
use crate::bench::skerry::keygen;

/// How long a node may take to make its ports.
const PATIENCE: Duration = Duration::from_secs(30);

/// What passes frames on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Switch {
    Skerry,
    /// The [`Relay`](super::relay::Relay).
    Relay,
}

impl Switch {
    pub(super) const ALL: [Self; 2] = [Self::Skerry, Self::Relay];

    /// What a table calls it.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Skerry => "Skerry",
            Self::Relay => "read and write alone",
        }
    }
}

/// A running node. Dropped, it ends, and its interfaces with it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) layout: Layout,
    pub(super) process: Process,
    pub(super) namespace: Namespace,
    daemon: Option<Daemon>,
}

/// How the daemon is asked; a relay answers nothing.
#[derive(Debug)]
struct Daemon {
    program: PathBuf,
    socket: PathBuf,
}

impl Node {
    /// Starts it, and waits for its ports.
    pub(super) fn start(
        program: &Path,
        folder: &Path,
        layout: Layout,
        switch: Switch,
    ) -> Result<Self> {
        let dimension = layout.dimension;
        let name = format!("{switch:?}{dimension:?}{}", layout.count).to_lowercase();
        let namespace = Namespace::make(&name)?;
        // Without IPv6 of the kernel's own, every interface of which would greet all others.
        for scope in ["all", "default"] {
            namespace.set(&format!("ipv6/conf/{scope}/disable_ipv6"), "1")?;
        }
        let log = folder.join(format!("{name}.log"));
        let (mut command, daemon) = match switch {
            Switch::Skerry => {
                let (command, daemon) =
                    Daemon::prepare(program, folder, &name, layout, &namespace)?;
                (command, Some(daemon))
            }
            Switch::Relay => (relay(layout, &namespace)?, None),
        };
        let process = Process::start(&mut command, &log)?;
        let node = Self {
            layout,
            process,
            namespace,
            daemon,
        };
        node.wait_for_ports()
            .with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        Ok(node)
    }

    fn wait_for_ports(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let ports = usize::try_from(self.layout.ports())?;
        // The loopback is up as well.
        while self.namespace.ip("-oneline link show up")?.lines().count() <= ports {
            if Instant::now() > deadline {
                bail!("a node made no port; see `skerry doctor`");
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// What all of its ports have counted: the daemon's figures, and where there is none the
    /// kernel's, for which a frame that was written has been received.
    pub(super) fn counted(&self) -> Result<Counted> {
        match &self.daemon {
            Some(daemon) => Counted::by_daemon(&daemon.ask("counters")?),
            None => {
                let links = self.namespace.ip("-json -statistics link show")?;
                Counted::by_kernel(&serde_json::from_str(&links)?)
            }
        }
    }

    /// How many addresses it knows; a relay knows every one.
    pub(super) fn known(&self) -> Result<usize> {
        let Some(daemon) = &self.daemon else {
            return Ok(usize::try_from(self.layout.hosts())?);
        };
        let table = daemon.ask("fdb")?;
        let entries = table.get("entries").and_then(Value::as_array);
        Ok(entries.context("the MAC table has no entries")?.len())
    }
}

impl Daemon {
    /// Writes its files.
    fn prepare(
        program: &Path,
        folder: &Path,
        name: &str,
        layout: Layout,
        namespace: &Namespace,
    ) -> Result<(Command, Self)> {
        let keys = keygen(program, &folder.join(format!("{name}.key")))?;
        fs::write(
            folder.join(format!("{name}.site")),
            layout.site(&keys.public)?,
        )?;
        // No address is forgotten while the other nodes have their turn.
        let text = format!(
            "node = \"n1\"\nsite = \"{name}.site\"\nkey = \"{name}.key\"\n\
             control = \"{name}.sock\"\nstate = \"{name}.state\"\nworkers = 1\n\
             fdb = {{ age = \"24h\" }}\n"
        );
        let config = folder.join(format!("{name}.toml"));
        fs::write(&config, text)?;
        let mut command = namespace.command(program);
        command.args(["run", "--config"]).arg(&config);
        let daemon = Self {
            program: program.to_owned(),
            socket: folder.join(format!("{name}.sock")),
        };
        Ok((command, daemon))
    }

    fn ask(&self, what: &str) -> Result<Value> {
        let mut command = Command::new(&self.program);
        command.args([what, "--json", "--socket"]).arg(&self.socket);
        serde_json::from_str(&output(&mut command)?).with_context(|| format!("{what} are no JSON"))
    }
}

/// This program, as a relay.
fn relay(layout: Layout, namespace: &Namespace) -> Result<Command> {
    let program = env::current_exe().context("this program has no file")?;
    let mut command = namespace.command(&program);
    command.args(["relay".to_owned(), layout.ports().to_string()]);
    command.arg(layout.hosts().to_string());
    Ok(command)
}

/// Frames of all ports.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Counted {
    /// Read from ports.
    pub(super) read: u64,
    /// Written to ports.
    pub(super) written: u64,
}

impl Counted {
    fn by_daemon(counters: &Value) -> Result<Self> {
        let ports = counters.get("ports").and_then(Value::as_object);
        let ports = ports.context("counters have no ports")?;
        Ok(Self {
            read: sum(ports.values().map(|port| port.get("frames_in")))?,
            written: sum(ports.values().map(|port| port.get("sent")))?,
        })
    }

    fn by_kernel(links: &Value) -> Result<Self> {
        let links = links.as_array().context("there is no list of links")?;
        let is_port = |link: &&Value| link.get("ifname").and_then(Value::as_str) != Some("lo");
        let packets = |way: &'static str| {
            let links = links.iter().filter(is_port);
            sum(links.map(move |link| link.get("stats64")?.get(way)?.get("packets")))
        };
        Ok(Self {
            read: packets("tx")?,
            written: packets("rx")?,
        })
    }
}

fn sum<'a>(figures: impl Iterator<Item = Option<&'a Value>>) -> Result<u64> {
    let sum: Option<u64> = figures.map(|figure| figure?.as_u64()).sum();
    sum.context("a port lacks a figure")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_ports_count() {
        let port = |read, written| json!({ "frames_in": read, "sent": written });
        let counters = json!({ "ports": { "n1/p0": port(1, 20), "n1/p1": port(300, 4000) } });
        let counted = Counted::by_daemon(&counters).unwrap();
        assert_eq!((counted.read, counted.written), (301, 4020));
        Counted::by_daemon(&json!({ "ports": { "n1/p0": {} } })).unwrap_err();
    }

    #[test]
    fn what_the_kernel_receives_was_written() {
        let link = |name, rx, tx| {
            let stats = json!({ "rx": { "packets": rx }, "tx": { "packets": tx } });
            json!({ "ifname": name, "stats64": stats })
        };
        let links = json!([link("lo", 7, 7), link("p0", 1, 20), link("p1", 300, 4000)]);
        let counted = Counted::by_kernel(&links).unwrap();
        assert_eq!((counted.read, counted.written), (4020, 301));
        Counted::by_kernel(&json!([{ "ifname": "p0" }])).unwrap_err();
    }
}
