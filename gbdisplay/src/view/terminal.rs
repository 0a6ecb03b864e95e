//! A picture in a terminal: in half blocks, with colours, or in braille, with dots.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::widgets::Widget;
use skerry_dmg::{Frame, HEIGHT, WIDTH};

use super::colours::{brightness, rgb};

/// How pixels become letters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// Two pixels in a letter, with their colours: 160 columns, 72 rows.
    Blocks,
    /// Eight pixels in a letter, dark or not: 80 columns, 36 rows.
    Braille,
}

impl Style {
    /// Columns and rows that a whole picture takes.
    #[must_use]
    pub const fn size(self) -> (u16, u16) {
        match self {
            Self::Blocks => (160, 72),
            Self::Braille => (80, 36),
        }
    }
}

/// A picture as a widget; what does not fit is cut off at the right and below.
#[derive(Clone, Copy, Debug)]
pub struct Screen<'a> {
    /// The picture.
    pub frame: &'a Frame,
    /// How it is shown.
    pub style: Style,
}

/// Which dot of a letter is which bit, by column and row (Unicode, "Braille Patterns").
const DOTS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
/// What is darker than this is a dot.
const DARK: u8 = 0x80;

impl Widget for Screen<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let (width, height) = self.style.size();
        for row in 0..height.min(area.height) {
            for column in 0..width.min(area.width) {
                let Some(cell) = buffer.cell_mut((area.x + column, area.y + row)) else {
                    continue;
                };
                let (x, y) = (usize::from(column), usize::from(row));
                match self.style {
                    Style::Blocks => {
                        let colour = |y| {
                            let [red, green, blue] = rgb(self.frame, x, y);
                            Color::Rgb(red, green, blue)
                        };
                        cell.set_char('▀').set_fg(colour(y * 2));
                        cell.set_bg(colour(y * 2 + 1));
                    }
                    Style::Braille => {
                        cell.set_char(self.braille(x * 2, y * 4));
                    }
                }
            }
        }
    }
}

impl Screen<'_> {
    fn braille(&self, left: usize, top: usize) -> char {
        let mut bits = 0;
        for (x, column) in (left..WIDTH).zip(DOTS) {
            for (y, dot) in (top..HEIGHT).zip(column) {
                if brightness(self.frame, x, y) < DARK {
                    bits |= dot;
                }
            }
        }
        char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' ')
    }
}
