//! Fixed-size fields, big-endian, no padding.

/// Reads fields off the front; anything missing ends the message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let [byte] = self.bytes()?;
        Some(byte)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_be_bytes)
    }

    /// All that is left.
    pub(super) const fn rest(&mut self) -> &'a [u8] {
        let rest = self.0;
        self.0 = &[];
        rest
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends a number.
pub(super) fn put(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend(number.to_be_bytes());
}
