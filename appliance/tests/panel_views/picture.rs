//! A picture of the panel, wherever it was seen: pixels to compare, letters to read.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use skerry_gbdisplay::Model;
use skerry_gbdisplay::font;
use skerry_gbdisplay::port::{Emulated, Port as _, Speed};

pub(crate) const WIDTH: usize = 160;
pub(crate) const HEIGHT: usize = 144;
/// The pixels of a letter, in each direction.
const LETTER: usize = 8;
/// What is at least as dark as this is dark where there are no shades.
const DARK: u8 = 2;

/// What people see for each of the four shades, from the lightest.
pub(crate) const COLOURS: [&str; 4] = ["dcecc4", "98b470", "4c6c48", "142420"];

/// The shade of every pixel row by row, 0 (lightest) to 3.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Picture(Vec<u8>);

impl Picture {
    pub(crate) fn new(shades: Vec<u8>) -> Self {
        assert_eq!(shades.len(), WIDTH * HEIGHT);
        Self(shades)
    }

    /// Two shades for four, as where there are dots only.
    pub(crate) fn dots(&self) -> Self {
        let shades = self.0.iter();
        Self(shades.map(|it| if *it >= DARK { 3 } else { 0 }).collect())
    }

    /// What is written on it, a line for each row of letters.
    pub(crate) fn text(&self) -> String {
        let rows = (0..HEIGHT / LETTER).map(|row| {
            let letters = (0..WIDTH / LETTER).map(|column| self.letter(column, row));
            letters.chain(['\n']).collect::<String>()
        });
        rows.collect()
    }

    /// A letter by what it looks like; `?` for what is none.
    fn letter(&self, column: usize, row: usize) -> char {
        let line = |y: usize| {
            let start = (row * LETTER + y) * WIDTH + column * LETTER;
            let pixels = self.0[start..start + LETTER].iter();
            pixels.fold(0, |bits, it| bits << 1 | u8::from(*it >= DARK))
        };
        let shape: [u8; LETTER] = std::array::from_fn(line);
        LETTERS.get(&shape).copied().unwrap_or('?')
    }

    /// How much of it is not as another is, for people.
    pub(crate) fn differing(&self, other: &Self) -> usize {
        let pixels = self.0.iter().zip(&other.0);
        pixels.filter(|(one, other)| one != other).count()
    }
}

/// The tile that marks the row of a list that the reader is at.
const CURSOR: u8 = 0xF5;

/// Every letter and sign by its dark pixels, as the cartridge has them in video memory; the cursor
/// is a `>`. Where two look the same it is the letter.
static LETTERS: LazyLock<BTreeMap<[u8; LETTER], char>> = LazyLock::new(|| {
    let mut console = Emulated::new(Model::Dmg, Speed::Free).unwrap();
    console.wait(1_000_000);
    let mut letters = BTreeMap::new();
    for tile in 0x20..=CURSOR {
        // A line of a tile is two bytes, the second of which has the higher bits.
        let line = |y: usize| {
            let at = 0x8001 + usize::from(tile) * 16 + y * 2;
            console.machine().peek(u16::try_from(at).unwrap())
        };
        let letter = match tile {
            CURSOR => '>',
            _ => font::character(tile),
        };
        letters.entry(std::array::from_fn(line)).or_insert(letter);
    }
    assert!(letters.len() > 120, "{letters:?}");
    letters
});
