//! What can be wrong with a node file, and how it is shown.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, normalize_untrusted_str};

/// What is wrong, by a code that scripts may rely on; a code never changes its meaning.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Code {
    /// N000: the file is not TOML, or says one key twice.
    Syntax,
    /// N001: a key that the node file does not have.
    UnknownKey,
    /// N002: a value of the wrong type, or one that cannot be read as what the key means.
    Value,
    /// N003: a key that must be there is not.
    Missing,
}

impl Code {
    /// `N001`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "N000",
            Self::UnknownKey => "N001",
            Self::Value => "N002",
            Self::Missing => "N003",
        }
    }
}

/// One thing that is wrong with a node file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Diagnostic {
    /// Its stable code.
    pub code: Code,
    /// What is wrong, in one line.
    pub message: String,
    /// The marked bytes.
    pub span: Range<usize>,
    /// The line they start in, from 1.
    pub line: u32,
    /// What stands beside the carets.
    pub label: String,
}

/// Diagnostics that are shown; nobody reads more at a time.
const SHOWN: usize = 100;

/// Renders diagnostics as people read them: the line, carets, and the way out.
pub fn render(name: &str, text: &str, diagnostics: &[Diagnostic], colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(SHOWN) {
        let title = Level::ERROR
            .primary_title(normalize_untrusted_str(&diagnostic.message))
            .id(diagnostic.code.as_str());
        let mark = AnnotationKind::Primary
            .span(diagnostic.span.clone())
            .label(diagnostic.label.as_str());
        let snippet = Snippet::source(text).path(name).annotation(mark);
        out.push_str(&renderer.render(&[title.element(snippet)]));
        out.push_str("\n\n");
    }
    if diagnostics.len() > SHOWN {
        out.push_str(&format!("and {} more\n", diagnostics.len() - SHOWN));
    }
    out
}
