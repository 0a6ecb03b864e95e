//! A question whether so long a datagram arrives, and the answer that it did.

use crate::control::codec::{Reader, put};
use crate::frame::ETH_HEADER;
use crate::wire::vxlan;

/// The smallest and the largest MTU that a fabric may have, which bound what is asked.
pub(super) const LEAST: u16 = 576;
const MOST: u16 = 9_000;

/// What stands in front of the packet inside a frame, behind the headers that a message has too.
const FRAME_HEADERS: usize = vxlan::LEN + ETH_HEADER;

/// The size that is asked for, or has arrived: that of the IP packet in a frame of the same length.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Probe {
    pub(super) number: u64,
    pub(super) mtu: u16,
}

/// The length of a message whose datagram is as long as that of a frame with a packet of `mtu`
/// bytes.
pub(super) const fn probe_len(mtu: u16) -> usize {
    FRAME_HEADERS + mtu as usize
}

impl Probe {
    /// The number, and zeros up to the length of the message.
    pub(super) fn encode(self, bytes: &mut Vec<u8>) {
        put(bytes, self.number);
        bytes.resize(probe_len(self.mtu), 0);
    }

    /// The rest of a message of `length` bytes.
    pub(super) fn decode(reader: &mut Reader<'_>, length: usize) -> Option<Self> {
        let number = reader.number()?;
        let filler = reader.rest();
        let mtu = u16::try_from(length.checked_sub(FRAME_HEADERS)?).ok()?;
        let is_one = is_size(mtu) && filler.iter().all(|&byte| byte == 0);
        is_one.then_some(Self { number, mtu })
    }

    /// An answer has no filler, so that it is shorter than any question.
    pub(super) fn encode_answer(self, bytes: &mut Vec<u8>) {
        put(bytes, self.number);
        bytes.extend(self.mtu.to_be_bytes());
    }

    pub(super) fn decode_answer(reader: &mut Reader<'_>) -> Option<Self> {
        let number = reader.number()?;
        let mtu = u16::from_be_bytes(reader.bytes()?);
        is_size(mtu).then_some(Self { number, mtu })
    }
}

const fn is_size(mtu: u16) -> bool {
    LEAST <= mtu && mtu <= MOST
}
