//! Is a frame a TCP segment or a UDP datagram that another may continue?

use std::hash::Hasher;

use rustc_hash::FxHasher;

use super::datagram;
use crate::gso::{GsoFault, Network, Sum, TCP, UDP, Version, word};

const ACK: u8 = 0x10;
const PSH: u8 = 0x08;

/// What the order of frames asks of the ones that are held.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind<'a> {
    /// It can be held itself.
    Segment(u64, Segment<'a>),
    /// It is of this flow and cannot: what is held of the flow goes first.
    OfFlow(u64),
    /// It may be of any flow: a fragment, or something broken.
    OfAny,
    /// It is of no flow that is ever held.
    Apart,
}

/// A TCP segment with payload that says nothing but "more", or a UDP datagram. Whether its checksums
/// are right is not known yet: [`is_right`] is asked once there is something to join it with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) network: Network,
    /// First byte of the payload.
    pub(super) payload: usize,
    pub(super) transport: Transport,
    /// IPv4 identification; zero over IPv6.
    pub(super) id: u16,
}

/// What only one of the two protocols says of a segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Transport {
    Tcp {
        seq: u32,
        /// The last of what the sender had to say for now.
        pushes: bool,
    },
    Udp,
}

impl<'a> Kind<'a> {
    /// UDP is only looked at where datagrams are joined at all.
    pub(super) fn of(bytes: &'a [u8], datagrams: bool) -> Self {
        let network = match Network::parse(bytes) {
            Ok(network) => network,
            Err(GsoFault::Protocol) => return Self::Apart,
            Err(_) => return Self::OfAny,
        };
        match network.protocol {
            TCP => {}
            UDP if datagrams && !datagram::is_apart(bytes, network) => {}
            _ => return Self::Apart,
        }
        let Some(flow) = flow(bytes, network) else {
            return Self::OfAny;
        };
        Segment::of(bytes, network).map_or(Self::OfFlow(flow), |it| Self::Segment(flow, it))
    }
}

impl<'a> Segment<'a> {
    fn of(bytes: &'a [u8], network: Network) -> Option<Self> {
        let Network { l3, l4, .. } = network;
        let header = match network.version {
            Version::V4 => 20,
            Version::V6 => 40,
        };
        // Options, extensions and padding stay where they are.
        if l4 - l3 != header || l3 + network.packet_len(bytes).ok()? != bytes.len() {
            return None;
        }
        let (payload, transport) = if network.protocol == UDP {
            (datagram::payload(bytes, network)?, Transport::Udp)
        } else {
            tcp(bytes, l4)?
        };
        let id = match network.version {
            Version::V4 => word(bytes, l3 + 4).ok()?,
            Version::V6 => 0,
        };
        Some(Self {
            bytes,
            network,
            payload,
            transport,
            id,
        })
    }

    pub(super) fn payload(&self) -> &'a [u8] {
        self.bytes.get(self.payload..).unwrap_or_default()
    }

    /// TCP's sequence number; zero over UDP.
    pub(super) const fn seq(&self) -> u32 {
        match self.transport {
            Transport::Tcp { seq, .. } => seq,
            Transport::Udp => 0,
        }
    }

    /// Nothing can follow it.
    pub(super) const fn is_last(&self) -> bool {
        matches!(self.transport, Transport::Tcp { pushes: true, .. })
    }
}

/// Where the payload of TCP begins, if there is any and nothing else is said.
fn tcp(bytes: &[u8], l4: usize) -> Option<(usize, Transport)> {
    let &[_, _, _, _, s0, s1, s2, s3, _, _, _, _, offset, flags] =
        bytes.get(l4..)?.first_chunk()?;
    let payload = l4 + usize::from(offset >> 4) * 4;
    if flags & !PSH != ACK || payload < l4 + 20 || payload >= bytes.len() {
        return None;
    }
    let transport = Transport::Tcp {
        seq: u32::from_be_bytes([s0, s1, s2, s3]),
        pushes: flags & PSH != 0,
    };
    Some((payload, transport))
}

/// Whether both checksums of what can be held are the ones that a kernel would compute, to the bit:
/// each number of ones' complement arithmetic but zero has one form, and zero is left to its two.
pub(super) fn is_right(bytes: &[u8], network: Network) -> bool {
    let Network { l3, l4, .. } = network;
    let part = |from: usize, to: usize| Sum::of(bytes.get(from..to).unwrap_or_default());
    let field = |at: usize| bytes.get(at..at + 2);
    if network.version == Version::V4 {
        let header = part(l3, l3 + 10).and(part(l3 + 12, l3 + 20));
        if field(l3 + 10) != Some(&header.checksum()[..]) {
            return false;
        }
    }
    let (Ok(length), Some(offset)) = (
        u16::try_from(bytes.len() - l4),
        network.checksum_offset().map(|it| l4 + it),
    ) else {
        return false;
    };
    let sum = pseudo(bytes, network, length)
        .and(part(l4, offset))
        .and(part(offset + 2, bytes.len()));
    field(offset) == Some(&sum.transport_checksum()[..])
}

/// The sum of the pseudo-header for so many bytes of TCP or UDP (RFC 9293 section 3.1, RFC 768).
pub(super) fn pseudo(bytes: &[u8], network: Network, length: u16) -> Sum {
    let l4 = network.l4;
    let addresses = match network.version {
        Version::V4 => l4 - 8..l4,
        Version::V6 => l4 - 32..l4,
    };
    let addresses = Sum::of(bytes.get(addresses).unwrap_or_default());
    addresses.word(u16::from(network.protocol)).word(length)
}

/// A hash of what a flow is told by. Two flows with one hash only cost each other their company.
fn flow(bytes: &[u8], network: Network) -> Option<u64> {
    let Network { l3, l4, .. } = network;
    let addresses = match network.version {
        Version::V4 => bytes.get(l3 + 12..l3 + 20)?,
        Version::V6 => bytes.get(l3 + 8..l3 + 40)?,
    };
    // In words: a hasher takes its time over a slice of any length.
    let mut hasher = FxHasher::default();
    hasher.write_u8(network.protocol);
    for &word in addresses.as_chunks::<8>().0 {
        hasher.write_u64(u64::from_ne_bytes(word));
    }
    let ports = bytes.get(l4..)?.first_chunk()?;
    hasher.write_u32(u32::from_ne_bytes(*ports));
    Some(hasher.finish())
}
