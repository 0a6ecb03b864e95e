//! Neighbour discovery for IPv6 (RFC 4861): solicitations and advertisements.

use std::net::Ipv6Addr;

use skerry_policy::Mac;

use super::bytes::{array, fold, put, sum};

/// A whole answering frame: Ethernet, IPv6, advertisement, one option.
pub(crate) const ADVERTISEMENT_FRAME: usize = 14 + 40 + 24 + 8;

const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const SOURCE_LINK_ADDRESS: u8 = 1;
const TARGET_LINK_ADDRESS: u8 = 2;
const ICMP6: u8 = 58;
/// Neighbour discovery that came through a router is forged (RFC 4861 section 7.1).
const HOP_LIMIT: u8 = 255;

/// A report of multicast listeners (RFC 2710, RFC 3810): what a host sends, from nowhere yet,
/// when it is about to find out whether its first address is free (RFC 3590 section 4).
pub(crate) fn is_listener_report(icmp: &[u8]) -> bool {
    const REPORTS: [u8; 3] = [131, 132, 143];
    icmp.first().is_some_and(|kind| REPORTS.contains(kind))
}

/// A neighbour discovery message that claims or asks for an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Nd {
    /// Who has `target`?
    Solicitation { target: Ipv6Addr, link: Option<Mac> },
    /// `target` is here.
    Advertisement { target: Ipv6Addr, link: Option<Mac> },
}

/// Not the neighbour discovery it claims to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Malformed;

impl Nd {
    /// `Ok(None)` for ICMPv6 that is neither.
    ///
    /// # Errors
    /// The message is one of the two by its type, and broken.
    pub(crate) fn parse(icmp: &[u8]) -> Result<Option<Self>, Malformed> {
        let kind = match icmp.first() {
            Some(&kind @ (SOLICITATION | ADVERTISEMENT)) => kind,
            Some(_) => return Ok(None),
            None => return Err(Malformed),
        };
        let target = Ipv6Addr::from(array::<16>(icmp, 8).ok_or(Malformed)?);
        let options = icmp.get(24..).ok_or(Malformed)?;
        Ok(Some(if kind == SOLICITATION {
            Self::Solicitation {
                target,
                link: link_address(options, SOURCE_LINK_ADDRESS)?,
            }
        } else {
            Self::Advertisement {
                target,
                link: link_address(options, TARGET_LINK_ADDRESS)?,
            }
        }))
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
    use crate::wire::ip::Ip;

    fn answer() -> Answer {
        Answer {
            asker: Mac([2, 0, 0, 0, 0, 1]),
            asker_ip: "fe80::1".parse().unwrap(),
            owner: Mac([2, 0, 0, 0, 0, 9]),
            target: "2001:db8:1::9".parse().unwrap(),
            router: true,
        }
    }

    #[test]
    fn an_answer_parses_back_with_a_right_checksum() {
        let frame = answer().frame();
        let ip = Ip::parse(0x86dd, &frame[14..]).expect("IPv6");
        let icmp = ip.icmp6().expect("ICMPv6");
        let parsed = etherparse::Icmpv6Slice::from_slice(icmp).expect("a whole message");
        let source = answer().target.octets();
        let destination = answer().asker_ip.octets();
        assert!(parsed.is_checksum_valid(source, destination), "{icmp:02x?}");
        let expect = Nd::Advertisement {
            target: answer().target,
            link: Some(Mac([2, 0, 0, 0, 0, 9])),
        };
        assert_eq!(Nd::parse(icmp), Ok(Some(expect)));
        assert_eq!(icmp[4], 0xe0, "router, solicited, override");
    }

    #[test]
    fn broken_options_are_malformed() {
        let frame = answer().frame();
        let icmp = &frame[54..];
        assert_eq!(Nd::parse(&icmp[..23]), Err(Malformed), "target cut");
        assert_eq!(Nd::parse(&icmp[..27]), Err(Malformed), "option cut");
        let mut zero = icmp.to_vec();
        zero[25] = 0;
        assert_eq!(Nd::parse(&zero), Err(Malformed), "option of length zero");
        let mut two = icmp.to_vec();
        two.extend([2, 1, 2, 0, 0, 0, 0, 7]);
        assert_eq!(Nd::parse(&two), Err(Malformed), "two link addresses");
        assert_eq!(
            Nd::parse(&[134, 0, 0, 0]),
            Ok(None),
            "a router advertisement is neither"
        );
    }
}
