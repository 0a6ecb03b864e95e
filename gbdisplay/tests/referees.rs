//! Other people's emulators show the same of the cartridge.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use std::collections::BTreeSet;
use std::path::Path;

use skerry_dmg::{CYCLES_PER_FRAME, Keys, Model};
use skerry_gbdisplay::ROM;
use skerry_panel_proto::chart::Place;
use skerry_panel_proto::{Op, PALETTE_LEN, VERSION};
use skerry_referees::{Answers, Mgba, PyBoy, Script, judge, own};

/// Sends what is asked for, a frame each, with time between them.
fn ask(script: &mut Script, sequence: &mut u8, ops: &[Op<'_>]) {
    for op in ops {
        *sequence = (*sequence + 1) % 16;
        script.bytes(op.frame(*sequence).unwrap().as_bytes(), 150);
        script.idle(60, 150);
    }
}

/// A picture of each of: the splash, a page, other colours, one that blinks, a stale one. In other
/// colours a shade of the page is not told from another, so they come last but one.
fn script() -> Script {
    let mut script = Script::new();
    let mut sequence = 0;
    script.pause(20 * CYCLES_PER_FRAME).frame();
    let version = VERSION;
    let hello = Op::Hello { version, epoch: 1 };
    ask(&mut script, &mut sequence, &[hello]);
    script.idle(200, 150);
    page(&mut script, &mut sequence);
    script.idle(3_000, 150).frame();
    // Shown for sixty pictures, and then hidden for as many: a byte is a hundredth of a picture.
    let blink = Op::Blink([0b1000, 0, 0b10, 60]);
    ask(&mut script, &mut sequence, &[blink]);
    script.keys(Keys::A | Keys::LEFT);
    script.idle(9_000, 150).frame();
    let mut palette = [0x5A; PALETTE_LEN];
    palette[0] = 0x1B;
    ask(
        &mut script,
        &mut sequence,
        &[Op::Blink([0, 0, 0, 1]), Op::Palette(&palette)],
    );
    script.idle(800, 150).frame();
    script.pause(120 * CYCLES_PER_FRAME).frame();
    script
}

/// Every tile, a chart, own tiles, a box, the cursor.
fn page(script: &mut Script, sequence: &mut u8) {
    let all: Vec<u8> = (0..=255).collect();
    let (low, high) = all.split_at(120);
    let map = |row, tiles| Op::Map {
        row,
        column: 0,
        tiles,
    };
    ask(
        script,
        sequence,
        &[
            map(0, &low[..60]),
            map(3, &low[60..]),
            map(6, &high[..60]),
            map(9, &high[60..120]),
            map(12, &high[120..]),
        ],
    );
    let place = Some(Place {
        row: 13,
        column: 3,
        width: 16,
        height: 3,
    });
    let values: Vec<u8> = (0..40_u8).map(|it| it.wrapping_mul(it) % 25).collect();
    let values = &values;
    // All of the own ones: PyBoy shows some that are only cleared as its own start left them,
    // though its memory has them right.
    for first in (0..32_u8).step_by(4) {
        let pixels: Vec<u8> = (first..first + 64).map(|it| it.wrapping_mul(37)).collect();
        let pixels = &pixels;
        ask(script, sequence, &[Op::Tile { first, pixels }]);
    }
    ask(
        script,
        sequence,
        &[
            Op::Chart { id: 2, place },
            Op::ChartPush { id: 2, values },
            Op::ChartPush {
                id: 2,
                values: &[24],
            },
            Op::Fill {
                row: 16,
                column: 5,
                height: 2,
                width: 10,
                tile: 4,
            },
            Op::Cursor(Some(14)),
        ],
    );
}

/// What is in the pictures.
const NAMES: [&str; 5] = ["splash", "page", "hidden rows", "other colours", "stale"];

/// Demands the same frames.
#[track_caller]
fn check(who: &str, ours: &Answers, theirs: &Answers) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    judge(who, &NAMES, ours, theirs, folder).unwrap();
}

/// Each picture differs from the one before, so what is compared was shown.
#[track_caller]
fn check_scenes(answers: &Answers) {
    for pair in answers.frames.windows(2) {
        assert!(pair[0].differing(&pair[1]) > 20);
    }
    assert!(answers.frames[1].hues() >= 4);
}

/// What the panel told last, each once.
fn last_rotation(answers: &Answers) -> BTreeSet<u8> {
    answers.replies.iter().rev().take(32).copied().collect()
}

#[test]
fn mgba_and_pyboy_show_the_same_without_colour() {
    let script = script();
    let ours = own::run(ROM, Model::Dmg, &script).unwrap();
    check_scenes(&ours);
    let mgba = Mgba::build().unwrap();
    let theirs = mgba.run(ROM, Model::Dmg, &script).unwrap();
    check("mGBA", &ours, &theirs);
    // A status may come a byte earlier or later: not every cycle of mGBA is the same.
    assert_eq!(last_rotation(&ours), last_rotation(&theirs));
    let pyboy = PyBoy::find().unwrap();
    let theirs = pyboy.run(ROM, Model::Dmg, &script).unwrap();
    check("PyBoy", &ours, &theirs);
}

#[test]
fn mgba_and_pyboy_show_the_same_with_colour() {
    let script = script();
    let ours = own::run(ROM, Model::Cgb, &script).unwrap();
    check_scenes(&ours);
    assert!(
        ours.frames[1].hues() > 4,
        "the cursor has colours of its own"
    );
    let mgba = Mgba::build().unwrap();
    let theirs = mgba.run(ROM, Model::Cgb, &script).unwrap();
    check("mGBA with colour", &ours, &theirs);
    let pyboy = PyBoy::find().unwrap();
    let theirs = pyboy.run(ROM, Model::Cgb, &script).unwrap();
    check("PyBoy with colour", &ours, &theirs);
}
