//! The chain of IPv6 extension headers (RFC 8200 section 4), walked to its end.
//!
//! RFC 7113 wants a guard to walk all of it, however long, and to drop a first fragment that does
//! not hold all of it: otherwise a router advertisement hides behind whatever is not looked at.

use etherparse::IpNumber;

use super::bytes::u16_at;
use super::ip::{Payload, Upper};

const ROUTING: u8 = 43;
const AUTHENTICATION: u8 = 51;

/// What a fragment header says (RFC 8200 section 4.5): its offset is all but the last three bits.
const OFFSET: u16 = 0xfff8;

/// Every transport a host may have behind its headers. What is not here could be a header that
/// some host skips and this walk does not (RFC 7113 section 3, rule 5).
const TRANSPORTS: [u8; 20] = [
    4, 6, 17, 33, 41, 46, 47, 50, 58, 59, 88, 89, 97, 103, 108, 112, 115, 132, 136, 137,
];

/// How the length of an extension header is to be read.
enum Link {
    /// In units of 8 bytes, the first not counted.
    Eights,
    /// In units of 4 bytes, the first two not counted (RFC 4302 section 2.2).
    Fours,
    Fragment,
    Transport,
    Unknown,
}

impl Link {
    fn of(next: u8) -> Self {
        match next {
            // Hop-by-hop, routing, destination options, mobility, HIP, shim6.
            0 | ROUTING | 60 | 135 | 139 | 140 => Self::Eights,
            AUTHENTICATION => Self::Fours,
            44 => Self::Fragment,
            _ if TRANSPORTS.contains(&next) => Self::Transport,
            _ => Self::Unknown,
        }
    }
}

/// What is at the end of the chain that begins with a header of type `next`, and whether a routing
/// header on the way there has segments left. Every link is at least 8 bytes long, so this ends.
pub(super) fn walk(mut next: u8, mut bytes: &[u8]) -> (Upper<'_>, bool) {
    let (mut first, mut detour) = (false, false);
    let upper = loop {
        detour |= next == ROUTING && bytes.get(3).is_some_and(|&left| left > 0);
        let length = match Link::of(next) {
            Link::Transport => break end(next, bytes, first),
            Link::Unknown => break Upper::Broken,
            Link::Eights => bytes.get(1).map(|&units| (usize::from(units) + 1) * 8),
            Link::Fours => bytes.get(1).map(|&units| (usize::from(units) + 2) * 4),
            Link::Fragment => match u16_at(bytes, 2) {
                Some(word) if word & OFFSET != 0 => break Upper::Later,
                Some(_) => {
                    first = true;
                    Some(8)
                }
                None => None,
            },
        };
        let rest = length.and_then(|length| bytes.get(length..));
        let (Some(&after), Some(rest)) = (bytes.first(), rest) else {
            break Upper::Broken;
        };
        (next, bytes) = (after, rest);
    };
    (upper, detour)
}

/// What an IPv4 packet has behind authentication headers (RFC 4302), the only ones that may stand
/// before its transport. `more`: it is the first of several fragments.
pub(super) fn behind_authentication(protocol: IpNumber, bytes: &[u8], more: bool) -> Upper<'_> {
    let (mut next, mut bytes) = (protocol.0, bytes);
    while next == AUTHENTICATION {
        let length = bytes.get(1).map(|&units| (usize::from(units) + 2) * 4);
        let rest = length.and_then(|length| bytes.get(length..));
        let (Some(&after), Some(rest)) = (bytes.first(), rest) else {
            return Upper::Broken;
        };
        (next, bytes) = (after, rest);
    }
    end(next, bytes, more)
}

fn end(protocol: u8, bytes: &[u8], first: bool) -> Upper<'_> {
    let payload = Payload {
        protocol: IpNumber(protocol),
        bytes,
    };
    if !first {
        Upper::Whole(payload)
    } else if payload.is_headed() {
        Upper::First(payload)
    } else {
        Upper::Broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ICMP: u8 = 58;

    fn options(next: u8, units: u8) -> Vec<u8> {
        let mut header = vec![next, units];
        header.resize((usize::from(units) + 1) * 8, 0);
        header
    }

    fn fragment(next: u8, word: u16) -> Vec<u8> {
        let [high, low] = word.to_be_bytes();
        vec![next, 0, high, low, 0, 0, 0, 1]
    }

    #[track_caller]
    fn check(next: u8, headers: &[Vec<u8>], expect: &str) {
        let mut bytes = headers.concat();
        bytes.extend([134, 0, 0, 0, 0, 0, 0, 0]);
        let found = match walk(next, &bytes).0 {
            Upper::Whole(it) => format!("whole {} {}", it.protocol.0, it.bytes.len()),
            Upper::First(it) => format!("first {} {}", it.protocol.0, it.bytes.len()),
            Upper::Later => "later".to_owned(),
            Upper::Broken => "broken".to_owned(),
        };
        assert_eq!(found, expect, "{headers:02x?}");
    }

    #[test]
    fn a_chain_is_walked_to_its_end_however_long() {
        check(ICMP, &[], "whole 58 8");
        check(60, &[options(ICMP, 0)], "whole 58 8");
        check(
            0,
            &[options(60, 1), options(43, 0), options(ICMP, 2)],
            "whole 58 8",
        );
        let many: Vec<_> = (0..100)
            .map(|n| options(if n == 99 { ICMP } else { 60 }, 0))
            .collect();
        check(60, &many, "whole 58 8");
        check(
            51,
            &[vec![ICMP, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]],
            "whole 58 8",
        );
    }

    #[test]
    fn fragments_are_told_apart() {
        check(44, &[fragment(ICMP, 1)], "first 58 8");
        check(44, &[fragment(ICMP, 0)], "first 58 8");
        check(44, &[fragment(60, 1), options(ICMP, 0)], "first 58 8");
        check(44, &[fragment(ICMP, 9)], "later");
        check(44, &[fragment(60, 1), options(6, 0)], "broken");
    }

    #[test]
    fn what_is_cut_or_unknown_is_broken() {
        check(200, &[], "broken");
        check(253, &[options(ICMP, 0)], "broken");
        check(60, &[vec![ICMP, 9]], "broken");
        check(60, &[options(201, 0)], "broken");
        assert!(matches!(walk(44, &[ICMP, 0, 0]).0, Upper::Broken));
        assert!(matches!(walk(60, &[]).0, Upper::Broken));
    }

    #[test]
    fn a_routing_header_with_segments_left_is_a_detour() {
        let routing = |left| [&[ICMP, 0, 4, left][..], &[0; 4]].concat();
        for (chain, detour) in [
            (vec![routing(1)], true),
            (vec![routing(0)], false),
            (vec![options(ROUTING, 0), routing(2)], true),
            (vec![options(44, 0), fragment(ICMP, 8)], false),
        ] {
            let first = if chain.len() == 1 { ROUTING } else { 60 };
            let bytes = [chain.concat(), vec![0; 8]].concat();
            assert_eq!(walk(first, &bytes).1, detour, "{chain:02x?}");
        }
    }
}
