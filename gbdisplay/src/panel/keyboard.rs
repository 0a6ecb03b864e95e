//! From keys that are held to keys that are pressed.
//!
//! Contacts that have closed open again for some milliseconds. The cartridge looks at them more
//! often than games do, each 2.4 ms, so that its keys are quick, and would tell one press as two. So
//! a key goes down at once, and is up only after [`BOUNCE_US`] without it.

use skerry_panel_proto::Keys;

/// How long START is held to mean something, in microseconds.
const START_US: u64 = 1_000_000;
/// For how long a key that went up must stay up, in microseconds.
const BOUNCE_US: u64 = 25_000;
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
    /// What is told.
    down: Keys,
    /// What counts as held: that, and what has just gone up.
    held: Keys,
    /// When each of those that have just gone up did so.
    up_us: [u64; 8],
    /// When START counts.
    start_us: Option<u64>,
    /// Which key counts again, and when.
    repeat: Option<(Press, u64)>,
}

impl Keyboard {
    /// Takes the keys that are held; returns those that were not before.
    pub(super) fn handle_keys(&mut self, now_us: u64, keys: Keys) -> Vec<Press> {
        self.let_go(now_us);
        let before = std::mem::replace(&mut self.down, keys);
        for (bit, up_us) in self.up_us.iter_mut().enumerate() {
            if before.0 & !keys.0 & 1 << bit != 0 {
                *up_us = now_us;
            }
        }
        let new = Keys(keys.0 & !self.held.0);
        self.held = Keys(self.held.0 | keys.0);
        if new.contains(Keys::START) {
            self.start_us = Some(now_us.saturating_add(START_US));
        }
        let presses: Vec<Press> = PRESSES
            .iter()
            .filter(|(key, _)| new.contains(*key))
            .map(|(_, press)| *press)
            .collect();
        let direction = |it: &&Press| matches!(it, Press::Up | Press::Down);
        if let Some(press) = presses.iter().find(direction) {
            self.repeat = Some((*press, now_us.saturating_add(REPEAT_FIRST_US)));
        } else if new != Keys::default() {
            self.repeat = None;
        }
        presses
    }

    /// Lets go of what has been up for long enough.
    fn let_go(&mut self, now_us: u64) {
        for (bit, up_us) in self.up_us.iter().enumerate() {
            let is_up = self.down.0 >> bit & 1 == 0;
            if is_up && now_us.saturating_sub(*up_us) >= BOUNCE_US {
                self.held.0 &= !(1 << bit);
            }
        }
        if !self.held.contains(Keys::START) {
            self.start_us = None;
        }
        if !self.held.contains(Keys::UP) && !self.held.contains(Keys::DOWN) {
            self.repeat = None;
        }
    }

    /// What counts by now because it is still held.
    pub(super) fn handle_timeout(&mut self, now_us: u64) -> Option<Press> {
        self.let_go(now_us);
        if self.start_us.is_some_and(|it| now_us >= it) && self.down.contains(Keys::START) {
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

    /// A key whose contacts open for a while after they have closed.
    #[track_caller]
    fn check_bounce(open_us: u64, presses: usize) {
        let mut keyboard = Keyboard::default();
        let mut count = 0;
        for bounce in 0..3 {
            let now_us = bounce * (open_us + 2_000);
            count += keyboard.handle_keys(now_us, Keys::A).len();
            let open = keyboard.handle_keys(now_us + 2_000, Keys::default());
            assert_eq!(open, []);
        }
        assert_eq!(count, presses, "open for {open_us} us");
    }

    #[test]
    fn contacts_that_bounce_are_one_press() {
        for open_us in [1_000, 2_000, 5_000, BOUNCE_US - 1] {
            check_bounce(open_us, 1);
        }
        check_bounce(BOUNCE_US, 3);
    }

    #[test]
    fn start_and_directions_stay_held_while_they_bounce() {
        let mut keyboard = Keyboard::default();
        keyboard.handle_keys(0, Keys(Keys::START.0 | Keys::DOWN.0));
        keyboard.handle_keys(2_000, Keys::default());
        let both = Keys(Keys::START.0 | Keys::DOWN.0);
        assert_eq!(keyboard.handle_keys(4_000, both), []);
        let down = keyboard.handle_timeout(REPEAT_FIRST_US);
        assert_eq!(down, Some(Press::Down));
        assert_eq!(keyboard.handle_timeout(START_US), Some(Press::StartHeld));
        // Let go just before its time, it does not count.
        keyboard.handle_keys(START_US, Keys::default());
        keyboard.handle_keys(2 * START_US, Keys::START);
        keyboard.handle_keys(3 * START_US - 1, Keys::default());
        assert_eq!(keyboard.handle_timeout(3 * START_US), None);
        assert_eq!(keyboard.handle_timeout(4 * START_US), None);
    }
}
