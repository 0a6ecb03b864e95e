//! Strings from outside: bounded, and of letters that the panel has.

use std::fmt;

use crate::font;

/// How many letters a string may have: three rows of the panel.
pub const LABEL_MAX: usize = 60;

/// A string that can be shown: at most [`LABEL_MAX`] letters of the panel's font. What was longer
/// is cut off, and what the font lacks became `?`.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Label(String);

impl Label {
    /// The letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Label {
    fn from(text: &str) -> Self {
        Self(text.chars().take(LABEL_MAX).map(font::plain).collect())
    }
}

impl From<String> for Label {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(Label::from(text).as_str(), expect);
    }

    #[test]
    fn letters_of_the_font_stay() {
        check("n1/b-i1 ~{}|", "n1/b-i1 ~{}|");
        check("21°", "21°");
    }

    #[test]
    fn others_are_replaced_one_by_one() {
        check("tür\n♥\u{1F600}", "t?r???");
    }

    #[test]
    fn what_is_too_long_is_cut() {
        check(&"é".repeat(1_000), &"?".repeat(LABEL_MAX));
    }
}
