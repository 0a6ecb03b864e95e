//! Tiles as they are drawn in text: rows of characters, eight for each tile, tiles side by side
//! with a blank between them.

use skerry_panel_proto::tiles;

/// A file, the number of its first tile, and how many it has.
pub(crate) const FILES: [(&str, u8, usize); 3] = [
    ("font", tiles::FONT, 96),
    ("icons", tiles::ICONS, 31),
    ("signs", tiles::SIGNS, 16),
];

/// The bytes of a tile: for each row the low bits of eight pixels, then the high ones (Pan Docs,
/// "Tile Data").
pub(crate) type Tile = [u8; 16];

/// Shades from the lightest to the darkest.
const SHADES: [char; 4] = ['.', 'o', 'O', '#'];

/// Reads a drawing.
pub(crate) fn tiles(name: &str, text: &str) -> Result<Vec<Tile>, String> {
    let is_drawn = |(_, line): &(usize, &str)| !line.trim().is_empty() && !line.starts_with(';');
    let lines: Vec<(usize, &str)> = text.lines().enumerate().filter(is_drawn).collect();
    let mut tiles = Vec::new();
    for band in lines.chunks(8) {
        tiles.extend(self::band(name, band)?);
    }
    Ok(tiles)
}

/// Reads tiles side by side.
fn band(name: &str, lines: &[(usize, &str)]) -> Result<Vec<Tile>, String> {
    let mut tiles: Vec<Tile> = Vec::new();
    for (row, (number, line)) in lines.iter().enumerate() {
        let fault = |what: &str| format!("{name}:{}: {what}", number + 1);
        let pieces: Vec<&str> = line.split_whitespace().collect();
        if row == 0 {
            tiles.resize(pieces.len(), [0; 16]);
        }
        if tiles.len() != pieces.len() || lines.len() != 8 {
            return Err(fault("this band is not eight rows of as many tiles each"));
        }
        for (tile, piece) in tiles.iter_mut().zip(pieces) {
            let (low, high) = pixels(piece).ok_or_else(|| fault("draw eight of . o O # a tile"))?;
            for (place, byte) in tile.iter_mut().skip(row * 2).zip([low, high]) {
                *place = byte;
            }
        }
    }
    Ok(tiles)
}

/// Low and high bits of eight pixels.
fn pixels(piece: &str) -> Option<(u8, u8)> {
    let (mut low, mut high, mut count) = (0, 0, 0);
    for pixel in piece.chars() {
        let shade = SHADES.iter().position(|it| *it == pixel)?;
        low = low << 1 | u8::from(shade & 1 != 0);
        high = high << 1 | u8::from(shade & 2 != 0);
        count += 1;
    }
    (count == 8).then_some((low, high))
}
