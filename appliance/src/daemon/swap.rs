//! Loading a site file: check, prove, prepare, swap, acknowledge, retire, store.
//!
//! Until the swap nothing that runs is touched, and every step before it undoes itself. After it
//! every worker runs the new tables; what may still fail then is only bookkeeping.

use std::sync::Arc;
use std::time::Duration;

use skerry_policy::Tables;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::candidate::{Judged, Policy};
use super::confirm::Pending;
use super::loading::{Kind, Order};
use super::node::{Node, Running, attach};
use super::notify;
use super::trouble::About;
use crate::control_socket::Reply;
use crate::exit::Exit;
use crate::view::{Confirmation, Load, View};

impl Node {
    /// Ends an order: runs what was judged good, and tells whoever asked.
    pub(super) async fn finish(&mut self, order: Order, judged: Option<Judged>) {
        let reply = match judged {
            Some(judged) => self.load(&order, judged).await,
            None => self.refuse(&order, &[], "the check itself failed".into()),
        };
        notify::ready(&self.one_line());
        if let Some(waiting) = order.reply {
            // A client that went away does not want to know.
            drop(waiting.send(reply));
        }
    }

    async fn load(&mut self, order: &Order, judged: Judged) -> Reply {
        // What an earlier generation was warned about is no news.
        let known = matches!(order.kind, Kind::Rollback(_)) && judged.verdict.is_ok();
        let words = if known {
            String::new()
        } else {
            judged.words(order.colour)
        };
        let diagnostics = judged.diagnostics;
        let Ok(policy) = judged.verdict else {
            // The words end with the reason.
            return self.refuse(order, &diagnostics, words);
        };
        if self.unchanged(order, &policy) {
            return self.go_on(order);
        }
        let name = origin(order);
        let confirm = match order.kind {
            Kind::Applied(confirm) => confirm,
            Kind::SiteFile | Kind::Rollback(_) => None,
        };
        match self.swap(policy, &order.source.text, name, confirm).await {
            Ok(()) => self.accepted(order, &diagnostics, words),
            Err(error) => {
                let words = format!("{words}{error:#}\n");
                self.refuse(order, &diagnostics, words)
            }
        }
    }

    /// The same text as what runs, and nothing waits: there is nothing to do.
    fn unchanged(&self, order: &Order, policy: &Policy) -> bool {
        let same = policy.fabric.digest == self.fabric().digest;
        same && self.pending.is_none() && !matches!(order.kind, Kind::Applied(Some(_)))
    }

    fn go_on(&mut self, order: &Order) -> Reply {
        self.trouble.clear(&About::SiteFile);
        self.running.origin = origin(order);
        self.remember(self.running.generation());
        let load = Load {
            accepted: true,
            unchanged: true,
            ..self.outcome(order)
        };
        Reply::good(load.facts())
    }

    fn refuse(
        &mut self,
        order: &Order,
        diagnostics: &[skerry_policy::Diagnostic],
        words: String,
    ) -> Reply {
        self.rejected += 1;
        let last = words.trim_end().lines().last().unwrap_or_default();
        warn!(
            generation = self.running.generation(),
            "refused, going on as before: {last}"
        );
        if order.kind == Kind::SiteFile {
            let words = format!("the site file is refused: {last}");
            self.trouble.note(About::SiteFile, words);
        }
        let load = Load {
            diagnostics: as_json(diagnostics),
            ..self.outcome(order)
        };
        Reply::new(Exit::Bad, load.facts(), words)
    }

    fn accepted(
        &self,
        order: &Order,
        diagnostics: &[skerry_policy::Diagnostic],
        words: String,
    ) -> Reply {
        let left = self.pending.as_ref().map(|it| it.deadline - Instant::now());
        let load = Load {
            accepted: true,
            // Rounded up: the client has just asked for whole seconds.
            confirm_s: left.map(|it| (it + Duration::from_millis(999)).as_secs()),
            diagnostics: as_json(diagnostics),
            ..self.outcome(order)
        };
        info!(
            generation = load.generation,
            digest = load.digest,
            took_ms = load.took_ms,
            "every worker runs the new generation"
        );
        Reply::new(Exit::Good, load.facts(), words)
    }

    fn outcome(&self, order: &Order) -> Load {
        Load {
            generation: self.running.generation(),
            digest: self.running.digest(),
            took_ms: u64::try_from(order.asked.elapsed().as_millis()).unwrap_or(u64::MAX),
            ..Load::default()
        }
    }

    /// Runs a policy on every worker.
    ///
    /// # Errors
    /// What was missing; the running generation is untouched.
    async fn swap(
        &mut self,
        policy: Policy,
        text: &str,
        origin: String,
        confirm: Option<Duration>,
    ) -> anyhow::Result<()> {
        let generation = self.store.stage(text)?;
        let tables = Arc::new(policy.fabric.tables_for(policy.me, generation));
        if let Err(error) = self.prepare(&tables).await {
            self.store.discard(generation);
            return Err(error);
        }
        self.dataplane.install(Arc::clone(&tables)).await?;
        let running = Running {
            policy,
            tables,
            origin,
        };
        let old = std::mem::replace(&mut self.running, running);
        self.mesh.install(&self.running.tables, &self.dataplane);
        self.drop_pings();
        self.retire(&old.tables).await;
        self.trouble.clear(&About::SiteFile);
        match confirm {
            None => self.settle_confirmation(generation),
            Some(time) => self.await_confirmation(generation, &old, time),
        }
        Ok(())
    }

    /// Opens the ports that the tables add; undone on an error.
    async fn prepare(&mut self, tables: &Arc<Tables>) -> anyhow::Result<()> {
        let opened = attach(&mut self.ports, &self.dataplane, tables).await;
        if opened.is_err() {
            let running = Arc::clone(&self.running.tables);
            self.detach_unlisted(tables, &running).await;
            self.ports.retire(&running).await;
        }
        opened
    }

    /// Closes and removes what the old tables had and the new ones have not.
    async fn retire(&mut self, old: &Arc<Tables>) {
        let running = Arc::clone(&self.running.tables);
        self.detach_unlisted(old, &running).await;
        self.ports.retire(&running).await;
        let names = port_names(&running);
        self.trouble
            .keep_ports(|name| names.iter().any(|it| it == name));
    }

    async fn detach_unlisted(&self, from: &Tables, listed: &Tables) {
        let keep = port_names(listed);
        for name in port_names(from) {
            if !keep.contains(&name) {
                self.dataplane.detach(&name).await;
            }
        }
    }

    /// A generation that stays: whatever waited is overtaken.
    fn settle_confirmation(&mut self, generation: u64) {
        self.remember(generation);
        if let Some(pending) = self.pending.take() {
            self.missed = Some(pending.generation);
            let reply = self.confirmation(false);
            pending.tell(&reply);
        }
    }

    fn await_confirmation(&mut self, generation: u64, old: &Running, time: Duration) {
        let stored = self.store.accept_pending(generation);
        self.note_store(stored);
        self.pending = Some(Pending {
            generation,
            fallback: old.policy.clone(),
            previous: old.generation(),
            deadline: Instant::now() + time,
            waiters: Vec::new(),
        });
    }

    /// Takes back what was not confirmed.
    pub(super) async fn take_back(&mut self) {
        let Some(pending) = &self.pending else { return };
        let (policy, previous) = (pending.fallback.clone(), pending.previous);
        let missed = pending.generation;
        warn!(
            generation = missed,
            previous, "not confirmed in time; going back"
        );
        let swapped = match self.store.text(previous) {
            Ok(text) => {
                let origin = format!("generation {previous} again, as {missed} was not confirmed");
                self.swap(policy, &text, origin, None).await
            }
            Err(error) => Err(error.into()),
        };
        if let Err(error) = swapped {
            error!("cannot go back, trying again: {error:#}");
            let words = format!("cannot go back to generation {previous}: {error:#}");
            self.trouble.note(About::Confirm, words);
            if let Some(pending) = &mut self.pending {
                pending.postpone();
            }
            return;
        }
        self.trouble.clear(&About::Confirm);
        notify::ready(&self.one_line());
    }

    /// `skerry confirm`.
    pub(super) fn confirm(&mut self) -> Reply {
        match self.pending.take() {
            Some(pending) => {
                self.remember(pending.generation);
                self.missed = None;
                info!(generation = pending.generation, "confirmed");
                let reply = self.confirmation(true);
                pending.tell(&reply);
                reply
            }
            None if self.missed.is_some() => self.confirmation(false),
            None => Reply::refused("nothing waits for a confirmation"),
        }
    }

    pub(super) fn confirmation(&self, confirmed: bool) -> Reply {
        let exit = if confirmed {
            Exit::Good
        } else {
            Exit::RolledBack
        };
        let facts = Confirmation {
            confirmed,
            generation: self.running.generation(),
            digest: self.running.digest(),
        };
        Reply::new(exit, facts.facts(), String::new())
    }

    /// For the service manager's status line.
    pub(super) fn one_line(&self) -> String {
        let digest = self.running.digest();
        let digest = digest.get(..12).unwrap_or(&digest);
        format!("generation {}, digest {digest}", self.running.generation())
    }
}

fn origin(order: &Order) -> String {
    match order.kind {
        Kind::SiteFile => order.source.name.clone(),
        Kind::Applied(_) => format!("applied from {}", order.source.name),
        Kind::Rollback(generation) => format!("generation {generation} again"),
    }
}

/// The ports of this node, as the dataplane and the port manager name them.
pub(super) fn port_names(tables: &Tables) -> Vec<String> {
    let names = tables
        .local
        .ports
        .iter()
        .map(|&port| tables.fabric.port_name(port));
    names.collect()
}

fn as_json(diagnostics: &[skerry_policy::Diagnostic]) -> Vec<serde_json::Value> {
    // Diagnostics are structs of strings and numbers, which always serialise.
    let json = diagnostics
        .iter()
        .map(|it| serde_json::to_value(it).unwrap_or_default());
    json.collect()
}
