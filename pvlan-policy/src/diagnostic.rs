//! What `check` has to say: findings while reading, diagnostics for people and scripts.

use serde::Serialize;

use crate::code::Code;
use crate::source::{Lines, Position, Source, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is good, but its author should know.
    Warning,
    /// Neither good nor bad.
    Note,
}

/// A marked range of the file and what to say about it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Label {
    /// The marked bytes.
    #[serde(skip)]
    pub span: Span,
    /// Where they start.
    #[serde(flatten)]
    pub at: Position,
    /// Where they end, exclusive.
    pub end: Position,
    /// What is to be said; may be empty.
    pub text: String,
}

/// One thing to say about a site file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Diagnostic {
    /// Its stable code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// The file's name.
    pub file: String,
    /// Where it is wrong.
    #[serde(flatten)]
    pub primary: Label,
    /// What else takes part.
    pub labels: Vec<Label>,
    /// Why, and the way out.
    pub help: Vec<String>,
}

/// A diagnostic before its positions are known.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    code: Code,
    severity: Severity,
    message: String,
    primary: (Span, String),
    labels: Vec<(Span, String)>,
    help: Vec<String>,
}

impl Finding {
    pub(crate) fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, span, message.into())
    }

    pub(crate) fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, span, message.into())
    }

    const fn new(code: Code, severity: Severity, span: Span, message: String) -> Self {
        Self {
            code,
            severity,
            message,
            primary: (span, String::new()),
            labels: Vec::new(),
            help: Vec::new(),
        }
    }

    /// What stands beside the carets.
    pub(crate) fn says(mut self, text: impl Into<String>) -> Self {
        self.primary.1 = text.into();
        self
    }

    /// Another marked range.
    pub(crate) fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push((span, text.into()));
        self
    }

    /// A line of help under the snippet.
    pub(crate) fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// A line of help, if there is one.
    pub(crate) fn maybe_help(mut self, text: Option<String>) -> Self {
        self.help.extend(text);
        self
    }
}

/// Everything found so far, bounded: a hostile file cannot make the list grow without end.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    errors: Vec<Finding>,
    others: Vec<Finding>,
    omitted: usize,
}

/// Errors kept, and warnings kept; what comes after is counted.
const KEPT: usize = 1000;

impl Findings {
    pub(crate) fn push(&mut self, finding: Finding) {
        let list = match finding.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning | Severity::Note => &mut self.others,
        };
        if list.len() < KEPT {
            list.push(finding);
        } else {
            self.omitted += 1;
        }
    }

    pub(crate) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }

    pub(crate) const fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Guesses at misspelt names cost time per candidate; after this many nobody reads them.
    pub(crate) const fn may_guess(&self) -> bool {
        self.errors.len() < 50
    }

    /// Drops errors about lines that already have one: a syntax error's recovery invents values.
    pub(crate) fn keep_off_lines_of(&mut self, syntax: &[Span], lines: &Lines) {
        let taken: Vec<usize> = syntax
            .iter()
            .map(|span| lines.line_start(span.start).1)
            .collect();
        let free = |finding: &Finding| {
            let line = lines.line_start(finding.primary.0.start).1;
            finding.code == Code::Syntax || !taken.contains(&line)
        };
        self.errors.retain(free);
        self.others.retain(free);
    }

    /// The diagnostics in file order, with positions.
    pub(crate) fn finish(self, source: &Source, lines: &Lines) -> Vec<Diagnostic> {
        let mut findings = self.errors;
        findings.extend(self.others);
        findings.sort_by_key(|finding| (finding.primary.0, finding.code));
        if self.omitted > 0 {
            let end = Span {
                start: u32::try_from(source.text.len()).unwrap_or(u32::MAX),
                end: u32::try_from(source.text.len()).unwrap_or(u32::MAX),
            };
            let message = format!("{} more diagnostics are not shown", self.omitted);
            findings.push(Finding::new(Code::Omitted, Severity::Note, end, message));
        }
        let place = Placer { source, lines };
        findings
            .into_iter()
            .map(|it| place.diagnostic(it))
            .collect()
    }
}

struct Placer<'a> {
    source: &'a Source,
    lines: &'a Lines,
}

impl Placer<'_> {
    fn diagnostic(&self, finding: Finding) -> Diagnostic {
        Diagnostic {
            code: finding.code,
            severity: finding.severity,
            message: finding.message,
            file: self.source.name.clone(),
            primary: self.label(finding.primary),
            labels: finding
                .labels
                .into_iter()
                .map(|it| self.label(it))
                .collect(),
            help: finding.help,
        }
    }

    fn label(&self, (span, text): (Span, String)) -> Label {
        Label {
            span,
            at: self.lines.position(&self.source.text, span.start),
            end: self.lines.position(&self.source.text, span.end),
            text,
        }
    }
}
