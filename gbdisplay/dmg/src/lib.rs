//! A small accurate Game Boy core: what runs the panel's firmware where no Game Boy is.
//!
//! Bytes of a ROM, keys and link bits in; frames, link bits and sound out. No files, no clock, no
//! threads, no dependencies, no unsafe; no ROM and no input makes it panic. It starts where the
//! boot ROM would have ended, so it needs none.
//!
//! ```
//! use skerry_dmg::{Keys, Machine, Model};
//!
//! # fn main() -> Result<(), skerry_dmg::RomError> {
//! # let rom = vec![0; 0x8000];
//! let mut machine = Machine::new(&rom, Model::Dmg)?;
//! machine.set_keys(Keys::A | Keys::UP);
//! machine.link_send(0x5A, 8); // 131072 Hz
//! machine.run_frame();
//! let shade = machine.frame().shade(80, 72);
//! let back = machine.link_reply();
//! # assert_eq!((shade, back), (Some(0), Some(0)));
//! # Ok(())
//! # }
//! ```
//!
//! # Modelled
//! Pages are those of Pan Docs.
//! - CPU: all 500 instruction forms with their flags. Every access to memory happens in its own
//!   M-cycle. Interrupts are dispatched in five, and settled only after the upper half of PC is
//!   pushed. EI is late by one instruction. HALT, the halt bug, and EI before HALT.
//! - "Timer obscure behaviour": TIMA counts falling edges of the divider, so writes to DIV and TAC
//!   can count; the reload is an M-cycle late, and what writes do meanwhile.
//! - Video memory is closed in mode 3, OAM in modes 2 and 3: reads give FF, writes are lost and
//!   counted ([`Counters`]). STAT and VBlank interrupts, only a rise of the STAT line interrupts,
//!   writing STAT on a DMG enables all for a moment, line 153 soon reads as 0, the short first line
//!   and the hidden first frame after the LCD is switched on.
//! - Background, window with its own line counter, ten objects a line, both orders of priority,
//!   flips, tall objects. A change of a register within a line shows from the pixel the beam is at.
//! - OAM DMA: a byte an M-cycle, and who reads the same bus gets the byte that is on it.
//! - Link: bit by bit, clocked by the host at M-cycles of its choice, or from inside, where an empty
//!   port reads 1s. A bit that meets no armed transfer is lost and counted.
//! - Keys with their interrupt; STOP until one is pressed.
//! - CGB, for ROMs that know it: palettes, both banks of video memory with attributes, eight banks
//!   of work memory, double speed, the fast internal link clock.
//! - Sound: channel 1 with length, envelope and duty; NR50, NR51, NR52.
//!
//! # Approximated
//! - Mode 3 lasts 172 dots, SCX modulo 8, 6 for the window, and the objects' penalty, which does not
//!   look at the window's tiles. Objects lengthen a line at its end, where silicon delays the beam
//!   at each: writes to registers within a line that has objects may show some pixels off.
//! - Modes change at the dots of "STAT modes"; that a DMG reads mode 0 in the first M-cycle of a
//!   line, or closes memory a few dots early, is left out.
//! - Objects are fetched when mode 3 starts: a change of their size or of WX within the line comes
//!   too late.
//! - Writes during DMA to the bus that it uses are lost. The bus of a CGB's work memory counts as
//!   the cartridge's.
//! - An unarmed link gives the host 0 bits; so does SameBoy, and nobody measured silicon here.
//! - The time that a change of speed takes.
//!
//! # Absent
//! Channels 2 to 4 and the sweep of channel 1 (they read FF); the bug of OAM while 16-bit registers
//! count; DMA to video memory (HDMA); the infrared port; a CGB that runs a DMG's ROM in colours (it
//! runs as a DMG); bank controllers but MBC1 with a bank of RAM; the Super Game Boy.
//!
//! # What shows it
//! Micro-ROMs in `tests/roms` check themselves against tables made from the documentation:
//! `forms`, `arithmetic`, `jumps`, `interrupts`, `timer`, `instruction timing`, `memory timing`,
//! `push timing`, `video`. mGBA 0.10.1 passes all but `push timing`: it has PUSH write an M-cycle
//! earlier than it is documented. PyBoy 2.8.1 passes those three that it is asked to. One ROM fed by
//! the link shows the same pixels in all three, another the same colours in mGBA
//! (`cargo xtask test panel`). blargg's `cpu_instrs`, `instr_timing`, `mem_timing` and `halt_bug` run
//! where `SKERRY_GB_TEST_ROMS` names a folder with them, and count as skipped elsewhere.
//!
//! `cargo run --release -p skerry-dmg --example speed`: a minute of a program that never waits, with
//! objects, the window, sound at 48 kHz and the link at full rate, takes 1.2 to 1.4 s of CPU time on
//! a shared machine with two cores: 44 to 49 times real time. By the clock it was 49 times with a
//! core to itself, and 22 to 33 times beside other work.

#![forbid(unsafe_code)]

mod apu;
mod bus;
mod cartridge;
mod cpu;
mod dma;
mod frame;
mod interrupts;
mod joypad;
mod machine;
mod ppu;
mod profile;
mod serial;
mod timer;

pub use cartridge::RomError;
pub use frame::{Frame, HEIGHT, WIDTH};
pub use interrupts::Interrupt;
pub use joypad::Keys;
pub use machine::{CYCLES_PER_FRAME, CYCLES_PER_SECOND, Counters, Machine, Model, Registers};
pub use profile::{Handler, Profile};
