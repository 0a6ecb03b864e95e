//! What happens to a run: the faults of its schedule, and their end.

use std::sync::Arc;
use std::time::Duration;

use crate::host::{HOWS, How};
use crate::network::Datagram;
use crate::node::{Node, Start};
use crate::schedule::Fault;
use crate::site::endpoint;
use crate::world::{Event, World};

impl World {
    pub(crate) fn fault(&mut self, fault: &Fault) {
        self.note(&format!("{fault:?}"));
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

    pub(crate) fn start(&mut self, number: usize) {
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
        self.note("the end of all faults");
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
}
