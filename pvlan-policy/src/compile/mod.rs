//! From a [`Site`] to a [`Fabric`]: names resolved, rules checked, tables built.
//!
//! Each step says everything that is wrong with its part and goes on with what is right, so that
//! one run names every error. Tables are built only from a site without any.

mod binding;
mod draft;
mod exception;
mod exchange;
mod meeting;
mod node;
mod port;
mod rule;
mod segment;
mod shared;
mod table;

use sha2::{Digest as _, Sha256};

use crate::diagnostic::Findings;
use crate::fabric::{Digest, Fabric};
use crate::site::Site;

pub(crate) use draft::Draft;

/// `None` exactly when there are errors.
pub(crate) fn compile(site: &Site, findings: &mut Findings) -> Option<Fabric> {
    let mut draft = Draft::new(site);
    draft.within_limits(findings)?;
    draft.add_nodes(findings);
    draft.add_segments(findings);
    draft.add_ports(findings);
    draft.add_bindings(findings);
    draft.add_exceptions(findings);
    draft.add_peerings(findings);
    draft.check_exports(findings);
    draft.check_rules(findings);
    if findings.has_errors() {
        return None;
    }
    let digest = Digest(Sha256::digest(site.source.text.as_bytes()).into());
    let fabric = draft.build(digest)?;
    shared::warn_shared_nodes(site, &fabric, findings);
    meeting::warn_strangers(site, &fabric, findings);
    Some(fabric)
}
