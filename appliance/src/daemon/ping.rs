//! `skerry ping`: waits for the next message of a node, which comes once a second in its tunnel.

use std::time::Duration;

use skerry_policy::{Fabric, NodeId, PortId};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::answer::send;
use super::facts::{Facts, micros};
use super::node::Node;
use crate::control_socket::Reply;
use crate::exit::Exit;
use crate::view::{self, View};

/// Three messages may be lost before a node counts as silent.
const PATIENCE: Duration = Duration::from_millis(3500);

/// How many may wait at once.
const WAITING: usize = 64;

/// Somebody who waits to hear from a node.
#[derive(Debug)]
pub(super) struct Ping {
    target: String,
    node: NodeId,
    asked: Instant,
    reply: oneshot::Sender<Reply>,
}

/// Resolves when the first ping has waited long enough; never when none waits.
pub(super) async fn expired(pings: &[Ping]) {
    match pings.first() {
        Some(ping) => tokio::time::sleep_until(ping.asked + PATIENCE).await,
        None => std::future::pending().await,
    }
}

impl Node {
    /// Takes a ping, or says why not.
    pub(super) async fn ping(&mut self, target: &str, reply: oneshot::Sender<Reply>) {
        let found = find(self.fabric(), target);
        let (node, port) = match found {
            Ok(found) => found,
            Err(words) => return send(reply, Reply::refused(words)),
        };
        if node == self.running.policy.me {
            return send(reply, self.ping_here(target, port).await);
        }
        let stock = self
            .fabric()
            .nodes
            .get(node.index())
            .is_some_and(|it| it.stock.is_some());
        if stock {
            let words = format!("{target}: a stock kernel does not answer; see `skerry peers`");
            return send(reply, Reply::refused(words));
        }
        if self.pings.len() >= WAITING {
            return send(reply, Reply::refused("too many pings wait already"));
        }
        self.pings.push(Ping {
            target: target.to_owned(),
            node,
            asked: Instant::now(),
            reply,
        });
    }

    /// This node is no further away than the question.
    async fn ping_here(&self, target: &str, port: Option<PortId>) -> Reply {
        let Ok(snapshot) = self.snapshot().await else {
            return Reply::refused("a worker thread has ended");
        };
        let ports = &snapshot.tables.fabric.ports;
        let port = port.and_then(|id| ports.get(id.index()));
        let up = port.map(|port| Facts::new(self, &snapshot).is_up(port));
        let exit = if up == Some(false) {
            Exit::Bad
        } else {
            Exit::Good
        };
        let facts = view::Ping {
            target: target.to_owned(),
            node: self.config.node.clone(),
            rtt_us: Some(0),
            port_up: up,
        };
        Reply::new(exit, facts.facts(), String::new())
    }

    /// Answers those who waited for a message of this node.
    pub(super) fn heard(&mut self, from: NodeId) {
        let Some(peer) = self.mesh.peer(from) else {
            return;
        };
        let (Some(rtt), Some(ago)) = (peer.rtt, peer.last_heard) else {
            return;
        };
        let (done, waiting) = std::mem::take(&mut self.pings)
            .into_iter()
            .partition(|ping| ping.node == from && ago <= ping.asked.elapsed());
        self.pings = waiting;
        self.tell(done, Some(rtt));
    }

    /// Gives up on those who waited long enough.
    pub(super) fn give_up(&mut self) {
        let (done, waiting) = std::mem::take(&mut self.pings)
            .into_iter()
            .partition(|ping| ping.asked.elapsed() >= PATIENCE);
        self.pings = waiting;
        self.tell(done, None);
    }

    /// A reload renumbers nodes; whoever waits is told to ask again.
    pub(super) fn drop_pings(&mut self) {
        for ping in std::mem::take(&mut self.pings) {
            send(
                ping.reply,
                Reply::refused("the policy has changed; ask again"),
            );
        }
    }

    fn tell(&self, pings: Vec<Ping>, rtt: Option<Duration>) {
        let exit = if rtt.is_some() { Exit::Good } else { Exit::Bad };
        for ping in pings {
            let node = self.fabric().nodes.get(ping.node.index());
            let facts = view::Ping {
                target: ping.target,
                node: node.map_or_else(String::new, |it| it.name.clone()),
                rtt_us: rtt.map(micros),
                port_up: None,
            };
            send(ping.reply, Reply::new(exit, facts.facts(), String::new()));
        }
    }
}

/// The node that a name means, and the port if it is one.
fn find(fabric: &Fabric, target: &str) -> Result<(NodeId, Option<PortId>), String> {
    if let Some(node) = fabric.node_named(target) {
        return Ok((node, None));
    }
    let named = |port: &&skerry_policy::Port| fabric.port_name(port.id) == target;
    match fabric.ports.iter().find(named) {
        Some(port) => {
            let attachment = port.attachments.first();
            let attachment = attachment.and_then(|id| fabric.attachments.get(id.index()));
            let home = attachment.map_or(port.node, |it| it.home);
            Ok((home, Some(port.id)))
        }
        None => {
            let ports = fabric.ports.iter().map(|port| fabric.port_name(port.id));
            let such = ports.take(1).map(|name| format!(", such as {name}"));
            Err(format!(
                "the site file has no node or port `{target}`; a port is node/port{}",
                such.collect::<String>()
            ))
        }
    }
}
