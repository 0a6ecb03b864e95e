//! The cartridge: its header (Pan Docs, "The Cartridge Header"), its bytes, and the one bank
//! controller that test ROMs need.

use std::fmt;

/// Why bytes are no ROM that the core can run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RomError {
    /// Neither 32 KiB, nor, with a bank controller, a power of two of them up to 2 MiB.
    Size(usize),
    /// Byte 0147 asks for hardware that is not modelled.
    Mapper(u8),
}

impl fmt::Display for RomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => write!(f, "a ROM cannot have {size} bytes"),
            Self::Mapper(kind) => write!(f, "cartridge type {kind:02X} is not modelled"),
        }
    }
}

impl std::error::Error for RomError {}

/// Which bank the upper half shows.
#[derive(Clone, Copy, Debug)]
enum Mapper {
    None,
    /// MBC1, its two registers; no second mode.
    Mbc1 {
        low: u8,
        high: u8,
    },
}

/// The bytes, and who switches them.
#[derive(Clone, Debug)]
pub(crate) struct Cartridge {
    rom: Box<[u8]>,
    mapper: Mapper,
    /// One bank, or nothing.
    ram: Box<[u8]>,
    /// MBC1 hides its RAM until it is asked for.
    is_open: bool,
}

const BANK: usize = 0x4000;
const RAM: usize = 0x2000;

impl Cartridge {
    pub(crate) fn new(rom: &[u8]) -> Result<Self, RomError> {
        let size = rom.len();
        let mapper = match rom.get(0x147) {
            Some(0) => Mapper::None,
            Some(1..=3) => Mapper::Mbc1 { low: 1, high: 0 },
            Some(&kind) => return Err(RomError::Mapper(kind)),
            None => return Err(RomError::Size(size)),
        };
        let fits = match mapper {
            Mapper::None => size == 2 * BANK,
            Mapper::Mbc1 { .. } => {
                size.is_power_of_two() && (2 * BANK..=128 * BANK).contains(&size)
            }
        };
        if !fits {
            return Err(RomError::Size(size));
        }
        let has_ram = matches!(rom.get(0x147), Some(2 | 3));
        Ok(Self {
            rom: rom.into(),
            mapper,
            ram: vec![0; if has_ram { RAM } else { 0 }].into(),
            is_open: false,
        })
    }

    /// Whether the header says that the ROM knows a CGB.
    pub(crate) fn wants_color(&self) -> bool {
        self.read(0x143) & 0x80 != 0
    }

    /// 0000..=7FFF.
    pub(crate) fn read(&self, address: u16) -> u8 {
        let address = usize::from(address);
        let place = match self.mapper {
            Mapper::Mbc1 { low, high } if address >= BANK => {
                let bank = usize::from(high) << 5 | usize::from(low);
                // The size is a power of two: banks beyond it are mirrors.
                (bank * BANK + address % BANK) & (self.rom.len() - 1)
            }
            Mapper::None | Mapper::Mbc1 { .. } => address,
        };
        self.rom.get(place).copied().unwrap_or(0xFF)
    }

    /// A write to ROM: lost, unless a bank controller listens.
    pub(crate) const fn write(&mut self, address: u16, value: u8) {
        if let Mapper::Mbc1 { low, high } = &mut self.mapper {
            match address >> 13 {
                0 => self.is_open = value & 0x0F == 0x0A,
                1 if value & 0x1F == 0 => *low = 1,
                1 => *low = value & 0x1F,
                2 => *high = value & 3,
                _ => {}
            }
        }
    }

    /// A000..=BFFF. FF where there is no RAM, or none that shows.
    pub(crate) fn read_ram(&self, address: u16) -> u8 {
        let place = usize::from(address) % RAM;
        let byte = self.ram.get(place).filter(|_| self.is_open);
        byte.copied().unwrap_or(0xFF)
    }

    /// A000..=BFFF.
    pub(crate) fn write_ram(&mut self, address: u16, value: u8) {
        let place = usize::from(address) % RAM;
        if let Some(byte) = self.ram.get_mut(place).filter(|_| self.is_open) {
            *byte = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rom(size: usize, kind: u8) -> Vec<u8> {
        let mut rom = vec![0; size];
        if let Some(byte) = rom.get_mut(0x147) {
            *byte = kind;
        }
        rom
    }

    #[track_caller]
    fn check(size: usize, kind: u8, expect: Option<RomError>) {
        assert_eq!(Cartridge::new(&rom(size, kind)).err(), expect);
    }

    #[test]
    fn what_is_no_rom_is_refused() {
        check(0x8000, 0, None);
        check(0x10000, 1, None);
        check(0x8000, 1, None);
        check(0, 0, Some(RomError::Size(0)));
        check(0x7FFF, 0, Some(RomError::Size(0x7FFF)));
        check(0x10000, 0, Some(RomError::Size(0x10000)));
        check(0x18000, 1, Some(RomError::Size(0x18000)));
        check(0x8000, 0x19, Some(RomError::Mapper(0x19)));
    }

    #[test]
    fn ram_shows_where_there_is_some_and_it_was_asked_for() {
        for (kind, expect) in [(1, [0xFF; 3]), (3, [0xFF, 0x5A, 0xFF])] {
            let mut cartridge = Cartridge::new(&rom(4 * BANK, kind)).unwrap();
            cartridge.write_ram(0xA123, 0x11);
            let hidden = cartridge.read_ram(0xA123);
            cartridge.write(0, 0x0A);
            cartridge.write_ram(0xA123, 0x5A);
            let shown = cartridge.read_ram(0xA123);
            cartridge.write(0, 0);
            assert_eq!([hidden, shown, cartridge.read_ram(0xA123)], expect);
        }
    }

    #[test]
    fn a_bank_controller_switches_the_upper_half() {
        let mut bytes = rom(8 * BANK, 1);
        for (bank, bytes) in bytes.chunks_mut(BANK).enumerate() {
            bytes[0] = u8::try_from(bank).unwrap();
        }
        let mut cartridge = Cartridge::new(&bytes).unwrap();
        assert_eq!(cartridge.read(0x4000), 1);
        cartridge.write(0x2000, 5);
        assert_eq!(cartridge.read(0x4000), 5);
        cartridge.write(0x2000, 0);
        assert_eq!(cartridge.read(0x4000), 1);
        cartridge.write(0x2000, 0x1A);
        assert_eq!(cartridge.read(0x4000), 2, "mirrored");
        assert_eq!(cartridge.read(0), 0);
    }
}
