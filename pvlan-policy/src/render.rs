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
        .elements(snippets(source, lines, diagnostic))
        .elements(help)
}

/// Labels farther apart than this are shown as pieces of their own.
const NEAR: u32 = 64 << 10;

/// The lines between the first and the last label in one piece (the renderer reads all it is
/// given), and what lies far away in others.
fn snippets<'a>(
    source: &'a Source,
    lines: &Lines,
    diagnostic: &'a Diagnostic,
) -> Vec<Snippet<'a, Annotation<'a>>> {
    let primary = &diagnostic.primary;
    let is_near = |label: &&Label| label.span.start.abs_diff(primary.span.start) < NEAR;
    let (near, far): (Vec<_>, Vec<_>) = diagnostic.labels.iter().partition(is_near);
    let mut marks = vec![(AnnotationKind::Primary, primary)];
    marks.extend(
        near.into_iter()
            .map(|label| (AnnotationKind::Context, label)),
    );
    let mut snippets = vec![snippet(source, lines, &marks)];
    for label in far {
        snippets.push(snippet(source, lines, &[(AnnotationKind::Context, label)]));
    }
    snippets
}

fn snippet<'a>(
    source: &'a Source,
    lines: &Lines,
    marks: &[(AnnotationKind, &'a Label)],
) -> Snippet<'a, Annotation<'a>> {
    let spans = || marks.iter().map(|(_, label)| label.span);
    let first = spans().map(|span| span.start).min().unwrap_or(0);
    let last = spans().map(|span| span.end).max().unwrap_or(0);
    let (start, line) = lines.line_start(first);
    let end = lines.line_end(last.max(first), &source.text);
    let text = source.text.get(start as usize..end as usize).unwrap_or("");
    let annotate = |&(kind, label): &(AnnotationKind, &'a Label)| {
        let annotation = kind.span(within(label, start, text.len()));
        annotation.label((!label.text.is_empty()).then_some(label.text.as_str()))
    };
    Snippet::source(text)
        .line_start(line + 1)
        .path(source.name.as_str())
        .annotations(marks.iter().map(annotate))
}

fn within(label: &Label, start: u32, len: usize) -> Range<usize> {
    let from = (label.span.start.saturating_sub(start) as usize).min(len);
    let to = (label.span.end.saturating_sub(start) as usize).min(len);
    from..to.max(from)
}
