//! What fuzzing runs. The programs around it, and the inputs worth keeping, are in
//! `overlay/fuzz`.

#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "to panic is what a target is for"
)]

use crate::frame::FRAME_MAX;
use crate::op::Op;
use crate::parser::{Found, Parser};
use crate::receiver::Receiver;
use crate::status::{Decoder, ROTATION, SETTLED, Status};

/// Whatever came before: what decodes encodes to the same bytes, and once the line was idle for a
/// frame's length, the panel obeys.
pub fn panel_frames(bytes: &[u8]) {
    let (mut parser, mut receiver) = (Parser::default(), Receiver::default());
    for byte in bytes {
        receiver.handle_byte(*byte);
        parser.push(*byte);
        while let Some(found) = parser.find() {
            round_trip(&parser, found);
        }
    }
    (0..FRAME_MAX).for_each(|_| receiver.handle_byte(0));
    let errors = receiver.errors();
    let sequence = receiver.acknowledged().map_or(0, |it| (it + 1) % 16);
    let hello = Op::Hello {
        version: crate::VERSION,
        epoch: 5,
    };
    for (op, sequence) in [
        (hello, sequence),
        (Op::Cursor(Some(7)), (sequence + 1) % 16),
    ] {
        let frame = op.frame(sequence).expect("a sound operation");
        let bytes = frame.as_bytes().iter();
        bytes.for_each(|it| receiver.handle_byte(*it));
    }
    assert_eq!(receiver.epoch(), 5);
    assert_eq!(receiver.screen().cursor, Some(7));
    assert_eq!(receiver.errors(), errors);
}

fn round_trip(parser: &Parser, found: Found) {
    let Found::Frame {
        sequence,
        kind,
        payload_len,
    } = found
    else {
        return;
    };
    let payload = parser.payload(payload_len);
    assert_eq!(payload.len(), payload_len);
    let Some(op) = Op::decode(kind, payload) else {
        return;
    };
    // A chart without rows is none, wherever it would be.
    if matches!(op, Op::Chart { place: None, .. }) || sequence >= 16 {
        return;
    }
    let frame = op.frame(sequence).expect("what decodes is sound");
    let again = frame.as_bytes().get(3..4 + payload_len);
    assert_eq!(again.and_then(<[u8]>::split_first), Some((&kind, payload)));
}

/// Only what was told twice in a row is believed, and only behind a whole rotation of statuses.
pub fn panel_status(bytes: &[u8]) {
    let mut decoder = Decoder::default();
    for (index, byte) in bytes.iter().enumerate() {
        let Some(status) = decoder.sample(*byte) else {
            continue;
        };
        assert_eq!(Status::decode(*byte), Some(status));
        let before = bytes.get(..index).unwrap_or_default();
        let valid = before
            .iter()
            .rev()
            .take_while(|it| Status::decode(**it).is_some());
        assert!(valid.count() + 1 >= usize::from(SETTLED));
        let same_kind = |it: &&u8| **it >> 4 == *byte >> 4;
        assert_eq!(before.iter().rev().find(same_kind), Some(byte));
    }
    // After two rotations of a sound line everything is believed, whatever came before.
    for byte in ROTATION.iter().chain(&ROTATION) {
        decoder.sample(*byte);
    }
    for kind in ROTATION {
        assert_eq!(decoder.sample(kind), Status::decode(kind));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    #[test]
    fn every_input_that_was_kept_still_holds() {
        skerry_fuzz::replay("panel_frames", super::panel_frames);
        skerry_fuzz::replay("panel_status", super::panel_status);
    }

    proptest! {
        #[test]
        fn bytes_with_frames_among_them(
            pieces in prop::collection::vec((0..16_u8, 0..13_u8, prop::collection::vec(any::<u8>(), 0..69), any::<u16>()), 0..12),
        ) {
            let mut bytes = std::vec::Vec::new();
            for (sequence, kind, payload, harm) in pieces {
                let frame = crate::frame::Frame::new(sequence, kind, &payload).unwrap();
                let mut frame = frame.as_bytes().to_vec();
                if harm % 3 == 0 {
                    let at = usize::from(harm / 3) % frame.len();
                    frame.remove(at);
                }
                bytes.extend(frame);
            }
            super::panel_frames(&bytes);
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            super::panel_frames(&bytes);
            super::panel_status(&bytes);
        }

        #[test]
        fn bytes_that_are_mostly_statuses(bytes in prop::collection::vec(0x80..=0xEF_u8, 0..300)) {
            super::panel_status(&bytes);
        }
    }
}
