//! A generation that runs until it is confirmed, or is taken back by itself.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::candidate::Policy;
use crate::control_socket::Reply;

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
