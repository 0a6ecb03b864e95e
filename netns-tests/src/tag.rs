//! The tag that every frame of the suite carries: who sent it, which one it is, and a checksum.

use memchr::memmem;

/// Eight bytes that occur nowhere else; also what the underlay is searched for.
pub const MAGIC: [u8; 8] = [0x5b, b'S', 0xc6, b'k', 0xd5, b'R', 0xe7, 0x5d];
/// Bytes of a tag: magic, run, source port, kind, length behind the tag, sequence, CRC.
pub const LEN: usize = 28;

/// What a tag says.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Tag {
    /// The run of the suite; frames of another run are strangers.
    pub run: u32,
    /// Index of the port that sent the frame.
    pub source: u8,
    /// Which frame of the run.
    pub sequence: u32,
}

/// A tag found in received bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Found {
    /// What it says.
    pub tag: Tag,
    /// Whether addresses, tag and payload are those that were sent.
    pub intact: bool,
}

impl Tag {
    /// Appends tag and `padding` bytes of pattern to a frame whose first twelve bytes are its
    /// addresses. The checksum covers addresses, tag and pattern, not the headers between.
    pub fn append_to(self, frame: &mut Vec<u8>, padding: usize) {
        let start = frame.len();
        frame.extend_from_slice(&MAGIC);
        frame.extend_from_slice(&self.run.to_be_bytes());
        frame.extend_from_slice(&[self.source, 0, 0, 0]);
        let length = u32::try_from(padding).unwrap_or(u32::MAX);
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(&self.sequence.to_be_bytes());
        let mut sum = crc32fast::Hasher::new();
        sum.update(&frame[..12]);
        sum.update(&frame[start..]);
        let pattern = pattern(self.sequence, padding);
        sum.update(&pattern);
        frame.extend_from_slice(&sum.finalize().to_be_bytes());
        frame.extend_from_slice(&pattern);
    }
}

/// Printable bytes, so that a hexdump of a leak is easy to recognise.
fn pattern(sequence: u32, length: usize) -> Vec<u8> {
    (b'a'..=b'z')
        .cycle()
        .skip(sequence as usize % 26)
        .take(length)
        .collect()
}

/// Bytes of tag and pattern together, where bytes begin with a tag.
pub fn length(bytes: &[u8]) -> Option<usize> {
    let padding = bytes.strip_prefix(&MAGIC)?.get(8..12)?;
    let padding = u32::from_be_bytes(padding.try_into().ok()?);
    LEN.checked_add(padding as usize)
}

/// The first tag in a frame, wherever it is.
pub fn find(frame: &[u8]) -> Option<Found> {
    let start = memmem::find(frame, &MAGIC)?;
    let bytes = frame.get(start..start + LEN)?;
    let word =
        |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let tag = Tag {
        run: word(8),
        source: bytes[12],
        sequence: word(20),
    };
    let length = word(16) as usize;
    let payload = frame.get(start + LEN..).and_then(|rest| rest.get(..length));
    let intact = payload.is_some_and(|payload| {
        let mut sum = crc32fast::Hasher::new();
        sum.update(frame.get(..12).unwrap_or_default());
        sum.update(&bytes[..LEN - 4]);
        sum.update(payload);
        sum.finalize() == word(LEN - 4)
    });
    Some(Found { tag, intact })
}

/// Whether bytes hold a tag's magic at all.
pub fn is_plaintext(bytes: &[u8]) -> bool {
    memmem::find(bytes, &MAGIC).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> (Tag, Vec<u8>) {
        let tag = Tag {
            run: 7,
            source: 3,
            sequence: 99,
        };
        let mut frame = vec![2; 12];
        frame.extend_from_slice(&[0x88, 0xb5]);
        tag.append_to(&mut frame, 40);
        (tag, frame)
    }

    #[test]
    fn a_tag_is_found_behind_any_header_and_before_any_padding() {
        let (tag, mut frame) = frame();
        frame.splice(12..12, [0x81, 0, 0, 0]);
        frame.extend_from_slice(&[0; 9]);
        assert_eq!(find(&frame), Some(Found { tag, intact: true }));
    }

    #[test]
    fn one_changed_bit_of_addresses_tag_or_payload_is_seen() {
        for place in [0, 11, 14 + 13, 14 + LEN, 14 + LEN + 39] {
            let (_, mut frame) = frame();
            frame[place] ^= 1;
            assert!(
                find(&frame).is_some_and(|found| !found.intact),
                "byte {place}"
            );
        }
    }

    #[test]
    fn a_frame_cut_short_is_not_intact() {
        let (_, frame) = frame();
        assert!(find(&frame[..frame.len() - 1]).is_some_and(|found| !found.intact));
        assert_eq!(find(&frame[..20]), None);
    }
}
