//! Log lines that a guest or a peer can cause: at most one a second of each kind, with a count of
//! those left out.

use std::num::NonZeroU64;
use std::time::Duration;

use tokio::time::Instant;

/// How often a kind of line may be written.
const EVERY: Duration = Duration::from_secs(1);

/// One kind of line.
#[derive(Debug, Default)]
pub(super) struct Limit {
    last: Option<Instant>,
    left_out: u64,
}

impl Limit {
    /// `Some` when a line may be written now, with the number of those left out before it, if any:
    /// a field that is `None` does not show in a line.
    pub(super) fn pass(&mut self, now: Instant) -> Option<Option<NonZeroU64>> {
        if self
            .last
            .is_some_and(|last| now.duration_since(last) < EVERY)
        {
            self.left_out += 1;
            return None;
        }
        self.last = Some(now);
        Some(NonZeroU64::new(std::mem::take(&mut self.left_out)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_and_the_rest_is_counted() {
        let start = Instant::now();
        let mut limit = Limit::default();
        assert_eq!(limit.pass(start), Some(None));
        for _ in 0..5 {
            assert_eq!(limit.pass(start + EVERY / 2), None);
        }
        assert_eq!(limit.pass(start + EVERY), Some(NonZeroU64::new(5)));
        assert_eq!(limit.pass(start + EVERY * 2), Some(None));
    }
}
