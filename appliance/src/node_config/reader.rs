//! Reads keys of a TOML table by name and collects what is wrong instead of stopping at the first
//! fault.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Code, Diagnostic};
use super::schema::{keys_of, kind};

/// How alike an unknown key must be to a known one to be taken for a slip.
const ALIKE: f64 = 0.7;

/// One table of the document, while it is read.
pub(super) struct Reader<'a> {
    text: &'a str,
    /// `None` where the file leaves the table out.
    table: Option<&'a DeTable<'a>>,
    /// The table's path with a dot, `""` for the file itself.
    prefix: String,
    found: Vec<Diagnostic>,
    /// Lines with a syntax error, whose values the parser has made up.
    spoilt: Vec<u32>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, table: Option<&'a DeTable<'a>>) -> Self {
        Self::within(String::new(), text, table)
    }

    const fn within(prefix: String, text: &'a str, table: Option<&'a DeTable<'a>>) -> Self {
        Self {
            text,
            table,
            prefix,
            found: Vec::new(),
            spoilt: Vec::new(),
        }
    }

    /// Takes over what the TOML parser found.
    pub(super) fn syntax(&mut self, errors: &[toml::de::Error]) {
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            self.push(
                Code::Syntax,
                span,
                error.message().to_owned(),
                String::new(),
            );
        }
        self.spoilt = self.found.iter().map(|it| it.line).collect();
    }

    /// A key that must be there.
    pub(super) fn required<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&DeValue<'_>) -> Option<T>,
    ) -> Option<T> {
        if self.get(key).is_none() {
            let message = format!("there is no `{key}`");
            let label = format!("expected `{key}`: {}", self.kind(key));
            self.push(Code::Missing, 0..0, message, label);
        }
        self.optional(key, read)
    }

    /// A key that may be left out.
    pub(super) fn optional<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&DeValue<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(key)?;
        let read = read(value.get_ref());
        if read.is_none() {
            let message = format!("`{key}` cannot be read");
            let (expected, found) = (self.kind(key), describe(value.get_ref()));
            let label = format!("expected {expected}, found {found}");
            self.push(Code::Value, value.span(), message, label);
        }
        read
    }

    /// A table that may be left out; an absent one reads as an empty one.
    pub(super) fn table<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let value = self.get(key);
        let inner = value.and_then(|it| it.get_ref().as_table());
        if let (Some(value), None) = (value, inner) {
            let message = format!("`{key}` cannot be read");
            let label = format!("expected a table, found {}", describe(value.get_ref()));
            self.push(Code::Value, value.span(), message, label);
        }
        let mut reader = Self::within(format!("{}{key}.", self.prefix), self.text, inner);
        let result = read(&mut reader);
        reader.unknown_keys();
        self.found.append(&mut reader.found);
        result
    }

    fn kind(&self, key: &str) -> &'static str {
        kind(&format!("{}{key}", self.prefix))
    }

    fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table?.get(key)
    }

    /// Everything found, in file order.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.unknown_keys();
        let spoilt = self.spoilt;
        let mut found = self.found;
        found.retain(|it| it.code == Code::Syntax || !spoilt.contains(&it.line));
        found.sort_by_key(|it| (it.span.start, it.span.end, it.code));
        found
    }

    fn unknown_keys(&mut self) {
        for key in self.table.into_iter().flat_map(DeTable::keys) {
            if keys_of(&self.prefix).any(|known| known == key.get_ref().as_ref()) {
                continue;
            }
            let message = format!("unknown key `{}`", key.get_ref());
            let label = match self.nearest(key.get_ref()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    let known: Vec<_> = keys_of(&self.prefix).collect();
                    format!("expected one of {}", known.join(", "))
                }
            };
            self.push(Code::UnknownKey, key.span(), message, label);
        }
    }

    fn nearest(&self, key: &str) -> Option<&'static str> {
        let score = |known: &&'static str| strsim::jaro_winkler(key, known);
        let best = keys_of(&self.prefix).max_by(|a, b| score(a).total_cmp(&score(b)))?;
        (score(&best) >= ALIKE).then_some(best)
    }

    fn push(&mut self, code: Code, span: Range<usize>, message: String, label: String) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let breaks = before.bytes().filter(|&byte| byte == b'\n').count();
        self.found.push(Diagnostic {
            code,
            message,
            line: u32::try_from(breaks + 1).unwrap_or(u32::MAX),
            span: span.start.min(self.text.len())..span.end.min(self.text.len()),
            label,
        });
    }
}

fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            format!("a value of type {}", value.type_str())
        }
    }
}
