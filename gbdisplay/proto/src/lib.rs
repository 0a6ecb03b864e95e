//! The language that a host and the panel's cartridge speak over the link cable. No I/O, no clock,
//! no memory but what is passed in.
//!
//! The host clocks every byte, and every byte goes both ways. Towards the panel they are
//! [frames][frame] with nothing but zeros between them; towards the host each is a [status] of
//! its own. [`Receiver`] is the panel as this crate understands it: the cartridge must do with any
//! bytes what it does, and tests hold the two side by side. What both need to know as numbers is
//! told to the assembler by [`SYMBOLS`].
//!
//! `docs/src/panel-protocol.md` is the same for people.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod chart;
pub mod frame;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod op;
mod parser;
mod receiver;
mod screen;
pub mod status;
mod symbols;
pub mod tiles;
pub mod timing;

pub use op::{BLINK_LEN, CURSOR_OFF, Op, PALETTE_LEN, TILE_LEN};
pub use parser::{Found, Parser};
pub use receiver::Receiver;
pub use screen::{Blink, COLUMNS, ROWS, Screen};
pub use status::{Keys, Status};
pub use symbols::SYMBOLS;

/// The version of this language. Both ends must speak the same; less than 8, so that a status
/// shifted by half a byte is none.
pub const VERSION: u8 = 1;

/// The largest epoch; 0 is that of a panel which nobody greeted since it was switched on.
pub const EPOCH_MAX: u8 = 7;
