//! What is on the glass, as letters: read back from the pixels, by the shapes that the cartridge
//! has for them. It knows nothing of what was asked for, so it can show that something else is
//! there.

use std::collections::HashMap;

use skerry_dmg::Frame;
use skerry_panel_proto::{COLUMNS, ROWS, tiles};

use crate::{ROM, font, symbol};

/// Pixels of a letter's side.
const SIDE: usize = 8;
/// Bytes of a tile: two for each row of pixels (Pan Docs, "Tile Data").
const TILE_LEN: usize = 16;

/// Two bits a pixel, the leftmost highest, for each row.
type Shape = [u16; SIDE];

/// Knows the letters by their shapes.
#[derive(Clone, Debug)]
pub struct Letters {
    shapes: HashMap<Shape, char>,
}

impl Default for Letters {
    /// Those of the cartridge.
    fn default() -> Self {
        let mut shapes = HashMap::new();
        let data = symbol("tile_data").map_or(ROM.len(), usize::from);
        let drawn = ROM.get(data..).unwrap_or_default().chunks_exact(TILE_LEN);
        for (tile, drawn) in (tiles::FONT..tiles::SIGNS).zip(drawn) {
            // The empty bar looks like the blank, which comes first.
            let letter = shapes.entry(shape_of(drawn));
            letter.or_insert_with(|| font::character(tile));
        }
        Self { shapes }
    }
}

impl Letters {
    /// The rows of a picture, `?` for what is no letter: the cursor lies over one. Pictures with
    /// colours have no letters, since shades are what shapes are made of.
    #[must_use]
    pub fn read(&self, frame: &Frame) -> Vec<String> {
        let rows = (0..usize::from(ROWS)).map(|row| {
            let columns = 0..usize::from(COLUMNS);
            let shapes = columns.map(|column| shape_at(frame, column * SIDE, row * SIDE));
            shapes.map(|it| self.letter(it.as_ref())).collect()
        });
        rows.collect()
    }

    fn letter(&self, shape: Option<&Shape>) -> char {
        let known = shape.and_then(|it| self.shapes.get(it));
        known.copied().unwrap_or('?')
    }
}

/// The shape that a tile's bytes draw: the low bits of eight pixels, then the high ones.
fn shape_of(drawn: &[u8]) -> Shape {
    let mut shape = Shape::default();
    for (row, bits) in shape.iter_mut().zip(drawn.chunks_exact(2)) {
        let &[low, high] = bits else { continue };
        *row = (0..8).rev().fold(0, |row, bit| {
            row << 2 | u16::from(high >> bit & 1) << 1 | u16::from(low >> bit & 1)
        });
    }
    shape
}

/// The shape whose upper left pixel is there; none where pixels have no shades.
fn shape_at(frame: &Frame, left: usize, top: usize) -> Option<Shape> {
    let mut shape = Shape::default();
    for (row, y) in shape.iter_mut().zip(top..) {
        for x in left..left + SIDE {
            *row = *row << 2 | u16::from(frame.shade(x, y)?);
        }
    }
    Some(shape)
}
