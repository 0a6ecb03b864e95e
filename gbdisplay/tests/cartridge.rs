//! The cartridge as a file: its header, and what somebody else's assembler makes of its sources.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use skerry_gbdisplay::{ROM, symbol};
use skerry_panel_proto::tiles::{self, icon};

#[test]
fn the_cartridge_has_a_valid_header() {
    assert_eq!(ROM.len(), 0x8000);
    assert_eq!(ROM[0x134..0x13F], *b"SKERRYPANEL");
    assert_eq!(ROM[0x143], 0x80, "it knows colour and runs without");
    assert_eq!(ROM[0x147..0x14A], [0, 0, 0], "no bank controller");
    let header = ROM[0x134..=0x14D]
        .iter()
        .fold(25_u8, |sum, it| sum.wrapping_add(*it));
    assert_eq!(header, 0);
    let all: u32 = ROM.iter().map(|it| u32::from(*it)).sum();
    let [high, low] = [ROM[0x14E], ROM[0x14F]];
    let sum = all - u32::from(high) - u32::from(low);
    assert_eq!(sum & 0xFFFF, u32::from(u16::from_be_bytes([high, low])));
}

#[test]
fn what_wraps_begins_a_page() {
    for name in [
        "ring",
        "statuses",
        "map",
        "flags",
        "own_tiles",
        "chart_places",
        "chart_levels",
        "crc_high",
        "crc_low",
        "op_table",
        "nines",
    ] {
        assert_eq!(symbol(name).unwrap() & 0xFF, 0, "{name}");
    }
    assert_eq!(symbol("blank_row").unwrap() & 0x1F, 0);
    assert_eq!(
        symbol("crc_low").unwrap(),
        symbol("crc_high").unwrap() + 0x100
    );
    assert_eq!(
        symbol("row_blinks").unwrap(),
        symbol("row_dirty").unwrap() + 0x40
    );
    let tiles = symbol("tile_data_end").unwrap() - symbol("tile_data").unwrap();
    assert_eq!(tiles, (256 - 32) * 16);
}

/// Pixels of a tile, `#` where it is darkest.
fn tile(number: u8) -> Vec<u8> {
    let at = usize::from(symbol("tile_data").unwrap()) + (usize::from(number) - 0x20) * 16;
    let rows = ROM[at..at + 16].chunks(2).map(|row| {
        let dark = row[0] & row[1];
        (0..8).map(move |x| if dark << x & 0x80 == 0 { b'.' } else { b'#' })
    });
    rows.flatten().collect()
}

#[test]
fn signs_are_where_their_names_say() {
    let letter = b"...#.......#.......#.......#.......#...............#............";
    assert_eq!(tile(b'!'), letter);
    assert_eq!(tile(icon::FULL), [b'#'; 64]);
    assert_eq!(tile(icon::LINE_ACROSS)[24..40], [b'#'; 16]);
    assert_eq!(tile(icon::PORT)[..16], *b"#########......#");
    assert_eq!(tile(icon::DOT)[..24], *b"..................####..");
    assert_eq!(icon::PORT + 1, tiles::SIGNS);
    // The edge on top of the right one, and nothing in the left half.
    assert_eq!(tile(tiles::bars(0, 3))[40..48], *b"....####");
}

#[cfg(feature = "referees")]
#[test]
fn sdasgb_and_makebin_make_the_same_cartridge() {
    let folder = std::path::Path::new(env!("OUT_DIR")).join("firmware");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    files.sort();
    let texts: Vec<String> = files
        .iter()
        .map(|it| std::fs::read_to_string(it).unwrap())
        .collect();
    let sources: Vec<skerry_asm::Source<'_>> = texts
        .iter()
        .map(|text| skerry_asm::Source { name: "", text })
        .collect();
    assert!(sources.len() > 15);
    let header = skerry_asm::Header {
        title: "SKERRYPANEL",
        colour: true,
    };
    let theirs = sdas::rom(&sources, &header);
    let pairs = ROM.iter().zip(&theirs).enumerate();
    let differing: Vec<_> = pairs.filter(|(_, (a, b))| a != b).collect();
    assert!(
        differing.is_empty(),
        "address, ours, theirs: {differing:x?}"
    );
    assert_eq!(ROM.len(), theirs.len());
}

#[cfg(feature = "referees")]
#[path = "../asm/tests/sdas/mod.rs"]
mod sdas;
