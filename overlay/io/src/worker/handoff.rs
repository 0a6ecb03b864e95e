//! Frames on their way from a worker that read them to the first one, which has a tunnel to everybody
//! and hears what hosts tell of themselves: two rings
//! per worker, one for full slots, one that brings the empty ones back. Nothing is allocated.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rtrb::{Consumer, Producer, RingBuffer};
use skerry_overlay::{FRAME_MAX, Frame, Offload, Onward, Refused};
use skerry_policy::LocalPort;

/// Frames that may be on their way. The memory of a slot is only real once a frame used it.
const SLOTS: usize = 512;

/// What the first worker is to do with a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Errand {
    /// Send it on: it has been admitted.
    Send(Onward),
    /// Take it in, from this port.
    Admit(LocalPort),
}

/// One frame, and under what it was read.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) generation: u64,
    pub(crate) errand: Errand,
    offload: Offload,
    len: usize,
    bytes: Box<[u8]>,
}

impl Slot {
    fn empty() -> Self {
        Self {
            generation: 0,
            errand: Errand::Admit(LocalPort(0)),
            offload: Offload::NONE,
            len: 0,
            bytes: vec![0; FRAME_MAX].into_boxed_slice(),
        }
    }

    /// The frame in it.
    pub(crate) fn frame(&self) -> Frame<'_> {
        Frame {
            bytes: self.bytes.get(..self.len).unwrap_or_default(),
            offload: self.offload,
        }
    }
}

/// The reading worker's end.
#[derive(Debug)]
pub(crate) struct Giver {
    full: Producer<Slot>,
    empty: Consumer<Slot>,
    bell: Arc<OwnedFd>,
    rung: bool,
}

/// The owner's end.
#[derive(Debug)]
pub(crate) struct Taker {
    full: Consumer<Slot>,
    empty: Producer<Slot>,
}

/// A pair of ends; `bell` wakes the owner.
pub(crate) fn pair(bell: Arc<OwnedFd>) -> (Giver, Taker) {
    let (full_in, full_out) = RingBuffer::new(SLOTS);
    let (mut empty_in, empty_out) = RingBuffer::new(SLOTS);
    for _ in 0..SLOTS {
        // There is room for exactly as many.
        empty_in.push(Slot::empty()).ok();
    }
    let giver = Giver {
        full: full_in,
        empty: empty_out,
        bell,
        rung: true,
    };
    let taker = Taker {
        full: full_out,
        empty: empty_in,
    };
    (giver, taker)
}

impl Giver {
    /// Copies a frame into an empty slot and gives it to the owner.
    pub(crate) fn give(
        &mut self,
        generation: u64,
        errand: Errand,
        frame: Frame<'_>,
    ) -> Result<(), Refused> {
        let len = frame.bytes.len();
        if len > FRAME_MAX {
            return Err(Refused::Full);
        }
        let mut slot = self.empty.pop().map_err(|_| Refused::Full)?;
        if let Some(room) = slot.bytes.get_mut(..len) {
            room.copy_from_slice(frame.bytes);
        }
        (slot.len, slot.offload) = (len, frame.offload);
        (slot.generation, slot.errand) = (generation, errand);
        self.rung = false;
        self.full.push(slot).map_err(|_| Refused::Full)
    }

    /// Wakes the owner, once per batch and only if there is something.
    pub(crate) fn ring(&mut self) {
        if !self.rung {
            self.rung = true;
            // Only a counter at its maximum refuses: then the bell rings already.
            rustix::io::write(&*self.bell, &1u64.to_ne_bytes()).ok();
        }
    }
}

impl Taker {
    /// The generation of the next frame.
    pub(crate) fn next_generation(&self) -> Option<u64> {
        self.full.peek().ok().map(|slot| slot.generation)
    }

    /// The next frame; hand the slot back with [`Self::give_back`].
    pub(crate) fn take(&mut self) -> Option<Slot> {
        self.full.pop().ok()
    }

    /// Returns an emptied slot.
    pub(crate) fn give_back(&mut self, slot: Slot) {
        // There are only as many slots as the ring has places.
        self.empty.push(slot).ok();
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{EventfdFlags, eventfd};
    use skerry_policy::{NodeId, SegmentId};

    use super::*;

    fn ends() -> (Giver, Taker) {
        pair(Arc::new(eventfd(0, EventfdFlags::NONBLOCK).unwrap()))
    }

    fn to(n: u8) -> Errand {
        Errand::Send(Onward {
            node: NodeId(n.into()),
            segment: SegmentId(1),
            mark: 0xc000 + u16::from(n),
        })
    }

    #[test]
    fn frames_arrive_in_order_with_what_was_said_about_them() {
        let (mut giver, mut taker) = ends();
        for n in 0..5u8 {
            let frame = Frame::plain(std::slice::from_ref(&n));
            giver.give(7, to(n), frame).unwrap();
        }
        for n in 0..5u8 {
            assert_eq!(taker.next_generation(), Some(7));
            let slot = taker.take().unwrap();
            assert_eq!((slot.errand, slot.frame().bytes), (to(n), &[n][..]));
            taker.give_back(slot);
        }
        assert!(taker.take().is_none());
    }

    #[test]
    fn a_full_ring_refuses_and_recovers() {
        let (mut giver, mut taker) = ends();
        let frame = Frame::plain(&[1, 2, 3]);
        let mut give = || giver.give(1, to(0), frame);
        for n in 0..SLOTS {
            assert_eq!(give(), Ok(()), "frame {n}");
        }
        assert_eq!(give(), Err(Refused::Full));
        let slot = taker.take().unwrap();
        taker.give_back(slot);
        assert_eq!(give(), Ok(()));
    }
}
