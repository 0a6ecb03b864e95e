//! Names and their values.

use std::collections::{BTreeMap, HashMap};

use crate::error::Cause;

/// What a value is known by.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Name {
    Global(String),
    /// `1$`, between two global labels.
    Local {
        scope: u32,
        number: i64,
    },
}

impl Name {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Global(name) => name.clone(),
            Self::Local { number, .. } => format!("{number}$"),
        }
    }
}

/// All names of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Symbols {
    values: HashMap<Name, Symbol>,
}

#[derive(Clone, Debug)]
struct Symbol {
    value: i64,
    /// `file:line`, or who else defined it.
    place: String,
}

impl Symbols {
    /// Defines a name that nobody defined before.
    pub(crate) fn define(&mut self, name: Name, value: i64, place: String) -> Result<(), Cause> {
        if let Some(first) = self.values.get(&name) {
            let (name, first) = (name.text(), first.place.clone());
            return Err(Cause::Duplicate { name, first });
        }
        self.values.insert(name, Symbol { value, place });
        Ok(())
    }

    pub(crate) fn value(&self, name: &Name) -> Option<i64> {
        self.values.get(name).map(|it| it.value)
    }

    /// The global ones.
    pub(crate) fn into_map(self) -> BTreeMap<String, i64> {
        let global = |(name, symbol): (Name, Symbol)| match name {
            Name::Global(name) => Some((name, symbol.value)),
            Name::Local { .. } => None,
        };
        self.values.into_iter().filter_map(global).collect()
    }
}
