//! What a panel shows, as numbers.

use crate::chart::{CHARTS, Chart};
use crate::op::{BLINK_LEN, Op, PALETTE_LEN, TILE_LEN, cells};
use crate::tiles;

/// Rows of tiles.
pub const ROWS: u8 = 18;
/// Columns of tiles.
pub const COLUMNS: u8 = 20;
const CELLS: usize = 360;
const OWN_LEN: usize = 512;

/// Everything that a host can make a panel show.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Screen {
    cells: [u8; CELLS],
    own: [u8; OWN_LEN],
    charts: [Chart; CHARTS as usize],
    /// The row with the cursor.
    pub cursor: Option<u8>,
    /// What blinks.
    pub blink: Blink,
    /// The pattern that was asked for last.
    pub beep: u8,
    /// The colours that were asked for, if any were.
    pub palette: Option<[u8; PALETTE_LEN]>,
}

/// Rows that blink.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Blink {
    /// A bit for each row, the topmost lowest.
    pub rows: u32,
    /// Pictures between two changes.
    pub pictures: u8,
}

impl Blink {
    const fn read([low, middle, high, pictures]: [u8; BLINK_LEN]) -> Self {
        Self {
            rows: u32::from_le_bytes([low, middle, high, 0]),
            pictures,
        }
    }
}

impl Default for Screen {
    /// What a greeting leaves: nothing.
    fn default() -> Self {
        Self {
            cells: [tiles::BLANK; CELLS],
            own: [0; OWN_LEN],
            charts: [Chart::EMPTY; CHARTS as usize],
            cursor: None,
            blink: Blink {
                rows: 0,
                pictures: 1,
            },
            beep: 0,
            palette: None,
        }
    }
}

impl Screen {
    /// The tiles of a row, which is none outside the screen.
    #[must_use]
    pub fn row(&self, row: u8) -> &[u8] {
        let from = cells(row, 0);
        self.cells
            .get(from..from + usize::from(COLUMNS))
            .unwrap_or_default()
    }

    /// The pixels of the host's own tiles.
    #[must_use]
    pub const fn own_tiles(&self) -> &[u8; OWN_LEN] {
        &self.own
    }

    /// The charts.
    #[must_use]
    pub const fn charts(&self) -> &[Chart; CHARTS as usize] {
        &self.charts
    }

    /// Does what a host asked for.
    pub fn apply(&mut self, op: &Op<'_>) {
        match *op {
            Op::Beat => {}
            Op::Beep(pattern) => self.beep = pattern,
            Op::Blink(blink) => self.blink = Blink::read(blink),
            Op::Chart { id, place } => self.chart(id, |chart| chart.put(place)),
            Op::ChartPush { id, values } => {
                self.chart(id, |chart| values.iter().for_each(|it| chart.push(*it)));
            }
            Op::Cursor(row) => self.cursor = row,
            Op::Fill {
                row,
                column,
                height,
                width,
                tile,
            } => {
                for row in row..row.saturating_add(height) {
                    for column in column..column.saturating_add(width) {
                        self.set(row, column, tile);
                    }
                }
            }
            Op::Hello { .. } => *self = Self::default(),
            Op::Map { row, column, tiles } => put(&mut self.cells, cells(row, column), tiles),
            Op::Palette(palette) => self.palette = Some(*palette),
            Op::Tile { first, pixels } => {
                put(&mut self.own, usize::from(first) * TILE_LEN, pixels);
            }
        }
    }

    pub(crate) fn set(&mut self, row: u8, column: u8, tile: u8) {
        if column < COLUMNS {
            put(&mut self.cells, cells(row, column), &[tile]);
        }
    }

    /// Changes a chart and draws it.
    fn chart(&mut self, id: u8, change: impl FnOnce(&mut Chart)) {
        let Some(chart) = self.charts.get_mut(usize::from(id)) else {
            return;
        };
        change(chart);
        let chart = *chart;
        chart.draw(self);
    }
}

/// Writes bytes at a place, as far as there is room.
fn put(to: &mut [u8], at: usize, from: &[u8]) {
    for (place, byte) in to.iter_mut().skip(at).zip(from) {
        *place = *byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::Place;

    #[test]
    fn a_map_goes_on_in_the_next_row() {
        let mut screen = Screen::default();
        screen.apply(&Op::Map {
            row: 2,
            column: 18,
            tiles: b"abc",
        });
        assert_eq!(screen.row(2)[17..], *b" ab");
        assert_eq!(screen.row(3)[..2], *b"c ");
        assert_eq!(screen.row(18), b"");
    }

    #[test]
    fn a_fill_leaves_what_is_around_it() {
        let mut screen = Screen::default();
        screen.apply(&Op::Fill {
            row: 1,
            column: 2,
            height: 2,
            width: 3,
            tile: b'x',
        });
        for (row, expect) in [
            (0, b"      "),
            (1, b"  xxx "),
            (2, b"  xxx "),
            (3, b"      "),
        ] {
            assert_eq!(&screen.row(row)[..6], expect, "{row}");
        }
    }

    #[test]
    fn a_chart_moves_by_half_a_tile() {
        let mut screen = Screen::default();
        let place = Some(Place {
            row: 4,
            column: 1,
            width: 2,
            height: 2,
        });
        screen.apply(&Op::Chart { id: 1, place });
        let push = |screen: &mut Screen, values| {
            screen.apply(&Op::ChartPush { id: 1, values });
        };
        push(&mut screen, &[9, 16]);
        let bars = tiles::bars;
        assert_eq!(screen.row(4)[1..3], [bars(0, 0), bars(1, 8)]);
        assert_eq!(screen.row(5)[1..3], [bars(0, 0), bars(8, 8)]);
        push(&mut screen, &[200]);
        assert_eq!(screen.row(4)[1..3], [bars(0, 1), bars(8, 8)]);
        assert_eq!(screen.row(5)[1..3], [bars(0, 8), bars(8, 8)]);
        assert_eq!(screen.charts()[1].values()[36..], [0, 9, 16, 24]);
        assert_eq!(screen.row(4)[3], tiles::BLANK);
    }
}
