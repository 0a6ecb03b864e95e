//! The panel, as a machine: bytes in, screen and status out.

use crate::VERSION;
use crate::frame::SEQUENCES;
use crate::op::Op;
use crate::parser::{Found, Parser};
use crate::screen::Screen;

/// What a panel must do with any bytes.
///
/// The order of its doubts: a frame whose CRC is wrong, or that has bits beside its sequence
/// number, is counted as an error and nothing else. A greeting is always obeyed. Anything else is
/// acknowledged; is dropped if it has the number of the last frame, which was resent because the
/// answer was lost; is refused before a greeting, and if it makes no sense; and is done.
#[derive(Clone, Debug, Default)]
pub struct Receiver {
    parser: Parser,
    screen: Screen,
    /// The number of the last frame; none before the first.
    last: Option<u8>,
    epoch: u8,
    errors: u8,
    good: u64,
}

impl Receiver {
    /// Takes a byte.
    pub fn handle_byte(&mut self, byte: u8) {
        self.parser.push(byte);
        while let Some(found) = self.parser.find() {
            match found {
                Found::Broken => self.count_error(),
                Found::Frame { sequence, .. } if sequence >= SEQUENCES => self.count_error(),
                Found::Frame {
                    sequence,
                    kind,
                    payload_len,
                } => self.handle_frame(sequence, kind, payload_len),
            }
        }
    }

    /// Nothing came for a time: what was cut off is forgotten.
    pub fn handle_silence(&mut self) {
        self.parser = Parser::default();
    }

    /// What it shows.
    #[must_use]
    pub const fn screen(&self) -> &Screen {
        &self.screen
    }

    /// The number of the last frame that came whole.
    #[must_use]
    pub const fn acknowledged(&self) -> Option<u8> {
        self.last
    }

    /// What the greeting said; 0 before it.
    #[must_use]
    pub const fn epoch(&self) -> u8 {
        self.epoch
    }

    /// Frames that were broken or refused. It wraps; the wire shows its low four bits.
    #[must_use]
    pub const fn errors(&self) -> u8 {
        self.errors
    }

    /// Frames that came whole: each is a sign of life.
    #[must_use]
    pub const fn good_frames(&self) -> u64 {
        self.good
    }

    fn handle_frame(&mut self, sequence: u8, kind: u8, payload_len: usize) {
        self.good += 1;
        let is_new = self.last.replace(sequence) != Some(sequence);
        let is_hello = kind == crate::op::kind::HELLO;
        if !is_new && !is_hello {
            return;
        }
        let op = Op::decode(kind, self.parser.payload(payload_len));
        match op {
            Some(Op::Hello { version, .. }) if version != VERSION => self.count_error(),
            Some(op) if is_hello || self.epoch != 0 => {
                if let Op::Hello { epoch, .. } = op {
                    self.epoch = epoch;
                }
                self.screen.apply(&op);
            }
            _ => self.count_error(),
        }
    }

    const fn count_error(&mut self) {
        self.errors = self.errors.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: Op<'_> = Op::Hello {
        version: VERSION,
        epoch: 3,
    };
    const PUSH: Op<'_> = Op::ChartPush {
        id: 0,
        values: &[5],
    };

    fn send(receiver: &mut Receiver, op: &Op<'_>, sequence: u8) {
        let frame = op.frame(sequence).unwrap();
        frame
            .as_bytes()
            .iter()
            .for_each(|it| receiver.handle_byte(*it));
    }

    fn last_values(receiver: &Receiver) -> [u8; 2] {
        let [.., a, b] = *receiver.screen().charts()[0].values();
        [a, b]
    }

    #[test]
    fn what_is_resent_is_done_once() {
        let mut receiver = Receiver::default();
        send(&mut receiver, &HELLO, 0);
        send(&mut receiver, &PUSH, 1);
        send(&mut receiver, &PUSH, 1);
        assert_eq!(last_values(&receiver), [0, 5]);
        assert_eq!(receiver.acknowledged(), Some(1));
        send(&mut receiver, &PUSH, 2);
        assert_eq!(last_values(&receiver), [5, 5]);
        assert_eq!(receiver.errors(), 0);
    }

    #[test]
    fn nothing_is_done_before_a_greeting() {
        let mut receiver = Receiver::default();
        send(&mut receiver, &PUSH, 1);
        assert_eq!((receiver.errors(), receiver.epoch()), (1, 0));
        assert_eq!(receiver.acknowledged(), Some(1));
        // With the number of the frame before: it is obeyed all the same.
        send(&mut receiver, &HELLO, 1);
        assert_eq!((receiver.errors(), receiver.epoch()), (1, 3));
        send(&mut receiver, &PUSH, 2);
        assert_eq!(last_values(&receiver), [0, 5]);
    }

    #[test]
    fn a_greeting_clears_and_one_of_another_version_does_not() {
        let mut receiver = Receiver::default();
        send(&mut receiver, &HELLO, 0);
        send(&mut receiver, &PUSH, 1);
        let other = Op::Hello {
            version: VERSION + 1,
            epoch: 4,
        };
        send(&mut receiver, &other, 2);
        assert_eq!((receiver.errors(), receiver.epoch()), (1, 3));
        assert_eq!(last_values(&receiver), [0, 5]);
        send(&mut receiver, &HELLO, 3);
        assert_eq!(*receiver.screen(), Screen::default());
    }

    #[test]
    fn silence_forgets_half_a_frame() {
        let mut receiver = Receiver::default();
        let frame = HELLO.frame(0).unwrap();
        let (head, rest) = frame.as_bytes().split_at(5);
        head.iter().for_each(|it| receiver.handle_byte(*it));
        receiver.handle_silence();
        rest.iter().for_each(|it| receiver.handle_byte(*it));
        assert_eq!(receiver.good_frames(), 0);
        send(&mut receiver, &HELLO, 0);
        assert_eq!(receiver.good_frames(), 1);
    }
}
