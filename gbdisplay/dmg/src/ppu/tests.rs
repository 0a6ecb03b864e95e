//! Lengths of modes, lines and frames, and what is closed when.

use super::*;

const LCDC: u16 = 0xFF40;
const STAT: u16 = 0xFF41;
const SCX: u16 = 0xFF43;
const LY: u16 = 0xFF44;
const LYC: u16 = 0xFF45;
const WY: u16 = 0xFF4A;
const WX: u16 = 0xFF4B;

/// At the start of line `line`.
fn at_line(line: u8) -> Ppu {
    let mut ppu = Ppu::new(false);
    while !(ppu.read(LY) == line && ppu.line == line && ppu.dot < 4) {
        ppu.tick(4);
    }
    ppu
}

/// Dots until `done`, one at a time.
fn until(ppu: &mut Ppu, done: impl Fn(&Ppu) -> bool) -> u32 {
    let mut dots = 0;
    while !done(ppu) {
        ppu.tick(1);
        dots += 1;
        assert!(dots < 1_000_000, "never");
    }
    dots
}

fn mode(ppu: &Ppu) -> u8 {
    ppu.read(STAT) & 3
}

/// Dots of mode 3 on line 10 with these writes made in the frame before.
#[track_caller]
fn check_length(writes: &[(u16, u8)], dots: u32) {
    let mut ppu = at_line(150);
    for &(address, value) in writes {
        ppu.write(address, value);
    }
    until(&mut ppu, |it| it.line == 10);
    assert_eq!(until(&mut ppu, |it| mode(it) == 3), 80);
    assert_eq!(until(&mut ppu, |it| mode(it) == 0), dots, "{writes:?}");
    assert_eq!(until(&mut ppu, |it| mode(it) == 2), 456 - 80 - dots);
}

#[test]
fn mode_3_has_its_length() {
    check_length(&[], 172);
    check_length(&[(SCX, 5)], 177);
    check_length(&[(SCX, 8)], 172);
    check_length(&[(LCDC, 0xB1), (WX, 7), (WY, 10)], 178);
    check_length(&[(LCDC, 0xB1), (WX, 7), (WY, 3)], 178);
    check_length(&[(LCDC, 0xB1), (WX, 7), (WY, 11)], 172);
    check_length(&[(LCDC, 0xB1), (WX, 167), (WY, 3)], 172);
}

#[test]
fn a_frame_has_its_length() {
    let mut ppu = at_line(0);
    until(&mut ppu, |it| it.frames == 1);
    assert_eq!(until(&mut ppu, |it| it.frames == 2), 70_224);
    ppu.write(LCDC, 0);
    assert_eq!(until(&mut ppu, |it| it.frames == 3), 70_224);
}

#[test]
fn the_last_line_soon_reads_as_the_first() {
    let mut ppu = at_line(153);
    assert_eq!(until(&mut ppu, |it| it.read(LY) == 0), 4);
    assert_eq!(until(&mut ppu, |it| mode(it) == 2), 452);
}

#[test]
fn memory_is_closed_while_it_is_used() {
    let mut ppu = at_line(20);
    let write = |ppu: &mut Ppu| {
        ppu.write_vram(0x8000, 1);
        ppu.write_oam(0xFE00, 1);
        (ppu.vram_drops(), ppu.oam_drops())
    };
    assert_eq!(write(&mut ppu), (0, 1));
    until(&mut ppu, |it| mode(it) == 3);
    assert_eq!(write(&mut ppu), (1, 2));
    assert_eq!((ppu.peek_vram(0x8000), ppu.peek_oam(0xFE00)), (1, 0));
    until(&mut ppu, |it| mode(it) == 0);
    assert_eq!(write(&mut ppu), (1, 2));
    assert_eq!(ppu.peek_oam(0xFE00), 1);
}

/// STAT interrupts in a frame with these enables and LYC.
#[track_caller]
fn check_interrupts(enables: u8, lyc: u8, expect: u32) {
    let mut ppu = at_line(0);
    ppu.write(LYC, lyc);
    ppu.write(STAT, enables);
    ppu.stat_line = false;
    until(&mut ppu, |it| it.line == 150);
    let stat = Interrupt::Stat.bit();
    let count = (0..70_224)
        .map(|_| u32::from(ppu.tick(1) & stat != 0))
        .sum();
    assert_eq!(expect, count, "STAT {enables:02X}, LYC {lyc}");
}

#[test]
fn only_a_rise_of_the_stat_line_interrupts() {
    check_interrupts(0x00, 10, 0);
    check_interrupts(0x08, 10, 144);
    check_interrupts(0x10, 10, 1);
    check_interrupts(0x20, 10, 145);
    check_interrupts(0x40, 10, 1);
    check_interrupts(0x40, 0, 1);
    check_interrupts(0x40, 200, 0);
    // Mode 0 runs into mode 2, one rise for both; but not on line 0.
    check_interrupts(0x28, 200, 145);
    check_interrupts(0x38, 200, 144);
}

/// Writes 0 to STAT in a mode of a line that is not LYC.
#[track_caller]
fn check_write(color: bool, line: u8, in_mode: u8, expect: u8) {
    let mut ppu = Ppu::new(color);
    ppu.write(LYC, 100);
    until(&mut ppu, |it| it.line == line && mode(it) == in_mode);
    assert_eq!(ppu.write(STAT, 0), expect, "line {line}, mode {in_mode}");
}

#[test]
fn a_write_to_stat_interrupts_as_if_every_source_were_enabled() {
    let stat = Interrupt::Stat.bit();
    for (line, in_mode) in [(20, 2), (20, 0), (150, 1)] {
        check_write(false, line, in_mode, stat);
        check_write(true, line, in_mode, 0);
    }
    check_write(false, 20, 3, 0);
    check_write(false, 100, 3, stat);
}

#[test]
fn switching_the_lcd_on_starts_a_short_line_without_a_scan() {
    let mut ppu = at_line(30);
    ppu.write(LCDC, 0x11);
    assert_eq!((ppu.read(LY), mode(&ppu)), (0, 0));
    ppu.write(LCDC, 0x91);
    assert_eq!(until(&mut ppu, |it| mode(it) == 3), 76);
    assert_eq!(until(&mut ppu, |it| it.read(LY) == 1), 376);
}
