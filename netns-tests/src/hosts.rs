//! The hosts of T1 and T2: a namespace each, a probe that listens, a socket that sends.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::netns::Netns;
use crate::packet::Sender;
use crate::probe::{Log, Probe};
use crate::topology::Port;

/// What every port is called inside its host's namespace.
pub const LINK: &str = "eth0";

/// One host.
#[derive(Debug)]
pub struct Host {
    /// The port it hangs on.
    pub port: Port,
    /// Where it lives; the tags of a trunk live together.
    pub netns: Arc<Netns>,
    probe: Probe,
    sender: Mutex<Option<Sender>>,
}

/// All of them.
#[derive(Debug)]
pub struct Hosts(Vec<Host>);

impl Hosts {
    /// Makes the namespaces and starts to listen; the ports come later.
    ///
    /// # Errors
    /// When a namespace cannot be had.
    pub fn create() -> Result<Self> {
        let hosts = Port::all().map(|port| {
            let netns = Netns::create(port.name())?;
            let probe = Probe::start(port, &netns)?;
            Ok(Host::new(port, Arc::new(netns), probe))
        });
        Ok(Self(hosts.collect::<Result<_>>()?))
    }

    /// Adds the hosts behind the trunks of T2, which hang on this node.
    ///
    /// # Errors
    /// When a namespace cannot be had.
    pub fn add_trunks(&mut self, node: &Arc<Netns>) -> Result<()> {
        for port in Port::trunks() {
            let there = self
                .0
                .iter()
                .find(|host| host.port.device() == port.device());
            let netns = match there {
                Some(host) => Arc::clone(&host.netns),
                None => Arc::new(Netns::create(port.device())?),
            };
            let probe = Probe::on_trunk(port, node)?;
            self.0.push(Host::new(port, netns, probe));
        }
        Ok(())
    }

    /// One host.
    pub fn at(&self, port: Port) -> &Host {
        &self.0[port.index()]
    }

    /// Every host, in the order of T1.
    pub fn iter(&self) -> impl Iterator<Item = &Host> {
        self.0.iter()
    }

    /// Namespace of a host, as the site file names it.
    pub fn path(&self, port: Port) -> PathBuf {
        self.at(port).netns.path()
    }

    /// Waits until every one of these hosts has its interface, and brings it up.
    ///
    /// # Errors
    /// When one has none after the limit.
    pub fn bring_up(&self, ports: impl Iterator<Item = Port>, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        for port in ports {
            let netns = &self.at(port).netns;
            while !netns.links()?.iter().any(|link| link == LINK) {
                if Instant::now() > deadline {
                    bail!(
                        "{port} has no {LINK} after {limit:?}, only {:?}",
                        netns.links()?
                    );
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            netns.ip(&format!("link set {LINK} up"))?;
        }
        Ok(())
    }

    /// Empties every log, in the order of T1.
    pub fn take(&self) -> Vec<Log> {
        self.0.iter().map(|host| host.probe.take()).collect()
    }
}

impl Host {
    fn new(port: Port, netns: Arc<Netns>, probe: Probe) -> Self {
        Self {
            port,
            netns,
            probe,
            sender: Mutex::new(None),
        }
    }

    /// Puts a frame on the host's interface, opening it anew when it was replaced meanwhile.
    ///
    /// # Errors
    /// When there is no interface.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = sender.as_ref() {
            match open.send(frame) {
                Ok(()) => return Ok(()),
                Err(error) if is_gone(&error) => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("{} cannot send", self.port));
                }
            }
        }
        let fresh = Sender::open(&self.netns, LINK)?;
        let sent = fresh
            .send(frame)
            .with_context(|| format!("{} cannot send", self.port));
        *sender = Some(fresh);
        sent
    }

    /// What arrived since the log was last emptied.
    pub fn log<T>(&self, read: impl FnOnce(&Log) -> T) -> T {
        read(&self.probe.log())
    }

    /// Empties the host's log alone.
    pub fn take(&self) -> Log {
        self.probe.take()
    }
}

fn is_gone(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let code = error.raw_os_error().map(Errno::from_raw);
    matches!(code, Some(Errno::ENXIO | Errno::ENODEV | Errno::ENETDOWN))
}
