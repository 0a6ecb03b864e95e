//! Where the reader is in a list that changes under the cursor.

use crate::facts::Facts;
use crate::label::Label;
use crate::page::Reader;
use crate::page::catalog::List;

/// The entry with the cursor, and what it is known by: when entries come and go, the cursor stays
/// with its own.
#[derive(Debug, Default)]
pub(super) struct Place {
    reader: Reader,
    key: Option<Label>,
}

impl Place {
    pub(super) const fn reader(&self) -> Reader {
        self.reader
    }

    /// What the entry with the cursor is known by.
    pub(super) const fn key(&self) -> Option<&Label> {
        self.key.as_ref()
    }

    /// Finds the entry again among new facts.
    pub(super) fn follow(&mut self, list: Option<&List>, facts: &Facts) {
        let Some(list) = list else { return };
        let len = (list.len)(facts);
        let is_it = |at: &usize| (list.key)(facts, *at) == self.key;
        let found = self.key.is_some().then(|| (0..len).find(is_it)).flatten();
        if let Some(at) = found {
            self.reader.entry = at;
            return;
        }
        self.reader = Reader {
            entry: self.reader.entry.min(len.saturating_sub(1)),
            is_open: false,
        };
        self.key = (list.key)(facts, self.reader.entry);
    }

    /// Goes up or down. False at the end.
    pub(super) fn go(&mut self, list: &List, facts: &Facts, by: isize) -> bool {
        let len = (list.len)(facts);
        let to = self.reader.entry.saturating_add_signed(by);
        if to >= len || to == self.reader.entry {
            return false;
        }
        self.reader.entry = to;
        self.key = (list.key)(facts, to);
        true
    }

    /// Opens or closes the entry. False if it was so already, or there is none.
    pub(super) const fn open(&mut self, is_open: bool) -> bool {
        if self.key.is_none() || self.reader.is_open == is_open {
            return false;
        }
        self.reader.is_open = is_open;
        true
    }
}
