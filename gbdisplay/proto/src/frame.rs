//! What the host sends: `5A | len | seq | op | payload | CRC-16`.
//!
//! `len` counts what is between itself and the CRC. The CRC is CRC-16/IBM-3740 (polynomial
//! 0x1021, begins with 0xFFFF, nothing reflected), over all from `len` to the payload, high byte
//! first. So the CRC of a whole frame without its first byte is 0.

/// What every frame begins with.
pub const SYNC: u8 = 0x5A;
/// What is sent between frames. No frame begins with it.
pub const IDLE: u8 = 0x00;
/// Sequence number and operation.
pub const LEN_MIN: u8 = 2;
/// With the longest payload.
pub const LEN_MAX: u8 = 70;
/// The longest payload.
pub const PAYLOAD_MAX: usize = 68;
/// The bytes around what `len` counts: itself, the first byte and the CRC.
pub const OVERHEAD: usize = 4;
/// The longest frame.
pub const FRAME_MAX: usize = 74;
/// Sequence numbers are less than this. The other bits of their byte are 0.
pub const SEQUENCES: u8 = 16;

/// A frame as it goes over the wire.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    bytes: [u8; FRAME_MAX],
    len: usize,
}

impl Frame {
    /// An operation by its number. None when the payload is too long or the number of the frame
    /// too large.
    #[must_use]
    pub fn new(sequence: u8, kind: u8, payload: &[u8]) -> Option<Self> {
        let len = u8::try_from(payload.len()).ok()?.checked_add(LEN_MIN)?;
        if len > LEN_MAX || sequence >= SEQUENCES {
            return None;
        }
        let mut frame = Self {
            bytes: [0; FRAME_MAX],
            len: 0,
        };
        frame.put(&[SYNC, len, sequence, kind]);
        frame.put(payload);
        let crc = crc16(frame.as_bytes().get(1..)?);
        frame.put(&crc.to_be_bytes());
        Some(frame)
    }

    /// The same with another number; none if that is too large.
    #[must_use]
    pub fn renumbered(&self, sequence: u8) -> Option<Self> {
        let body = self.bytes.get(3..self.len.checked_sub(2)?)?;
        let (kind, payload) = body.split_first()?;
        Self::new(sequence, *kind, payload)
    }

    /// All of it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn put(&mut self, bytes: &[u8]) {
        let room = self.bytes.iter_mut().skip(self.len);
        for (place, byte) in room.zip(bytes) {
            *place = *byte;
            self.len += 1;
        }
    }
}

/// The CRC of some bytes.
#[must_use]
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        let [high, low] = crc.to_be_bytes();
        crc_of_byte(high ^ byte) ^ u16::from_be_bytes([low, 0])
    })
}

/// What one byte does to a CRC of 0: the table that the cartridge has.
#[must_use]
pub fn crc_of_byte(byte: u8) -> u16 {
    (0..8).fold(u16::from(byte) << 8, |crc, _| {
        let carry = crc & 0x8000 != 0;
        (crc << 1) ^ if carry { 0x1021 } else { 0 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_that_of_the_catalogue() {
        assert_eq!(crc16(b"123456789"), 0x29B1);
    }

    #[test]
    fn a_frame_without_its_first_byte_has_no_crc_left() {
        let frame = Frame::new(3, 9, &[1, 2, 3]).unwrap();
        let bytes = frame.as_bytes();
        assert_eq!(bytes[..7], [0x5A, 5, 3, 9, 1, 2, 3]);
        assert_eq!(bytes.len(), 9);
        assert_eq!(crc16(&bytes[1..]), 0);
    }

    #[test]
    fn a_frame_with_another_number_is_otherwise_the_same() {
        let frame = Frame::new(3, 9, &[1, 2, 3]).unwrap();
        let other = Frame::new(4, 9, &[1, 2, 3]).unwrap();
        assert_eq!(frame.renumbered(4).unwrap().as_bytes(), other.as_bytes());
        assert!(frame.renumbered(16).is_none());
    }

    #[test]
    fn the_longest_frame_is_as_long_as_it_says() {
        let frame = Frame::new(15, 1, &[7; PAYLOAD_MAX]).unwrap();
        assert_eq!(frame.as_bytes().len(), FRAME_MAX);
        assert!(Frame::new(15, 1, &[7; PAYLOAD_MAX + 1]).is_none());
        assert!(Frame::new(16, 1, &[]).is_none());
    }
}
