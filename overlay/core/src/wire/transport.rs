//! What a packet says on top of IP, for whoever must know the conversation it belongs to: the
//! ports of TCP (RFC 9293 section 3.1) and UDP (RFC 768), the types of ICMP (RFC 792, RFC 4443).

use std::net::IpAddr;

use etherparse::{IpNumber, Ipv4Slice, Ipv6ExtensionSlice, Ipv6Slice};

use super::bytes::{array, u16_at};
use super::ethernet::ethertype;
use super::ip::Ip;

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
/// A TCP header without options.
const TCP_HEADER: u8 = 20;

/// The transport header of a whole packet that goes where its first header says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Transport {
    Tcp {
        source: u16,
        destination: u16,
        /// SYN without ACK: it asks for a connection.
        opens: bool,
    },
    Udp {
        source: u16,
        destination: u16,
    },
    EchoRequest,
    EchoReply,
    /// Unreachable, too big, time exceeded, parameter problem.
    IcmpError,
}

impl Transport {
    /// Source, destination and transport of a packet. `None` for what is no such conversation:
    /// other protocols, fragments, and packets that options or a routing header may send on
    /// elsewhere (RFC 7126 section 4.3, RFC 5095), so that nothing is decided on a half-truth.
    pub(crate) fn parse(kind: u16, packet: &[u8]) -> Option<(IpAddr, IpAddr, Self)> {
        if !is_straight(kind, packet) {
            return None;
        }
        let ip = Ip::parse(kind, packet)?;
        let payload = ip.payload().filter(|_| ip.is_whole())?;
        let transport = match payload.protocol {
            IpNumber::TCP => Self::tcp(payload.bytes),
            IpNumber::UDP => Self::udp(payload.bytes),
            IpNumber::ICMP if kind == ethertype::IPV4 => Self::icmp4(payload.bytes),
            IpNumber::IPV6_ICMP if kind == ethertype::IPV6 => Self::icmp6(payload.bytes),
            _ => None,
        };
        Some((ip.source, ip.destination, transport?))
    }

    fn tcp(bytes: &[u8]) -> Option<Self> {
        let header: [u8; TCP_HEADER as usize] = array(bytes, 0)?;
        let [offset, flags] = array(&header, 12)?;
        (offset >> 4 >= TCP_HEADER / 4).then_some(())?;
        Some(Self::Tcp {
            source: u16_at(&header, 0)?,
            destination: u16_at(&header, 2)?,
            opens: flags & (SYN | ACK) == SYN,
        })
    }

    fn udp(bytes: &[u8]) -> Option<Self> {
        let header: [u8; 8] = array(bytes, 0)?;
        Some(Self::Udp {
            source: u16_at(&header, 0)?,
            destination: u16_at(&header, 2)?,
        })
    }

    fn icmp4(bytes: &[u8]) -> Option<Self> {
        let [kind, ..] = array::<8>(bytes, 0)?;
        match kind {
            0 => Some(Self::EchoReply),
            8 => Some(Self::EchoRequest),
            3 | 11 | 12 => Some(Self::IcmpError),
            _ => None,
        }
    }

    fn icmp6(bytes: &[u8]) -> Option<Self> {
        let [kind, ..] = array::<8>(bytes, 0)?;
        match kind {
            128 => Some(Self::EchoRequest),
            129 => Some(Self::EchoReply),
            1..=4 => Some(Self::IcmpError),
            _ => None,
        }
    }
}

/// Neither IPv4 options nor any IPv6 extension but options: no source route, no fragment header
/// (not even that of a whole packet, RFC 6946), nothing sealed.
fn is_straight(kind: u16, packet: &[u8]) -> bool {
    match kind {
        ethertype::IPV4 => Ipv4Slice::from_slice(packet)
            .is_ok_and(|it| it.header().options().is_empty() && it.extensions().is_empty()),
        ethertype::IPV6 => Ipv6Slice::from_slice(packet).is_ok_and(|it| {
            it.extensions().clone().into_iter().all(|extension| {
                matches!(
                    extension,
                    Ipv6ExtensionSlice::HopByHop(_) | Ipv6ExtensionSlice::DestinationOptions(_)
                )
            })
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv4 packet with this protocol and payload.
    fn v4(protocol: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(20 + payload.len()).unwrap();
        let mut packet = vec![0x45, 0, 0, length, 0, 0, flags, 0, 64, protocol, 0, 0];
        packet.extend([10, 1, 0, 1, 10, 2, 0, 1]);
        packet.extend(payload);
        packet
    }

    /// An IPv6 packet that begins with this next header.
    fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        let mut packet = vec![0x60, 0, 0, 0, 0, length, next, 64];
        packet.extend([1; 16]);
        packet.extend([2; 16]);
        packet.extend(payload);
        packet
    }

    fn tcp(flags: u8) -> Vec<u8> {
        let mut header = vec![0, 80, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, flags];
        header.resize(20, 0);
        header
    }

    fn of(packet: &[u8]) -> Option<Transport> {
        let kind = if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
        Transport::parse(kind, packet).map(|(.., transport)| transport)
    }

    const UDP: [u8; 8] = [0, 53, 0xc0, 0, 0, 8, 0, 0];

    #[test]
    fn ports_and_flags_are_read() {
        let udp = Transport::Udp {
            source: 53,
            destination: 0xc000,
        };
        assert_eq!(of(&v4(17, 0, &UDP)), Some(udp));
        assert_eq!(of(&v6(17, &UDP)), Some(udp));
        for (flags, opens) in [(0x02, true), (0x12, false), (0x10, false), (0x03, true)] {
            let expect = Transport::Tcp {
                source: 80,
                destination: 0x1000,
                opens,
            };
            assert_eq!(of(&v4(6, 0, &tcp(flags))), Some(expect), "{flags:#x}");
        }
    }

    #[test]
    fn options_before_the_transport_are_walked_and_detours_are_not() {
        let behind = |next: u8| v6(next, &[&[17, 0, 1, 4, 0, 0, 0, 0], &UDP[..]].concat());
        assert!(of(&behind(0)).is_some(), "hop-by-hop options");
        assert!(of(&behind(60)).is_some(), "destination options");
        assert_eq!(of(&behind(43)), None, "a routing header");
        assert_eq!(
            of(&behind(44)),
            None,
            "the fragment header of a whole packet"
        );
        let mut options = v4(17, 0, &[&[131, 4, 4, 0][..], &UDP].concat());
        options[0] = 0x46;
        assert_eq!(of(&options), None, "a source route");
    }

    #[test]
    fn fragments_and_cut_headers_are_nothing() {
        assert_eq!(of(&v4(17, 0x20, &UDP)), None, "more fragments");
        let mut last = v4(17, 0, &UDP);
        last[7] = 1;
        assert_eq!(of(&last), None, "a later fragment");
        assert_eq!(of(&v4(17, 0, &UDP[..7])), None);
        assert_eq!(of(&v4(6, 0, &tcp(0x10)[..19])), None);
        let mut short = tcp(0x10);
        short[12] = 0x40;
        assert_eq!(of(&v4(6, 0, &short)), None, "a header shorter than itself");
    }

    #[test]
    fn icmp_is_told_by_family_and_type() {
        let icmp = |kind: u8| [kind, 0, 0, 0, 0, 0, 0, 0];
        for kind in 0..=255 {
            let four = match kind {
                0 => Some(Transport::EchoReply),
                8 => Some(Transport::EchoRequest),
                3 | 11 | 12 => Some(Transport::IcmpError),
                _ => None,
            };
            let six = match kind {
                128 => Some(Transport::EchoRequest),
                129 => Some(Transport::EchoReply),
                1..=4 => Some(Transport::IcmpError),
                _ => None,
            };
            assert_eq!(of(&v4(1, 0, &icmp(kind))), four, "ICMP {kind}");
            assert_eq!(of(&v6(58, &icmp(kind))), six, "ICMPv6 {kind}");
            assert_eq!(of(&v4(58, 0, &icmp(kind))), None, "ICMPv6 in IPv4");
            assert_eq!(of(&v6(1, &icmp(kind))), None, "ICMP in IPv6");
        }
    }
}
