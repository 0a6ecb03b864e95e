//! The attacker's part of a run: when it takes over a node, what it sends, and which honest
//! frames come to it.

use std::time::Duration;

use skerry_overlay::Time;
use skerry_policy::Mac;

use crate::forgery;
use crate::intruder::Intruder;
use crate::ledger::{Injection, Sender};
use crate::network::Datagram;
use crate::oracle::Role;
use crate::site::{Guard, endpoint, node_at};
use crate::world::{Event, World};

impl World {
    /// Whether a node is the attacker's.
    pub(crate) fn is_captured(&self, number: usize) -> bool {
        self.intruder.as_ref().is_some_and(|it| it.node == number)
    }

    /// Whether a host keeps its address whatever an attacker says: policy binds it, or it was
    /// heard before and nothing has made anybody forget it.
    pub(crate) fn is_sure(&self, port: usize) -> bool {
        let bound = self.site.ports[port].guard == Guard::Bound;
        !self.plan.is_attacked() || self.plan.quiet || bound
    }

    /// The node is the attacker's from now on, and its hosts are gone.
    pub(crate) fn capture(&mut self, number: usize) {
        self.nodes[number] = None;
        for (port, host) in self.hosts.iter_mut().enumerate() {
            if self.site.ports[port].node == number {
                *host = None;
            }
        }
        let fabric = self.fabric_of(number);
        let rng = self.rng.fork(7);
        let intruder = Intruder::new(self.now, number, &fabric, rng);
        self.intruder = Some(Box::new(intruder));
        self.push(Duration::from_millis(1), Event::Attack);
        self.with_intruder(|_, _| {});
    }

    /// Lets the attacker do something, and carries what it sends.
    pub(crate) fn with_intruder(&mut self, act: impl FnOnce(&mut Intruder, Time)) {
        let Some(intruder) = &mut self.intruder else {
            return;
        };
        act(intruder, self.now);
        let (by, sent) = (intruder.node, intruder.sent());
        for (to, bytes) in sent {
            if let Some(to) = node_at(to).filter(|&to| to < self.site.nodes) {
                let from = endpoint(by);
                self.carry(by, &Datagram { from, to, bytes });
            }
        }
    }

    /// Its turn: a frame, a message or a replay to somebody.
    pub(crate) fn attack(&mut self) {
        let Some(mut intruder) = self.intruder.take() else {
            return;
        };
        let (node, version) = (intruder.node, self.accepted[intruder.node]);
        let policy = &self.site.versions[version];
        let ports = (0..self.site.ports.len()).filter(|&it| policy.homes[it] == node);
        let roles: Vec<Role> = ports.filter_map(|port| policy.roles[port]).collect();
        let to = (node + 1 + intruder.rng.below(self.site.nodes - 1)) % self.site.nodes;
        let now = self.now;
        let (knowledge, rng) = intruder.mind();
        let forged = match rng.within(0..10) {
            0..2 => knowledge.hello(rng, now.0),
            2..5 => knowledge.bindings(rng, &self.site, &roles),
            _ => forgery::frame(rng, &self.site, &roles),
        };
        if let Some((frame, role)) = &forged.frame {
            let injection = Injection {
                sender: Sender::Intruder,
                node,
                version,
                role: *role,
                at: now,
                honest: false,
                routed: None,
            };
            self.ledger.inject(frame, injection);
        }
        let next = Duration::from_micros(intruder.rng.within(2_000..25_000));
        let replay = intruder.rng.chance(50);
        self.intruder = Some(intruder);
        self.with_intruder(|intruder, now| intruder.forge(now, to, &forged));
        if replay {
            self.replay(4);
        }
        self.push(next, Event::Attack);
    }

    /// A frame has come to the attacker: it must not be one for somebody else whose place is
    /// sure.
    pub(crate) fn drawn(&mut self, frame: &[u8]) {
        let target = frame.first_chunk().copied().map(Mac);
        let Some(port) = target.and_then(|mac| self.site.port_of_mac(mac)) else {
            return;
        };
        if self.is_captured(self.site.ports[port].node) {
            return;
        }
        let Some(injection) = self.ledger.last(frame) else {
            return;
        };
        let role = self.site.versions[injection.version].roles[port];
        let known = role.is_some_and(|role| role.pvlan == injection.role.pvlan);
        if !injection.honest || !known {
            return;
        }
        let what = format!("drawn to the hostile node: {injection:?} for p{port}");
        if self.is_sure(port) {
            self.fail(&what);
        } else {
            self.drawn += 1;
            self.note(&what);
        }
    }
}
