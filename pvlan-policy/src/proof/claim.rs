//! A claim under proof: how many facts were compared, and which of them are false.

use std::fmt;

use serde::Serialize;

/// False facts kept as text; more are counted.
const EXAMPLES: usize = 8;

/// One of V1-V6 and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Claim {
    /// `V1`.
    pub id: &'static str,
    /// What is claimed.
    pub statement: &'static str,
    /// Facts of the compiled tables that were compared with the oracle's.
    pub facts: u64,
    /// Those that differ.
    pub failed: u64,
    /// The first of those, in words.
    pub examples: Vec<String>,
}

impl Claim {
    pub(super) const fn new(id: &'static str, statement: &'static str) -> Self {
        Self {
            id,
            statement,
            facts: 0,
            failed: 0,
            examples: Vec::new(),
        }
    }

    /// Does every fact agree?
    pub const fn holds(&self) -> bool {
        self.failed == 0
    }

    /// Counts one fact; `say` is asked only when it is false.
    pub(super) fn expect(&mut self, fact: bool, say: impl FnOnce() -> String) {
        self.facts += 1;
        if !fact {
            self.failed += 1;
            if self.examples.len() < EXAMPLES {
                self.examples.push(say());
            }
        }
    }

    /// Counts one fact that is an equality.
    pub(super) fn equal<T: PartialEq + fmt::Debug>(
        &mut self,
        table: &T,
        oracle: &T,
        about: impl FnOnce() -> String,
    ) {
        self.expect(table == oracle, || {
            format!("{}: table {table:?}, oracle {oracle:?}", about())
        });
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.holds() { "holds" } else { "FAILS" };
        let Self {
            id,
            statement,
            facts,
            failed,
            ..
        } = self;
        write!(
            f,
            "{id} {verdict}: {statement} ({facts} facts, {failed} differ)"
        )?;
        self.examples
            .iter()
            .try_for_each(|example| write!(f, "\n   {example}"))
    }
}
