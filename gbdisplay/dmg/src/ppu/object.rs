//! Objects (sprites): which of them a line shows (Pan Docs, "OAM"), and what they cost of mode 3.

/// The part of an object that lies on the line being drawn.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Object {
    /// Right of the screen's left edge, plus 8.
    pub(crate) x: u8,
    /// Its row, leftmost pixel on top: lower and upper bits of the colours.
    pub(crate) low: u8,
    pub(crate) high: u8,
    pub(crate) attributes: u8,
}

/// The background hides it.
pub(crate) const BEHIND: u8 = 0x80;
const FLIP_Y: u8 = 0x40;
const FLIP_X: u8 = 0x20;
/// DMG: its palette is OBP1.
pub(crate) const PALETTE: u8 = 0x10;
/// CGB: its tile lies in the second bank.
const BANK: u8 = 0x08;

/// More are not drawn on a line.
const PER_LINE: usize = 10;

/// The objects of a line, first the one that wins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Objects {
    all: [Object; PER_LINE],
    count: usize,
}

/// What a scan of OAM looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan<'a> {
    pub(crate) oam: &'a [u8; 160],
    pub(crate) vram: &'a [u8; 0x4000],
    pub(crate) line: u8,
    /// LCDC.2: two tiles each.
    pub(crate) tall: bool,
    pub(crate) color: bool,
}

impl Scan<'_> {
    /// The first ten objects on the line. On a DMG the leftmost wins, on a CGB the first in OAM.
    pub(crate) fn objects(self) -> Objects {
        let mut found = Objects::default();
        for entry in self.oam.chunks_exact(4) {
            if found.count == PER_LINE {
                break;
            }
            let [y, x, tile, attributes] = [entry[0], entry[1], entry[2], entry[3]];
            let row = (self.line + 16).wrapping_sub(y);
            if row < if self.tall { 16 } else { 8 } {
                found.all[found.count] = self.fetch(x, tile, attributes, row);
                found.count += 1;
            }
        }
        if !self.color {
            found.all[..found.count].sort_by_key(|it| it.x);
        }
        found
    }

    fn fetch(self, x: u8, tile: u8, attributes: u8, row: u8) -> Object {
        let (tile, last) = if self.tall {
            (tile & 0xFE, 15)
        } else {
            (tile, 7)
        };
        let row = if attributes & FLIP_Y != 0 {
            last - row
        } else {
            row
        };
        let bank = self.color && attributes & BANK != 0;
        let place = usize::from(bank) << 13 | usize::from(tile) << 4 | usize::from(row) << 1;
        let (mut low, mut high) = (self.vram[place & 0x3FFF], self.vram[(place + 1) & 0x3FFF]);
        if attributes & FLIP_X != 0 {
            (low, high) = (low.reverse_bits(), high.reverse_bits());
        }
        Object {
            x,
            low,
            high,
            attributes,
        }
    }
}

impl Objects {
    /// The object that shows at `x`, and its colour, which is never 0.
    pub(crate) fn at(&self, x: u8) -> Option<(Object, u8)> {
        self.all[..self.count].iter().find_map(|object| {
            let column = (x + 8).wrapping_sub(object.x);
            if column > 7 {
                return None;
            }
            let color = object.high << column >> 7 << 1 | object.low << column >> 7;
            (color != 0).then_some((*object, color))
        })
    }

    /// Dots by which they lengthen mode 3 (Pan Docs, "OBJ penalty algorithm"): 6 each, and for the
    /// first on a background tile the wait for that tile. The window's own tiles are not looked at.
    pub(crate) fn penalty(&self, scx: u8) -> u16 {
        let mut sorted = self.all;
        let sorted = &mut sorted[..self.count];
        sorted.sort_by_key(|it| it.x);
        let mut tile_before = None;
        let mut dots = 0;
        for object in sorted.iter().filter(|it| it.x < 168) {
            let place = u16::from(object.x) + u16::from(scx & 7);
            let waits = object.x == 0 || tile_before != Some(place >> 3);
            dots += match (object.x, waits) {
                (0, _) => 11,
                (_, true) => 6 + 5u16.saturating_sub(place & 7),
                (_, false) => 6,
            };
            tile_before = Some(place >> 3);
        }
        dots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(entries: &[[u8; 4]], color: bool) -> Objects {
        let mut oam = [0; 160];
        for (place, entry) in oam.chunks_exact_mut(4).zip(entries) {
            place.copy_from_slice(entry);
        }
        let mut vram = [0; 0x4000];
        vram[16] = 0xF0;
        vram[33] = 0xFF;
        let scan = Scan {
            oam: &oam,
            vram: &vram,
            line: 0,
            tall: false,
            color,
        };
        scan.objects()
    }

    #[track_caller]
    fn check_penalty(xs: &[u8], scx: u8, dots: u16) {
        let entries: Vec<[u8; 4]> = xs.iter().map(|x| [16, *x, 1, 0]).collect();
        assert_eq!(
            objects(&entries, false).penalty(scx),
            dots,
            "{xs:?}, SCX {scx}"
        );
    }

    #[test]
    fn objects_lengthen_mode_3() {
        check_penalty(&[], 0, 0);
        check_penalty(&[0], 3, 11);
        check_penalty(&[8], 0, 11);
        check_penalty(&[9], 0, 10);
        check_penalty(&[15], 0, 6);
        check_penalty(&[8], 2, 9);
        check_penalty(&[8, 8], 0, 17);
        check_penalty(&[16, 8], 0, 22);
        check_penalty(&[168], 0, 0);
    }

    #[test]
    fn the_leftmost_wins_on_a_dmg_and_the_first_on_a_cgb() {
        let entries = [[16, 10, 2, 0], [16, 8, 1, 0]];
        let at = |color, x| objects(&entries, color).at(x).map(|it| it.1);
        assert_eq!(at(false, 2), Some(1));
        assert_eq!(at(true, 2), Some(2));
        assert_eq!(at(false, 4), Some(2), "through a transparent pixel");
        assert_eq!(at(false, 10), None);
    }

    #[test]
    fn ten_objects_fit_a_line() {
        let entries: Vec<[u8; 4]> = (0..12).map(|it| [16, 8 + 8 * it, 2, 0]).collect();
        let objects = objects(&entries, false);
        assert!(objects.at(79).is_some());
        assert!(objects.at(80).is_none());
    }

    #[test]
    fn flips_turn_the_row() {
        let flipped = objects(&[[16, 8, 1, FLIP_X]], false);
        assert!(flipped.at(3).is_none());
        assert_eq!(flipped.at(4).map(|it| it.1), Some(1));
        assert!(objects(&[[16, 8, 1, FLIP_Y]], false).at(0).is_none());
    }
}
