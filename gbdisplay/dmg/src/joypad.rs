//! Eight keys in a two by four matrix (Pan Docs, "Joypad Input").

use std::ops::BitOr;

/// A set of keys that are held down.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Keys(u8);

impl Keys {
    /// Nothing is pressed.
    pub const NONE: Self = Self(0);
    /// Right.
    pub const RIGHT: Self = Self(0x01);
    /// Left.
    pub const LEFT: Self = Self(0x02);
    /// Up.
    pub const UP: Self = Self(0x04);
    /// Down.
    pub const DOWN: Self = Self(0x08);
    /// A.
    pub const A: Self = Self(0x10);
    /// B.
    pub const B: Self = Self(0x20);
    /// SELECT.
    pub const SELECT: Self = Self(0x40);
    /// START.
    pub const START: Self = Self(0x80);

    /// Right, left, up, down, A, B, SELECT, START from bit 0 on; 1 is pressed.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The same order as [`Self::from_bits`].
    pub const fn bits(self) -> u8 {
        self.0
    }
}

impl BitOr for Keys {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// P1 and the keys behind it.
#[derive(Clone, Debug)]
pub(crate) struct Joypad {
    keys: Keys,
    /// Bits 4 and 5 of P1; a 0 selects.
    select: u8,
}

impl Joypad {
    pub(crate) const fn new() -> Self {
        Self {
            keys: Keys::NONE,
            select: 0,
        }
    }

    /// The four lines; a pressed key pulls its line to 0.
    const fn lines(&self) -> u8 {
        let mut pressed = 0;
        if self.select & 0x10 == 0 {
            pressed |= self.keys.0 & 0x0F;
        }
        if self.select & 0x20 == 0 {
            pressed |= self.keys.0 >> 4;
        }
        !pressed & 0x0F
    }

    pub(crate) const fn read(&self) -> u8 {
        0xC0 | self.select | self.lines()
    }

    /// True when a line fell: the interrupt.
    pub(crate) const fn write(&mut self, value: u8) -> bool {
        let before = self.lines();
        self.select = value & 0x30;
        before & !self.lines() != 0
    }

    /// True when a line fell: the interrupt, and what ends STOP.
    pub(crate) const fn set(&mut self, keys: Keys) -> bool {
        let before = self.lines();
        self.keys = keys;
        before & !self.lines() != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(select: u8, keys: Keys, lines: u8) {
        let mut joypad = Joypad::new();
        joypad.write(select);
        joypad.set(keys);
        assert_eq!(joypad.read(), 0xC0 | select | lines);
    }

    #[test]
    fn only_selected_keys_pull_their_line() {
        check(0x30, Keys::A | Keys::LEFT, 0xF);
        check(0x20, Keys::A | Keys::LEFT, 0xD);
        check(0x10, Keys::A | Keys::LEFT, 0xE);
        check(0x00, Keys::A | Keys::LEFT, 0xC);
    }

    #[test]
    fn a_line_that_falls_interrupts_once() {
        let mut joypad = Joypad::new();
        joypad.write(0x10);
        assert!(!joypad.set(Keys::LEFT));
        assert!(joypad.set(Keys::LEFT | Keys::START));
        assert!(!joypad.set(Keys::LEFT | Keys::START));
        assert!(!joypad.set(Keys::NONE));
    }
}
