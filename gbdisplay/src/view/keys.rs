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
/// What comes again so soon after the last time is a repetition, and not a tap: terminals repeat 8 to
/// 40 times a second, and a line that has lost something makes up for it after 200 ms.
const REPEATED_US: u64 = 250_000;
/// For how long a key that repeats counts as held from then on: longer than a line stands still that
/// has lost something, so that nothing but a hand lets go of it.
const HOLD_REPEATED_US: u64 = 400_000;
/// For how long one that is tapped while it still counts as held does: long enough for the second
/// repetition, if this was the first; less than until the next tap, so that there is an end to it.
const HOLD_TAPPED_US: u64 = 200_000;
/// For how long a key must be up to be seen to be: what comes before that is no new press. Longer
/// than the panel takes for contacts that bounce.
const UP_US: u64 = 40_000;
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
    /// What was pressed for a time, each of the eight.
    timed: [Timed; 8],
}

/// A key that counts as held for a time.
#[derive(Clone, Copy, Debug, Default)]
struct Timed {
    until_us: u64,
    /// For how long it was pressed, before it came again.
    hold_us: u64,
    /// When it came last.
    last_us: u64,
}

impl Timed {
    fn press(&mut self, now_us: u64, hold_us: u64) {
        let is_held = now_us < self.until_us.saturating_add(UP_US);
        // One that asks for more, as `p` does after Enter, is another key of the keyboard.
        let is_same = is_held && hold_us <= self.hold_us;
        let mut lasts_us = hold_us;
        if !is_same {
            self.hold_us = hold_us;
        } else if now_us.saturating_sub(self.last_us) <= REPEATED_US {
            lasts_us = hold_us.min(HOLD_REPEATED_US);
        } else {
            lasts_us = hold_us.min(HOLD_TAPPED_US);
        }
        self.until_us = self.until_us.max(now_us.saturating_add(lasts_us));
        self.last_us = now_us;
    }
}

impl Hands {
    /// Presses keys for a time, in microseconds. A key that comes again while it counts as held is
    /// not pressed anew, and lasts for as long as a repetition or a tap does, if that is less.
    pub fn press(&mut self, now_us: u64, keys: Keys, hold_us: u64) {
        for (bit, timed) in self.timed.iter_mut().enumerate() {
            if keys.0 >> bit & 1 == 1 {
                timed.press(now_us, hold_us);
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
        let bits = self.timed.iter().enumerate();
        Keys(bits.fold(self.down.0, |keys, (bit, it)| {
            keys | u8::from(now_us < it.until_us) << bit
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

    /// When a key goes down, in milliseconds, that comes at such times.
    fn presses(code: KeyCode, told_ms: &[u64]) -> Vec<u64> {
        let (keys, hold_us) = key(&KeyEvent::new(code, KeyModifiers::NONE)).unwrap();
        let (mut hands, mut presses, mut held_ms) = (Hands::default(), Vec::new(), None);
        for now_ms in 0..12_000 {
            for _ in told_ms.iter().filter(|it| **it == now_ms) {
                hands.press(now_ms * 1_000, keys, hold_us);
            }
            if hands.held(now_ms * 1_000) == keys {
                // What is up for less is seen as contacts that bounce.
                if held_ms.is_none_or(|it| now_ms - it > 30) {
                    presses.push(now_ms);
                }
                held_ms = Some(now_ms);
            }
        }
        assert!(held_ms < Some(11_500), "it is let go");
        presses
    }

    #[test]
    fn a_key_that_a_terminal_repeats_is_one_press() {
        // The first repetition, the next ones, and for how long the line stands still after a second:
        // a packet that is lost on the way comes again then, and those behind it with it.
        for (first_ms, every_ms, still_ms) in [
            (250, 25, 0),
            (500, 33, 0),
            (600, 33, 0),
            (500, 90, 0),
            (600, 125, 0),
            (500, 33, 200),
            (500, 33, 300),
            (600, 125, 200),
        ] {
            let late = |it| match it {
                1_000.. => (1_000 + still_ms).max(it),
                _ => it,
            };
            let repeated = (0..).map(|it| late(first_ms + it * every_ms));
            let repeated = repeated.take_while(|it| *it < 10_000);
            let told: Vec<u64> = std::iter::once(0).chain(repeated).collect();
            for code in ['a', 'b', 'p'] {
                let presses = presses(KeyCode::Char(code), &told);
                assert_eq!(presses, [0], "{code} {first_ms} {every_ms} {still_ms}");
            }
        }
    }

    #[test]
    fn one_who_taps_again_and_again_presses_again_and_again() {
        for (every_ms, expect) in [
            (260, 13),
            (350, 10),
            (355, 10),
            (500, 10),
            (690, 8),
            (750, 14),
        ] {
            let told: Vec<u64> = (0..10_000).step_by(every_ms).collect();
            let presses = presses(KeyCode::Char('a'), &told);
            assert_eq!(presses.len(), expect, "every {every_ms} ms: {presses:?}");
        }
        // As fast as a terminal repeats, it is one press, and another one soon after the end of that.
        let mut told: Vec<u64> = (0..3_000).step_by(200).collect();
        told.push(3_250);
        assert_eq!(presses(KeyCode::Char('a'), &told), [0, 3_250]);
    }

    #[test]
    fn a_key_that_asks_for_more_has_it() {
        let mut hands = Hands::default();
        let press = |hands: &mut Hands, now_us, code| {
            let (keys, hold_us) = key(&KeyEvent::new(code, KeyModifiers::NONE)).unwrap();
            hands.press(now_us, keys, hold_us);
        };
        press(&mut hands, 0, KeyCode::Enter);
        press(&mut hands, 50_000, KeyCode::Char('p'));
        press(&mut hands, 60_000, KeyCode::Enter);
        let end_us = 50_000 + HOLD_START_US;
        assert_eq!(hands.held(end_us - 1), Keys::START);
        assert_eq!(hands.held(end_us), Keys::default());
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
