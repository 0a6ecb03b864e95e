//! T1 for real: four daemons, sixteen hosts, an underlay that is listened to.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::counters::{Change, NodeCounters, Snapshot};
use crate::daemon::{Daemon, skerry};
use crate::frame::{self, Pair};
use crate::hosts::Hosts;
use crate::netns::Netns;
use crate::oracle::{self, Receivers};
use crate::probe::Log;
use crate::site::{self, Attach, Guards, Site};
use crate::tag::Tag;
use crate::topology::{Node, Port};
use crate::underlay::{Traffic, Underlay};
use crate::volley::{Shot, Tally};

/// How long frames may take to arrive before they count as lost.
const ARRIVAL: Duration = Duration::from_secs(2);
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
}

/// The running fabric.
#[derive(Debug)]
pub struct Fabric {
    /// The four daemons, in the order of [`Node::ALL`]. First, so that they stop first.
    pub daemons: Vec<Daemon>,
    /// The sixteen hosts.
    pub hosts: Hosts,
    /// What the daemons talk over.
    pub underlay: Underlay,
    /// The site file that they run.
    pub site: Site,
    /// How it was made.
    pub options: Options,
    run: u32,
    next: AtomicU32,
    folder: TempDir,
}

/// What a volley did beyond arriving where it should.
#[derive(Debug)]
pub struct Report {
    /// Counters before and after.
    pub change: Change,
    /// What crossed the underlay.
    pub traffic: Traffic,
    /// What arrived, in the order of T1.
    pub logs: Vec<Log>,
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
        let folder = tempfile::Builder::new()
            .prefix("skerry-conformance-")
            .tempdir()?;
        let hosts = Hosts::create()?;
        let keys = Node::ALL
            .into_iter()
            .map(|node| make_key(folder.path(), node));
        let site = Site::new(options.attach, options.guards, keys.collect::<Result<_>>()?);
        let mut daemons = Vec::new();
        for node in Node::ALL {
            let daemon = Daemon::new(node, Netns::create(&node.name())?, folder.path());
            fs::write(
                daemon.config(),
                site::node_file(node, folder.path(), options.age),
            )?;
            daemons.push(daemon);
        }
        let places: Vec<_> = daemons
            .iter()
            .map(|daemon| (daemon.node, &daemon.netns))
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

    /// One daemon.
    pub fn daemon(&self, node: Node) -> &Daemon {
        &self.daemons[node.index()]
    }

    /// Waits until every port is up and every node runs the same policy as every other.
    ///
    /// # Errors
    /// With what is still missing, and the daemons' last words.
    pub fn settle(&mut self) -> Result<()> {
        let deadline = Instant::now() + CONVERGENCE;
        let ports: Vec<Port> = Port::all()
            .filter(|port| !self.site.without.contains(port))
            .collect();
        if let Err(error) = self.hosts.bring_up(ports.into_iter(), CONVERGENCE) {
            return Err(error.context(self.last_words()));
        }
        loop {
            for daemon in &mut self.daemons {
                daemon.must_run()?;
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
        self.daemons.iter().filter_map(wrong).collect()
    }

    /// The tag of the next frame of a port.
    pub fn tag(&self, from: Port) -> Tag {
        Tag {
            run: self.run,
            source: from.0,
            sequence: self.next.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Reserves many sequence numbers, and gives the first.
    pub fn reserve(&self, count: u32) -> u32 {
        self.next.fetch_add(count, Ordering::Relaxed)
    }

    /// Number of this run, which every tag carries.
    pub fn run(&self) -> u32 {
        self.run
    }

    /// A plain frame that the guards of this fabric let pass: of the experimental type where they
    /// are off, a UDP datagram from the host's own address where they are on.
    pub fn plain(&self, from: Port, to: [u8; 6], ip: [u8; 4], tag: Tag, padding: usize) -> Vec<u8> {
        match self.options.guards {
            Guards::Off => frame::experiment(to, from.mac(), tag, padding),
            Guards::On => {
                let mac = Pair {
                    to,
                    from: from.mac(),
                };
                frame::udp4(
                    mac,
                    Pair {
                        to: ip,
                        from: from.ip(),
                    },
                    tag,
                    padding,
                )
            }
        }
    }

    /// A broadcast that everybody whom the oracle permits must see.
    pub fn broadcast(&self, from: Port) -> Shot {
        let tag = self.tag(from);
        let frame = self.plain(from, frame::BROADCAST, [255; 4], tag, 0);
        Shot {
            from,
            frame,
            tag,
            expect: oracle::flooded(from),
            label: "broadcast".into(),
        }
    }

    /// A unicast to a port's own address, with the receivers that the caller states.
    pub fn unicast(&self, from: Port, to: Port, expect: Receivers) -> Shot {
        let tag = self.tag(from);
        let frame = self.plain(from, to.mac(), to.ip(), tag, 0);
        Shot {
            from,
            frame,
            tag,
            expect,
            label: format!("unicast to {to}"),
        }
    }

    /// Any frame, with the receivers that the caller states.
    pub fn shot(
        &self,
        from: Port,
        label: &str,
        expect: Receivers,
        build: impl FnOnce(Tag) -> Vec<u8>,
    ) -> Shot {
        let tag = self.tag(from);
        Shot {
            from,
            frame: build(tag),
            tag,
            expect,
            label: label.into(),
        }
    }

    /// Sends frames and checks everything that holds after every case: each arrives exactly once
    /// where it must and nowhere else, nothing else arrives, every frame is accounted for at
    /// every node, and nothing is readable on the underlay.
    ///
    /// # Errors
    /// With the first complaints.
    pub fn volley(&self, mut shots: Vec<Shot>) -> Result<Report> {
        self.nothing_late()?;
        self.underlay.take();
        let before = self.counters()?;
        for shot in &shots {
            self.hosts.at(shot.from).send(&shot.frame)?;
        }
        let sent = sent_by_port(&shots);
        self.await_copies(&shots);
        let settled = self.await_counters(&before, &sent);
        // What was held back must come before these, on every path that frames can take.
        shots.extend(self.send_sentinels()?);
        self.await_copies(&shots);
        let after = settled.and_then(|_| self.await_counters(&before, &sent_by_port(&shots)));
        let logs = self.hosts.take();
        let traffic = self.underlay.take();
        Tally::of(self.run, &logs).judge(&shots)?;
        let change = after?;
        change.after.check()?;
        traffic.check()?;
        Ok(Report {
            change,
            traffic,
            logs,
        })
    }

    fn nothing_late(&self) -> Result<()> {
        let logs = self.hosts.take();
        Tally::of(self.run, &logs)
            .judge(&[])
            .context("frames arrived after their case was closed")
    }

    /// A broadcast from every promiscuous port: together they visit every port of the fabric.
    fn send_sentinels(&self) -> Result<Vec<Shot>> {
        let sentinels = ["b-gw", "b-p2", "r-gw"].into_iter().map(|name| {
            let shot = self.broadcast(Port::named(name)?);
            self.hosts.at(shot.from).send(&shot.frame)?;
            Ok(Shot {
                label: "sentinel".into(),
                ..shot
            })
        });
        sentinels.collect()
    }

    /// Waits until every expected copy is there, or the time is over; who judges comes later.
    pub fn await_copies(&self, shots: &[Shot]) -> bool {
        let deadline = Instant::now() + ARRIVAL;
        loop {
            let mut tally = Tally::default();
            for host in self.hosts.iter() {
                host.log(|log| tally.add(self.run, host.port, log));
            }
            if tally.is_complete(shots) {
                return true;
            }
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until every frame sent was counted in, and every tunnel is empty.
    fn await_counters(&self, before: &Snapshot, sent: &[u64]) -> Result<Change> {
        let deadline = Instant::now() + ARRIVAL;
        loop {
            let change = Change {
                before: before.clone(),
                after: self.counters()?,
            };
            let taken = |port: Port| change.port(port, |counters| counters.frames_in);
            let late: Vec<Port> = Port::all()
                .filter(|port| taken(*port) < sent[port.index()])
                .collect();
            if late.is_empty() && change.tunnels_are_empty() {
                return Ok(change);
            }
            ensure!(
                Instant::now() < deadline,
                "frames went missing: not all counted in at {late:?}; tunnels empty: {}",
                change.tunnels_are_empty()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The counters of every node.
    ///
    /// # Errors
    /// When a daemon does not answer.
    pub fn counters(&self) -> Result<Snapshot> {
        let ask = |daemon: &Daemon| -> Result<NodeCounters> {
            let facts = daemon.facts("counters")?;
            serde_json::from_value(facts).context("counters of an unknown shape")
        };
        let all: Result<Vec<_>> = std::thread::scope(|scope| {
            let asked: Vec<_> = self
                .daemons
                .iter()
                .map(|daemon| scope.spawn(move || ask(daemon)))
                .collect();
            let answers = asked.into_iter().map(|thread| thread.join());
            answers
                .map(|answer| answer.unwrap_or_else(|_| bail!("a thread panicked")))
                .collect()
        });
        Ok(Snapshot(all?))
    }

    /// The address table of a node: private VLAN and MAC to segment, place and strength.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub fn fdb(&self, node: Node) -> Result<Vec<FdbEntry>> {
        let mut facts = self.daemon(node).facts("fdb")?;
        Ok(serde_json::from_value(facts["entries"].take())?)
    }

    /// What a node knows about a port's address.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub fn known(&self, node: Node, port: Port) -> Result<Option<FdbEntry>> {
        let (vlan, mac) = (port.segment(), site::mac(port.mac()));
        let vlan = vlan.split('.').next().unwrap_or_default();
        Ok(self
            .fdb(node)?
            .into_iter()
            .find(|entry| entry.pvlan == vlan && entry.mac == mac))
    }

    /// Lets every node that may know a port's address learn it: each port broadcasts once.
    ///
    /// # Errors
    /// When a broadcast does not arrive as it must.
    pub fn introduce(&self) -> Result<()> {
        let ports = Port::all().filter(|port| !self.site.without.contains(port));
        self.volley(ports.map(|port| self.broadcast(port)).collect())?;
        Ok(())
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

    /// Writes a site file and loads it on every node, one after another.
    ///
    /// # Errors
    /// With what `skerry reload` said.
    pub fn reload(&mut self, site: Site) -> Result<()> {
        self.write_site(&site)?;
        for daemon in &self.daemons {
            daemon.must(&["reload"])?;
        }
        self.site = site;
        Ok(())
    }
}

/// One line of `skerry fdb --json`.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct FdbEntry {
    /// Private VLAN.
    pub pvlan: String,
    /// Address.
    pub mac: String,
    /// Segment it is in.
    pub segment: String,
    /// Port of this node, or another node.
    pub place: String,
    /// `dynamic`, `pinned`, `promiscuous`, `bound`.
    pub strength: String,
}

fn sent_by_port(shots: &[Shot]) -> Vec<u64> {
    let mut sent = vec![0; Port::COUNT];
    for shot in shots {
        sent[shot.from.index()] += 1;
    }
    sent
}

fn not_settled(status: &Value) -> Option<String> {
    let (ports, up) = (&status["ports"], &status["ports_up"]);
    if ports != up {
        return Some(format!("{up} of {ports} ports are up"));
    }
    (status["converged"] != true).then(|| format!("not converged: {}", status["nodes"]))
}

fn make_key(folder: &Path, node: Node) -> Result<String> {
    let path = folder.join(format!("{node}.key"));
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
