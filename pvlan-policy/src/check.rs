//! `check`: text in; a proven fabric, or everything that is wrong, out.

use std::sync::Arc;

use crate::compile::compile;
use crate::decode::decode;
use crate::diagnostic::{Diagnostic, Findings};
use crate::fabric::Fabric;
use crate::site::Site;
use crate::source::Source;

/// What came of a site file.
#[derive(Debug)]
pub struct Checked {
    /// The file as written; only without errors.
    pub site: Option<Site>,
    /// The policy to run; only without errors, and only when the proof holds.
    pub fabric: Option<Arc<Fabric>>,
    /// Everything there is to say, in file order.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads, compiles and proves a site file.
pub fn check(source: &Source) -> Checked {
    let mut findings = Findings::default();
    let decoded = decode(source, &mut findings);
    let fabric = if decoded.guessed {
        None
    } else {
        compile(&decoded.site, &mut findings)
    };
    let site = decoded.site;
    let diagnostics = findings.finish(source, &site.lines);
    Checked {
        site: fabric.is_some().then_some(site),
        fabric: fabric.map(Arc::new),
        diagnostics,
    }
}
