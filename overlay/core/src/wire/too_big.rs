//! "Too big": what a sender is told whose packet is longer than a link carries. Of IPv4 it is
//! "fragmentation needed and DF set" with the MTU of the next hop (RFC 792, RFC 1191 section 4), of
//! IPv6 a message of its own (RFC 4443 section 3.2).
//!
//! What no error may speak of gets none, or errors would breed errors (RFC 1122 section 3.2.2,
//! RFC 1812 section 4.3.2.7, RFC 4443 section 2.4(e)): another error, a fragment that is not the
//! first, and whatever is not between two single hosts. RFC 4443 lets a packet to a group be
//! answered, and nothing here needs that.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::IpNumber;
use skerry_policy::Mac;

use super::bytes::{fold, put, sum, u16_at};
use super::ethernet::ethertype;
use super::ip::Ip;
use crate::frame::ETH_HEADER;

const V4_HEADER: usize = 20;
const V6_HEADER: usize = 40;
/// Type, code, checksum, and four bytes that hold the MTU.
const ICMP_HEADER: usize = 8;
/// As much of the packet as these lengths leave room for is quoted (RFC 1812 section 4.3.2.3,
/// RFC 4443 section 3.2).
const V4_LONGEST: usize = 576;
const V6_LONGEST: usize = 1280;
/// The least MTU of a link that carries IPv6 (RFC 8200 section 5); nobody believes in a smaller one
/// (RFC 8201 section 4).
const V6_LEAST: u16 = 1280;

const DONT_FRAGMENT: u8 = 0x40;
/// "Destination unreachable", "fragmentation needed and DF set".
const V4_KIND: [u8; 2] = [3, 4];
const V6_KIND: [u8; 2] = [2, 0];
/// Internetwork control, as RFC 1812 section 4.3.2.5 wants errors.
const PRECEDENCE: u8 = 0xc0;
const HOPS: u8 = 64;

/// A packet that is too big, and whose sender is to be told so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooBig<'a> {
    packet: &'a [u8],
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    mtu: u16,
}

impl<'a> TooBig<'a> {
    /// `None` for a packet that fits, one that routers may cut, and one of which no error may
    /// speak. `bytes` may go on behind the packet.
    pub(crate) fn parse(kind: u16, bytes: &'a [u8], mtu: u16) -> Option<Self> {
        let ip = Ip::parse(kind, bytes)?;
        let packet = bytes.get(..packet_len(kind, bytes)?)?;
        let minds = match kind {
            ethertype::IPV4 => bytes.get(6)? & DONT_FRAGMENT != 0,
            _ => mtu >= V6_LEAST,
        };
        let told = packet.len() > usize::from(mtu)
            && minds
            && is_one_host(ip.source)
            && is_one_host(ip.destination)
            && !is_error(kind, &ip)?;
        told.then_some(Self {
            packet,
            source: ip.source,
            destination: ip.destination,
            mtu,
        })
    }

    /// What its sender is told, as if by the packet's receiver: RFC 1191 has a router say it, and
    /// on a link of hosts there is none. `None` for a packet of two families, which is not parsed.
    pub(crate) fn answer(&self, sender: Mac, receiver: Mac) -> Option<Answer> {
        let mut answer = Answer {
            bytes: [0; ETH_HEADER + V6_LONGEST],
            len: 0,
        };
        let length = match (self.destination, self.source) {
            (IpAddr::V4(from), IpAddr::V4(to)) => self.write_v4(answer.packet(), from, to),
            (IpAddr::V6(from), IpAddr::V6(to)) => self.write_v6(answer.packet(), from, to),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
        }?;
        let kind = match self.source {
            IpAddr::V4(_) => ethertype::IPV4,
            IpAddr::V6(_) => ethertype::IPV6,
        };
        put(&mut answer.bytes, 0, &sender.0)?;
        put(&mut answer.bytes, 6, &receiver.0)?;
        put(&mut answer.bytes, 12, &kind.to_be_bytes())?;
        answer.len = ETH_HEADER + length;
        Some(answer)
    }

    /// The packet and its length.
    fn write_v4(&self, out: &mut [u8], from: Ipv4Addr, to: Ipv4Addr) -> Option<usize> {
        let quote = self.quote(V4_LONGEST - V4_HEADER);
        let length = V4_HEADER + ICMP_HEADER + quote.len();
        let out = out.get_mut(..length)?;
        let (ip, icmp) = out.split_at_mut(V4_HEADER);
        let [high, low] = u16::try_from(length).ok()?.to_be_bytes();
        // It is never cut, so its identification says nothing (RFC 6864 section 4.1).
        let fixed = [0x45, PRECEDENCE, high, low, 0, 0, DONT_FRAGMENT, 0];
        put(ip, 0, &fixed)?;
        put(ip, 8, &[HOPS, IpNumber::ICMP.0])?;
        put(ip, 12, &from.octets())?;
        put(ip, 16, &to.octets())?;
        put(ip, 10, &checksum(ip, 0))?;
        let [high, low] = self.mtu.to_be_bytes();
        let [kind, code] = V4_KIND;
        put(icmp, 0, &[kind, code, 0, 0, 0, 0, high, low])?;
        put(icmp, ICMP_HEADER, quote)?;
        put(icmp, 2, &checksum(icmp, 0))?;
        Some(length)
    }

    /// The packet and its length.
    fn write_v6(&self, out: &mut [u8], from: Ipv6Addr, to: Ipv6Addr) -> Option<usize> {
        let quote = self.quote(V6_LONGEST - V6_HEADER);
        let length = V6_HEADER + ICMP_HEADER + quote.len();
        let out = out.get_mut(..length)?;
        let (ip, icmp) = out.split_at_mut(V6_HEADER);
        let payload = u16::try_from(icmp.len()).ok()?;
        let [high, low] = payload.to_be_bytes();
        put(
            ip,
            0,
            &[0x60, 0, 0, 0, high, low, IpNumber::IPV6_ICMP.0, HOPS],
        )?;
        put(ip, 8, &from.octets())?;
        put(ip, 24, &to.octets())?;
        let [kind, code] = V6_KIND;
        let [high, low] = self.mtu.to_be_bytes();
        put(icmp, 0, &[kind, code, 0, 0, 0, 0, high, low])?;
        put(icmp, ICMP_HEADER, quote)?;
        // The pseudo-header of RFC 4443 section 2.3.
        let rest = u32::from(payload) + u32::from(IpNumber::IPV6_ICMP.0);
        let addresses = sum(ip.get(8..)?, rest);
        put(icmp, 2, &checksum(icmp, addresses))?;
        Some(length)
    }

    /// The packet's beginning, so that it and the ICMP header are no longer than `room`.
    fn quote(&self, room: usize) -> &'a [u8] {
        let length = self.packet.len().min(room - ICMP_HEADER);
        self.packet.get(..length).unwrap_or_default()
    }
}

/// A whole answering frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    bytes: [u8; ETH_HEADER + V6_LONGEST],
    len: usize,
}

impl Answer {
    pub(crate) fn frame(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn packet(&mut self) -> &mut [u8] {
        self.bytes.get_mut(ETH_HEADER..).unwrap_or_default()
    }
}

fn checksum(bytes: &[u8], start: u32) -> [u8; 2] {
    (!fold(u64::from(sum(bytes, start)))).to_be_bytes()
}

/// The packet's length by its own header.
fn packet_len(kind: u16, bytes: &[u8]) -> Option<usize> {
    match kind {
        ethertype::IPV4 => u16_at(bytes, 2).map(usize::from),
        _ => u16_at(bytes, 4).map(|length| V6_HEADER + usize::from(length)),
    }
}

/// Neither nobody's address, nor a group's, nor everybody's, nor one that never leaves its host
/// (RFC 1122 section 3.2.2, RFC 4443 section 2.4(e)).
const fn is_one_host(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, ..] = ip.octets();
            // "This network", loopback; groups, what is reserved, and everybody.
            first != 0 && first != 127 && first < 224
        }
        IpAddr::V6(ip) => !(ip.is_unspecified() || ip.is_loopback() || ip.is_multicast()),
    }
}

/// Whether the packet is an ICMP error. `None` where that cannot be seen. A type that is not known
/// to be a question or its answer may be one: of ICMPv6 the lower half is (RFC 4443 section 2.1),
/// of ICMP all but the queries of RFC 792, RFC 950, RFC 1256 and RFC 8335.
fn is_error(kind: u16, ip: &Ip<'_>) -> Option<bool> {
    let payload = ip.payload()?;
    let icmp = || payload.bytes.first().copied();
    match (kind, payload.protocol) {
        (ethertype::IPV4, IpNumber::ICMP) => {
            Some(!matches!(icmp()?, 0 | 8..=10 | 13..=18 | 42 | 43))
        }
        (ethertype::IPV6, IpNumber::IPV6_ICMP) => Some(icmp()? < 128),
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests;
