//! A guest's network namespace, by the path in the site file.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::path::Path;

use crate::netns;
use crate::port::PortCause;

/// An open network namespace: a file below `/run/netns`, or `/proc/PID/ns/net`.
#[derive(Debug)]
pub(crate) struct Namespace {
    path: String,
    inner: netns::Namespace,
}

impl Namespace {
    /// Opens it; what it is shows when it is entered.
    pub(crate) fn open(path: &str) -> Result<Self, PortCause> {
        let path = path.to_owned();
        match netns::Namespace::open(Path::new(&path)) {
            Ok(inner) => Ok(Self { path, inner }),
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                Err(PortCause::NetnsMissing { path, source })
            }
            Err(source) => Err(closed(&path, source)),
        }
    }

    /// Where it was found.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// For `IFLA_NET_NS_FD`; valid as long as `self`.
    pub(crate) fn raw_fd(&self) -> RawFd {
        self.inner.as_fd().as_raw_fd()
    }

    /// Runs `work` inside, on a thread of its own that ends with it: sockets and TAPs stay where
    /// they were made, threads of the daemon never move. A tokio runtime is there for `work`.
    pub(crate) fn enter<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, PortCause> + Send,
    ) -> Result<T, PortCause> {
        let runtime = tokio::runtime::Handle::current();
        let inside = self.inner.run(|| {
            let _runtime = runtime.enter();
            work()
        });
        inside.map_err(|source| closed(&self.path, source))?
    }
}

fn closed(path: &str, source: io::Error) -> PortCause {
    let hint = match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            "the daemon needs CAP_SYS_ADMIN in the user namespace that owns it"
        }
        Some(libc::EINVAL) => {
            "the file is no network namespace: after a reboot `ip netns add` must make it again"
        }
        _ => "correct `netns` in the site file",
    };
    PortCause::NetnsClosed {
        path: path.to_owned(),
        source,
        hint,
    }
}
