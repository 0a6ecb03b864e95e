//! The keys of a terminal as those of the console.
//!
//! A terminal tells when a key goes down, and again while it is held, but not when it goes up. So
//! a key counts as held for a moment, and the one for START for as long as START must be held. A and
//! B decide: whatever comes before a terminal can have begun to repeat one is the same press.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use skerry_panel_proto::Keys;

/// For how long a key counts as held, in microseconds: longer than a picture, and than the pause
/// between two repetitions.
pub const HOLD_US: u64 = 90_000;
/// For how long A and B do: longer than until the first repetition, which comes after 250 to 600 ms.
const HOLD_DECIDING_US: u64 = 700_000;
/// For how long at least a key counts that somebody lets go of: the console looks once a picture,
/// and two looks must agree.
pub const TAP_US: u64 = 40_000;
/// For how long START does when `p` is pressed.
pub const HOLD_START_US: u64 = 1_100_000;

/// The key of the console, and for how long it is held.
#[must_use]
pub fn key(event: &KeyEvent) -> Option<(Keys, u64)> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let held = |keys| Some((keys, HOLD_US));
    let decides = |keys| Some((keys, HOLD_DECIDING_US));
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "every other key of a keyboard"
    )]
    match event.code {
        KeyCode::Right => held(Keys::RIGHT),
        KeyCode::Left => held(Keys::LEFT),
        KeyCode::Up => held(Keys::UP),
        KeyCode::Down => held(Keys::DOWN),
        KeyCode::Char('a' | 'x' | ' ') => decides(Keys::A),
        KeyCode::Char('b' | 'z') => decides(Keys::B),
        KeyCode::Backspace | KeyCode::Tab => held(Keys::SELECT),
        KeyCode::Enter => held(Keys::START),
        KeyCode::Char('p') => Some((Keys::START, HOLD_START_US)),
        _ => None,
    }
}

/// True for `q`, Escape and Control-C.
#[must_use]
pub fn wants_to_leave(event: &KeyEvent) -> bool {
    let is_control = event.modifiers.contains(KeyModifiers::CONTROL);
    matches!(event.code, KeyCode::Char('q') | KeyCode::Esc)
        || is_control && event.code == KeyCode::Char('c')
}

/// Keys that are held, by those who say when they let go and by those who do not.
#[derive(Debug, Default)]
pub struct Hands {
    /// Until somebody lets go.
    down: Keys,
    /// Until when, for each of the eight.
    until_us: [u64; 8],
}

impl Hands {
    /// Presses keys for a time, in microseconds.
    pub fn press(&mut self, now_us: u64, keys: Keys, hold_us: u64) {
        for (bit, until_us) in self.until_us.iter_mut().enumerate() {
            if keys.0 >> bit & 1 == 1 {
                let is_held = now_us < *until_us;
                // A key that repeats need only last until it does so again.
                let hold_us = if is_held {
                    hold_us.min(HOLD_US)
                } else {
                    hold_us
                };
                *until_us = (*until_us).max(now_us.saturating_add(hold_us));
            }
        }
    }

    /// Holds those keys until told otherwise; what was pressed for a time stays so for that time.
    pub const fn hold(&mut self, keys: Keys) {
        self.down = keys;
    }

    /// What is held.
    #[must_use]
    pub fn held(&self, now_us: u64) -> Keys {
        let bits = self.until_us.iter().enumerate();
        Keys(bits.fold(self.down.0, |keys, (bit, until_us)| {
            keys | u8::from(now_us < *until_us) << bit
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: KeyCode, expect: Option<Keys>) {
        let event = KeyEvent::new(code, KeyModifiers::NONE);
        assert_eq!(key(&event).map(|it| it.0), expect);
    }

    #[test]
    fn the_keys_of_a_keyboard_are_those_of_the_console() {
        check(KeyCode::Up, Some(Keys::UP));
        check(KeyCode::Char('x'), Some(Keys::A));
        check(KeyCode::Char('z'), Some(Keys::B));
        check(KeyCode::Enter, Some(Keys::START));
        check(KeyCode::Backspace, Some(Keys::SELECT));
        check(KeyCode::Char('q'), None);
        let quit = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert!(wants_to_leave(&quit));
        let plain = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::NONE);
        assert!(!wants_to_leave(&plain));
    }

    #[test]
    fn a_key_that_a_terminal_repeats_is_one_press() {
        for code in [KeyCode::Char('a'), KeyCode::Char('b')] {
            let mut hands = Hands::default();
            let event = KeyEvent::new(code, KeyModifiers::NONE);
            let (keys, hold_us) = key(&event).unwrap();
            // The first repetition, and those after it.
            let told = std::iter::once(0).chain((0..20).map(|it| 600_000 + it * 33_000));
            for at_us in told {
                assert!(at_us == 0 || hands.held(at_us).contains(keys), "{at_us}");
                hands.press(at_us, keys, hold_us);
            }
            assert_eq!(hands.held(3_000_000), Keys::default());
        }
    }

    #[test]
    fn one_who_taps_again_and_again_presses_again_and_again() {
        let mut hands = Hands::default();
        let (keys, hold_us) = key(&KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE)).unwrap();
        let (mut presses, mut was_held) = (0, false);
        for now_us in (0..10_000_000).step_by(10_000) {
            if now_us % 500_000 == 0 {
                hands.press(now_us, keys, hold_us);
            }
            let is_held = hands.held(now_us) != Keys::default();
            presses += u32::from(is_held && !was_held);
            was_held = is_held;
        }
        assert_eq!(presses, 10, "every second one of twenty");
    }

    #[test]
    fn keys_are_held_for_their_time() {
        let mut hands = Hands::default();
        hands.press(10, Keys::A, 100);
        hands.press(50, Keys::A, 10);
        hands.press(50, Keys::UP, 10);
        assert_eq!(hands.held(59), Keys(Keys::A.0 | Keys::UP.0));
        assert_eq!(hands.held(60), Keys::A);
        assert_eq!(hands.held(110), Keys::default());
        hands.hold(Keys::B);
        assert_eq!(hands.held(u64::MAX - 1), Keys::B);
        hands.press(200, Keys::A, 50);
        hands.hold(Keys::default());
        assert_eq!(hands.held(249), Keys::A);
        assert_eq!(hands.held(250), Keys::default());
    }
}
