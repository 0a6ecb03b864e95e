//! What is in front of the reader, and since when it has been on the screen.

use crate::label::Label;

/// For how long something must be shown, in microseconds, before a key can be about it. The rows of an
/// alert blink, and may begin with a quarter of a second in which they are blank.
pub const GUARD_US: u64 = 500_000;

/// What a key would be about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Front {
    /// The alert of that number, whatever is below it.
    Alert(u64),
    /// A page, or an entry of it.
    Page {
        /// Which one.
        page: usize,
        /// What the entry at the cursor is known by.
        entry: Option<Label>,
        /// What the decision at the cursor says.
        decision: Option<Label>,
        is_open: bool,
    },
}

/// Since when a reader can have seen what is in front of him. What was asked for is not seen before
/// the console has acknowledged all of it: until then something else is on the screen.
#[derive(Debug, Default)]
pub(super) struct Sight {
    front: Option<Front>,
    since_us: Option<u64>,
}

impl Sight {
    /// Takes what is in front of the reader now. If that is something else than before, nobody has
    /// seen it.
    pub(super) fn face(&mut self, front: Front) {
        if self.front.as_ref() != Some(&front) {
            self.front = Some(front);
            self.since_us = None;
        }
    }

    /// All of it is on the screen.
    pub(super) const fn show(&mut self, now_us: u64) {
        if self.since_us.is_none() {
            self.since_us = Some(now_us);
        }
    }

    /// It may not be on the screen any more.
    pub(super) const fn lose(&mut self) {
        self.since_us = None;
    }

    /// For how long it has been seen; none if that is too short for a key to be about it.
    pub(super) fn seen_us(&self, now_us: u64) -> Option<u64> {
        let shown_us = now_us.saturating_sub(self.since_us?);
        (shown_us >= GUARD_US).then_some(shown_us)
    }
}
