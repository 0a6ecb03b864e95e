//! What a panel shares with whoever runs it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Seen by both while the panel is shown.
#[derive(Debug)]
pub(crate) struct Shared {
    /// When the wall clock of a trace began.
    since: Instant,
    /// Set by whoever wants it to end.
    stop: Arc<AtomicBool>,
}

impl Shared {
    /// From now on, until that is set.
    pub(crate) fn new(stop: Arc<AtomicBool>) -> Self {
        Self {
            since: Instant::now(),
            stop,
        }
    }

    /// Whether it is to end.
    pub(super) fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Microseconds of the wall clock.
    pub(super) fn wall_us(&self, at: Instant) -> u64 {
        let passed = at.saturating_duration_since(self.since);
        u64::try_from(passed.as_micros()).unwrap_or(u64::MAX)
    }
}
