//! Drawings that are not as they should be end the build, and say where.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

#[path = "../build/art.rs"]
#[allow(dead_code, reason = "the build uses the rest")]
mod art;

const ROWS: [&str; 8] = [
    "........ #######.",
    ".o...... ........",
    "..O..... ........",
    "...#.... ........",
    "........ ........",
    "........ ........",
    "........ ........",
    "........ ........",
];

#[test]
fn a_pixel_is_a_bit_in_each_of_two_bytes() {
    let tiles = art::tiles("a.txt", &format!("; two\n\n{}\n", ROWS.join("\n"))).unwrap();
    assert_eq!(tiles.len(), 2);
    assert_eq!(tiles[0][..8], [0, 0, 0x40, 0, 0, 0x20, 0x10, 0x10]);
    assert_eq!(tiles[1][..4], [0xFE, 0xFE, 0, 0]);
}

#[track_caller]
fn check(row: usize, text: &str, expect: &str) {
    let mut rows = ROWS;
    rows[row] = text;
    let told = art::tiles("a.txt", &rows.join("\n")).unwrap_err();
    assert_eq!(told, expect);
}

#[test]
fn what_is_no_drawing_is_refused() {
    let pixels = "draw eight of . o O # a tile";
    let band = "this band is not eight rows of as many tiles each";
    check(2, "..O....x ........", &format!("a.txt:3: {pixels}"));
    check(2, "..O.... ........", &format!("a.txt:3: {pixels}"));
    check(2, "........", &format!("a.txt:3: {band}"));
    check(7, "", &format!("a.txt:1: {band}"));
}
