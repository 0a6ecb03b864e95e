//! Datagrams that a host's kernel was handed in one frame, taken apart as it does (UDP_L4): a probe
//! hears them before. The suite's own over IPv4 have no checksum, and are never joined.

use crate::frame::{Pair, transport6_checksum};
use crate::tag;

const UDP: u8 = 17;
/// Headers of IPv6 and UDP.
const HEADERS: usize = 40 + 8;

/// The frames that this one stands for, each finished: itself, where it stands for no more.
pub fn apart(frame: &[u8]) -> Vec<Vec<u8>> {
    pieces(frame).unwrap_or_else(|| vec![frame.to_vec()])
}

/// `None` for what is not several tagged datagrams over IPv6, one behind the other.
fn pieces(frame: &[u8]) -> Option<Vec<Vec<u8>>> {
    let l3 = match *frame.get(12..18)? {
        [0x86, 0xdd, ..] => 14,
        [0x81, 0, _, _, 0x86, 0xdd] => 18,
        _ => return None,
    };
    if *frame.get(l3 + 6)? != UDP {
        return None;
    }
    let (headers, mut rest) = frame.split_at_checked(l3 + HEADERS)?;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (payload, behind) = rest.split_at_checked(tag::length(rest)?)?;
        pieces.push(finished(headers, l3, payload)?);
        rest = behind;
    }
    (pieces.len() > 1).then_some(pieces)
}

fn finished(headers: &[u8], l3: usize, payload: &[u8]) -> Option<Vec<u8>> {
    let mut frame = [headers, payload].concat();
    let length = u16::try_from(8 + payload.len()).ok()?.to_be_bytes();
    let (ip, udp) = (l3 + 4, l3 + 40);
    frame[ip..ip + 2].copy_from_slice(&length);
    frame[udp + 4..udp + 6].copy_from_slice(&length);
    frame[udp + 6..udp + 8].fill(0);
    let address = |at: usize| frame.get(at..at + 16)?.try_into().ok();
    let pair = Pair {
        from: address(l3 + 8)?,
        to: address(l3 + 24)?,
    };
    transport6_checksum(&mut frame, udp, pair, UDP, 6);
    Some(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{udp4, udp6, with_vlan};
    use crate::tag::Tag;

    const MACS: Pair<6> = Pair {
        to: [2, 0, 0, 0, 0, 1],
        from: [2, 0, 0, 0, 0, 2],
    };

    fn datagram(sequence: u32, padding: usize) -> Vec<u8> {
        let ip = Pair {
            to: [0x20; 16],
            from: [0x21; 16],
        };
        let tag = Tag {
            run: 1,
            source: 2,
            sequence,
        };
        udp6(MACS, ip, tag, padding)
    }

    #[test]
    fn what_was_joined_comes_apart_as_it_was() {
        let sent = [(1, 40), (2, 40), (3, 0)].map(|(nth, padding)| datagram(nth, padding));
        for vlan in [false, true] {
            let tagged = |it: &Vec<u8>| match vlan {
                true => with_vlan(it.clone(), 7),
                false => it.clone(),
            };
            let sent: Vec<_> = sent.iter().map(tagged).collect();
            let payload = sent[0].len() - tag::LEN - 40;
            let mut joined = sent[0].clone();
            joined.extend(sent[1..].iter().flat_map(|it| &it[payload..]));
            let l3 = if vlan { 18 } else { 14 };
            // Length and checksum are those of the whole.
            joined[l3 + 4..l3 + 6].fill(7);
            joined[l3 + 44..l3 + 48].fill(7);
            assert_eq!(apart(&joined), sent);
        }
    }

    #[test]
    fn what_stands_for_itself_stays_as_it_is() {
        let ip = Pair {
            to: [10; 4],
            from: [11; 4],
        };
        let tag = Tag {
            run: 1,
            source: 2,
            sequence: 3,
        };
        let mut spoilt = datagram(1, 40);
        spoilt.extend(datagram(2, 40));
        for frame in [datagram(1, 40), udp4(MACS, ip, tag, 9), vec![1; 9], spoilt] {
            assert_eq!(apart(&frame), std::slice::from_ref(&frame));
        }
    }
}
