//! How much faster than a Game Boy the core is: runs a ROM for a minute of machine time.
//!
//! `cargo run --release -p skerry-dmg --example speed [ROM]`; without a ROM, one that never waits,
//! with ten objects on most lines, the window, sound, and a byte on the link every 150 us.

#![expect(clippy::print_stdout, reason = "the figure is what it is for")]

use std::time::Instant;

use skerry_dmg::{CYCLES_PER_SECOND, Machine, Model};

const SECONDS: u64 = 60;

/// 150 us.
const CYCLES_PER_BYTE: u64 = 157;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rom = match std::env::args_os().nth(1) {
        Some(path) => std::fs::read(path)?,
        None => busy(),
    };
    let mut machine = Machine::new(&rom, Model::Dmg)?;
    machine.set_audio_rate(48_000);
    let start = Instant::now();
    let mut samples = 0;
    while machine.cycle() < SECONDS * CYCLES_PER_SECOND {
        machine.link_send(0x5A, 8);
        machine.run(CYCLES_PER_BYTE);
        samples += machine.take_audio().len();
    }
    let took = start.elapsed().as_secs_f64();
    let times = 60.0 / took;
    println!("figure: {SECONDS} s of machine time in {took:.2} s, {times:.0} times real time");
    println!("{} frames, {samples} samples", machine.frames());
    Ok(())
}

/// Fills OAM, opens the window, starts a tone, and then adds, stores and serves the link for ever.
fn busy() -> Vec<u8> {
    let mut rom = vec![0; 0x8000];
    let mut put = |at: usize, code: &[u8]| rom[at..at + code.len()].copy_from_slice(code);
    // Serial: push af; ld a,80; ldh (02),a; pop af; reti.
    put(0x58, &[0xF5, 0x3E, 0x80, 0xE0, 0x02, 0xF1, 0xD9]);
    put(0x100, &[0xC3, 0x50, 0x01]);
    let setup = [
        // LCD off; OAM: an object every 4 bytes, at y and x of the loop's counter.
        0xAF, 0xE0, 0x40, 0x21, 0x00, 0xFE, 0x06, 0xA0, 0x78, 0x22, 0x05, 0x20, 0xFB, //
        // WY 0, WX 80; LCDC with window and objects; tone; serial armed, its interrupt on.
        0xAF, 0xE0, 0x4A, 0x3E, 0x50, 0xE0, 0x4B, 0x3E, 0xF3, 0xE0, 0x40, 0x3E, 0xF0, 0xE0, 0x12,
        0x3E, 0x87, 0xE0, 0x14, 0x3E, 0x80, 0xE0, 0x02, 0x3E, 0x08, 0xE0, 0xFF, 0xFB, //
        // For ever: ld hl,C000; 1$: add b; ld (hl+),a; rlc b; push hl; pop de; bit 5,h; jr z,1$.
        0x21, 0x00, 0xC0, 0x80, 0x22, 0xCB, 0x00, 0xE5, 0xD1, 0xCB, 0x6C, 0x28, 0xF6, 0x18, 0xF1,
    ];
    put(0x150, &setup);
    rom
}
