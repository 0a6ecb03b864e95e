//! The commands that look at site files; none of them needs a daemon or root.

mod check;

pub(super) use check::{CheckArgs, check};

use std::path::Path;
use std::sync::Arc;

use skerry_policy::{Fabric, Severity, Source};

use super::output::Output;
use crate::exit::{Exit, Failed};

/// A site file that has been proven.
pub(super) struct Proven {
    pub(super) source: Source,
    pub(super) site: skerry_policy::Site,
    pub(super) fabric: Arc<Fabric>,
}

/// Reads a site file that is expected to be good; errors go to stderr, warnings do not.
pub(super) fn load(path: &Path, output: &Output) -> anyhow::Result<Proven> {
    let source = read(path)?;
    let checked = skerry_policy::check(&source);
    if let (Some(site), Some(fabric)) = (checked.site, checked.fabric) {
        return Ok(Proven {
            source,
            site,
            fabric,
        });
    }
    let mut errors = checked.diagnostics;
    errors.retain(|it| it.severity == Severity::Error);
    output.words(&skerry_policy::render(
        &source,
        &errors,
        output.colour_words,
    ));
    let message = format!("{}: {} error(s)", path.display(), errors.len());
    Err(Failed::new(Exit::Bad, message).into())
}

fn read(path: &Path) -> anyhow::Result<Source> {
    Ok(Source {
        name: path.display().to_string(),
        text: crate::file::read_site(path)?,
    })
}
