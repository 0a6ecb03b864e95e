//! Where things are written: a source text, byte ranges in it, and the places people read.

use std::fmt;

use serde::Serialize;

/// A site file's text and the name it goes by in messages.
#[derive(Clone, Debug)]
pub struct Source {
    /// Shown in front of line and column: `site.toml`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// A byte range of the source; `u32` is enough because larger files are refused.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A value and where the file says it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct At<T> {
    /// What was said.
    pub value: T,
    /// Where.
    pub span: Span,
}

impl<T> At<T> {
    pub(crate) const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// A line and a column, both from 1; columns count characters, not bytes.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

/// A position in a named file, printed the way editors jump to: `site.toml:30:15`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Place {
    /// The file's name as given.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Byte offsets of line starts, so that a position costs a binary search and one line's length.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    starts: Vec<u32>,
}

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        let after = breaks.filter_map(|(index, _)| u32::try_from(index + 1).ok());
        Self {
            starts: std::iter::once(0).chain(after).collect(),
        }
    }

    /// The position of a byte offset; past the end counts as the end.
    pub(crate) fn position(&self, text: &str, offset: u32) -> Position {
        let line = self.starts.partition_point(|&start| start <= offset).max(1) - 1;
        let start = self.starts.get(line).map_or(0, |&start| start as usize);
        let before = text.get(start..(offset as usize).min(text.len()));
        let column = before.map_or(0, |before| before.chars().count());
        Position {
            line: u32::try_from(line + 1).unwrap_or(u32::MAX),
            column: u32::try_from(column + 1).unwrap_or(u32::MAX),
        }
    }

    /// Where the first line of more than `limit` bytes starts.
    pub(crate) fn longer_than(&self, limit: usize, text: &str) -> Option<u32> {
        let mut starts = self.starts.iter().copied();
        starts.find(|&start| (self.line_end(start, text) - start) as usize > limit)
    }

    /// The byte offset at which the line of `offset` starts, and that line's index from 0.
    pub(crate) fn line_start(&self, offset: u32) -> (u32, usize) {
        let line = self.starts.partition_point(|&start| start <= offset).max(1) - 1;
        (self.starts.get(line).copied().unwrap_or(0), line)
    }

    /// The byte offset just after the line of `offset`, its newline included.
    pub(crate) fn line_end(&self, offset: u32, text: &str) -> u32 {
        let next = self.starts.partition_point(|&start| start <= offset);
        let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        self.starts.get(next).copied().unwrap_or(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, offset: u32, line: u32, column: u32) {
        let position = Lines::new(text).position(text, offset);
        assert_eq!(position, Position { line, column }, "{text:?} at {offset}");
    }

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        check("", 0, 1, 1);
        check("ab\ncd", 1, 1, 2);
        check("ab\ncd", 3, 2, 1);
        check("\u{e9}\u{e9}x", 4, 1, 3);
        check("ab\n", 3, 2, 1);
        check("ab", 99, 1, 3);
    }
}
