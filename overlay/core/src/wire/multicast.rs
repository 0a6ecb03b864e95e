//! Who wants to hear which multicast group: IGMP (RFC 1112, 2236, 3376) and MLD (RFC 2710, 3810).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use etherparse::IpNumber;

use super::bytes::{array, u16_at};
use super::ip::Ip;

/// A message about multicast groups.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Membership<'a> {
    /// A router asks who listens to what, and waits so long for answers.
    Query(Duration),
    /// A host says what it wants to hear, or no longer wants to.
    Report(Changes<'a>),
}

/// One group, and whether it is to be heard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Wish {
    pub(crate) group: IpAddr,
    pub(crate) joins: bool,
}

/// The groups of a report, in its order; ends where the report is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Changes<'a> {
    /// IGMP up to version 2, MLD version 1.
    One(Option<Wish>),
    /// IGMP version 3, MLD version 2: the records that are left.
    Records {
        left: u16,
        bytes: &'a [u8],
        v6: bool,
    },
}

impl<'a> Membership<'a> {
    /// `None` for what is neither IGMP nor MLD, or neither query nor report.
    pub(crate) fn parse(ip: &Ip<'a>) -> Option<Self> {
        if ip.source.is_ipv4() {
            Self::igmp(ip.payload_of(IpNumber::IGMP)?)
        } else {
            Self::mld(ip.payload_of(IpNumber::IPV6_ICMP)?)
        }
    }

    fn igmp(message: &'a [u8]) -> Option<Self> {
        let group = || array::<4>(message, 4).map(|it| IpAddr::from(Ipv4Addr::from(it)));
        Some(match message.first()? {
            0x11 => Self::Query(tenths(message.get(1).copied().unwrap_or(0))),
            0x12 | 0x16 => Self::one(group(), true),
            0x17 => Self::one(group(), false),
            0x22 => Self::records(message, false),
            _ => return None,
        })
    }

    fn mld(message: &'a [u8]) -> Option<Self> {
        let group = || array::<16>(message, 8).map(|it| IpAddr::from(Ipv6Addr::from(it)));
        Some(match message.first()? {
            130 => Self::Query(millis(u16_at(message, 4).unwrap_or(0))),
            131 => Self::one(group(), true),
            132 => Self::one(group(), false),
            143 => Self::records(message, true),
            _ => return None,
        })
    }

    fn one(group: Option<IpAddr>, joins: bool) -> Self {
        Self::Report(Changes::One(group.map(|group| Wish { group, joins })))
    }

    fn records(message: &'a [u8], v6: bool) -> Self {
        Self::Report(Changes::Records {
            left: u16_at(message, 6).unwrap_or(0),
            bytes: message.get(8..).unwrap_or_default(),
            v6,
        })
    }
}

impl Iterator for Changes<'_> {
    type Item = Wish;

    fn next(&mut self) -> Option<Wish> {
        match self {
            Self::One(wish) => wish.take(),
            Self::Records { left, bytes, v6 } => loop {
                *left = left.checked_sub(1)?;
                let (wish, rest) = record(bytes, *v6)?;
                *bytes = rest;
                if wish.is_some() {
                    return wish;
                }
            },
        }
    }
}

/// The maximum response time of IGMP, in tenths of a second, or as a floating-point number of them
/// (RFC 3376 section 4.1.1); version 1 has none, and means ten seconds.
fn tenths(code: u8) -> Duration {
    let tenths = match code {
        0 => 100,
        1..=127 => u32::from(code),
        _ => (u32::from(code & 0xf) | 0x10) << ((code >> 4 & 7) + 3),
    };
    Duration::from_millis(100) * tenths
}

/// The maximum response delay of MLD, in milliseconds, or likewise (RFC 3810 section 5.1.3).
fn millis(code: u16) -> Duration {
    let millis = if code < 0x8000 {
        u32::from(code)
    } else {
        (u32::from(code & 0xfff) | 0x1000) << ((code >> 12 & 7) + 3)
    };
    Duration::from_millis(1) * millis
}

/// One record (RFC 3376 section 4.2.4, RFC 3810 section 5.2.5), if it changes whether the group
/// as a whole is heard, and what follows. Which sources are wanted is not looked at.
fn record(bytes: &[u8], v6: bool) -> Option<(Option<Wish>, &[u8])> {
    const INCLUDE: [u8; 2] = [1, 3];
    const EXCLUDE_OR_ALLOW: [u8; 3] = [2, 4, 5];
    let [kind, auxiliary] = array(bytes, 0)?;
    let sources = usize::from(u16_at(bytes, 2)?);
    let (group, address): (IpAddr, usize) = if v6 {
        (Ipv6Addr::from(array::<16>(bytes, 4)?).into(), 16)
    } else {
        (Ipv4Addr::from(array::<4>(bytes, 4)?).into(), 4)
    };
    let length = 4 + address + sources * address + usize::from(auxiliary) * 4;
    let rest = bytes.get(length..)?;
    let joins = if INCLUDE.contains(&kind) {
        Some(sources > 0)
    } else {
        EXCLUDE_OR_ALLOW.contains(&kind).then_some(true)
    };
    Some((joins.map(|joins| Wish { group, joins }), rest))
}

/// A group that every listener's segment hears without asking (RFC 4541 sections 2.1.2 and 3):
/// 224.0.0.0/24, and ff02::/16.
pub(crate) const fn is_link_local(group: IpAddr) -> bool {
    match group {
        IpAddr::V4(ip) => matches!(ip.octets(), [224, 0, 0, _]),
        IpAddr::V6(ip) => matches!(ip.octets(), [0xff, 0x02, ..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: [u8; 4] = [239, 1, 1, 1];

    fn wishes(membership: Option<Membership<'_>>) -> Vec<(String, bool)> {
        let Some(Membership::Report(changes)) = membership else {
            panic!("not a report: {membership:?}")
        };
        changes.map(|it| (it.group.to_string(), it.joins)).collect()
    }

    fn v3(records: &[(u8, u16)], cut: usize) -> Vec<u8> {
        let mut message = vec![0x22, 0, 0, 0, 0, 0, 0, u8::try_from(records.len()).unwrap()];
        for &(kind, sources) in records {
            let [high, low] = sources.to_be_bytes();
            message.extend([kind, 0, high, low]);
            message.extend(GROUP);
            message.resize(message.len() + usize::from(sources) * 4, 9);
        }
        message.truncate(message.len() - cut);
        message
    }

    fn joined(joins: bool) -> (String, bool) {
        ("239.1.1.1".to_owned(), joins)
    }

    #[test]
    fn old_reports_name_one_group() {
        for (kind, joins) in [(0x12, true), (0x16, true), (0x17, false)] {
            let mut message = vec![kind, 0, 0, 0];
            message.extend(GROUP);
            assert_eq!(wishes(Membership::igmp(&message)), [joined(joins)]);
            assert_eq!(wishes(Membership::igmp(&message[..7])), [], "cut");
        }
        assert!(Membership::igmp(&[0x14, 0, 0, 0]).is_none(), "PIM");
        assert!(Membership::mld(&[135]).is_none(), "neighbour discovery");
    }

    #[test]
    fn a_query_says_how_long_it_waits() {
        fn waits(membership: Option<Membership<'_>>) -> u128 {
            match membership {
                Some(Membership::Query(patience)) => patience.as_millis(),
                other => panic!("not a query: {other:?}"),
            }
        }
        for (code, millis) in [
            (0, 10_000),
            (1, 100),
            (127, 12_700),
            (0x80, 12_800),
            (0xff, 3_174_400),
        ] {
            assert_eq!(waits(Membership::igmp(&[0x11, code])), millis, "{code}");
        }
        assert_eq!(waits(Membership::igmp(&[0x11])), 10_000, "cut");
        for (code, millis) in [
            (0_u16, 0),
            (1_000, 1_000),
            (0x8000, 0x8000),
            (0xffff, 0x1fff << 10),
        ] {
            let [high, low] = code.to_be_bytes();
            let query = [130, 0, 0, 0, high, low, 0, 0];
            assert_eq!(waits(Membership::mld(&query)), millis, "{code}");
        }
        assert_eq!(waits(Membership::mld(&[130])), 0, "cut");
    }

    #[test]
    fn a_record_joins_or_leaves_or_changes_only_sources() {
        for (record, expect) in [
            ((1, 0), Some(false)),
            ((3, 0), Some(false)),
            ((1, 2), Some(true)),
            ((3, 2), Some(true)),
            ((2, 0), Some(true)),
            ((4, 3), Some(true)),
            ((5, 1), Some(true)),
            ((6, 1), None),
            ((9, 0), None),
        ] {
            let expect: Vec<_> = expect.map(joined).into_iter().collect();
            assert_eq!(
                wishes(Membership::igmp(&v3(&[record], 0))),
                expect,
                "{record:?}"
            );
        }
    }

    #[test]
    fn a_cut_report_ends_where_it_is_cut() {
        let whole = v3(&[(4, 1), (6, 1), (3, 0)], 0);
        assert_eq!(
            wishes(Membership::igmp(&whole)),
            [joined(true), joined(false)]
        );
        let cut = v3(&[(4, 1), (6, 1), (3, 0)], 1);
        assert_eq!(wishes(Membership::igmp(&cut)), [joined(true)]);
        let mut lies = v3(&[(4, 0)], 0);
        lies[6] = 0xff;
        assert_eq!(wishes(Membership::igmp(&lies)), [joined(true)]);
        lies[10] = 0xff;
        assert_eq!(wishes(Membership::igmp(&lies)), []);
    }

    #[test]
    fn version_2_of_mld_has_longer_records() {
        let mut message = vec![143, 0, 0, 0, 0, 0, 0, 1, 4, 1, 0, 1, 0xff, 0x05];
        message.resize(8 + 4 + 16, 0);
        message.resize(8 + 4 + 32 + 4, 7);
        assert_eq!(
            wishes(Membership::mld(&message)),
            [("ff05::".to_owned(), true)]
        );
        message.pop();
        assert_eq!(wishes(Membership::mld(&message)), []);
    }

    #[test]
    fn link_local_groups_are_known() {
        for (group, local) in [
            ("224.0.0.251", true),
            ("224.0.1.1", false),
            ("239.0.0.1", false),
            ("ff02::fb", true),
            ("ff12::1", false),
            ("ff05::2", false),
        ] {
            assert_eq!(is_link_local(group.parse().unwrap()), local, "{group}");
        }
    }
}
