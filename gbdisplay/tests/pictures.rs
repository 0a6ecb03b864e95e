//! A picture of the console ends in the middle of other work: what changes then is copied all the
//! same, and what is copied is done before the next picture begins.

#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

mod panel;

use panel::{HASTY, Pace, Panel, Random};
use skerry_dmg::Model;
use skerry_gbdisplay::symbol;
use skerry_panel_proto::frame::Frame;

/// What frames ask for.
const HELLO: u8 = 1;
const TILE: u8 = 5;
const CURSOR: u8 = 8;
const BLINK: u8 = 9;
/// M-cycles of a line, and of a picture with the pause behind it.
const LINE: u64 = 114;
const PICTURE: u64 = 154 * LINE;
/// M-cycles of a line before its pixels are drawn.
const SCAN: u64 = 20;

/// Sends bytes, one right behind the other.
fn send(panel: &mut Panel, bytes: &[u8]) {
    for byte in bytes {
        panel.exchange(*byte);
    }
}

fn greeted(model: Model, pace: Pace) -> Panel {
    let mut panel = Panel::new(model, pace);
    let hello = Frame::new(1, HELLO, &[1, 3]).unwrap();
    send(&mut panel, hello.as_bytes());
    panel.wait(500_000);
    panel.assert_drawn();
    panel
}

/// M-cycles until something is so.
fn until(panel: &Panel, is: impl Fn(&Panel) -> bool) -> u64 {
    let mut trial = Panel::new(Model::Dmg, HASTY);
    trial.machine = panel.machine.clone();
    let start = trial.machine.cycle();
    while !is(&trial) {
        trial.machine.run(1);
        assert!(trial.machine.cycle() - start < 4 * PICTURE, "never");
    }
    trial.machine.cycle() - start
}

/// Four tiles at any moment around the end of a picture.
#[test]
fn tiles_that_change_while_a_picture_ends_are_copied() {
    let mut panel = greeted(Model::Dmg, HASTY);
    let payload = [vec![28], Random(1).bytes(64)].concat();
    let frame = Frame::new(2, TILE, &payload).unwrap();
    let (last, head) = frame.as_bytes().split_last().unwrap();
    send(&mut panel, head);
    let flags = symbol("tile_dirty").unwrap() + 28;
    let frames = panel.machine.frames();
    let end = until(&panel, |it| it.machine.frames() > frames) + PICTURE;
    // Long after one picture has ended, and before the next one does.
    let begun = panel.machine.clone();
    let ended = begun.cycle() + end;
    panel.machine.run(end - PICTURE / 2);
    panel.machine.link_send(*last, 8);
    let flagged = until(&panel, |it| it.machine.peek(flags) != 0);
    let mut halves = 0;
    for offset in 0..120 {
        panel.machine = begun.clone();
        panel.machine.run_until(ended + 60 - offset - flagged);
        panel.machine.link_send(*last, 8);
        panel.machine.run_until(ended);
        let flagged = (flags..flags + 4).filter(|at| panel.machine.peek(*at) != 0);
        halves += u32::from((1..4).contains(&flagged.count()));
        panel.machine.run(3 * PICTURE);
        println!("{offset} cycles before");
        panel.assert_drawn();
        assert_eq!(panel.bytes("own_tiles", 512)[28 * 16..], payload[1..]);
    }
    assert!(halves > 0, "no picture ended while the flags were set");
}

/// The longest copy of a row, from the look at the line that lets it begin to its end, in M-cycles:
/// rows that blink, the cursor, and the link at its hastiest.
fn longest_row(model: Model) -> u64 {
    let mut panel = greeted(model, HASTY);
    let blink = Frame::new(3, BLINK, &[0xFF, 0xFF, 3, 1]).unwrap();
    let cursor = Frame::new(4, CURSOR, &[9]).unwrap();
    send(&mut panel, blink.as_bytes());
    send(&mut panel, cursor.as_bytes());
    let begin = symbol("row_copy").unwrap();
    let end = match model {
        Model::Dmg => symbol("row_colour").unwrap() - 1,
        Model::Cgb => symbol("tile_copy").unwrap() - 1,
    };
    // What is between the look at the line and the copy.
    let before = 14;
    let (mut since, mut longest) = (None, 0);
    let mut next = panel.machine.cycle();
    for _ in 0..40_000 {
        panel.machine.link_send(0, 8);
        next += 126;
        while panel.machine.cycle() < next {
            let cycle = panel.machine.cycle();
            let pc = panel.machine.registers().pc;
            if pc == begin {
                since = Some(cycle - before);
            } else if let Some(since) = since.take_if(|_| pc == end) {
                longest = longest.max(cycle - since);
            }
            panel.machine.run(1);
        }
    }
    longest
}

#[test]
fn a_row_is_copied_before_the_next_picture_begins() {
    for model in [Model::Dmg, Model::Cgb] {
        let lines = u64::from(greeted(model, HASTY).byte("lines"));
        let room = (10 - lines) * LINE + SCAN;
        let longest = longest_row(model);
        println!("figure: {model:?}: a row takes {longest} of {room} cycles at most");
        // Silicon closes video memory some dots before the core does.
        assert!(
            longest + 16 <= room,
            "{model:?}: {longest} of {room} cycles"
        );
    }
}
