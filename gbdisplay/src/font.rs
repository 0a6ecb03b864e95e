//! Which letter is which tile.

use skerry_panel_proto::tiles;

/// The signs of the panel, from tile [`tiles::ICONS`] on, as the characters that pages write.
const ICONS: [char; 31] = [
    '─', '│', '┌', '┐', '└', '┘', '├', '┤', '┬', '┴', '┼', '▲', '▼', '◀', '▶', '✓', '✗', '🔔',
    '🔒', '⚠', '♥', '♡', '■', '□', '●', '░', '▒', '█', '⏵', '⏸', '⌂',
];
/// The only letter of the font that is not ASCII; ASCII has none at its code.
const DEGREE: char = '°';
const DEGREE_TILE: u8 = 0x7F;

/// The tile of a character; none if the panel lacks it.
#[must_use]
pub fn tile(character: char) -> Option<u8> {
    if character == DEGREE {
        return Some(DEGREE_TILE);
    }
    if is_ascii_letter(character) {
        return u8::try_from(character).ok();
    }
    let place = ICONS.iter().position(|it| *it == character)?;
    u8::try_from(place).ok().map(|it| tiles::ICONS + it)
}

/// A character that strings from outside may have; `?` for any other.
#[must_use]
pub const fn plain(character: char) -> char {
    if is_ascii_letter(character) || character == DEGREE {
        character
    } else {
        '?'
    }
}

/// The character of a tile: the opposite of [`tile()`], with bars as blocks of their higher half.
/// For reading screens, in tests and without a picture.
#[must_use]
pub fn character(tile: u8) -> char {
    let icon = tile
        .checked_sub(tiles::ICONS)
        .and_then(|it| ICONS.get(usize::from(it)));
    match (icon, tile) {
        (Some(icon), _) => *icon,
        (None, DEGREE_TILE) => DEGREE,
        (None, tiles::FONT..DEGREE_TILE) => char::from(tile),
        (None, tiles::BARS..tiles::ICONS) => {
            let pair = tile - tiles::BARS;
            let highest = (pair / tiles::BAR_LEVELS).max(pair % tiles::BAR_LEVELS);
            BLOCKS.get(usize::from(highest)).copied().unwrap_or('?')
        }
        (None, _) => '?',
    }
}

const BLOCKS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

const fn is_ascii_letter(character: char) -> bool {
    matches!(character, ' '..='~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_and_sign_is_a_tile_and_back() {
        let letters = (' '..='~').chain([DEGREE]).chain(ICONS);
        for letter in letters {
            let tile = tile(letter).unwrap();
            assert_eq!(character(tile), letter, "{tile}");
        }
    }

    #[test]
    fn the_signs_end_before_those_of_the_panel_itself() {
        assert!(usize::from(tiles::ICONS) + ICONS.len() <= usize::from(tiles::SIGNS));
        assert_eq!(tile('⌂'), Some(0xEF));
    }

    #[test]
    fn what_the_panel_lacks_is_no_tile() {
        assert_eq!(tile('ü'), None);
        assert_eq!(tile('\u{7F}'), None);
        assert_eq!(plain('♥'), '?');
    }
}
