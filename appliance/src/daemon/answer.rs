//! Requests on the control socket, and their replies.

use std::time::Duration;

use skerry_policy::Source;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::candidate::read_site;
use super::facts::Facts;
use super::loading::{Kind, Order};
use super::logging;
use super::node::Node;
use crate::control_socket::{CONFIRM_MAX, Command, Incoming, Reply};
use crate::exit::Exit;
use crate::view::View;

impl Node {
    /// Answers, or sees to it that somebody will.
    pub(super) async fn answer(&mut self, incoming: Incoming) {
        let Incoming { request, reply } = incoming;
        let colour = request.colour;
        let answer = match request.command {
            Command::Status => self.status().await,
            Command::Ports => self.facts(|it| it.ports()).await,
            Command::Counters => self.facts(|it| it.counters()).await,
            Command::Fdb => self.fdb().await,
            Command::Peers => self.facts(|it| it.peers()).await,
            Command::Site => self.site(),
            Command::Bundle => self.bundle().await,
            Command::Confirm => self.confirm(),
            Command::Ping { target } => return self.ping(&target, reply).await,
            Command::AwaitConfirm => return self.await_confirm(reply),
            Command::Reload => {
                self.renew().await;
                let source = read_site(&self.config.site);
                return self.order(source, Kind::SiteFile, colour, Some(reply));
            }
            Command::Apply {
                name,
                text,
                confirm_ms,
            } => {
                let confirm = confirm_ms.map(|it| Duration::from_millis(it).min(CONFIRM_MAX));
                let source = Ok(Source { name, text });
                return self.order(source, Kind::Applied(confirm), colour, Some(reply));
            }
            Command::Rollback { generation } => {
                return self.rollback(generation, colour, reply);
            }
        };
        send(reply, answer);
    }

    /// Facts made from one snapshot.
    async fn facts<V: View>(&self, make: impl FnOnce(&Facts<'_>) -> V) -> Reply {
        match self.snapshot().await {
            Ok(snapshot) => Reply::good(make(&Facts::new(self, &snapshot)).facts()),
            Err(error) => Reply::refused(error.to_string()),
        }
    }

    /// The one set of facts for which the MAC table is copied.
    async fn fdb(&self) -> Reply {
        match self.snapshot_with_fdb().await {
            Ok(snapshot) => Reply::good(Facts::new(self, &snapshot).fdb().facts()),
            Err(error) => Reply::refused(error.to_string()),
        }
    }

    async fn status(&self) -> Reply {
        match self.snapshot().await {
            Ok(snapshot) => {
                let status = Facts::new(self, &snapshot).status();
                let degraded = !status.degraded.is_empty();
                let exit = if degraded { Exit::Degraded } else { Exit::Good };
                Reply::new(exit, status.facts(), String::new())
            }
            Err(error) => Reply::refused(error.to_string()),
        }
    }

    /// The text that runs, for `skerry diff running`.
    fn site(&self) -> Reply {
        let generation = self.running.generation();
        match self.store.text(generation) {
            Ok(text) => Reply::good(serde_json::json!({
                "schema": "skerry.site/1",
                "generation": generation,
                "digest": self.running.digest(),
                "text": text,
            })),
            Err(error) => Reply::refused(error.to_string()),
        }
    }

    /// Everything a support bundle has from the daemon.
    async fn bundle(&self) -> Reply {
        let snapshot = match self.snapshot_with_fdb().await {
            Ok(snapshot) => snapshot,
            Err(error) => return Reply::refused(error.to_string()),
        };
        let facts = Facts::new(self, &snapshot);
        Reply::good(serde_json::json!({
            "schema": "skerry.bundle/1",
            "node": self.config.node,
            "status": facts.status().facts(),
            "ports": facts.ports().facts(),
            "counters": facts.counters().facts(),
            "fdb": facts.fdb().facts(),
            "peers": facts.peers().facts(),
            "node_file": format!("{:#?}\n", self.config),
            "log": logging::last_lines(),
            "site": self.store.text(self.running.generation()).unwrap_or_default(),
            "generations": self.store.list().unwrap_or_default(),
        }))
    }

    /// Queues an order to load something.
    pub(super) fn order(
        &mut self,
        source: Result<Source, String>,
        kind: Kind,
        colour: bool,
        reply: Option<oneshot::Sender<Reply>>,
    ) {
        let asked = Instant::now();
        let answer = match (source, self.waits(kind)) {
            (Ok(source), None) => {
                let order = Order {
                    source,
                    kind,
                    colour,
                    asked,
                    reply,
                };
                let Err(order) = self.loading.push(order) else {
                    return;
                };
                let words = "too many site files wait to be loaded".to_owned();
                return tell(order.reply, self.turn_away(asked, words));
            }
            (Ok(_), Some(words)) => self.turn_away(asked, words),
            (Err(words), _) => self.refuse(kind, asked, &[], words),
        };
        tell(reply, answer);
    }

    fn rollback(&mut self, generation: Option<u64>, colour: bool, reply: oneshot::Sender<Reply>) {
        let previous = self.pending.as_ref().map(|it| it.previous);
        let generation = generation.or(previous).or_else(|| self.store.previous());
        let Some(generation) = generation else {
            return send(
                reply,
                Reply::refused("there is no earlier generation to go back to"),
            );
        };
        let source = self.store.text(generation).map(|text| Source {
            name: format!("generation {generation}"),
            text,
        });
        let source = source.map_err(|error| error.to_string());
        self.order(source, Kind::Rollback(generation), colour, Some(reply));
    }

    fn await_confirm(&mut self, reply: oneshot::Sender<Reply>) {
        match &mut self.pending {
            Some(pending) => pending.waiters.push(reply),
            None => send(reply, Reply::refused("nothing waits for a confirmation")),
        }
    }
}

/// A client that went away does not want to know.
pub(super) fn send(reply: oneshot::Sender<Reply>, answer: Reply) {
    drop(reply.send(answer));
}

/// Nobody asked after a signal.
pub(super) fn tell(reply: Option<oneshot::Sender<Reply>>, answer: Reply) {
    if let Some(reply) = reply {
        send(reply, answer);
    }
}
