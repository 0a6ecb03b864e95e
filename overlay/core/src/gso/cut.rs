//! One superframe, ready to be cut: everything that its frames share is summed once.

use crate::frame::{Frame, Superframe, SuperframeKind};
use crate::gso::checksum::Sum;
use crate::gso::fault::GsoFault;
use crate::gso::network::{Network, TCP, UDP, Version, word};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const CWR: u8 = 0x80;

/// Linux makes no smaller TCP segments (`TCP_MIN_GSO_SIZE`); fewer bytes would only turn one
/// read into tens of thousands of frames.
pub(crate) const TCP_SIZE_MIN: usize = 8;
/// Linux cuts a UDP superframe into no more (`UDP_MAX_SEGMENTS`).
const UDP_FRAMES_MAX: usize = 128;

/// What the transport header changes from frame to frame.
#[derive(Clone, Copy, Debug)]
enum Transport {
    /// Sequence number of the first byte; header length and flags as on the superframe.
    Tcp {
        seq: u32,
        offset: u8,
        flags: u8,
    },
    Udp,
}

/// A superframe whose headers have been checked against its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut<'a> {
    headers: &'a [u8],
    payload: &'a [u8],
    size: usize,
    /// CWR opens the first frame; else it is part of a counter (RFC 9768) and the same on each.
    ecn: bool,
    network: Network,
    transport: Transport,
    /// IPv4 identification of the first frame.
    id: u16,
    /// The IPv4 header without length, identification and checksum.
    ip_sum: Sum,
    /// Pseudo-header and transport header without lengths, sequence number, flags and checksum.
    transport_sum: Sum,
}

impl<'a> Cut<'a> {
    pub(super) fn new(frame: Frame<'a>, superframe: Superframe) -> Result<Self, GsoFault> {
        let bytes = frame.bytes;
        let network = Network::parse(bytes)?;
        check_agreement(bytes, network, frame, superframe)?;
        let (header_len, transport) = transport(bytes, network, superframe)?;
        let (headers, payload) = bytes
            .split_at_checked(network.l4 + header_len)
            .ok_or(GsoFault::Header)?;
        let size = usize::from(superframe.size);
        check_size(size, payload.len(), transport)?;
        let mut cut = Self {
            headers,
            payload,
            size,
            ecn: superframe.ecn,
            network,
            transport,
            id: 0,
            ip_sum: Sum::default(),
            transport_sum: Sum::default(),
        };
        cut.add_up()?;
        Ok(cut)
    }

    /// How many frames it stands for; a superframe without payload is one.
    pub(super) fn count(&self) -> usize {
        self.payload.len().div_ceil(self.size).max(1)
    }

    pub(super) fn max_len(&self) -> usize {
        self.headers.len() + self.payload.len().min(self.size)
    }

    pub(super) fn total_len(&self) -> usize {
        self.headers.len() * self.count() + self.payload.len()
    }

    /// Writes frame `index` of [`Self::count`]; `None` when it does not fit or is not there.
    pub(super) fn write(&self, index: usize, out: &mut [u8]) -> Option<usize> {
        let from = index.checked_mul(self.size)?;
        let to = from.saturating_add(self.size).min(self.payload.len());
        let part = self.payload.get(from..to)?;
        let len = self.headers.len() + part.len();
        let (headers, payload) = out.get_mut(..len)?.split_at_mut(self.headers.len());
        headers.copy_from_slice(self.headers);
        payload.copy_from_slice(part);
        self.fix_network(headers, index, len)?;
        self.fix_transport(headers, index, from, part)?;
        Some(len)
    }

    fn fix_network(&self, headers: &mut [u8], index: usize, len: usize) -> Option<()> {
        let l3 = self.network.l3;
        let len = u16::try_from(len - l3).ok()?;
        match self.network.version {
            Version::V4 => {
                let [low, high, ..] = index.to_le_bytes();
                let id = self.id.wrapping_add(u16::from_le_bytes([low, high]));
                put(headers, l3 + 2, len.to_be_bytes())?;
                put(headers, l3 + 4, id.to_be_bytes())?;
                put(headers, l3 + 10, self.ip_sum.word(len).word(id).checksum())
            }
            Version::V6 => put(headers, l3 + 4, len.checked_sub(40)?.to_be_bytes()),
        }
    }

    fn fix_transport(
        &self,
        headers: &mut [u8],
        index: usize,
        from: usize,
        part: &[u8],
    ) -> Option<()> {
        let l4 = self.network.l4;
        let len = u16::try_from(headers.len() - l4 + part.len()).ok()?;
        let sum = self.transport_sum.and(Sum::of(part)).word(len);
        match self.transport {
            Transport::Tcp { seq, offset, flags } => {
                let seq = seq.wrapping_add(u32::try_from(from).ok()?);
                let flags = self.flags_of(index, flags);
                let sum = sum.long(seq).word(u16::from_be_bytes([offset, flags]));
                put(headers, l4 + 4, seq.to_be_bytes())?;
                put(headers, l4 + 13, [flags])?;
                put(headers, l4 + 16, sum.transport_checksum())
            }
            // The length counts twice: in the pseudo-header and in the header (RFC 768).
            Transport::Udp => {
                put(headers, l4 + 4, len.to_be_bytes())?;
                put(headers, l4 + 6, sum.word(len).transport_checksum())
            }
        }
    }

    /// FIN and PSH end the last frame. CWR opens the first (RFC 3168 section 6.1.2), if the header
    /// says that it is to: every kernel does so of a CWR of that kind.
    fn flags_of(&self, index: usize, flags: u8) -> u8 {
        let first = if index == 0 || !self.ecn { 0 } else { CWR };
        let last = if index + 1 == self.count() {
            0
        } else {
            FIN | PSH
        };
        flags & !first & !last
    }

    /// Computes what all frames share.
    fn add_up(&mut self) -> Result<(), GsoFault> {
        let Network { l3, l4, .. } = self.network;
        let part = |from: usize, to: usize| self.headers.get(from..to).ok_or(GsoFault::Header);
        let addresses = match self.network.version {
            Version::V4 => {
                let fixed = [
                    part(l3, l3 + 2)?,
                    part(l3 + 6, l3 + 10)?,
                    part(l3 + 12, l4)?,
                ];
                self.ip_sum = fixed
                    .iter()
                    .fold(Sum::default(), |sum, b| sum.and(Sum::of(b)));
                self.id = word(self.headers, l3 + 4)?;
                part(l3 + 12, l3 + 20)?
            }
            Version::V6 => part(l3 + 8, l3 + 40)?,
        };
        let pseudo = Sum::of(addresses).word(u16::from(self.network.protocol));
        self.transport_sum = match self.transport {
            Transport::Tcp { .. } => pseudo
                .and(Sum::of(part(l4, l4 + 4)?))
                .and(Sum::of(part(l4 + 8, l4 + 12)?))
                .and(Sum::of(part(l4 + 14, l4 + 16)?))
                .and(Sum::of(part(l4 + 18, self.headers.len())?)),
            Transport::Udp => pseudo.and(Sum::of(part(l4, l4 + 4)?)),
        };
        Ok(())
    }
}

/// The kind, the version, the lengths and the place of the checksum must tell one story.
fn check_agreement(
    bytes: &[u8],
    network: Network,
    frame: Frame<'_>,
    superframe: Superframe,
) -> Result<(), GsoFault> {
    let (version, protocol) = match superframe.kind {
        SuperframeKind::Tcp4 => (Version::V4, TCP),
        SuperframeKind::Tcp6 => (Version::V6, TCP),
        SuperframeKind::Udp => (network.version, UDP),
    };
    if version != network.version {
        return Err(GsoFault::IpVersion);
    }
    if protocol != network.protocol || !network.direct {
        return Err(GsoFault::Protocol);
    }
    if superframe.kind == SuperframeKind::Udp && network.is_dhcp(bytes) {
        return Err(GsoFault::Dhcp);
    }
    if network.l3 + network.packet_len(bytes)? != bytes.len() {
        return Err(GsoFault::Length);
    }
    match frame.offload.checksum {
        None if frame.offload.valid => Ok(()),
        None => Err(GsoFault::ChecksumUnknown),
        Some(checksum) => {
            let own = usize::from(checksum.start) == network.l4
                && Some(usize::from(checksum.offset)) == network.checksum_offset();
            own.then_some(()).ok_or(GsoFault::ChecksumPlace)
        }
    }
}

/// Length of the transport header, by its own account (the offload header's is not to be
/// trusted on forwarded frames), and its moving parts.
fn transport(
    bytes: &[u8],
    network: Network,
    superframe: Superframe,
) -> Result<(usize, Transport), GsoFault> {
    let header = bytes.get(network.l4..).ok_or(GsoFault::Header)?;
    if superframe.kind == SuperframeKind::Udp {
        if usize::from(word(header, 4)?) != header.len() {
            return Err(GsoFault::Length);
        }
        if superframe.ecn {
            return Err(GsoFault::TcpFlags);
        }
        return Ok((8, Transport::Udp));
    }
    let &[_, _, _, _, s0, s1, s2, s3, _, _, _, _, offset, flags] =
        header.first_chunk().ok_or(GsoFault::Header)?;
    let header_len = usize::from(offset >> 4) * 4;
    if !(20..=60).contains(&header_len) {
        return Err(GsoFault::Header);
    }
    if flags & (SYN | RST) != 0 {
        return Err(GsoFault::TcpFlags);
    }
    let seq = u32::from_be_bytes([s0, s1, s2, s3]);
    Ok((header_len, Transport::Tcp { seq, offset, flags }))
}

fn check_size(size: usize, payload: usize, transport: Transport) -> Result<(), GsoFault> {
    let fits = match transport {
        Transport::Tcp { .. } => size >= TCP_SIZE_MIN,
        Transport::Udp => size > 0 && payload.div_ceil(size) <= UDP_FRAMES_MAX,
    };
    fits.then_some(()).ok_or(GsoFault::Size)
}

fn put<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) -> Option<()> {
    *bytes.get_mut(at..)?.first_chunk_mut()? = value;
    Some(())
}
