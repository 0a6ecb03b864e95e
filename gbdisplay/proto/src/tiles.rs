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
