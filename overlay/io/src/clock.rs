//! The one clock of a node: what every `now` in the datapath was read from.

use std::time::Instant;

use skerry_overlay::Time;

/// Monotonic time since the start of the node. Copies agree with each other.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    zero: Instant,
}

impl Clock {
    /// A clock whose zero is now.
    pub fn start() -> Self {
        Self {
            zero: Instant::now(),
        }
    }

    /// Nanoseconds since the clock was started (CLOCK_MONOTONIC, never steps back).
    pub fn now(&self) -> Time {
        Time::default() + self.zero.elapsed()
    }
}
