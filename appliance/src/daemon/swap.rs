//! Loading a site file: check, prove, prepare, swap, acknowledge, retire, store.
//!
//! Until the swap nothing that runs is touched, and every step before it undoes itself. After it
//! every worker runs the new tables; what may still fail then is only bookkeeping.

use std::sync::Arc;
use std::time::Duration;

use skerry_overlay_io::Dataplane;
use skerry_policy::Diagnostic;
use tokio::time::Instant;
use tracing::{info, warn};

use super::answer::tell;
use super::candidate::{Judged, Policy};
use super::loading::{Kind, Order};
use super::node::{Node, Running, attach};
use super::notify;
use super::trouble::About;
use crate::control_socket::Reply;
use crate::exit::Exit;
use crate::view::{Load, View};

impl Node {
    /// Ends an order: runs what was judged good, and tells whoever asked.
    pub(super) async fn finish(&mut self, order: Order, judged: Option<Judged>) {
        // What it was compared with may have been taken back meanwhile.
        if judged
            .as_ref()
            .is_some_and(|it| it.against != Some(self.fabric().digest))
        {
            self.loading.push_front(order);
            return;
        }
        let answer = match (judged, self.waits(order.kind)) {
            (Some(judged), None) => self.load(&order, judged).await,
            (Some(_), Some(words)) => self.turn_away(order.asked, words),
            (None, _) => {
                let words = "the check itself failed".to_owned();
                self.refuse(order.kind, order.asked, &[], words)
            }
        };
        notify::ready(&self.one_line());
        tell(order.reply, answer);
    }

    /// Why nothing new may be loaded now; only going back is always allowed.
    pub(super) fn waits(&self, kind: Kind) -> Option<String> {
        let pending = self.pending.as_ref()?;
        (!matches!(kind, Kind::Rollback(_))).then(|| {
            format!(
                "generation {} waits for its confirmation; `skerry confirm` or `skerry rollback` \
                 first",
                pending.generation
            )
        })
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
            return self.refuse(order.kind, order.asked, &diagnostics, words);
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
                self.refuse(order.kind, order.asked, &diagnostics, words)
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
        let generation = self.running.generation();
        tracing::info!(generation, "asked to load what runs already; going on");
        self.running.origin = origin(order);
        self.remember(self.running.generation());
        let load = Load {
            accepted: true,
            unchanged: true,
            ..self.outcome(order.asked)
        };
        Reply::good(load.facts())
    }

    /// Counts a refusal and says that nothing has changed.
    pub(super) fn refuse(
        &mut self,
        kind: Kind,
        asked: Instant,
        diagnostics: &[Diagnostic],
        words: String,
    ) -> Reply {
        self.rejected += 1;
        let last = words.trim_end().lines().last().unwrap_or_default();
        warn!(
            generation = self.running.generation(),
            "refused, going on as before: {last}"
        );
        if kind == Kind::SiteFile {
            let words = format!("the site file is refused: {last}");
            self.trouble.note(About::SiteFile, words);
        }
        let load = Load {
            diagnostics: as_json(diagnostics),
            ..self.outcome(asked)
        };
        Reply::new(Exit::Bad, load.facts(), words)
    }

    /// Not now; the file itself was not looked at.
    pub(super) fn turn_away(&self, asked: Instant, words: String) -> Reply {
        warn!("not loaded: {words}");
        Reply::new(Exit::Bad, self.outcome(asked).facts(), words)
    }

    fn accepted(&self, order: &Order, diagnostics: &[Diagnostic], words: String) -> Reply {
        let left = self.pending.as_ref().map(|it| it.deadline - Instant::now());
        let load = Load {
            accepted: true,
            // Rounded up: the client has just asked for whole seconds.
            confirm_s: left.map(|it| (it + Duration::from_millis(999)).as_secs()),
            diagnostics: as_json(diagnostics),
            ..self.outcome(order.asked)
        };
        info!(
            generation = load.generation,
            digest = load.digest,
            took_ms = load.took_ms,
            "every worker runs the new generation"
        );
        Reply::new(Exit::Good, load.facts(), words)
    }

    fn outcome(&self, asked: Instant) -> Load {
        Load {
            generation: self.running.generation(),
            digest: self.running.digest(),
            node_file: self.trouble.about(&About::NodeFile).map(str::to_owned),
            took_ms: u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX),
            ..Load::default()
        }
    }

    /// Runs a policy on every worker.
    ///
    /// # Errors
    /// What was missing; the running generation is untouched.
    pub(super) async fn swap(
        &mut self,
        policy: Policy,
        text: &str,
        origin: String,
        confirm: Option<Duration>,
    ) -> anyhow::Result<()> {
        let generation = self.store.stage(text)?;
        let tables = Arc::new(policy.fabric.tables_for(policy.me, generation));
        let running = Running::new(policy, Arc::clone(&tables), origin);
        if let Err(error) = self.prepare(&running).await {
            self.store.discard(generation);
            return Err(error);
        }
        self.dataplane.install(tables).await?;
        let old = std::mem::replace(&mut self.running, running);
        self.mesh.install(&self.running.tables, &self.dataplane);
        self.drop_pings();
        self.note_family();
        self.retire(&old).await;
        self.trouble.clear(&About::SiteFile);
        match confirm {
            None => self.settle_confirmation(generation),
            Some(time) => self.await_confirmation(generation, &old, time),
        }
        Ok(())
    }

    /// Opens the ports that the tables add. What was handed to the workers before one of them
    /// could not be attached is taken back.
    async fn prepare(&mut self, next: &Running) -> anyhow::Result<()> {
        let opened = attach(&mut self.ports, &self.dataplane, &next.tables).await;
        if opened.is_err() {
            self.ports.retire(&self.running.tables).await;
            detach(&self.dataplane, next.ports.difference(&self.running.ports)).await;
        }
        opened
    }

    /// Removes and closes what the old tables had and the new ones have not. In this order: a TAP
    /// that is closed is gone, and the port manager would make one that it still keeps again.
    async fn retire(&mut self, old: &Running) {
        self.ports.retire(&self.running.tables).await;
        detach(&self.dataplane, old.ports.difference(&self.running.ports)).await;
        self.trouble
            .keep_ports(|name| self.running.ports.contains(name));
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

async fn detach(dataplane: &Dataplane, names: impl Iterator<Item = &String>) {
    for name in names {
        dataplane.detach(name).await;
    }
}

fn as_json(diagnostics: &[Diagnostic]) -> Vec<serde_json::Value> {
    // Diagnostics are structs of strings and numbers, which always serialise.
    let json = diagnostics
        .iter()
        .map(|it| serde_json::to_value(it).unwrap_or_default());
    json.collect()
}
