//! Where a key that is there twice was first: the parser knows, and does not tell.
//!
//! A reading of lines, good enough to point at one: a table's header, or a key that begins its line.
//! What looks otherwise, such as a key of an inline table, is not found, and nothing is pointed at.

use std::collections::{BTreeMap, HashMap};

use crate::source::Span;

/// Headers and keys of a text.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// By the byte that it begins at: the whole path.
    paths: BTreeMap<u32, String>,
    /// By path: where it is first.
    first: HashMap<String, Span>,
}

impl Keys {
    pub(super) fn of(text: &str) -> Self {
        let mut keys = Self::default();
        let mut table = String::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let begins = start + (line.len() - line.trim_start().len());
            start += line.len();
            let line = line.trim();
            if let Some(inner) = line.strip_prefix('[') {
                let Some((inner, _)) = inner.split_once(']') else {
                    continue;
                };
                table = keys.dotted("", inner, begins + 1);
            } else if let Some((key, _)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
                keys.dotted(&table, key, begins);
            }
        }
        keys
    }

    /// Notes every part of `a.b."c"`; gives the path of the last.
    fn dotted(&mut self, within: &str, keys: &str, mut start: usize) -> String {
        let mut path = within.to_owned();
        let parts = keys.split('.').count();
        for (index, part) in keys.split('.').enumerate() {
            let begins = start + (part.len() - part.trim_start().len());
            start += part.len() + 1;
            let key = part.trim();
            path.push('\u{0}');
            path.push_str(key.trim_matches(['"', '\'']));
            // `[a.b]` is no second `a`.
            if index + 1 == parts
                && let (Ok(from), Ok(end)) =
                    (u32::try_from(begins), u32::try_from(begins + key.len()))
            {
                let span = Span { start: from, end };
                self.paths.insert(from, path.clone());
                self.first.entry(path.clone()).or_insert(span);
            }
        }
        path
    }

    /// Where the key that begins at this byte stands for the first time, if not there.
    pub(super) fn first(&self, again: Span) -> Option<Span> {
        let path = self.paths.get(&again.start)?;
        let first = self.first.get(path).copied();
        first.filter(|first| first.start < again.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<&str>) {
        let again = u32::try_from(text.find('^').unwrap() + 1).unwrap();
        let text = text.replace('^', " ");
        let found = Keys::of(&text).first(Span {
            start: again,
            end: again,
        });
        let shown = found.map(|it| {
            let (start, end) = (it.start as usize, it.end as usize);
            let line = text.get(..start).unwrap().matches('\n').count() + 1;
            format!("{line}: {}", text.get(start..end).unwrap())
        });
        assert_eq!(shown.as_deref(), expect, "{text}");
    }

    #[test]
    fn a_key_is_found_in_its_own_table_alone() {
        check("[a]\nx = 1\n[b]\nx = 2\n^x = 3\n", Some("4: x"));
        check("[a]\nx = 1\n[b]\n^x = 2\n", None);
        check(
            "[a]\n\"x\" = 1\n[b]\ny = 1\n[a]\n^x = 2\n",
            Some("2: \"x\""),
        );
        check("# x = 0\n[a]\n^x = 1\n", None);
    }

    #[test]
    fn a_table_is_found_by_its_whole_path() {
        check("[a]\n[a.b]\n[c.b]\n[a.^b]\n", Some("2: b"));
        check("[a.b]\n[^a]\n", None);
        check("[a]\nx = 1\n[^a]\n", Some("1: a"));
        check("a = {}\n[^a]\n", Some("1: a"));
        check("a.b = 1\na.^b = 2\n", Some("1: b"));
    }

    #[test]
    fn what_cannot_be_read_is_not_pointed_at() {
        check("a = { b = 1,^b = 2 }\n", None);
        check("[\n[a\n[^a]\n", None);
    }
}
