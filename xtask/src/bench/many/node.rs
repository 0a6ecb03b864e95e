//! A node that is real but for its hosts: the daemon, its TAPs, and a namespace for both.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::bench::many::layout::Layout;
use crate::bench::measure::output;
use crate::bench::namespace::Namespace;
use crate::bench::process::Process;
use crate::bench::skerry::keygen;

/// How long a node may take to make its ports.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running node. Dropped, it ends, and its interfaces with it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) layout: Layout,
    pub(super) process: Process,
    pub(super) namespace: Namespace,
    program: PathBuf,
    socket: PathBuf,
}

impl Node {
    /// Starts it, and waits for its ports.
    pub(super) fn start(program: &Path, folder: &Path, layout: Layout) -> Result<Self> {
        let name = format!("{:?}{}", layout.dimension, layout.count).to_lowercase();
        let namespace = Namespace::make(&name)?;
        namespace.enter(silence)?;
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
        let process = Process::start(&mut command, &folder.join(format!("{name}.log")))?;
        let node = Self {
            layout,
            process,
            namespace,
            program: program.to_owned(),
            socket: folder.join(format!("{name}.sock")),
        };
        node.wait_for_ports()?;
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

    /// What all of its ports have counted.
    pub(super) fn counted(&self) -> Result<Counted> {
        Counted::of(&self.ask("counters")?)
    }

    /// How many addresses it knows.
    pub(super) fn known(&self) -> Result<usize> {
        let table = self.ask("fdb")?;
        let entries = table.get("entries").and_then(Value::as_array);
        Ok(entries.context("the MAC table has no entries")?.len())
    }

    fn ask(&self, what: &str) -> Result<Value> {
        let mut command = Command::new(&self.program);
        command.args([what, "--json", "--socket"]).arg(&self.socket);
        serde_json::from_str(&output(&mut command)?).with_context(|| format!("{what} are no JSON"))
    }
}

/// Without IPv6 of the kernel's own, every interface of which would greet all others.
fn silence() -> Result<()> {
    for scope in ["all", "default"] {
        fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"), "1")
            .context("IPv6 of a namespace cannot be switched off")?;
    }
    Ok(())
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
    fn of(counters: &Value) -> Result<Self> {
        let ports = counters.get("ports").and_then(Value::as_object);
        let ports = ports.context("counters have no ports")?;
        let sum = |name| -> Result<u64> {
            let figures = ports.values().map(|port| port.get(name)?.as_u64());
            let sum: Option<u64> = figures.sum();
            sum.with_context(|| format!("a port has no {name}"))
        };
        Ok(Self {
            read: sum("frames_in")?,
            written: sum("sent")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_ports_count() {
        let port = |read, written| json!({ "frames_in": read, "sent": written });
        let counters = json!({ "ports": { "n1/p0": port(1, 20), "n1/p1": port(300, 4000) } });
        let counted = Counted::of(&counters).unwrap();
        assert_eq!((counted.read, counted.written), (301, 4020));
        Counted::of(&json!({ "ports": { "n1/p0": {} } })).unwrap_err();
    }
}
