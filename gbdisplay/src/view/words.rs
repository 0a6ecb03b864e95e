//! What the panel says, for whoever cannot see it.

use crate::panel::Panel;

/// In front of a row as text are the signs for the cursor and for what blinks; this is the second.
const BLINKS: usize = 1;
/// Row and column of the heart: it says that time goes on, and would make of each text another one.
const HEART: (usize, usize) = (0, 2 + 19);

/// A line about the alert that is in front of the reader, empty if there is none; then the rows of
/// the screen, without what is only drawn.
#[must_use]
pub fn words(panel: &Panel, now_us: u64) -> String {
    let text = panel.picture(now_us).text();
    let mut words = panel.alert().map_or_else(String::new, |alert| {
        format!("ALERT {alert}: {}", boxed(&text))
    });
    for (row, line) in text.lines().enumerate() {
        let letters = line.chars().enumerate();
        let letters = letters.filter(|(column, _)| *column != BLINKS && (row, *column) != HEART);
        let spoken: String = letters
            .map(|(_, it)| if is_drawn(it) { ' ' } else { it })
            .collect();
        words.push('\n');
        words.push_str(spoken.trim_end());
    }
    words
}

/// What is in the box of an alert, in one line.
fn boxed(text: &str) -> String {
    let lines = text.lines().filter_map(|line| {
        let (_, line) = line.split_once('│')?;
        Some(line.strip_suffix('│')?.trim())
    });
    let lines: Vec<&str> = lines.filter(|it| !it.is_empty()).collect();
    lines.join(" ")
}

/// True for lines and bars (Unicode, "Box Drawing" and "Block Elements"), and for a bar of nothing.
const fn is_drawn(letter: char) -> bool {
    matches!(letter, '\u{2500}'..='\u{259F}' | '·')
}
