//! Lines of text with fields in them: `NODE {node:12} {rate:>7 Mb/s}`.
//!
//! A field is `{NAME:ALIGN WIDTH UNIT}`. The width, from 1 to 20, must be there; the alignment is
//! `<`, `>` or `^`, and by itself text is at the left and numbers at the right. A unit says what
//! is divided by; without one a number gets a prefix where it must. `{{` and `}}` are braces.

use super::catalog::{Column, Kind, List, SCALARS, Scalar, Value};
use super::error::Flaw;
use super::number;
use crate::facts::Facts;
use crate::font;
use skerry_panel_proto::{COLUMNS, tiles};

/// A line.
#[derive(Debug)]
pub(super) struct Template {
    pieces: Vec<Piece>,
    width: usize,
}

#[derive(Debug)]
enum Piece {
    Tile(u8),
    Field(Field),
}

#[derive(Debug)]
struct Field {
    source: Source,
    width: usize,
    align: Align,
    unit: Option<(&'static str, f64)>,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    Scalar(&'static Scalar),
    Column(&'static Column),
    /// What the full height of a chart of the page stands for.
    Top(usize),
}

#[derive(Clone, Copy, Debug)]
enum Align {
    Left,
    Right,
    Middle,
}

/// What a line may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    /// The list whose entry it shows.
    pub(super) list: Option<&'static List>,
    /// What the charts of the page show, from the first one on.
    pub(super) charts: &'a [Kind],
}

/// What a line is filled with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filling<'a> {
    pub(super) facts: &'a Facts,
    /// Which entry of the list.
    pub(super) entry: Option<usize>,
    /// What the full height of each chart stands for.
    pub(super) tops: &'a [f64],
}

impl Template {
    /// Reads a line that begins at a byte of the file.
    pub(super) fn parse(text: &str, offset: usize, scope: Scope<'_>) -> Result<Self, Flaw> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            let at = offset + (text.len() - rest.len());
            let behind = rest.get(character.len_utf8()..).unwrap_or_default();
            let is_double = behind.starts_with(character);
            match character {
                '{' | '}' if is_double => {
                    pieces.push(Piece::Tile(tile(character, at)?));
                    rest = behind.get(1..).unwrap_or_default();
                }
                '{' => {
                    let (spec, behind) = behind
                        .split_once('}')
                        .ok_or_else(|| Flaw::new(at, "a field without an end", "add a `}`"))?;
                    pieces.push(Piece::Field(field(spec, at + 1, scope)?));
                    rest = behind;
                }
                '}' => return Err(Flaw::new(at, "a `}` without a field", "write `}}` for one")),
                _ => {
                    pieces.push(Piece::Tile(tile(character, at)?));
                    rest = behind;
                }
            }
        }
        let width = pieces.iter().map(Piece::width).sum();
        Ok(Self { pieces, width })
    }

    /// How many columns it takes.
    pub(super) const fn width(&self) -> usize {
        self.width
    }

    /// Its tiles.
    pub(super) fn fill(&self, from: &Filling<'_>) -> Vec<u8> {
        let mut tiles = Vec::with_capacity(self.width);
        for piece in &self.pieces {
            match piece {
                Piece::Tile(tile) => tiles.push(*tile),
                Piece::Field(field) => field.fill(from, &mut tiles),
            }
        }
        tiles
    }
}

impl Piece {
    const fn width(&self) -> usize {
        match self {
            Self::Tile(_) => 1,
            Self::Field(field) => field.width,
        }
    }
}

impl Field {
    fn fill(&self, from: &Filling<'_>, tiles: &mut Vec<u8>) {
        let value = match self.source {
            Source::Scalar(scalar) => Some((scalar.read)(from.facts)),
            Source::Column(column) => from.entry.and_then(|at| (column.read)(from.facts, at)),
            Source::Top(chart) => from.tops.get(chart).map(|it| Value::Number(*it)),
        };
        let text = match value {
            None => String::new(),
            Some(Value::Text(text)) => text,
            Some(Value::Number(value)) => self.number(value),
        };
        let letters = text.chars().take(self.width);
        let letters: Vec<u8> = letters.map(|it| font::tile(it).unwrap_or(b'?')).collect();
        let room = self.width.saturating_sub(letters.len());
        let left = match self.align {
            Align::Left => 0,
            Align::Middle => room / 2,
            Align::Right => room,
        };
        tiles.extend(std::iter::repeat_n(tiles::BLANK, left));
        tiles.extend(letters);
        tiles.extend(std::iter::repeat_n(tiles::BLANK, room - left));
    }

    fn number(&self, value: f64) -> String {
        match self.unit {
            None => number::scaled(value, self.width),
            Some(("span", by)) => number::span(value / by, self.width),
            Some((_, by)) => number::fixed(value / by, self.width),
        }
    }
}

/// The tile of a character of a page file.
pub(super) fn tile(character: char, offset: usize) -> Result<u8, Flaw> {
    font::tile(character).ok_or_else(|| {
        Flaw::new(
            offset,
            format!("the panel has no letter {character:?}"),
            "it has ASCII and ─│┌┐└┘├┤┬┴┼▲▼◀▶✓✗🔔🔒⚠♥♡■□●░▒█⏵⏸⌂°",
        )
    })
}

/// Reads what is between the braces.
fn field(spec: &str, offset: usize, scope: Scope<'_>) -> Result<Field, Flaw> {
    let (name, rest) = spec.split_once(':').unwrap_or((spec, ""));
    let (source, kind) = source(name, offset, scope)?;
    let offset = offset + name.len() + 1;
    let (align, rest) = match rest.chars().next() {
        Some('<') => (Align::Left, rest.get(1..)),
        Some('>') => (Align::Right, rest.get(1..)),
        Some('^') => (Align::Middle, rest.get(1..)),
        _ if kind == Kind::Text => (Align::Left, Some(rest)),
        _ => (Align::Right, Some(rest)),
    };
    let rest = rest.unwrap_or_default();
    let (width, unit) = rest.split_once(' ').unwrap_or((rest, ""));
    let width = width
        .parse()
        .ok()
        .filter(|it| (1..=usize::from(COLUMNS)).contains(it));
    let width = width.ok_or_else(|| {
        let way_out = format!("write its width, from 1 to 20: {{{name}:8}}");
        Flaw::new(offset, format!("the field {name:?} has no width"), way_out)
    })?;
    let unit = match unit {
        "" => None,
        unit => Some(find_unit(unit, kind, offset)?),
    };
    Ok(Field {
        source,
        width,
        align,
        unit,
    })
}

/// Looks a name up: in the list first, then in the facts as a whole.
fn source(name: &str, offset: usize, scope: Scope<'_>) -> Result<(Source, Kind), Flaw> {
    if let Some(column) = scope.list.and_then(|it| it.column(name)) {
        return Ok((Source::Column(column), column.kind));
    }
    if let Some(scalar) = SCALARS.iter().find(|it| it.name == name) {
        return Ok((Source::Scalar(scalar), scalar.kind));
    }
    let charts = (1..).zip(scope.charts);
    for (number, kind) in charts {
        if name == format!("top{number}") {
            return Ok((Source::Top(number - 1), *kind));
        }
    }
    let columns = scope.list.map_or(&[][..], |it| it.columns);
    let names = columns.iter().map(|it| it.name);
    let names = names.chain(SCALARS.iter().map(|it| it.name));
    Err(unknown("field", name, offset, names))
}

fn find_unit(unit: &str, kind: Kind, offset: usize) -> Result<(&'static str, f64), Flaw> {
    let units = kind.units();
    let found = units.iter().find(|(name, _)| *name == unit);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
        let way_out = if names.is_empty() {
            "leave it away".to_owned()
        } else {
            format!("one of: {}", names.join(", "))
        };
        Flaw::new(
            offset,
            format!("{unit:?} is no unit of this field"),
            way_out,
        )
    })
}

/// A name that is none.
pub(super) fn unknown<'a>(
    what: &str,
    name: &str,
    offset: usize,
    names: impl Iterator<Item = &'a str>,
) -> Flaw {
    let names: Vec<&str> = names.collect();
    let way_out = format!("there are: {}", names.join(", "));
    Flaw::new(offset, format!("there is no {what} {name:?}"), way_out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::catalog::LISTS;

    const SCOPE: Scope<'_> = Scope {
        list: None,
        charts: &[Kind::Rate],
    };

    fn facts() -> Facts {
        Facts {
            node: "n1".into(),
            generation: 12_345,
            latency_us: Some((210.0, 1_900.0)),
            ..Facts::default()
        }
    }

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let template = Template::parse(text, 0, SCOPE).unwrap();
        let filling = Filling {
            facts: &facts(),
            entry: None,
            tops: &[2e8],
        };
        let tiles = template.fill(&filling);
        let line: String = tiles.iter().map(|it| font::character(*it)).collect();
        assert_eq!(line, expect);
        assert_eq!(tiles.len(), template.width());
    }

    #[test]
    fn fields_are_aligned_and_cut() {
        check("[{node:4}]", "[n1  ]");
        check("[{node:>4}]", "[  n1]");
        check("[{node:^4}]", "[ n1 ]");
        check("[{node:1}]", "[n]");
        check("[{generation:6}]", "[ 12.3k]");
        check("[{generation:<6}]", "[12.3k ]");
        check("{{♥}}", "{♥}");
    }

    #[test]
    fn units_divide() {
        check("{p99:6 ms}ms", "   1.9ms");
        check("{p50:6 us}us", "   210us");
        check("{top1:5 Mb/s}", "  200");
        check("{energy:4 %}", "   -");
    }

    #[track_caller]
    fn check_flaw(text: &str, offset: usize, words: &str) {
        let scope = Scope {
            list: LISTS.first(),
            ..SCOPE
        };
        let flaw = Template::parse(text, 100, scope).unwrap_err();
        let told = format!("{}; {}", flaw.what, flaw.way_out);
        assert!(told.contains(words), "{told}");
        assert_eq!(flaw.offset, 100 + offset, "{told}");
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_place() {
        check_flaw("a {nmae:3}", 3, "no field \"nmae\"; there are: name, kind");
        check_flaw("{name}", 6, "write its width");
        check_flaw("{name:21}", 6, "from 1 to 20");
        check_flaw("{name:4 Mb/s}", 6, "leave it away");
        check_flaw("{rate:4 ms}", 6, "one of: kb/s, Mb/s, Gb/s");
        check_flaw("{name:4", 0, "add a `}`");
        check_flaw("a}", 1, "write `}}`");
        check_flaw("aü", 1, "no letter 'ü'");
        check_flaw("{top2:4}", 1, "no field \"top2\"");
    }
}
