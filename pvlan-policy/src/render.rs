//! Diagnostics as people read them: the line, carets, and the way out.

use std::ops::Range;

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str,
};

use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::source::{Lines, Source};

/// Renders diagnostics of one source, a blank line between any two.
pub fn render(source: &Source, diagnostics: &[Diagnostic], colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let lines = Lines::new(&source.text);
    let mut out = String::new();
    for diagnostic in diagnostics {
        let group = group(source, &lines, diagnostic);
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(renderer.render(&[group]).trim_end());
        out.push('\n');
    }
    out
}

fn group<'a>(source: &'a Source, lines: &Lines, diagnostic: &'a Diagnostic) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level
        .primary_title(normalize_untrusted_str(&diagnostic.message))
        .id(diagnostic.code.as_str());
    let help = diagnostic.help.iter().map(|text| {
        let text = normalize_untrusted_str(text);
        Level::HELP.no_name().message(text)
    });
    title
        .element(snippet(source, lines, diagnostic))
        .elements(help)
}

/// Only the lines between the first and the last label: the renderer reads all it is given.
fn snippet<'a>(
    source: &'a Source,
    lines: &Lines,
    diagnostic: &'a Diagnostic,
) -> Snippet<'a, Annotation<'a>> {
    let spans = || std::iter::once(&diagnostic.primary).chain(&diagnostic.labels);
    let first = spans().map(|label| label.span.start).min().unwrap_or(0);
    let last = spans().map(|label| label.span.end).max().unwrap_or(0);
    let (start, line) = lines.line_start(first);
    let end = lines.line_end(last.max(first), &source.text);
    let text = source.text.get(start as usize..end as usize).unwrap_or("");
    let mark = |kind: AnnotationKind, label: &'a Label| {
        let annotation = kind.span(within(label, start, text.len()));
        annotation.label((!label.text.is_empty()).then_some(label.text.as_str()))
    };
    Snippet::source(text)
        .line_start(line + 1)
        .path(source.name.as_str())
        .annotation(mark(AnnotationKind::Primary, &diagnostic.primary))
        .annotations(
            diagnostic
                .labels
                .iter()
                .map(|label| mark(AnnotationKind::Context, label)),
        )
}

fn within(label: &Label, start: u32, len: usize) -> Range<usize> {
    let from = (label.span.start.saturating_sub(start) as usize).min(len);
    let to = (label.span.end.saturating_sub(start) as usize).min(len);
    from..to.max(from)
}
