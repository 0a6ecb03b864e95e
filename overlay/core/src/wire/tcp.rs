//! The maximum segment size that both ends of a TCP connection name when they open it (RFC 9293
//! section 3.7.1), and how to make it smaller.

use super::bytes::{fold, put, u16_at};

/// A header without options.
const HEADER: usize = 20;
/// Its length, in the upper half of a byte, in units of 4 bytes.
const OFFSET: usize = 12;
const FLAGS: usize = 13;
const CHECKSUM: usize = 16;
const SYN: u8 = 0x02;

/// Options (RFC 9293 section 3.1): the end of the list, a filler of one byte, and the size. Every
/// option but the first two has a length, which counts itself and its kind.
const END: u8 = 0;
const NOTHING: u8 = 1;
const MSS: u8 = 2;
const MSS_LEN: u8 = 4;

/// Whether a segment opens a connection: no other may name a size.
pub(crate) fn is_syn(segment: &[u8]) -> bool {
    segment.get(FLAGS).is_some_and(|flags| flags & SYN != 0)
}

/// The largest size that a segment names. `None` when it names none, or when its options cannot be
/// read to their end: what a host makes of those is its own business.
pub(crate) fn mss(segment: &[u8]) -> Option<u16> {
    let mut walk = Walk::of(segment)?;
    let mut largest = None;
    while let Some(at) = walk.next_mss(segment).ok()? {
        largest = largest.max(u16_at(segment, at));
    }
    largest
}

/// Lowers every size above `limit` to it. The checksum follows if it is `finished`; one that holds
/// the sum of the pseudo-header only says nothing of options. `None`, and nothing is changed, where
/// [`mss`] finds none.
pub(crate) fn lower_mss(segment: &mut [u8], limit: u16, finished: bool) -> Option<()> {
    mss(segment)?;
    let mut walk = Walk::of(segment)?;
    // The walk looks at kinds and lengths, which stay.
    while let Some(at) = walk.next_mss(segment).ok()? {
        let old = u16_at(segment, at)?;
        if old <= limit {
            continue;
        }
        put(segment, at, &limit.to_be_bytes())?;
        if finished {
            let sum = u16_at(segment, CHECKSUM)?;
            let sum = amended(sum, summed(at, old), summed(at, limit));
            put(segment, CHECKSUM, &sum.to_be_bytes())?;
        }
    }
    Some(())
}

/// What a number adds to the sum: behind an odd number of bytes its halves are halves of two words,
/// each at the other's place (RFC 1071 section 2(B)).
const fn summed(at: usize, value: u16) -> u16 {
    if at.is_multiple_of(2) {
        value
    } else {
        value.swap_bytes()
    }
}

/// The checksum after one word has changed (RFC 1624 section 3, equation 3).
fn amended(checksum: u16, old: u16, new: u16) -> u16 {
    !fold(u64::from(!checksum) + u64::from(!old) + u64::from(new))
}

/// An option is cut short, or says that it is.
#[derive(Clone, Copy, Debug)]
struct Malformed;

/// The options of a segment, one after the other.
#[derive(Clone, Copy, Debug)]
struct Walk {
    at: usize,
    end: usize,
}

impl Walk {
    /// `None` when the header is not all there.
    fn of(segment: &[u8]) -> Option<Self> {
        let end = usize::from(segment.get(OFFSET)? >> 4) * 4;
        let whole = (HEADER..=segment.len()).contains(&end);
        whole.then_some(Self { at: HEADER, end })
    }

    /// Where the next size stands, from the start of the segment.
    fn next_mss(&mut self, segment: &[u8]) -> Result<Option<usize>, Malformed> {
        loop {
            let at = self.at;
            let options = segment.get(at..self.end).unwrap_or_default();
            match *options {
                [] | [END, ..] => return Ok(None),
                [NOTHING, ..] => self.at += 1,
                [MSS, MSS_LEN, _, _, ..] => {
                    self.at += usize::from(MSS_LEN);
                    return Ok(Some(at + 2));
                }
                [MSS, ..] => return Err(Malformed),
                [_, length, ..] if (2..=options.len()).contains(&usize::from(length)) => {
                    self.at += usize::from(length);
                }
                [..] => return Err(Malformed),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: u16 = 1350;

    /// A SYN with these options, filled up to whole units with ends of the list.
    fn syn(options: &[u8]) -> Vec<u8> {
        let mut segment = vec![
            0x0f, 0xa0, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 0, SYN, 0xff, 0xff,
        ];
        segment.extend([0xab, 0xcd, 0, 0]);
        segment.extend(options);
        segment.resize(segment.len().next_multiple_of(4), END);
        segment[OFFSET] = u8::try_from(segment.len() / 4).unwrap() << 4;
        segment
    }

    /// The sum over a segment and what stands before it in the pseudo-header, complemented.
    fn checksum(segment: &[u8]) -> u16 {
        let mut sum = 0x1234_u32;
        for (at, byte) in segment.iter().enumerate() {
            if !(CHECKSUM..CHECKSUM + 2).contains(&at) {
                sum += u32::from(*byte) << if at % 2 == 0 { 8 } else { 0 };
            }
        }
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !u16::try_from(sum).unwrap()
    }

    fn finish(segment: &mut [u8]) {
        let sum = checksum(segment);
        segment[CHECKSUM..CHECKSUM + 2].copy_from_slice(&sum.to_be_bytes());
    }

    #[track_caller]
    fn check(options: &[u8], named: Option<u16>, lowered: &[u8]) {
        let mut segment = syn(options);
        finish(&mut segment);
        let before = segment.clone();
        assert_eq!(mss(&segment), named, "{options:02x?}");
        assert_eq!(lower_mss(&mut segment, LIMIT, true), named.map(|_| ()));
        let mut expect = syn(lowered);
        finish(&mut expect);
        assert_eq!(segment, expect, "{before:02x?}");
    }

    #[test]
    fn a_size_is_found_wherever_it_stands() {
        // 1460 is 5b4, 1350 is 546.
        check(&[2, 4, 5, 0xb4], Some(1460), &[2, 4, 5, 0x46]);
        check(
            &[1, 2, 4, 5, 0xb4, 1, 1, 1],
            Some(1460),
            &[1, 2, 4, 5, 0x46, 1, 1, 1],
        );
        check(
            &[4, 2, 3, 3, 7, 2, 4, 0xff, 0xff],
            Some(0xffff),
            &[4, 2, 3, 3, 7, 2, 4, 5, 0x46],
        );
        check(
            &[2, 4, 5, 0, 2, 4, 5, 0xb4, 2, 4, 9, 9],
            Some(0x909),
            &[2, 4, 5, 0, 2, 4, 5, 0x46, 2, 4, 5, 0x46],
        );
    }

    #[test]
    fn what_is_small_enough_absent_or_malformed_stays() {
        for (options, named) in [
            (&[2, 4, 5, 0x46][..], Some(1350)),
            (&[2, 4, 0, 0], Some(0)),
            (&[], None),
            (&[1, 1, 4, 2], None),
            (&[0, 2, 4, 5, 0xb4], None),
            (&[2, 3, 5, 0xb4], None),
            (&[2, 6, 5, 0xb4, 0, 0], None),
            (&[2, 4, 5, 0xb4, 1, 1, 1, 3], None),
            (&[2, 4, 5, 0xb4, 1, 1, 1, 2], None),
            (&[2, 4, 5, 0xb4, 3, 1, 0, 0], None),
            (&[2, 4, 5, 0xb4, 3, 9, 0, 0], None),
            (&[3, 0, 2, 4, 5, 0xb4], None),
            (&[1, 1, 1, 1, 1, 2, 4, 5], None),
        ] {
            check(options, named, options);
        }
    }

    #[test]
    fn a_header_that_is_not_all_there_names_nothing() {
        let whole = syn(&[2, 4, 5, 0xb4]);
        for length in 0..whole.len() {
            assert_eq!(mss(&whole[..length]), None, "{length} bytes");
        }
        let mut short = whole.clone();
        short[OFFSET] = 0x40;
        assert_eq!(mss(&short), None, "a header shorter than itself");
        let mut bare = whole;
        bare[OFFSET] = 0x50;
        assert_eq!(mss(&bare), None, "payload is no option");
    }

    #[test]
    fn an_unfinished_checksum_says_nothing_of_options() {
        let mut segment = syn(&[2, 4, 5, 0xb4]);
        let expect = syn(&[2, 4, 5, 0x46]);
        assert_eq!(lower_mss(&mut segment, LIMIT, false), Some(()));
        assert_eq!(segment, expect);
    }

    #[test]
    fn the_example_of_rfc_1624() {
        // Section 4: the word 0x5555 becomes 0x3285 under the checksum 0xdd2f.
        assert_eq!(amended(0xdd2f, 0x5555, 0x3285), 0x0000);
    }

    /// One option as hosts send them, or a few bytes of anything.
    fn any_option() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            3 => any::<u16>().prop_map(|mss| [vec![2, 4], mss.to_be_bytes().to_vec()].concat()),
            2 => Just(vec![NOTHING]),
            1 => Just(vec![4, 2]),
            1 => any::<u8>().prop_map(|shift| vec![3, 3, shift]),
            1 => any::<[u8; 8]>().prop_map(|stamps| [&[8, 10][..], &stamps].concat()),
            1 => prop::collection::vec(any::<u8>(), 0..4),
        ]
    }

    /// What an option list says, read by somebody else; `None` where it is malformed.
    fn naive(options: &[u8]) -> Option<Vec<(usize, u16)>> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < options.len() && options[at] != 0 {
            if options[at] == 1 {
                at += 1;
                continue;
            }
            let length = usize::from(*options.get(at + 1)?);
            if length < 2 || at + length > options.len() || (options[at] == 2 && length != 4) {
                return None;
            }
            if options[at] == 2 {
                let value = u16::from_be_bytes([options[at + 2], options[at + 3]]);
                found.push((at + 2, value));
            }
            at += length;
        }
        Some(found)
    }

    proptest! {
        #[test]
        fn only_sizes_and_the_checksum_change(
            list in prop::collection::vec(any_option(), 0..8),
            payload in prop::collection::vec(any::<u8>(), 0..40),
            limit in 500_u16..9_000,
            finished: bool,
        ) {
            let mut options = list.concat();
            options.truncate(40);
            let mut segment = syn(&options);
            let header = segment.len();
            segment.extend(payload);
            finish(&mut segment);
            let sizes = naive(&segment[HEADER..header]).unwrap_or_default();
            let mut expect = segment.clone();
            for (at, size) in &sizes {
                let size = size.min(&limit).to_be_bytes();
                expect[HEADER + at..HEADER + at + 2].copy_from_slice(&size);
            }
            if finished {
                finish(&mut expect);
            }
            prop_assert_eq!(mss(&segment), sizes.iter().map(|it| it.1).max());
            let done = lower_mss(&mut segment, limit, finished);
            prop_assert_eq!(done.is_some(), !sizes.is_empty());
            prop_assert_eq!(segment, expect);
        }
    }
}
