//! One run: nodes, hosts and the network on one clock, driven from event to event.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use mock_instant::MockClock;
use skerry_overlay::{Frame, Time};
use skerry_policy::{Fabric, Mac};

use crate::checker::{self, Generations};
use crate::host::{HOWS, Host, How};
use crate::hostile::without_priority_tag;
use crate::intruder::Intruder;
use crate::ledger::{Exit, Injection, Ledger, Routed, Sender};
use crate::network::{Datagram, Network};
use crate::node::{Node, ORIGIN, Start};
use crate::rng::Rng;
use crate::schedule::{Fault, Plan};
use crate::site::{Site, endpoint, node_at};

/// A frame's way between a host and its port.
const CABLE: Duration = Duration::from_micros(5);
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
    fabrics: Vec<Arc<Fabric>>,
    /// `None` while it is down.
    pub(crate) nodes: Vec<Option<Box<Node>>>,
    pub(crate) intruder: Option<Box<Intruder>>,
    /// Honest unicasts to addresses without a sure place that went to the intruder.
    pub(crate) drawn: u64,
    /// By node: the version it accepted last.
    pub(crate) accepted: Vec<usize>,
    generation: Vec<u64>,
    /// By port; `None` for a hostile one.
    pub(crate) hosts: Vec<Option<Host>>,
    faults: Vec<(Time, Fault)>,
    pub(crate) network: Network,
    pub(crate) ledger: Ledger,
    generations: Generations,
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
            let hostile = world.plan.kind == crate::schedule::Kind::HostileHosts
                && world.site.is_always_host(port)
                && world.rng.chance(300);
            let honest = Host::new(
                world.site.mac(port),
                world.site.ip4(port),
                world.site.ip6(port),
            );
            world.hosts.push((!hostile).then_some(honest));
            let calm = if hostile {
                world.plan.calm()
            } else {
                Duration::ZERO
            };
            let begin = Duration::from_micros(world.rng.within(100_000..600_000));
            world.push(calm + begin, Event::Chat(port));
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

    fn set_clock(&mut self, now: Time) {
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
            } => self.to_port(port, &bytes, routed),
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

    /// A host's frame reaches its port; it is entered with what its node runs right now.
    fn to_port(&mut self, port: usize, bytes: &[u8], routed: Option<usize>) {
        let number = self.site.ports[port].node;
        let version = self.accepted[number];
        let Some(role) = self.site.versions[version].roles[port] else {
            return;
        };
        if self.nodes[number].is_none() {
            return;
        }
        let up = role.kind != crate::oracle::Kind::Promiscuous;
        let injection = Injection {
            sender: Sender::Port(port),
            node: number,
            version,
            role,
            at: self.now,
            honest: self.hosts[port].is_some(),
            routed: routed.map(|host| {
                if up {
                    Routed::Up(host)
                } else {
                    Routed::Down(host)
                }
            }),
        };
        self.ledger.inject(bytes, injection);
        if let Some(bare) = without_priority_tag(bytes) {
            self.ledger.inject(&bare, injection);
        }
        self.with_node(number, Some(port), |node, now| {
            node.frame(now, port, Frame::plain(bytes));
        });
    }

    /// Lets a node do something, and carries out what comes of it.
    fn with_node(
        &mut self,
        number: usize,
        asker: Option<usize>,
        act: impl FnOnce(&mut Node, Time),
    ) {
        let Some(node) = &mut self.nodes[number] else {
            return;
        };
        act(node, self.now);
        node.settle(self.now);
        let delivered = std::mem::take(&mut node.effects.delivered);
        let sent = std::mem::take(&mut node.effects.sent);
        for (port, bytes) in delivered {
            self.deliver(number, asker, port, bytes);
        }
        for (to, bytes) in sent {
            let Some(to) = node_at(to).filter(|&to| to < self.site.nodes) else {
                continue;
            };
            let from = endpoint(number);
            self.carry(number, Datagram { from, to, bytes });
        }
    }

    /// A datagram goes into the network by way of a node's cable.
    pub(crate) fn carry(&mut self, by: usize, datagram: Datagram) {
        let mut arrivals = Vec::new();
        self.network.carry(by, datagram, |delay, datagram| {
            arrivals.push((delay, datagram));
        });
        for (delay, Datagram { from, to, bytes }) in arrivals {
            self.push(delay, Event::Datagram { from, to, bytes });
        }
    }

    fn deliver(&mut self, number: usize, asker: Option<usize>, port: usize, bytes: Vec<u8>) {
        let version = self.accepted[number];
        let exit = Exit {
            port,
            node: number,
            version,
            asker,
        };
        let entry = self.ledger.deliver(&self.site, exit, &bytes);
        let checked = match entry {
            Ok(Some(injection)) => {
                self.hear(&injection, port, &bytes);
                Ok(())
            }
            Ok(None) if self.hosts[port].is_none() => Ok(()),
            Ok(None) => checker::answer(&self.site, version, port, &bytes),
            Err(what) => Err(what),
        };
        if let Err(what) = checked {
            let shown = &bytes[..bytes.len().min(80)];
            self.fail(&format!(
                "p{port} of n{number} (version {version}) got {shown:02x?}: {what}"
            ));
        }
        self.push(CABLE, Event::ToHost { port, bytes });
    }

    fn hear(&mut self, injection: &Injection, port: usize, bytes: &[u8]) {
        if let Sender::Port(from) = injection.sender
            && self.live_since.is_some_and(|since| injection.at >= since)
            && bytes.starts_with(&self.site.mac(port).0)
        {
            self.heard.insert((from, port));
        }
    }

    fn poll_host(&mut self, port: usize) {
        let Some(host) = &mut self.hosts[port] else {
            return;
        };
        for frame in host.poll(self.now) {
            self.send(port, frame, None);
        }
    }

    /// A host sends a frame; `routed` names the host whose IP address makes it a routed one.
    pub(crate) fn send(&mut self, port: usize, bytes: Vec<u8>, routed: Option<usize>) {
        let event = Event::ToPort {
            port,
            bytes,
            routed,
        };
        self.push(CABLE, event);
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

    pub(crate) fn note(&mut self, what: String) {
        let at = self.now.since(Time(0));
        self.log.push(format!("{at:>12.3?} {what}"));
    }

    fn fault(&mut self, fault: &Fault) {
        self.note(format!("{fault:?}"));
        match *fault {
            Fault::Degrade(from, to, path) => *self.network.path(from, to) = path,
            Fault::Part(from, to) => self.network.path(from, to).parted = true,
            Fault::Cut(node) => {
                for other in (0..self.site.nodes).filter(|&it| it != node) {
                    self.network.path(node, other).parted = true;
                    self.network.path(other, node).parted = true;
                }
            }
            Fault::Heal => self.network.heal(),
            Fault::Kill(node) => self.nodes[node] = None,
            Fault::Start(node) => self.start(node),
            Fault::Reload(node, version) => self.reload(node, version),
            Fault::Link(port, up) => self.with_port(port, |node| node.set_link(port, up)),
            Fault::Stuck(port, stuck) => self.with_port(port, |node| node.set_stuck(port, stuck)),
            Fault::Replay(count) => self.replay(count),
            Fault::Capture(node) => self.capture(node),
            Fault::Talk(from, to) => {
                let how = *self.rng.pick(&HOWS);
                self.talk(from, to, how);
            }
        }
    }

    fn with_port(&mut self, port: usize, act: impl FnOnce(&mut Node)) {
        let number = self.site.ports[port].node;
        self.with_node(number, None, |node, _| act(node));
    }

    fn start(&mut self, number: usize) {
        if self.nodes[number].is_some() || self.is_captured(number) {
            return;
        }
        let start = Start {
            node: number,
            fabric: &self.fabrics[self.accepted[number]],
            generation: self.generation[number],
            boot: self.rng.next(),
            ports: self.site.ports.len(),
        };
        self.nodes[number] = Some(Box::new(Node::start(self.now, &start)));
        self.with_node(number, None, |_, _| {});
    }

    fn reload(&mut self, number: usize, version: usize) {
        if self.nodes[number].is_none() || self.accepted[number] == version {
            return;
        }
        self.accepted[number] = version;
        self.generation[number] += 1;
        let fabric = Arc::clone(&self.fabrics[version]);
        self.with_node(number, None, |node, now| node.install(now, &fabric, number));
    }

    pub(crate) fn replay(&mut self, count: usize) {
        for _ in 0..count {
            let recorded = self.network.recorded.len();
            if recorded == 0 {
                return;
            }
            let at = self.rng.below(recorded);
            let mut datagram = self.network.recorded[at].clone();
            if self.rng.chance(300) {
                datagram.from = endpoint(self.rng.below(self.site.nodes));
            }
            let delay = Duration::from_micros(self.rng.within(1..50_000));
            let Datagram { from, to, bytes } = datagram;
            self.push(delay, Event::Datagram { from, to, bytes });
        }
    }

    /// Two hosts talk, if both are honest and in one private VLAN.
    pub(crate) fn talk(&mut self, from: usize, to: usize, how: How) -> bool {
        let (address4, address6) = (self.site.ip4(to), self.site.ip6(to));
        let strangers = self.site.ports[from].pvlan != self.site.ports[to].pvlan;
        if from == to || strangers || self.hosts[from].is_none() {
            return false;
        }
        let Some(listener) = &mut self.hosts[to] else {
            return false;
        };
        let address = match how {
            How::Ping4 | How::Udp4 | How::Tcp4 => address4.into(),
            How::Udp6 | How::Tcp6 => address6.into(),
        };
        if matches!(how, How::Tcp4 | How::Tcp6) {
            listener.listen();
        }
        if let Some(host) = &mut self.hosts[from] {
            host.talk(self.now, to, how, address);
        }
        true
    }

    /// The fabric is as it should be: everything runs one policy, and nothing disturbs it.
    pub(crate) fn end_faults(&mut self) {
        self.note("the end of all faults".to_owned());
        self.network.heal();
        let version = self.version();
        for number in 0..self.site.nodes {
            self.start(number);
            self.reload(number, version);
        }
        for port in 0..self.site.ports.len() {
            self.with_port(port, |node| {
                node.set_link(port, true);
                node.set_stuck(port, false);
            });
            if let Some(host) = &mut self.hosts[port] {
                let done = host.talks.iter().filter(|talk| talk.done);
                let done: Vec<usize> = done.map(|talk| talk.to).collect();
                host.hang_up();
                for to in done {
                    if !self.site.versions.iter().any(|it| it.permits(port, to)) {
                        self.fail(&format!("forbidden: p{port} has talked to p{to}"));
                    }
                }
            }
        }
        self.live_since = Some(self.now);
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
