//! Two nodes of Skerry, with a host on each.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::bench::fabric::{Folder, address_hosts};
use crate::bench::namespaces::{Namespaces, Place};
use crate::bench::process::Process;

/// How long a node may take to make its port.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the hosts attach.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ports {
    /// By a veth pair, whose near end the node reads raw.
    Veth,
    /// By a TAP in the host's namespace.
    Tap,
}

/// A key pair, as the tools print it: Base64.
#[derive(Debug)]
pub(super) struct Keys {
    /// The private half.
    pub(super) private: String,
    /// The public half.
    pub(super) public: String,
}

/// Makes a key with `skerry keygen`, which writes it to `file`.
pub(super) fn keygen(program: &Path, file: &Path) -> Result<Keys> {
    // A run that was killed may have left one under this name.
    let _absent = fs::remove_file(file);
    let output = Command::new(program)
        .args(["keygen", "--out"])
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        bail!("keygen: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(Keys {
        private: fs::read_to_string(file)?.trim().to_owned(),
        public: String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    })
}

/// Starts both nodes: the sending one, the receiving one.
pub(super) fn start(
    namespaces: &Namespaces,
    folder: &Folder,
    program: &Path,
    ports: Ports,
    workers: u32,
) -> Result<(Process, Process)> {
    let folder = folder.path();
    let first = keygen(program, &folder.join("n1.key"))?;
    let second = keygen(program, &folder.join("n2.key"))?;
    let site = site(namespaces, [&first.public, &second.public], ports);
    fs::write(folder.join("site.toml"), site)?;
    let tx = node(namespaces, folder, program, (Place::Tx, "n1"), workers)?;
    let rx = node(namespaces, folder, program, (Place::Rx, "n2"), workers)?;
    wait_for_ports(namespaces)?;
    address_hosts(namespaces)?;
    Ok((tx, rx))
}

fn node(
    namespaces: &Namespaces,
    folder: &Path,
    program: &Path,
    (place, name): (Place, &str),
    workers: u32,
) -> Result<Process> {
    let config = folder.join(format!("{name}.toml"));
    let text = format!(
        "node = \"{name}\"\nsite = \"site.toml\"\nkey = \"{name}.key\"\n\
         control = \"{name}.sock\"\nstate = \"{name}.state\"\nworkers = {workers}\n"
    );
    fs::write(&config, text)?;
    let mut command = namespaces.command(place, program);
    command.args(["run", "--config"]).arg(&config);
    Process::start(&mut command, &folder.join(format!("{name}.log")))
}

/// One community with a host on each node; the defaults for everything else.
fn site(namespaces: &Namespaces, keys: [&str; 2], ports: Ports) -> String {
    let [first, second] = keys;
    let attach = |place| {
        let netns = namespaces.path(place).display().to_string();
        match ports {
            Ports::Veth => format!("{{ veth = \"eth0\", netns = \"{netns}\" }}"),
            Ports::Tap => format!("{{ tap = \"eth0\", netns = \"{netns}\" }}"),
        }
    };
    format!(
        r#"version = 1
[node]
n1 = {{ key = "{first}", overlay = "100.64.0.1", endpoint = "192.0.2.1:51820" }}
n2 = {{ key = "{second}", overlay = "100.64.0.2", endpoint = "192.0.2.2:51820" }}
[pvlan.bench]
primary = 20100
isolated = 20101
community = {{ pair = 20102 }}
subnets = ["10.1.0.0/24"]
[port.n1]
h1 = {{ as = "bench.pair", ip = "10.1.0.1", attach = {} }}
[port.n2]
h2 = {{ as = "bench.pair", ip = "10.1.0.2", attach = {} }}
"#,
        attach(Place::Sender),
        attach(Place::Receiver)
    )
}

fn wait_for_ports(namespaces: &Namespaces) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    for place in [Place::Sender, Place::Receiver] {
        while namespaces.ip(place, "link show dev eth0").is_err() {
            if Instant::now() > deadline {
                bail!("a node made no port; see `skerry doctor`");
            }
            sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}
