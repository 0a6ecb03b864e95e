//! What came of the keys, and what that took.

use crate::link::Cause;

/// Something that happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// From 1 on; one more each time.
    pub number: u64,
    /// When, in microseconds of whoever drives the panel. For keys: when the host knew.
    pub at_us: u64,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum What {
    /// The link is up, and the panel empty.
    Up,
    /// The link is down.
    Down(Cause),
    /// The reader went somewhere.
    Navigated {
        /// To which page.
        page: String,
        /// To which entry of its list, from 0 on.
        entry: usize,
        /// The entry is open.
        is_open: bool,
    },
    /// The reader has seen an alert.
    Acknowledged {
        /// Which one.
        alert: u64,
        /// For how long it had been on the screen, in milliseconds.
        after_ms: u64,
    },
    /// The reader agrees with a decision of the agent.
    Approved {
        /// Which one.
        decision: u64,
    },
    /// The reader forbids it.
    Vetoed {
        /// Which one.
        decision: u64,
    },
    /// The agent is to wait.
    Pause,
    /// The agent is to go on.
    Resume,
    /// The panel shows what came of an event.
    Shown {
        /// The number of that event.
        of: u64,
        /// From when the host knew of the key until the panel had acknowledged everything, in
        /// microseconds.
        key_to_shown_us: u64,
        /// Of that, from the first request that was made for it, in microseconds: how long the
        /// page took to fill.
        fill_us: u64,
    },
}
