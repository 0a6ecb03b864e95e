//! Working memory, as long as boringtun may ever need it.

use std::fmt;

use zeroize::Zeroizing;

use crate::wg::datagram::{DATAGRAM_MAX, Datagram};

/// Longer than any datagram that is opened, and than any packet that is sealed.
const LEN: usize = 65_536 + 64;
const _: () = assert!(LEN >= DATAGRAM_MAX && LEN >= 65_507);

/// Room for one packet; wiped when dropped, since it has held plaintext.
///
/// Whoever opens datagrams brings it along: so an opened packet borrows nothing of the
/// [`Lanes`](crate::Lanes), which may be used while it is handled.
pub struct Scratch(Zeroizing<Vec<u8>>);

impl fmt::Debug for Scratch {
    /// Shows nothing of what it held.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self(Zeroizing::new(vec![0; LEN]))
    }
}

impl Scratch {
    /// All of it.
    pub(super) fn all(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// Room to open a datagram into: a [`Datagram`] cannot be longer than this.
    pub(super) fn room_for(&mut self, _: &Datagram<'_>) -> &mut [u8] {
        &mut self.0
    }

    /// The first `len` bytes.
    pub(super) fn filled(&self, len: usize) -> &[u8] {
        self.0.get(..len).unwrap_or_default()
    }

    /// The same, to be changed.
    pub(crate) fn filled_mut(&mut self, len: usize) -> &mut [u8] {
        self.0.get_mut(..len).unwrap_or_default()
    }
}
