//! Pages: what is shown where, as data.
//!
//! A page is a TOML file; [`Page::parse`] reads it and refuses what would not fit. [`Page::show`]
//! is a function of the page, the facts and where the reader is, and nothing else.

pub mod catalog;
mod error;
mod file;
mod history;
mod number;
mod set;
mod show;
mod template;

use skerry_panel_proto::chart::Place;

pub use error::PageError;
pub use history::Histories;
pub use set::{FolderError, Pages};
pub use show::Reader;

use catalog::{Column, Kind, List, Scalar};
use template::Template;

/// The first and the last row that a page may use; above is the title, below are alerts.
pub const PAGE_ROWS: std::ops::RangeInclusive<u8> = 1..=16;

/// A page.
#[derive(Debug)]
pub struct Page {
    name: String,
    /// Its title, as tiles.
    title: Vec<u8>,
    rows: Vec<(u8, Template)>,
    charts: Vec<Chart>,
    list: Option<Listing>,
}

/// A chart of a number of the facts.
#[derive(Debug)]
struct Chart {
    scalar: &'static Scalar,
    place: Place,
    /// How many facts make one value.
    every: u32,
}

/// A list that scrolls.
#[derive(Debug)]
struct Listing {
    of: &'static List,
    /// Its topmost row.
    from: u8,
    rows: u8,
    /// Rows of an entry.
    height: u8,
    row: Template,
    /// What is drawn below an entry, and how many facts make one value.
    chart: Option<(&'static Column, u32)>,
    /// What is shown instead of the list when an entry is opened.
    detail: Vec<Template>,
    empty: Vec<u8>,
    acts: bool,
}

impl Page {
    /// The name of its file, without the end.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn title(&self) -> &[u8] {
        &self.title
    }

    /// The list that its cursor is in.
    pub(crate) fn list(&self) -> Option<&'static List> {
        self.list.as_ref().map(|it| it.of)
    }

    /// True if entries can be opened.
    pub(crate) fn opens(&self) -> bool {
        self.list.as_ref().is_some_and(|it| !it.detail.is_empty())
    }

    /// True if A and B decide about an entry.
    pub(crate) fn decides(&self) -> bool {
        self.list.as_ref().is_some_and(|it| it.acts)
    }

    /// What its charts show.
    fn kinds(&self) -> Vec<Kind> {
        self.charts.iter().map(|it| it.scalar.kind).collect()
    }
}
