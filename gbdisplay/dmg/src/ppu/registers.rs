//! The PPU's registers and memory as the CPU sees them (Pan Docs, "LCDC", "STAT", "Accessing VRAM
//! and OAM").

use super::{Phase, Ppu, STAT_LINE_MATCHES};

impl Ppu {
    /// Video memory is closed while pixels are drawn.
    pub(crate) const fn vram_is_closed(&self) -> bool {
        matches!(self.phase, Phase::Draw)
    }

    /// OAM is closed while it is scanned, and while pixels are drawn.
    pub(crate) const fn oam_is_closed(&self) -> bool {
        matches!(self.phase, Phase::Scan | Phase::Draw)
    }

    fn vram_place(&self, address: u16) -> usize {
        usize::from(self.bank) << 13 | usize::from(address & 0x1FFF)
    }

    /// 8000..=9FFF, whether or not it is closed.
    pub(crate) fn peek_vram(&self, address: u16) -> u8 {
        self.vram[self.vram_place(address) & 0x3FFF]
    }

    /// FE00..=FE9F, whether or not it is closed.
    pub(crate) fn peek_oam(&self, address: u16) -> u8 {
        let place = usize::from(address & 0xFF);
        self.oam.get(place).copied().unwrap_or(0)
    }

    /// 8000..=9FFF. A write to closed memory is lost, and counted.
    pub(crate) fn write_vram(&mut self, address: u16, value: u8) {
        if self.vram_is_closed() {
            self.vram_drops = self.vram_drops.wrapping_add(1);
        } else {
            let place = self.vram_place(address);
            self.vram[place & 0x3FFF] = value;
        }
    }

    /// FE00..=FE9F. A write to closed memory is lost, and counted.
    pub(crate) fn write_oam(&mut self, address: u16, value: u8) {
        if self.oam_is_closed() {
            self.oam_drops = self.oam_drops.wrapping_add(1);
        } else {
            let [_, place] = address.to_be_bytes();
            self.load_oam(place, value);
        }
    }

    /// DMA writes whatever the mode.
    pub(crate) fn load_oam(&mut self, place: u8, value: u8) {
        if let Some(byte) = self.oam.get_mut(usize::from(place)) {
            *byte = value;
        }
    }

    /// FF40..=FF4B but FF46, FF4F and FF68..=FF6B.
    pub(crate) fn read(&self, address: u16) -> u8 {
        match address {
            0xFF40 => self.lcdc,
            0xFF41 => self.stat(),
            0xFF42 => self.scy,
            0xFF43 => self.scx,
            0xFF44 => self.ly,
            0xFF45 => self.lyc,
            0xFF47 => self.bgp,
            0xFF48 => self.obp[0],
            0xFF49 => self.obp[1],
            0xFF4A => self.wy,
            0xFF4B => self.wx,
            0xFF4F if self.color => 0xFE | self.bank,
            0xFF68 if self.color => self.background_palettes.index(),
            0xFF69 if self.color && !self.vram_is_closed() => self.background_palettes.data(),
            0xFF6A if self.color => self.object_palettes.index(),
            0xFF6B if self.color && !self.vram_is_closed() => self.object_palettes.data(),
            _ => 0xFF,
        }
    }

    /// The same registers. Gives the interrupts that a write causes at once.
    pub(crate) fn write(&mut self, address: u16, value: u8) -> u8 {
        self.catch_up();
        let closed = self.vram_is_closed();
        match address {
            0xFF40 => return self.write_lcdc(value),
            0xFF41 => return self.write_stat(value),
            0xFF42 => self.scy = value,
            0xFF43 => self.scx = value,
            0xFF45 => return self.write_lyc(value),
            0xFF47 => self.bgp = value,
            0xFF48 => self.obp[0] = value,
            0xFF49 => self.obp[1] = value,
            0xFF4A => self.wy = value,
            0xFF4B => self.wx = value,
            0xFF4F if self.color => self.bank = value & 1,
            0xFF68 if self.color => self.background_palettes.set_index(value),
            0xFF69 if self.color => self.background_palettes.write_data(value, closed),
            0xFF6A if self.color => self.object_palettes.set_index(value),
            0xFF6B if self.color => self.object_palettes.write_data(value, closed),
            _ => {}
        }
        0
    }

    const fn stat(&self) -> u8 {
        let matches = if self.line_matches {
            STAT_LINE_MATCHES
        } else {
            0
        };
        0x80 | self.stat_enables | matches | self.phase.mode()
    }

    /// On a DMG, a write acts as if every source were enabled for a moment (Pan Docs, "Spurious STAT
    /// interrupts").
    fn write_stat(&mut self, value: u8) -> u8 {
        let mut requests = 0;
        if !self.color {
            self.stat_enables = 0x78;
            requests = self.update_stat_line();
        }
        self.stat_enables = value & 0x78;
        requests | self.update_stat_line()
    }

    fn write_lyc(&mut self, value: u8) -> u8 {
        self.lyc = value;
        if self.is_on() {
            return self.compare_line();
        }
        0
    }
}
