//! Why the store does not do what was asked.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why the store does not do what was asked.
#[derive(Debug)]
pub enum StoreError {
    /// Another daemon uses the folder.
    Locked(PathBuf),
    /// The index is not one of ours.
    Damaged(PathBuf),
    /// A file or folder cannot be read or written.
    Io(PathBuf, io::Error),
    /// A generation that is not kept.
    Unknown {
        /// Which.
        generation: u64,
        /// Those that are.
        kept: Vec<u64>,
    },
    /// No generation was accepted yet.
    Nothing,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked(dir) => write!(
                f,
                "another skerry runs with the state folder {}; stop it, or give this node its own \
                 `state` in the node file",
                dir.display()
            ),
            Self::Damaged(path) => write!(
                f,
                "{} is damaged; remove it to start from the site file",
                path.display()
            ),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Unknown { generation, kept } => {
                let kept: Vec<String> = kept.iter().map(u64::to_string).collect();
                let kept = kept.join(", ");
                write!(f, "generation {generation} is not kept; there are: {kept}")
            }
            Self::Nothing => f.write_str("there is no earlier generation to fall back to"),
        }
    }
}

impl std::error::Error for StoreError {}
