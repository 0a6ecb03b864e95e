//! Scrolling charts: the host sends a value, the panel moves the picture.
//!
//! A tile has two bars of four pixels, so a row of twenty tiles shows forty values. A chart of
//! three rows shows 24 steps. A push moves everything by half a tile: no tile stays what it was,
//! and the panel draws the chart anew.

use crate::screen::{COLUMNS, ROWS, Screen};
use crate::tiles;

/// How many charts there are.
pub const CHARTS: u8 = 4;
/// How many values a chart remembers: those of the whole width.
pub const HISTORY: u8 = 40;
/// How many rows a chart may have.
pub const HEIGHT_MAX: u8 = 3;
/// The largest value: eight pixels a row.
pub const VALUE_MAX: u8 = 24;

/// Where a chart is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// The topmost row.
    pub row: u8,
    /// The leftmost column.
    pub column: u8,
    /// How many columns.
    pub width: u8,
    /// How many rows.
    pub height: u8,
}

impl Place {
    /// True if it is on the screen and not empty.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let fits = |from: u8, len: u8, most: u8| from < most && len > 0 && len <= most - from;
        fits(self.row, self.height, ROWS)
            && fits(self.column, self.width, COLUMNS)
            && self.height <= HEIGHT_MAX
    }
}

/// A chart of the panel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Chart {
    /// Oldest first.
    values: [u8; HISTORY as usize],
    place: Option<Place>,
}

impl Chart {
    pub(crate) const EMPTY: Self = Self {
        values: [0; HISTORY as usize],
        place: None,
    };

    /// What it remembers, oldest first.
    #[must_use]
    pub const fn values(&self) -> &[u8; HISTORY as usize] {
        &self.values
    }

    /// Where it is drawn.
    #[must_use]
    pub const fn place(&self) -> Option<Place> {
        self.place
    }

    pub(crate) const fn put(&mut self, place: Option<Place>) {
        self.place = place;
    }

    pub(crate) fn push(&mut self, value: u8) {
        self.values.rotate_left(1);
        if let Some(last) = self.values.last_mut() {
            *last = value.min(VALUE_MAX);
        }
    }

    /// Draws it on the screen, if it has a place there.
    pub(crate) fn draw(&self, screen: &mut Screen) {
        let Some(place) = self.place else { return };
        let shown = usize::from(place.width) * 2;
        let oldest = self.values.len().saturating_sub(shown);
        for up in 0..place.height {
            let row = place.row + (place.height - 1 - up);
            let level = |value: u8| value.saturating_sub(up * 8);
            let pairs = self.values.as_chunks::<2>().0.iter().skip(oldest / 2);
            for (column, &[left, right]) in (place.column..).zip(pairs) {
                screen.set(row, column, tiles::bars(level(left), level(right)));
            }
        }
    }
}
