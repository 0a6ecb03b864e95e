//! One run: nodes, hosts and the network on one clock, driven from event to event.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use mock_instant::MockClock;
use skerry_overlay::Time;
use skerry_policy::{Fabric, Mac};

use crate::checker::{self, Generations};
use crate::host::Host;
use crate::intruder::Intruder;
use crate::ledger::Ledger;
use crate::network::Network;
use crate::node::{Node, ORIGIN};
use crate::rng::Rng;
use crate::schedule::{Fault, Kind, Plan};
use crate::site::Site;

/// How often every node is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// More events than any run has.
const EVENTS_MAX: u64 = 3_000_000;

/// What is on its way.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Event {
    Datagram {
        from: std::net::SocketAddr,
        to: usize,
        bytes: Vec<u8>,
    },
    ToPort {
        port: usize,
        bytes: Vec<u8>,
        routed: Option<usize>,
    },
    ToHost {
        port: usize,
        bytes: Vec<u8>,
    },
    Chat(usize),
    Fault(usize),
    Look,
    Attack,
}

/// Everything.
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) site: Site,
    pub(crate) plan: Plan,
    pub(crate) rng: Rng,
    pub(crate) fabrics: Vec<Arc<Fabric>>,
    /// `None` while it is down.
    pub(crate) nodes: Vec<Option<Box<Node>>>,
    pub(crate) intruder: Option<Box<Intruder>>,
    /// Honest unicasts to addresses without a sure place that went to the intruder.
    pub(crate) drawn: u64,
    /// By node: the version it accepted last.
    pub(crate) accepted: Vec<usize>,
    pub(crate) generation: Vec<u64>,
    /// By port; `None` for a hostile one.
    pub(crate) hosts: Vec<Option<Host>>,
    pub(crate) faults: Vec<(Time, Fault)>,
    pub(crate) network: Network,
    pub(crate) ledger: Ledger,
    pub(crate) generations: Generations,
    queue: BinaryHeap<Reverse<(Time, u64, Event)>>,
    order: u64,
    events: u64,
    pub(crate) sequence: u32,
    /// Since when only honest frames are made, for pairs that may talk.
    pub(crate) live_since: Option<Time>,
    /// Ordered pairs that have been heard since.
    pub(crate) heard: BTreeSet<(usize, usize)>,
    /// By port: how far its round of the partners is.
    pub(crate) round: Vec<usize>,
    pub(crate) failure: Option<String>,
    pub(crate) log: Vec<String>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Result<Self, String> {
        MockClock::set_time(ORIGIN);
        let mut rng = Rng::new(seed);
        let plan = Plan::draw(&mut rng.fork(1));
        let site = Site::draw(&mut rng.fork(2), plan.wish);
        let versions = 0..site.versions.len();
        let fabrics = versions
            .map(|it| site.compile(it))
            .collect::<Result<_, _>>()?;
        let ports = site.ports.len();
        let run = u32::try_from(seed & 0xffff_ffff).unwrap();
        let mut world = Self {
            now: Time(0),
            faults: plan.faults(&mut rng.fork(3), ports),
            network: Network::new(site.nodes, rng.fork(4)),
            rng: rng.fork(5),
            fabrics,
            nodes: (0..site.nodes).map(|_| None).collect(),
            intruder: None,
            drawn: 0,
            accepted: vec![0; site.nodes],
            generation: vec![1; site.nodes],
            hosts: Vec::new(),
            ledger: Ledger::new(run),
            generations: Generations::default(),
            queue: BinaryHeap::new(),
            order: 0,
            events: 0,
            sequence: 0,
            live_since: None,
            heard: BTreeSet::new(),
            round: vec![0; ports],
            failure: None,
            log: Vec::new(),
            site,
            plan,
        };
        for port in 0..ports {
            world.add_host(port);
        }
        for node in 0..world.site.nodes {
            world.start(node);
        }
        for at in 0..world.faults.len() {
            let due = world.faults[at].0.since(Time(0));
            world.push(due, Event::Fault(at));
        }
        world.push(LOOK, Event::Look);
        Ok(world)
    }

    fn add_host(&mut self, port: usize) {
        let hostile = self.plan.kind == Kind::HostileHosts
            && self.site.is_always_host(port)
            && self.rng.chance(300);
        let honest = Host::new(
            self.site.mac(port),
            self.site.ip4(port),
            self.site.ip6(port),
        );
        self.hosts.push((!hostile).then_some(honest));
        let calm = if hostile {
            self.plan.calm()
        } else {
            Duration::ZERO
        };
        let begin = Duration::from_micros(self.rng.within(100_000..600_000));
        self.push(calm + begin, Event::Chat(port));
    }

    /// Something will happen after a time.
    pub(crate) fn push(&mut self, after: Duration, event: Event) {
        self.order += 1;
        self.queue
            .push(Reverse((self.now + after, self.order, event)));
    }

    /// Lets the simulation go on until a moment, or until something is wrong.
    pub(crate) fn run_until(&mut self, end: Time) -> Result<(), String> {
        loop {
            let event = self.queue.peek().map(|Reverse(next)| next.0);
            let node = self.due_node();
            let host = self.due_host();
            let intruder = self.intruder.as_ref().and_then(|it| it.due());
            let dues = [event, node.map(|it| it.0), host.map(|it| it.0), intruder];
            let due = dues.into_iter().flatten().min();
            let Some(due) = due.filter(|&due| due <= end) else {
                self.set_clock(end);
                return Ok(());
            };
            // Never twice the same moment: two handshakes would have the same stamp.
            self.set_clock(due.max(Time(self.now.0 + 1)));
            if Some(due) == event {
                if let Some(Reverse((_, _, event))) = self.queue.pop() {
                    self.handle(event);
                }
            } else if let Some((_, number)) = node.filter(|it| it.0 == due) {
                self.with_node(number, None, Node::timers);
            } else if let Some((_, port)) = host.filter(|it| it.0 == due) {
                self.poll_host(port);
            } else {
                self.with_intruder(Intruder::timers);
            }
            self.events += 1;
            if self.events > EVENTS_MAX {
                return Err("the run does not end".to_owned());
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
        }
    }

    pub(crate) fn set_clock(&mut self, now: Time) {
        self.now = self.now.max(now);
        MockClock::set_time(ORIGIN + Duration::from_nanos(self.now.0));
    }

    fn due_node(&self) -> Option<(Time, usize)> {
        let nodes = self.nodes.iter().enumerate();
        let dues = nodes.filter_map(|(number, node)| Some((node.as_ref()?.due()?, number)));
        dues.min()
    }

    fn due_host(&self) -> Option<(Time, usize)> {
        let hosts = self.hosts.iter().enumerate();
        let dues = hosts.filter_map(|(port, host)| Some((host.as_ref()?.due?, port)));
        dues.min()
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Datagram { from, to, bytes } if self.is_captured(to) => {
                let mut frame = None;
                self.with_intruder(|it, now| frame = it.datagram(now, from, &bytes));
                if let Some(frame) = frame {
                    self.drawn(&frame);
                }
            }
            Event::Datagram { from, to, bytes } => {
                self.with_node(to, None, |node, now| node.datagram(now, from, &bytes));
            }
            Event::ToPort {
                port,
                bytes,
                routed,
            } => self.enter(port, &bytes, routed),
            Event::ToHost { port, bytes } => {
                if let Some(host) = &mut self.hosts[port] {
                    host.hear(self.now, bytes);
                }
            }
            Event::Chat(port) => self.chat(port),
            Event::Attack => self.attack(),
            // What was to come later does not come any more.
            Event::Fault(_) if self.live_since.is_some() => {}
            Event::Fault(at) => {
                let fault = self.faults[at].1.clone();
                self.fault(&fault);
            }
            Event::Look => {
                self.look();
                self.push(LOOK, Event::Look);
            }
        }
    }

    fn look(&mut self) {
        let captured = self.intruder.as_ref().map(|it| format!("n{}", it.node));
        for number in 0..self.nodes.len() {
            let Some(node) = &self.nodes[number] else {
                continue;
            };
            let version = self.accepted[number];
            let checks = [
                checker::conservation(node),
                checker::table(node, &self.site, version, self.now),
                self.generations.check(number, node, captured.as_deref()),
            ];
            for what in checks.into_iter().filter_map(Result::err) {
                self.fail(&format!("n{number}: {what}"));
            }
        }
    }

    pub(crate) fn fail(&mut self, what: &str) {
        let at = self.now.since(Time(0));
        self.failure
            .get_or_insert_with(|| format!("at {at:?}: {what}"));
    }

    pub(crate) fn note(&mut self, what: &str) {
        let at = self.now.since(Time(0));
        self.log.push(format!("{at:>12.3?} {what}"));
    }

    /// The policy that everybody runs, once faults have ended.
    pub(crate) fn version(&self) -> usize {
        let honest = (0..self.site.nodes).find(|&it| !self.is_captured(it));
        self.accepted[honest.unwrap_or(0)]
    }

    /// The MAC address of nobody.
    pub(crate) fn nobody(&mut self) -> Mac {
        let [a, b, c] = self.rng.bytes();
        Mac([2, 0xee, 0xee, a, b, c])
    }

    pub(crate) fn fabric_of(&self, number: usize) -> Arc<Fabric> {
        Arc::clone(&self.fabrics[self.accepted[number]])
    }

    /// Nothing is wrong at the end either.
    pub(crate) fn last_look(&mut self) -> Result<(), String> {
        self.look();
        self.failure.take().map_or(Ok(()), Err)
    }
}
