//! The file of a film, opened before the lab begins: later the lab's own file system may cover it.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::fs::{AtFlags, statat, unlinkat};

/// A file for a film. What is there stays until there is a film; what is not there and does not
/// become one is taken away again.
#[derive(Debug)]
pub(in crate::lab) struct Film {
    file: File,
    /// Where it is, if it was not there before.
    made: Option<Place>,
}

/// A name in a folder, which can be reached whatever is mounted over it.
#[derive(Debug)]
struct Place {
    folder: File,
    name: OsString,
}

impl Film {
    /// Opens it, or makes it.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let open = || match options().create_new(true).open(path) {
            Ok(file) => Ok((file, true)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Where a link leads to nothing, that is made, and stays.
                options().create(true).open(path).map(|it| (it, false))
            }
            Err(error) => Err(error),
        };
        let (file, is_new) = open().with_context(|| format!("cannot write {}", path.display()))?;
        let made = is_new.then(|| Place::of(path)).flatten();
        Ok(Self { file, made })
    }

    /// A path that leads to it from everywhere in this process.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}

fn options() -> OpenOptions {
    let mut options = File::options();
    options.write(true).truncate(false);
    options
}

impl Place {
    fn of(path: &Path) -> Option<Self> {
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or_else(|| Path::new("."))).ok()?;
        let name = path.file_name()?.to_owned();
        Some(Self { folder, name })
    }

    /// Takes a file away if it is this one, and empty.
    fn remove_if_empty(&self, file: &File) -> io::Result<()> {
        let ours = file.metadata()?;
        let there = statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW)?;
        let is_ours = (there.st_dev, there.st_ino) == (ours.dev(), ours.ino());
        if is_ours && ours.len() == 0 {
            unlinkat(&self.folder, &self.name, AtFlags::empty())?;
        }
        Ok(())
    }
}

impl Drop for Film {
    fn drop(&mut self) {
        if let Some(made) = &self.made {
            // Somebody else may have taken it away.
            let _gone = made.remove_if_empty(&self.file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is at the path of a film after something was done with it.
    #[track_caller]
    fn check(before: Option<&str>, act: impl FnOnce(&Path), expect: Option<&str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lab.gif");
        if let Some(before) = before {
            std::fs::write(&path, before).unwrap();
        }
        let film = Film::create(&path).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            before.unwrap_or("")
        );
        act(&film.path());
        drop(film);
        let after = std::fs::read_to_string(&path).ok();
        assert_eq!(after.as_deref(), expect);
    }

    #[test]
    fn a_film_that_is_not_made_leaves_what_was_there() {
        check(None, |_| (), None);
        check(Some(""), |_| (), Some(""));
        check(Some("old"), |_| (), Some("old"));
        let make = |path: &Path| std::fs::write(path, "film").unwrap();
        check(None, make, Some("film"));
        check(Some("older"), make, Some("film"));
    }

    #[test]
    fn what_somebody_else_put_there_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lab.gif");
        let film = Film::create(&path).unwrap();
        std::fs::rename(&path, folder.path().join("mine.gif")).unwrap();
        std::fs::write(&path, "").unwrap();
        drop(film);
        assert!(path.exists());
    }
}
