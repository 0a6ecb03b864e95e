//! Receiver indices: how a datagram names the lane it is for.
//!
//! On the wire, lowest byte first: the session's number (boringtun's), the lane's number (so
//! that what is for another worker's lane names none of this one's), 16 random bits, so that indices
//! do not tell how many peers there are.

use rustc_hash::FxHashMap;

/// More lanes than any node has; half the random space, so that a free index is found fast.
pub(super) const LANES_MAX: usize = 1 << 15;

/// Which of a worker's lanes an index belongs to.
#[derive(Clone, Debug)]
pub(super) struct Indices {
    lanes: FxHashMap<u32, usize>,
    /// Which lane of every peer: the same for all of a worker.
    number: u8,
    random: u64,
}

impl Indices {
    pub(super) fn new(seed: u32, number: u8) -> Self {
        Self {
            lanes: FxHashMap::default(),
            number,
            random: u64::from(seed),
        }
    }

    /// Forgets who has which index.
    pub(super) fn clear(&mut self) {
        self.lanes.clear();
    }

    /// Gives `index` to the lane at this position.
    pub(super) fn set(&mut self, index: u32, lane: usize) {
        self.lanes.insert(index, lane);
    }

    /// An index that no lane has: what boringtun wants, without the session's byte.
    pub(super) fn draw(&mut self, taken: impl Fn(u32) -> bool) -> u32 {
        loop {
            let index = u32::from(self.next()) << 8 | u32::from(self.number);
            if !taken(index) {
                return index;
            }
        }
    }

    /// The lane that a receiver index from the wire names.
    pub(super) fn lane_of(&self, receiver: u32) -> Option<usize> {
        self.lanes.get(&(receiver >> 8)).copied()
    }

    /// SplitMix64: every seed gives a full period. Hides a count, not a secret.
    fn next(&mut self) -> u16 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [.., a, b] = (z ^ (z >> 31)).to_le_bytes();
        u16::from_le_bytes([a, b])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_low_byte_is_the_lane_and_the_rest_differs() {
        let mut indices = Indices::new(7, 3);
        let mut seen = Vec::new();
        for lane in 0..1000 {
            let index = indices.draw(|index| seen.contains(&index));
            assert_eq!(index & 0xff, 3, "{index:#x}");
            assert!(index < 1 << 24, "{index:#x}");
            indices.set(index, lane);
            seen.push(index);
        }
        for (lane, index) in seen.iter().enumerate() {
            assert_eq!(indices.lane_of(index << 8 | 0xab), Some(lane));
        }
    }

    #[test]
    fn seeds_give_different_indices() {
        assert_ne!(
            Indices::new(1, 0).draw(|_| false),
            Indices::new(2, 0).draw(|_| false)
        );
    }
}
