//! From one frame with work owed to finished frames.

use crate::frame::{Checksum, Frame};
use crate::gso::checksum::complete_checksum;
use crate::gso::cut::Cut;
use crate::gso::fault::GsoFault;
use crate::gso::network::Network;

/// The finished frames that one [`Frame`] stands for, written one at a time.
#[derive(Clone, Copy, Debug)]
pub struct Segments<'a> {
    work: Work<'a>,
    /// How many have been written.
    done: usize,
}

/// What is owed.
#[derive(Clone, Copy, Debug)]
enum Work<'a> {
    Nothing(&'a [u8]),
    Checksum(&'a [u8], Checksum),
    Cut(Cut<'a>),
}

impl<'a> Segments<'a> {
    /// Checks the offload header against the bytes. A frame that owes nothing is not looked at.
    ///
    /// # Errors
    /// The first contradiction between the two.
    pub fn new(frame: Frame<'a>) -> Result<Self, GsoFault> {
        let work = match (frame.offload.superframe, frame.offload.checksum) {
            (Some(superframe), _) => Work::Cut(Cut::new(frame, superframe)?),
            (None, Some(checksum)) => {
                let network = Network::parse(frame.bytes)?;
                let (start, offset) = (usize::from(checksum.start), usize::from(checksum.offset));
                if !network.owes(frame.bytes, start, offset) {
                    return Err(GsoFault::ChecksumPlace);
                }
                Work::Checksum(frame.bytes, checksum)
            }
            (None, None) => Work::Nothing(frame.bytes),
        };
        Ok(Self { work, done: 0 })
    }

    /// How many frames it stands for, at least one.
    pub fn count(&self) -> usize {
        match self.work {
            Work::Nothing(_) | Work::Checksum(..) => 1,
            Work::Cut(ref cut) => cut.count(),
        }
    }

    /// The longest of them, in bytes with the Ethernet header.
    pub fn max_len(&self) -> usize {
        match self.work {
            Work::Nothing(bytes) | Work::Checksum(bytes, _) => bytes.len(),
            Work::Cut(ref cut) => cut.max_len(),
        }
    }

    /// All of them together, in bytes, each with its headers.
    pub fn total_len(&self) -> usize {
        match self.work {
            Work::Nothing(bytes) | Work::Checksum(bytes, _) => bytes.len(),
            Work::Cut(ref cut) => cut.total_len(),
        }
    }

    /// Writes the next finished frame to the start of `out` and returns its length; `None` after
    /// the last, or when `out` is shorter than [`Self::max_len`] and the frame does not fit.
    pub fn next_into(&mut self, out: &mut [u8]) -> Option<usize> {
        if self.done >= self.count() {
            return None;
        }
        let len = match self.work {
            Work::Nothing(bytes) => copy(bytes, out)?,
            Work::Checksum(bytes, checksum) => {
                let len = copy(bytes, out)?;
                complete_checksum(out.get_mut(..len)?, checksum).ok()?;
                len
            }
            Work::Cut(ref cut) => cut.write(self.done, out)?,
        };
        self.done += 1;
        Some(len)
    }
}

fn copy(bytes: &[u8], out: &mut [u8]) -> Option<usize> {
    out.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(bytes.len())
}

#[cfg(test)]
mod tests;
