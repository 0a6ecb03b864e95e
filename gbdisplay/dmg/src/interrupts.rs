//! The two registers that decide what interrupts the CPU (Pan Docs, "Interrupts").

/// What can interrupt the CPU. The order is the priority, and the place of its bit in IE and IF.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Interrupt {
    /// The last visible line was drawn.
    VBlank,
    /// The LCD's state met a condition that STAT asks for.
    Stat,
    /// TIMA overflowed.
    Timer,
    /// Eight bits crossed the link.
    Serial,
    /// A key that P1 selects was pressed.
    Joypad,
}

impl Interrupt {
    const ALL: [Self; 5] = [
        Self::VBlank,
        Self::Stat,
        Self::Timer,
        Self::Serial,
        Self::Joypad,
    ];

    /// Its bit in IE and IF.
    pub(crate) const fn bit(self) -> u8 {
        1 << self.index()
    }

    /// Its place in the order of priority.
    pub(crate) const fn index(self) -> u8 {
        match self {
            Self::VBlank => 0,
            Self::Stat => 1,
            Self::Timer => 2,
            Self::Serial => 3,
            Self::Joypad => 4,
        }
    }

    /// Where its handler starts.
    pub(crate) const fn vector(self) -> u16 {
        match self {
            Self::VBlank => 0x40,
            Self::Stat => 0x48,
            Self::Timer => 0x50,
            Self::Serial => 0x58,
            Self::Joypad => 0x60,
        }
    }
}

/// IE and IF.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Interrupts {
    /// IE: all eight bits can be read back, five matter.
    pub(crate) enable: u8,
    /// IF without its upper three bits, which always read 1.
    pub(crate) flags: u8,
}

impl Interrupts {
    /// Sets the bits of IF.
    pub(crate) const fn request(&mut self, bits: u8) {
        self.flags |= bits & 0x1F;
    }

    /// What is asked for and allowed.
    pub(crate) const fn pending(self) -> u8 {
        self.enable & self.flags & 0x1F
    }

    /// The first of the bits in `pending`; its request is then served.
    pub(crate) fn accept(&mut self, pending: u8) -> Option<Interrupt> {
        let first = Interrupt::ALL
            .into_iter()
            .find(|it| pending & it.bit() != 0)?;
        self.flags &= !first.bit();
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_bit_goes_first_and_its_request_alone_is_served() {
        let mut interrupts = Interrupts {
            enable: 0xFF,
            flags: 0x1C,
        };
        assert_eq!(interrupts.accept(0x1C), Some(Interrupt::Timer));
        assert_eq!(interrupts.flags, 0x18);
        assert_eq!(interrupts.accept(0), None);
    }
}
