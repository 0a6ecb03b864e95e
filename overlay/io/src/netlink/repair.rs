//! When to try to make an interface again: at once, then less and less often.

use std::time::Duration;

use tokio::time::Instant;

use crate::port::PortCause;

/// The first pause; each one is twice as long as the one before.
const FIRST: Duration = Duration::from_millis(100);

/// The longest pause. An interface that stayed for as long is not being taken away in a loop.
const LONGEST: Duration = Duration::from_secs(10);

/// How far the attempts on one port have come.
#[derive(Debug, Default)]
pub(crate) struct Repair {
    due: Option<Instant>,
    pause: Duration,
    mended: Option<Instant>,
    told: Option<String>,
}

impl Repair {
    /// The interface is gone. The first attempt is due at once, unless it was made only just now:
    /// somebody who keeps deleting it must not keep the actor busy.
    pub(crate) fn start(&mut self) {
        let now = Instant::now();
        let again = self
            .mended
            .is_some_and(|then| now.duration_since(then) < LONGEST);
        if again {
            self.postpone(now);
        } else {
            (self.due, self.pause) = (Some(now), Duration::ZERO);
        }
        self.told = None;
    }

    /// When the next attempt is due; `None` while there is nothing to repair.
    pub(crate) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Something changed for the better: an attempt is worth its while soon, yet not at once.
    pub(crate) fn hurry(&mut self) {
        let soon = Instant::now() + FIRST;
        self.due = self.due.map(|due| due.min(soon));
    }

    /// The attempt failed; says whether this cause is news.
    pub(crate) fn failed(&mut self, cause: &PortCause) -> bool {
        self.postpone(Instant::now());
        let text = Some(cause.to_string());
        let news = self.told != text;
        self.told = text;
        news
    }

    /// The interface is back.
    pub(crate) fn mended(&mut self) {
        (self.due, self.mended) = (None, Some(Instant::now()));
    }

    fn postpone(&mut self, now: Instant) {
        self.pause = (self.pause * 2).clamp(FIRST, LONGEST);
        self.due = Some(now + self.pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(repair: &Repair) -> Duration {
        repair
            .due()
            .unwrap()
            .saturating_duration_since(Instant::now())
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_a_cause_is_news_once() {
        let mut repair = Repair::default();
        repair.start();
        assert_eq!(wait(&repair), Duration::ZERO);
        let told = (0..20)
            .filter(|_| repair.failed(&PortCause::TunMissing))
            .count();
        assert_eq!((told, repair.pause), (1, LONGEST));
        assert!(
            repair.failed(&PortCause::ManagerGone),
            "another cause is news again"
        );
    }

    #[test]
    fn an_interface_that_is_deleted_in_a_loop_is_made_less_and_less_often() {
        let mut repair = Repair::default();
        for _ in 0..10 {
            repair.start();
            repair.mended();
            assert_eq!(repair.due(), None);
        }
        repair.start();
        assert!(wait(&repair) > LONGEST / 2, "{repair:?}");
    }
}
