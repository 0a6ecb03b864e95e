//! From keys that are held to keys that are pressed.

use skerry_panel_proto::Keys;

/// How long START is held to mean something, in microseconds.
const START_US: u64 = 1_000_000;
/// How long until a direction that is held counts again, in microseconds.
const REPEAT_FIRST_US: u64 = 400_000;
/// And again.
const REPEAT_US: u64 = 120_000;

/// A key that does something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Press {
    A,
    B,
    Down,
    Left,
    Right,
    Select,
    StartHeld,
    Up,
}

/// The keys by what they do when pressed; START does nothing yet.
const PRESSES: [(Keys, Press); 7] = [
    (Keys::A, Press::A),
    (Keys::B, Press::B),
    (Keys::DOWN, Press::Down),
    (Keys::LEFT, Press::Left),
    (Keys::RIGHT, Press::Right),
    (Keys::SELECT, Press::Select),
    (Keys::UP, Press::Up),
];

/// What is held, and since when.
#[derive(Debug, Default)]
pub(super) struct Keyboard {
    held: Keys,
    /// When START counts.
    start_us: Option<u64>,
    /// Which key counts again, and when.
    repeat: Option<(Press, u64)>,
}

impl Keyboard {
    /// Takes the keys that are held; returns those that were not before.
    pub(super) fn handle_keys(&mut self, now_us: u64, keys: Keys) -> Vec<Press> {
        let before = std::mem::replace(&mut self.held, keys);
        let new = Keys(keys.0 & !before.0);
        if keys.contains(Keys::START) {
            self.start_us = if new.contains(Keys::START) {
                Some(now_us.saturating_add(START_US))
            } else {
                self.start_us
            };
        } else {
            self.start_us = None;
        }
        let presses: Vec<Press> = PRESSES
            .iter()
            .filter(|(key, _)| new.contains(*key))
            .map(|(_, press)| *press)
            .collect();
        let direction = |it: &&Press| matches!(it, Press::Up | Press::Down);
        if let Some(press) = presses.iter().find(direction) {
            self.repeat = Some((*press, now_us.saturating_add(REPEAT_FIRST_US)));
        } else if keys != before {
            self.repeat = None;
        }
        presses
    }

    /// What counts by now because it is still held.
    pub(super) fn handle_timeout(&mut self, now_us: u64) -> Option<Press> {
        if self.start_us.is_some_and(|it| now_us >= it) {
            self.start_us = None;
            return Some(Press::StartHeld);
        }
        let (press, at_us) = self.repeat.filter(|(_, at_us)| now_us >= *at_us)?;
        // One at a time, however late: what was missed is not made up for.
        let next_us = at_us.saturating_add(REPEAT_US).max(now_us);
        self.repeat = Some((press, next_us));
        Some(press)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_counts_when_it_goes_down() {
        let mut keyboard = Keyboard::default();
        assert_eq!(keyboard.handle_keys(0, Keys::A), [Press::A]);
        assert_eq!(keyboard.handle_keys(1, Keys::A), []);
        let both = Keys(Keys::A.0 | Keys::SELECT.0);
        assert_eq!(keyboard.handle_keys(2, both), [Press::Select]);
        assert_eq!(keyboard.handle_keys(3, Keys::default()), []);
        assert_eq!(keyboard.handle_timeout(u64::MAX), None);
    }

    #[test]
    fn start_counts_once_when_it_was_held() {
        let mut keyboard = Keyboard::default();
        keyboard.handle_keys(0, Keys::START);
        assert_eq!(keyboard.handle_timeout(START_US - 1), None);
        assert_eq!(keyboard.handle_timeout(START_US), Some(Press::StartHeld));
        assert_eq!(keyboard.handle_timeout(3 * START_US), None);
        keyboard.handle_keys(0, Keys::default());
        keyboard.handle_keys(0, Keys::START);
        keyboard.handle_keys(START_US / 2, Keys::default());
        assert_eq!(keyboard.handle_timeout(START_US), None);
    }

    #[test]
    fn a_direction_that_is_held_counts_again() {
        let mut keyboard = Keyboard::default();
        keyboard.handle_keys(0, Keys::DOWN);
        assert_eq!(keyboard.handle_timeout(REPEAT_FIRST_US - 1), None);
        let late = REPEAT_FIRST_US + 10 * REPEAT_US;
        assert_eq!(keyboard.handle_timeout(late), Some(Press::Down));
        keyboard.handle_keys(late, Keys::default());
        assert_eq!(keyboard.handle_timeout(u64::MAX), None);
    }
}
