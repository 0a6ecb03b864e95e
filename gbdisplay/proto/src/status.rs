//! What the panel answers: a byte that means something by itself, one for each byte it is sent.
//!
//! The high half says of what, the low half says what. The panel goes through a [rotation of
//! them][ROTATION]; a new acknowledgement comes at once, twice.
//!
//! | byte | meaning |
//! |---|---|
//! | `8x` | directions: right 1, left 2, up 4, down 8 |
//! | `9x` | buttons: A 1, B 2, SELECT 4, START 8 |
//! | `Ax` | the number of the last frame that came whole |
//! | `Bx` | errors, modulo 16 |
//! | `Cx` | the epoch of the last greeting, 0 before it: a panel that was switched off says so |
//! | `Dx` | bytes that wait to be looked at, divided by 16 |
//! | `Ex` | the version of the language |
//! | `FF` | nobody drives the line: no cable |
//! | `00` | the panel was not ready, or there is none |

/// A status byte.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(missing_docs, reason = "the table above")]
pub enum Status {
    Directions(u8),
    Buttons(u8),
    Acknowledged(u8),
    Errors(u8),
    Epoch(u8),
    Backlog(u8),
    Version(u8),
}

/// How many kinds there are.
const KINDS: usize = 7;
/// The kinds in the order in which the panel tells them, as high halves. Every second one is the
/// acknowledgement, since the host waits for it.
pub const ROTATION: [u8; 16] = [
    0xA0, 0x80, 0xA0, 0x90, 0xA0, 0xC0, 0xA0, 0xB0, 0xA0, 0x80, 0xA0, 0x90, 0xA0, 0xD0, 0xA0, 0xE0,
];

impl Status {
    /// Reads a byte; none if no panel says this.
    #[must_use]
    pub const fn decode(byte: u8) -> Option<Self> {
        let value = byte & 0x0F;
        Some(match byte & 0xF0 {
            0x80 => Self::Directions(value),
            0x90 => Self::Buttons(value),
            0xA0 => Self::Acknowledged(value),
            0xB0 => Self::Errors(value),
            0xC0 if value <= crate::EPOCH_MAX => Self::Epoch(value),
            0xD0 => Self::Backlog(value),
            0xE0 if value < 8 => Self::Version(value),
            _ => return None,
        })
    }

    /// The byte.
    #[must_use]
    pub const fn encode(self) -> u8 {
        match self {
            Self::Directions(value) => 0x80 | value & 0x0F,
            Self::Buttons(value) => 0x90 | value & 0x0F,
            Self::Acknowledged(value) => 0xA0 | value & 0x0F,
            Self::Errors(value) => 0xB0 | value & 0x0F,
            Self::Epoch(value) => 0xC0 | value & 0x0F,
            Self::Backlog(value) => 0xD0 | value & 0x0F,
            Self::Version(value) => 0xE0 | value & 0x0F,
        }
    }

    const fn kind(self) -> usize {
        (self.encode() >> 4) as usize - 8
    }
}

/// Keys that are held.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Keys(pub u8);

#[expect(missing_docs, reason = "the names of the keys")]
impl Keys {
    pub const RIGHT: Self = Self(0x01);
    pub const LEFT: Self = Self(0x02);
    pub const UP: Self = Self(0x04);
    pub const DOWN: Self = Self(0x08);
    pub const A: Self = Self(0x10);
    pub const B: Self = Self(0x20);
    pub const SELECT: Self = Self(0x40);
    pub const START: Self = Self(0x80);

    /// True if all of those are held.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// How many bytes in a row must be a status before any is believed: what all of a rotation takes.
///
/// One that is read from the wrong bit on is a status by chance only, and in any whole rotation
/// some are not: the kinds of the acknowledgement and of directions have a 0 as their second bit,
/// every other kind that is even one as its last, and an epoch or a version one as the next.
pub const SETTLED: u8 = 16;

/// Believes what it is told twice in a row, on a line that is in order.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    /// How many bytes in a row were a status.
    run: u8,
    last: [Option<Status>; KINDS],
}

impl Decoder {
    /// Takes a byte; returns the status it confirms.
    pub fn sample(&mut self, byte: u8) -> Option<Status> {
        let Some(status) = Status::decode(byte) else {
            *self = Self::default();
            return None;
        };
        self.run = self.run.saturating_add(1).min(SETTLED);
        let last = self.last.get_mut(status.kind())?;
        let agrees = last.replace(status) == Some(status);
        (agrees && self.run == SETTLED).then_some(status)
    }

    /// True while what comes is believed.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.run == SETTLED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rotation as a panel tells it.
    fn rotation(ack: u8, keys: u8, epoch: u8) -> [u8; 16] {
        ROTATION.map(|kind| match kind {
            0xA0 => kind | ack,
            0x80 => kind | keys & 15,
            0x90 => kind | keys >> 4,
            0xC0 => kind | epoch,
            0xE0 => kind | crate::VERSION,
            _ => kind,
        })
    }

    #[test]
    fn every_byte_that_is_a_status_is_the_one_it_says() {
        for byte in 0..=255 {
            if let Some(status) = Status::decode(byte) {
                assert_eq!(status.encode(), byte);
            }
        }
        assert_eq!(Status::decode(0x00), None);
        assert_eq!(Status::decode(0xFF), None);
        assert_eq!(Status::decode(0xC8), None);
    }

    #[test]
    fn what_is_told_once_or_on_a_line_out_of_order_is_not_believed() {
        let mut decoder = Decoder::default();
        for byte in rotation(5, 0, 1) {
            assert!(!decoder.is_settled());
            decoder.sample(byte);
        }
        assert!(decoder.is_settled());
        assert_eq!(decoder.sample(0xA6), None);
        assert_eq!(decoder.sample(0xA6), Some(Status::Acknowledged(6)));
        assert_eq!(decoder.sample(0xA7), None);
        assert_eq!(decoder.sample(0xA6), None);
        decoder.sample(0x13);
        assert_eq!(decoder.sample(0xA6), None);
        assert_eq!(decoder.sample(0xA6), None);
    }

    #[test]
    fn a_shifted_line_never_settles_whatever_it_says() {
        for (ack, epoch) in (0..16).flat_map(|ack| (0..8).map(move |epoch| (ack, epoch))) {
            // One key at a time, or none: what people press.
            for keys in (0..8).map(|bit| 1 << bit).chain([0]) {
                for shift in 1..8 {
                    let bytes = rotation(ack, keys, epoch);
                    let mut decoder = Decoder::default();
                    for index in 0..64 {
                        let pair = [bytes[index % 16], bytes[(index + 1) % 16]];
                        let [shifted, _] = (u16::from_be_bytes(pair) << shift).to_be_bytes();
                        assert_eq!(
                            decoder.sample(shifted),
                            None,
                            "{ack} {epoch} {keys} {shift}"
                        );
                    }
                }
            }
        }
    }
}
