//! Reading a page file.

use serde::Deserialize;
use toml::Spanned;

use super::catalog::{Column, Kind, LISTS, List, SCALARS};
use super::error::Flaw;
use super::template::{Scope, Template, tile, unknown};
use super::{Chart, Listing, PAGE_ROWS, Page, PageError};
use skerry_panel_proto::COLUMNS;
use skerry_panel_proto::chart::{CHARTS, HEIGHT_MAX, Place};

/// How long a page file may be.
pub(super) const FILE_MAX: usize = 16 * 1024;
/// How long a title may be.
const TITLE_MAX: usize = 9;
/// What a row of a list may take: the cursor is before it, and marks of scrolling behind it.
const ENTRY_MAX: usize = 18;
/// How many facts may make one value of a chart.
const EVERY_MAX: u32 = 240;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageFile {
    title: Spanned<String>,
    #[serde(default)]
    row: Vec<RowFile>,
    #[serde(default)]
    chart: Vec<ChartFile>,
    list: Option<ListFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowFile {
    at: Spanned<u8>,
    text: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChartFile {
    at: Spanned<u8>,
    #[serde(default)]
    column: u8,
    #[serde(default = "whole_width")]
    width: u8,
    #[serde(default = "whole_height")]
    height: u8,
    field: Spanned<String>,
    every: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListFile {
    of: Spanned<String>,
    from: Spanned<u8>,
    rows: u8,
    height: Option<Spanned<u8>>,
    row: Spanned<String>,
    chart: Option<Spanned<String>>,
    every: Option<Spanned<u32>>,
    #[serde(default)]
    detail: Vec<Spanned<String>>,
    empty: Option<Spanned<String>>,
    decide: Option<Spanned<bool>>,
}

const fn whole_width() -> u8 {
    COLUMNS
}

const fn whole_height() -> u8 {
    HEIGHT_MAX
}

impl Page {
    /// Reads a page. `name` is that of its file without the end, `file` how the reader knows it.
    ///
    /// # Errors
    /// It is no TOML, names what there is not, or does not fit on the screen.
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Self, PageError> {
        let page = if text.len() > FILE_MAX {
            let way_out = format!("at most {FILE_MAX} bytes");
            Err(Flaw::new(0, "the file is too long", way_out))
        } else {
            let read = toml::from_str::<PageFile>(text);
            let read = read.map_err(|error| {
                let at = error.span().map_or(0, |it| it.start);
                Flaw::new(
                    at,
                    error.message(),
                    "docs/src/panel.md has a page with everything",
                )
            });
            read.and_then(|it| it.page(name, text))
        };
        page.map_err(|flaw| flaw.in_file(file, text))
    }
}

impl PageFile {
    fn page(self, name: &str, text: &str) -> Result<Page, Flaw> {
        let start = start(&self.title, text);
        let title = self.title.get_ref().chars();
        let title: Result<Vec<u8>, Flaw> = title.map(|it| tile(it, start)).collect();
        let title = title?;
        if title.len() > TITLE_MAX {
            let way_out = format!("at most {TITLE_MAX} letters");
            return Err(Flaw::new(start, "the title is too long", way_out));
        }
        let mut page = Page {
            name: name.to_owned(),
            title,
            rows: Vec::new(),
            charts: Vec::new(),
            list: None,
        };
        for chart in &self.chart {
            let chart = chart.chart(text, &page)?;
            page.charts.push(chart);
        }
        let kinds = page.kinds();
        let scope = Scope {
            list: None,
            charts: &kinds,
        };
        for row in &self.row {
            let at = row.at.span().start;
            if !PAGE_ROWS.contains(row.at.get_ref()) {
                return Err(Flaw::new(at, "no row of a page", "1 to 16"));
            }
            let line = template(&row.text, text, scope, usize::from(COLUMNS))?;
            let place = row_place(*row.at.get_ref(), line.width());
            if page.charts.iter().any(|it| touches(it.place, place)) {
                let way_out = "make it shorter, or move one";
                return Err(Flaw::new(at, "a chart is on top of this row", way_out));
            }
            page.rows.push((*row.at.get_ref(), line));
        }
        page.list = self
            .list
            .map(|it| it.listing(text, &page, &kinds))
            .transpose()?;
        Ok(page)
    }
}

impl ChartFile {
    fn chart(&self, text: &str, page: &Page) -> Result<Chart, Flaw> {
        let offset = self.at.span().start;
        if page.charts.len() >= usize::from(CHARTS) {
            return Err(Flaw::new(offset, "a chart too many", "a page has 4"));
        }
        let place = Place {
            row: *self.at.get_ref(),
            column: self.column,
            width: self.width,
            height: self.height,
        };
        check_place(place, offset)?;
        if page.charts.iter().any(|it| touches(it.place, place)) {
            return Err(Flaw::new(offset, "two charts in one place", "move one"));
        }
        let name = self.field.get_ref();
        let scalar = SCALARS
            .iter()
            .find(|it| it.name == name && it.kind != Kind::Text);
        let scalar = scalar.ok_or_else(|| {
            let numbers = SCALARS.iter().filter(|it| it.kind != Kind::Text);
            let names = numbers.map(|it| it.name);
            unknown("number", name, start(&self.field, text), names)
        })?;
        Ok(Chart {
            scalar,
            place,
            every: every(self.every.as_ref())?,
        })
    }
}

impl ListFile {
    fn listing(self, text: &str, page: &Page, kinds: &[Kind]) -> Result<Listing, Flaw> {
        let name = self.of.get_ref();
        let of = LISTS.iter().find(|it| it.name == name);
        let names = LISTS.iter().map(|it| it.name);
        let of = of.ok_or_else(|| unknown("list", name, start(&self.of, text), names))?;
        let scope = Scope {
            list: Some(of),
            charts: kinds,
        };
        let from = *self.from.get_ref();
        let offset = self.from.span().start;
        let height = self.height.as_ref().map_or(1, |it| *it.get_ref());
        let place = Place {
            row: from,
            column: 0,
            width: COLUMNS,
            height: self.rows,
        };
        let last = from.checked_add(self.rows.saturating_sub(1));
        let fits = PAGE_ROWS.contains(&from) && last.is_some_and(|it| PAGE_ROWS.contains(&it));
        if self.rows == 0 || !fits {
            let way_out = "a list is within rows 1 to 16";
            return Err(Flaw::new(offset, "the list does not fit", way_out));
        }
        if page.charts.iter().any(|it| touches(it.place, place)) {
            return Err(Flaw::new(offset, "a chart is in the list", "move one"));
        }
        if page
            .rows
            .iter()
            .any(|(row, _)| touches(row_place(*row, 1), place))
        {
            return Err(Flaw::new(offset, "a row is in the list", "move one"));
        }
        let chart = self.chart(text, of)?;
        let heights = if chart.is_some() { 2..=4 } else { 1..=16 };
        let is_sound = heights.contains(&height) && height <= self.rows;
        let charts = usize::from(if is_sound { self.rows / height } else { 0 });
        let too_many = chart.is_some() && charts + page.charts.len() > usize::from(CHARTS);
        if !is_sound || too_many {
            let at = self.height.as_ref().map_or(offset, |it| it.span().start);
            let way_out = "with a chart 2 to 4, no more than 4 charts in all, and within `rows`";
            return Err(Flaw::new(at, "no height of an entry", way_out));
        }
        let mut detail = Vec::new();
        for line in &self.detail {
            if detail.len() >= usize::from(self.rows) {
                let way_out = "no more lines than `rows`";
                return Err(Flaw::new(line.span().start, "too many lines", way_out));
            }
            detail.push(template(line, text, scope, usize::from(COLUMNS))?);
        }
        let decide = self.decide.as_ref();
        let acts = decide.is_some_and(|it| *it.get_ref());
        if let Some(decide) = decide.filter(|_| acts && of.name != "decisions") {
            let at = decide.span().start;
            let way_out = "leave `decide` away, or list `decisions`";
            return Err(Flaw::new(at, "nothing to decide here", way_out));
        }
        Ok(Listing {
            of,
            from,
            rows: self.rows,
            height,
            row: template(&self.row, text, scope, ENTRY_MAX)?,
            chart,
            detail,
            empty: empty(self.empty.as_ref(), text)?,
            acts,
        })
    }

    fn chart(&self, text: &str, of: &'static List) -> Result<Option<(&'static Column, u32)>, Flaw> {
        let every = every(self.every.as_ref())?;
        let Some(name) = &self.chart else {
            return Ok(None);
        };
        let column = of.column(name.get_ref()).filter(|it| it.kind != Kind::Text);
        let column = column.ok_or_else(|| {
            let numbers = of.columns.iter().filter(|it| it.kind != Kind::Text);
            let names = numbers.map(|it| it.name);
            unknown("number", name.get_ref(), start(name, text), names)
        })?;
        Ok(Some((column, every)))
    }
}

/// Reads a line and holds it to a width.
fn template(
    line: &Spanned<String>,
    text: &str,
    scope: Scope<'_>,
    width_max: usize,
) -> Result<Template, Flaw> {
    let start = start(line, text);
    let written = text.get(start..line.span().end).unwrap_or_default();
    let template = Template::parse(line.get_ref(), 0, scope).map_err(|it| Flaw {
        offset: start + written_at(written, it.offset),
        ..it
    })?;
    check_width(template.width(), width_max, start)?;
    Ok(template)
}

/// Reads what is shown instead of a list without entries.
fn empty(line: Option<&Spanned<String>>, text: &str) -> Result<Vec<u8>, Flaw> {
    let Some(line) = line else {
        return Ok(Vec::new());
    };
    let start = start(line, text);
    let tiles = line.get_ref().chars().map(|it| tile(it, start));
    let tiles: Vec<u8> = tiles.collect::<Result<_, _>>()?;
    // The column of the cursor is left free.
    check_width(tiles.len(), usize::from(COLUMNS) - 1, start)?;
    Ok(tiles)
}

fn check_width(width: usize, width_max: usize, offset: usize) -> Result<(), Flaw> {
    if width <= width_max {
        return Ok(());
    }
    let what = format!("the line takes {width} columns");
    Err(Flaw::new(offset, what, format!("there are {width_max}")))
}

/// Where a row of text is.
fn row_place(row: u8, width: usize) -> Place {
    Place {
        row,
        column: 0,
        width: u8::try_from(width).unwrap_or(COLUMNS),
        height: 1,
    }
}

/// Where in a string as it is written a byte of what it means is: escapes take more room (TOML 1.0,
/// "String").
fn written_at(written: &str, at: usize) -> usize {
    let (mut rest, mut left) = (written, at);
    while left > 0 && !rest.is_empty() {
        let len = rest.chars().next().map_or(1, char::len_utf8);
        let hexes = match rest.get(..2) {
            Some("\\u") => 4,
            Some("\\U") => 8,
            _ => 0,
        };
        let code = rest.get(2..2 + hexes).map(|it| u32::from_str_radix(it, 16));
        let letter = code.and_then(Result::ok).and_then(char::from_u32);
        let (takes, means) = match letter.filter(|_| hexes > 0) {
            Some(letter) => (2 + hexes, letter.len_utf8()),
            None if rest.starts_with('\\') => (2, 1),
            None => (len, len),
        };
        rest = rest.get(takes..).unwrap_or_default();
        left = left.saturating_sub(means);
    }
    written.len() - rest.len()
}

/// Where what is written in a string begins, behind its quotes.
fn start(string: &Spanned<String>, text: &str) -> usize {
    let span = string.span();
    let written = text.get(span.clone()).unwrap_or_default();
    let quotes = written.len() - written.trim_start_matches(['"', '\'']).len();
    span.start + quotes.min(3)
}

fn every(every: Option<&Spanned<u32>>) -> Result<u32, Flaw> {
    match every {
        None => Ok(1),
        Some(it) if (1..=EVERY_MAX).contains(it.get_ref()) => Ok(*it.get_ref()),
        Some(it) => {
            let way_out = format!("1 to {EVERY_MAX} facts make a value");
            Err(Flaw::new(it.span().start, "no number of facts", way_out))
        }
    }
}

fn check_place(place: Place, offset: usize) -> Result<(), Flaw> {
    let last = place.row.checked_add(place.height.saturating_sub(1));
    let fits = PAGE_ROWS.contains(&place.row) && last.is_some_and(|it| PAGE_ROWS.contains(&it));
    if place.is_sound() && fits {
        return Ok(());
    }
    let way_out = "rows 1 to 16, columns 0 to 19, 1 to 3 rows high";
    Err(Flaw::new(offset, "the chart does not fit", way_out))
}

/// True if two places have a cell in common.
const fn touches(one: Place, other: Place) -> bool {
    const fn meet(from: u8, len: u8, other: u8, other_len: u8) -> bool {
        from < other.saturating_add(other_len) && other < from.saturating_add(len)
    }
    meet(one.row, one.height, other.row, other.height)
        && meet(one.column, one.width, other.column, other.width)
}
