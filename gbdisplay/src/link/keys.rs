//! The keys of a console since its link is up.

use skerry_panel_proto::Keys;

/// The bits of [`Keys`] that are told in one status.
pub(super) const DIRECTIONS: u8 = 0x0F;
/// And in the other.
pub(super) const BUTTONS: u8 = 0xF0;

/// What is held. A key counts only if it went down while the link was up: one that is found held
/// goes for nothing until it is let go, since nobody knows what its finger is about.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Of which keys something was told.
    known: u8,
    /// Which of them were held already.
    found: u8,
    keys: Keys,
}

impl Held {
    /// Takes what is told of some of the keys. Returns what counts as held, if that is something
    /// else than before.
    pub(super) fn handle_status(&mut self, of: u8, held: u8) -> Option<Keys> {
        let is_first = self.known & of == 0;
        self.known |= of;
        self.found = if is_first {
            self.found | held & of
        } else {
            self.found & (held | !of)
        };
        self.set(Keys(self.keys.0 & !of | held & of & !self.found))
    }

    /// The link is down: nothing is held, and nothing is known. Returns as the other.
    pub(super) fn let_go(&mut self) -> Option<Keys> {
        let changed = self.set(Keys::default());
        *self = Self::default();
        changed
    }

    fn set(&mut self, keys: Keys) -> Option<Keys> {
        let before = std::mem::replace(&mut self.keys, keys);
        (before != keys).then_some(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: u8 = Keys::A.0;
    const B: u8 = Keys::B.0;
    const UP: u8 = Keys::UP.0;

    #[test]
    fn a_key_that_is_found_held_counts_once_it_was_let_go() {
        let mut held = Held::default();
        assert_eq!(held.handle_status(BUTTONS, A), None);
        assert_eq!(held.handle_status(DIRECTIONS, UP), None);
        assert_eq!(held.handle_status(BUTTONS, A | B), Some(Keys(B)));
        assert_eq!(held.handle_status(DIRECTIONS, 0), None);
        assert_eq!(held.handle_status(DIRECTIONS, UP), Some(Keys(UP | B)));
        assert_eq!(held.handle_status(BUTTONS, B), None);
        assert_eq!(held.handle_status(BUTTONS, A | B), Some(Keys(UP | A | B)));
    }

    #[test]
    fn what_was_held_when_the_link_went_down_is_found_held_afterwards() {
        let mut held = Held::default();
        held.handle_status(BUTTONS, 0);
        assert_eq!(held.handle_status(BUTTONS, A), Some(Keys(A)));
        assert_eq!(held.let_go(), Some(Keys::default()));
        assert_eq!(held.let_go(), None);
        assert_eq!(held.handle_status(BUTTONS, A), None);
    }
}
