//! What the guards need of an IP packet, whichever version, parsed once.

use std::net::{IpAddr, Ipv6Addr};

use etherparse::{IpNumber, Ipv4HeaderSlice};

use super::bytes::{array, u16_at};
use super::chain;
use super::ethernet::ethertype;

/// The fixed IPv6 header (RFC 8200 section 3).
const V6_HEADER: usize = 40;
/// Next header: hop-by-hop options.
const HOP_BY_HOP: u8 = 0;

/// The parts of an IP packet that a guard looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ip<'a> {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    /// TTL or hop limit.
    pub(crate) hops: u8,
    /// It names other places to go to than its destination, or may: a source route (RFC 791 section
    /// 3.1), a routing header that is not used up (RFC 8200 section 4.4), a chain that cannot be
    /// walked to its end.
    pub(crate) detour: bool,
    pub(crate) upper: Upper<'a>,
}

/// What stands behind the IP header and everything that extends it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Upper<'a> {
    /// All of the packet.
    Whole(Payload<'a>),
    /// The first fragment, with its transport header.
    First(Payload<'a>),
    /// A later fragment: nothing of its transport can be seen.
    Later,
    /// The first fragment without its whole header, or an IPv6 chain that is cut or that has an
    /// unknown link: its transport is hidden.
    Broken,
}

/// A transport header and what follows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payload<'a> {
    pub(crate) protocol: IpNumber,
    /// From its transport header on.
    pub(crate) bytes: &'a [u8],
}

impl Payload<'_> {
    /// Whether the whole transport header is there, as a first fragment must have it (RFC 1858,
    /// RFC 7112 section 5).
    pub(super) fn is_headed(&self) -> bool {
        let header = match self.protocol {
            IpNumber::TCP => 20,
            IpNumber::IPV6_NO_NEXT_HEADER => 0,
            _ => 8,
        };
        self.bytes.len() >= header
    }
}

impl<'a> Ip<'a> {
    /// `None` for a malformed packet, or one whose version contradicts the ethertype.
    pub(crate) fn parse(kind: u16, bytes: &'a [u8]) -> Option<Self> {
        match kind {
            ethertype::IPV4 => Self::v4(bytes),
            ethertype::IPV6 => Self::v6(bytes),
            _ => None,
        }
    }

    fn v4(bytes: &'a [u8]) -> Option<Self> {
        let header = Ipv4HeaderSlice::from_slice(bytes).ok()?;
        let start = header.slice().len();
        let rest = bytes.get(start..usize::from(header.total_len()))?;
        let later = header.fragments_offset().value() != 0;
        let more = header.more_fragments();
        Some(Self {
            source: header.source_addr().into(),
            destination: header.destination_addr().into(),
            hops: header.ttl(),
            detour: has_source_route(header.options()),
            upper: if later {
                Upper::Later
            } else {
                chain::behind_authentication(header.protocol(), rest, more)
            },
        })
    }

    fn v6(bytes: &'a [u8]) -> Option<Self> {
        let [version, ..] = *bytes else { return None };
        let length = usize::from(u16_at(bytes, 4)?);
        let [next, hops] = array(bytes, 6)?;
        // A jumbogram (RFC 2675), or what a host takes for one: it would read past the length.
        if version >> 4 != 6 || (length == 0 && next == HOP_BY_HOP) {
            return None;
        }
        let payload = bytes.get(V6_HEADER..)?.get(..length)?;
        let (upper, detour) = chain::walk(next, payload);
        Some(Self {
            source: Ipv6Addr::from(array::<16>(bytes, 8)?).into(),
            destination: Ipv6Addr::from(array::<16>(bytes, 24)?).into(),
            hops,
            detour: detour || matches!(upper, Upper::Broken),
            upper,
        })
    }

    /// The payload, if this packet shows where it begins: whole, or the first fragment.
    pub(crate) const fn payload(&self) -> Option<Payload<'a>> {
        match self.upper {
            Upper::Whole(payload) | Upper::First(payload) => Some(payload),
            Upper::Later | Upper::Broken => None,
        }
    }

    /// The same, if it is this protocol's.
    pub(crate) fn payload_of(&self, protocol: IpNumber) -> Option<&'a [u8]> {
        let payload = self.payload()?;
        (payload.protocol == protocol).then_some(payload.bytes)
    }

    /// Whether the packet is not one of several.
    pub(crate) const fn is_whole(&self) -> bool {
        matches!(self.upper, Upper::Whole(_))
    }
}

/// Whether IPv4 options hold a loose or strict source route, or cannot be read to their end.
fn has_source_route(mut options: &[u8]) -> bool {
    const END: u8 = 0;
    const NOTHING: u8 = 1;
    const LOOSE: u8 = 0x83;
    const STRICT: u8 = 0x89;
    loop {
        match *options {
            [] | [END, ..] => return false,
            [LOOSE | STRICT, ..] => return true,
            [NOTHING, ref rest @ ..] => options = rest,
            [_, length, ..] if length >= 2 => match options.get(usize::from(length)..) {
                Some(rest) => options = rest,
                None => return true,
            },
            [..] => return true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: u16, bytes: &[u8], expect: &str) {
        let found = match Ip::parse(kind, bytes).map(|ip| ip.upper) {
            None => "bad",
            Some(Upper::Whole(_)) => "whole",
            Some(Upper::First(_)) => "first",
            Some(Upper::Later) => "later",
            Some(Upper::Broken) => "broken",
        };
        assert_eq!(found, expect, "{bytes:02x?}");
    }

    fn v4(protocol: u8, fragment: u16, payload: usize) -> Vec<u8> {
        let length = u8::try_from(20 + payload).unwrap();
        let [high, low] = fragment.to_be_bytes();
        let mut bytes = vec![0x45, 0, 0, length, 0, 1, high, low, 64, protocol, 0, 0];
        bytes.extend([10, 1, 0, 11, 10, 1, 0, 1]);
        bytes.resize(20 + payload, 0);
        bytes
    }

    fn v6(next: u8, length: u8, payload: usize) -> Vec<u8> {
        let mut bytes = vec![0x60, 0, 0, 0, 0, length, next, 255];
        bytes.resize(40 + payload, 0);
        bytes
    }

    #[test]
    fn a_first_fragment_must_hold_its_transport_header() {
        const MORE: u16 = 0x2000;
        check(ethertype::IPV4, &v4(17, 0, 4), "whole");
        check(ethertype::IPV4, &v4(17, MORE, 8), "first");
        check(ethertype::IPV4, &v4(17, MORE, 7), "broken");
        check(ethertype::IPV4, &v4(6, MORE, 16), "broken");
        check(ethertype::IPV4, &v4(6, MORE, 24), "first");
        check(ethertype::IPV4, &v4(17, MORE | 1, 0), "later");
        check(ethertype::IPV4, &v4(17, 1, 8), "later");
    }

    #[test]
    fn a_packet_is_as_long_as_it_says() {
        check(ethertype::IPV6, &v6(58, 8, 8), "whole");
        check(ethertype::IPV6, &v6(58, 8, 40), "whole");
        check(ethertype::IPV6, &v6(58, 8, 7), "bad");
        check(ethertype::IPV6, &v6(0, 0, 24), "bad");
        check(ethertype::IPV4, &v6(58, 8, 8), "bad");
        check(ethertype::IPV6, &v4(17, 0, 30), "bad");
        let padded = v6(58, 0, 40);
        let ip = Ip::parse(ethertype::IPV6, &padded).unwrap();
        assert_eq!(ip.payload_of(IpNumber::IPV6_ICMP), Some(&[][..]));
    }
}
