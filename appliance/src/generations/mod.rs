//! The site files this node has accepted, on disk: what it goes back to, and what it starts with
//! when the site file has become unreadable.
//!
//! A file is written and synced before the datapath swaps to it, and only named as the current one
//! after every worker has acknowledged. The index is replaced by rename, so a crash at any point
//! leaves the old index or the new one, and files no index names are swept at the next start.
//! What waits for its confirmation is named, but is not current: a crash falls back.

mod error;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

pub use error::StoreError;
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

/// Generations kept; older ones are removed as new ones come.
const KEPT: usize = 20;

/// Longest index that is read: far more than it can become.
const INDEX_MAX: u64 = 4096;

/// The index: which files count.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Index {
    version: u32,
    /// What a restart goes back to.
    current: u64,
    /// What runs, but is forgotten unless confirmed.
    pending: Option<u64>,
    /// The site file's own digest when a generation was last accepted, in hexadecimal: a site
    /// file that still has it has not been edited since.
    seen: Option<String>,
}

/// The folder of accepted site files, held by one daemon at a time.
#[derive(Debug)]
pub struct Generations {
    dir: PathBuf,
    index: Option<Index>,
    /// Locked as long as the daemon lives; the kernel lets go of it when it dies.
    _lock: File,
}

impl Generations {
    /// Opens the folder, making it if need be, and sweeps what a crash left behind.
    ///
    /// # Errors
    /// The folder cannot be made or written, another daemon holds it, or its index is damaged.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let at = |error| StoreError::Io(dir.to_owned(), error);
        let files = dir.join("generations");
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&files).map_err(at)?;
        let lock = lock(dir)?;
        let index = read_index(dir)?;
        let store = Self {
            dir: dir.to_owned(),
            index,
            _lock: lock,
        };
        store.sweep().map_err(at)?;
        Ok(store)
    }

    /// The generation a restart goes back to.
    pub fn current(&self) -> Option<u64> {
        self.index.as_ref().map(|index| index.current)
    }

    /// The generation that waits for its confirmation.
    pub fn pending(&self) -> Option<u64> {
        self.index.as_ref().and_then(|index| index.pending)
    }

    /// The digest the site file had when a generation was last accepted.
    pub fn seen(&self) -> Option<&str> {
        self.index.as_ref()?.seen.as_deref()
    }

    /// The text of a generation.
    ///
    /// # Errors
    /// It was never accepted here, or is no longer kept.
    pub fn text(&self, generation: u64) -> Result<String, StoreError> {
        let path = self.path(generation);
        fs::read_to_string(&path).map_err(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                return StoreError::Io(path, error);
            }
            let kept = self.list().unwrap_or_default();
            StoreError::Unknown { generation, kept }
        })
    }

    /// The generations that are kept, oldest first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn list(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(self.dir.join("generations"))? {
            numbers.extend(number(&entry?.file_name().to_string_lossy()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The newest generation before the one that runs.
    pub fn previous(&self) -> Option<u64> {
        let running = self.pending().max(self.current())?;
        let list = self.list().ok()?;
        list.into_iter().rev().find(|&it| it < running)
    }

    /// Writes a candidate to disk, under the number it will have if it is accepted.
    ///
    /// # Errors
    /// It cannot be written; nothing is left behind that a restart would look at.
    pub fn stage(&self, text: &str) -> Result<u64, StoreError> {
        let at = |error| StoreError::Io(self.dir.clone(), error);
        let newest = self.list().map_err(at)?.last().copied();
        let generation = newest.max(self.current()).unwrap_or(0) + 1;
        let path = self.path(generation);
        write_synced(&path, text.as_bytes()).map_err(at)?;
        Ok(generation)
    }

    /// Takes a candidate back that was not accepted.
    pub fn discard(&self, generation: u64) {
        if Some(generation) != self.current() && Some(generation) != self.pending() {
            // What cannot be removed now is swept at the next start.
            drop(fs::remove_file(self.path(generation)));
        }
    }

    /// Makes a staged generation the one that a restart goes back to; `seen` is the digest of the
    /// site file as it is now.
    ///
    /// # Errors
    /// The index cannot be replaced; the old one still stands.
    pub fn accept(&mut self, generation: u64, seen: Option<String>) -> Result<(), StoreError> {
        self.replace(Index {
            version: 1,
            current: generation,
            pending: None,
            seen,
        })?;
        self.prune();
        Ok(())
    }

    /// Names a staged generation that runs until it is confirmed or taken back.
    ///
    /// # Errors
    /// The index cannot be replaced, or there is nothing to fall back to.
    pub fn accept_pending(&mut self, generation: u64) -> Result<(), StoreError> {
        let index = self.index.clone().ok_or(StoreError::Nothing)?;
        self.replace(Index {
            pending: Some(generation),
            ..index
        })
    }

    /// Removes all but the newest, never one that the index names.
    fn prune(&self) {
        let list = self.list().unwrap_or_default();
        let old = list.len().saturating_sub(KEPT);
        for &generation in list.iter().take(old) {
            self.discard(generation);
        }
    }

    fn path(&self, generation: u64) -> PathBuf {
        self.dir
            .join("generations")
            .join(format!("{generation:08}.toml"))
    }

    fn replace(&mut self, index: Index) -> Result<(), StoreError> {
        let at = |error| StoreError::Io(self.dir.clone(), error);
        let text = serde_json::to_vec(&index)
            .map_err(io::Error::from)
            .map_err(at)?;
        let fresh = self.dir.join("index.json.new");
        write_synced(&fresh, &text).map_err(at)?;
        fs::rename(&fresh, self.dir.join("index.json")).map_err(at)?;
        File::open(&self.dir)
            .and_then(|dir| dir.sync_all())
            .map_err(at)?;
        self.index = Some(index);
        Ok(())
    }

    /// Removes half-written files, and generations newer than any that was accepted.
    fn sweep(&self) -> io::Result<()> {
        let newest = self.pending().max(self.current()).unwrap_or(0);
        for entry in fs::read_dir(self.dir.join("generations"))? {
            let entry = entry?;
            let number = number(&entry.file_name().to_string_lossy());
            if number.is_none_or(|number| number > newest) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn number(name: &str) -> Option<u64> {
    name.strip_suffix(".toml")?.parse().ok()
}

fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options
        .open(&path)
        .map_err(|error| StoreError::Io(path.clone(), error))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::Locked(dir.to_owned())),
        Err(error) => Err(StoreError::Io(path, error.into())),
    }
}

fn read_index(dir: &Path) -> Result<Option<Index>, StoreError> {
    let path = dir.join("index.json");
    match crate::file::read_text(&path, INDEX_MAX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::Io(path, error)),
        Ok(text) => match serde_json::from_str(&text) {
            Ok(index @ Index { version: 1, .. }) => Ok(Some(index)),
            Ok(_) | Err(_) => Err(StoreError::Damaged(path)),
        },
    }
}

/// Writes a file whose bytes and whose name are on disk when this returns.
fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let write = || {
        let mut file = options.open(path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        let dir = path.parent().unwrap_or_else(|| Path::new("/"));
        File::open(dir)?.sync_all()
    };
    write().inspect_err(|_| drop(fs::remove_file(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &tempfile::TempDir) -> Generations {
        Generations::open(dir.path()).unwrap()
    }

    fn accept(store: &mut Generations, text: &str) -> u64 {
        let generation = store.stage(text).unwrap();
        store.accept(generation, Some("seen".into())).unwrap();
        generation
    }

    #[test]
    fn an_empty_store_has_nothing_and_counts_from_one() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(&dir);
        assert_eq!((store.current(), store.pending()), (None, None));
        assert!(matches!(store.accept_pending(1), Err(StoreError::Nothing)));
        assert_eq!(accept(&mut store, "one"), 1);
    }

    #[test]
    fn what_was_accepted_survives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(&dir);
        accept(&mut store, "one");
        accept(&mut store, "two");
        drop(store);
        let store = open(&dir);
        assert_eq!(store.current(), Some(2));
        assert_eq!(store.text(2).unwrap(), "two");
        assert_eq!(store.previous(), Some(1));
        assert_eq!(store.seen(), Some("seen"));
    }

    #[test]
    fn a_crash_before_the_swap_leaves_the_old_generation() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(&dir);
        accept(&mut store, "one");
        assert_eq!(store.stage("two").unwrap(), 2);
        drop(store);
        let store = open(&dir);
        assert_eq!(store.current(), Some(1));
        assert_eq!(store.list().unwrap(), [1], "the staged file is swept");
        assert_eq!(store.stage("three").unwrap(), 2, "its number never ran");
    }

    #[test]
    fn a_crash_between_write_and_rename_leaves_the_old_index() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(&dir);
        accept(&mut store, "one");
        store.stage("two").unwrap();
        fs::write(dir.path().join("index.json.new"), "{\"version\":1,\"curr").unwrap();
        drop(store);
        let mut store = open(&dir);
        assert_eq!(store.current(), Some(1));
        accept(&mut store, "two again");
        assert_eq!(open_text(&dir, store), (Some(2), "two again".into()));
    }

    fn open_text(dir: &tempfile::TempDir, old: Generations) -> (Option<u64>, String) {
        drop(old);
        let store = open(dir);
        let current = store.current();
        (current, store.text(current.unwrap()).unwrap())
    }

    #[test]
    fn what_was_not_confirmed_is_not_current_after_a_crash() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(&dir);
        accept(&mut store, "one");
        let generation = store.stage("two").unwrap();
        store.accept_pending(generation).unwrap();
        drop(store);
        let store = open(&dir);
        assert_eq!((store.current(), store.pending()), (Some(1), Some(2)));
        assert_eq!(store.text(2).unwrap(), "two", "kept, to be looked at");
    }

    #[test]
    fn old_generations_go_and_the_current_one_stays() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(&dir);
        for number in 1..=30 {
            assert_eq!(accept(&mut store, &format!("{number}")), number);
        }
        assert_eq!(store.list().unwrap(), (11..=30).collect::<Vec<_>>());
        let error = store.text(3).unwrap_err().to_string();
        assert!(
            error.starts_with("generation 3 is not kept; there are: 11, 12"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_serves_one_daemon_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let error = Generations::open(dir.path()).unwrap_err();
        assert!(matches!(error, StoreError::Locked(_)), "{error}");
        drop(store);
        open(&dir);
    }

    #[test]
    fn a_damaged_index_is_named_and_nothing_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(&dir);
        accept(&mut store, "one");
        drop(store);
        for text in [
            "",
            "{",
            "{\"version\":2,\"current\":1,\"pending\":null,\"seen\":null}",
        ] {
            fs::write(dir.path().join("index.json"), text).unwrap();
            let error = Generations::open(dir.path()).unwrap_err();
            assert!(matches!(error, StoreError::Damaged(_)), "{text:?}: {error}");
            assert!(dir.path().join("generations/00000001.toml").exists());
        }
    }
}
