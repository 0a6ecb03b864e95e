//! DHCP for IPv4 (RFC 2131) and IPv6 (RFC 8415): who speaks, client or server.

use etherparse::IpNumber;
use skerry_policy::Mac;

use super::bytes::{array, u16_at};
use super::ip::Ip;

const UDP_HEADER: usize = 8;
/// BOOTP ports (RFC 951).
const SERVER: u16 = 67;
const CLIENT: u16 = 68;
/// DHCPv6 ports (RFC 8415 section 7.2).
const SERVER6: u16 = 547;
const CLIENT6: u16 = 546;
/// Hardware type Ethernet, six bytes of address.
const ETHERNET: [u8; 2] = [1, 6];
const BOOTREQUEST: u8 = 1;
/// Messages of clients (RFC 8415 section 7.3): solicit, request, confirm, renew, rebind, release,
/// decline, information-request. The others are of servers and of relays.
const CLIENT_MESSAGES: [u8; 8] = [1, 3, 4, 5, 6, 8, 9, 11];

/// A message of DHCP, by who may send it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dhcp {
    /// A client of IPv4 asks for this hardware address; `None` when it names none of Ethernet.
    Client(Option<Mac>),
    /// A client of IPv6 asks. Its identifier (DUID) names no interface.
    Client6,
    /// A server or a relay speaks, or something addressed to clients.
    Server,
}

impl Dhcp {
    /// `None` for what is not DHCP. Both ports count: a client listens on its port whatever the
    /// sender's was.
    pub(crate) fn parse(ip: &Ip<'_>) -> Option<Self> {
        let udp = ip.payload_of(IpNumber::UDP)?;
        let (from, to) = (u16_at(udp, 0)?, u16_at(udp, 2)?);
        let message = udp.get(UDP_HEADER..).unwrap_or_default();
        if ip.source.is_ipv4() {
            Self::v4(from, to, message)
        } else {
            Self::v6(from, to, message, ip.is_whole())
        }
    }

    fn v4(from: u16, to: u16, message: &[u8]) -> Option<Self> {
        if from == SERVER || to == CLIENT {
            return Some(Self::Server);
        }
        (to == SERVER).then(|| match message {
            [BOOTREQUEST, hardware @ ..] => {
                let named = hardware.starts_with(&ETHERNET);
                Self::Client(array(message, 28).map(Mac).filter(|_| named))
            }
            [] => Self::Client(None),
            _ => Self::Server,
        })
    }

    fn v6(from: u16, to: u16, message: &[u8], whole: bool) -> Option<Self> {
        if from == SERVER6 || to == CLIENT6 {
            return Some(Self::Server);
        }
        (to == SERVER6).then(|| match message.first() {
            Some(kind) if !CLIENT_MESSAGES.contains(kind) => Self::Server,
            // The rest may be a relay's.
            None if !whole => Self::Server,
            Some(_) | None => Self::Client6,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ethernet::ethertype;

    fn packet(v6: bool, ports: (u16, u16), message: &[u8]) -> Vec<u8> {
        let builder = if v6 {
            etherparse::PacketBuilder::ipv6([0xfe; 16], [0xff; 16], 1)
        } else {
            etherparse::PacketBuilder::ipv4([10, 1, 0, 11], [255; 4], 64)
        };
        let mut bytes = Vec::new();
        let builder = builder.udp(ports.0, ports.1);
        builder.write(&mut bytes, message).unwrap();
        bytes
    }

    #[track_caller]
    fn check(v6: bool, ports: (u16, u16), message: &[u8], expect: Option<Dhcp>) {
        let bytes = packet(v6, ports, message);
        let kind = if v6 { ethertype::IPV6 } else { ethertype::IPV4 };
        let ip = Ip::parse(kind, &bytes).unwrap();
        assert_eq!(Dhcp::parse(&ip), expect, "{ports:?} {message:02x?}");
    }

    fn bootp(op: u8, hardware: [u8; 2]) -> Vec<u8> {
        let mut message = vec![op, hardware[0], hardware[1], 0];
        message.resize(28, 0);
        message.extend([2, 0, 0, 0, 0, 7]);
        message.resize(240, 0);
        message
    }

    #[test]
    fn servers_are_known_by_their_port_by_their_receivers_and_by_their_words() {
        for ports in [(67, 68), (9, 68), (67, 9), (67, 67)] {
            check(false, ports, &bootp(1, ETHERNET), Some(Dhcp::Server));
        }
        check(false, (68, 67), &bootp(2, ETHERNET), Some(Dhcp::Server));
        for ports in [(547, 546), (9, 546), (547, 9)] {
            check(true, ports, &[1], Some(Dhcp::Server));
        }
        for kind in [2, 7, 10, 12, 13] {
            check(true, (546, 547), &[kind], Some(Dhcp::Server));
        }
    }

    #[test]
    fn a_client_asks_for_a_hardware_address() {
        let mac = Some(Mac([2, 0, 0, 0, 0, 7]));
        check(
            false,
            (68, 67),
            &bootp(1, ETHERNET),
            Some(Dhcp::Client(mac)),
        );
        check(false, (68, 67), &bootp(1, [6, 6]), Some(Dhcp::Client(None)));
        check(
            false,
            (68, 67),
            &bootp(1, ETHERNET)[..33],
            Some(Dhcp::Client(None)),
        );
        check(false, (68, 67), &[], Some(Dhcp::Client(None)));
        check(true, (546, 547), &[1, 0, 0, 1], Some(Dhcp::Client6));
        check(true, (546, 547), &[], Some(Dhcp::Client6));
    }

    #[test]
    fn other_ports_are_not_dhcp() {
        check(false, (546, 547), &[2], None);
        check(true, (68, 67), &[2], None);
        check(false, (53, 53), &[2], None);
    }
}
