//! Where the headers of a frame are: as much of IP as offloads need, and no more.

use crate::frame::ETH_HEADER;
use crate::gso::fault::GsoFault;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_VLAN: u16 = 0x8100;
const ETHERTYPE_IPV6: u16 = 0x86dd;

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
/// IP in IP, IPv6 in IP, GRE: no guard looks inside, so they may owe a checksum of their own.
const TUNNELS: [u8; 3] = [4, 41, 47];
/// Hop-by-hop options, routing, destination options (RFC 8200 section 4): same shape.
const EXTENSIONS: [u8; 3] = [0, ROUTING, 60];
const ROUTING: u8 = 43;
/// More than any sane chain; bounds the walk.
const EXTENSIONS_MAX: usize = 8;
/// DHCP and DHCPv6 (RFC 2131, RFC 8415): a guard reads their payload.
const DHCP_PORTS: [u16; 4] = [67, 68, 546, 547];

const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;

/// The version of IP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Version {
    V4,
    V6,
}

/// The network header of a frame, checked against the frame's length.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Network {
    /// First byte of the IP header.
    pub(crate) l3: usize,
    /// First byte of the transport header.
    pub(crate) l4: usize,
    pub(crate) version: Version,
    /// Protocol of the transport header.
    pub(crate) protocol: u8,
    /// No routing header: the destination in the IP header is the one that the pseudo-header of the
    /// transport has (RFC 8200 section 8.1).
    pub(super) direct: bool,
}

impl Network {
    /// Reads an Ethernet frame with at most one 802.1Q tag.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, GsoFault> {
        let outer = word(bytes, ETH_HEADER - 2)?;
        let (l3, ethertype) = if outer == ETHERTYPE_VLAN {
            (ETH_HEADER + 4, word(bytes, ETH_HEADER + 2)?)
        } else {
            (ETH_HEADER, outer)
        };
        match ethertype {
            ETHERTYPE_IPV4 => Self::ipv4(bytes, l3),
            ETHERTYPE_IPV6 => Self::ipv6(bytes, l3),
            _ => Err(GsoFault::Protocol),
        }
    }

    fn ipv4(bytes: &[u8], l3: usize) -> Result<Self, GsoFault> {
        let packet = bytes.get(l3..).ok_or(GsoFault::Header)?;
        let header = packet
            .first_chunk::<IPV4_HEADER>()
            .ok_or(GsoFault::Header)?;
        let &[first, _, l0, l1, _, _, f0, f1, _, protocol, ..] = header;
        if first >> 4 != 4 {
            return Err(GsoFault::IpVersion);
        }
        let header_len = usize::from(first & 0x0f) * 4;
        if header_len < IPV4_HEADER || header_len > packet.len() {
            return Err(GsoFault::Header);
        }
        let total = usize::from(u16::from_be_bytes([l0, l1]));
        if total < header_len || total > packet.len() {
            return Err(GsoFault::Length);
        }
        // "More fragments" or an offset (RFC 791 section 3.1).
        if u16::from_be_bytes([f0, f1]) & 0x3fff != 0 {
            return Err(GsoFault::Fragment);
        }
        Ok(Self {
            l3,
            l4: l3 + header_len,
            version: Version::V4,
            protocol,
            direct: true,
        })
    }

    fn ipv6(bytes: &[u8], l3: usize) -> Result<Self, GsoFault> {
        let packet = bytes.get(l3..).ok_or(GsoFault::Header)?;
        let header = packet
            .first_chunk::<IPV6_HEADER>()
            .ok_or(GsoFault::Header)?;
        let &[first, _, _, _, l0, l1, next, ..] = header;
        if first >> 4 != 6 {
            return Err(GsoFault::IpVersion);
        }
        let payload = usize::from(u16::from_be_bytes([l0, l1]));
        if payload > packet.len() - IPV6_HEADER {
            return Err(GsoFault::Length);
        }
        let (l4, protocol, direct) = walk(bytes, l3 + IPV6_HEADER, next)?;
        Ok(Self {
            l3,
            l4,
            version: Version::V6,
            protocol,
            direct,
        })
    }

    /// The length of the IP packet by its own header, from `l3` on.
    pub(crate) fn packet_len(self, bytes: &[u8]) -> Result<usize, GsoFault> {
        match self.version {
            Version::V4 => Ok(usize::from(word(bytes, self.l3 + 2)?)),
            Version::V6 => Ok(usize::from(word(bytes, self.l3 + 4)?) + IPV6_HEADER),
        }
    }

    /// Where the transport keeps its checksum, from `l4`.
    pub(crate) const fn checksum_offset(self) -> Option<usize> {
        match self.protocol {
            TCP => Some(16),
            UDP => Some(6),
            _ => None,
        }
    }

    /// May a checksum be owed at `start`, `offset` bytes on? Either it is the transport
    /// header's own, or it lies in the payload of a tunnel that the guest runs itself. Anything
    /// else could rewrite what a guard has read.
    pub(super) fn owes(self, bytes: &[u8], start: usize, offset: usize) -> bool {
        if start + offset + 2 > bytes.len() {
            return false;
        }
        if start == self.l4 && self.checksum_offset() == Some(offset) {
            return true;
        }
        let beyond = |header: usize| start >= self.l4 + header;
        match self.protocol {
            UDP => beyond(8) && !self.is_dhcp(bytes),
            protocol => TUNNELS.contains(&protocol) && beyond(4),
        }
    }

    pub(crate) fn is_dhcp(self, bytes: &[u8]) -> bool {
        let either = |at| word(bytes, at).is_ok_and(|port| DHCP_PORTS.contains(&port));
        either(self.l4) || either(self.l4 + 2)
    }
}

/// Follows the extension headers that may stand before TCP and UDP: where these begin, which it is,
/// and whether there was no routing header.
fn walk(bytes: &[u8], mut at: usize, mut next: u8) -> Result<(usize, u8, bool), GsoFault> {
    let mut direct = true;
    for _ in 0..EXTENSIONS_MAX {
        if next == 44 {
            return Err(GsoFault::Fragment);
        }
        if !EXTENSIONS.contains(&next) {
            return Ok((at, next, direct));
        }
        direct &= next != ROUTING;
        let &[following, units] = bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .ok_or(GsoFault::Header)?;
        next = following;
        at += (usize::from(units) + 1) * 8;
    }
    Err(GsoFault::Header)
}

/// The 16-bit number at `at`.
pub(crate) fn word(bytes: &[u8], at: usize) -> Result<u16, GsoFault> {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map(|&pair| u16::from_be_bytes(pair))
        .ok_or(GsoFault::Header)
}
