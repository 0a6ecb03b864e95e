//! Other people's Game Boy emulators, driven by the same scripts as the core, so that tests can
//! demand that all of them answer the same.
//!
//! [`own::run`] is the core, [`Mgba`] is mGBA by way of a small C program that is built here, and
//! [`PyBoy`] is PyBoy by way of a Python program. Both run as processes of their own, fed by a pipe:
//! no code of theirs is linked into anything. `cargo xtask test panel` installs them.

#![forbid(unsafe_code)]

pub mod own;
mod process;
mod script;

pub use process::{Mgba, PyBoy};
pub use script::{Answers, CYCLES_PER_BIT, CYCLES_PER_BYTE, Deed, Line, Picture, Script};
