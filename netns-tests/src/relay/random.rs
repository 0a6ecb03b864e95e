//! Chance that a seed repeats.

/// xorshift64*: good enough to be reproducible, and needs nothing.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts from a seed; two seeds that differ give two different runs.
    pub fn new(seed: u64) -> Self {
        // Zero is the one state that it never leaves.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below a limit; zero when the limit is.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.bits() % limit.max(1) as u64).unwrap_or(0)
    }

    /// True as often as a share says.
    pub fn happens(&mut self, share: Share) -> bool {
        share.0 > 0 && self.bits() % Share::WHOLE < u64::from(share.0)
    }

    /// Fills a slice.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = self.bits().to_be_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }
}

/// A part of the packets, in thousandths.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Share(pub u32);

impl Share {
    const WHOLE: u64 = 1_000;

    /// Hundredths.
    pub const fn percent(percent: u32) -> Self {
        Self(percent * 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_another_one_differs() {
        let run = |seed| {
            let mut random = Random::new(seed);
            [random.bits(), random.bits(), random.bits()]
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn a_share_is_met() {
        let mut random = Random::new(1);
        let mut count = |share| (0..100_000).filter(|_| random.happens(share)).count();
        assert_eq!(count(Share(0)), 0);
        assert!((800..1_200).contains(&count(Share::percent(1))));
        assert_eq!(count(Share::percent(100)), 100_000);
    }
}
