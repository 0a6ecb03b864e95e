//! What `docs/src/panel-protocol.md` says is so.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use skerry_panel_proto::frame::Frame;
use skerry_panel_proto::status::ROTATION;
use skerry_panel_proto::{Found, Op, Parser, tiles, timing};

const PAGE: &str = include_str!("../../../docs/src/panel-protocol.md");

/// The bytes that a line begins with.
fn bytes(line: &str) -> Vec<u8> {
    let words = line.split(' ').map_while(|it| {
        let digits = it.len() == 2 && it.chars().all(|it| it.is_ascii_hexdigit());
        digits.then(|| u8::from_str_radix(it, 16).unwrap())
    });
    words.collect()
}

#[test]
fn every_example_is_a_frame_of_the_operation_it_names() {
    let mut examples = 0;
    for line in PAGE
        .lines()
        .filter(|it| it.starts_with("5A 0") || it.starts_with("5A 1"))
    {
        let bytes = bytes(line);
        let mut parser = Parser::default();
        bytes.iter().for_each(|it| parser.push(*it));
        let Some(Found::Frame {
            sequence,
            kind,
            payload_len,
        }) = parser.find()
        else {
            panic!("no frame: {line}");
        };
        assert_eq!(bytes.len(), payload_len + 6, "{line}");
        let op = Op::decode(kind, parser.payload(payload_len)).unwrap();
        assert_eq!(op.frame(sequence).unwrap().as_bytes(), bytes);
        let name = format!("{op:?}").to_uppercase();
        let told = line.split_whitespace().find(|it| it.len() > 2).unwrap();
        assert!(
            name.starts_with(&told.replace([',', '_'], "")),
            "{line}: {name}"
        );
        examples += 1;
    }
    assert_eq!(examples, 10);
}

#[test]
fn every_operation_has_a_row_with_its_number() {
    let row = |number: u8| format!("| {number} | ");
    for number in 0..=u8::MAX {
        let is_known = (0..=68).any(|len| {
            let payload = vec![1; len];
            Op::decode(number, &payload).is_some()
        });
        assert_eq!(PAGE.contains(&row(number)), is_known, "{number}");
    }
}

#[test]
fn numbers_are_those_of_the_code() {
    let rotation: Vec<String> = ROTATION.iter().map(|it| format!("{:X}", it >> 4)).collect();
    let ms = |us: u64| us / 1_000;
    for text in [
        format!("`{}`", rotation.join(" ")),
        format!(
            "within {} ms and {} bytes",
            ms(timing::ACK_US),
            timing::ACK_BYTES
        ),
        format!(
            "({} ms and {} bytes",
            ms(timing::ACK_US + timing::GREETING_US),
            timing::GREETING_BYTES
        ),
        format!("nothing for {} ms", ms(timing::SILENCE_US)),
        format!("after {} ms without a status", ms(timing::NOISE_US)),
        format!("believed for {} ms", ms(timing::DOWN_US)),
        format!("sent for {} ms", ms(timing::BEAT_US)),
        format!("After {} pictures (67 ms)", timing::WATCHDOG_PICTURES),
        format!("After {} pictures (1.5 s)", timing::STALE_PICTURES),
        format!("`{:X}` to `{:X}` two bars", tiles::BARS, tiles::bars(8, 8)),
        format!("`{:X}` to `EF`", tiles::ICONS),
        format!("`{:X}` to `FF` the panel's", tiles::SIGNS),
    ] {
        assert!(PAGE.contains(&text), "{text}");
    }
    assert_eq!(timing::SENDS_MAX, 6);
    assert!(Frame::new(0, 1, &[0; 68]).is_some() && Frame::new(0, 1, &[0; 69]).is_none());
}
