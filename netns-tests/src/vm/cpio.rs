//! An archive of the "newc" form, which the kernel unpacks as its first root file system
//! (Documentation/driver-api/early-userspace/buffer-format.rst).

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};

const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;

/// An archive in the making. Everything in it belongs to root.
#[derive(Debug, Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    folders: BTreeSet<String>,
    entries: u32,
}

impl Archive {
    /// Adds a file that may be run, with the folders above it.
    ///
    /// # Errors
    /// When it is larger than the form can say (4 GiB).
    pub(super) fn file(&mut self, path: &str, content: &[u8]) -> Result<()> {
        self.folders_above(path)?;
        self.entry(path, PROGRAM, content)
    }

    /// Adds an empty folder.
    ///
    /// # Errors
    /// Never for a path of sensible length.
    pub(super) fn folder(&mut self, path: &str) -> Result<()> {
        self.folders_above(path)?;
        if self.folders.insert(path.to_owned()) {
            self.entry(path, FOLDER, &[])?;
        }
        Ok(())
    }

    /// The archive, whole.
    ///
    /// # Errors
    /// Never: the last entry is of a known length.
    pub(super) fn finish(mut self) -> Result<Vec<u8>> {
        self.entry("TRAILER!!!", 0, &[])?;
        Ok(self.bytes)
    }

    fn folders_above(&mut self, path: &str) -> Result<()> {
        let above: Vec<&Path> = Path::new(path).ancestors().skip(1).collect();
        for folder in above.into_iter().rev() {
            let folder = folder.to_str().context("a path that is not text")?;
            if !folder.is_empty() && self.folders.insert(folder.to_owned()) {
                self.entry(folder, FOLDER, &[])?;
            }
        }
        Ok(())
    }

    /// Thirteen numbers of eight hexadecimal digits, the name, the content; both end on a
    /// multiple of four.
    fn entry(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<()> {
        self.entries += 1;
        let size = u32::try_from(content.len()).context("a file of more than 4 GiB")?;
        let name = u32::try_from(path.len() + 1)?;
        let (nobody, links, time, device, check) = (0, 1, 0, 0, 0);
        let numbers = [
            self.entries,
            mode,
            nobody,
            nobody,
            links,
            time,
            size,
            device,
            device,
            device,
            device,
            name,
            check,
        ];
        self.bytes.extend_from_slice(b"070701");
        for number in numbers {
            self.bytes
                .extend_from_slice(format!("{number:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
        Ok(())
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_begins_on_a_multiple_of_four_and_after_its_folder() {
        let mut archive = Archive::default();
        archive.file("a/b/c", b"12345").unwrap();
        archive.folder("a/d").unwrap();
        let bytes = archive.finish().unwrap();
        let finder = memchr::memmem::Finder::new(b"070701");
        let starts: Vec<usize> = finder.find_iter(&bytes).collect();
        assert!(starts.iter().all(|start| start % 4 == 0), "{starts:?}");
        let names: Vec<String> = starts
            .iter()
            .map(|start| {
                let name = &bytes[start + 110..];
                let end = name.iter().position(|byte| *byte == 0).unwrap();
                String::from_utf8(name[..end].to_vec()).unwrap()
            })
            .collect();
        assert_eq!(names, ["a", "a/b", "a/b/c", "a/d", "TRAILER!!!"]);
    }
}
