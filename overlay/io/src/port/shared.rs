//! A descriptor that both sides of a port have, and the sides of other workers.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

/// One of its owners; the last closes it.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    /// Its number, which is behind the pointer as well: among many ports what is there is in no
    /// cache, and every frame would wait for it.
    number: RawFd,
    _owner: Arc<OwnedFd>,
}

impl From<OwnedFd> for Shared {
    fn from(owner: OwnedFd) -> Self {
        Self {
            number: owner.as_raw_fd(),
            _owner: Arc::new(owner),
        }
    }
}

impl AsFd for Shared {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor of this number is open for as long as its owner lives, which is
        // as long as `self` at least, and nothing takes it out of the owner.
        unsafe { BorrowedFd::borrow_raw(self.number) }
    }
}
