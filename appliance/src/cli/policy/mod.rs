//! The commands that look at site files; none of them needs a daemon or root.

mod check;
mod diff;
mod explain;
mod matrix;
mod peer;

pub(super) use check::{CheckArgs, check};
pub(super) use diff::{DiffArgs, diff};
pub(super) use explain::{ExplainArgs, explain};
pub(super) use matrix::{MatrixArgs, matrix};
pub(super) use peer::{PeerArgs, peer};

use std::path::Path;
use std::sync::Arc;

use skerry_policy::{Fabric, Policy, Severity, Site, Source};

use super::output::Output;
use crate::exit::{Exit, Failed};

/// A site file that has been proven.
#[derive(Debug)]
struct Proven {
    site: Site,
    fabric: Arc<Fabric>,
}

impl Proven {
    fn policy(&self) -> Policy<'_> {
        Policy {
            site: &self.site,
            fabric: &self.fabric,
        }
    }
}

/// Reads a site file that is expected to be good; errors go to stderr, warnings do not.
fn load(path: &Path, output: &Output) -> anyhow::Result<Proven> {
    prove(&read(path)?, output)
}

fn prove(source: &Source, output: &Output) -> anyhow::Result<Proven> {
    let checked = skerry_policy::check(source);
    if let (Some(site), Some(fabric)) = (checked.site, checked.fabric) {
        return Ok(Proven { site, fabric });
    }
    let mut errors = checked.diagnostics;
    errors.retain(|it| it.severity == Severity::Error);
    output.words(&skerry_policy::render(source, &errors, output.colour_words));
    let message = format!("{} has {} error(s)", source.name, errors.len());
    Err(Failed::new(Exit::Bad, message).into())
}

fn read(path: &Path) -> anyhow::Result<Source> {
    Ok(Source {
        name: path.display().to_string(),
        text: crate::file::read_site(path)?,
    })
}
