//! One superframe in the making.

use super::segment::{Segment, pseudo};
use crate::frame::{Checksum, Frame, Offload, Superframe, SuperframeKind};
use crate::gso::{Network, Sum, TCP_SIZE_MIN, Version};

const PSH: u8 = 0x08;
/// Where TCP keeps its flags and its checksum.
const FLAGS: usize = 13;
const CHECKSUM: u16 = 16;
/// The longest packet that either version of IP can tell the length of.
const PACKET_MAX: usize = 65_535;

/// What is known of the segments that lie in a bundle's room, one behind the other after the
/// headers of the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bundle<K> {
    pub(super) from: K,
    pub(super) flow: u64,
    network: Network,
    payload: usize,
    /// Payload of each but the last.
    size: usize,
    /// It holds more than one.
    joined: bool,
    len: usize,
    next_seq: u32,
    next_id: u16,
    /// Nothing can follow.
    closed: bool,
}

impl<K> Bundle<K> {
    /// Begins with this segment; `None` if it does not fit.
    pub(super) fn open(from: K, flow: u64, segment: &Segment<'_>, room: &mut [u8]) -> Option<Self> {
        let len = segment.bytes.len();
        room.get_mut(..len)?.copy_from_slice(segment.bytes);
        let size = segment.payload().len();
        Some(Self {
            from,
            flow,
            network: segment.network,
            payload: segment.payload,
            size,
            joined: false,
            len,
            next_seq: segment.seq.wrapping_add(u32::try_from(size).ok()?),
            next_id: segment.id.wrapping_add(1),
            closed: segment.pushes,
        })
    }

    /// Adds the segment, if cutting would bring it back as it is.
    pub(super) fn append(&mut self, segment: &Segment<'_>, room: &mut [u8]) -> bool {
        let part = segment.payload();
        let end = self.len + part.len();
        let follows = segment.seq == self.next_seq
            && (self.network.version == Version::V6 || segment.id == self.next_id);
        if self.closed
            || !follows
            || part.len() > self.size
            || self.size < TCP_SIZE_MIN
            || end - self.network.l3 > PACKET_MAX
            || !self.is_alike(segment, room)
        {
            return false;
        }
        let Some(place) = room.get_mut(self.len..end) else {
            return false;
        };
        place.copy_from_slice(part);
        if segment.pushes
            && let Some(flags) = room.get_mut(self.network.l4 + FLAGS)
        {
            *flags |= PSH;
        }
        self.closed = segment.pushes || part.len() < self.size;
        self.len = end;
        self.joined = true;
        // No segment is as long as that.
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        self.next_seq = self.next_seq.wrapping_add(length);
        self.next_id = self.next_id.wrapping_add(1);
        true
    }

    /// Whether the headers are the same but for what differs between the pieces of a superframe.
    fn is_alike(&self, segment: &Segment<'_>, room: &[u8]) -> bool {
        let Network { l3, l4, .. } = self.network;
        if segment.network != self.network || segment.payload != self.payload {
            return false;
        }
        let same = |from: usize, to: usize| segment.bytes.get(from..to) == room.get(from..to);
        let network = match self.network.version {
            // Without length, identification and checksum.
            Version::V4 => same(0, l3 + 2) && same(l3 + 6, l3 + 10) && same(l3 + 12, l4),
            // Without the length.
            Version::V6 => same(0, l3 + 4) && same(l3 + 6, l4),
        };
        // Without sequence number, flags (known to be ACK, and PSH at the end) and checksum.
        network
            && same(l4, l4 + 4)
            && same(l4 + 8, l4 + 13)
            && same(l4 + 14, l4 + 16)
            && same(l4 + 18, self.payload)
    }

    /// The frame that stands for all of them.
    pub(super) fn close<'r>(&self, room: &'r mut [u8]) -> Frame<'r> {
        let offload = if self.joined {
            self.write_headers(room)
        } else {
            None
        };
        Frame {
            bytes: room.get(..self.len).unwrap_or_default(),
            offload: offload.unwrap_or(Offload::NONE),
        }
    }

    fn write_headers(&self, room: &mut [u8]) -> Option<Offload> {
        let Network { l3, l4, .. } = self.network;
        let packet = u16::try_from(self.len - l3).ok()?;
        let kind = match self.network.version {
            Version::V4 => {
                put(room, l3 + 2, packet.to_be_bytes())?;
                put(room, l3 + 10, [0, 0])?;
                let sum = Sum::of(room.get(l3..l4)?).checksum();
                put(room, l3 + 10, sum)?;
                SuperframeKind::Tcp4
            }
            Version::V6 => {
                put(room, l3 + 4, (packet - 40).to_be_bytes())?;
                SuperframeKind::Tcp6
            }
        };
        let length = u16::try_from(self.len - l4).ok()?;
        let [a, b] = pseudo(room, self.network, length).checksum();
        // What is owed begins with the pseudo-header's sum as it is.
        put(room, l4 + usize::from(CHECKSUM), [!a, !b])?;
        Some(Offload {
            checksum: Some(Checksum {
                start: u16::try_from(l4).ok()?,
                offset: CHECKSUM,
            }),
            superframe: Some(Superframe {
                kind,
                size: u16::try_from(self.size).ok()?,
                ecn: false,
            }),
            valid: false,
        })
    }
}

fn put(bytes: &mut [u8], at: usize, value: [u8; 2]) -> Option<()> {
    *bytes.get_mut(at..)?.first_chunk_mut()? = value;
    Some(())
}
