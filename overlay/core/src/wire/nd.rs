//! Neighbour discovery for IPv6 (RFC 4861): solicitations and advertisements of neighbours, and
//! what a router says.

use std::net::Ipv6Addr;

use etherparse::IpNumber;
use skerry_policy::Mac;

use super::bytes::{array, fold, put, sum};
use super::ip::Ip;

/// A whole answering frame: Ethernet, IPv6, advertisement, one option.
pub(crate) const ADVERTISEMENT_FRAME: usize = 14 + 40 + 24 + 8;

const ROUTER_SOLICITATION: u8 = 133;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const SOURCE_LINK_ADDRESS: u8 = 1;
const TARGET_LINK_ADDRESS: u8 = 2;
const ICMP6: u8 = 58;
const ROUTER_ADVERTISEMENT: u8 = 134;
/// Neighbour discovery that came through a router is forged (RFC 4861 section 7.1).
const HOP_LIMIT: u8 = 255;

/// A neighbour discovery message that claims or asks for an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Nd {
    /// Who has `target`?
    Solicitation { target: Ipv6Addr, link: Option<Mac> },
    /// `target` is here.
    Advertisement { target: Ipv6Addr, link: Option<Mac> },
    /// Who is a router? From a host that says where it is, or does not.
    RouterSolicitation { link: Option<Mac> },
    /// The sender says it is a router.
    Router,
}

/// Not the neighbour discovery it claims to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Malformed;

impl Nd {
    /// `Ok(None)` for a packet that is none of them. A router's message is one however it comes,
    /// for a guard to refuse (RFC 7113); a neighbour's must be whole (RFC 6980) and from this
    /// link.
    ///
    /// # Errors
    /// The message is of a neighbour by its type, and broken.
    pub(crate) fn parse(ip: &Ip<'_>) -> Result<Option<Self>, Malformed> {
        let Some(icmp) = ip.payload_of(IpNumber::IPV6_ICMP) else {
            return Ok(None);
        };
        match icmp.first() {
            Some(&ROUTER_ADVERTISEMENT) => Ok(Some(Self::Router)),
            Some(&kind @ (ROUTER_SOLICITATION | SOLICITATION | ADVERTISEMENT)) => {
                if !ip.is_whole() || ip.hops != HOP_LIMIT {
                    return Err(Malformed);
                }
                Self::of_neighbour(kind, icmp).map(Some)
            }
            Some(_) => Ok(None),
            None => Err(Malformed),
        }
    }

    fn of_neighbour(kind: u8, icmp: &[u8]) -> Result<Self, Malformed> {
        if kind == ROUTER_SOLICITATION {
            let options = icmp.get(8..).ok_or(Malformed)?;
            let link = link_address(options, SOURCE_LINK_ADDRESS)?;
            return Ok(Self::RouterSolicitation { link });
        }
        let target = Ipv6Addr::from(array::<16>(icmp, 8).ok_or(Malformed)?);
        let options = icmp.get(24..).ok_or(Malformed)?;
        Ok(if kind == SOLICITATION {
            Self::Solicitation {
                target,
                link: link_address(options, SOURCE_LINK_ADDRESS)?,
            }
        } else {
            Self::Advertisement {
                target,
                link: link_address(options, TARGET_LINK_ADDRESS)?,
            }
        })
    }
}

/// The link-layer address option of this kind. Two different ones are malformed: a guard and a
/// host might believe different ones.
fn link_address(mut options: &[u8], wanted: u8) -> Result<Option<Mac>, Malformed> {
    let mut found = None;
    while let [kind, units, ..] = *options {
        let length = usize::from(units) * 8;
        if length == 0 {
            return Err(Malformed);
        }
        let (option, rest) = options.split_at_checked(length).ok_or(Malformed)?;
        if kind == wanted {
            let mac = array(option, 2).map(Mac);
            if length != 8 || found.is_some_and(|earlier| Some(earlier) != mac) {
                return Err(Malformed);
            }
            found = mac;
        }
        options = rest;
    }
    if options.is_empty() {
        Ok(found)
    } else {
        Err(Malformed)
    }
}

/// Who asked, and what to tell them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) asker: Mac,
    /// Unspecified for duplicate address detection; the answer then goes to all nodes.
    pub(crate) asker_ip: Ipv6Addr,
    pub(crate) owner: Mac,
    pub(crate) target: Ipv6Addr,
    /// The target is a gateway: without the R flag hosts would forget it as a router.
    pub(crate) router: bool,
}

impl Answer {
    /// The advertisement, as a frame to the asker (RFC 4861 section 7.2.4).
    pub(crate) fn frame(&self) -> [u8; ADVERTISEMENT_FRAME] {
        const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
        let probing = self.asker_ip.is_unspecified();
        let destination = if probing { ALL_NODES } else { self.asker_ip };
        let mut frame = [0; ADVERTISEMENT_FRAME];
        let header = [0x60, 0, 0, 0, 0, 32, ICMP6, HOP_LIMIT];
        let flags = 0x20 | if self.router { 0x80 } else { 0 } | if probing { 0 } else { 0x40 };
        let fields: [(usize, &[u8]); 10] = [
            (0, &self.asker.0),
            (6, &self.owner.0),
            (12, &[0x86, 0xdd]),
            (14, &header),
            (22, &self.target.octets()),
            (38, &destination.octets()),
            (54, &[ADVERTISEMENT, 0, 0, 0, flags]),
            (62, &self.target.octets()),
            (78, &[TARGET_LINK_ADDRESS, 1]),
            (80, &self.owner.0),
        ];
        for (at, value) in fields {
            // Every field is a constant place inside the constant length.
            let _written = put(&mut frame, at, value);
        }
        let checksum = checksum(&frame);
        let _written = put(&mut frame, 56, &checksum);
        frame
    }
}

/// ICMPv6 over the pseudo-header (RFC 4443 section 2.3) of a frame as built above.
fn checksum(frame: &[u8; ADVERTISEMENT_FRAME]) -> [u8; 2] {
    let pseudo = sum(frame.get(22..54).unwrap_or_default(), 32 + u32::from(ICMP6));
    let total = sum(frame.get(54..).unwrap_or_default(), pseudo);
    (!fold(u64::from(total))).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ethernet::ethertype;

    fn answer() -> Answer {
        Answer {
            asker: Mac([2, 0, 0, 0, 0, 1]),
            asker_ip: "fe80::1".parse().unwrap(),
            owner: Mac([2, 0, 0, 0, 0, 9]),
            target: "2001:db8:1::9".parse().unwrap(),
            router: true,
        }
    }

    /// An ICMPv6 message in a packet of this hop limit, after these extension headers.
    fn packet(icmp: &[u8], hops: u8, headers: &[u8], next: u8) -> Vec<u8> {
        let mut bytes = answer().frame()[14..54].to_vec();
        bytes[4..8].copy_from_slice(&[0, 0, next, hops]);
        bytes.extend(headers);
        bytes.extend(icmp);
        bytes[5] = u8::try_from(bytes.len() - 40).unwrap();
        bytes
    }

    fn parse(packet: &[u8]) -> Result<Option<Nd>, Malformed> {
        Nd::parse(&Ip::parse(ethertype::IPV6, packet).expect("IPv6"))
    }

    fn parse_icmp(icmp: &[u8]) -> Result<Option<Nd>, Malformed> {
        parse(&packet(icmp, HOP_LIMIT, &[], ICMP6))
    }

    #[test]
    fn an_answer_parses_back_with_a_right_checksum() {
        let frame = answer().frame();
        let icmp = &frame[54..];
        let parsed = etherparse::Icmpv6Slice::from_slice(icmp).expect("a whole message");
        let source = answer().target.octets();
        let destination = answer().asker_ip.octets();
        assert!(parsed.is_checksum_valid(source, destination), "{icmp:02x?}");
        let expect = Nd::Advertisement {
            target: answer().target,
            link: Some(Mac([2, 0, 0, 0, 0, 9])),
        };
        assert_eq!(parse(&frame[14..]), Ok(Some(expect)));
        assert_eq!(icmp[4], 0xe0, "router, solicited, override");
    }

    #[test]
    fn broken_options_are_malformed() {
        let frame = answer().frame();
        let icmp = &frame[54..];
        assert_eq!(parse_icmp(&icmp[..23]), Err(Malformed), "target cut");
        assert_eq!(parse_icmp(&icmp[..27]), Err(Malformed), "option cut");
        let mut zero = icmp.to_vec();
        zero[25] = 0;
        assert_eq!(parse_icmp(&zero), Err(Malformed), "option of length zero");
        let mut two = icmp.to_vec();
        two.extend([2, 1, 2, 0, 0, 0, 0, 7]);
        assert_eq!(parse_icmp(&two), Err(Malformed), "two link addresses");
    }

    #[test]
    fn a_neighbour_speaks_from_this_link_and_in_one_piece() {
        let frame = answer().frame();
        let icmp = &frame[54..];
        let routed = packet(icmp, 64, &[], ICMP6);
        assert_eq!(parse(&routed), Err(Malformed), "through a router");
        let atomic = [ICMP6, 0, 0, 0, 0, 0, 0, 1];
        let cut = packet(icmp, HOP_LIMIT, &atomic, 44);
        assert_eq!(parse(&cut), Err(Malformed), "a fragment");
    }

    #[test]
    fn a_router_is_recognised_however_it_comes() {
        let advertisement = [ROUTER_ADVERTISEMENT, 0, 0, 0, 64, 0, 0, 0];
        let options = [60, 0, 0, 0, 0, 0, 0, 0, ICMP6, 0, 0, 0, 0, 0, 0, 0];
        let fragment = [ICMP6, 0, 0, 1, 0, 0, 0, 1];
        for (headers, next) in [(&[][..], ICMP6), (&options, 60), (&fragment, 44)] {
            let bytes = packet(&advertisement, 64, headers, next);
            assert_eq!(parse(&bytes), Ok(Some(Nd::Router)), "{headers:02x?}");
        }
        assert_eq!(parse_icmp(&[128, 0, 0, 0]), Ok(None), "an echo request");
    }
}
