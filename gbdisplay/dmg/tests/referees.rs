//! Other people's emulators pass the same micro-ROMs, and show the same pictures.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

mod roms;

use std::path::Path;

use roms::{FRAMES, NUMBER, STATUS};
use skerry_dmg::{CYCLES_PER_FRAME, Keys, Model};
use skerry_referees::{Answers, Mgba, PyBoy, Script, judge, own};

/// Runs a micro-ROM in mGBA: its status, and what failed, lower byte first.
fn run_micro(name: &str) -> Vec<u8> {
    let mut script = Script::new();
    script.wait(STATUS, FRAMES);
    script.wait(NUMBER, 0).wait(NUMBER + 1, 0);
    let mgba = Mgba::build().unwrap();
    let answers = mgba.run(&roms::named(name), Model::Dmg, &script);
    answers.unwrap().bytes
}

/// What a micro-ROM expects is not our invention: mGBA passes it too.
#[track_caller]
fn check_micro(name: &str) {
    let [status, low, high] = run_micro(name)[..] else {
        panic!("{name}: three bytes were asked for");
    };
    assert_eq!(status, 1, "{name}: {high:02X}{low:02X} failed in mGBA");
}

#[test]
fn mgba_passes_forms() {
    check_micro("forms");
}

#[test]
fn mgba_passes_arithmetic() {
    check_micro("arithmetic");
}

#[test]
fn mgba_passes_jumps() {
    check_micro("jumps");
}

#[test]
fn mgba_passes_interrupts() {
    check_micro("interrupts");
}

#[test]
fn mgba_passes_timer() {
    check_micro("timer");
}

#[test]
fn mgba_passes_instruction_timing() {
    check_micro("instruction timing");
}

#[test]
fn mgba_passes_memory_timing() {
    check_micro("memory timing");
}

/// mGBA has PUSH write an M-cycle earlier than it is documented, though CALL in its time.
#[test]
fn mgba_differs_in_push_alone() {
    assert_eq!(run_micro("push timing"), [2, 0x00, 0xC5]);
}

#[test]
fn mgba_passes_video() {
    check_micro("video");
}

/// Demands the same frames.
#[track_caller]
fn check_frames(who: &str, names: &[&str], ours: &Answers, theirs: &Answers) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    judge(who, names, ours, theirs, folder).unwrap();
}

/// Bytes at full rate, keys, more bytes; a frame after each has settled.
fn panel_script() -> Script {
    let mut script = Script::new();
    script.pause(20 * CYCLES_PER_FRAME);
    let bytes: Vec<u8> = (1..=40_u8).map(|it| it.wrapping_mul(73)).collect();
    script
        .bytes(&bytes, 150)
        .pause(30 * CYCLES_PER_FRAME)
        .frame();
    script.keys(Keys::A | Keys::LEFT);
    script.pause(10 * CYCLES_PER_FRAME).frame();
    script.bytes(&[0xDE, 0xAD], 1000).keys(Keys::START);
    script.pause(10 * CYCLES_PER_FRAME).frame();
    script
}

#[test]
fn the_same_bytes_and_keys_make_the_same_picture_everywhere() {
    let (rom, script) = (roms::link(), panel_script());
    let ours = own::run(&rom, Model::Dmg, &script).unwrap();
    let mgba = Mgba::build()
        .unwrap()
        .run(&rom, Model::Dmg, &script)
        .unwrap();
    let names = ["bytes", "keys", "more"];
    check_frames("mGBA", &names, &ours, &mgba);
    assert_eq!(ours.replies, mgba.replies);
    let pyboy = PyBoy::find().unwrap();
    let pyboy = pyboy.run(&rom, Model::Dmg, &script).unwrap();
    check_frames("PyBoy", &names, &ours, &pyboy);
    // Something was shown, and it changed.
    assert_eq!(ours.frames[0].hues(), 4);
    assert!(ours.frames[0].differing(&ours.frames[1]) > 0);
    assert!(ours.frames[1].differing(&ours.frames[2]) > 0);
}

#[test]
fn colours_are_the_same_in_mgba() {
    let mut script = Script::new();
    script.pause(30 * CYCLES_PER_FRAME).frame();
    let ours = own::run(&roms::color(), Model::Cgb, &script).unwrap();
    let mgba = Mgba::build()
        .unwrap()
        .run(&roms::color(), Model::Cgb, &script)
        .unwrap();
    check_frames("mGBA", &["colours"], &ours, &mgba);
    assert!(ours.frames[0].hues() > 20);
}

/// PyBoy passes what it claims to model; the others need memory that closes, and the halt bug.
#[test]
fn pyboy_passes_what_it_models() {
    let pyboy = PyBoy::find().unwrap();
    let mut script = Script::new();
    script.wait(STATUS, FRAMES);
    for name in ["jumps", "timer", "instruction timing"] {
        let answers = pyboy.run(&roms::named(name), Model::Dmg, &script).unwrap();
        assert_eq!(answers.bytes, [1], "{name}");
    }
}
