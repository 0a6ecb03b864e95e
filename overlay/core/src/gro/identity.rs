//! The identification of IPv4 packets that are to be joined.

use super::segment::{Segment, Transport};
use crate::gso::Version;

/// How the packets of a bundle are numbered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    first: u16,
    /// All have the same number.
    fixed: bool,
}

impl Identity {
    /// As the first one says.
    pub(super) const fn of(segment: &Segment<'_>) -> Self {
        Self {
            first: segment.id,
            fixed: false,
        }
    }

    /// With another one behind so many; `None` if cutting would number it in a way that matters.
    ///
    /// Pieces are numbered one after the other. What came so comes back so. Datagrams that must not be
    /// fragmented may also have one number, mostly zero, where there is nothing to tell apart (Linux
    /// for sockets without a peer, QUIC's above all). Such a number means nothing and nobody may look
    /// at it (RFC 6864 section 4.1): that they are counted up when they are cut is the one thing that
    /// joining changes, and the kernel's own (`inet_gro_flush`) does the same.
    pub(super) fn with(self, segment: &Segment<'_>, count: u16) -> Option<Self> {
        if segment.network.version == Version::V6 {
            return Some(self);
        }
        let counted = segment.id == self.first.wrapping_add(count);
        let same = segment.id == self.first
            && segment.transport == Transport::Udp
            && (self.fixed || count == 1)
            && is_whole(segment);
        match (counted, same) {
            (true, _) if !self.fixed => Some(self),
            (_, true) => Some(Self {
                fixed: true,
                ..self
            }),
            _ => None,
        }
    }
}

/// It must not be fragmented, and is no fragment (DF, RFC 791 section 3.1).
fn is_whole(segment: &Segment<'_>) -> bool {
    let flags = segment.bytes.get(segment.network.l3 + 6);
    flags.is_some_and(|flags| flags & 0x40 != 0)
}
