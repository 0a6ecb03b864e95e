//! `skerry reload`, `apply`, `rollback`, `confirm`: what came of a site file.

use serde::{Deserialize, Serialize};

use super::View;
use super::status::short;

/// What came of a site file.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Load {
    /// Whether every worker runs it.
    pub accepted: bool,
    /// The generation that runs now, accepted or not.
    pub generation: u64,
    /// Its digest.
    pub digest: String,
    /// Whether the file was the one that ran already; the generation is then the same.
    pub unchanged: bool,
    /// Seconds in which it must be confirmed.
    pub confirm_s: Option<u64>,
    /// What is wrong with the node file, or waits for a restart; `skerry status` says it too.
    pub node_file: Option<String>,
    /// Everything there is to say about the file, as `skerry check --json` does.
    pub diagnostics: Vec<serde_json::Value>,
    /// Milliseconds from the request to the acknowledgement of the last worker.
    pub took_ms: u64,
}

impl View for Load {
    const SCHEMA: &'static str = "skerry.load/1";

    fn text(&self) -> String {
        let mut text = self.came_of_it();
        if let Some(words) = &self.node_file {
            text.push_str(&format!("degraded: {words}\n"));
        }
        text
    }
}

impl Load {
    fn came_of_it(&self) -> String {
        let runs = format!(
            "generation {} (digest {})",
            self.generation,
            short(&self.digest)
        );
        if !self.accepted {
            return format!("refused; {runs} runs on, untouched\n");
        }
        if self.unchanged {
            return format!("nothing has changed; {runs} runs on\n");
        }
        let confirm = self.confirm_s.map_or_else(String::new, |left| {
            format!("keep it with `skerry confirm` within {left} s, or it goes back by itself\n")
        });
        format!("{runs} runs on every worker\n{confirm}")
    }
}

/// What came of waiting for a confirmation.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Confirmation {
    /// Whether the generation stays.
    pub confirmed: bool,
    /// The generation that runs now.
    pub generation: u64,
    /// Its digest.
    pub digest: String,
}

impl View for Confirmation {
    const SCHEMA: &'static str = "skerry.confirm/1";

    fn text(&self) -> String {
        let runs = format!(
            "generation {} (digest {})",
            self.generation,
            short(&self.digest)
        );
        if self.confirmed {
            format!("{runs} stays\n")
        } else {
            format!("not confirmed in time; back at {runs}\n")
        }
    }
}
