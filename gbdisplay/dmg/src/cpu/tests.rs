//! The corners of interrupts and HALT. The micro-ROMs look at the rest.

use super::*;
use crate::cartridge::Cartridge;

/// A machine whose ROM is `code` at 0100.
fn machine(code: &[u8]) -> (Cpu, Bus) {
    let mut rom = vec![0; 0x8000];
    rom[0x100..0x100 + code.len()].copy_from_slice(code);
    let mut bus = Bus::new(Cartridge::new(&rom).unwrap(), false);
    bus.interrupts.flags = 0;
    let mut cpu = Cpu::new(false);
    cpu.sp = 0xD000;
    (cpu, bus)
}

#[test]
fn opcodes_that_do_not_exist_lock_the_cpu() {
    for opcode in [
        0xD3, 0xDB, 0xDD, 0xE3, 0xE4, 0xEB, 0xEC, 0xED, 0xF4, 0xFC, 0xFD,
    ] {
        let (mut cpu, mut bus) = machine(&[opcode]);
        for _ in 0..10 {
            cpu.step(&mut bus);
        }
        assert_eq!(cpu.pc, 0x101, "{opcode:02X}");
        assert_eq!(bus.now() / 4, 10);
    }
}

/// Runs `steps` steps with the timer's interrupt enabled and requested.
fn run_pending(code: &[u8], steps: u32) -> (Cpu, Bus) {
    let (mut cpu, mut bus) = machine(code);
    cpu.set_pair(0, 0);
    bus.interrupts.enable = Interrupt::Timer.bit();
    bus.interrupts.flags = Interrupt::Timer.bit();
    for _ in 0..steps {
        cpu.step(&mut bus);
    }
    (cpu, bus)
}

#[test]
fn an_interrupt_takes_five_cycles() {
    let (mut cpu, mut bus) = run_pending(&[0xFB, 0x00], 2);
    let before = bus.now();
    assert_eq!(cpu.step(&mut bus), Did::Interrupted(Interrupt::Timer));
    assert_eq!(bus.now() - before, 20);
    assert_eq!((cpu.pc, cpu.ime, bus.interrupts.flags), (0x50, false, 0));
    assert_eq!((bus.peek(0xCFFF), bus.peek(0xCFFE)), (0x01, 0x02));
}

#[test]
fn ei_waits_for_one_instruction_and_di_can_be_that_one() {
    let ei_then_two_inc_b = [0xFB, 0x04, 0x04];
    assert_eq!(run_pending(&ei_then_two_inc_b, 2).0.r[0], 1);
    assert_eq!(run_pending(&ei_then_two_inc_b, 3).0.pc, 0x50);
    let ei_di_inc_b = [0xFB, 0xF3, 0x04];
    assert_eq!(run_pending(&ei_di_inc_b, 3).0.r[0], 1);
    // EI again does not put it off.
    assert_eq!(run_pending(&[0xFB, 0xFB, 0xFB], 3).0.pc, 0x50);
}

#[test]
fn halt_reads_the_next_byte_twice_when_nothing_is_served() {
    let halt_inc_b = [0x76, 0x04, 0x00];
    let (cpu, _) = run_pending(&halt_inc_b, 3);
    assert_eq!((cpu.r[0], cpu.pc), (2, 0x102));
}

#[test]
fn a_handler_after_ei_and_halt_returns_to_halt() {
    let (cpu, bus) = run_pending(&[0xFB, 0x76, 0x04], 3);
    assert_eq!(cpu.pc, 0x50);
    assert_eq!(bus.peek(0xCFFE), 0x01);
}

#[test]
fn halt_ends_when_an_interrupt_is_pending_even_if_none_is_served() {
    let (mut cpu, mut bus) = machine(&[0x76, 0x04]);
    bus.interrupts.enable = Interrupt::Timer.bit();
    for _ in 0..5 {
        cpu.step(&mut bus);
    }
    assert_eq!((cpu.pc, bus.now() / 4), (0x101, 5));
    bus.interrupts.flags = Interrupt::Timer.bit();
    cpu.step(&mut bus);
    assert_eq!((cpu.r[0], cpu.pc, bus.now() / 4), (1, 0x102, 6));
}

#[test]
fn a_push_that_overwrites_ie_calls_the_interrupt_off() {
    let (mut cpu, mut bus) = run_pending(&[0xFB, 0x00], 2);
    cpu.sp = 0x0000;
    cpu.step(&mut bus);
    assert_eq!(cpu.pc, 0, "IE holds 01 now, and the timer is 04");
    assert_eq!(bus.interrupts.flags, Interrupt::Timer.bit());
}
