//! The Internet checksum (RFC 1071), eight bytes at a time.

use crate::frame::Checksum;
use crate::gso::fault::GsoFault;

/// A ones' complement sum that has not been folded yet, in the byte order of this machine: the
/// sum of byte-swapped words is the byte-swapped sum (RFC 1071 section 2(B)).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Sum(u64);

impl Sum {
    /// The sum of the words of `bytes`, an odd last byte padded with zero.
    ///
    /// Halves of 64-bit words go into 64-bit accumulators, so nothing can overflow below 2^35
    /// bytes and no carry is looked at until the end.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let (blocks, rest) = bytes.as_chunks::<32>();
        let mut lanes = [0_u64; 8];
        for block in blocks {
            let (words, _) = block.as_chunks::<4>();
            for (lane, word) in lanes.iter_mut().zip(words) {
                *lane += u64::from(u32::from_ne_bytes(*word));
            }
        }
        let (pairs, last) = rest.as_chunks::<2>();
        let tail: u64 = pairs
            .iter()
            .map(|pair| u64::from(u16::from_ne_bytes(*pair)))
            .sum();
        let odd = last
            .first()
            .map_or(0, |&byte| u64::from(u16::from_ne_bytes([byte, 0])));
        Self(lanes.iter().sum::<u64>() + tail + odd)
    }

    /// This sum and one 16-bit number in the order of the wire.
    pub(crate) fn word(self, value: u16) -> Self {
        self.and(Self(u64::from(u16::from_ne_bytes(value.to_be_bytes()))))
    }

    /// This sum and one 32-bit number in the order of the wire.
    pub(crate) fn long(self, value: u32) -> Self {
        self.and(Self(u64::from(u32::from_ne_bytes(value.to_be_bytes()))))
    }

    /// Both sums together. The first must be of an even number of bytes.
    pub(crate) const fn and(self, other: Self) -> Self {
        let (sum, carry) = self.0.overflowing_add(other.0);
        Self(sum + carry as u64)
    }

    /// The bytes of the checksum field: the complement of the folded sum.
    pub(crate) fn checksum(self) -> [u8; 2] {
        let mut sum = self.0;
        while let high @ 1.. = sum >> 16 {
            sum = (sum & 0xffff) + high;
        }
        // The loop leaves 16 bits.
        let [a, b, ..] = sum.to_le_bytes();
        (!u16::from_le_bytes([a, b])).to_ne_bytes()
    }

    /// As [`Self::checksum`], with zero sent as all ones: for UDP zero means "none" (RFC 768),
    /// for TCP the two are the same number.
    pub(crate) fn transport_checksum(self) -> [u8; 2] {
        match self.checksum() {
            [0, 0] => [0xff, 0xff],
            sum => sum,
        }
    }
}

/// Completes a checksum that holds the pseudo-header's sum so far.
///
/// Writes where it is told, within `bytes`; whether that is a transport header's checksum is
/// what [`Segments::new`](crate::Segments::new) has checked.
///
/// # Errors
/// [`GsoFault::ChecksumPlace`] when the checksum does not lie inside `bytes`, which then stay
/// as they are.
pub fn complete_checksum(bytes: &mut [u8], checksum: Checksum) -> Result<(), GsoFault> {
    let summed = bytes
        .get_mut(usize::from(checksum.start)..)
        .ok_or(GsoFault::ChecksumPlace)?;
    let sum = Sum::of(summed).transport_checksum();
    summed
        .get_mut(usize::from(checksum.offset)..)
        .and_then(|rest| rest.first_chunk_mut())
        .map(|field| *field = sum)
        .ok_or(GsoFault::ChecksumPlace)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(bytes: &[u8]) -> u16 {
        let mut sum = 0_u32;
        for pair in bytes.chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            sum += u32::from(u16::from_be_bytes([pair[0], low]));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !u16::try_from(sum).unwrap()
    }

    proptest! {
        #[test]
        fn agrees_with_the_textbook(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert_eq!(u16::from_be_bytes(Sum::of(&bytes).checksum()), naive(&bytes));
        }

        #[test]
        fn adds_up_from_parts(bytes in proptest::collection::vec(any::<u8>(), 6..200), cut in 0_usize..97) {
            let cut = (cut * 2).min(bytes.len() / 2 * 2);
            let (a, b) = bytes.split_at(cut);
            prop_assert_eq!(Sum::of(a).and(Sum::of(b)).checksum(), Sum::of(&bytes).checksum());
            let number = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            let pieces = Sum::default().long(number).word(u16::from_be_bytes([bytes[4], bytes[5]]));
            prop_assert_eq!(pieces.checksum(), Sum::of(&bytes[..6]).checksum());
        }

        #[test]
        fn no_place_makes_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..100), start in any::<u16>(), offset in any::<u16>()) {
            let before = bytes.clone();
            let fits = usize::from(start) + usize::from(offset) + 2 <= bytes.len();
            let done = complete_checksum(&mut bytes, Checksum { start, offset });
            prop_assert_eq!(done.is_ok(), fits);
            prop_assert!(fits || before == bytes);
        }
    }

    #[test]
    fn a_full_superframe_does_not_overflow() {
        let bytes = vec![0xff; 65_535];
        assert_eq!(
            u16::from_be_bytes(Sum::of(&bytes).checksum()),
            naive(&bytes)
        );
    }

    #[test]
    fn zero_is_sent_as_all_ones() {
        let mut bytes = [0xff, 0xff, 0, 0];
        complete_checksum(
            &mut bytes,
            Checksum {
                start: 0,
                offset: 2,
            },
        )
        .unwrap();
        assert_eq!(bytes, [0xff, 0xff, 0xff, 0xff]);
    }
}
