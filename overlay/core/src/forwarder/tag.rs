//! VLAN tags come off on the way in and go on on the way out: inside the fabric a frame's segment
//! says all that its tag said.

use skerry_policy::Vid;

use crate::frame::{Checksum, ETH_HEADER, Frame, Offload};
use crate::wire::bytes;

/// Where a tag stands: behind the two addresses.
const AT: usize = 12;
/// Its length.
const LEN: usize = 4;
/// The tag protocol identifier of IEEE 802.1Q.
const C_TAG: [u8; 2] = [0x81, 0x00];

/// The frame without its tag. `None` when there is none, or the offload header points into it.
pub(super) fn take_off<'b>(buffer: &'b mut [u8], frame: Frame<'_>) -> Option<Frame<'b>> {
    let addresses = frame.bytes.get(..AT)?;
    let rest = frame.bytes.get(AT + LEN..)?;
    let checksum = match frame.offload.checksum {
        Some(checksum) if usize::from(checksum.start) < ETH_HEADER + LEN => return None,
        checksum => moved(checksum, |start| start.checked_sub(4))?,
    };
    bytes::put(buffer, 0, addresses)?;
    bytes::put(buffer, AT, rest)?;
    let offload = Offload {
        checksum,
        ..frame.offload
    };
    Some(Frame {
        bytes: buffer.get(..AT + rest.len())?,
        offload,
    })
}

/// The frame under a tag of priority 0. `None` when it would not fit the buffer.
pub(super) fn put_on<'b>(buffer: &'b mut [u8], frame: Frame<'_>, vid: Vid) -> Option<Frame<'b>> {
    let (addresses, rest) = frame.bytes.split_at_checked(AT)?;
    let checksum = moved(frame.offload.checksum, |start| start.checked_add(4))?;
    bytes::put(buffer, 0, addresses)?;
    bytes::put(buffer, AT, &C_TAG)?;
    bytes::put(buffer, AT + C_TAG.len(), &vid.get().to_be_bytes())?;
    bytes::put(buffer, AT + LEN, rest)?;
    let offload = Offload {
        checksum,
        ..frame.offload
    };
    Some(Frame {
        bytes: buffer.get(..frame.bytes.len() + LEN)?,
        offload,
    })
}

/// The checksum with its start moved; `None` only when it cannot be.
fn moved(checksum: Option<Checksum>, by: impl Fn(u16) -> Option<u16>) -> Option<Option<Checksum>> {
    let Some(Checksum { start, offset }) = checksum else {
        return Some(None);
    };
    Some(Some(Checksum {
        start: by(start)?,
        offset,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_on_comes_off() {
        let bytes: Vec<u8> = (0..60).collect();
        let checksum = Some(Checksum {
            start: 34,
            offset: 16,
        });
        let offload = Offload {
            checksum,
            ..Offload::NONE
        };
        let (mut there, mut back) = ([0; 128], [0; 128]);
        let vid = Vid::new(30).unwrap();
        let tagged = put_on(
            &mut there,
            Frame {
                bytes: &bytes,
                offload,
            },
            vid,
        )
        .unwrap();
        assert_eq!(tagged.bytes[12..18], [0x81, 0, 0, 30, 12, 13]);
        assert_eq!(
            tagged.offload.checksum,
            Some(Checksum {
                start: 38,
                offset: 16
            })
        );
        let bare = take_off(&mut back, tagged).unwrap();
        assert_eq!((bare.bytes, bare.offload), (&bytes[..], offload));
    }

    #[test]
    fn a_checksum_inside_the_tag_is_refused() {
        let offload = Offload {
            checksum: Some(Checksum {
                start: 17,
                offset: 0,
            }),
            ..Offload::NONE
        };
        assert!(
            take_off(
                &mut [0; 128],
                Frame {
                    bytes: &[0; 60],
                    offload
                }
            )
            .is_none()
        );
    }
}
