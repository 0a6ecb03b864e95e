//! A picture of the panel, as `--trace` tells it: letters that were read back from the glass.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What was on the glass.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) wall_us: u64,
    /// By the clock of the panel.
    pub(crate) at_us: u64,
    /// Everything that is wanted is there.
    pub(crate) is_whole: bool,
    pub(crate) rows: Vec<String>,
}

impl Picture {
    fn has(&self, row: usize, text: &str) -> bool {
        self.rows[row].contains(text)
    }

    pub(crate) fn is_ports(&self) -> bool {
        self.has(0, "PORTS")
    }

    /// An alert is in front of whatever else there is.
    pub(crate) fn is_alert(&self) -> bool {
        self.has(14, "A: ACKNOWLEDGE")
    }

    /// All that an alert says is there, and not hidden just then.
    pub(crate) fn is_alert_of(&self, port: &str, reason: &str) -> bool {
        let about = self.rows[4..8].concat();
        self.has(0, "ALERT")
            && about.contains(&format!("violation at {port}:"))
            && about.contains(reason)
            && self.alert().is_some()
            && self.is_alert()
    }

    /// The number of the alert.
    pub(crate) fn alert(&self) -> Option<u64> {
        let (_, number) = self.rows[10].split_once("ALERT ")?;
        number.trim().parse().ok()
    }

    /// The ports of the page and their megabits a second: name 1 to 8, kind, state, rate 11 to 15.
    pub(crate) fn rates(&self) -> Vec<(String, f64)> {
        let rows = self.rows[2..17].iter().filter(|it| it.contains('✓'));
        let rates = rows.map(|row| {
            let letters = |range: Range<usize>| {
                let letters = row.chars().skip(range.start).take(range.len());
                letters.collect::<String>().trim().to_owned()
            };
            let rate = letters(11..16);
            let rate = rate
                .parse()
                .unwrap_or_else(|_| panic!("{rate:?} in {self:#?}"));
            (letters(1..9), rate)
        });
        rates.collect()
    }

    /// How old the alerts of the list are, in seconds, the newest number first; none on another page.
    /// Text 1 to 12, age 14 to 18.
    pub(crate) fn ages(&self) -> Option<Vec<u64>> {
        let rows = self.rows[2..17].iter();
        let rows = rows.filter(|it| it.contains("violation at"));
        let ages = rows.map(|row| {
            let age = row.trim_end().strip_suffix('s');
            let age = age.and_then(|it| it.split_whitespace().last()?.parse().ok());
            age.unwrap_or_else(|| panic!("no age in {row:?}: {self:#?}"))
        });
        self.has(0, "ALERTS").then(|| ages.collect())
    }

    /// The rows that are empty in some pictures and not in others.
    pub(crate) fn blinking<'a>(
        pictures: impl Iterator<Item = (usize, &'a Self)>,
    ) -> BTreeSet<usize> {
        let mut seen: BTreeMap<usize, BTreeSet<bool>> = BTreeMap::new();
        for (_, picture) in pictures {
            for (row, text) in picture.rows.iter().enumerate() {
                seen.entry(row).or_default().insert(text.trim().is_empty());
            }
        }
        let both = seen.into_iter().filter(|(_, it)| it.len() == 2);
        both.map(|(row, _)| row).collect()
    }
}
