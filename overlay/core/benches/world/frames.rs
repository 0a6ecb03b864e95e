//! Frames as hosts send them, made by changing one: a large array of prepared frames would cost
//! cache misses that a worker, which reads into one buffer, does not have.

use std::net::Ipv4Addr;

use etherparse::PacketBuilder;
use skerry_policy::Mac;

/// Length of Ethernet, IPv4 and UDP headers together; those of TCP are 12 longer.
pub(crate) const UDP_HEADERS: usize = 42;
pub(crate) const TCP_HEADERS: usize = 54;

/// One end of a conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) mac: Mac,
    pub(crate) ip: Ipv4Addr,
}

/// What is in the buffer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// A buffer with one frame.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) bytes: Vec<u8>,
    transport: Transport,
}

impl Template {
    /// A frame of `length` bytes.
    pub(crate) fn new(transport: Transport, length: usize) -> Self {
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4([10; 4], [11; 4], 64);
        let mut bytes = Vec::with_capacity(length);
        match transport {
            Transport::Udp => {
                let payload = vec![7; length - UDP_HEADERS];
                builder.udp(1, 1).write(&mut bytes, &payload).unwrap();
                // None: so that ports and addresses may change.
                bytes[40..42].fill(0);
            }
            Transport::Tcp => {
                let payload = vec![7; length - TCP_HEADERS];
                let tcp = builder.tcp(1, 1, 1, 1_000).ack(1);
                tcp.write(&mut bytes, &payload).unwrap();
            }
        }
        Self { bytes, transport }
    }

    /// The `nth` frame from one end to the other, in one of 2^32 flows.
    pub(crate) fn patch(&mut self, from: End, to: End, flow: u32, nth: u64) {
        let bytes = &mut self.bytes[..];
        bytes[..6].copy_from_slice(&to.mac.0);
        bytes[6..12].copy_from_slice(&from.mac.0);
        bytes[26..30].copy_from_slice(&from.ip.octets());
        bytes[30..34].copy_from_slice(&to.ip.octets());
        // Ports that mean nothing to anybody: 5000 and up on one side, 10,000 and up on the other.
        let [low, high] = [flow & 0x3ff, flow >> 10];
        bytes[34..36].copy_from_slice(&half(10_000 + low));
        bytes[36..38].copy_from_slice(&half(5_000 + high));
        if self.transport == Transport::Tcp {
            self.continue_stream(nth);
        }
    }

    /// Makes it the `nth` segment of its stream, with right checksums, so that it can be joined.
    fn continue_stream(&mut self, nth: u64) {
        let bytes = &mut self.bytes[..];
        let nth = u32::try_from(nth & 0xffff_ffff).unwrap();
        let payload = u32::try_from(bytes.len() - TCP_HEADERS).unwrap();
        bytes[18..20].copy_from_slice(&half(nth & 0xffff));
        bytes[38..42].copy_from_slice(&nth.wrapping_mul(payload).to_be_bytes());
        bytes[24..26].fill(0);
        let header = !sum(&bytes[14..34], 0);
        bytes[24..26].copy_from_slice(&header.to_be_bytes());
        bytes[50..52].fill(0);
        let pseudo = 6 + u32::try_from(bytes.len() - 34).unwrap();
        let all = !sum(&bytes[26..], pseudo);
        bytes[50..52].copy_from_slice(&all.to_be_bytes());
    }
}

fn half(value: u32) -> [u8; 2] {
    u16::try_from(value).unwrap().to_be_bytes()
}

/// The Internet checksum's sum (RFC 1071).
fn sum(bytes: &[u8], start: u32) -> u16 {
    let words = bytes.chunks(2).map(|pair| match pair {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        [high] => u32::from(u16::from_be_bytes([*high, 0])),
        _ => 0,
    });
    let mut sum = words.fold(start, |sum, word| sum + word);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap()
}
