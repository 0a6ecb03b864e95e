//! The fuzz targets for what comes with a frame: `virtio_net_hdr` and control data.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "to panic is what a target is for"
)]

use skerry_overlay::{ETH_HEADER, Frame, Offload, Segments};

use super::packet::{restore, stripped_tag};
use super::vnet;
use crate::sys;

/// An offload header in front of a frame: what is believed lies inside the frame, is written as
/// it was read, and is cut by the core or refused.
pub fn vnet(bytes: &[u8]) {
    let Some((header, frame)) = bytes.split_first_chunk::<{ vnet::HEADER }>() else {
        return;
    };
    let Ok(offload) = vnet::parse(*header, frame.len()) else {
        return;
    };
    if let Some(place) = offload.checksum {
        let end = usize::from(place.start) + usize::from(place.offset) + 2;
        assert!(
            usize::from(place.start) >= ETH_HEADER && end <= frame.len(),
            "{offload:?}"
        );
    }
    let written = vnet::emit(Frame {
        bytes: frame,
        offload,
    });
    let mut again = vnet::parse(written, frame.len()).expect("what was written");
    // The first excludes the second, and ECN is TCP's.
    again.valid |= offload.valid && offload.checksum.is_some();
    let ecn = |it: Offload| it.superframe.map(|it| (it.kind, it.size));
    assert_eq!(
        (again.checksum, ecn(again), again.valid),
        (offload.checksum, ecn(offload), offload.valid)
    );
    let Ok(mut segments) = Segments::new(Frame {
        bytes: frame,
        offload,
    }) else {
        return;
    };
    let mut out = vec![0; segments.max_len()];
    let mut pieces = 0;
    while segments.next_into(&mut out).is_some() {
        pieces += 1;
    }
    assert_eq!(pieces, segments.count());
}

/// Control data: every item lies inside it, they come to an end, and a tag that the kernel took
/// out is put back where it was.
pub fn auxdata(bytes: &[u8]) {
    let Some((&[length, size], bytes)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let control = sys::Control::of(bytes);
    let length = usize::from(length);
    let mut items = 0;
    for item in sys::control_items(&control, length) {
        items += 1;
        assert!(item.data.len() <= 128, "{}", item.data.len());
    }
    assert!(items <= 128 / 16, "{items}");
    let Some(tag) = stripped_tag(&control, length) else {
        return;
    };
    let frame: Vec<u8> = (0..size).collect();
    let mut buffer = frame.clone();
    buffer.resize(frame.len() + 3 + usize::from(size & 1), 0xee);
    match restore(&mut buffer, frame.len(), Offload::NONE, tag) {
        Ok((len, offload)) => {
            assert_eq!((len, offload), (frame.len() + 4, Offload::NONE));
            assert_eq!((&buffer[..12], &buffer[12..16]), (&frame[..12], &tag[..]));
            assert_eq!(&buffer[16..len], &frame[12..]);
        }
        Err(_) => assert!(frame.len() < 12 || size & 1 == 0),
    }
}
