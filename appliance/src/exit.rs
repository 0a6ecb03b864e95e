//! Exit codes: part of the interface, as scripts read them.

use std::fmt;
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(u8)]
pub enum Exit {
    /// The work is done and the answer is good.
    #[default]
    Good = 0,
    /// The answer is bad news, or the work failed.
    Bad = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// No daemon answers.
    Unreachable = 4,
    /// The daemon runs, but not as it should (`status`).
    Degraded = 5,
    /// The confirmation did not come in time, and the old generation is back.
    RolledBack = 6,
}

impl Exit {
    /// The exit that a daemon's reply names; an unknown one is bad news.
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Good,
            2 => Self::Usage,
            4 => Self::Unreachable,
            5 => Self::Degraded,
            6 => Self::RolledBack,
            _ => Self::Bad,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that knows its exit code. Everything else that fails exits with [`Exit::Bad`].
#[derive(Debug)]
pub struct Failed {
    /// What the process ends with.
    pub exit: Exit,
    /// Cause, place, way out; empty when all has been said on stderr already.
    pub message: String,
}

impl Failed {
    /// An error with a message for stderr.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failed {}
