//! What follows from something else, as text for the assembler.

use skerry_panel_proto::frame::crc_of_byte;
use skerry_panel_proto::status::ROTATION;
use skerry_panel_proto::{SYMBOLS, VERSION, tiles};

use crate::art::Tile;

/// Where the table of the CRC begins: two pages.
const CRC: u16 = 0x4200;

/// Kinds of statuses, and the places of each in their rotation. The acknowledgement has every
/// second place.
const KINDS: [(&str, u8); 6] = [
    ("DIRECTIONS", 0x80),
    ("BUTTONS", 0x90),
    ("ERRORS", 0xB0),
    ("EPOCH", 0xC0),
    ("BACKLOG", 0xD0),
    ("VERSION", 0xE0),
];

/// The numbers that the protocol shares.
pub(crate) fn constants() -> String {
    let mut text = String::from("; Made from skerry-panel-proto.\n\nS_ACK = 0xA0\n");
    for (name, value) in SYMBOLS {
        text.push_str(&format!("{name} = {value}\n"));
    }
    for (name, kind) in KINDS {
        text.push_str(&format!("S_{name} = {kind}\n"));
        let places = ROTATION.iter().enumerate().filter(|(_, it)| **it == kind);
        for (nth, (place, _)) in places.enumerate() {
            let suffix = if nth == 0 { "" } else { "_2" };
            text.push_str(&format!("AT_{name}{suffix} = {place}\n"));
        }
    }
    text
}

/// What a byte does to a CRC, high bytes and low bytes, and the statuses of a panel that was just
/// switched on.
pub(crate) fn crc() -> String {
    let high = (0..=255).map(|byte| crc_of_byte(byte).to_be_bytes()[0]);
    let low = (0..=255).map(|byte| crc_of_byte(byte).to_be_bytes()[1]);
    let statuses = ROTATION.map(|kind| if kind == 0xE0 { kind | VERSION } else { kind });
    let mut text = format!("; Made by the build.\n\n        .org {CRC}\n");
    data(&mut text, "crc_high", &high.collect::<Vec<u8>>());
    data(&mut text, "crc_low", &low.collect::<Vec<u8>>());
    data(&mut text, "status_table", &statuses);
    text
}

/// Tiles from a number on, one on each line.
pub(crate) fn tiles(text: &mut String, first: u8, tiles: &[Tile]) {
    for (number, tile) in (first..=255).zip(tiles) {
        text.push_str(&format!(
            "        .db {}      ; 0x{number:02X}\n",
            list(tile)
        ));
    }
}

/// Every pair of bars, by the height of the left one and then of the right one.
pub(crate) fn bars() -> Vec<Tile> {
    let levels = 0..tiles::BAR_LEVELS;
    let pairs = levels
        .clone()
        .flat_map(|left| levels.clone().map(move |right| (left, right)));
    pairs.map(|(left, right)| bar_pair(left, right)).collect()
}

/// Two bars of four pixels: dark, with an edge on top of those that end in the tile.
fn bar_pair(left: u8, right: u8) -> Tile {
    let mut tile = [0; 16];
    for (level, columns) in [(left, 0xF0), (right, 0x0F)] {
        for (up, row) in (0..level).zip(tile.rchunks_exact_mut(2)) {
            let is_edge = up + 1 == level && level + 1 < tiles::BAR_LEVELS;
            if let [low, high] = row {
                *high |= columns;
                *low |= if is_edge { columns } else { 0 };
            }
        }
    }
    tile
}

fn data(text: &mut String, label: &str, bytes: &[u8]) {
    text.push_str(&format!("{label}:\n"));
    for line in bytes.chunks(16) {
        text.push_str(&format!("        .db {}\n", list(line)));
    }
}

fn list(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|it| format!("0x{it:02X}")).collect();
    bytes.join(",")
}
