//! SCTP's checksum (RFC 9260 section 6.8): a CRC32c, which nothing but SCTP knows how to finish. The
//! words of an offload header are the Internet checksum's, so it is made where a frame comes in, and
//! no frame owes it from there on.

use crate::frame::{Checksum, Offload};
use crate::gso::network::Network;

/// Its number as a protocol of IP.
const SCTP: u8 = 132;

/// Where the common header has its checksum, and how long it is (RFC 9260 section 3.1).
const OFFSET: usize = 8;
const HEADER: usize = 12;

/// The polynomial, lowest bit first (RFC 9260 appendix A).
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// What each byte adds.
const TABLE: [u32; 256] = table();

/// Finishes the checksum that an SCTP packet owes, and says what the frame owes then. Whatever owes
/// something else, or somewhere else, is left as it is.
pub fn finish_sctp(bytes: &mut [u8], offload: Offload) -> Offload {
    match offload.checksum {
        Some(owed) if usize::from(owed.offset) == OFFSET && offload.superframe.is_none() => {
            match finish(bytes, owed) {
                Some(()) => Offload::NONE,
                None => offload,
            }
        }
        _ => offload,
    }
}

/// `None` where the place is not that of SCTP's checksum by the frame's own headers.
fn finish(bytes: &mut [u8], owed: Checksum) -> Option<()> {
    let network = Network::parse(bytes).ok()?;
    let end = network.l3 + network.packet_len(bytes).ok()?;
    if network.protocol != SCTP || usize::from(owed.start) != network.l4 {
        return None;
    }
    // Behind the packet a short frame is filled up.
    let packet = bytes.get_mut(network.l4..end)?;
    let (header, _) = packet.split_first_chunk_mut::<HEADER>()?;
    let [.., c0, c1, c2, c3] = header;
    [*c0, *c1, *c2, *c3] = [0; 4];
    let sum = crc(packet).to_le_bytes();
    let [.., c0, c1, c2, c3] = packet.first_chunk_mut::<HEADER>()?;
    [*c0, *c1, *c2, *c3] = sum;
    Some(())
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        let [low, ..] = sum.to_le_bytes();
        let added = TABLE.get(usize::from(low ^ byte)).copied();
        sum >> 8 ^ added.unwrap_or_default()
    })
}

#[expect(
    clippy::indexing_slicing,
    reason = "at compile time, where an index beyond the end is an error"
)]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    let mut byte = 0;
    while index < table.len() {
        let (mut sum, mut bit) = (byte, 0);
        while bit < 8 {
            sum = sum >> 1 ^ if sum & 1 == 0 { 0 } else { POLYNOMIAL };
            bit += 1;
        }
        table[index] = sum;
        index += 1;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use etherparse::{IpNumber, PacketBuilder};
    use proptest::prelude::*;

    use super::*;
    use crate::frame::Frame;
    use crate::gso::Segments;

    /// Ports 1 and 2, tag 3, a checksum that is not there yet, and a chunk.
    fn sctp(v6: bool, chunk: &[u8]) -> Vec<u8> {
        let mut packet = vec![0, 1, 0, 2, 0, 0, 0, 3, 0xaa, 0xbb, 0xcc, 0xdd];
        packet.extend(chunk);
        let mut bytes = Vec::new();
        let ethernet = PacketBuilder::ethernet2([2; 6], [4; 6]);
        if v6 {
            let builder = ethernet.ipv6([1; 16], [2; 16], 64);
            builder.write(&mut bytes, IpNumber::SCTP, &packet).unwrap();
        } else {
            let builder = ethernet.ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64);
            builder.write(&mut bytes, IpNumber::SCTP, &packet).unwrap();
        }
        bytes
    }

    const fn owing(start: u16, offset: u16) -> Offload {
        Offload {
            checksum: Some(Checksum { start, offset }),
            ..Offload::NONE
        }
    }

    #[test]
    fn the_sum_is_the_one_that_others_compute() {
        // RFC 3720 appendix B.4, and the check value of every catalogue of CRCs.
        assert_eq!(crc(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn what_a_kernel_left_undone_is_done() {
        for (v6, start) in [(false, 34), (true, 54)] {
            let mut bytes = sctp(v6, &[0, 3, 0, 8, 1, 2, 3, 4]);
            let mut expected = bytes.clone();
            let at = usize::from(start);
            expected[at + 8..at + 12].fill(0);
            let sum = crc(&expected[at..]);
            expected[at + 8..at + 12].copy_from_slice(&sum.to_le_bytes());
            // An Ethernet frame has 60 bytes at least.
            for frame in [&mut bytes, &mut expected] {
                frame.resize(frame.len().max(60), 0);
            }
            let left = finish_sctp(&mut bytes, owing(start, 8));
            assert_eq!((left, bytes), (Offload::NONE, expected));
        }
    }

    #[test]
    fn nothing_else_is_touched() {
        let good = sctp(false, &[7; 20]);
        let udp = {
            let mut bytes = good.clone();
            bytes[23] = 17;
            bytes
        };
        let fragment = {
            let mut bytes = good.clone();
            bytes[20] = 0x20;
            bytes
        };
        let short = sctp(false, &[])[..44].to_vec();
        for (bytes, offload) in [
            (&good, owing(35, 8)),
            (&good, owing(34, 16)),
            (&good, owing(26, 8)),
            (&good, Offload::NONE),
            (&udp, owing(34, 8)),
            (&fragment, owing(34, 8)),
            (&short, owing(34, 8)),
        ] {
            let mut after = bytes.clone();
            assert_eq!(finish_sctp(&mut after, offload), offload);
            assert_eq!(&after, bytes);
            let frame = Frame {
                bytes: &after,
                offload,
            };
            let refused = Segments::new(frame).is_err();
            assert_eq!(refused, offload != Offload::NONE, "{offload:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_nothing_but_the_checksum_changes(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..120),
            start in 0u16..120,
        ) {
            let before = bytes.clone();
            let left = finish_sctp(&mut bytes, owing(start, 8));
            let start = usize::from(start);
            if left == Offload::NONE {
                bytes[start + 8..start + 12].copy_from_slice(&before[start + 8..start + 12]);
            }
            prop_assert_eq!(bytes, before);
        }
    }
}
