//! A small accurate Game Boy core: what runs the panel's firmware where no Game Boy is.
//!
//! Bytes of a ROM, keys and link bits in; frames, link bits and sound out. No files, no clock, no
//! threads, no dependencies, no unsafe; no ROM and no input makes it panic.

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
