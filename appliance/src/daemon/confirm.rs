//! A generation that runs until it is confirmed, or is taken back by itself.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::candidate::Policy;
use super::node::{Node, Running};
use super::notify;
use super::trouble::About;
use crate::control_socket::Reply;
use crate::exit::Exit;
use crate::view::{Confirmation, View};

/// After a failure to go back, how long until the next try.
const RETRY: Duration = Duration::from_secs(5);

/// The generation that waits.
#[derive(Debug)]
pub(super) struct Pending {
    /// Which one.
    pub(super) generation: u64,
    /// What it falls back to, proven when it was accepted.
    pub(super) fallback: Policy,
    /// That one's number.
    pub(super) previous: u64,
    /// When it is taken back.
    pub(super) deadline: Instant,
    /// Clients that wait to hear what becomes of it.
    pub(super) waiters: Vec<oneshot::Sender<Reply>>,
}

impl Pending {
    /// Tells everybody who waits.
    pub(super) fn tell(self, reply: &Reply) {
        for waiter in self.waiters {
            // A client that went away does not want to know.
            drop(waiter.send(reply.clone()));
        }
    }

    /// Tries again later.
    pub(super) fn postpone(&mut self) {
        self.deadline = Instant::now() + RETRY;
    }
}

/// Resolves when the pending generation's time is up; never when nothing waits.
pub(super) async fn expired(pending: Option<&Pending>) {
    match pending {
        Some(pending) => tokio::time::sleep_until(pending.deadline).await,
        None => std::future::pending().await,
    }
}

impl Node {
    /// A generation that stays: whatever waited is overtaken.
    pub(super) fn settle_confirmation(&mut self, generation: u64) {
        self.remember(generation);
        if let Some(pending) = self.pending.take() {
            let reply = self.confirmation(false);
            pending.tell(&reply);
        }
    }

    pub(super) fn await_confirmation(&mut self, generation: u64, old: &Running, time: Duration) {
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
        self.missed = Some(self.running.generation());
        self.trouble.clear(&About::Confirm);
        notify::ready(&self.one_line());
    }

    /// `skerry confirm`.
    pub(super) fn confirm(&mut self) -> Reply {
        match self.pending.take() {
            Some(pending) => {
                self.remember(pending.generation);
                info!(generation = pending.generation, "confirmed");
                let reply = self.confirmation(true);
                pending.tell(&reply);
                reply
            }
            None if self.missed == Some(self.running.generation()) => self.confirmation(false),
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
}
