//! Network namespaces: made, entered and named, for the lab and for tests.
//!
//! A namespace belongs to threads, not to the process: a socket stays in the namespace of the
//! thread that opened it. So work in another namespace is done by a thread that enters it, opens
//! what it needs and returns it (namespaces(7), setns(2)).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

/// Moves the whole process into new network and mount namespaces, and first into a new user
/// namespace when `user` is set (which gives an unprivileged process its capabilities there).
///
/// # Errors
/// The kernel's: `EINVAL` when the process already has a second thread, `EPERM` or `ENOSPC` when
/// it forbids (more) user namespaces.
pub fn leave_host(user: bool) -> io::Result<()> {
    let mut flags = UnshareFlags::NEWNET | UnshareFlags::NEWNS;
    flags.set(UnshareFlags::NEWUSER, user);
    unshare(flags)
}

/// `unshare(2)` for the flags that cannot break I/O safety.
fn unshare(flags: UnshareFlags) -> io::Result<()> {
    debug_assert!(!flags.contains(UnshareFlags::FILES));
    // SAFETY: the call is unsafe for `FILES` alone (threads would disagree about descriptors);
    // no caller in this file passes it.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(io::Error::from)
}

/// A network namespace held by a file: nobody needs to run inside for it to exist.
#[derive(Debug)]
pub struct Namespace {
    file: File,
    path: PathBuf,
}

impl Namespace {
    /// Makes a namespace and binds it to a new file at `path`, where `setns` and netlink of any
    /// process that sees the mount find it (as `/run/netns/NAME` does).
    ///
    /// # Errors
    /// When the file cannot be made, or namespaces or mounts are forbidden.
    pub fn create(path: &Path) -> io::Result<Self> {
        OpenOptions::new().write(true).create_new(true).open(path)?;
        in_thread(|| {
            unshare(UnshareFlags::NEWNET)?;
            rustix::mount::mount_bind("/proc/thread-self/ns/net", path).map_err(io::Error::from)
        })??;
        Self::open(path)
    }

    /// Opens a namespace that has a file.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::open(path)?,
            path: path.to_path_buf(),
        })
    }

    /// The file that holds it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` on a thread inside the namespace and waits for it.
    ///
    /// # Errors
    /// When the namespace cannot be entered, or the thread cannot start or panics.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        in_thread(|| {
            self.enter()?;
            Ok(work())
        })?
    }

    /// Moves the calling thread in, for good.
    ///
    /// # Errors
    /// When the caller lacks `CAP_SYS_ADMIN` over the namespace.
    pub fn enter(&self) -> io::Result<()> {
        let kind = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(self.file.as_fd(), kind).map_err(io::Error::from)
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Runs `work` on a thread of its own, whose namespaces die with it.
fn in_thread<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, work)?;
        thread
            .join()
            .map_err(|_| io::Error::other("a thread in a network namespace panicked"))
    })
}
