//! A picture of the console ends in the middle of other work: what changes then is copied all the
//! same.

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
/// M-cycles of a line, and of a picture with the pause behind it.
const LINE: u64 = 114;
const PICTURE: u64 = 154 * LINE;

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
