//! The header of a cartridge (Pan Docs, "The Cartridge Header") and its checksums.

use std::fmt;

use crate::image::Image;

/// 32 KiB, the size of a cartridge without a bank controller.
pub const ROM_LEN: usize = 0x8000;

/// What the header says beyond the entry point, which is code and stands in the text.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// At most eleven of `A` to `Z`, `0` to `9` and the blank.
    pub title: &'a str,
    /// The program knows the colour hardware, and runs without it too.
    pub colour: bool,
}

/// Why a program is no cartridge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RomError {
    /// Something was put where the header goes.
    HeaderTaken {
        /// The first such address.
        at: usize,
    },
    /// Nothing was put at the entry point.
    NoEntry,
    /// The title is too long or has other characters.
    Title {
        /// What was given.
        title: String,
    },
}

impl fmt::Display for RomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderTaken { at } => write!(
                f,
                "0x{at:04X} belongs to the header: keep 0x0104 to 0x014F free"
            ),
            Self::NoEntry => write!(f, "nothing is at 0x0100: put `nop` and `jp START` there"),
            Self::Title { title } => write!(
                f,
                "{title:?} is no title: choose at most 11 of A-Z, 0-9 and the blank"
            ),
        }
    }
}

impl std::error::Error for RomError {}

const ENTRY: usize = 0x100;
const LOGO: usize = 0x104;
const TITLE: usize = 0x134;
const TITLE_LEN: usize = 11;
const CHECKSUM: usize = 0x14D;
const CODE: usize = 0x150;

/// What the console compares with a copy of its own before it starts a cartridge. A cartridge
/// with anything else does not start: whoever makes one has to put this here.
const LOGO_BYTES: [u8; 48] = [
    0xCE, 0xED, 0x66, 0x66, 0xCC, 0x0D, 0x00, 0x0B, 0x03, 0x73, 0x00, 0x83, 0x00, 0x0C, 0x00, 0x0D,
    0x00, 0x08, 0x11, 0x1F, 0x88, 0x89, 0x00, 0x0E, 0xDC, 0xCC, 0x6E, 0xE6, 0xDD, 0xDD, 0xD9, 0x99,
    0xBB, 0xBB, 0x67, 0x63, 0x6E, 0x0E, 0xEC, 0xCC, 0xDD, 0xDC, 0x99, 0x9F, 0xBB, 0xB9, 0x33, 0x3E,
];

impl Image {
    /// Makes a cartridge: 32 KiB, no bank controller, no memory of its own.
    ///
    /// # Errors
    /// The program leaves no room for the header, or the title cannot be written in it.
    pub fn rom(&self, header: &Header<'_>) -> Result<Vec<u8>, RomError> {
        if let Some(at) = self.first_used(LOGO..CODE) {
            return Err(RomError::HeaderTaken { at });
        }
        if self.first_used(ENTRY..ENTRY + 1).is_none() {
            return Err(RomError::NoEntry);
        }
        let fields = fields(header)?;
        let (before, rest) = self.bytes().split_at(LOGO);
        let after = rest.get(CODE - LOGO..).unwrap_or_default();
        let mut rom = [before, &LOGO_BYTES, &fields, &[0; 3], after].concat();
        checksums(&mut rom);
        Ok(rom)
    }
}

/// What stands between the logo and the checksums.
fn fields(header: &Header<'_>) -> Result<[u8; CHECKSUM - TITLE], RomError> {
    let title = header.title.as_bytes();
    let allowed = |it: &u8| it.is_ascii_uppercase() || it.is_ascii_digit() || *it == b' ';
    if title.len() > TITLE_LEN || !title.iter().all(allowed) {
        let title = header.title.to_owned();
        return Err(RomError::Title { title });
    }
    let mut fields = [0; CHECKSUM - TITLE];
    for (field, byte) in fields.iter_mut().zip(title) {
        *field = *byte;
    }
    let colour = if header.colour { 0x80 } else { 0x00 };
    // From 0x143: colour, two of the licensee ("00": none), nothing for another console, no bank
    // controller, 32 KiB of ROM, no RAM, sold anywhere, "look at the new licensee", version.
    let rest = [colour, b'0', b'0', 0, 0, 0, 0, 1, 0x33, 0];
    for (field, byte) in fields.iter_mut().skip(0x143 - TITLE).zip(rest) {
        *field = byte;
    }
    Ok(fields)
}

/// Fills in the checksum of the header, and that of everything but itself.
fn checksums(rom: &mut [u8]) {
    let header = rom.get(TITLE..CHECKSUM).unwrap_or_default();
    let sum = header
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_sub(*byte).wrapping_sub(1));
    if let Some(place) = rom.get_mut(CHECKSUM) {
        *place = sum;
    }
    let total = rom
        .iter()
        .fold(0_u16, |total, byte| total.wrapping_add(u16::from(*byte)));
    if let Some(place) = rom.get_mut(CHECKSUM + 1..CODE) {
        place.copy_from_slice(&total.to_be_bytes());
    }
}
