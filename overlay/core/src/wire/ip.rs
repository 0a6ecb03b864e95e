//! What the guards need of an IP packet, whichever version, parsed once with `etherparse`.

use std::net::IpAddr;

use etherparse::{IpNumber, Ipv4Slice, Ipv6Slice};

use super::ethernet::ethertype;

/// The parts of an IP packet that a guard looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ip<'a> {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    /// The transport, after every extension header.
    pub(crate) transport: IpNumber,
    pub(crate) fragmented: bool,
    pub(crate) payload: &'a [u8],
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
        let packet = Ipv4Slice::from_slice(bytes).ok()?;
        let payload = packet.payload();
        Some(Self {
            source: packet.header().source_addr().into(),
            destination: packet.header().destination_addr().into(),
            transport: payload.ip_number,
            fragmented: payload.fragmented,
            payload: payload.payload,
        })
    }

    fn v6(bytes: &'a [u8]) -> Option<Self> {
        let packet = Ipv6Slice::from_slice(bytes).ok()?;
        let payload = packet.payload();
        Some(Self {
            source: packet.header().source_addr().into(),
            destination: packet.header().destination_addr().into(),
            transport: payload.ip_number,
            fragmented: payload.fragmented,
            payload: payload.payload,
        })
    }

    /// A DHCP client that has no address yet (RFC 2131 section 4.1).
    pub(crate) fn is_dhcp_client(&self) -> bool {
        const BOOTPC_TO_BOOTPS: [u8; 4] = [0, 68, 0, 67];
        self.transport == IpNumber::UDP && self.payload.starts_with(&BOOTPC_TO_BOOTPS)
    }

    /// ICMPv6, whole: what neighbour discovery must be (RFC 6980).
    pub(crate) fn icmp6(&self) -> Option<&'a [u8]> {
        (self.transport == IpNumber::IPV6_ICMP && !self.fragmented).then_some(self.payload)
    }
}
