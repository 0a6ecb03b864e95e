//! One table of the file, held against the schema: unknown keys are refused as it is opened.

use toml::de::{DeTable, DeValue};

use crate::code::Code;
use crate::decode::guess::guess;
use crate::diagnostic::{Finding, Findings};
use crate::schema::keys_of;
use crate::source::{At, Span};

/// A TOML value and its range.
pub(super) type Value<'a> = toml::Spanned<DeValue<'a>>;

/// How to read one value; says why not by a finding.
pub(super) type Read<T> = fn(&mut Findings, &Value<'_>) -> Option<T>;

pub(super) fn span(range: std::ops::Range<usize>) -> Span {
    Span {
        start: u32::try_from(range.start).unwrap_or(u32::MAX),
        end: u32::try_from(range.end).unwrap_or(u32::MAX),
    }
}

/// An opened table.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    table: &'a DeTable<'a>,
    /// Where its name stands: what "missing" points at.
    name: Span,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(super) fn root(table: &'a DeTable<'a>, findings: &mut Findings) -> Self {
        let section = Self {
            table,
            name: Span::default(),
        };
        section.refuse_unknown("", findings);
        section
    }

    /// Opens a table of fixed keys: those of `path` in the schema.
    pub(super) fn open(
        name: Span,
        value: &'a Value<'a>,
        path: &str,
        findings: &mut Findings,
    ) -> Option<Self> {
        let section = Self::names(name, value, findings)?;
        section.refuse_unknown(path, findings);
        Some(section)
    }

    /// Opens a table whose keys are names of the author's choosing.
    pub(super) fn names(name: Span, value: &'a Value<'a>, findings: &mut Findings) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            findings.push(wrong_type(value, "a table"));
            return None;
        };
        Some(Self { table, name })
    }

    /// Where its name stands.
    pub(super) const fn name(&self) -> Span {
        self.name
    }

    /// A key's place and its value.
    pub(super) fn get(&self, key: &str) -> Option<(Span, &'a Value<'a>)> {
        let (name, value) = self.table.get_key_value(key)?;
        Some((span(name.span()), value))
    }

    /// A table of fixed keys inside this one.
    pub(super) fn child(&self, key: &str, path: &str, findings: &mut Findings) -> Option<Self> {
        let (name, value) = self.get(key)?;
        Self::open(name, value, path, findings)
    }

    /// Its entries in file order (the parser keeps them by name).
    pub(super) fn entries(&self) -> Vec<(At<&'a str>, &'a Value<'a>)> {
        let mut entries: Vec<_> = self
            .table
            .iter()
            .map(|(name, value)| (At::new(name.get_ref().as_ref(), span(name.span())), value))
            .collect();
        entries.sort_by_key(|(name, _)| name.span);
        entries
    }

    /// A key that may be absent.
    pub(super) fn optional<T>(
        &self,
        key: &str,
        read: Read<T>,
        findings: &mut Findings,
    ) -> Option<At<T>> {
        let (_, value) = self.get(key)?;
        Some(At::new(read(findings, value)?, span(value.span())))
    }

    /// A key that must be there.
    pub(super) fn required<T>(
        &self,
        key: &str,
        read: Read<T>,
        findings: &mut Findings,
    ) -> Option<At<T>> {
        self.demand(key, findings);
        self.optional(key, read, findings)
    }

    /// Says so when a key is absent.
    pub(super) fn demand(&self, key: &str, findings: &mut Findings) {
        if self.get(key).is_none() {
            let finding = Finding::error(Code::Missing, self.name, format!("`{key}` is missing"));
            findings.push(finding.says(format!("needs `{key}`")));
        }
    }

    /// A list whose items are each read alone; absent means empty.
    pub(super) fn list<T>(&self, key: &str, read: Read<T>, findings: &mut Findings) -> Vec<At<T>> {
        let Some((_, value)) = self.get(key) else {
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            findings.push(wrong_type(value, "a list"));
            return Vec::new();
        };
        items(array.iter(), read, findings)
    }

    /// How many items a list has, read or not; an absent one has none.
    pub(super) fn length(&self, key: &str) -> Option<usize> {
        let Some((_, value)) = self.get(key) else {
            return Some(0);
        };
        Some(value.get_ref().as_array()?.len())
    }

    /// A list, or one item that stands for a list of one.
    pub(super) fn one_or_more<T>(
        &self,
        key: &str,
        read: Read<T>,
        findings: &mut Findings,
    ) -> Vec<At<T>> {
        match self.get(key) {
            Some((_, value)) if value.get_ref().as_array().is_none() => {
                items(std::iter::once(value), read, findings)
            }
            Some(_) | None => self.list(key, read, findings),
        }
    }

    fn refuse_unknown(&self, path: &str, findings: &mut Findings) {
        for (name, _) in self.entries() {
            if keys_of(path).any(|known| known == name.value) {
                continue;
            }
            let hint = guess(name.value, keys_of(path), findings);
            let known = keys_of(path).collect::<Vec<_>>().join(", ");
            findings.push(
                Finding::error(
                    Code::UnknownKey,
                    name.span,
                    format!("unknown key `{}`", name.value),
                )
                .says(hint.unwrap_or_else(|| "not a key of this table".to_owned()))
                .help(format!("keys here: {known}")),
            );
        }
    }
}

fn items<'a, T>(
    values: impl Iterator<Item = &'a Value<'a>>,
    read: Read<T>,
    findings: &mut Findings,
) -> Vec<At<T>> {
    values
        .filter_map(|value| Some(At::new(read(findings, value)?, span(value.span()))))
        .collect()
}

/// P002: the value is of another type than the key takes.
pub(super) fn wrong_type(value: &Value<'_>, expected: &str) -> Finding {
    let found = match value.get_ref() {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a truth value",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    let message = format!("expected {expected}, found {found}");
    Finding::error(Code::Type, span(value.span()), message).says(format!("expected {expected}"))
}

/// P002: text that cannot be read as what the key means.
pub(super) fn unreadable(value: &Value<'_>, message: impl Into<String>) -> Finding {
    Finding::error(Code::Type, span(value.span()), message)
}

/// P021: readable, but outside what makes sense.
pub(super) fn out_of_range(value: &Value<'_>, message: impl Into<String>) -> Finding {
    Finding::error(Code::Range, span(value.span()), message)
}
