//! The order in which ports, addresses, peers and flows have their turn.

/// Numbers below a count, each once and then all over again, in an order that no prefetcher
/// guesses: a full-period linear congruential generator that leaves out what is too large.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    count: u32,
    mask: u32,
    at: u32,
    step: u32,
}

impl Walk {
    /// Through `0..count`; other seeds give other orders.
    pub(crate) fn new(count: u32, seed: u32) -> Self {
        assert!(count > 0, "there is somebody to visit");
        Self {
            count,
            mask: count.next_power_of_two() - 1,
            at: 0,
            // Odd: with a multiplier of 1 modulo 4 the period is full (Hull and Dobell).
            step: seed.wrapping_mul(2) | 1,
        }
    }

    /// The next of them.
    pub(crate) fn turn(&mut self) -> u32 {
        loop {
            let next = self.at.wrapping_mul(0x9e37_79b5).wrapping_add(self.step);
            self.at = next & self.mask;
            if self.at < self.count {
                return self.at;
            }
        }
    }
}
