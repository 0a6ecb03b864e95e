//! Which of the 256 tiles is what. Letters are their ASCII codes, so a text is its own map.

/// How many tiles the host may draw itself, from number 0 on.
pub const OWN: u8 = 32;
/// The first letter, the blank; the last one is at 0x7F.
pub const FONT: u8 = 0x20;
/// The blank.
pub const BLANK: u8 = 0x20;
/// Pairs of bars: `BARS + left * 9 + right`, each 0 to 8 pixels high.
pub const BARS: u8 = 0x80;
/// How many different heights a bar has in one tile.
pub const BAR_LEVELS: u8 = 9;
/// Boxes and signs.
pub const ICONS: u8 = 0xD1;
/// What only the panel itself shows: the word for stale data, and the cursor.
pub const SIGNS: u8 = 0xF0;
/// The cursor, behind the five tiles of the word.
pub const CURSOR: u8 = 0xF5;

/// The tile of two bars side by side; what is higher than a tile fills it.
#[must_use]
pub const fn bars(left: u8, right: u8) -> u8 {
    let highest = BAR_LEVELS - 1;
    let left = if left > highest { highest } else { left };
    let right = if right > highest { highest } else { right };
    BARS + left * BAR_LEVELS + right
}

/// Boxes and signs, in the order in which `firmware/tiles/icons.txt` draws them.
#[expect(missing_docs, reason = "the names of what is drawn")]
pub mod icon {
    use super::ICONS;

    pub const LINE_ACROSS: u8 = ICONS;
    pub const LINE_DOWN: u8 = ICONS + 1;
    pub const CORNER_RIGHT_DOWN: u8 = ICONS + 2;
    pub const CORNER_LEFT_DOWN: u8 = ICONS + 3;
    pub const CORNER_RIGHT_UP: u8 = ICONS + 4;
    pub const CORNER_LEFT_UP: u8 = ICONS + 5;
    pub const BRANCH_RIGHT: u8 = ICONS + 6;
    pub const BRANCH_LEFT: u8 = ICONS + 7;
    pub const BRANCH_DOWN: u8 = ICONS + 8;
    pub const BRANCH_UP: u8 = ICONS + 9;
    pub const CROSSING: u8 = ICONS + 10;
    pub const ARROW_UP: u8 = ICONS + 11;
    pub const ARROW_DOWN: u8 = ICONS + 12;
    pub const ARROW_LEFT: u8 = ICONS + 13;
    pub const ARROW_RIGHT: u8 = ICONS + 14;
    pub const CHECK: u8 = ICONS + 15;
    pub const CROSS: u8 = ICONS + 16;
    pub const BELL: u8 = ICONS + 17;
    pub const LOCK: u8 = ICONS + 18;
    pub const ALERT: u8 = ICONS + 19;
    pub const HEART: u8 = ICONS + 20;
    pub const HEART_HOLLOW: u8 = ICONS + 21;
    pub const SQUARE: u8 = ICONS + 22;
    pub const SQUARE_HOLLOW: u8 = ICONS + 23;
    pub const DOT: u8 = ICONS + 24;
    pub const LIGHT: u8 = ICONS + 25;
    pub const MIDDLE: u8 = ICONS + 26;
    pub const FULL: u8 = ICONS + 27;
    pub const PLAY: u8 = ICONS + 28;
    pub const PAUSE: u8 = ICONS + 29;
    pub const PORT: u8 = ICONS + 30;
}
