//! Frames by which hosts tell of themselves: ARP, neighbour discovery, reports of listeners. Where
//! several workers read a port, each some of its flows, worker 0 takes these in for all of them:
//! what a port may claim is then decided in one place, and in their order.

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// 802.1Q and 802.1ad.
const TAGS: [u16; 2] = [0x8100, 0x88a8];

const IGMP: u8 = 2;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Whether a frame is one of them. What is neither IPv4, nor TCP or UDP over IPv6, belongs to no flow
/// either: it costs no more to be careful.
pub(super) fn is_signalling(frame: &[u8]) -> bool {
    let kind = |at: usize| {
        let bytes = frame.get(at..at + 2)?;
        Some(u16::from_be_bytes(*bytes.first_chunk()?))
    };
    let (mut at, mut ethertype) = (14, kind(12));
    if ethertype.is_some_and(|it| TAGS.contains(&it)) {
        (at, ethertype) = (18, kind(16));
    }
    let byte = |offset: usize| frame.get(at + offset).copied();
    match ethertype {
        Some(IPV4) => byte(9) == Some(IGMP),
        // A header between is that of MLD, or of nobody in a hurry.
        Some(IPV6) => !matches!(byte(6), Some(TCP | UDP)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(tag: bool, ethertype: u16, at: usize, protocol: u8) -> Vec<u8> {
        let mut bytes = vec![2; 12];
        if tag {
            bytes.extend([0x81, 0, 0, 10]);
        }
        bytes.extend(ethertype.to_be_bytes());
        let mut packet = [0; 40];
        packet[at] = protocol;
        bytes.extend(packet);
        bytes
    }

    #[test]
    fn what_hosts_tell_of_themselves_is_told_from_what_they_say_to_each_other() {
        for tag in [false, true] {
            for (ethertype, at, protocol, expected) in [
                (IPV4, 9, TCP, false),
                (IPV4, 9, UDP, false),
                (IPV4, 9, 1, false),
                (IPV4, 9, IGMP, true),
                (IPV6, 6, TCP, false),
                (IPV6, 6, UDP, false),
                (IPV6, 6, 58, true),
                (IPV6, 6, 0, true),
                (0x0806, 0, 0, true),
            ] {
                let bytes = frame(tag, ethertype, at, protocol);
                let what = format!("{ethertype:x} {protocol} {tag}");
                assert_eq!(is_signalling(&bytes), expected, "{what}");
            }
        }
        assert!(is_signalling(&[]) && is_signalling(&[0; 14]));
    }
}
