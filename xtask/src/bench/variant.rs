//! The ways to connect two hosts that are measured beside each other.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::bench::fabric::{Fabric, Folder, bridge_hosts};
use crate::bench::namespaces::Namespaces;
use crate::bench::peers::{self, PEERS, Peer};
use crate::bench::skerry::{self, Ports};
use crate::bench::tunnel;
use crate::command::say;
use crate::deb::WIREGUARD_GO;

/// One way to connect the hosts. Another peer is another [`How`], and a line in [`all`].
#[derive(Debug)]
pub(super) struct Variant {
    /// How the tables call it.
    pub(super) name: String,
    /// What a reader has to know to judge its figures.
    pub(super) note: String,
    how: How,
}

#[derive(Debug)]
enum How {
    Veth,
    Vxlan,
    VxlanOver {
        wireguard_go: PathBuf,
        skerry: PathBuf,
    },
    Routed {
        wireguard_go: PathBuf,
        skerry: PathBuf,
    },
    Peer {
        peer: Peer,
        root: PathBuf,
    },
    Skerry {
        program: PathBuf,
        ports: Ports,
    },
}

impl Variant {
    /// Builds it in fresh namespaces.
    pub(super) fn build(&self, namespaces: &Namespaces) -> Result<Fabric> {
        let folder = Folder::make()?;
        match &self.how {
            How::Veth => {
                bridge_hosts(namespaces, ["u1", "u2"])?;
                Ok(Fabric { ends: None, folder })
            }
            How::Vxlan => {
                tunnel::vxlan(namespaces, ["192.0.2.1", "192.0.2.2"], ["u1", "u2"])?;
                Ok(Fabric { ends: None, folder })
            }
            How::VxlanOver {
                wireguard_go,
                skerry,
            } => {
                let ends = tunnel::wireguard(namespaces, &folder, wireguard_go, skerry)?;
                let addresses = ["198.51.100.1", "198.51.100.2"];
                tunnel::vxlan(namespaces, addresses, tunnel::LINKS)?;
                Ok(Fabric {
                    ends: Some(ends),
                    folder,
                })
            }
            How::Routed {
                wireguard_go,
                skerry,
            } => {
                let ends = tunnel::wireguard(namespaces, &folder, wireguard_go, skerry)?;
                tunnel::route_hosts(namespaces)?;
                Ok(Fabric {
                    ends: Some(ends),
                    folder,
                })
            }
            How::Peer { peer, root } => {
                let ends = peers::start(namespaces, &folder, *peer, root)?;
                Ok(Fabric {
                    ends: Some(ends),
                    folder,
                })
            }
            How::Skerry { program, ports } => {
                let ends = skerry::start(namespaces, &folder, program, *ports, 1)?;
                Ok(Fabric {
                    ends: Some(ends),
                    folder,
                })
            }
        }
    }
}

/// Every variant, in the order in which they take turns.
///
/// # Errors
/// A program does not say its version.
pub(super) fn all(root: &Path, given: Option<&Path>) -> Result<Vec<Variant>> {
    let skerry = root.join("target/release/skerry");
    let mut variants = vec![
        Variant {
            name: "plain veth".to_owned(),
            note: "bridges and veths, no tunnel: the ceiling".to_owned(),
            how: How::Veth,
        },
        Variant {
            name: "kernel vxlan".to_owned(),
            note: "no encryption".to_owned(),
            how: How::Vxlan,
        },
    ];
    let debian = which("wireguard-go")?;
    variants.push(over_wireguard_go(&debian, "of this Debian", &skerry)?);
    let newer = match given {
        Some(program) => Ok((program.to_owned(), "given by hand")),
        None => (WIREGUARD_GO.find(root)).map(|program| (program, "of Debian unstable")),
    };
    match newer {
        Ok((program, age)) => {
            variants.push(over_wireguard_go(&program, age, &skerry)?);
            variants.push(routed_by_wireguard_go(&program, age, &skerry)?);
        }
        Err(why) => say(&format!(
            "today's wireguard-go is not measured, give it with --wireguard-go: {why:#}"
        )),
    }
    variants.extend(PEERS.map(|peer| Variant {
        name: peer.name.to_owned(),
        note: peer.note.to_owned(),
        how: How::Peer {
            peer,
            root: root.to_owned(),
        },
    }));
    variants.push(skerry_on_veths(&skerry));
    variants.push(with_skerry("skerry, TAP ports", Ports::Tap, &skerry));
    Ok(variants)
}

/// Skerry, hosts attached by veth pairs.
pub(super) fn skerry_on_veths(program: &Path) -> Variant {
    with_skerry("skerry, veth ports", Ports::Veth, program)
}

fn with_skerry(name: &str, ports: Ports, program: &Path) -> Variant {
    Variant {
        name: name.to_owned(),
        note: "guards, policy and counters on; one worker".to_owned(),
        how: How::Skerry {
            program: program.to_owned(),
            ports,
        },
    }
}

fn over_wireguard_go(program: &Path, age: &str, skerry: &Path) -> Result<Variant> {
    let version = version(program)?;
    let old = if version.contains(".2022") {
        ": from before it learned vectorised I/O (2023), so several times slower than today's"
    } else {
        ""
    };
    Ok(Variant {
        name: format!("kernel vxlan over wireguard-go {version}"),
        note: format!(
            "wireguard-go {version}, {age}{old}; the work of vxlan and bridge is the kernel's and only in part in the ends' columns"
        ),
        how: How::VxlanOver {
            wireguard_go: program.to_owned(),
            skerry: skerry.to_owned(),
        },
    })
}

fn routed_by_wireguard_go(program: &Path, age: &str, skerry: &Path) -> Result<Variant> {
    let version = version(program)?;
    Ok(Variant {
        name: format!("layer 3 only: wireguard-go {version}"),
        note: format!(
            "wireguard-go {version}, {age}, by itself, as hosts with routes use it; its packets are as long as the underlay lets them be"
        ),
        how: How::Routed {
            wireguard_go: program.to_owned(),
            skerry: skerry.to_owned(),
        },
    })
}

/// The last word of the first line of `--version`, without its `v`.
fn version(program: &Path) -> Result<String> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let word = text
        .lines()
        .next()
        .and_then(|line| line.split_whitespace().last());
    let word = word.with_context(|| format!("{} says no version", program.display()))?;
    Ok(word.trim_start_matches('v').to_owned())
}

fn which(program: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|it| it.is_file())
        .with_context(|| format!("no {program} on the path"))
}
