//! Frames built byte by byte, right ones and wrong ones.

use crate::tag::Tag;

/// The local experimental ethertype (IEEE 802), used where guards are off.
pub const EXPERIMENT: u16 = 0x88b5;
/// Everybody.
pub const BROADCAST: [u8; 6] = [0xff; 6];
/// A group address that no protocol owns.
pub const GROUP: [u8; 6] = [0x03, 0, 0, 0, 0x5e, 1];
/// 224.0.0.251, which always floods (RFC 4541).
pub const MDNS: [u8; 6] = [0x01, 0, 0x5e, 0, 0, 0xfb];
/// A host address that nobody has.
pub const NOBODY: [u8; 6] = [0x02, 0, 0, 0, 0xff, 0xfe];

const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMP6: u8 = 58;
/// Source and destination port of the suite's datagrams.
const DISCARD: u16 = 9;

/// An Ethernet II header.
pub fn ethernet(to: [u8; 6], from: [u8; 6], ethertype: u16) -> Vec<u8> {
    let mut frame = Vec::with_capacity(1600);
    frame.extend_from_slice(&to);
    frame.extend_from_slice(&from);
    frame.extend_from_slice(&ethertype.to_be_bytes());
    frame
}

/// A frame of the experimental type.
pub fn experiment(to: [u8; 6], from: [u8; 6], tag: Tag, padding: usize) -> Vec<u8> {
    let mut frame = ethernet(to, from, EXPERIMENT);
    tag.append_to(&mut frame, padding);
    frame
}

/// A UDP datagram over IPv4.
pub fn udp4(mac: Pair<6>, ip: Pair<4>, tag: Tag, padding: usize) -> Vec<u8> {
    let mut frame = ethernet(mac.to, mac.from, 0x0800);
    let body = 8 + crate::tag::LEN + padding;
    ipv4_header(&mut frame, ip, UDP, body);
    udp_header(&mut frame, body);
    tag.append_to(&mut frame, padding);
    // Zero means "no checksum" over IPv4 (RFC 768).
    frame
}

/// An ICMP echo request over IPv4 whose payload is a tag.
pub fn ping4(mac: Pair<6>, ip: Pair<4>, tag: Tag) -> Vec<u8> {
    let mut frame = ethernet(mac.to, mac.from, 0x0800);
    ipv4_header(&mut frame, ip, ICMP, 8 + crate::tag::LEN);
    let start = frame.len();
    frame.extend_from_slice(&[8, 0, 0, 0, 0x5b, 0x5d, 0, 1]);
    tag.append_to(&mut frame, 0);
    let sum = checksum(&frame[start..], 0);
    frame[start + 2..start + 4].copy_from_slice(&sum.to_be_bytes());
    frame
}

/// A UDP datagram over IPv6.
pub fn udp6(mac: Pair<6>, ip: Pair<16>, tag: Tag, padding: usize) -> Vec<u8> {
    let mut frame = ethernet(mac.to, mac.from, 0x86dd);
    let body = 8 + crate::tag::LEN + padding;
    ipv6_header(&mut frame, ip, UDP, body, 64);
    let start = frame.len();
    udp_header(&mut frame, body);
    tag.append_to(&mut frame, padding);
    transport6_checksum(&mut frame, start, ip, UDP, 6);
    frame
}

/// A neighbour advertisement (RFC 4861) with the override flag, claiming `target` for `owner`.
pub fn advertisement(mac: Pair<6>, ip: Pair<16>, target: [u8; 16], owner: [u8; 6]) -> Vec<u8> {
    let mut frame = ethernet(mac.to, mac.from, 0x86dd);
    ipv6_header(&mut frame, ip, ICMP6, 32, 255);
    let start = frame.len();
    frame.extend_from_slice(&[136, 0, 0, 0, 0x20, 0, 0, 0]);
    frame.extend_from_slice(&target);
    frame.extend_from_slice(&[2, 1]);
    frame.extend_from_slice(&owner);
    transport6_checksum(&mut frame, start, ip, ICMP6, 2);
    frame
}

/// Two addresses of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Pair<const N: usize> {
    /// Receiver.
    pub to: [u8; N],
    /// Sender.
    pub from: [u8; N],
}

/// An ARP message (RFC 826); everything in it can be a lie.
#[derive(Clone, Copy, Debug)]
pub struct Arp {
    /// 1 asks, 2 answers.
    pub operation: u16,
    /// Hardware and protocol address of the sender.
    pub sender: ([u8; 6], [u8; 4]),
    /// Hardware and protocol address of the target.
    pub target: ([u8; 6], [u8; 4]),
}

impl Arp {
    /// The message in a frame, with a tag where Ethernet padding would be.
    pub fn frame(self, mac: Pair<6>, tag: Tag) -> Vec<u8> {
        let mut frame = ethernet(mac.to, mac.from, 0x0806);
        frame.extend_from_slice(&[0, 1, 8, 0, 6, 4]);
        frame.extend_from_slice(&self.operation.to_be_bytes());
        frame.extend_from_slice(&self.sender.0);
        frame.extend_from_slice(&self.sender.1);
        frame.extend_from_slice(&self.target.0);
        frame.extend_from_slice(&self.target.1);
        tag.append_to(&mut frame, 0);
        frame
    }

    /// The message in a received frame.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        if frame.get(12..14)? != [8, 6] {
            return None;
        }
        let arp: &[u8; 28] = frame.get(14..42)?.try_into().ok()?;
        let mac = |at: usize| {
            [
                arp[at],
                arp[at + 1],
                arp[at + 2],
                arp[at + 3],
                arp[at + 4],
                arp[at + 5],
            ]
        };
        let ip = |at: usize| [arp[at], arp[at + 1], arp[at + 2], arp[at + 3]];
        Some(Self {
            operation: u16::from_be_bytes([arp[6], arp[7]]),
            sender: (mac(8), ip(14)),
            target: (mac(18), ip(24)),
        })
    }
}

/// Puts an 802.1Q tag behind the addresses.
pub fn with_vlan(mut frame: Vec<u8>, vid: u16) -> Vec<u8> {
    let [high, low] = vid.to_be_bytes();
    frame.splice(12..12, [0x81, 0, high, low]);
    frame
}

/// An IPv4 packet without a frame around it: a UDP datagram from one port to another.
pub fn datagram4(from: [u8; 4], to: [u8; 4], ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(28 + payload.len());
    ipv4_header(&mut packet, Pair { to, from }, UDP, 8 + payload.len());
    packet.extend_from_slice(&ports.0.to_be_bytes());
    packet.extend_from_slice(&ports.1.to_be_bytes());
    packet.extend_from_slice(&short(8 + payload.len()).to_be_bytes());
    packet.extend_from_slice(&[0, 0]);
    packet.extend_from_slice(payload);
    packet
}

fn udp_header(frame: &mut Vec<u8>, length: usize) {
    frame.extend_from_slice(&DISCARD.to_be_bytes());
    frame.extend_from_slice(&DISCARD.to_be_bytes());
    frame.extend_from_slice(&short(length).to_be_bytes());
    frame.extend_from_slice(&[0, 0]);
}

fn ipv4_header(frame: &mut Vec<u8>, ip: Pair<4>, protocol: u8, body: usize) {
    let start = frame.len();
    let [high, low] = short(20 + body).to_be_bytes();
    frame.extend_from_slice(&[0x45, 0, high, low, 0, 0, 0x40, 0, 64, protocol, 0, 0]);
    frame.extend_from_slice(&ip.from);
    frame.extend_from_slice(&ip.to);
    let sum = checksum(&frame[start..], 0);
    frame[start + 10..start + 12].copy_from_slice(&sum.to_be_bytes());
}

pub(crate) fn ipv6_header(frame: &mut Vec<u8>, ip: Pair<16>, next: u8, body: usize, hops: u8) {
    let [high, low] = short(body).to_be_bytes();
    frame.extend_from_slice(&[0x60, 0, 0, 0, high, low, next, hops]);
    frame.extend_from_slice(&ip.from);
    frame.extend_from_slice(&ip.to);
}

/// Fills in the checksum of what follows an IPv6 header (RFC 8200 section 8.1).
pub fn transport6_checksum(frame: &mut [u8], start: usize, ip: Pair<16>, next: u8, place: usize) {
    let mut pseudo = Vec::with_capacity(40);
    pseudo.extend_from_slice(&ip.from);
    pseudo.extend_from_slice(&ip.to);
    pseudo.extend_from_slice(&u32::from(short(frame.len() - start)).to_be_bytes());
    pseudo.extend_from_slice(&[0, 0, 0, next]);
    let sum = checksum(&frame[start..], !u32::from(checksum(&pseudo, 0)) & 0xffff);
    frame[start + place..start + place + 2].copy_from_slice(&sum.to_be_bytes());
}

/// The Internet checksum (RFC 1071), on top of a partial sum.
pub fn checksum(bytes: &[u8], partial: u32) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum = partial + words.sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !short(sum as usize)
}

pub(crate) fn short(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACS: Pair<6> = Pair {
        to: BROADCAST,
        from: [2, 0, 0, 0, 1, 11],
    };
    const TAG: Tag = Tag {
        run: 1,
        source: 1,
        sequence: 5,
    };

    #[test]
    fn the_checksum_of_a_finished_header_is_zero() {
        let frame = udp4(
            MACS,
            Pair {
                to: [10, 1, 0, 1],
                from: [10, 1, 0, 11],
            },
            TAG,
            3,
        );
        assert_eq!(checksum(&frame[14..34], 0), 0);
        assert_eq!(frame.len(), 14 + 20 + 8 + crate::tag::LEN + 3);
    }

    #[test]
    fn an_advertisement_checks_out_over_its_pseudo_header() {
        let ip = Pair {
            to: [0xff; 16],
            from: [0x20; 16],
        };
        let frame = advertisement(MACS, ip, [1; 16], [2; 6]);
        let mut covered = [ip.from, ip.to].concat();
        covered.extend_from_slice(&[0, 0, 0, 32, 0, 0, 0, ICMP6]);
        covered.extend_from_slice(&frame[54..]);
        assert_eq!(checksum(&covered, 0), 0);
    }

    #[test]
    fn an_arp_message_reads_back() {
        let arp = Arp {
            operation: 2,
            sender: ([2; 6], [10, 1, 0, 1]),
            target: ([4; 6], [10, 1, 0, 2]),
        };
        let back = Arp::parse(&arp.frame(MACS, TAG)).unwrap();
        assert_eq!(
            (back.operation, back.sender, back.target),
            (2, arp.sender, arp.target)
        );
        assert_eq!(
            Arp::parse(&experiment(BROADCAST, [2; 6], TAG, 60)).map(|_| ()),
            None
        );
    }
}
