//! Memory, and who put what where.

use crate::rom::ROM_LEN;

/// What programmable memory holds where nothing was programmed.
const EMPTY: u8 = 0xFF;

/// The memory that a program fills.
#[derive(Clone, Debug)]
pub struct Image {
    rom: Vec<u8>,
    /// The item that took an address, for all 64 KiB: variables overlap as badly as code does.
    owners: Vec<Option<usize>>,
}

/// Why an item did not get its place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    Outside(i64),
    /// The address, and the item that has it.
    Taken(i64, usize),
}

impl Image {
    pub(crate) fn new() -> Self {
        Self {
            rom: vec![EMPTY; ROM_LEN],
            owners: vec![None; 0x1_0000],
        }
    }

    /// The bytes of the ROM; what nobody wrote is 0xFF.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.rom
    }

    /// The first address in a range that something was put at.
    #[must_use]
    pub fn first_used(&self, range: std::ops::Range<usize>) -> Option<usize> {
        let mut range = range;
        range.find(|at| self.owners.get(*at).is_some_and(Option::is_some))
    }

    /// How many bytes of the ROM are taken.
    #[must_use]
    pub fn used(&self) -> usize {
        self.owners.iter().take(ROM_LEN).flatten().count()
    }

    /// Takes addresses and leaves them as they are.
    pub(crate) fn reserve(&mut self, at: i64, len: i64, owner: usize) -> Result<(), Refused> {
        for at in at..at.saturating_add(len) {
            let place = usize::try_from(at)
                .ok()
                .and_then(|it| self.owners.get_mut(it));
            match place {
                None => return Err(Refused::Outside(at)),
                Some(Some(first)) => return Err(Refused::Taken(at, *first)),
                Some(free) => *free = Some(owner),
            }
        }
        Ok(())
    }

    /// Takes addresses of the ROM and writes to them.
    pub(crate) fn write(&mut self, at: i64, bytes: &[u8], owner: usize) -> Result<(), Refused> {
        self.reserve(at, i64::try_from(bytes.len()).unwrap_or(i64::MAX), owner)?;
        for (at, byte) in (at..).zip(bytes) {
            let place = usize::try_from(at).ok().and_then(|it| self.rom.get_mut(it));
            *place.ok_or(Refused::Outside(at))? = *byte;
        }
        Ok(())
    }
}
