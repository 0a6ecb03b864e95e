//! Other people's Game Boy emulators, driven by the same scripts as the core, so that tests can
//! demand that all of them answer the same.
//!
//! [`own::run`] is the core, [`Mgba`] is mGBA by way of a small C program that is built here, and
//! [`PyBoy`] is PyBoy by way of a Python program. Both run as processes of their own, fed by a pipe:
//! no code of theirs is linked into anything. `cargo xtask test panel` installs them. [`judge`]
//! compares the pictures of one of them with those of the core.

#![forbid(unsafe_code)]

pub mod own;
mod picture;
mod process;
mod script;
mod verdict;

pub use picture::{Difference, Picture};
pub use process::{Mgba, PyBoy};
pub use script::{Answers, CYCLES_PER_BIT, CYCLES_PER_BYTE, Deed, Line, Script};
pub use verdict::judge;
