//! Superframes: a header that a guest's kernel wrote, beside bytes that it may contradict.

use super::script::Script;
use crate::frame::{Checksum, Frame, Offload, Superframe, SuperframeKind};
use crate::gso::Segments;

const KINDS: [SuperframeKind; 3] = [
    SuperframeKind::Tcp4,
    SuperframeKind::Tcp6,
    SuperframeKind::Udp,
];

/// What is accepted is cut into frames whose payloads are the payload, each with right lengths
/// and checksums; what only owes a checksum is changed nowhere else.
pub fn gso(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let offload = offload(&mut script);
    let bytes = script.rest();
    let frame = Frame { bytes, offload };
    let Ok(segments) = Segments::new(frame) else {
        return;
    };
    let pieces = pieces(segments);
    assert_eq!(pieces.len(), segments.count());
    if offload.superframe.is_some() {
        joined(bytes, offload, &pieces);
    } else {
        finished(bytes, offload, &pieces[0]);
    }
}

/// An offload header as a guest might write it.
pub(crate) fn offload(script: &mut Script<'_>) -> Offload {
    let flags = script.byte();
    let kind = KINDS[usize::from(flags >> 6) % KINDS.len()];
    let superframe = (flags & 1 != 0).then(|| Superframe {
        kind,
        size: script.word(),
        ecn: flags & 8 != 0,
    });
    let checksum = (flags & 2 != 0).then(|| Checksum {
        start: u16::from(script.byte()),
        offset: u16::from(script.byte()),
    });
    Offload {
        checksum,
        superframe,
        valid: flags & 4 != 0,
    }
}

fn pieces(mut segments: Segments<'_>) -> Vec<Vec<u8>> {
    let longest = segments.max_len();
    let mut short = segments;
    if longest > 0 {
        // Too little room is answered, not panicked about.
        let _unfit = short.next_into(&mut vec![0; longest - 1]);
    }
    let mut out = vec![0; longest];
    let mut pieces = Vec::new();
    while let Some(length) = segments.next_into(&mut out) {
        assert!(length <= longest);
        pieces.push(out[..length].to_vec());
        assert!(pieces.len() <= 65_536, "it ends");
    }
    pieces
}

fn joined(bytes: &[u8], offload: Offload, pieces: &[Vec<u8>]) {
    let whole = Parts::of(bytes, offload);
    let mut payload = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let parts = Parts::of(piece, offload);
        assert_eq!(piece[..14], bytes[..14], "the Ethernet header");
        assert_eq!((parts.l3, parts.l4), (whole.l3, whole.l4));
        let part = &piece[parts.payload..];
        let size = usize::from(offload.superframe.map_or(0, |it| it.size));
        assert!(
            part.len() == size || index + 1 == pieces.len(),
            "{} of {size}",
            part.len()
        );
        if let Some(sequence) = parts.sequence {
            let before = u32::try_from(payload.len()).expect("64 KiB");
            assert_eq!(
                Some(sequence),
                whole.sequence.map(|it| it.wrapping_add(before))
            );
        }
        payload.extend_from_slice(part);
        parts.check(piece);
    }
    assert_eq!(payload, &bytes[whole.payload..], "all bytes, in order");
}

/// Nothing but the two bytes of the checksum differs.
fn finished(bytes: &[u8], offload: Offload, piece: &[u8]) {
    assert_eq!(piece.len(), bytes.len());
    let place = offload
        .checksum
        .map(|it| usize::from(it.start) + usize::from(it.offset));
    for (at, (old, new)) in bytes.iter().zip(piece).enumerate() {
        let owed = place.is_some_and(|place| at == place || at == place + 1);
        assert!(old == new || owed, "byte {at} of {bytes:02x?}");
    }
}

/// Where things are in a TCP or UDP packet without extension headers.
#[derive(Debug)]
struct Parts {
    l3: usize,
    l4: usize,
    payload: usize,
    v4: bool,
    sequence: Option<u32>,
}

impl Parts {
    fn of(bytes: &[u8], offload: Offload) -> Self {
        let l3 = if bytes[12..14] == [0x81, 0] { 18 } else { 14 };
        let v4 = bytes[l3] >> 4 == 4;
        let l4 = l3
            + if v4 {
                usize::from(bytes[l3] & 0xf) * 4
            } else {
                40
            };
        let tcp = offload
            .superframe
            .is_some_and(|it| it.kind != SuperframeKind::Udp);
        let header = if tcp {
            usize::from(bytes[l4 + 12] >> 4) * 4
        } else {
            8
        };
        let sequence =
            tcp.then(|| u32::from_be_bytes(bytes[l4 + 4..l4 + 8].try_into().expect("four")));
        Self {
            l3,
            l4,
            payload: l4 + header,
            v4,
            sequence,
        }
    }

    /// Lengths and checksums, in the words of RFC 1071.
    fn check(&self, piece: &[u8]) {
        let word = |at: usize| usize::from(u16::from_be_bytes([piece[at], piece[at + 1]]));
        let transport = &piece[self.l4..];
        let (addresses, protocol) = if self.v4 {
            assert_eq!(self.l3 + word(self.l3 + 2), piece.len(), "IPv4 length");
            assert_eq!(sum(&piece[self.l3..self.l4], 0), 0xffff, "IPv4 checksum");
            (&piece[self.l3 + 12..self.l3 + 20], piece[self.l3 + 9])
        } else {
            assert_eq!(self.l4 + word(self.l3 + 4), piece.len(), "IPv6 length");
            (&piece[self.l3 + 8..self.l3 + 40], piece[self.l3 + 6])
        };
        if protocol == 17 {
            assert_eq!(word(self.l4 + 4), transport.len(), "UDP length");
        }
        let length = u32::try_from(transport.len()).expect("64 KiB");
        let pseudo = u32::from(sum(addresses, length)) + u32::from(protocol);
        assert_eq!(
            sum(transport, pseudo),
            0xffff,
            "{protocol} checksum of {piece:02x?}"
        );
    }
}

fn sum(bytes: &[u8], start: u32) -> u16 {
    let mut sum = start;
    for pair in bytes.chunks(2) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u32::from(u16::from_be_bytes([pair[0], low]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).expect("folded")
}
