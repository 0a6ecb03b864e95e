//! What one turn may cost, in the frames that superframes stand for: each of those may have to be
//! cut, wrapped and sealed by itself.

use skerry_overlay::Weight;

/// Bytes of one port, of one ring, or of one UDP socket, in one turn. A fifth of a millisecond's work,
/// so that acknowledgements do not wait behind what they are for.
pub(super) const BYTES: usize = 128 << 10;

/// Frames in the same: what as many bytes are in frames of a kibibyte. Smaller ones are not cheaper.
const FRAMES: u64 = 128;

/// What one port or ring has used of its turn. A superframe is handled whole, so the last one may go
/// beyond: by 8,190 frames at most, which a guest has to make on purpose.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Budget {
    used: Weight,
}

impl Budget {
    /// So much was done; says whether the turn is over.
    pub(super) fn spend(&mut self, weight: Weight) -> bool {
        self.used.frames = self.used.frames.saturating_add(weight.frames);
        self.used.bytes = self.used.bytes.saturating_add(weight.bytes);
        let bytes = u64::try_from(BYTES).unwrap_or(u64::MAX);
        self.used.frames >= FRAMES || self.used.bytes >= bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many such frames one turn takes.
    #[track_caller]
    fn check(frames: u64, bytes: u64, expect: usize) {
        let mut budget = Budget::default();
        let whole = (0..).take_while(|_| !budget.spend(Weight { frames, bytes }));
        assert_eq!(whole.count() + 1, expect, "{frames} frames, {bytes} bytes");
    }

    #[test]
    fn a_turn_ends_by_what_frames_stand_for() {
        check(1, 60, 128);
        check(1, 1_414, 93);
        // 64 KiB of TCP, in usual pieces, in those of a small MTU, and in the smallest.
        check(48, 48 * 1_414, 2);
        check(122, 122 * 590, 2);
        check(8_190, 8_190 * 62, 1);
    }
}
