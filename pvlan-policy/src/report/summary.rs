//! `check`: the verdict on a file in one piece, for scripts and for the last line people read.

use std::fmt;

use serde::Serialize;

use super::blast::{BlastRadius, blast_radius};
use crate::check::Checked;
use crate::diagnostic::{Diagnostic, Severity};
use crate::proof::Proof;

/// Everything `check` has to say about a file.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport<'a> {
    /// `skerry.check/1`.
    pub schema: &'static str,
    /// The file may be loaded.
    pub ok: bool,
    /// Diagnostics that refuse it.
    pub errors: usize,
    /// Diagnostics its author should know.
    pub warnings: usize,
    /// SHA-256 of the file, when it may be loaded.
    pub digest: Option<String>,
    /// What was proved.
    pub proof: Option<&'a Proof>,
    /// What is lost with each node.
    pub blast_radius: Option<BlastRadius>,
    /// All of them, in file order.
    pub diagnostics: &'a [Diagnostic],
}

impl Checked {
    /// The verdict in one piece.
    pub fn report(&self) -> CheckReport<'_> {
        let count = |severity: Severity| {
            let all = self.diagnostics.iter();
            all.filter(|it| it.severity == severity).count()
        };
        CheckReport {
            schema: "skerry.check/1",
            ok: self.fabric.is_some(),
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            digest: self.fabric.as_ref().map(|fabric| fabric.digest.to_string()),
            proof: self.proof.as_ref(),
            blast_radius: self.fabric.as_ref().map(|fabric| blast_radius(fabric)),
            diagnostics: &self.diagnostics,
        }
    }
}

impl fmt::Display for CheckReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let Self {
            errors, warnings, ..
        } = *self;
        match (&self.digest, self.proof) {
            (Some(digest), Some(proof)) => {
                let short = digest.get(..12).unwrap_or(digest);
                write!(f, "ok: {proof} (digest {short}..)")?;
            }
            (_, _) => write!(f, "refused: {errors} error{}", plural(errors))?,
        }
        if warnings > 0 {
            write!(f, ", {warnings} warning{}", plural(warnings))?;
        }
        Ok(())
    }
}
