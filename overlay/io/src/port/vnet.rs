//! `virtio_net_hdr` (virtio 1.2 section 5.1.6): the ten bytes before every frame on a TAP or a
//! packet socket that say what the kernel left undone. Linux uses the machine's byte order.

use skerry_overlay::{Checksum, ETH_HEADER, Frame, Offload, Superframe, SuperframeKind};

/// Length of the header without `num_buffers`.
pub(crate) const HEADER: usize = 10;

/// The bytes of the header.
pub(crate) type Header = [u8; HEADER];

/// `VIRTIO_NET_HDR_F_NEEDS_CSUM`.
const NEEDS_CSUM: u8 = 1;
/// `VIRTIO_NET_HDR_F_DATA_VALID`.
const DATA_VALID: u8 = 2;
/// `VIRTIO_NET_HDR_GSO_*`.
const GSO_NONE: u8 = 0;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
const GSO_UDP_L4: u8 = 5;
/// Modifiers of the two TCP kinds; masked before they are compared. The second says what the lack
/// of the first says: that CWR is the same on every frame.
const GSO_ECN: u8 = 0x80;
const GSO_ACCECN: u8 = 0x10;

/// The header contradicts itself or its frame, or speaks of an offload that was never offered
/// (UFO, tunnels).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BadHeader;

/// Reads the header of a frame of `len` bytes. `hdr_len` is not read: the kernel does not keep
/// it right on forwarded frames.
///
/// # Errors
/// The frame cannot be finished by anyone and is to be dropped.
pub(crate) fn parse(header: Header, len: usize) -> Result<Offload, BadHeader> {
    let [flags, gso, _, _, s0, s1, c0, c1, o0, o1] = header;
    let checksum = Checksum {
        start: u16::from_ne_bytes([c0, c1]),
        offset: u16::from_ne_bytes([o0, o1]),
    };
    Ok(Offload {
        checksum: if flags & NEEDS_CSUM == 0 {
            None
        } else {
            Some(inside(checksum, len)?)
        },
        superframe: superframe(gso, u16::from_ne_bytes([s0, s1]))?,
        valid: flags & DATA_VALID != 0,
    })
}

/// The two bytes of the checksum must lie behind the Ethernet header and inside the frame.
fn inside(checksum: Checksum, len: usize) -> Result<Checksum, BadHeader> {
    let start = usize::from(checksum.start);
    let end = start + usize::from(checksum.offset) + 2;
    if start < ETH_HEADER || end > len {
        return Err(BadHeader);
    }
    Ok(checksum)
}

fn superframe(gso: u8, size: u16) -> Result<Option<Superframe>, BadHeader> {
    let kind = match gso & !(GSO_ECN | GSO_ACCECN) {
        GSO_NONE => return Ok(None),
        GSO_TCPV4 => SuperframeKind::Tcp4,
        GSO_TCPV6 => SuperframeKind::Tcp6,
        GSO_UDP_L4 => SuperframeKind::Udp,
        _ => return Err(BadHeader),
    };
    if size == 0 {
        return Err(BadHeader);
    }
    Ok(Some(Superframe {
        kind,
        size,
        ecn: gso & GSO_ECN != 0,
    }))
}

/// A tag of four bytes was put in behind the MAC addresses: what lies behind it moves.
///
/// # Errors
/// The checksum would start beyond 65,535.
pub(crate) fn behind_tag(offload: Offload) -> Result<Offload, BadHeader> {
    let checksum = match offload.checksum {
        None => None,
        Some(Checksum { start, offset }) => Some(Checksum {
            start: start.checked_add(4).ok_or(BadHeader)?,
            offset,
        }),
    };
    Ok(Offload {
        checksum,
        ..offload
    })
}

/// Writes the header for a frame. The sum of the pseudo-header is in the frame already, as
/// [`Offload::checksum`] promises.
pub(crate) fn emit(frame: Frame<'_>) -> Header {
    let Offload {
        checksum,
        superframe,
        valid,
    } = frame.offload;
    let mut flags = if valid { DATA_VALID } else { 0 };
    let (mut start, mut offset) = (0, 0);
    if let Some(checksum) = checksum {
        // The two flags exclude each other on the way in: a partial sum is valid by definition.
        flags = NEEDS_CSUM;
        (start, offset) = (checksum.start, checksum.offset);
    }
    let (mut gso, mut size, mut header) = (GSO_NONE, 0, 0);
    if let Some(superframe) = superframe {
        gso = kind(superframe);
        size = superframe.size;
        // How much the kernel should copy to where it can write.
        header = frame.headers_len();
    }
    let ([h0, h1], [s0, s1]) = (header.to_ne_bytes(), size.to_ne_bytes());
    let ([c0, c1], [o0, o1]) = (start.to_ne_bytes(), offset.to_ne_bytes());
    [flags, gso, h0, h1, s0, s1, c0, c1, o0, o1]
}

const fn kind(superframe: Superframe) -> u8 {
    match (superframe.kind, superframe.ecn) {
        (SuperframeKind::Tcp4, false) => GSO_TCPV4,
        (SuperframeKind::Tcp4, true) => GSO_TCPV4 | GSO_ECN,
        (SuperframeKind::Tcp6, false) => GSO_TCPV6,
        (SuperframeKind::Tcp6, true) => GSO_TCPV6 | GSO_ECN,
        (SuperframeKind::Udp, _) => GSO_UDP_L4,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offloads() -> impl Strategy<Value = Offload> {
        let checksum = proptest::option::of((14u16..1000, 0u16..400));
        let kind = prop_oneof![
            Just(SuperframeKind::Tcp4),
            Just(SuperframeKind::Tcp6),
            Just(SuperframeKind::Udp)
        ];
        let superframe = proptest::option::of((kind, 1u16.., any::<bool>()));
        (checksum, superframe, any::<bool>()).prop_map(|(checksum, superframe, valid)| Offload {
            checksum: checksum.map(|(start, offset)| Checksum { start, offset }),
            superframe: superframe.map(|(kind, size, ecn)| Superframe {
                kind,
                size,
                ecn: ecn && kind != SuperframeKind::Udp,
            }),
            valid: valid && checksum.is_none(),
        })
    }

    proptest! {
        #[test]
        fn what_is_emitted_is_parsed_back(offload in offloads()) {
            let bytes = vec![0x50; 1500];
            let header = emit(Frame { bytes: &bytes, offload });
            prop_assert_eq!(parse(header, bytes.len()), Ok(offload));
        }

        #[test]
        fn whatever_is_accepted_lies_inside_the_frame(header: Header, len in 0usize..70_000) {
            if let Ok(Offload { checksum: Some(place), .. }) = parse(header, len) {
                let end = usize::from(place.start) + usize::from(place.offset) + 2;
                prop_assert!(end <= len && usize::from(place.start) >= ETH_HEADER);
            }
        }
    }

    #[track_caller]
    fn check(
        flags: u8,
        gso: u8,
        size: u16,
        start: u16,
        offset: u16,
        expect: Result<(), BadHeader>,
    ) {
        let [s0, s1] = size.to_ne_bytes();
        let ([c0, c1], [o0, o1]) = (start.to_ne_bytes(), offset.to_ne_bytes());
        let header = [flags, gso, 0xff, 0xff, s0, s1, c0, c1, o0, o1];
        assert_eq!(parse(header, 100).map(drop), expect, "{header:?}");
    }

    #[test]
    fn a_plain_frame_may_have_a_nonsensical_header_length() {
        check(0, 0, 0, 0, 0, Ok(()));
    }

    #[test]
    fn a_checksum_beyond_the_frame_is_refused() {
        check(NEEDS_CSUM, 0, 0, 34, 64, Ok(()));
        check(NEEDS_CSUM, 0, 0, 34, 65, Err(BadHeader));
        check(NEEDS_CSUM, 0, 0, u16::MAX, u16::MAX, Err(BadHeader));
    }

    #[test]
    fn a_checksum_inside_the_ethernet_header_is_refused() {
        check(NEEDS_CSUM, 0, 0, 13, 0, Err(BadHeader));
    }

    #[test]
    fn ufo_and_unknown_kinds_are_refused() {
        for gso in [2, 3, 6, 0x20, 0x40, 0x83] {
            check(NEEDS_CSUM, gso, 1000, 34, 16, Err(BadHeader));
        }
    }

    #[test]
    fn what_becomes_of_cwr_is_told() {
        for (gso, ecn) in [(0x01, false), (0x81, true), (0x11, false), (0x14, false)] {
            let superframe = superframe(gso, 1000).unwrap().unwrap();
            assert_eq!(superframe.ecn, ecn, "{gso:#x}");
        }
    }

    #[test]
    fn a_superframe_without_a_size_is_refused() {
        check(NEEDS_CSUM, GSO_TCPV4, 0, 34, 16, Err(BadHeader));
    }

    #[test]
    fn the_header_length_of_a_superframe_counts_tcp_options() {
        let mut bytes = vec![0; 2000];
        bytes[34 + 12] = 0x80;
        let offload = Offload {
            checksum: Some(Checksum {
                start: 34,
                offset: 16,
            }),
            superframe: superframe(GSO_TCPV4, 1000).unwrap(),
            valid: false,
        };
        let [_, _, h0, h1, ..] = emit(Frame {
            bytes: &bytes,
            offload,
        });
        assert_eq!(u16::from_ne_bytes([h0, h1]), 34 + 32);
    }

    #[test]
    fn a_restored_tag_moves_the_checksum() {
        let offload = Offload {
            checksum: Some(Checksum {
                start: 34,
                offset: 16,
            }),
            ..Offload::NONE
        };
        let moved = behind_tag(offload).unwrap();
        assert_eq!(
            moved.checksum,
            Some(Checksum {
                start: 38,
                offset: 16
            })
        );
    }
}
