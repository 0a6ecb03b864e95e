//! What the panel is to show, all of it, whatever it shows now.

use skerry_panel_proto::chart::{CHARTS, HISTORY, Place};
use skerry_panel_proto::{COLUMNS, Op, ROWS, Screen, tiles};

/// Pictures between two changes of what blinks: a quarter of a second.
pub const BLINK_PICTURES: u8 = 15;

/// A wanted screen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Picture {
    rows: [[u8; COLUMNS as usize]; ROWS as usize],
    /// What the charts show; their cells are theirs.
    pub charts: [Option<Curve>; CHARTS as usize],
    /// The row with the cursor.
    pub cursor: Option<u8>,
    /// The rows that blink, as bits, the topmost lowest.
    pub blinking: u32,
    /// What sounds.
    pub beep: u8,
}

/// What a chart shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Curve {
    /// Where.
    pub place: Place,
    /// Oldest first.
    pub values: [u8; HISTORY as usize],
}

impl Default for Picture {
    fn default() -> Self {
        Self {
            rows: [[tiles::BLANK; COLUMNS as usize]; ROWS as usize],
            charts: [None; CHARTS as usize],
            cursor: None,
            blinking: 0,
            beep: 0,
        }
    }
}

impl Picture {
    /// The tiles of a row, without charts; none outside the screen.
    #[must_use]
    pub fn row(&self, row: u8) -> &[u8] {
        self.rows
            .get(usize::from(row))
            .map_or(&[], |row| row.as_slice())
    }

    /// Writes tiles into a row, as far as it goes.
    pub fn put(&mut self, row: u8, column: u8, tiles: &[u8]) {
        let cells = self.rows.get_mut(usize::from(row));
        let cells = cells.and_then(|row| row.get_mut(usize::from(column)..));
        for (cell, tile) in cells.into_iter().flatten().zip(tiles) {
            *cell = *tile;
        }
    }

    /// Writes a text into a row, `?` for what the panel lacks.
    pub fn write(&mut self, row: u8, column: u8, text: &str) {
        let tiles: Vec<u8> = text
            .chars()
            .map(|it| crate::font::tile(it).unwrap_or(b'?'))
            .collect();
        self.put(row, column, &tiles);
    }

    /// The screen of a panel that shows it.
    #[must_use]
    pub fn screen(&self) -> Screen {
        let mut screen = Screen::default();
        for (row, tiles) in (0..).zip(&self.rows) {
            let column = 0;
            screen.apply(&Op::Map { row, column, tiles });
        }
        for (id, curve) in (0..).zip(&self.charts) {
            if let Some(curve) = curve {
                let values = &curve.values;
                screen.apply(&Op::ChartPush { id, values });
                let place = Some(curve.place);
                screen.apply(&Op::Chart { id, place });
            }
        }
        screen.apply(&Op::Cursor(self.cursor));
        screen.apply(&Op::Blink(self.blink()));
        screen.apply(&Op::Beep(self.beep));
        screen
    }

    /// What blinks, as it is sent.
    #[must_use]
    pub const fn blink(&self) -> [u8; 4] {
        let [low, middle, high, _] = self.blinking.to_le_bytes();
        let pictures = if self.blinking == 0 {
            1
        } else {
            BLINK_PICTURES
        };
        [low, middle, high, pictures]
    }

    /// As text, a line for each row: for people and tests.
    #[must_use]
    pub fn text(&self) -> String {
        let screen = self.screen();
        let mark = |is, sign| if is { sign } else { ' ' };
        let lines = (0..ROWS).map(|row| {
            let cursor = mark(self.cursor == Some(row), '>');
            let blinks = mark(self.blinking >> row & 1 == 1, '*');
            let tiles = screen.row(row).iter();
            let text: String = tiles.map(|it| crate::font::character(*it)).collect();
            let line = format!("{cursor}{blinks}{text}");
            format!("{}\n", line.trim_end())
        });
        lines.collect()
    }
}
