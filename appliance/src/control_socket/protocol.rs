//! What is said on the control socket.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exit::Exit;

/// The version both sides must name.
pub const VERSION: u32 = 1;

/// The longest that a new policy may wait for its confirmation.
pub const CONFIRM_MAX: Duration = Duration::from_secs(24 * 3600);

/// Longest request, in bytes: the largest site file, with every character escaped once.
pub const REQUEST_MAX: usize = 32 * 1024 * 1024;

/// Longest reply that a client reads, in bytes.
pub const REPLY_MAX: u64 = 256 * 1024 * 1024;

/// One line from a client.
#[derive(Debug, Deserialize, Serialize)]
pub struct Request {
    /// [`VERSION`].
    pub version: u32,
    /// Whether the client shows colours.
    #[serde(default)]
    pub colour: bool,
    /// What it wants.
    #[serde(flatten)]
    pub command: Command,
}

/// What a client may want.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// How the node is.
    Status,
    /// The ports and their links.
    Ports,
    /// Every counter.
    Counters,
    /// Who is where.
    Fdb,
    /// The other nodes.
    Peers,
    /// The text of the running site file.
    Site,
    /// One round trip to a node, or to the node of a port.
    Ping {
        /// `n2` or `n2/b-i3`.
        target: String,
    },
    /// Load the site file named in the node file.
    Reload,
    /// Load this text.
    Apply {
        /// The file's name, for messages.
        name: String,
        /// The site file itself.
        text: String,
        /// Go back unless confirmed within this many milliseconds.
        confirm_ms: Option<u64>,
    },
    /// Keep what waits for its confirmation.
    Confirm,
    /// Answer when the generation that waits is confirmed or taken back.
    AwaitConfirm,
    /// Load an earlier generation.
    Rollback {
        /// Which; the one before when absent.
        generation: Option<u64>,
    },
    /// Everything for a support bundle, without keys.
    Bundle,
}

/// One line from the daemon.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Reply {
    /// [`VERSION`].
    pub version: u32,
    /// What the client's process ends with.
    pub exit: u8,
    /// What goes to stdout.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub facts: Value,
    /// What goes to stderr.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
}

impl Reply {
    /// Facts, and all is well.
    pub const fn good(facts: Value) -> Self {
        Self::new(Exit::Good, facts, String::new())
    }

    /// Words only.
    pub fn refused(words: impl Into<String>) -> Self {
        Self::new(Exit::Bad, Value::Null, words.into())
    }

    /// Facts, words, and how the client ends.
    pub const fn new(exit: Exit, facts: Value, words: String) -> Self {
        Self {
            version: VERSION,
            exit: exit as u8,
            facts,
            words,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_written_as_documented() {
        let request = Request {
            version: VERSION,
            colour: false,
            command: Command::Ping {
                target: "n2".into(),
            },
        };
        let text = serde_json::to_string(&request).unwrap();
        let expected = r#"{"version":1,"colour":false,"command":"ping","target":"n2"}"#;
        assert_eq!(text, expected);
        let back: Request = serde_json::from_str(r#"{"version":1,"command":"status"}"#).unwrap();
        assert_eq!(back.command, Command::Status);
    }
}
