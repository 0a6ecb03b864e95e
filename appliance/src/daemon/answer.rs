//! Requests on the control socket, and their replies.

use skerry_policy::Source;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::candidate::read_site;
use super::facts;
use super::loading::{Kind, Order};
use super::logging;
use super::node::Node;
use crate::control_socket::{Command, Incoming, Reply};
use crate::exit::Exit;
use crate::view::View;

impl Node {
    /// Answers, or sees to it that somebody will.
    pub(super) async fn answer(&mut self, incoming: Incoming) {
        let Incoming { request, reply } = incoming;
        let colour = request.colour;
        let answer = match request.command {
            Command::Status => self.status().await,
            Command::Ports => self.facts(facts::ports).await,
            Command::Counters => self.facts(facts::counters).await,
            Command::Fdb => self.facts(facts::fdb).await,
            Command::Peers => self.facts(facts::peers).await,
            Command::Site => self.site(),
            Command::Bundle => self.bundle().await,
            Command::Confirm => self.confirm(),
            Command::Ping { target } => return self.ping(&target, reply).await,
            Command::AwaitConfirm => return self.await_confirm(reply),
            Command::Reload => {
                let source = read_site(&self.config.site);
                return self.order(source, Kind::SiteFile, colour, reply);
            }
            Command::Apply {
                name,
                text,
                confirm_ms,
            } => {
                let confirm = confirm_ms.map(std::time::Duration::from_millis);
                let source = Ok(Source { name, text });
                return self.order(source, Kind::Applied(confirm), colour, reply);
            }
            Command::Rollback { generation } => {
                return self.rollback(generation, colour, reply).await;
            }
        };
        send(reply, answer);
    }

    /// Facts made from one snapshot.
    async fn facts<V: View>(&self, make: impl FnOnce(&Self, &facts::Snapshot) -> V) -> Reply {
        match self.snapshot().await {
            Ok(snapshot) => Reply::good(make(self, &snapshot).facts()),
            Err(error) => Reply::refused(error.to_string()),
        }
    }

    async fn status(&self) -> Reply {
        match self.snapshot().await {
            Ok(snapshot) => {
                let status = facts::status(self, &snapshot);
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
        let snapshot = match self.snapshot().await {
            Ok(snapshot) => snapshot,
            Err(error) => return Reply::refused(error.to_string()),
        };
        Reply::good(serde_json::json!({
            "schema": "skerry.bundle/1",
            "node": self.config.node,
            "status": facts::status(self, &snapshot).facts(),
            "ports": facts::ports(self, &snapshot).facts(),
            "counters": facts::counters(self, &snapshot).facts(),
            "fdb": facts::fdb(self, &snapshot).facts(),
            "peers": facts::peers(self, &snapshot).facts(),
            "node_file": format!("{:#?}\n", self.config),
            "log": logging::last_lines(),
            "site": self.store.text(self.running.generation()).unwrap_or_default(),
            "generations": self.store.list().unwrap_or_default(),
        }))
    }

    /// Queues an order to load something.
    fn order(
        &mut self,
        source: Result<Source, String>,
        kind: Kind,
        colour: bool,
        reply: oneshot::Sender<Reply>,
    ) {
        let source = match source {
            Ok(source) => source,
            Err(words) => {
                self.rejected += 1;
                return send(reply, Reply::refused(words));
            }
        };
        if let Some(pending) = &self.pending
            && !matches!(kind, Kind::Rollback(_))
        {
            let words = format!(
                "generation {} waits for its confirmation; `skerry confirm` or `skerry rollback` \
                 first",
                pending.generation
            );
            return send(reply, Reply::refused(words));
        }
        let order = Order {
            source,
            kind,
            colour,
            asked: Instant::now(),
            reply: Some(reply),
        };
        if let Err(order) = self.loading.push(order)
            && let Some(reply) = order.reply
        {
            send(
                reply,
                Reply::refused("too many site files wait to be loaded"),
            );
        }
    }

    async fn rollback(
        &mut self,
        generation: Option<u64>,
        colour: bool,
        reply: oneshot::Sender<Reply>,
    ) {
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
        self.order(source, Kind::Rollback(generation), colour, reply);
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
