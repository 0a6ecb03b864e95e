//! Where the daemons' words and the lab's documents go: into memory, or with `--keep-logs` into a
//! directory of the user's.
//!
//! The files are opened before the lab leaves the host, because its own file system may cover the
//! directory afterwards.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::lab::plan::NODES;

/// The user's files, opened.
#[derive(Debug)]
pub(super) struct Kept {
    site: File,
    report: File,
    nodes: Vec<File>,
}

impl Kept {
    /// Makes the directory and the files in it.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let open = |name: &str| {
            let path = directory.join(name);
            OpenOptions::new()
                .create(true)
                .truncate(true)
                .read(true)
                .write(true)
                .open(&path)
                .with_context(|| format!("cannot write {}", path.display()))
        };
        let nodes = NODES.iter().map(|node| open(&format!("{}.log", node.name)));
        Ok(Self {
            site: open("site.toml")?,
            report: open("report.json")?,
            nodes: nodes.collect::<Result<_>>()?,
        })
    }

    /// Keeps the site file.
    pub(super) fn site(&mut self, text: &str) -> Result<()> {
        Ok(self.site.write_all(text.as_bytes())?)
    }

    /// Keeps what the lab found.
    pub(super) fn report(&mut self, text: &str) -> Result<()> {
        Ok(self.report.write_all(text.as_bytes())?)
    }
}

/// The log of a node, and a path at which it can be read back.
pub(super) fn node_log(kept: Option<&Kept>, node: usize, root: &Path) -> Result<(File, PathBuf)> {
    if let Some(file) = kept.and_then(|kept| kept.nodes.get(node)) {
        use std::os::fd::AsRawFd as _;
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        return Ok((file.try_clone()?, path));
    }
    let path = root.join(format!("node-{node}.log"));
    let file = OpenOptions::new().create(true).append(true).open(&path)?;
    Ok((file, path))
}
