//! A site file that asks to be run, and the verdict on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use skerry_policy::{Diagnostic, Digest, Fabric, NodeId, Severity, Site, Source};

use crate::identity;
use crate::node_config::blame;

/// Who this node is: what a candidate must agree with.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// The name in the node file.
    pub(super) node: String,
    /// The public half of the key file.
    pub(super) public: [u8; 32],
    /// The node file.
    pub(super) file: Option<PathBuf>,
}

/// A proven policy in which this node has its place.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) site: Arc<Site>,
    pub(super) fabric: Arc<Fabric>,
    pub(super) me: NodeId,
}

/// What came of a candidate.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) source: Source,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The running policy it was compared with.
    pub(super) against: Option<Digest>,
    /// The policy, or why this node cannot run it although the file itself may be good.
    pub(super) verdict: Result<Policy, String>,
}

/// Reads, compiles and proves a candidate; takes seconds for the largest sites. `running` is what
/// it would replace: a VNI may not change its meaning from one generation to the next (P015).
pub(super) fn judge(source: Source, identity: &Identity, running: Option<&Policy>) -> Judged {
    let checked = match running {
        None => skerry_policy::check(&source),
        Some(running) => skerry_policy::check_against(&source, running.proven(), false),
    };
    let verdict = match (checked.site, checked.fabric) {
        (Some(site), Some(fabric)) => place(site, fabric, identity),
        _ => Err(refusal(&source, &checked.diagnostics)),
    };
    Judged {
        source,
        diagnostics: checked.diagnostics,
        against: running.map(|it| it.fabric.digest),
        verdict,
    }
}

impl Policy {
    /// As the policy crate wants it.
    fn proven(&self) -> skerry_policy::Policy<'_> {
        skerry_policy::Policy {
            site: &self.site,
            fabric: &self.fabric,
        }
    }
}

fn place(site: Site, fabric: Arc<Fabric>, identity: &Identity) -> Result<Policy, String> {
    let me = identity::find(&fabric, &identity.node, &identity.public);
    let me = me.map_err(|error| blame(identity.file.as_deref(), error.asked_by(), &error))?;
    Ok(Policy {
        site: Arc::new(site),
        fabric,
        me,
    })
}

fn refusal(source: &Source, diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics
        .iter()
        .filter(|it| it.severity == Severity::Error);
    match errors.count() {
        1 => format!("{} has an error", source.name),
        n => format!("{} has {n} errors", source.name),
    }
}

impl Judged {
    /// What people are shown: the diagnostics, then the verdict if it is bad.
    pub(super) fn words(&self, colour: bool) -> String {
        let mut words = skerry_policy::render(&self.source, &self.diagnostics, colour);
        if let Err(refusal) = &self.verdict {
            words.push_str(refusal);
            words.push('\n');
        }
        words
    }
}

/// The digest of a text, as a [`Fabric`] made from it would have it.
pub(super) fn digest(text: &str) -> String {
    Digest(Sha256::digest(text.as_bytes()).into()).to_string()
}

/// Reads the node's own site file.
pub(super) fn read_site(path: &Path) -> Result<Source, String> {
    let text = crate::file::read_site(path).map_err(|error| format!("{error:#}"))?;
    Ok(Source {
        name: path.display().to_string(),
        text,
    })
}
