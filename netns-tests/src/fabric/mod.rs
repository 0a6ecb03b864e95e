//! T1 or T2 for real: four daemons, their hosts, an underlay that is listened to.

mod addresses;
mod firing;
mod hostile;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

pub use addresses::FdbEntry;
pub use firing::Report;
pub use hostile::Injected;

use crate::daemon::{Daemon, skerry};
use crate::hosts::{Hosts, LINK};
use crate::injector::Injector;
use crate::netns::Netns;
use crate::site::{self, Attach, Guards, Site};
use crate::topology::{Node, Port};
use crate::traces;
use crate::underlay::Underlay;

/// How long the daemons may take until they have met.
const CONVERGENCE: Duration = Duration::from_secs(20);

/// What is different from the usual fabric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Options {
    /// How the hosts' interfaces are made.
    pub attach: Attach,
    /// Which guards are on.
    pub guards: Guards,
    /// After how long a silent address is forgotten.
    pub age: &'static str,
    /// Whether n3 has the trunks of T2.
    pub trunks: bool,
    /// Whether n4 is hostile: it met the others as an honest node, and then turned.
    pub hostile: bool,
}

/// The running fabric.
#[derive(Debug)]
pub struct Fabric {
    /// The four daemons, in the order of [`Node::ALL`]. First, so that they stop first.
    pub daemons: Vec<Daemon>,
    /// The hosts.
    pub hosts: Hosts,
    /// What the daemons talk over.
    pub underlay: Underlay,
    /// The site file that they run.
    pub site: Site,
    /// How it was made.
    pub options: Options,
    /// Nodes whose daemon is stopped, while somebody else may speak in its place.
    pub absent: Vec<Node>,
    /// Who speaks in the place of the absent one.
    pub injector: Option<Injector>,
    run: u32,
    next: AtomicU32,
    folder: TempDir,
}

impl Fabric {
    /// Starts everything and waits until the nodes have met.
    ///
    /// # Errors
    /// With the daemons' last words when they do not come up.
    pub fn start(options: Options) -> Result<Self> {
        let mut fabric = Self::prepare(options)?;
        for daemon in &mut fabric.daemons {
            daemon.start()?;
        }
        fabric.settle()?;
        Ok(fabric)
    }

    /// Namespaces, keys and files, but no daemon yet.
    ///
    /// # Errors
    /// When one of them cannot be had.
    pub fn prepare(options: Options) -> Result<Self> {
        let folder = traces::folder()?;
        let mut hosts = Hosts::create()?;
        let keys = Node::ALL
            .into_iter()
            .map(|node| make_key(folder.path(), &node.name()));
        let mut site = Site::new(options.attach, options.guards, keys.collect::<Result<_>>()?);
        site.trunks = options.trunks;
        let mut daemons = Vec::new();
        for node in Node::ALL {
            let daemon = Daemon::new(node, Netns::create(&node.name())?, folder.path());
            fs::write(
                daemon.config(),
                site::node_file(node, folder.path(), options.age),
            )?;
            daemons.push(daemon);
        }
        if options.trunks {
            hosts.add_trunks(&daemons[2].netns)?;
        }
        let places: Vec<_> = daemons
            .iter()
            .map(|daemon| (daemon.node, &*daemon.netns))
            .collect();
        let underlay = Underlay::join(&places, 1500)?;
        let run = SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos() ^ std::process::id();
        let next = AtomicU32::new(1);
        let fabric = Self {
            daemons,
            hosts,
            underlay,
            site,
            options,
            absent: Vec::new(),
            injector: None,
            run,
            next,
            folder,
        };
        fabric.write_site(&fabric.site)?;
        Ok(fabric)
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The site file's path.
    pub fn site_file(&self) -> PathBuf {
        self.folder().join("site.toml")
    }

    /// Writes a site file without loading it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_site(&self, site: &Site) -> Result<()> {
        Ok(fs::write(self.site_file(), site.text(&self.hosts))?)
    }

    /// The ports that are there: those of the topology and of the site file, at nodes that run.
    pub fn ports(&self) -> impl Iterator<Item = Port> {
        let there =
            |port: &Port| !self.site.without.contains(port) && !self.absent.contains(&port.node());
        self.hosts.iter().map(|host| host.port).filter(there)
    }

    /// The daemons that run.
    pub fn running(&self) -> impl Iterator<Item = &Daemon> {
        let absent = |daemon: &&Daemon| !self.absent.contains(&daemon.node);
        self.daemons.iter().filter(absent)
    }

    /// One daemon.
    pub fn daemon(&self, node: Node) -> &Daemon {
        &self.daemons[node.index()]
    }

    /// Starts a node again, with its policy as it was, and waits until it has its place back.
    ///
    /// # Errors
    /// When it does not come back.
    pub fn revive(&mut self, node: Node) -> Result<()> {
        self.write_site(&self.site)?;
        let daemon = &mut self.daemons[node.index()];
        if daemon.pid().is_some() {
            daemon.wait(Duration::from_secs(5))?;
        }
        daemon.start()?;
        self.settle()
    }

    /// Waits until every port is up and every node runs the same policy as every other.
    ///
    /// # Errors
    /// With what is still missing, and the daemons' last words.
    pub fn settle(&mut self) -> Result<()> {
        let deadline = Instant::now() + CONVERGENCE;
        if let Err(error) = self.hosts.bring_up(self.ports(), CONVERGENCE) {
            return Err(error.context(self.last_words()));
        }
        loop {
            let absent = &self.absent;
            for daemon in &mut self.daemons {
                if !absent.contains(&daemon.node) {
                    daemon.must_run()?;
                }
            }
            let missing = self.missing();
            if missing.is_empty() {
                break;
            }
            if Instant::now() > deadline {
                bail!(
                    "the fabric does not settle: {}\n{}",
                    missing.join("; "),
                    self.last_words()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.hosts.take();
        self.underlay.take();
        Ok(())
    }

    /// What every daemon said last.
    pub fn last_words(&self) -> String {
        self.daemons.iter().map(Daemon::last_words).collect()
    }

    fn missing(&self) -> Vec<String> {
        let wrong = |daemon: &Daemon| match daemon.facts("status") {
            Err(error) => Some(format!("{error:#}")),
            Ok(status) => not_settled(&status).map(|what| format!("{}: {what}", daemon.node)),
        };
        self.running().filter_map(wrong).collect()
    }

    /// Stops every daemon and checks that nothing of theirs is left in any namespace.
    ///
    /// # Errors
    /// When a daemon does not stop well, or an interface stays behind.
    pub fn close(mut self) -> Result<()> {
        for daemon in &mut self.daemons {
            if daemon.pid().is_some() {
                daemon.stop()?;
            }
            let left = daemon.netns.links()?;
            ensure!(
                left == ["eth0"],
                "{} left interfaces behind: {left:?}",
                daemon.node
            );
        }
        for host in self.hosts.iter() {
            let left = host.netns.links()?;
            ensure!(
                left.is_empty(),
                "{} still has interfaces: {left:?}",
                host.port
            );
        }
        Ok(())
    }

    /// A node that was killed and started again has one interface for each port and the underlay,
    /// and every host has one.
    ///
    /// # Errors
    /// With the interfaces of whoever has others.
    pub fn no_orphans(&self, node: Node) -> Result<()> {
        let ports = Port::all().filter(|port| port.node() == node).count();
        let links = self.daemon(node).netns.links()?;
        ensure!(
            links.len() == ports + 1,
            "{node} has {links:?} for {ports} ports"
        );
        for host in self.hosts.iter() {
            let links = host.netns.links()?;
            ensure!(links == [LINK], "{} has {links:?}", host.port);
        }
        Ok(())
    }

    /// Writes a site file and loads it on every node, one after another.
    ///
    /// # Errors
    /// With what `skerry reload` said.
    pub fn reload(&mut self, site: Site) -> Result<()> {
        self.write_site(&site)?;
        for daemon in self.running() {
            daemon.must(&["reload"])?;
        }
        self.site = site;
        Ok(())
    }
}

fn not_settled(status: &Value) -> Option<String> {
    let (ports, up) = (&status["ports"], &status["ports_up"]);
    if ports != up {
        return Some(format!("{up} of {ports} ports are up"));
    }
    (status["converged"] != true).then(|| format!("not converged: {}", status["nodes"]))
}

/// Makes `<name>.key` in a folder, and gives the public key.
///
/// # Errors
/// With what `skerry` said.
pub fn make_key(folder: &Path, name: &str) -> Result<String> {
    let path = folder.join(format!("{name}.key"));
    let name = path.to_str().context("a key's path is not text")?;
    let made = skerry(&["keygen", "--out", name], "")?;
    ensure!(
        made.status.success(),
        "skerry keygen: {}",
        String::from_utf8_lossy(&made.stderr)
    );
    let public = skerry(&["pubkey"], &fs::read_to_string(&path)?)?;
    ensure!(
        public.status.success(),
        "skerry pubkey: {}",
        String::from_utf8_lossy(&public.stderr)
    );
    Ok(String::from_utf8(public.stdout)?.trim().to_owned())
}
