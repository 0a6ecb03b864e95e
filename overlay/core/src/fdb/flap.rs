//! How often an address has moved between equals: too often, and it is frozen where it is
//! (private-vlan 3.2; the numbers are those of RFC 7432 section 15.1).

use std::time::Duration;

use crate::time::Time;

/// One move more than this within [`WINDOW`] freezes the address.
const MOVES: usize = 5;
const WINDOW: Duration = Duration::from_secs(180);

/// The last moves of one address.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flaps {
    /// The oldest first; of these, the last `made` have happened.
    at: [Time; MOVES],
    made: usize,
    frozen: bool,
}

impl Flaps {
    /// Whether it moved too often. It stays where it is until it ages or a stronger claim comes.
    pub(super) const fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Counts one more move; false, and no move, when that is one too many.
    pub(super) fn may_move(&mut self, now: Time) -> bool {
        let [oldest, rest @ ..] = self.at;
        self.frozen |= self.made == MOVES && now.since(oldest) <= WINDOW;
        if !self.frozen {
            let [second, third, fourth, fifth] = rest;
            self.at = [second, third, fourth, fifth, now];
            self.made = (self.made + 1).min(MOVES);
        }
        !self.frozen
    }
}
