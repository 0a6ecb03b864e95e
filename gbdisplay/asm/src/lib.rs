//! A two-pass assembler for the SM83, the processor of the Game Boy.
//!
//! It runs in build scripts, so it depends on nothing but the standard library. What it takes is
//! a subset of what `sdasgb` (the assembler of SDCC) takes, with the same meaning, so that
//! somebody else's assembler can check it: tests under the feature `referees` compare bytes.
//! It is stricter than that one and its linker. A value that does not fit, a jump that does not
//! reach, two pieces at one address and a symbol that is defined twice are errors; and every error
//! of a run is told at once.
//!
//! # The language
//! One statement on a line; `;` begins a comment.
//!
//! ```text
//!         .area _ROM (ABS)        ; a new piece, at absolute addresses
//!         .org 0x150              ; which must say where it begins
//! LIMIT = 10                      ; or: LIMIT .equ 10
//! start:  ld a,#LIMIT             ; an immediate value has a #
//! 1$:     dec a                   ; a local label: it lives until the next other one
//!         jr nz,1$
//!         ld hl,#table+1
//!         ld a,(hl+)
//!         ldh (0x47),a            ; 0x47 or 0xFF47
//!         .rept 3
//!         rrca
//!         .endm
//! table:  .db 1, <start, >start, 'x, -1
//!         .dw start, 0x1234
//!         .ascii "no escapes"
//!         .ds 4                   ; leaves a hole
//! ```
//!
//! Numbers are `10`, `0x1F`, `0b101` and `'c`; `.` is the address of what it stands in. Operators,
//! from weak to strong: `|`, `&`, `^`, `<< >>`, `+ -`, `* / %`, and the unary `- ~ < >`, of which
//! `<` takes the low byte of one term and `>` the high one. What a file does not end, the next one
//! goes on with: the files of a run are one text.

mod emit;
mod error;
mod expr;
mod image;
mod instruction;
mod lexer;
mod load;
mod operand;
mod reader;
mod rom;
mod statement;
mod symbols;

use std::collections::BTreeMap;

pub use error::{Cause, Error, Errors};
pub use image::Image;
pub use rom::{Header, ROM_LEN, RomError};

/// A piece of text to assemble.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// What errors call it: a path, mostly.
    pub name: &'a str,
    /// What it says.
    pub text: &'a str,
}

/// What an assembly makes.
#[derive(Clone, Debug)]
pub struct Program {
    /// The bytes, and where they go.
    pub image: Image,
    /// The value of every symbol but the local labels.
    pub symbols: BTreeMap<String, i64>,
}

/// Assembles files as one text. `constants` are symbols that the caller defines.
///
/// # Errors
/// Everything that is wrong with the text, in its order.
pub fn assemble(sources: &[Source<'_>], constants: &[(&str, i64)]) -> Result<Program, Errors> {
    let read = reader::read(sources, constants);
    emit::emit(sources, read)
}

/// Assembles one text and makes a cartridge of it: for tests and other small programs.
///
/// # Errors
/// What is wrong with the text, or with the cartridge, as text for a person.
pub fn assemble_rom(text: &str, header: &Header<'_>) -> Result<Vec<u8>, String> {
    let name = "program";
    let program = assemble(&[Source { name, text }], &[]).map_err(|errors| errors.to_string())?;
    program.image.rom(header).map_err(|error| error.to_string())
}
