//! The micro-ROMs on the core, and blargg's where they are given.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

mod roms;

use roms::{FRAMES, NUMBER, STATUS};
use skerry_dmg::{Machine, Model};

/// Runs a micro-ROM to its end.
#[track_caller]
fn check(name: &str) {
    let mut machine = Machine::new(&roms::named(name), Model::Dmg).unwrap();
    for _ in 0..FRAMES {
        machine.run_frame();
        if machine.peek(STATUS) != 0 {
            break;
        }
    }
    let number = u16::from_le_bytes([machine.peek(NUMBER), machine.peek(NUMBER + 1)]);
    let frames = machine.frames();
    let status = machine.peek(STATUS);
    let registers = machine.registers();
    assert_eq!(
        status, 1,
        "{name}: {number:04X} failed, frame {frames}, {registers:04X?}"
    );
}

#[test]
fn every_form_leaves_what_is_documented() {
    check("forms");
}

#[test]
fn arithmetic_is_right_for_every_input() {
    check("arithmetic");
}

#[test]
fn jumps_lead_where_they_should() {
    check("jumps");
}

#[test]
fn interrupts_and_halt_keep_their_time() {
    check("interrupts");
}

#[test]
fn the_timer_counts_and_reloads() {
    check("timer");
}

#[test]
fn every_instruction_takes_its_time() {
    check("instruction timing");
}

#[test]
fn memory_is_read_and_written_in_its_cycle() {
    check("memory timing");
}

#[test]
fn pushes_write_in_their_cycle() {
    check("push timing");
}

#[test]
fn video_keeps_its_time_and_closes_its_memory() {
    check("video");
}
