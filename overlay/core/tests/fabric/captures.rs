//! Other people's packets: every packet of every capture under `SKERRY_CAPTURES` goes from a port
//! of one node to a port of another, in both directions of each conversation. It arrives byte for
//! byte, but for the segment size that a connection opens with, or it is counted as a drop for one
//! reason.
//!
//! `cargo xtask test captures` brings the captures and says where they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use etherparse::{PacketHeaders, TransportHeader};
use skerry_overlay::{FRAME_MAX, PortCounters};

use crate::matrix::permitted;
use crate::world::{World, guarded, open};

/// The two ends: hosts of one community, on two nodes.
const ENDS: [&str; 2] = ["n1/b-w1", "n2/b-w2"];
/// A reader that loses its way stops here.
const PACKETS_MAX: usize = 100_000;

fn captures() -> Vec<PathBuf> {
    let folder = std::env::var("SKERRY_CAPTURES").expect("SKERRY_CAPTURES names a folder");
    let entries = fs::read_dir(&folder).expect("a folder of captures");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| {
        let kind = file.extension().and_then(|it| it.to_str());
        matches!(kind, Some("pcap" | "pcapng" | "cap"))
    });
    files.sort();
    assert!(
        files.len() >= 100,
        "{folder} holds {} captures",
        files.len()
    );
    files
}

/// The packets of a capture, whatever link they are from: to the fabric all are bytes. A file
/// that ends in the middle of a packet, or lies about a length, ends there.
fn packets(file: &[u8]) -> Vec<&[u8]> {
    match file.first_chunk::<4>() {
        Some([0x0a, 0x0d, 0x0d, 0x0a]) => next_generation(file),
        Some([0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1]) => {
            classic(file, u32::from_le_bytes)
        }
        Some([0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d]) => {
            classic(file, u32::from_be_bytes)
        }
        _ => Vec::new(),
    }
}

/// A header of 24 bytes; then records of 16 bytes and a packet.
fn classic(file: &[u8], number: fn([u8; 4]) -> u32) -> Vec<&[u8]> {
    let mut packets = Vec::new();
    let mut rest = file.get(24..).unwrap_or_default();
    while let Some((header, behind)) = rest.split_at_checked(16) {
        let length = number(header[8..12].try_into().unwrap()) as usize;
        let Some((packet, others)) = behind.split_at_checked(length) else {
            break;
        };
        packets.push(packet);
        rest = others;
        assert!(packets.len() < PACKETS_MAX);
    }
    packets
}

/// Blocks with their length at both ends; the packets are in blocks of type 6.
fn next_generation(file: &[u8]) -> Vec<&[u8]> {
    let little = file.get(8..12) == Some(&[0x4d, 0x3c, 0x2b, 0x1a]);
    let number = |at: &[u8]| {
        let bytes = at.try_into().unwrap();
        if little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        }
    };
    let mut packets = Vec::new();
    let mut rest = file;
    while let Some(header) = rest.get(..8) {
        let length = number(&header[4..8]) as usize;
        let Some((block, others)) = rest.split_at_checked(length).filter(|_| length >= 12) else {
            break;
        };
        if number(&header[..4]) == 6 && length >= 32 {
            let captured = number(&block[20..24]) as usize;
            packets.extend(block.get(28..28 + captured));
        }
        rest = others;
        assert!(packets.len() < PACKETS_MAX);
    }
    packets
}

/// What became of the packets.
#[derive(Debug, Default)]
struct Tally {
    files: usize,
    packets: u64,
    too_long: u64,
    /// Packets whose copy came out at the far end.
    arrived: u64,
    delivered: u64,
    answered: u64,
    no_receiver: u64,
    drops: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn add(&mut self, counters: &PortCounters) {
        self.delivered += counters.delivered;
        self.answered += counters.answered;
        self.no_receiver += counters.no_receiver;
        for (reason, n) in counters.ingress_drops.iter() {
            *self.drops.entry(reason.name()).or_default() += n;
        }
    }

    fn dropped(&self) -> u64 {
        self.drops.values().sum()
    }
}

/// Which end a packet is from: a talker stays where it was first heard, which is across from
/// whom it talks to.
#[derive(Default)]
struct Sides(BTreeMap<Vec<u8>, usize>);

impl Sides {
    fn of(&mut self, packet: &[u8]) -> usize {
        let (Some(to), Some(from)) = (packet.get(..6), packet.get(6..12)) else {
            return 0;
        };
        if let Some(side) = self.0.get(from) {
            return *side;
        }
        let side = self.0.get(to).map_or(0, |side| 1 - side);
        self.0.insert(from.to_vec(), side);
        side
    }
}

/// Whether a copy is a packet that opens a connection, with another segment size and the checksum
/// that goes with it: four bytes.
fn opens_with_less(packet: &[u8], copy: &[u8]) -> bool {
    let headers = PacketHeaders::from_ethernet_slice(packet).ok();
    let transport = headers.and_then(|it| it.transport);
    let opens = matches!(transport, Some(TransportHeader::Tcp(tcp)) if tcp.syn);
    let pairs = packet.iter().zip(copy);
    opens && packet.len() == copy.len() && pairs.filter(|(a, b)| a != b).count() <= 4
}

/// One packet: every copy is the packet, with a priority tag taken off, where it may be.
fn forward(world: &mut World, side: usize, packet: &[u8], tally: &mut Tally) {
    let from = ENDS[side];
    let received = world.try_frame(from, packet);
    let untagged = [packet.get(..12), packet.get(16..)]
        .map(Option::unwrap_or_default)
        .concat();
    for (to, copy) in &received {
        if to == from {
            continue;
        }
        assert!(permitted(from, to), "{from} to {to}: {packet:02x?}");
        assert!(
            [packet, &untagged]
                .iter()
                .any(|it| copy == it || opens_with_less(it, copy)),
            "{to}: {packet:02x?} became {copy:02x?}"
        );
    }
    tally.packets += 1;
    tally.arrived += u64::from(received.iter().any(|(to, _)| to == ENDS[1 - side]));
}

fn run(site: &str, name: &str) -> Tally {
    let mut tally = Tally::default();
    let mut world = World::new(site);
    for file in captures() {
        let bytes = fs::read(&file).unwrap();
        let mut sides = Sides::default();
        // What one capture taught is forgotten before the next: the numbers of the same made-up
        // network come up in many.
        world.forget_hosts();
        for packet in packets(&bytes) {
            if packet.len() > FRAME_MAX {
                tally.too_long += 1;
                continue;
            }
            forward(&mut world, sides.of(packet), packet, &mut tally);
        }
        tally.files += 1;
    }
    let mut frames_in = 0;
    for end in ENDS {
        let counters = world.port_counters(end);
        frames_in += counters.frames_in;
        tally.add(&counters);
    }
    assert_eq!(frames_in, tally.packets, "every packet is counted");
    let outcomes = tally.delivered + tally.answered + tally.no_receiver + tally.dropped();
    assert_eq!(outcomes, tally.packets, "{tally:#?}");
    println!("figure: captures {name}: {tally:?}");
    tally
}

#[test]
fn without_guards_a_packet_arrives_or_is_a_counted_drop() {
    let tally = run(&open(), "unguarded");
    assert!(tally.packets > 1_000, "{tally:#?}");
    assert!(
        tally.arrived <= tally.delivered && tally.arrived * 2 > tally.packets,
        "{tally:#?}"
    );
}

#[test]
fn with_guards_strangers_packets_are_counted_drops() {
    let tally = run(&guarded(), "guarded");
    assert!(tally.dropped() * 2 > tally.packets, "{tally:#?}");
    // Nothing of it is from an address that policy binds to these ports.
    assert!(!tally.drops.is_empty());
}
