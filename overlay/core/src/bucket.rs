//! How much of something may pass in a second: the virtual scheduling form of the generic cell
//! rate algorithm (ITU-T I.371), which is a token bucket that keeps one point in time.

use std::time::Duration;

use crate::time::Time;

const SECOND: u64 = 1_000_000_000;

/// A rate, and a bound on what may come at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    /// Units a second; zero lets nothing pass.
    rate: u64,
    /// How far ahead of its rate the traffic may run.
    burst: Duration,
    /// When everything that has passed would have passed at the rate.
    due: Time,
}

impl Bucket {
    /// A bucket that holds what arrives in `burst`.
    pub(crate) const fn new(rate: u64, burst: Duration) -> Self {
        Self {
            rate,
            burst,
            due: Time(0),
        }
    }

    /// Whether something may pass now.
    pub(crate) fn is_ready(&self, now: Time) -> bool {
        self.rate > 0 && self.due <= now + self.burst
    }

    /// Notes that `units` have passed. They may be more than the bucket holds: then the next have
    /// to wait for longer, and the average is the rate all the same.
    pub(crate) fn charge(&mut self, now: Time, units: u64) {
        let nanos = u128::from(units) * u128::from(SECOND) / u128::from(self.rate.max(1));
        let span = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.due = self.due.max(now) + span;
    }

    /// Lets `units` pass if there is room for all of them, and never more than the bucket holds.
    pub(crate) fn take_all(&mut self, now: Time, units: u64) -> bool {
        let due = self.due;
        self.charge(now, units);
        let fits = self.rate > 0 && self.due <= now + self.burst;
        if !fits {
            self.due = due;
        }
        fits
    }

    /// Lets `units` pass, or not.
    pub(crate) fn take(&mut self, now: Time, units: u64) -> bool {
        let ready = self.is_ready(now);
        if ready {
            self.charge(now, units);
        }
        ready
    }

    /// The same debt under another rate: a reload is no way to fill a bucket.
    pub(crate) const fn inherit(self, old: &Self) -> Self {
        Self {
            due: old.due,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Time {
        Time(millis * 1_000_000)
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let mut bucket = Bucket::new(200, Duration::from_millis(100));
        let passed = |bucket: &mut Bucket, from: u64, to: u64| {
            (from..to).filter(|&ms| bucket.take(at(ms), 1)).count()
        };
        assert_eq!(passed(&mut bucket, 0, 1_000), 220, "the first second");
        assert_eq!(passed(&mut bucket, 1_000, 2_000), 200, "the second");
    }

    #[test]
    fn a_debt_is_paid_before_the_next_passes() {
        let mut bucket = Bucket::new(1_000, Duration::from_millis(50));
        assert!(bucket.take(at(0), 5_000));
        assert!(!bucket.take(at(4_949), 1));
        assert!(bucket.take(at(4_950), 1));
    }

    #[test]
    fn what_is_more_than_the_bucket_holds_never_passes_as_a_whole() {
        let mut bucket = Bucket::new(1_000, Duration::from_millis(50));
        assert!(!bucket.take_all(at(9_000), 51));
        assert!(bucket.take_all(at(9_000), 50));
        assert!(!bucket.take_all(at(9_000), 1));
        assert!(bucket.take_all(at(9_001), 1));
    }

    #[test]
    fn nothing_passes_at_rate_zero() {
        assert!(!Bucket::new(0, Duration::from_secs(9)).take(at(1), 1));
    }

    #[test]
    fn a_new_rate_does_not_forgive() {
        let mut old = Bucket::new(10, Duration::from_millis(100));
        while old.take(at(0), 1) {}
        let mut new = Bucket::new(20, Duration::from_millis(100)).inherit(&old);
        assert!(!new.take(at(0), 1));
    }

    proptest! {
        /// Against the definition: in any span, no more than the rate, a burst and one more.
        #[test]
        fn no_span_sees_more_than_it_may(
            rate in 1_u64..5_000,
            burst_ms in 0_u64..200,
            gaps in prop::collection::vec(0_u64..5_000_000, 1..400),
        ) {
            let mut bucket = Bucket::new(rate, Duration::from_millis(burst_ms));
            let mut now = 1_000_000_000;
            let mut passed = Vec::new();
            for gap in gaps {
                now += gap;
                if bucket.take(Time(now), 1) {
                    passed.push(now);
                }
            }
            for (i, &from) in passed.iter().enumerate() {
                for (n, &to) in passed[i..].iter().enumerate() {
                    let span = u128::from(to - from) + u128::from(burst_ms) * 1_000_000;
                    let most = span * u128::from(rate) / 1_000_000_000 + 2;
                    prop_assert!(n as u128 <= most, "{n} in {span} ns at {rate}/s");
                }
            }
        }
    }
}
