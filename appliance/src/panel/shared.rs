//! What a panel shares with whoever runs it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Seen by both while the panel is shown.
#[derive(Debug)]
pub(crate) struct Shared {
    /// When the wall clock of a trace began.
    since: Instant,
    /// Set by whoever wants it to end.
    stop: Arc<AtomicBool>,
    /// How far the clock of the panel is. It falls behind the wall where a machine is too busy.
    now_us: AtomicU64,
}

impl Shared {
    /// From now on, until that is set.
    pub(crate) fn new(stop: Arc<AtomicBool>) -> Self {
        Self {
            since: Instant::now(),
            stop,
            now_us: AtomicU64::new(0),
        }
    }

    /// Whether it is to end.
    pub(super) fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// How far the clock of the panel is.
    pub(crate) fn now(&self) -> Duration {
        Duration::from_micros(self.now_us.load(Ordering::Relaxed))
    }

    pub(super) fn set_now(&self, now_us: u64) {
        self.now_us.store(now_us, Ordering::Relaxed);
    }

    /// Microseconds of the wall clock.
    pub(crate) fn wall_us(&self, at: Instant) -> u64 {
        let passed = at.saturating_duration_since(self.since);
        u64::try_from(passed.as_micros()).unwrap_or(u64::MAX)
    }
}
