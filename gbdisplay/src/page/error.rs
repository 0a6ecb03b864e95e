//! What is wrong with a page file, and what to do about it.

use std::fmt;

/// Why a page cannot be shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PageError {
    /// The file.
    pub file: String,
    /// Line and column of what is wrong, from 1 on.
    pub at: (usize, usize),
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub way_out: String,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.at;
        write!(f, "{}:{line}:{column}: {}", self.file, self.what)?;
        if self.way_out.is_empty() {
            return Ok(());
        }
        write!(f, "; {}", self.way_out)
    }
}

impl std::error::Error for PageError {}

/// The same before it is known in which file: at a byte of its text.
#[derive(Debug)]
pub(super) struct Flaw {
    pub(super) offset: usize,
    pub(super) what: String,
    pub(super) way_out: String,
}

impl Flaw {
    pub(super) fn new(offset: usize, what: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self {
            offset,
            what: what.into(),
            way_out: way_out.into(),
        }
    }

    pub(super) fn in_file(self, file: &str, text: &str) -> PageError {
        PageError {
            file: file.to_owned(),
            at: position(text, self.offset),
            what: self.what,
            way_out: self.way_out,
        }
    }
}

/// Line and column of a byte.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|it| *it != '\n').count() + 1;
    (line, column)
}
