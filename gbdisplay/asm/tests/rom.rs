//! Cartridges: the header, the checksums, and the program that makes them.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use std::fs;
use std::process::{Command, Output};

use skerry_asm::{Header, RomError, Source, assemble, assemble_rom};

const PROGRAM: &str = "
        .area _ROM (ABS)
        .org 0x100
        nop
        jp start
        .org 0x150
start:  jr start
";
const HEADER: Header<'_> = Header {
    title: "SKERRYPANEL",
    colour: true,
};

#[test]
fn a_cartridge_has_a_header_and_both_checksums() {
    let rom = assemble_rom(PROGRAM, &HEADER).unwrap();
    assert_eq!(rom.len(), skerry_asm::ROM_LEN);
    assert_eq!(rom[0x100..0x104], [0x00, 0xC3, 0x50, 0x01]);
    assert_eq!(rom[0x104..0x108], [0xCE, 0xED, 0x66, 0x66]);
    assert_eq!(rom[0x134..0x13F], *b"SKERRYPANEL");
    assert_eq!(
        rom[0x13F..0x14D],
        [0, 0, 0, 0, 0x80, b'0', b'0', 0, 0, 0, 0, 1, 0x33, 0]
    );
    // As the boot ROM does it (Pan Docs, "The Cartridge Header").
    let header = rom[0x134..=0x14D]
        .iter()
        .fold(25_u8, |sum, it| sum.wrapping_add(*it));
    assert_eq!(header, 0);
    let total = rom.iter().map(|it| u32::from(*it)).sum::<u32>();
    let stored = [rom[0x14E], rom[0x14F]];
    let own: u32 = stored.iter().map(|it| u32::from(*it)).sum();
    assert_eq!(
        u32::from(u16::from_be_bytes(stored)),
        (total - own) & 0xFFFF
    );
    assert_eq!(rom[0x150..0x153], [0x18, 0xFE, 0xFF]);
}

#[test]
fn a_cartridge_that_would_not_start_is_refused() {
    let refused = |text: &str, title: &str| {
        let program = assemble(&[Source { name: "a.s", text }], &[]).unwrap();
        program
            .image
            .rom(&Header {
                title,
                colour: false,
            })
            .unwrap_err()
    };
    let at_logo = PROGRAM.replace("0x150\nstart", "0x14F\nstart");
    assert_eq!(refused(&at_logo, "A"), RomError::HeaderTaken { at: 0x14F });
    let no_entry = PROGRAM.replace(".org 0x100", ".org 0x000");
    assert_eq!(refused(&no_entry, "A"), RomError::NoEntry);
    for title in ["TWELVE CHARS", "small", "ÄÖ"] {
        let expect = RomError::Title {
            title: title.to_owned(),
        };
        assert_eq!(refused(PROGRAM, title), expect);
    }
}

#[test]
fn symbols_come_in_and_go_out() {
    let text = "x: .db GIVEN\n1$: nop\ny = x+1";
    let text = format!(" .area _ROM (ABS)\n .org 0x150\n{text}");
    let program = assemble(
        &[Source {
            name: "a.s",
            text: &text,
        }],
        &[("GIVEN", 7)],
    )
    .unwrap();
    assert_eq!(program.image.bytes()[0x150], 7);
    let symbols: Vec<_> = program
        .symbols
        .iter()
        .map(|(name, it)| (name.as_str(), *it))
        .collect();
    assert_eq!(symbols, [("GIVEN", 7), ("x", 0x150), ("y", 0x151)]);
}

#[test]
fn variables_overlap_as_badly_as_code_does() {
    let text = " .area _A (ABS)\n .org 0xC000\na1: .ds 4\n .area _B (ABS)\n .org 0xC003\nb1: .ds 1";
    let errors = assemble(&[Source { name: "a.s", text }], &[]).unwrap_err();
    assert!(
        errors
            .to_string()
            .contains("a.s:6:1: error: 0xC003 is taken already, by a.s:3")
    );
    let text = " .area _A (ABS)\n .org 0x7FFF\n .dw 1";
    let errors = assemble(&[Source { name: "a.s", text }], &[]).unwrap_err();
    assert!(
        errors.to_string().contains("0x8000 is not in the ROM"),
        "{errors}"
    );
}

fn run(folder: &std::path::Path, args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_skerry-asm");
    Command::new(program)
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap()
}

#[test]
fn the_program_makes_a_cartridge_and_a_map() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.s"), PROGRAM).unwrap();
    let args = [
        "--title",
        "SKERRYPANEL",
        "--colour",
        "--out",
        "a.gb",
        "--symbols",
        "a.map",
    ];
    let args = [&args[..], &["--define", "X=0x10", "a.s"]].concat();
    let ended = run(folder.path(), &args);
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    let rom = fs::read(folder.path().join("a.gb")).unwrap();
    assert_eq!(rom, assemble_rom(PROGRAM, &HEADER).unwrap());
    let map = fs::read_to_string(folder.path().join("a.map")).unwrap();
    assert_eq!(map, "0010 X\n0150 start\n");
}

#[test]
fn the_program_leaves_no_old_cartridge_when_it_fails() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.s"), " foo").unwrap();
    fs::write(folder.path().join("a.gb"), "old").unwrap();
    let ended = run(folder.path(), &["--out", "a.gb", "a.s"]);
    assert_eq!(ended.status.code(), Some(1));
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(
        told.starts_with("a.s:1:2: error: there is no instruction `foo`"),
        "{told}"
    );
    assert!(!folder.path().join("a.gb").exists());
    for args in [
        &["--out"][..],
        &["--out", "a.gb"],
        &["a.s"],
        &["--odd"],
        &["--out", "a.gb", "b.s"],
    ] {
        assert_eq!(run(folder.path(), args).status.code(), Some(1), "{args:?}");
    }
}
