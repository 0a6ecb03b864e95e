//! Frames that are nearly right: valid ones, with bytes changed, cut, repeated or made up.

use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::frame::{
    Arp, BROADCAST, MDNS, NOBODY, Pair, advertisement, ping4, udp4, udp6, with_vlan,
};
use skerry_netns_tests::topology::Port;

/// Longest frame that the port's interface takes.
const LONGEST: usize = 1404;

/// Shortest tagged frame that gets from one end of a veth to the other.
const TAGGED: usize = 20;

/// An endless supply, the same for every run.
#[derive(Debug)]
pub(crate) struct Fuzz {
    seeds: Vec<Vec<u8>>,
    addresses: Vec<[u8; 6]>,
    state: u64,
}

impl Fuzz {
    pub(crate) fn new(fabric: &Fabric, from: Port) -> Self {
        let addresses = Port::all()
            .map(Port::mac)
            .chain([BROADCAST, MDNS, NOBODY, [0; 6]])
            .collect();
        Self {
            seeds: seeds(fabric, from),
            addresses,
            state: 0x5eed_0f5c_e881_0001,
        }
    }

    /// xorshift64*: good enough to be reproducible, and needs nothing.
    fn random(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.random() % limit.max(1) as u64).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.random().to_be_bytes()[0]
    }

    /// The next frame.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let seed = self.below(self.seeds.len());
        let mut frame = self.seeds[seed].clone();
        if self.below(2) == 0 {
            let address = self.below(self.addresses.len());
            frame[..6].copy_from_slice(&self.addresses[address]);
        }
        if self.below(8) == 0 {
            let address = self.below(self.addresses.len());
            frame[6..12].copy_from_slice(&self.addresses[address]);
        }
        if self.below(8) == 0 {
            let vid = self.below(5000);
            frame = with_vlan(frame, u16::try_from(vid).unwrap_or(0));
        }
        for _ in 0..self.below(5) {
            let (place, byte) = (12 + self.below(frame.len() - 12), self.byte());
            frame[place] = byte;
        }
        self.resize(&mut frame);
        frame
    }

    /// A kernel refuses frames shorter than their header, and on the far end of a veth it drops
    /// those whose tag is not followed by as much as an Ethernet type and two bytes, before any
    /// packet socket sees them. Neither is made.
    fn resize(&mut self, frame: &mut Vec<u8>) {
        match self.below(6) {
            0 => frame.truncate(14 + self.below(frame.len() - 14)),
            1 => {
                let more = self.below(LONGEST - frame.len());
                let byte = self.byte();
                frame.resize(frame.len() + more, byte);
            }
            _ => {}
        }
        frame.truncate(LONGEST);
        let tagged = matches!(frame[12..14], [0x81, 0x00] | [0x88, 0xa8]);
        if tagged && frame.len() < TAGGED {
            frame.resize(TAGGED, 0);
        }
    }
}

fn seeds(fabric: &Fabric, from: Port) -> Vec<Vec<u8>> {
    let gateway = Port(0);
    let mac = Pair {
        to: gateway.mac(),
        from: from.mac(),
    };
    let everybody = Pair {
        to: BROADCAST,
        from: from.mac(),
    };
    let ip = Pair {
        to: gateway.ip(),
        from: from.ip(),
    };
    let ip6 = Pair {
        to: gateway.ip6(),
        from: from.ip6(),
    };
    let tag = || fabric.tag(from);
    let arp = |operation| Arp {
        operation,
        sender: (from.mac(), from.ip()),
        target: ([0; 6], gateway.ip()),
    };
    vec![
        udp4(mac, ip, tag(), 0),
        udp4(everybody, Pair { to: [255; 4], ..ip }, tag(), 200),
        udp4(
            mac,
            Pair {
                to: [192, 0, 2, 1],
                ..ip
            },
            tag(),
            30,
        ),
        udp6(mac, ip6, tag(), 20),
        ping4(mac, ip, tag()),
        arp(1).frame(everybody, tag()),
        arp(2).frame(mac, tag()),
        advertisement(mac, ip6, from.ip6(), from.mac()),
        skerry_netns_tests::frame::experiment(BROADCAST, from.mac(), tag(), 10),
    ]
}
