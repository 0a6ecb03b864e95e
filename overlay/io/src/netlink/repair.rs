//! When to try again to make an interface that went away.

use std::time::Duration;

use tokio::time::Instant;

use crate::port::PortCause;

/// The first pause; each one is twice as long as the one before.
const FIRST: Duration = Duration::from_millis(100);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(10);

/// How far the attempts on one port have come.
#[derive(Debug)]
pub(crate) struct Repair {
    due: Instant,
    pause: Duration,
    told: Option<String>,
}

impl Repair {
    /// The first attempt is due at once.
    pub(crate) fn now() -> Self {
        Self {
            due: Instant::now(),
            pause: FIRST,
            told: None,
        }
    }

    /// When the next attempt is due.
    pub(crate) const fn due(&self) -> Instant {
        self.due
    }

    /// Something changed for the better: an attempt is worth its while soon, yet not at once, so
    /// that an interface that comes and goes cannot keep the actor busy.
    pub(crate) fn hurry(&mut self) {
        self.due = self.due.min(Instant::now() + FIRST);
    }

    /// The attempt failed; says whether this cause is news.
    pub(crate) fn failed(self, cause: &PortCause) -> (Self, bool) {
        let text = cause.to_string();
        let news = self.told.as_ref() != Some(&text);
        let next = Self {
            due: Instant::now() + self.pause,
            pause: (self.pause * 2).min(LONGEST),
            told: Some(text),
        };
        (next, news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_a_cause_is_news_once() {
        let cause = PortCause::TunMissing;
        let mut repair = Repair::now();
        let mut told = 0;
        for _ in 0..20 {
            let (next, news) = repair.failed(&cause);
            told += u32::from(news);
            repair = next;
        }
        assert_eq!((told, repair.pause), (1, LONGEST));
        let (_, news) = repair.failed(&PortCause::ManagerGone);
        assert!(news, "another cause is news again");
    }
}
