//! From text to a [`Site`]: TOML with its places kept, every error of the file in one go.

mod exchange;
pub use exchange::EXPORT_FIELDS;
pub(crate) mod guess;
mod node;
mod port;
mod pvlan;
mod scalar;
mod section;
mod settings;
mod twice;

use toml::de::DeTable;

use crate::code::Code;
use crate::decode::section::{Section, Value, span};
use crate::decode::twice::Keys;
use crate::diagnostic::{Finding, Findings};
use crate::site::{Defaults, Site};
use crate::source::{At, Lines, Source, Span};

/// Larger files are refused unread: the parser's tree is many times the text.
pub(crate) const TEXT_MAX: usize = 16 << 20;

/// Longer lines are not written by people, and every caret on one costs its whole length.
const LINE_MAX: usize = 64 << 10;

/// After so many lines that are not TOML, the file is something else.
const SYNTAX_MAX: usize = 100;

/// What the text said, as far as it could be understood.
pub(crate) struct Decoded {
    pub(crate) site: Site,
    /// The text is not TOML: what could be read is a guess, and references in it prove nothing.
    pub(crate) guessed: bool,
}

pub(crate) fn decode(source: &Source, findings: &mut Findings) -> Decoded {
    let lines = Lines::new(&source.text);
    if let Some(excess) = too_large(&source.text, &lines) {
        findings.push(Finding::error(Code::Limit, excess.span, excess.value));
        let site = empty(source, lines);
        return Decoded {
            site,
            guessed: true,
        };
    }
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    let mut syntax: Vec<Span> = Vec::new();
    let mut keys = None;
    for error in &errors {
        let span = span(error.span().unwrap_or(0..0));
        // The parser stumbles on after the first error of a line; only that one is meant.
        let line = |span: &Span| lines.line_start(span.start).1;
        if !syntax.iter().any(|earlier| line(earlier) == line(&span)) {
            let finding = Finding::error(Code::Syntax, span, error.message());
            findings.push(if error.message() == TWICE {
                let keys = keys.get_or_insert_with(|| Keys::of(&source.text));
                twice(finding, keys.first(span), source, span)
            } else {
                finding
            });
            syntax.push(span);
        }
        if syntax.len() >= SYNTAX_MAX {
            break;
        }
    }
    let mut site = empty(source, lines);
    read_site(root.get_ref(), &mut site, findings);
    if !syntax.is_empty() {
        findings.keep_off_lines_of(&syntax, &site.lines);
    }
    Decoded {
        site,
        guessed: !syntax.is_empty(),
    }
}

/// What the parser says of a key that is there twice.
const TWICE: &str = "duplicate key";

/// Says where it was first, and of a table how two places can both say something of it.
fn twice(finding: Finding, first: Option<Span>, source: &Source, again: Span) -> Finding {
    let Some(first) = first else {
        return finding;
    };
    let finding = finding.says("again").label(first, "first here");
    let before = source.text.get(..again.start as usize).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    if line.trim_start().starts_with('[') {
        let help = "a table is opened once: put the keys together, or give one member a table of its \
                    own, which may stand anywhere (`[node.e1]`)";
        finding.help(help)
    } else {
        finding
    }
}

/// What is too much, and where it begins.
fn too_large(text: &str, lines: &Lines) -> Option<At<String>> {
    if text.len() > TEXT_MAX {
        let message = format!("the file is larger than {} MiB", TEXT_MAX >> 20);
        return Some(At::new(message, Span::default()));
    }
    let start = lines.longer_than(LINE_MAX, text)?;
    let message = format!("this line is longer than {} KiB", LINE_MAX >> 10);
    Some(At::new(message, Span { start, end: start }))
}

fn empty(source: &Source, lines: Lines) -> Site {
    Site {
        source: source.clone(),
        lines,
        defaults: Defaults::default(),
        nodes: Vec::new(),
        pvlans: Vec::new(),
        ports: Vec::new(),
        peerings: Vec::new(),
        exports: Vec::new(),
        sinks: Vec::new(),
    }
}

fn read_site<'a>(root: &'a DeTable<'a>, site: &mut Site, findings: &mut Findings) {
    let root = Section::root(root, findings);
    root.required("version", version, findings);
    root.demand("node", findings);
    if let Some(defaults) = root.child("defaults", "defaults", findings) {
        site.defaults = settings::defaults(&defaults, findings);
    }
    site.nodes = each(&root, "node", node::node, findings);
    site.pvlans = each(&root, "pvlan", pvlan::pvlan, findings);
    site.ports = each(&root, "port", port::ports_of, findings)
        .into_iter()
        .flatten()
        .collect();
    site.peerings = each(&root, "peering", exchange::peering, findings);
    site.exports = each(&root, "export", exchange::export, findings);
    site.sinks = each(&root, "sink", exchange::sink, findings);
}

/// Reads every entry of a table of names, in file order.
fn each<'a, T>(
    root: &Section<'a>,
    key: &str,
    read: fn(At<&'a str>, &'a Value<'a>, &mut Findings) -> Option<T>,
    findings: &mut Findings,
) -> Vec<T> {
    let Some((name, value)) = root.get(key) else {
        return Vec::new();
    };
    let Some(section) = Section::names(name, value, findings) else {
        return Vec::new();
    };
    section
        .entries()
        .into_iter()
        .filter_map(|(name, value)| read(name, value, findings))
        .collect()
}

fn version(findings: &mut Findings, value: &Value<'_>) -> Option<i128> {
    let version = scalar::integer(findings, value)?;
    if version != 1 {
        let message = "this Skerry reads version 1 of the site file";
        findings.push(Finding::error(Code::Version, span(value.span()), message));
        return None;
    }
    Some(version)
}
