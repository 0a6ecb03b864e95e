//! What a Game Boy with the cartridge in it shows.

use skerry_dmg::Machine;

/// What the Game Boy shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Screen {
    rows: Vec<Vec<u8>>,
    /// The word STALE is shown by the Game Boy itself: nobody has said anything for long.
    pub(crate) is_left_alone: bool,
}

/// The words of the first page that are there whatever the facts are, by row.
const WORDS: [(usize, &str); 9] = [
    (0, "OVERVIEW"),
    (2, "NODE"),
    (3, "GENERATION"),
    (4, "UP"),
    (6, "PEERS UP"),
    (7, "PORTS UP"),
    (8, "VIOLATIONS"),
    (9, "DROPS/s"),
    (17, " NO ALERTS"),
];

impl Screen {
    pub(crate) fn of(machine: &Machine) -> Self {
        let row = |row: u16| {
            let start = 0x9800 + 32 * row;
            (start..start + 20).map(|at| machine.peek(at)).collect()
        };
        // Sprites 1 to 5 are the word; where it is hidden they are above the picture.
        let is_shown = |sprite: u16| machine.peek(0xFE00 + 4 * sprite) == 16;
        Self {
            rows: (0..18).map(row).collect(),
            is_left_alone: (1..6).all(is_shown),
        }
    }

    fn row(&self, row: usize) -> String {
        let tiles = self.rows.get(row).map_or(&[][..], Vec::as_slice);
        String::from_utf8_lossy(tiles).into_owned()
    }

    /// The whole first page is there.
    pub(crate) fn is_painted(&self) -> bool {
        let is_there = |(row, words): &(usize, &str)| self.row(*row).contains(words);
        WORDS.iter().all(is_there) && !self.is_left_alone
    }

    /// The panel says that its facts are old.
    pub(crate) fn says_stale(&self) -> bool {
        self.row(0).contains("STALE")
    }

    /// All of it, for whoever has to find out.
    pub(crate) fn text(&self) -> String {
        (0..18)
            .map(|row| format!("    |{}|\n", self.row(row)))
            .collect()
    }
}
