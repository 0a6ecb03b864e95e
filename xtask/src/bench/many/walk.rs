//! The order in which ports and addresses have their turn.

/// Numbers below a count, each once and then all over again, in an order that no prefetcher
/// guesses: a linear congruential generator that leaves out what is too large.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    count: u32,
    mask: u32,
    at: u32,
    step: u32,
}

impl Walk {
    /// Through `0..count`, of which there is at least one; other seeds give other orders.
    pub(super) const fn new(count: u32, seed: u32) -> Self {
        Self {
            count,
            mask: count.next_power_of_two() - 1,
            at: 0,
            // Odd: with a multiplier of 1 modulo 4 the period is full (Hull and Dobell).
            step: seed.wrapping_mul(2) | 1,
        }
    }

    /// The next of them.
    pub(super) const fn turn(&mut self) -> u32 {
        loop {
            let next = self.at.wrapping_mul(0x9e37_79b5).wrapping_add(self.step);
            self.at = next & self.mask;
            if self.at < self.count {
                return self.at;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_one_turn_and_then_another() {
        for count in [1, 2, 50, 1_024, 10_000] {
            let mut walk = Walk::new(count, 0x0123_4567);
            for _ in 0..2 {
                let mut seen: Vec<u32> = (0..count).map(|_| walk.turn()).collect();
                seen.sort_unstable();
                assert!(seen.into_iter().eq(0..count), "{count}");
            }
        }
    }
}
