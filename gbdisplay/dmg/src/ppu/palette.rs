//! Colour palettes of a CGB (Pan Docs, "Palettes"): eight of four colours, behind an index and a
//! data register.

/// BCPS and BCPD, or OCPS and OCPD.
#[derive(Clone, Debug)]
pub(crate) struct ColorPalettes {
    index: u8,
    bytes: [u8; 64],
}

impl ColorPalettes {
    /// White, as the boot ROM leaves those of the background.
    pub(crate) const fn new() -> Self {
        Self {
            index: 0,
            bytes: [0xFF; 64],
        }
    }

    pub(crate) const fn index(&self) -> u8 {
        self.index | 0x40
    }

    pub(crate) const fn set_index(&mut self, value: u8) {
        self.index = value & 0xBF;
    }

    pub(crate) fn data(&self) -> u8 {
        self.bytes[usize::from(self.index & 0x3F)]
    }

    /// The index moves on after a write if bit 7 asks for that, even when the write is lost because
    /// the palettes are `closed`.
    pub(crate) fn write_data(&mut self, value: u8, closed: bool) {
        if !closed {
            self.bytes[usize::from(self.index & 0x3F)] = value;
        }
        if self.index & 0x80 != 0 {
            self.index = 0x80 | (self.index + 1) & 0x3F;
        }
    }

    /// A colour as RGB555.
    pub(crate) fn color(&self, palette: u8, color: u8) -> u16 {
        let place = usize::from((palette & 7) << 3 | (color & 3) << 1);
        u16::from_le_bytes([self.bytes[place], self.bytes[place + 1]]) & 0x7FFF
    }
}
