//! Reading and writing big-endian fields without a way to be out of bounds.

/// `N` bytes at `at`.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// A 16-bit field.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

/// Writes `value` at `at`; `None` when it does not fit, with nothing written.
pub(crate) fn put(bytes: &mut [u8], at: usize, value: &[u8]) -> Option<()> {
    bytes
        .get_mut(at..)?
        .get_mut(..value.len())?
        .copy_from_slice(value);
    Some(())
}

/// The ones' complement sum of RFC 1071, not yet complemented, over 16-bit words.
pub(crate) fn sum(bytes: &[u8], start: u32) -> u32 {
    let (words, rest) = bytes.as_chunks::<2>();
    let total = words.iter().fold(u64::from(start), |total, word| {
        total + u64::from(u16::from_be_bytes(*word))
    });
    let total = total + rest.first().map_or(0, |&byte| u64::from(byte) << 8);
    u32::from(fold(total))
}

/// Folds a sum to 16 bits.
pub(crate) fn fold(mut total: u64) -> u16 {
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    u16::try_from(total).unwrap_or(u16::MAX)
}
