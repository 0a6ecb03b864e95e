//! What a host can ask of the panel.

use crate::chart::{CHARTS, HISTORY, Place};
use crate::frame::{Frame, PAYLOAD_MAX};
use crate::screen::{COLUMNS, ROWS};
use crate::{EPOCH_MAX, tiles};

/// The bytes of a tile: two bits for each of 64 pixels (Pan Docs, "Tile Data").
pub const TILE_LEN: usize = 16;
/// Rows as bits, lowest first, and the pictures between two changes.
pub const BLINK_LEN: usize = 4;
/// The shades of a panel without colour, and four palettes of four colours for one with.
pub const PALETTE_LEN: usize = 33;
/// Instead of a row: no cursor.
pub const CURSOR_OFF: u8 = 0xFF;

/// Something that the panel can do. Every value that [`Op::decode`] returns makes sense, whatever
/// state the panel is in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Op<'a> {
    /// Nothing, but it is a sign of life.
    Beat,
    /// Plays a pattern; 0 is silence, 3 goes on until something else is played.
    Beep(u8),
    /// Makes rows blink.
    Blink([u8; BLINK_LEN]),
    /// Says where a chart is, and draws it.
    Chart {
        /// Which one.
        id: u8,
        /// Where; none if the chart is no longer drawn.
        place: Option<Place>,
    },
    /// Moves a chart to the left and adds values at its right end.
    ChartPush {
        /// Which one.
        id: u8,
        /// Oldest first; larger ones than [`VALUE_MAX`][crate::chart::VALUE_MAX] count as that.
        values: &'a [u8],
    },
    /// Puts the cursor beside a row, or nowhere.
    Cursor(Option<u8>),
    /// Fills a rectangle with one tile.
    Fill {
        /// The topmost row.
        row: u8,
        /// The leftmost column.
        column: u8,
        /// How many rows.
        height: u8,
        /// How many columns.
        width: u8,
        /// With what.
        tile: u8,
    },
    /// Clears everything and names the epoch: the first thing that a host says.
    Hello {
        /// The language.
        version: u8,
        /// 1 to [`EPOCH_MAX`].
        epoch: u8,
    },
    /// Puts tiles side by side; what is too long for a row goes on in the next one.
    Map {
        /// Where it begins.
        row: u8,
        /// Where it begins.
        column: u8,
        /// Which ones.
        tiles: &'a [u8],
    },
    /// Sets the colours.
    Palette(&'a [u8; PALETTE_LEN]),
    /// Draws up to four tiles of the host's own, one after the other.
    Tile {
        /// The number of the first one.
        first: u8,
        /// [`TILE_LEN`] bytes for each.
        pixels: &'a [u8],
    },
}

/// The numbers of the operations.
pub(crate) mod kind {
    pub(crate) const HELLO: u8 = 1;
    pub(crate) const BEAT: u8 = 2;
    pub(crate) const MAP: u8 = 3;
    pub(crate) const FILL: u8 = 4;
    pub(crate) const TILE: u8 = 5;
    pub(crate) const CHART: u8 = 6;
    pub(crate) const CHART_PUSH: u8 = 7;
    pub(crate) const CURSOR: u8 = 8;
    pub(crate) const BLINK: u8 = 9;
    pub(crate) const BEEP: u8 = 10;
    pub(crate) const PALETTE: u8 = 11;
}

/// How many tiles one frame can draw.
pub(crate) const TILES_MAX: u8 = 4;
/// The patterns of beeps.
pub(crate) const BEEPS: u8 = 4;

impl<'a> Op<'a> {
    /// Reads an operation. None if it is none, or if it would reach outside the screen.
    #[must_use]
    pub fn decode(number: u8, payload: &'a [u8]) -> Option<Self> {
        let op = match (number, payload) {
            (kind::HELLO, &[version, epoch]) => Self::Hello { version, epoch },
            (kind::BEAT, []) => Self::Beat,
            (kind::MAP, &[row, column, ref tiles @ ..]) => Self::Map { row, column, tiles },
            (kind::FILL, &[row, column, height, width, tile]) => Self::Fill {
                row,
                column,
                height,
                width,
                tile,
            },
            (kind::TILE, &[first, ref pixels @ ..]) => Self::Tile { first, pixels },
            (kind::CHART, &[id, row, column, width, height]) => Self::Chart {
                id,
                place: (height > 0).then_some(Place {
                    row,
                    column,
                    width,
                    height,
                }),
            },
            (kind::CHART_PUSH, &[id, ref values @ ..]) => Self::ChartPush { id, values },
            (kind::CURSOR, &[CURSOR_OFF]) => Self::Cursor(None),
            (kind::CURSOR, &[row]) => Self::Cursor(Some(row)),
            (kind::BLINK, _) => Self::Blink(*payload.as_array()?),
            (kind::BEEP, &[pattern]) => Self::Beep(pattern),
            (kind::PALETTE, _) => Self::Palette(payload.as_array()?),
            _ => return None,
        };
        op.is_sound().then_some(op)
    }

    /// True if the panel can do it.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let on_screen = |row: u8, column: u8| row < ROWS && column < COLUMNS;
        match *self {
            Self::Beat | Self::Palette(_) => true,
            Self::Beep(pattern) => pattern < BEEPS,
            Self::Blink([_, _, high, pictures]) => high < 4 && pictures > 0,
            Self::Chart { id, place } => id < CHARTS && place.is_none_or(|it| it.is_sound()),
            Self::ChartPush { id, values } => {
                id < CHARTS && (1..=usize::from(HISTORY)).contains(&values.len())
            }
            Self::Cursor(row) => row.is_none_or(|it| it < ROWS),
            Self::Fill {
                row,
                column,
                height,
                width,
                ..
            } => {
                let fits = |from: u8, len: u8, most: u8| len > 0 && len <= most - from;
                on_screen(row, column) && fits(row, height, ROWS) && fits(column, width, COLUMNS)
            }
            Self::Hello { epoch, .. } => (1..=EPOCH_MAX).contains(&epoch),
            Self::Map { row, column, tiles } => {
                let rest = |row, column| cells(ROWS - row, 0) - usize::from(column);
                on_screen(row, column)
                    && (1..=PAYLOAD_MAX - 2).contains(&tiles.len())
                    && tiles.len() <= rest(row, column)
            }
            Self::Tile { first, pixels } => {
                let count = pixels.len() / TILE_LEN;
                pixels.len() % TILE_LEN == 0
                    && (1..=usize::from(TILES_MAX)).contains(&count)
                    && usize::from(first) + count <= usize::from(tiles::OWN)
            }
        }
    }

    /// The frame that asks for it. None if it is not [sound][Self::is_sound], or the number of
    /// the frame is too large.
    #[must_use]
    pub fn frame(&self, sequence: u8) -> Option<Frame> {
        if !self.is_sound() {
            return None;
        }
        let frame = |kind, payload: &[u8]| Frame::new(sequence, kind, payload);
        match *self {
            Self::Beat => frame(kind::BEAT, &[]),
            Self::Beep(pattern) => frame(kind::BEEP, &[pattern]),
            Self::Blink(blink) => frame(kind::BLINK, &blink),
            Self::Chart { id, place: None } => frame(kind::CHART, &[id, 0, 0, 1, 0]),
            Self::Chart {
                id,
                place: Some(it),
            } => frame(kind::CHART, &[id, it.row, it.column, it.width, it.height]),
            Self::ChartPush { id, values } => joined(sequence, kind::CHART_PUSH, &[id], values),
            Self::Cursor(row) => frame(kind::CURSOR, &[row.unwrap_or(CURSOR_OFF)]),
            Self::Fill {
                row,
                column,
                height,
                width,
                tile,
            } => frame(kind::FILL, &[row, column, height, width, tile]),
            Self::Hello { version, epoch } => frame(kind::HELLO, &[version, epoch]),
            Self::Map { row, column, tiles } => joined(sequence, kind::MAP, &[row, column], tiles),
            Self::Palette(palette) => frame(kind::PALETTE, palette),
            Self::Tile { first, pixels } => joined(sequence, kind::TILE, &[first], pixels),
        }
    }
}

/// A frame whose payload is in two pieces.
fn joined(sequence: u8, kind: u8, head: &[u8], rest: &[u8]) -> Option<Frame> {
    let mut payload = [0; PAYLOAD_MAX];
    let len = head.len() + rest.len();
    let bytes = head.iter().chain(rest);
    for (place, byte) in payload.iter_mut().zip(bytes) {
        *place = *byte;
    }
    Frame::new(sequence, kind, payload.get(..len)?)
}

/// Cells before a cell, in reading order.
pub(crate) fn cells(row: u8, column: u8) -> usize {
    usize::from(row) * usize::from(COLUMNS) + usize::from(column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::HEIGHT_MAX;

    #[track_caller]
    fn check(number: u8, payload: &[u8], sound: bool) {
        let op = Op::decode(number, payload);
        assert_eq!(op.is_some(), sound, "{number} {payload:?}");
        let Some(op) = op else { return };
        let frame = op.frame(5).unwrap();
        let bytes = frame.as_bytes();
        assert_eq!((bytes[2], bytes[3]), (5, number));
        let again = Op::decode(number, &bytes[4..bytes.len() - 2]);
        assert_eq!(again, Some(op));
    }

    #[test]
    fn a_map_ends_on_the_screen() {
        check(kind::MAP, &[0, 0, 1], true);
        check(kind::MAP, &[17, 19, 1], true);
        check(kind::MAP, &[17, 19, 1, 1], false);
        check(kind::MAP, &[18, 0, 1], false);
        check(kind::MAP, &[0, 20, 1], false);
        check(kind::MAP, &[0, 0], false);
        check(kind::MAP, &[3; 68], true);
        check(kind::MAP, &[15; 68], false);
    }

    #[test]
    fn a_fill_is_a_rectangle_on_the_screen() {
        check(kind::FILL, &[0, 0, 18, 20, 5], true);
        check(kind::FILL, &[17, 19, 1, 1, 5], true);
        check(kind::FILL, &[17, 19, 2, 1, 5], false);
        check(kind::FILL, &[17, 19, 1, 2, 5], false);
        check(kind::FILL, &[3, 3, 0, 2, 5], false);
        check(kind::FILL, &[3, 3, 2, 0, 5], false);
        check(kind::FILL, &[255, 255, 255, 255, 5], false);
    }

    #[test]
    fn tiles_are_whole_and_the_hosts_own() {
        check(kind::TILE, &[0; 17], true);
        check(kind::TILE, &[28; 65], true);
        check(kind::TILE, &[29; 65], false);
        check(kind::TILE, &[31; 17], true);
        check(kind::TILE, &[32; 17], false);
        check(kind::TILE, &[0; 16], false);
        check(kind::TILE, &[0], false);
    }

    #[test]
    fn charts_are_on_the_screen() {
        check(kind::CHART, &[0, 0, 0, 20, 1], true);
        check(kind::CHART, &[3, 15, 10, 10, HEIGHT_MAX], true);
        check(kind::CHART, &[3, 16, 10, 10, HEIGHT_MAX], false);
        check(kind::CHART, &[4, 0, 0, 20, 1], false);
        check(kind::CHART, &[0, 0, 1, 20, 1], false);
        check(kind::CHART, &[0, 0, 0, 0, 1], false);
        check(kind::CHART, &[0, 0, 0, 1, HEIGHT_MAX + 1], false);
        check(kind::CHART, &[0, 0, 0, 1, 0], true);
        check(kind::CHART_PUSH, &[0, 255], true);
        check(kind::CHART_PUSH, &[3; 41], true);
        check(kind::CHART_PUSH, &[3; 42], false);
        check(kind::CHART_PUSH, &[0], false);
        check(kind::CHART_PUSH, &[4, 1], false);
    }

    #[test]
    fn small_operations() {
        check(kind::HELLO, &[1, 1], true);
        check(kind::HELLO, &[200, EPOCH_MAX], true);
        check(kind::HELLO, &[1, 0], false);
        check(kind::HELLO, &[1, EPOCH_MAX + 1], false);
        check(kind::HELLO, &[1], false);
        check(kind::BEAT, &[], true);
        check(kind::BEAT, &[0], false);
        check(kind::CURSOR, &[17], true);
        check(kind::CURSOR, &[18], false);
        check(kind::CURSOR, &[CURSOR_OFF], true);
        check(kind::BLINK, &[255, 255, 3, 1], true);
        check(kind::BLINK, &[0, 0, 4, 1], false);
        check(kind::BLINK, &[0, 0, 0, 0], false);
        check(kind::BEEP, &[3], true);
        check(kind::BEEP, &[4], false);
        check(kind::PALETTE, &[0; 33], true);
        check(kind::PALETTE, &[0; 32], false);
        check(0, &[], false);
        check(12, &[], false);
    }
}
