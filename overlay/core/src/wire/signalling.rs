//! Frames by which hosts tell of themselves: ARP, neighbour discovery, reports of listeners.

use etherparse::IpNumber;

use super::ethernet::{Ethernet, ethertype};

/// Whether a frame is one of them. Where several workers read a port, each some of its flows, one of
/// them should take these in for all: what a port may claim is then decided in one place. What is
/// neither IPv4, nor TCP or UDP over IPv6, belongs to no flow either: it costs no more to be careful.
pub fn is_signalling(frame: &[u8]) -> bool {
    let Some(header) = Ethernet::parse(frame) else {
        return true;
    };
    let number = |at: usize| frame.get(header.payload + at).copied().map(IpNumber);
    match header.ethertype {
        ethertype::IPV4 => number(9) == Some(IpNumber::IGMP),
        // A header between is that of MLD, or of nobody in a hurry.
        ethertype::IPV6 => !matches!(number(6), Some(IpNumber::TCP | IpNumber::UDP)),
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
                (0x0800, 9, 6, false),
                (0x0800, 9, 17, false),
                (0x0800, 9, 1, false),
                (0x0800, 9, 2, true),
                (0x86dd, 6, 6, false),
                (0x86dd, 6, 17, false),
                (0x86dd, 6, 58, true),
                (0x86dd, 6, 0, true),
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
