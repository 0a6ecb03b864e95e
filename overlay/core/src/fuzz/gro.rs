//! Joining: streams of TCP whose segments are bent, and what comes of them.

use skerry_policy::LocalPort;

use super::script::Script;
use crate::frame::Frame;
use crate::gro::Joiner;
use crate::gso::Segments;

/// Streams that a script may mix.
const STREAMS: usize = 4;
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
    // What is no stream's may overtake; what is of one keeps its place in it.
    out.sort_by_key(stream_of);
    frames.sort_by_key(stream_of);
    assert_eq!(out, frames);
}

/// The next segment of a stream. Odd streams are IPv6.
fn segment(script: &mut Script<'_>, number: usize, stream: &mut Stream) -> Vec<u8> {
    let how = script.byte();
    let length = if how & 0x0f == 0 {
        usize::from(script.word()) % 1_400
    } else {
        1_000
    };
    let flags = if how & 0x10 == 0 { 0x10 } else { 0x18 };
    let v6 = number % 2 == 1;
    let ([high, low], [a, b]) = (
        u16::try_from(32 + length).expect("short").to_be_bytes(),
        stream.id.to_be_bytes(),
    );
    let host = u8::try_from(number).expect("a few");
    let mut frame = vec![2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, host];
    if v6 {
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, high, low, 6, 64]);
        frame.extend([0x20; 15].into_iter().chain([host]));
        frame.extend([0x21; 16]);
    } else {
        let [high, low] = u16::try_from(52 + length).expect("short").to_be_bytes();
        frame.extend([8, 0, 0x45, 0, high, low, a, b, 0x40, 0, 64, 6, 0, 0]);
        frame.extend([10, 0, 0, host, 10, 0, 1, 1]);
    }
    frame.extend([1, 2, 3, 4]);
    frame.extend(stream.seq.to_be_bytes());
    frame.extend([0, 0, 0, 5, 0x80, flags, 2, 0, 0, 0, 0, 0]);
    frame.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
    frame.extend((0..length).map(|at| at.to_le_bytes()[0]));
    finish(&mut frame);
    stream.id = stream.id.wrapping_add(1);
    stream.seq = stream
        .seq
        .wrapping_add(u32::try_from(length).expect("short"));
    frame
}

/// Makes the checksums right, where this is TCP without options of IP.
fn finish(frame: &mut [u8]) {
    let word = |at: usize| frame.get(at).zip(frame.get(at + 1)).map(|(a, b)| [*a, *b]);
    let (l4, pseudo) = match word(12) {
        Some([8, 0]) => (34, 26..34),
        Some([0x86, 0xdd]) => (54, 22..54),
        _ => return,
    };
    if frame.len() < l4 + 20 {
        return;
    }
    if l4 == 34 {
        frame[24..26].fill(0);
        let header = sum(&frame[14..34], 0);
        frame[24..26].copy_from_slice(&(!header).to_be_bytes());
    }
    frame[l4 + 16..l4 + 18].fill(0);
    let length = u32::try_from(frame.len() - l4).expect("short");
    let start = u32::from(sum(&frame[pseudo], length + 6));
    let checksum = match !sum(&frame[l4..], start) {
        0 => 0xffff,
        sum => sum,
    };
    frame[l4 + 16..l4 + 18].copy_from_slice(&checksum.to_be_bytes());
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
    let mut joiner = Joiner::new();
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
        let Some(TransportSlice::Tcp(tcp)) = packet.transport else {
            return None;
        };
        let mut key = match packet.net? {
            NetSlice::Ipv4(ip) if ip.header().protocol() == IpNumber::TCP => {
                ip.header().slice()[12..20].to_vec()
            }
            NetSlice::Ipv6(ip) if ip.header().next_header() == IpNumber::TCP => {
                ip.header().slice()[8..40].to_vec()
            }
            NetSlice::Ipv4(_) | NetSlice::Ipv6(_) | NetSlice::Arp(_) => return None,
        };
        key.extend(&tcp.slice()[..4]);
        Some(key)
    });
    (*port, key.unwrap_or_else(|| bytes.clone()))
}
