//! One superframe in the making.

use super::identity::Identity;
use super::segment::{Segment, Transport, is_right, pseudo};
use crate::frame::{Checksum, Frame, Offload, Superframe, SuperframeKind};
use crate::gso::{Network, Sum, TCP, TCP_SIZE_MIN, Version};

const PSH: u8 = 0x08;
/// Where TCP keeps its flags.
const FLAGS: usize = 13;
/// Datagrams that Linux joins to one at most (`UDP_GRO_CNT_MAX`), and the most that every one takes
/// in one (`UDP_MAX_SEGMENTS`, of which it has twice as many since 6.9).
const DATAGRAMS_MAX: u16 = 64;
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
    /// How many it holds. The first is not known to be right before there is a second.
    count: u16,
    len: usize,
    /// What the next one of TCP has to begin with.
    next_seq: u32,
    identity: Identity,
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
            count: 1,
            len,
            next_seq: segment.seq().wrapping_add(u32::try_from(size).ok()?),
            identity: Identity::of(segment),
            closed: segment.is_last(),
        })
    }

    /// Adds the segment, if cutting would bring it back as it is.
    pub(super) fn append(&mut self, segment: &Segment<'_>, room: &mut [u8]) -> bool {
        let part = segment.payload();
        let end = self.len + part.len();
        let Some(identity) = self.identity.with(segment, self.count) else {
            return false;
        };
        if self.closed
            || !self.continues(segment)
            || part.len() > self.size
            || end - self.network.l3 > PACKET_MAX
            || !self.is_alike(segment, room)
            || !self.is_right(segment, room)
        {
            return false;
        }
        let Some(place) = room.get_mut(self.len..end) else {
            return false;
        };
        place.copy_from_slice(part);
        if segment.is_last()
            && let Some(flags) = room.get_mut(self.network.l4 + FLAGS)
        {
            *flags |= PSH;
        }
        self.closed = segment.is_last() || part.len() < self.size;
        self.len = end;
        self.count = self.count.saturating_add(1);
        self.identity = identity;
        // No segment is as long as that.
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        self.next_seq = self.next_seq.wrapping_add(length);
        true
    }

    /// Whether the segment comes next, and there may be another one at all.
    const fn continues(&self, segment: &Segment<'_>) -> bool {
        match segment.transport {
            Transport::Tcp { seq, .. } => seq == self.next_seq && self.size >= TCP_SIZE_MIN,
            Transport::Udp => self.count < DATAGRAMS_MAX,
        }
    }

    /// Whether the checksums of the segment are right, and those of what is held. The first one by
    /// itself is handed out as it is, so it is not looked at before there is a second.
    fn is_right(&self, segment: &Segment<'_>, room: &[u8]) -> bool {
        let first = || room.get(..self.len).unwrap_or_default();
        (self.count > 1 || is_right(first(), self.network))
            && is_right(segment.bytes, segment.network)
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
        let ports = same(l4, l4 + 4);
        let rest = match segment.transport {
            // Without sequence number, flags (known to be ACK, and PSH at the end) and checksum.
            Transport::Tcp { .. } => {
                same(l4 + 8, l4 + 13) && same(l4 + 14, l4 + 16) && same(l4 + 18, self.payload)
            }
            // Length and checksum are all that is left.
            Transport::Udp => true,
        };
        network && ports && rest
    }

    /// The frame that stands for all of them.
    pub(super) fn close<'r>(&self, room: &'r mut [u8]) -> Frame<'r> {
        let offload = if self.count > 1 {
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
        match self.network.version {
            Version::V4 => {
                put(room, l3 + 2, packet.to_be_bytes())?;
                put(room, l3 + 10, [0, 0])?;
                let sum = Sum::of(room.get(l3..l4)?).checksum();
                put(room, l3 + 10, sum)?;
            }
            Version::V6 => put(room, l3 + 4, (packet - 40).to_be_bytes())?,
        }
        let length = u16::try_from(self.len - l4).ok()?;
        let kind = match (self.network.protocol, self.network.version) {
            (TCP, Version::V4) => SuperframeKind::Tcp4,
            (TCP, Version::V6) => SuperframeKind::Tcp6,
            _ => {
                put(room, l4 + 4, length.to_be_bytes())?;
                SuperframeKind::Udp
            }
        };
        let offset = self.network.checksum_offset()?;
        let [a, b] = pseudo(room, self.network, length).checksum();
        // What is owed begins with the pseudo-header's sum as it is.
        put(room, l4 + offset, [!a, !b])?;
        Some(Offload {
            checksum: Some(Checksum {
                start: u16::try_from(l4).ok()?,
                offset: u16::try_from(offset).ok()?,
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
