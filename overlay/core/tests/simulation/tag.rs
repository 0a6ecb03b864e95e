//! The mark that every made frame carries, and the frames it is carried in.

use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::PacketBuilder;
use skerry_policy::Mac;

pub(crate) const BROADCAST: Mac = Mac([0xff; 6]);
/// 224.0.0.251 and ff02::fb: link-local groups are never pruned (RFC 4541 section 2.1.2).
pub(crate) const GROUP4: Mac = Mac([0x01, 0x00, 0x5e, 0, 0, 0xfb]);
pub(crate) const GROUP6: Mac = Mac([0x33, 0x33, 0, 0, 0, 0xfb]);
/// IEEE local experimental ethertype 1.
pub(crate) const ETHERTYPE: u16 = 0x88b5;

const MAGIC: [u8; 8] = *b"SKRYSIM\x01";
const LEN: usize = 8 + 4 + 2 + 4 + 2 + 4;
/// Behind Ethernet; behind Ethernet, IPv4 and UDP; behind Ethernet, IPv6 and UDP.
const PLACES: [usize; 3] = [14, 14 + 20 + 8, 14 + 40 + 8];

/// Which frame it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Tag {
    pub(crate) run: u32,
    pub(crate) port: u16,
    pub(crate) sequence: u32,
}

impl Tag {
    /// The tag, and as many bytes of filler, under one checksum.
    pub(crate) fn payload(self, filler: u16) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.run.to_be_bytes());
        bytes.extend(self.port.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(filler.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend((0..filler).map(|at| at.to_be_bytes()[1] ^ self.sequence.to_be_bytes()[3]));
        let crc = crc32fast::hash(&bytes);
        bytes[LEN - 4..LEN].copy_from_slice(&crc.to_be_bytes());
        bytes
    }

    /// The tag of a frame, if it has one.
    ///
    /// # Errors
    /// It has one, and the checksum is wrong.
    pub(crate) fn of(frame: &[u8]) -> Result<Option<Self>, &'static str> {
        let begins = |&at: &usize| frame.get(at..at + MAGIC.len()) == Some(&MAGIC[..]);
        let Some(at) = PLACES.into_iter().find(begins) else {
            return Ok(None);
        };
        let head = frame.get(at..at + LEN).ok_or("cut tag")?;
        let half = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let word = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap());
        let end = at + LEN + usize::from(half(18));
        let mut bytes = frame.get(at..end).ok_or("cut payload")?.to_vec();
        let crc = word(LEN - 4);
        bytes[LEN - 4..LEN].fill(0);
        if crc32fast::hash(&bytes) != crc {
            return Err("wrong checksum");
        }
        Ok(Some(Self {
            run: word(8),
            port: half(12),
            sequence: word(14),
        }))
    }
}

/// A frame of an ethertype that nobody looks into.
pub(crate) fn plain(from: Mac, to: Mac, payload: &[u8]) -> Vec<u8> {
    let mut frame = to.0.to_vec();
    frame.extend(from.0);
    frame.extend(ETHERTYPE.to_be_bytes());
    frame.extend(payload);
    frame.resize(frame.len().max(60), 0);
    frame
}

/// UDP over IPv4.
pub(crate) fn udp4(link: (Mac, Mac), ip: (Ipv4Addr, Ipv4Addr), payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(link.0.0, link.1.0)
        .ipv4(ip.0.octets(), ip.1.octets(), 64)
        .udp(4000, 5000);
    let mut frame = Vec::with_capacity(builder.size(payload.len()));
    builder.write(&mut frame, payload).unwrap();
    frame
}

/// UDP over IPv6.
pub(crate) fn udp6(link: (Mac, Mac), ip: (Ipv6Addr, Ipv6Addr), payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(link.0.0, link.1.0)
        .ipv6(ip.0.octets(), ip.1.octets(), 64)
        .udp(4000, 5000);
    let mut frame = Vec::with_capacity(builder.size(payload.len()));
    builder.write(&mut frame, payload).unwrap();
    frame
}

/// An ARP packet: operation 1 asks, 2 answers.
pub(crate) fn arp(
    link: (Mac, Mac),
    operation: u8,
    sender: (Mac, Ipv4Addr),
    target: (Mac, Ipv4Addr),
) -> Vec<u8> {
    let mut frame = link.1.0.to_vec();
    frame.extend(link.0.0);
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, operation]);
    frame.extend(sender.0.0);
    frame.extend(sender.1.octets());
    frame.extend(target.0.0);
    frame.extend(target.1.octets());
    frame.resize(60, 0);
    frame
}
