//! `explain`: why one port reaches another or does not, step by step, each step with its place.

mod pair;
mod routed;

use std::fmt;

use serde::Serialize;

use super::policy::Policy;
use crate::decode::guess::nearest;
use crate::id::AttachmentId;
use crate::site::Flow;
use crate::source::Place;
use pair::Pair;

/// The answer.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// `skerry.explain/1`.
    pub schema: &'static str,
    /// What comes of it.
    pub verdict: Verdict,
    /// Who sends.
    pub from: End,
    /// Who is to receive.
    pub to: End,
    /// The traffic asked about; any when absent.
    pub flow: Option<String>,
    /// Why, in the order in which it is decided.
    pub steps: Vec<Step>,
    /// The drop reasons that would count, for whoever has the counters.
    pub drops: Vec<&'static str>,
}

/// What comes of a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Delivered.
    Permit,
    /// Not as a frame, but IP packets pass through the gateway.
    Gateway,
    /// Listed traffic passes by a peering.
    Peering,
    /// Dropped, at the latest by the receiving end.
    Deny,
}

/// A port and its segment.
#[derive(Clone, Debug, Serialize)]
pub struct End {
    /// `n1/b-i1`.
    pub port: String,
    /// `blue.isolated`.
    pub segment: String,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Step {
    /// What was looked at.
    pub title: &'static str,
    /// What was found.
    pub text: String,
    /// Where the file says so.
    pub place: Option<Place>,
    /// What else says so.
    pub cite: Option<&'static str>,
    /// The drop reason this step counts as.
    pub drop: Option<&'static str>,
}

/// A name that no port has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NoSuchPort {
    /// The name.
    pub name: String,
    /// What may have been meant.
    pub hint: Option<String>,
}

impl fmt::Display for NoSuchPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no port `{}`", self.name)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => f.write_str("; a port is node/port, or node/port#tag on a trunk"),
        }
    }
}

impl std::error::Error for NoSuchPort {}

/// Why `from` reaches `to`, or does not. Ports are named `n1/b-i1`, or `n3/up0#20` on a trunk.
pub fn explain(
    policy: Policy<'_>,
    from: &str,
    to: &str,
    flow: Option<Flow>,
) -> Result<Explanation, NoSuchPort> {
    let pair = Pair::new(policy, find(policy, from)?, find(policy, to)?, flow);
    let pair = pair.ok_or_else(|| NoSuchPort {
        name: from.to_owned(),
        hint: None,
    })?;
    let steps = pair.steps();
    Ok(Explanation {
        schema: "skerry.explain/1",
        verdict: pair.verdict(),
        from: pair.end(pair.sender.id, pair.source),
        to: pair.end(pair.receiver.id, pair.target),
        flow: flow.map(|flow| flow.to_string()),
        drops: steps.iter().filter_map(|step| step.drop).collect(),
        steps,
    })
}

fn find(policy: Policy<'_>, name: &str) -> Result<AttachmentId, NoSuchPort> {
    let found = policy.fabric.attachment_named(name);
    found.ok_or_else(|| {
        let all = policy.fabric.attachments.iter();
        let names: Vec<String> = all.map(|it| policy.fabric.attachment_name(it.id)).collect();
        NoSuchPort {
            hint: nearest(name, names.iter().map(String::as_str)),
            name: name.to_owned(),
        }
    })
}

/// Column at which places start.
const TEXT_WIDTH: usize = 58;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Permit => "PERMIT",
            Verdict::Gateway => "GATEWAY",
            Verdict::Peering => "PEERING",
            Verdict::Deny => "DENY",
        };
        let Self { from, to, .. } = self;
        write!(f, "{verdict}  {} ({}) -> ", from.port, from.segment)?;
        writeln!(f, "{} ({})", to.port, to.segment)?;
        for (number, step) in (1..).zip(&self.steps) {
            let place = step.place.as_ref().map(ToString::to_string);
            let source = place
                .or_else(|| step.cite.map(str::to_owned))
                .unwrap_or_default();
            let line = format!(
                "  {number} {:9}{:TEXT_WIDTH$} {source}",
                step.title, step.text
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
