//! Orders to load a site file, one at a time, each judged on a thread of its own so that the
//! daemon goes on answering meanwhile.

use std::collections::VecDeque;
use std::time::Duration;

use skerry_policy::Source;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::candidate::{Identity, Judged, Policy, judge};
use crate::control_socket::Reply;

/// Orders that may wait; a person does not give more.
const WAITING: usize = 8;

/// What is to be loaded, why, and who asked.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) source: Source,
    pub(super) kind: Kind,
    pub(super) colour: bool,
    pub(super) asked: Instant,
    /// Who is told; nobody after a signal.
    pub(super) reply: Option<oneshot::Sender<Reply>>,
}

/// Where a candidate comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// The site file named in the node file.
    SiteFile,
    /// A client's file; to be confirmed within this time if given.
    Applied(Option<Duration>),
    /// An earlier generation, by a client's wish.
    Rollback(u64),
}

/// The order in hand and those that wait.
#[derive(Debug, Default)]
pub(super) struct Loading {
    waiting: VecDeque<Order>,
    in_hand: Option<(JoinHandle<Judged>, Order)>,
}

impl Loading {
    /// Takes an order.
    ///
    /// # Errors
    /// Gives it back when too many wait.
    pub(super) fn push(&mut self, order: Order) -> Result<(), Order> {
        if self.waiting.len() >= WAITING {
            return Err(order);
        }
        self.waiting.push_back(order);
        Ok(())
    }

    /// Whether there is nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.in_hand.is_none()
    }

    /// Takes an order that has to be judged once more.
    pub(super) fn push_front(&mut self, order: Order) {
        self.waiting.push_front(order);
    }

    /// Starts judging the next order unless one is in hand; `true` when it did.
    pub(super) fn start_next(&mut self, identity: &Identity, running: &Policy) -> bool {
        if self.in_hand.is_some() {
            return false;
        }
        let Some(order) = self.waiting.pop_front() else {
            return false;
        };
        let (source, identity) = (order.source.clone(), identity.clone());
        let running = running.clone();
        let work = move || judge(source, &identity, Some(&running));
        self.in_hand = Some((tokio::task::spawn_blocking(work), order));
        true
    }

    /// Waits for the verdict on the order in hand; for ever when there is none. Cancel safe.
    pub(super) async fn judged(&mut self) -> (Order, Option<Judged>) {
        let judged = match &mut self.in_hand {
            // The thread can only fail by panicking, which release builds do not survive.
            Some((work, _)) => work.await.ok(),
            None => std::future::pending().await,
        };
        match self.in_hand.take() {
            Some((_, order)) => (order, judged),
            None => std::future::pending().await,
        }
    }
}
