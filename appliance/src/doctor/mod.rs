//! What the daemon needs of this machine, looked at one by one. Nothing is changed.

mod machine;
mod node;
mod ports;

pub use machine::machine;
pub use node::node;

use serde::Serialize;

/// One thing that was looked at.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub what: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub found: String,
    /// The way out; empty when all is well.
    pub fix: String,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Good,
    /// The daemon runs without it, but less well.
    Poor,
    /// The daemon cannot do without it.
    Missing,
}

impl Finding {
    fn good(what: &'static str, found: impl Into<String>) -> Self {
        Self::new(what, State::Good, found, "")
    }

    fn poor(what: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(what, State::Poor, found, fix)
    }

    /// A thing that is missing.
    pub fn missing(what: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(what, State::Missing, found, fix)
    }

    fn new(
        what: &'static str,
        state: State,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            what,
            state,
            found: found.into(),
            fix: fix.into(),
        }
    }
}

/// The findings as JSON.
pub fn facts(findings: &[Finding]) -> serde_json::Value {
    serde_json::json!({
        "schema": "skerry.doctor/1",
        "ok": findings.iter().all(|it| it.state != State::Missing),
        "findings": findings,
    })
}

/// The findings as people read them.
pub fn text(findings: &[Finding], colour: bool) -> String {
    let mut text = String::new();
    for finding in findings {
        let (word, code) = match finding.state {
            State::Good => ("good   ", "32"),
            State::Poor => ("poor   ", "33"),
            State::Missing => ("missing", "31"),
        };
        let word = if colour {
            format!("\u{1b}[{code}m{word}\u{1b}[0m")
        } else {
            word.to_owned()
        };
        let found = finding.found.replace('\n', "\n                    ");
        text.push_str(&format!("{word}  {:16}  {found}\n", finding.what));
        if !finding.fix.is_empty() {
            text.push_str(&format!("{:27}-> {}\n", "", finding.fix));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_comes_with_its_fix() {
        let findings = [
            Finding::good("kernel", "6.1"),
            Finding::missing("rights", "no CAP_NET_ADMIN", "run as root"),
        ];
        let text = text(&findings, false);
        let expected = "\
good     kernel            6.1
missing  rights            no CAP_NET_ADMIN
                           -> run as root
";
        assert_eq!(text, expected);
        assert_eq!(facts(&findings)["ok"], false);
    }

    #[test]
    fn a_machine_always_has_something_to_say() {
        let findings = machine();
        assert!(
            findings.iter().any(|it| it.what == "kernel"),
            "{findings:?}"
        );
        for finding in findings {
            let all_is_well = finding.state == State::Good;
            assert_eq!(all_is_well, finding.fix.is_empty(), "{finding:?}");
        }
    }
}
