//! Frames that the hosts of the lab send: ordinary IPv4/UDP that satisfies every guard, and the
//! malicious ones.

use std::net::Ipv4Addr;

use skerry_policy::Mac;

use crate::lab::plan::{HostId, HostPlan};
use crate::lab::tag::{Kind, Tag};

/// Where tagged datagrams go: the discard service (RFC 863), so that no host answers them.
pub(super) const DISCARD: u16 = 9;
const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const VLAN: u16 = 0x8100;
const UDP: u8 = 17;
const ETHERNET_LEN: usize = 14;
const IPV4_LEN: usize = 20;
const UDP_LEN: usize = 8;
/// A group in the block that is flooded to everyone who may hear the sender.
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);

/// A tagged IPv4/UDP frame, every address of which can be chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    pub(super) to_mac: Mac,
    pub(super) from_mac: Mac,
    pub(super) to_ip: Ipv4Addr,
    pub(super) from_ip: Ipv4Addr,
    pub(super) tag: Tag,
}

impl Probe {
    /// What an honest host sends for this tag.
    pub(super) fn honest(tag: Tag) -> Self {
        let source = tag.source.plan();
        let (to_mac, to_ip) = match (tag.kind, tag.target.map(HostId::plan)) {
            (_, Some(target)) => (target.mac(), target.ip),
            (Kind::Multicast, None) => (group_mac(GROUP), GROUP),
            (_, None) => (Mac::BROADCAST, Ipv4Addr::BROADCAST),
        };
        Self {
            to_mac,
            from_mac: source.mac(),
            to_ip,
            from_ip: source.ip,
            tag,
        }
    }

    /// The frame.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let payload = self.tag.bytes();
        let mut out = ethernet(self.to_mac, self.from_mac, IPV4);
        out.extend(self.ipv4(UDP_LEN + payload.len()));
        out.extend(u16_bytes(&[DISCARD, DISCARD]));
        // A checksum of 0 means none (RFC 768).
        out.extend(u16_bytes(&[length(UDP_LEN + payload.len()), 0]));
        out.extend(payload);
        out
    }

    /// The frame with an 802.1Q tag of this VID.
    pub(super) fn vlan_tagged(&self, vid: u16) -> Vec<u8> {
        let mut out = self.bytes();
        out.splice(12..12, u16_bytes(&[VLAN, vid]));
        out
    }

    fn ipv4(&self, payload: usize) -> [u8; IPV4_LEN] {
        let [t0, t1] = length(IPV4_LEN + payload).to_be_bytes();
        let mut header = [
            0x45, 0, t0, t1, 0, 0, 0x40, 0, 64, UDP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        header[12..16].copy_from_slice(&self.from_ip.octets());
        header[16..].copy_from_slice(&self.to_ip.octets());
        let sum = checksum(&header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        header
    }
}

/// An ARP message (RFC 826).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Arp {
    /// 1 asks, 2 answers.
    pub(super) operation: u16,
    pub(super) sender_mac: Mac,
    pub(super) sender_ip: Ipv4Addr,
    pub(super) target_ip: Ipv4Addr,
}

impl Arp {
    /// The question `who has target_ip`, asked by an honest host.
    pub(super) fn request(from: &HostPlan, target_ip: Ipv4Addr) -> Self {
        Self {
            operation: 1,
            sender_mac: from.mac(),
            sender_ip: from.ip,
            target_ip,
        }
    }

    /// The broadcast frame that carries it, sent from the sender's MAC and padded to the minimum.
    pub(super) fn broadcast(&self) -> Vec<u8> {
        let mut out = ethernet(Mac::BROADCAST, self.sender_mac, ARP);
        out.extend(u16_bytes(&[1, IPV4, 0x0604, self.operation]));
        out.extend(self.sender_mac.0);
        out.extend(self.sender_ip.octets());
        out.extend([0; 6]);
        out.extend(self.target_ip.octets());
        out.resize(60, 0);
        out
    }

    fn parse(payload: &[u8]) -> Option<Self> {
        let (head, rest) = payload.split_first_chunk::<8>()?;
        if head[..6] != [0, 1, 8, 0, 6, 4] {
            return None;
        }
        let (mac, rest) = rest.split_first_chunk()?;
        let (sender_ip, rest) = rest.split_first_chunk::<4>()?;
        let target_ip = rest.get(6..10)?.first_chunk::<4>()?;
        Some(Self {
            operation: u16::from_be_bytes([head[6], head[7]]),
            sender_mac: Mac(*mac),
            sender_ip: Ipv4Addr::from(*sender_ip),
            target_ip: Ipv4Addr::from(*target_ip),
        })
    }
}

/// What a received frame was, as far as the lab cares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Heard {
    Tagged(Tag),
    Arp(Arp),
}

impl Heard {
    /// `None` for frames that are none of the lab's. A tag is found whatever the addresses and
    /// however many VLAN tags the frame has.
    pub(super) fn parse(frame: &[u8]) -> Option<Self> {
        let mut rest = frame.get(12..)?;
        loop {
            let (ethertype, payload) = rest.split_first_chunk()?;
            match u16::from_be_bytes(*ethertype) {
                VLAN => rest = payload.get(2..)?,
                IPV4 => return Tag::parse(payload.get(IPV4_LEN + UDP_LEN..)?).map(Self::Tagged),
                ARP => return Arp::parse(payload).map(Self::Arp),
                _ => return None,
            }
        }
    }
}

fn ethernet(to: Mac, from: Mac, ethertype: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(ETHERNET_LEN + 60);
    out.extend(to.0);
    out.extend(from.0);
    out.extend(ethertype.to_be_bytes());
    out
}

/// The MAC of an IPv4 group (RFC 1112 section 6.4).
fn group_mac(group: Ipv4Addr) -> Mac {
    let [_, b, c, d] = group.octets();
    Mac([0x01, 0x00, 0x5e, b & 0x7f, c, d])
}

fn u16_bytes(values: &[u16]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect()
}

/// The frames of the lab are far shorter than 64 KiB.
fn length(bytes: usize) -> u16 {
    u16::try_from(bytes).unwrap_or(u16::MAX)
}

/// The Internet checksum (RFC 1071).
pub(super) fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u32::from(low)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::plan::cast;

    fn tag(kind: Kind, target: Option<HostId>) -> Tag {
        Tag {
            run: 7,
            source: cast::ATTACKER,
            target,
            kind,
            sequence: 42,
        }
    }

    #[test]
    fn a_probe_carries_its_tag() {
        for (kind, target) in [
            (Kind::Unicast, Some(cast::GATEWAY)),
            (Kind::Broadcast, None),
            (Kind::Multicast, None),
        ] {
            let probe = Probe::honest(tag(kind, target));
            let heard = Some(Heard::Tagged(probe.tag));
            assert_eq!(Heard::parse(&probe.bytes()), heard);
            assert_eq!(Heard::parse(&probe.vlan_tagged(100)), heard);
        }
    }

    #[test]
    fn a_probe_is_addressed_by_its_kind() {
        let to = |kind, target| Probe::honest(tag(kind, target)).bytes()[..6].to_vec();
        let unicast = to(Kind::Unicast, Some(cast::GATEWAY));
        assert_eq!(unicast, cast::GATEWAY.plan().mac().0);
        assert_eq!(to(Kind::Broadcast, None), [0xff; 6]);
        assert_eq!(to(Kind::Multicast, None), [1, 0, 0x5e, 0, 0, 251]);
    }

    #[test]
    fn the_ip_header_sums_to_zero() {
        let frame = Probe::honest(tag(Kind::Broadcast, None)).bytes();
        assert_eq!(checksum(&frame[14..34]), 0);
        assert_eq!(frame[16..18], length(frame.len() - 14).to_be_bytes());
    }

    #[test]
    fn arp_is_read_as_written() {
        let arp = Arp::request(cast::ATTACKER.plan(), cast::NEIGHBOUR.plan().ip);
        let frame = arp.broadcast();
        assert_eq!(frame.len(), 60);
        assert_eq!(Heard::parse(&frame), Some(Heard::Arp(arp)));
    }

    #[test]
    fn other_frames_are_nobodys() {
        for length in 0..64 {
            assert_eq!(Heard::parse(&vec![0; length]), None, "{length} zeros");
        }
        let frame = Probe::honest(tag(Kind::Broadcast, None)).bytes();
        for length in 0..frame.len() {
            assert_eq!(Heard::parse(&frame[..length]), None, "cut to {length}");
        }
    }
}
