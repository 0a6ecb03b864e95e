//! Frames and datagrams on their way through a run, each looked up where it comes out.

use std::time::Duration;

use skerry_overlay::{Frame, Time};

use crate::checker;
use crate::hostile::without_priority_tag;
use crate::ledger::{Exit, Injection, Routed, Sender};
use crate::network::Datagram;
use crate::node::Node;
use crate::oracle::Kind;
use crate::site::{endpoint, node_at};
use crate::world::{Event, World};

/// A frame's way between a host and its port.
const CABLE: Duration = Duration::from_micros(5);

impl World {
    /// A host's frame reaches its port; it is entered with what its node runs right now.
    pub(crate) fn enter(&mut self, port: usize, bytes: &[u8], routed: Option<usize>) {
        let number = self.site.ports[port].node;
        let version = self.accepted[number];
        let Some(role) = self.site.versions[version].roles[port] else {
            return;
        };
        if self.nodes[number].is_none() {
            return;
        }
        let up = role.kind != Kind::Promiscuous;
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
    pub(crate) fn with_node(
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
            self.carry(number, &Datagram { from, to, bytes });
        }
    }

    /// A datagram goes into the network by way of a node's cable.
    pub(crate) fn carry(&mut self, by: usize, datagram: &Datagram) {
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
            Ok(None) => {
                let captured = self.intruder.as_ref().map(|it| it.node);
                checker::answer(&self.site, version, port, captured, &bytes)
            }
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

    pub(crate) fn poll_host(&mut self, port: usize) {
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
}
