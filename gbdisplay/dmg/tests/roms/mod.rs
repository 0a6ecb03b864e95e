//! The micro-ROMs: what each checks, built from its text and from tables of what must come out.
//!
//! No expected value comes from the core. The tables are made by [`oracle`] and [`timing`] from the
//! documentation, and other people's emulators run the same ROMs.

#![allow(dead_code, reason = "every test uses some of it")]

pub(crate) mod oracle;
pub(crate) mod timing;

use std::fmt::Write as _;

use skerry_asm::{Header, Source, assemble};

/// Where a micro-ROM leaves its result: 0 while it runs, 1 for passed, 2 for failed.
pub(crate) const STATUS: u16 = 0xC000;
/// What failed: two bytes, the lower first.
pub(crate) const NUMBER: u16 = 0xC001;

/// Frames within which every micro-ROM ends.
pub(crate) const FRAMES: u32 = 60 * 90;

const RUNTIME: &str = include_str!("runtime.s");

/// A micro-ROM.
#[derive(Debug)]
pub(crate) struct MicroRom {
    pub(crate) name: &'static str,
    pub(crate) rom: Vec<u8>,
}

/// All that check themselves.
pub(crate) fn all() -> Vec<MicroRom> {
    vec![
        build("forms", include_str!("forms.s"), &oracle::forms_table()),
        build(
            "arithmetic",
            include_str!("arithmetic.s"),
            &oracle::arithmetic_table(),
        ),
        build("jumps", include_str!("jumps.s"), ""),
        build("interrupts", include_str!("interrupts.s"), ""),
        build("timer", include_str!("timer.s"), ""),
        build(
            "instruction timing",
            include_str!("timing.s"),
            &timing::lengths_table(),
        ),
        build(
            "memory timing",
            include_str!("timing.s"),
            &timing::accesses_table(),
        ),
        build(
            "push timing",
            include_str!("timing.s"),
            &timing::pushes_table(),
        ),
        build("video", include_str!("video.s"), ""),
    ]
}

/// The one that shows what comes over the link; see `link.s`.
pub(crate) fn link() -> Vec<u8> {
    build("link", include_str!("link.s"), "").rom
}

/// The one that shows colours; see `color.s`.
pub(crate) fn color() -> Vec<u8> {
    let mut rom = build("color", include_str!("color.s"), "").rom;
    rom[0x143] = 0x80;
    rom
}

/// One of them.
pub(crate) fn named(name: &str) -> Vec<u8> {
    let rom = all().into_iter().find(|it| it.name == name);
    rom.unwrap_or_else(|| panic!("no micro-ROM {name}")).rom
}

/// A ROM of the runtime, its own text, and a table behind them.
pub(crate) fn build(name: &'static str, text: &str, table: &str) -> MicroRom {
    let table = format!("        .area _TABLE (ABS)\n        .org 0x1000\n{table}");
    let sources = [
        Source {
            name: "runtime.s",
            text: RUNTIME,
        },
        Source { name, text },
        Source {
            name: "table",
            text: &table,
        },
    ];
    let header = Header {
        title: "MICRO",
        colour: false,
    };
    let program = assemble(&sources, &[]).unwrap_or_else(|errors| panic!("{name}: {errors}"));
    let rom = program.image.rom(&header).unwrap();
    MicroRom { name, rom }
}

/// `.db` with these bytes.
pub(crate) fn db(table: &mut String, bytes: &[u8]) {
    let bytes: Vec<String> = bytes.iter().map(u8::to_string).collect();
    writeln!(table, "        .db {}", bytes.join(", ")).unwrap();
}
