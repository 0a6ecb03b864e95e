//! Joining: streams of TCP and UDP whose segments are bent, and what comes of them.

use skerry_policy::LocalPort;

use super::script::Script;
use crate::frame::Frame;
use crate::gro::{Joiner, Joins};
use crate::gso::Segments;

/// Streams that a script may mix.
const STREAMS: usize = 8;
/// Frames of one input.
const FRAMES: usize = 160;

/// Where a stream stands.
#[derive(Clone, Copy, Default)]
struct Stream {
    seq: u32,
    id: u16,
}

/// Cut again, what comes out is what went in: every frame, at its port, and those of one stream in
/// their order.
pub fn gro(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut streams = [Stream::default(); STREAMS];
    let mut frames: Vec<(LocalPort, Vec<u8>)> = Vec::new();
    while !script.is_over() && frames.len() < FRAMES {
        let number = script.below(STREAMS);
        let mut frame = segment(&mut script, number, &mut streams[number]);
        if script.edit(&mut frame) && script.coin() {
            // A sender of this very segment would have made these checksums.
            finish(&mut frame);
        }
        frames.push((LocalPort(u32::from(number == 3)), frame));
    }
    let mut out = join(&frames);
    for (_, bytes) in out.iter_mut().chain(&mut frames) {
        forget_number(bytes);
    }
    // What is no stream's may overtake; what is of one keeps its place in it.
    out.sort_by_key(stream_of);
    frames.sort_by_key(stream_of);
    assert_eq!(out, frames);
}

/// The next segment of a stream. Odd streams are IPv6, the last four UDP.
fn segment(script: &mut Script<'_>, number: usize, stream: &mut Stream) -> Vec<u8> {
    let how = script.byte();
    let length = if how & 0x0f == 0 {
        usize::from(script.word()) % 1_400
    } else {
        1_000
    };
    let flags = if how & 0x10 == 0 { 0x10 } else { 0x18 };
    let v6 = number % 2 == 1;
    let udp = number >= STREAMS / 2;
    let (protocol, header) = if udp { (17, 8) } else { (6, 32) };
    let short = |len: usize| u16::try_from(len).expect("short").to_be_bytes();
    let ([high, low], [a, b]) = (short(header + length), stream.id.to_be_bytes());
    let host = u8::try_from(number).expect("a few");
    let mut frame = vec![2, 0, 0, 0, 0, 8, 2, 0, 0, 0, 0, host];
    if v6 {
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, high, low, protocol, 64]);
        frame.extend([0x20; 15].into_iter().chain([host]));
        frame.extend([0x21; 16]);
    } else {
        let [high, low] = short(20 + header + length);
        frame.extend([8, 0, 0x45, 0, high, low, a, b, 0x40, 0, 64, protocol, 0, 0]);
        frame.extend([10, 0, 0, host, 10, 0, 1, 1]);
    }
    frame.extend([1, 2, 3, 4]);
    if udp {
        frame.extend([high, low, 0, 0]);
    } else {
        frame.extend(stream.seq.to_be_bytes());
        frame.extend([0, 0, 0, 5, 0x80, flags, 2, 0, 0, 0, 0, 0]);
        frame.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
    }
    frame.extend((0..length).map(|at| at.to_le_bytes()[0]));
    finish(&mut frame);
    stream.id = stream.id.wrapping_add(1);
    stream.seq = stream
        .seq
        .wrapping_add(u32::try_from(length).expect("short"));
    frame
}

/// Makes the checksums right, where this is TCP or UDP without options of IP.
fn finish(frame: &mut [u8]) {
    let word = |at: usize| frame.get(at).zip(frame.get(at + 1)).map(|(a, b)| [*a, *b]);
    let (l4, pseudo, protocol) = match word(12) {
        Some([8, 0]) => (34, 26..34, 23),
        Some([0x86, 0xdd]) => (54, 22..54, 20),
        _ => return,
    };
    if frame.len() < l4 + 20 {
        return;
    }
    if l4 == 34 {
        finish_header(frame);
    }
    let protocol = frame[protocol];
    let place = l4 + if protocol == 17 { 6 } else { 16 };
    frame[place..place + 2].fill(0);
    let length = u32::try_from(frame.len() - l4).expect("short");
    let start = u32::from(sum(&frame[pseudo], length + u32::from(protocol)));
    let checksum = match !sum(&frame[l4..], start) {
        0 => 0xffff,
        sum => sum,
    };
    frame[place..place + 2].copy_from_slice(&checksum.to_be_bytes());
}

/// The checksum of an IPv4 header without options.
fn finish_header(frame: &mut [u8]) {
    frame[24..26].fill(0);
    let header = sum(&frame[14..34], 0);
    frame[24..26].copy_from_slice(&(!header).to_be_bytes());
}

/// Takes the one thing out of a frame that joining may change: the identification of a UDP datagram
/// that must not be fragmented, with the right checksum over it.
fn forget_number(frame: &mut [u8]) {
    let is_it = frame.len() >= 42
        && frame[12..15] == [8, 0, 0x45]
        && frame[20..22] == [0x40, 0]
        && frame[23] == 17
        && sum(&frame[14..34], 0) == 0xffff;
    if is_it {
        frame[18..20].fill(0);
        finish_header(frame);
    }
}

/// In the words of RFC 1071.
fn sum(bytes: &[u8], start: u32) -> u16 {
    let mut sum = start;
    for pair in bytes.chunks(2) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u32::from(u16::from_be_bytes([pair[0], low]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from((sum & 0xffff) + (sum >> 16)).expect("folded")
}

fn join(frames: &[(LocalPort, Vec<u8>)]) -> Vec<(LocalPort, Vec<u8>)> {
    let mut joiner = Joiner::new(Joins::All).expect("a joiner");
    let mut out = Vec::new();
    let mut cut = |port: LocalPort, joined: Frame<'_>| {
        let mut segments = Segments::new(joined).expect("a superframe as it should be");
        let mut room = vec![0; segments.max_len()];
        while let Some(length) = segments.next_into(&mut room) {
            out.push((port, room[..length].to_vec()));
        }
    };
    for (port, bytes) in frames {
        if !joiner.take(*port, bytes, &mut cut) {
            cut(*port, Frame::plain(bytes));
        }
    }
    joiner.flush(&mut cut);
    out
}

/// What a stream is told by, where a frame is a whole segment of one; else the frame itself.
pub(crate) fn stream_of((port, bytes): &(LocalPort, Vec<u8>)) -> (LocalPort, Vec<u8>) {
    use etherparse::{IpNumber, NetSlice, SlicedPacket, TransportSlice};
    let kind = |at: usize| matches!(bytes.get(at..at + 2), Some([0x08, 0] | [0x86, 0xdd]));
    let plain = kind(12) || (bytes.get(12..14) == Some(&[0x81, 0]) && kind(16));
    let sliced = SlicedPacket::from_ethernet(bytes).ok().filter(|_| plain);
    let key = sliced.and_then(|packet| {
        let (number, ports) = match packet.transport? {
            TransportSlice::Tcp(tcp) => (IpNumber::TCP, tcp.slice()[..4].to_vec()),
            TransportSlice::Udp(udp) => (IpNumber::UDP, udp.slice()[..4].to_vec()),
            TransportSlice::Icmpv4(_) | TransportSlice::Icmpv6(_) | TransportSlice::Igmp(_) => {
                return None;
            }
        };
        let addresses = match packet.net? {
            NetSlice::Ipv4(ip) if ip.header().protocol() == number => {
                ip.header().slice()[12..20].to_vec()
            }
            NetSlice::Ipv6(ip) if ip.header().next_header() == number => {
                ip.header().slice()[8..40].to_vec()
            }
            NetSlice::Ipv4(_) | NetSlice::Ipv6(_) | NetSlice::Arp(_) => return None,
        };
        Some([vec![number.0], addresses, ports].concat())
    });
    (*port, key.unwrap_or_else(|| bytes.clone()))
}
