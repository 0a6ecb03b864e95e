//! Superframes written whole where they are wanted, until a kernel refuses one that it said it
//! would take.
//!
//! Several stable kernels have had a `virtio_net_hdr` check that refuses good superframes (6.6.44
//! among them). Then every superframe is cut here for as long as the port is open; where it was one of
//! UDP, the others go on first.

use std::io;

use skerry_overlay::{FRAME_MAX, Frame, Refused, Segments, SuperframeKind};

use super::Superframes;

/// How superframes are written to one port.
#[derive(Debug)]
pub(super) struct Whole {
    /// Which are wanted, and have not been refused.
    takes: Superframes,
    /// Where the others are cut, once there was one.
    room: Option<Box<[u8]>>,
}

impl Whole {
    /// For a port that takes these.
    pub(super) fn new(takes: Superframes) -> Self {
        let room = (takes != Superframes::All).then(room);
        Self { takes, room }
    }

    /// Which superframes are written whole.
    pub(super) const fn takes(&self) -> Superframes {
        self.takes
    }

    /// Whether a frame is written as it is. Where no superframes are wanted, none that owes a
    /// checksum is either.
    fn takes_frame(&self, frame: Frame<'_>) -> bool {
        match frame.offload.superframe {
            Some(superframe) => self.takes.take(superframe.kind),
            None => self.takes != Superframes::None || frame.offload.is_finished(),
        }
    }

    /// Writes a frame, whole or in pieces.
    ///
    /// # Errors
    /// What the device said of it, or of the first piece that it did not take. All pieces then count
    /// as lost, also those before it that were taken.
    pub(super) fn send(
        &mut self,
        frame: Frame<'_>,
        mut write: impl FnMut(Frame<'_>) -> io::Result<()>,
    ) -> Result<(), Refused> {
        let kind = frame.offload.superframe.map(|it| it.kind);
        if self.takes_frame(frame) {
            let error = match write(frame) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            // A TAP that is down says `EIO`.
            let refused = error.raw_os_error() == Some(libc::EINVAL);
            let Some(kind) = kind.filter(|_| refused) else {
                return Err(super::refusal(&error));
            };
            self.takes = match kind {
                SuperframeKind::Udp => Superframes::Tcp,
                SuperframeKind::Tcp4 | SuperframeKind::Tcp6 => Superframes::None,
            };
            tracing::warn!(%error, ?kind, "a superframe was refused: they are cut from now on");
        }
        let room = self.room.get_or_insert_with(room);
        // The core has checked the offload header, so this cannot fail for a frame it sends.
        let mut segments = Segments::new(frame).map_err(|_| Refused::Down)?;
        while let Some(len) = segments.next_into(room) {
            let piece = Frame::plain(room.get(..len).unwrap_or_default());
            write(piece).map_err(|error| super::refusal(&error))?;
        }
        Ok(())
    }
}

fn room() -> Box<[u8]> {
    vec![0; FRAME_MAX].into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use skerry_overlay::{Checksum, Offload, Superframe, SuperframeKind};

    use super::*;

    /// TCP over IPv4 with so many bytes of payload, in pieces of 100.
    fn superframe(payload: usize) -> Vec<u8> {
        let builder = etherparse::PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .tcp(1, 2, 3, 4)
            .ack(5);
        let mut bytes = Vec::new();
        builder.write(&mut bytes, &vec![7; payload]).unwrap();
        bytes
    }

    fn offload() -> Offload {
        Offload {
            checksum: Some(Checksum {
                start: 34,
                offset: 16,
            }),
            superframe: Some(Superframe {
                kind: SuperframeKind::Tcp4,
                size: 100,
                ecn: false,
            }),
            valid: false,
        }
    }

    #[test]
    fn what_is_refused_once_is_cut_from_then_on() {
        let bytes = superframe(250);
        let frame = Frame {
            bytes: &bytes,
            offload: offload(),
        };
        let mut whole = Whole::new(Superframes::All);
        let mut written = Vec::new();
        let mut device = |frame: Frame<'_>| {
            written.push((frame.bytes.len(), frame.offload.superframe.is_some()));
            if frame.offload.superframe.is_some() {
                return Err(io::Error::from_raw_os_error(libc::EINVAL));
            }
            Ok(())
        };
        for _ in 0..2 {
            assert_eq!(whole.send(frame, &mut device), Ok(()));
        }
        let pieces = [(154, false), (154, false), (104, false)];
        let expect = [&[(304, true)][..], &pieces, &pieces].concat();
        assert_eq!(written, expect);
    }

    /// UDP with so many bytes of payload, in pieces of 100.
    fn datagrams(payload: usize) -> (Vec<u8>, Offload) {
        let builder = etherparse::PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .udp(1, 2);
        let mut bytes = Vec::new();
        builder.write(&mut bytes, &vec![7; payload]).unwrap();
        let mut offload = offload();
        offload.checksum.as_mut().unwrap().offset = 6;
        offload.superframe.as_mut().unwrap().kind = SuperframeKind::Udp;
        (bytes, offload)
    }

    #[test]
    fn who_refuses_udp_still_gets_tcp_whole() {
        let ((udp, owed), tcp) = (datagrams(250), superframe(250));
        let udp = Frame {
            bytes: &udp,
            offload: owed,
        };
        let tcp = Frame {
            bytes: &tcp,
            offload: offload(),
        };
        let mut written = Vec::new();
        let mut device = |frame: Frame<'_>| {
            written.push(frame.bytes.len());
            let kind = frame.offload.superframe.map(|it| it.kind);
            match kind {
                Some(SuperframeKind::Udp) => Err(io::Error::from_raw_os_error(libc::EINVAL)),
                _ => Ok(()),
            }
        };
        let mut whole = Whole::new(Superframes::All);
        for frame in [udp, udp, tcp] {
            assert_eq!(whole.send(frame, &mut device), Ok(()));
        }
        assert_eq!(whole.takes(), Superframes::Tcp);
        let pieces = [142, 142, 92];
        assert_eq!(written, [&[292][..], &pieces, &pieces, &[304]].concat());
    }

    #[test]
    fn what_an_old_kernel_does_not_know_is_cut_at_once() {
        let (bytes, offload) = datagrams(250);
        let frame = Frame {
            bytes: &bytes,
            offload,
        };
        let mut lengths = Vec::new();
        let sent = Whole::new(Superframes::Tcp).send(frame, |frame| {
            lengths.push(frame.bytes.len());
            Ok(())
        });
        assert_eq!((sent, lengths), (Ok(()), vec![142, 142, 92]));
    }

    #[test]
    fn what_is_not_wanted_is_cut_at_once() {
        let bytes = superframe(250);
        let frame = Frame {
            bytes: &bytes,
            offload: offload(),
        };
        let mut written = Vec::new();
        let sent = Whole::new(Superframes::None).send(frame, |frame| {
            written.push((frame.bytes.len(), frame.offload));
            Ok(())
        });
        let pieces = [154, 154, 104].map(|len| (len, Offload::NONE));
        assert_eq!((sent, written), (Ok(()), pieces.to_vec()));
    }

    #[test]
    fn where_frames_are_to_be_finished_a_checksum_is_too() {
        let bytes = superframe(50);
        let owed = Offload {
            superframe: None,
            ..offload()
        };
        let frame = Frame {
            bytes: &bytes,
            offload: owed,
        };
        for (takes, expect) in [
            (Superframes::None, Offload::NONE),
            (Superframes::Tcp, owed),
            (Superframes::All, owed),
        ] {
            let mut written = Vec::new();
            let sent = Whole::new(takes).send(frame, |frame| {
                written.push((frame.bytes.len(), frame.offload));
                Ok(())
            });
            assert_eq!((sent, written), (Ok(()), vec![(bytes.len(), expect)]));
        }
    }

    #[test]
    fn a_full_or_dead_device_is_no_reason_to_cut() {
        let bytes = superframe(250);
        let frame = Frame {
            bytes: &bytes,
            offload: offload(),
        };
        for (code, refused) in [
            (libc::EAGAIN, Refused::Full),
            (libc::ENOBUFS, Refused::Full),
            (libc::ENETDOWN, Refused::Down),
            (libc::EIO, Refused::Down),
        ] {
            let mut whole = Whole::new(Superframes::All);
            let sent = whole.send(frame, |_| Err(io::Error::from_raw_os_error(code)));
            assert_eq!(sent, Err(refused));
            assert_eq!(whole.takes(), Superframes::All);
        }
    }

    #[test]
    fn a_frame_that_is_refused_by_itself_is_not_tried_again() {
        let bytes = superframe(50);
        let mut tries = 0;
        let sent = Whole::new(Superframes::All).send(Frame::plain(&bytes), |_| {
            tries += 1;
            Err(io::Error::from_raw_os_error(libc::EINVAL))
        });
        assert_eq!((sent, tries), (Err(Refused::Down), 1));
    }
}
