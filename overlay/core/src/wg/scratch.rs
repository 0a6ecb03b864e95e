//! Working memory of a worker's lanes, as long as boringtun may ever need it.

use zeroize::Zeroizing;

use crate::wg::datagram::{DATAGRAM_MAX, Datagram};

/// Longer than any datagram that is opened, and than any packet that is sealed.
const SCRATCH: usize = 65_536 + 64;
const _: () = assert!(SCRATCH >= DATAGRAM_MAX && SCRATCH >= 65_507);

/// One buffer; wiped when dropped, since it has held plaintext.
pub(super) struct Buffer(Zeroizing<Vec<u8>>);

impl Buffer {
    fn new() -> Self {
        Self(Zeroizing::new(vec![0; SCRATCH]))
    }

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
}

/// Two buffers: an opened packet stays where it is while queued ones are sealed.
pub(super) struct Scratch {
    pub(super) opened: Buffer,
    pub(super) sealed: Buffer,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self {
            opened: Buffer::new(),
            sealed: Buffer::new(),
        }
    }
}
