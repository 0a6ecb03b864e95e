//! The network between the nodes: it loses, doubles, reorders, delays, cuts and corrupts
//! datagrams, and lets through none where it is parted.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::rng::Rng;

/// Datagrams remembered for being sent again much later.
const RECORDED: usize = 256;

/// How one direction of one path is. Chances are in a thousand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path {
    pub(crate) parted: bool,
    pub(crate) loss: u64,
    pub(crate) twice: u64,
    pub(crate) corrupt: u64,
    pub(crate) delay: Duration,
    /// Added to the delay at random: more than the gap between two datagrams reorders them.
    pub(crate) jitter: Duration,
}

impl Path {
    /// A good local network.
    pub(crate) const GOOD: Self = Self {
        parted: false,
        loss: 0,
        twice: 0,
        corrupt: 0,
        delay: Duration::from_micros(200),
        jitter: Duration::from_micros(20),
    };

    /// As bad as a seed makes it.
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let some = |rng: &mut Rng, most: u64| {
            if rng.chance(500) {
                rng.within(0..most)
            } else {
                0
            }
        };
        Self {
            parted: false,
            loss: some(rng, 300),
            twice: some(rng, 200),
            corrupt: some(rng, 50),
            delay: Duration::from_micros(rng.within(50..80_000)),
            jitter: Duration::from_micros(1 + some(rng, 120_000)),
        }
    }
}

/// A datagram on its way.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    pub(crate) from: SocketAddr,
    pub(crate) to: usize,
    pub(crate) bytes: Vec<u8>,
}

/// All paths.
#[derive(Debug)]
pub(crate) struct Network {
    nodes: usize,
    paths: Vec<Path>,
    rng: Rng,
    pub(crate) recorded: VecDeque<Datagram>,
    pub(crate) carried: u64,
    pub(crate) lost: u64,
}

impl Network {
    pub(crate) fn new(nodes: usize, rng: Rng) -> Self {
        Self {
            nodes,
            paths: vec![Path::GOOD; nodes * nodes],
            rng,
            recorded: VecDeque::new(),
            carried: 0,
            lost: 0,
        }
    }

    pub(crate) fn path(&mut self, from: usize, to: usize) -> &mut Path {
        &mut self.paths[from * self.nodes + to]
    }

    /// Everything is well again.
    pub(crate) fn heal(&mut self) {
        self.paths.fill(Path::GOOD);
    }

    /// Takes a datagram from the node `by`, and says after what time what arrives.
    pub(crate) fn carry(
        &mut self,
        by: usize,
        datagram: &Datagram,
        mut arrives: impl FnMut(Duration, Datagram),
    ) {
        let path = *self.path(by, datagram.to);
        if path.parted || self.rng.chance(path.loss) {
            self.lost += 1;
            return;
        }
        if self.recorded.len() == RECORDED {
            self.recorded.pop_front();
        }
        self.recorded.push_back(datagram.clone());
        let copies = 1 + u64::from(self.rng.chance(path.twice));
        for _ in 0..copies {
            let jitter = u64::try_from(path.jitter.as_nanos()).unwrap();
            let delay = path.delay + Duration::from_nanos(self.rng.within(0..jitter));
            let mut copy = datagram.clone();
            if self.rng.chance(path.corrupt) {
                self.corrupt(&mut copy.bytes);
            }
            self.carried += 1;
            arrives(delay, copy);
        }
    }

    fn corrupt(&mut self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() || self.rng.chance(300) {
            let len = self.rng.below(bytes.len() + 1);
            bytes.truncate(len);
        } else {
            let at = self.rng.below(bytes.len());
            bytes[at] ^= 1 << self.rng.within(0..8);
        }
    }
}
