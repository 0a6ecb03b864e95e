//! What a host sees: the link in time, keys, frames, counters, the profile, both models.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use skerry_asm::{Header, assemble_rom};
use skerry_dmg::{
    CYCLES_PER_FRAME, CYCLES_PER_SECOND, Counters, HEIGHT, Interrupt, Keys, Machine, Model, WIDTH,
};

/// `text` at 0150, entered from 0100; it may go on elsewhere with `.org`.
fn machine(text: &str, model: Model) -> Machine {
    let text = format!(
        "        .area _TEST (ABS)\n        .org 0x100\n        nop\n        jp start\n        \
         .org 0x150\nstart:\n{text}"
    );
    let header = Header {
        title: "TEST",
        colour: true,
    };
    let rom = assemble_rom(&text, &header).unwrap_or_else(|errors| panic!("{errors}"));
    Machine::new(&rom, model).unwrap()
}

/// Arms the link for each byte, in an interrupt, and stores what comes at C000.
const RECEIVER: &str = "
        ld a,#0x08
        ldh (0xFF),a
        ld a,#0xA5
        ldh (0x01),a
        ld a,#0x80
        ldh (0x02),a
        ei
1$:     jr 1$
        .org 0x58
        push af                 ; 4, after 5 of the dispatch
        ldh a,(0x01)            ; 3
        ld (0xC000),a           ; 4
        ld a,#0x80              ; 2
        ldh (0x02),a            ; 3
        pop af                  ; 3
        reti                    ; 4
";

#[test]
fn a_byte_takes_its_time_on_the_link() {
    let mut machine = machine(RECEIVER, Model::Dmg);
    machine.run(1000);
    machine.link_send(0x3C, 8);
    machine.run(30);
    assert_eq!(machine.peek(0xFF01), 0x53, "four bits of it");
    assert_eq!(machine.link_reply(), None);
    machine.run(60);
    assert_eq!(machine.peek(0xC000), 0x3C);
    assert_eq!(machine.link_reply(), Some(0xA5));
    assert_eq!(machine.counters(), Counters::default());
}

#[test]
fn bytes_that_come_too_fast_are_counted() {
    let mut machine = machine(RECEIVER, Model::Dmg);
    machine.run(1000);
    for _ in 0..100 {
        machine.link_send(0x3C, 4);
        // Seven bits later and one: the handler needs longer than the next byte gives it.
        machine.run(30);
    }
    let counters = machine.counters();
    assert!(counters.unarmed_bytes > 0 && counters.unarmed_bits > 0);
    assert!(counters.unarmed_bytes < 100, "{counters:?}");
}

#[test]
fn the_host_can_clock_single_bits() {
    let mut machine = machine(RECEIVER, Model::Dmg);
    machine.run(1000);
    let back = (0..8).map(|bit| machine.link_clock(0x3C << bit & 0x80 != 0));
    let back = back.fold(0, |byte, bit| byte << 1 | u8::from(bit));
    machine.run(100);
    assert_eq!((back, machine.peek(0xC000)), (0xA5, 0x3C));
}

#[test]
fn the_profile_knows_what_a_handler_takes() {
    let mut machine = machine(RECEIVER, Model::Dmg);
    machine.run(1000);
    machine.start_profile();
    for _ in 0..10 {
        machine.link_send(1, 8);
        machine.run(500);
    }
    let profile = machine.profile().unwrap();
    let handler = profile.handler(Interrupt::Serial);
    assert_eq!(
        (handler.calls, handler.longest, handler.cycles),
        (10, 28, 280)
    );
    assert_eq!(profile.cycles_at(0x58..=0x67), 280);
    assert_eq!(profile.handler(Interrupt::Timer).calls, 0);
}

/// Writes to video memory for ever.
const WRITER: &str = "
        ld hl,#0x8000
1$:     ld (hl),#0x55
        jr 1$
";

#[test]
fn writes_to_closed_memory_are_counted() {
    let mut running = machine(WRITER, Model::Dmg);
    running.run(10 * CYCLES_PER_FRAME);
    let drops = running.counters().vram_drops;
    // A write every 6 M-cycles, in 43 of the 114 of 144 lines.
    let expect = 10 * 144 * 43 / 6;
    assert!(
        drops.abs_diff(expect) < expect / 20,
        "{drops}, not {expect}"
    );
    let off = format!("        xor a\n        ldh (0x40),a\n{WRITER}");
    let mut off = machine(&off, Model::Dmg);
    off.run(10 * CYCLES_PER_FRAME);
    assert_eq!(off.counters(), Counters::default());
}

#[test]
fn an_lcd_that_is_off_is_blank_and_frames_go_on() {
    let mut machine = machine(
        "        xor a\n        ldh (0x40),a\n1$:     jr 1$\n",
        Model::Dmg,
    );
    machine.run(10);
    let start = machine.cycle();
    for _ in 0..10 {
        machine.run_frame();
    }
    let took = machine.cycle() - start;
    assert!(took.abs_diff(10 * CYCLES_PER_FRAME) < 50, "{took}");
    let shades = machine.frame().to_shades().unwrap();
    assert_eq!(shades, vec![0; WIDTH * HEIGHT]);
}

#[test]
fn stop_waits_for_a_key() {
    let text = "
        ld a,#0x10
        ldh (0x00),a
        stop
        ld a,#0x77
        ld (0xC000),a
1$:     jr 1$
";
    let mut machine = machine(text, Model::Dmg);
    machine.run(1000);
    let frames = machine.frames();
    machine.run_frame();
    machine.set_keys(Keys::LEFT);
    machine.run(1000);
    assert_eq!(machine.peek(0xC000), 0, "a key that is not selected");
    assert_eq!(machine.frames(), frames);
    machine.set_keys(Keys::START);
    machine.run(1000);
    assert_eq!(machine.peek(0xC000), 0x77);
}

/// Starts a DMA from C100 and, 40 M-cycles later, reads ROM, high memory and OAM; then OAM again.
const TRANSFER: &str = "
        xor a
        ldh (0x40),a
        ld hl,#0xC100
1$:     ld (hl),l
        inc l
        jr nz,1$
        ld hl,#code
        ld c,#0x80
2$:     ld a,(hl+)
        ldh (c),a
        inc c
        ld a,c
        cp #0x80+code_end-code
        jr nz,2$
        ld a,#0x5A
        ldh (0xF0),a
        call 0xFF80
3$:     jr 3$
code:   ld a,#0xC1
        ldh (0x46),a
        ld b,#9                 ; 2
4$:     dec b
        jr nz,4$                ; 35
        ld a,(0x0000)           ; its read is the 41st
        ldh (0xF1),a
        ldh a,(0xF0)
        ldh (0xF2),a
        ld a,(0xFE00)
        ldh (0xF3),a
        ld b,#40
5$:     dec b
        jr nz,5$
        ld a,(0xFE9F)
        ldh (0xF4),a
        ret
code_end:
";

#[test]
fn dma_owns_the_bus_and_oam_while_it_runs() {
    let mut machine = machine(TRANSFER, Model::Dmg);
    machine.run(10_000);
    // The first byte is copied in the second M-cycle after the write.
    assert_eq!(machine.peek(0xFFF1), 41 - 2, "the byte on the bus");
    assert_eq!(machine.peek(0xFFF2), 0x5A, "high memory is elsewhere");
    assert_eq!(machine.peek(0xFFF3), 0xFF, "OAM is busy");
    assert_eq!(machine.peek(0xFFF4), 0x9F);
}

/// Counts loops of 8 M-cycles at C000, in the speed that it was told.
fn loops(prepare: &str) -> u16 {
    let text = format!(
        "{prepare}
        ld hl,#0
1$:     inc hl                  ; 2, and 3 for JR
        nop
        nop
        nop
        jr 1$
"
    );
    let mut machine = machine(&text, Model::Cgb);
    // Changing the speed takes a while.
    machine.run(10_000);
    let before = machine.registers().hl;
    machine.run(80_000);
    machine.registers().hl - before
}

#[test]
fn double_speed_is_twice_as_fast() {
    assert_eq!(loops(""), 10_000);
    let fast = "        ld a,#1\n        ldh (0x4D),a\n        stop\n";
    assert_eq!(loops(fast), 20_000);
}

#[test]
fn a_program_is_told_the_model() {
    let spin = "1$:     jr 1$\n";
    let a = |model| machine(spin, model).registers().af >> 8;
    assert_eq!((a(Model::Dmg), a(Model::Cgb)), (0x01, 0x11));
    assert!(machine(spin, Model::Cgb).frame().is_color());
    assert!(!machine(spin, Model::Dmg).frame().is_color());
}

#[test]
fn a_tone_is_heard_and_ends() {
    let text = "
        ld a,#0xBF              ; a sixty-fourth of the length
        ldh (0x11),a
        ld a,#0xF0
        ldh (0x12),a
        ld a,#0xC7
        ldh (0x14),a
1$:     jr 1$
";
    let mut machine = machine(text, Model::Dmg);
    machine.set_audio_rate(8_000);
    machine.run(1_000);
    assert_eq!(machine.peek(0xFF26), 0xF1);
    machine.run(CYCLES_PER_SECOND / 2);
    assert_eq!(machine.peek(0xFF26), 0xF0);
    let samples = machine.take_audio();
    assert!(samples.iter().any(|it| *it > 0) && samples.iter().any(|it| *it < 0));
    machine.run(CYCLES_PER_SECOND / 2);
    let samples = machine.take_audio();
    assert!(samples.len().abs_diff(4_000) < 2, "{}", samples.len());
    assert!(samples.iter().all(|it| *it == 0));
}
