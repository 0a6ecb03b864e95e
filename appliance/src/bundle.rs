//! A support bundle: a `tar.gz` of texts in one folder.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;

/// A bundle under construction; an unfinished one is removed.
pub struct Bundle {
    path: PathBuf,
    folder: String,
    archive: Option<tar::Builder<GzEncoder<File>>>,
    time: u64,
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundle")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Bundle {
    /// Makes a new file that only its owner can read.
    ///
    /// # Errors
    /// It exists already, or cannot be made.
    pub fn create(path: &Path, node: &str) -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options
            .open(path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Ok(Self {
            path: path.to_owned(),
            folder: format!("skerry-{node}"),
            archive: Some(tar::Builder::new(GzEncoder::new(
                file,
                Compression::default(),
            ))),
            time: now.map(|it| it.as_secs()).unwrap_or(0),
        })
    }

    /// Adds a text.
    ///
    /// # Errors
    /// The disk is full, or the name makes no sense.
    pub fn text(&mut self, name: &str, text: &str) -> anyhow::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(self.time);
        let name = format!("{}/{name}", self.folder);
        if let Some(archive) = &mut self.archive {
            let added = archive.append_data(&mut header, name, text.as_bytes());
            added.with_context(|| format!("cannot write {}", self.path.display()))?;
        }
        Ok(())
    }

    /// Adds JSON, indented for people.
    ///
    /// # Errors
    /// As [`Bundle::text`].
    pub fn json(&mut self, name: &str, value: &serde_json::Value) -> anyhow::Result<()> {
        self.text(name, &format!("{value:#}\n"))
    }

    /// Writes the end of the archive.
    ///
    /// # Errors
    /// The disk is full.
    pub fn finish(mut self) -> anyhow::Result<()> {
        let written = self
            .archive
            .take()
            .map_or(Ok(()), |archive| -> io::Result<()> {
                archive.into_inner()?.finish()?.sync_all()
            });
        written
            .inspect_err(|_| self.remove())
            .with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn remove(&self) {
        // It is ours and half-made; that it cannot be removed either adds nothing.
        drop(std::fs::remove_file(&self.path));
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        if self.archive.is_some() {
            self.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn texts_come_out_as_they_went_in() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.tar.gz");
        let mut bundle = Bundle::create(&path, "n1").unwrap();
        bundle.text("site.toml", "version = 1\n").unwrap();
        bundle.finish().unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let file = File::open(&path).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
        let mut entries = archive.entries().unwrap();
        let mut entry = entries.next().unwrap().unwrap();
        assert_eq!(entry.path().unwrap().to_str(), Some("skerry-n1/site.toml"));
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        assert_eq!(text, "version = 1\n");
        assert!(entries.next().is_none());
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_half_made_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.tar.gz");
        drop(Bundle::create(&path, "n1").unwrap());
        assert!(!path.exists());
        std::fs::write(&path, "precious").unwrap();
        Bundle::create(&path, "n1").unwrap_err();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }
}
