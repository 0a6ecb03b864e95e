//! Pixels of a line: background, window, objects (Pan Docs, "Rendering").
//!
//! A line is drawn from left to right up to where the beam is, and only when something is about to
//! change, or the line is done.

use super::object::{BEHIND, PALETTE};
use super::{LCDC_BACKGROUND, LCDC_OBJECTS, LCDC_WINDOW, Ppu};

/// Eight pixels of the background or window.
#[derive(Clone, Copy, Debug)]
struct TileRow {
    low: u8,
    high: u8,
    attributes: u8,
}

impl TileRow {
    const fn color(self, column: u8) -> u8 {
        let column = column & 7;
        self.high << column >> 7 << 1 | self.low << column >> 7
    }
}

/// LCDC: the tiles of the background start at 8000.
const LCDC_TILES: u8 = 0x10;
/// LCDC: the background's map is the second one.
const LCDC_BACKGROUND_MAP: u8 = 0x08;
/// LCDC: the window's map is the second one.
const LCDC_WINDOW_MAP: u8 = 0x40;

impl Ppu {
    /// The window shows on this line.
    pub(super) const fn window_shows(&self) -> bool {
        let enabled =
            self.lcdc & LCDC_WINDOW != 0 && (self.color || self.lcdc & LCDC_BACKGROUND != 0);
        enabled && self.window_reached && self.wx <= 166
    }

    /// Draws what the beam has passed of this line.
    pub(super) fn draw_up_to(&mut self, end: u8) {
        let mut cached = None;
        for x in self.drawn..end {
            let pixel = self.pixel(x, &mut cached);
            self.back.row_mut(self.line)[usize::from(x)] = pixel;
        }
        self.drawn = self.drawn.max(end);
    }

    fn pixel(&self, x: u8, cached: &mut Option<((bool, u8), TileRow)>) -> u16 {
        let in_window = self.window_shows() && x + 7 >= self.wx;
        let (column, row) = if in_window {
            (x + 7 - self.wx, self.window_line)
        } else {
            (self.scx.wrapping_add(x), self.scy.wrapping_add(self.line))
        };
        let key = (in_window, column >> 3);
        let tile = match *cached {
            Some((of, tile)) if of == key => tile,
            _ => {
                let tile = self.tile_row(in_window, column >> 3, row);
                *cached = Some((key, tile));
                tile
            }
        };
        if self.color {
            self.mix_color(x, tile, tile.color(column))
        } else {
            self.mix_shade(x, tile.color(column))
        }
    }

    fn tile_row(&self, window: bool, column: u8, row: u8) -> TileRow {
        let second_map = if window {
            LCDC_WINDOW_MAP
        } else {
            LCDC_BACKGROUND_MAP
        };
        let map = if self.lcdc & second_map != 0 {
            0x1C00
        } else {
            0x1800
        };
        let cell = map + usize::from(row >> 3) * 32 + usize::from(column & 31);
        let tile = self.vram[cell & 0x1FFF];
        let attributes = if self.color {
            self.vram[cell & 0x1FFF | 0x2000]
        } else {
            0
        };
        let row = if attributes & 0x40 != 0 {
            7 - (row & 7)
        } else {
            row & 7
        };
        // Without LCDC.4, tiles 0 to 127 start at 9000 and the others stay where they are.
        let upper = self.lcdc & LCDC_TILES == 0 && tile < 0x80;
        let bank = usize::from(attributes & 0x08) << 10;
        let place =
            bank | usize::from(upper) << 12 | usize::from(tile) << 4 | usize::from(row) << 1;
        let (mut low, mut high) = (self.vram[place & 0x3FFF], self.vram[(place + 1) & 0x3FFF]);
        if attributes & 0x20 != 0 {
            (low, high) = (low.reverse_bits(), high.reverse_bits());
        }
        TileRow {
            low,
            high,
            attributes,
        }
    }

    fn mix_shade(&self, x: u8, background: u8) -> u16 {
        let background = if self.lcdc & LCDC_BACKGROUND != 0 {
            background
        } else {
            0
        };
        if self.lcdc & LCDC_OBJECTS != 0
            && let Some((object, color)) = self.objects.at(x)
            && (background == 0 || object.attributes & BEHIND == 0)
        {
            let palette = self.obp[usize::from(object.attributes & PALETTE != 0)];
            return u16::from(palette >> (color * 2) & 3);
        }
        u16::from(self.bgp >> (background * 2) & 3)
    }

    /// On a CGB, LCDC.0 does not hide the background: it takes away its priority.
    fn mix_color(&self, x: u8, tile: TileRow, background: u8) -> u16 {
        if self.lcdc & LCDC_OBJECTS != 0
            && let Some((object, color)) = self.objects.at(x)
        {
            let behind = (object.attributes | tile.attributes) & BEHIND != 0;
            if self.lcdc & LCDC_BACKGROUND == 0 || background == 0 || !behind {
                return self.object_palettes.color(object.attributes, color);
            }
        }
        self.background_palettes.color(tile.attributes, background)
    }
}
