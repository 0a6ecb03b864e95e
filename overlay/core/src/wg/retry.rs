//! When to begin the next handshake with a peer that does not answer.

use std::time::Duration;

use crate::time::Time;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Waits of 1, 2, 4 ... 30 seconds. boringtun repeats an initiation every 5 seconds for 90; this
/// starts it sooner and never lets it end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retry {
    at: Time,
    wait: Duration,
}

impl Retry {
    /// Due at once.
    pub(super) const fn new() -> Self {
        Self {
            at: Time(0),
            wait: FIRST,
        }
    }

    pub(super) fn due(&self, now: Time) -> bool {
        self.at <= now
    }

    /// An initiation has gone out: the next one waits twice as long as this one did.
    pub(super) fn tried(&mut self, now: Time) {
        self.at = now + self.wait;
        self.wait = (self.wait * 2).min(LONGEST);
    }

    /// The peer has begun a handshake: gives it the time to finish.
    pub(super) fn defer(&mut self, now: Time) {
        self.at = self.at.max(now + FIRST);
    }

    /// The tunnel works.
    pub(super) const fn reset(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute_and_start_over_when_it_works() {
        let mut retry = Retry::new();
        let mut now = Time(0);
        let mut waits = Vec::new();
        for _ in 0..7 {
            assert!(retry.due(now), "{retry:?} at {now:?}");
            retry.tried(now);
            waits.push(retry.at.since(now).as_secs());
            assert!(!retry.due(now), "{retry:?} at {now:?}");
            now = retry.at;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        retry.reset();
        assert!(retry.due(now));
    }

    #[test]
    fn a_peer_that_has_begun_gets_a_second() {
        let mut retry = Retry::new();
        retry.defer(Time(0));
        assert!(!retry.due(Time(999_999_999)));
        assert!(retry.due(Time(1_000_000_000)));
    }
}
