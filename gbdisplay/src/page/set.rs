//! The pages of a panel, in their order.

use std::fmt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::file::FILE_MAX;
use super::{Page, PageError};

/// How many pages there may be.
const PAGES_MAX: usize = 32;

/// The pages that come with the panel.
const BUILT_IN: [(&str, &str); 7] = [
    ("overview", include_str!("../../pages/overview.toml")),
    ("ports", include_str!("../../pages/ports.toml")),
    ("throughput", include_str!("../../pages/throughput.toml")),
    ("latency", include_str!("../../pages/latency.toml")),
    ("alerts", include_str!("../../pages/alerts.toml")),
    ("agent", include_str!("../../pages/agent.toml")),
    ("violations", include_str!("../../pages/violations.toml")),
];

/// At least one page.
#[derive(Debug)]
pub struct Pages(Vec<Page>);

impl Pages {
    /// Those that come with the panel.
    ///
    /// # Errors
    /// Never: a test reads them all.
    pub fn built_in() -> Result<Self, PageError> {
        let pages = BUILT_IN.iter();
        let pages = pages.map(|(name, text)| Page::parse(name, &format!("{name}.toml"), text));
        pages.collect::<Result<_, _>>().map(Self)
    }

    /// Those of a folder: every `.toml` file in it, in order of name, instead of the built-in ones.
    ///
    /// # Errors
    /// The folder cannot be read, holds none or too many, or one of them makes no sense.
    pub fn of_folder(folder: &Path) -> Result<Self, FolderError> {
        let failed = |path: &Path, error| FolderError::Io(path.to_owned(), error);
        let entries = fs::read_dir(folder).map_err(|it| failed(folder, it))?;
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(|it| failed(folder, it))?.path();
            if path.extension().is_some_and(|it| it == "toml") {
                paths.push(path);
            }
        }
        paths.sort();
        if paths.is_empty() || paths.len() > PAGES_MAX {
            return Err(FolderError::Count(folder.to_owned(), paths.len()));
        }
        let mut pages = Vec::new();
        for path in paths {
            let text = read(&path).map_err(|it| failed(&path, it))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let page = Page::parse(&name, &path.display().to_string(), &text);
            pages.push(page.map_err(FolderError::Page)?);
        }
        Ok(Self(pages))
    }

    /// Those ones; none if there are none.
    #[must_use]
    pub fn new(pages: Vec<Page>) -> Option<Self> {
        (!pages.is_empty()).then_some(Self(pages))
    }

    /// How many.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is at least one")]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&Page> {
        self.0.get(at)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Page> {
        self.0.iter()
    }
}

/// A file, up to a little more than a page may have.
fn read(path: &Path) -> io::Result<String> {
    use io::Read as _;
    let mut text = String::new();
    let limit = u64::try_from(FILE_MAX).unwrap_or(u64::MAX) + 1;
    fs::File::open(path)?
        .take(limit)
        .read_to_string(&mut text)?;
    Ok(text)
}

/// Why the pages of a folder cannot be shown.
#[derive(Debug)]
pub enum FolderError {
    /// It holds none, or more than 32.
    Count(PathBuf, usize),
    /// It or a file in it cannot be read.
    Io(PathBuf, io::Error),
    /// A page makes no sense.
    Page(PageError),
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(path, count) => write!(
                f,
                "{} holds {count} pages; it must hold 1 to {PAGES_MAX} files named *.toml",
                path.display()
            ),
            Self::Io(path, error) => write!(f, "cannot read {}: {error}", path.display()),
            Self::Page(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FolderError {}
