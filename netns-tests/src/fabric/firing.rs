//! Frames sent into the fabric, and everything that must hold afterwards.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::Fabric;
use crate::counters::{Change, NodeCounters, Snapshot};
use crate::daemon::Daemon;
use crate::frame::{self, Pair};
use crate::oracle::{self, Receivers};
use crate::probe::Log;
use crate::site::Guards;
use crate::tag::Tag;
use crate::topology::Port;
use crate::underlay::Traffic;
use crate::volley::{Shot, Tally};

/// How long frames may take to arrive before they count as lost.
const ARRIVAL: Duration = Duration::from_secs(4);

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
    /// On a trunk it carries the port's VLAN tag.
    pub fn plain(&self, from: Port, to: [u8; 6], ip: [u8; 4], tag: Tag, padding: usize) -> Vec<u8> {
        let frame = self.untagged(from, to, ip, tag, padding);
        match from.vid() {
            Some(vid) => frame::with_vlan(frame, vid),
            None => frame,
        }
    }

    fn untagged(&self, from: Port, to: [u8; 6], ip: [u8; 4], tag: Tag, padding: usize) -> Vec<u8> {
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

    /// Receivers of a flooded frame, as the oracle has them.
    pub fn flooded(&self, from: Port) -> Receivers {
        oracle::flooded_among(self.ports(), from)
    }

    /// A broadcast that everybody whom the oracle permits must see.
    pub fn broadcast(&self, from: Port) -> Shot {
        let tag = self.tag(from);
        let frame = self.plain(from, frame::BROADCAST, [255; 4], tag, 0);
        Shot {
            from,
            frame,
            tag,
            expect: self.flooded(from),
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
    pub fn volley(&self, shots: Vec<Shot>) -> Result<Report> {
        let send = |shot: &Shot| self.hosts.at(shot.from).send(&shot.frame);
        self.volley_by(shots, send, |_| true)
    }

    /// The same for frames that go another way than by their host's interface; `arrived` says when
    /// the counters know of all of them.
    ///
    /// # Errors
    /// With the first complaints, or what `send` said.
    pub fn volley_by(
        &self,
        mut shots: Vec<Shot>,
        mut send: impl FnMut(&Shot) -> Result<()>,
        arrived: impl Fn(&Change) -> bool,
    ) -> Result<Report> {
        self.nothing_late()?;
        self.underlay.take();
        let before = self.counters()?;
        for shot in &shots {
            send(shot)?;
        }
        let sent = sent_by_port(&shots);
        self.await_copies(&shots);
        let settled = self.await_counters(&before, &sent, &arrived);
        // What was held back must come before these, on every path that frames can take.
        shots.extend(self.send_sentinels()?);
        self.await_copies(&shots);
        let after =
            settled.and_then(|_| self.await_counters(&before, &sent_by_port(&shots), &arrived));
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

    /// Compares what the hosts saw since they were last asked with what they must have seen.
    ///
    /// # Errors
    /// With the first complaints.
    pub fn judge(&self, shots: &[Shot]) -> Result<()> {
        Tally::of(self.run, &self.hosts.take()).judge(shots)
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

    /// Waits until these frames, by sender, are counted in and every tunnel is empty, and a moment
    /// longer for whoever listens.
    ///
    /// # Errors
    /// When some are not counted in within the time.
    pub fn await_sent(&self, before: &Snapshot, streams: &[(Port, u32)]) -> Result<Change> {
        let mut sent = vec![0; Port::COUNT];
        for (from, count) in streams {
            sent[from.index()] += u64::from(*count);
        }
        self.await_counters(before, &sent, &|_| true)?;
        std::thread::sleep(Duration::from_millis(300));
        let after = self.counters()?;
        Ok(Change {
            before: before.clone(),
            after,
        })
    }

    /// Waits until every frame sent was counted in, and every tunnel is empty.
    fn await_counters(
        &self,
        before: &Snapshot,
        sent: &[u64],
        arrived: &impl Fn(&Change) -> bool,
    ) -> Result<Change> {
        let deadline = Instant::now() + ARRIVAL;
        loop {
            let change = Change {
                before: before.clone(),
                after: self.counters()?,
            };
            let taken = |port: Port| change.port(port, |counters| counters.frames_in);
            let late: Vec<Port> = self
                .ports()
                .filter(|port| taken(*port) < sent[port.index()])
                .collect();
            if late.is_empty() && change.tunnels_are_empty() && arrived(&change) {
                return Ok(change);
            }
            ensure!(
                Instant::now() < deadline,
                "frames went missing: not all counted in at {late:?}; tunnels empty: {}; \
                 injected frames counted in: {}",
                change.tunnels_are_empty(),
                arrived(&change)
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends one frame whose receivers are not known beforehand, and gives those who saw it within
    /// the time.
    ///
    /// # Errors
    /// When it cannot be sent, or somebody saw it twice or changed.
    pub fn heard_of(&self, shot: &Shot, within: Duration) -> Result<Receivers> {
        self.nothing_late()?;
        self.hosts.at(shot.from).send(&shot.frame)?;
        std::thread::sleep(within);
        let logs = self.hosts.take();
        let tally = Tally::of(self.run, &logs);
        let heard: Receivers = self
            .ports()
            .filter(|port| tally.copies(shot.tag, *port) > 0)
            .collect();
        let expect = heard.clone();
        tally.judge(&[Shot {
            expect,
            ..shot.clone()
        }])?;
        Ok(heard)
    }

    /// The counters of every node.
    ///
    /// # Errors
    /// When a daemon does not answer.
    pub fn counters(&self) -> Result<Snapshot> {
        let ask = |daemon: &Daemon| -> Result<NodeCounters> {
            if self.absent.contains(&daemon.node) {
                return Ok(NodeCounters::default());
            }
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

    /// Lets every node that may know a port's address learn it: each port broadcasts once.
    ///
    /// # Errors
    /// When a broadcast does not arrive as it must.
    pub fn introduce(&self) -> Result<()> {
        self.volley(self.ports().map(|port| self.broadcast(port)).collect())?;
        Ok(())
    }
}

/// Frames that each port's interface took; the tags of a trunk are counted as one port.
fn sent_by_port(shots: &[Shot]) -> Vec<u64> {
    let mut sent = vec![0; Port::COUNT];
    for port in Port::all().chain(Port::trunks()) {
        let mine = shots
            .iter()
            .filter(|shot| shot.from.full_name() == port.full_name());
        sent[port.index()] = mine.count() as u64;
    }
    sent
}
