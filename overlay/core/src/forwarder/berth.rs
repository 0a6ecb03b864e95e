//! What changes at a port with every frame and every turn, in one cache line: among many ports each
//! line that a frame touches is in no cache. Its counters are in another, and what only some frames
//! touch is in its [`Meter`](super::meter::Meter).

use skerry_policy::{Port, Tables};

use super::meter::{bits, inherit};
use crate::bucket::Bucket;
use crate::queue::Queue;

/// Where a port lies.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Berth {
    /// What a worker reads its frames from.
    pub(super) queue: Queue,
    /// Bits that it may send; `None`: as many as it can.
    pub(super) bits: Option<Bucket>,
}

impl Berth {
    fn new(port: &Port) -> Self {
        Self {
            queue: Queue::default(),
            bits: port.rate.map(bits),
        }
    }

    /// Of every port of these tables, with all queues empty.
    pub(super) fn all(tables: &Tables) -> Vec<Self> {
        let ports = tables.local.ports.iter();
        let ports = ports.filter_map(|port| tables.fabric.ports.get(port.index()));
        ports.map(Self::new).collect()
    }

    /// The same debt under another limit. A queue that was too long shows again.
    pub(super) fn inherit(self, old: &Self) -> Self {
        Self {
            bits: inherit(self.bits, old.bits),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_frame_of_a_port_touches_fits_a_cache_line() {
        assert_eq!(size_of::<Berth>(), 64);
    }
}
