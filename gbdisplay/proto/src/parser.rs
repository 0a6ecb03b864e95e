//! Finds frames among bytes.
//!
//! A flip can make a frame out of noise, and swallow the beginning of a good one. So when a CRC
//! fails, the search goes on with the byte behind the first one of what was no frame, and nothing
//! that came whole is lost.

use crate::frame::{FRAME_MAX, LEN_MAX, LEN_MIN, OVERHEAD, SYNC, crc16};

/// What a search ended with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Found {
    /// Something that began like a frame; its CRC was wrong.
    Broken,
    /// A frame: all between its length and its CRC.
    Frame {
        /// The sequence number and the bits beside it.
        sequence: u8,
        /// The number of the operation.
        kind: u8,
        /// How long the payload is, which [`Parser::payload`] shows.
        payload_len: usize,
    },
}

/// The search.
#[derive(Clone, Debug)]
pub struct Parser {
    /// Bytes from the first that may begin a frame.
    bytes: [u8; FRAME_MAX],
    len: usize,
    /// How many of them are a frame that was found, and are due to go.
    done: usize,
}

impl Default for Parser {
    fn default() -> Self {
        Self {
            bytes: [0; FRAME_MAX],
            len: 0,
            done: 0,
        }
    }
}

impl Parser {
    /// Adds a byte. [`Self::find`] must have returned none before.
    pub fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    /// Goes on with the search; none when it needs more bytes.
    pub fn find(&mut self) -> Option<Found> {
        self.remove(self.done);
        self.done = 0;
        loop {
            let bytes = self.bytes.get(..self.len)?;
            match *bytes {
                [] | [SYNC] => return None,
                [SYNC, len @ LEN_MIN..=LEN_MAX, ref rest @ ..] => {
                    let body = usize::from(len);
                    if rest.len() + 2 < body + OVERHEAD {
                        return None;
                    }
                    if crc16(bytes.get(1..body + OVERHEAD)?) != 0 {
                        self.remove(1);
                        return Some(Found::Broken);
                    }
                    let &[sequence, kind, ..] = rest else {
                        return None;
                    };
                    self.done = body + OVERHEAD;
                    return Some(Found::Frame {
                        sequence,
                        kind,
                        payload_len: body - 2,
                    });
                }
                _ => self.remove(1),
            }
        }
    }

    /// The payload of the frame that was just found.
    #[must_use]
    pub fn payload(&self, len: usize) -> &[u8] {
        self.bytes.get(4..4 + len).unwrap_or_default()
    }

    fn remove(&mut self, count: usize) {
        self.bytes.copy_within(count.min(self.len)..self.len, 0);
        self.len -= count.min(self.len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Frame;

    /// Operations of the frames in some bytes, 0xFF for each broken one.
    fn kinds(bytes: &[u8]) -> ([u8; 16], usize) {
        let mut parser = Parser::default();
        let (mut kinds, mut count) = ([0; 16], 0);
        for byte in bytes {
            parser.push(*byte);
            while let Some(found) = parser.find() {
                kinds[count] = match found {
                    Found::Broken => 0xFF,
                    Found::Frame { kind, .. } => kind,
                };
                count += 1;
            }
        }
        (kinds, count)
    }

    #[track_caller]
    fn check(pieces: &[&[u8]], expect: &[u8]) {
        let mut bytes = [0; 256];
        let mut len = 0;
        for byte in pieces.iter().copied().flatten() {
            bytes[len] = *byte;
            len += 1;
        }
        let (kinds, count) = kinds(&bytes[..len]);
        assert_eq!(kinds[..count], *expect);
    }

    #[test]
    fn frames_are_found_wherever_they_begin() {
        let (one, two) = (Frame::new(1, 1, &[7]), Frame::new(2, 2, &[SYNC; 9]));
        let (one, two) = (one.unwrap(), two.unwrap());
        let (one, two) = (one.as_bytes(), two.as_bytes());
        check(&[one, two], &[1, 2]);
        check(&[&[0, 0], one, &[0; 9], two], &[1, 2]);
        check(&[&[SYNC], one, &[SYNC, SYNC], two], &[1, 2]);
        check(&[&[SYNC, 1], one, &[SYNC, 71], two], &[1, 2]);
    }

    #[test]
    fn what_noise_swallowed_is_found_again() {
        let (one, two) = (Frame::new(1, 1, &[7]), Frame::new(2, 2, &[8; 9]));
        let (one, two) = (one.unwrap(), two.unwrap());
        let (one, two) = (one.as_bytes(), two.as_bytes());
        check(&[&[SYNC, 12], one, two], &[0xFF, 1, 2]);
        check(&[&one[..4], one, two], &[0xFF, 1, 2]);
        check(&[&[SYNC, 9, SYNC, 9], one, two], &[0xFF, 0xFF, 1, 2]);
    }
}
