//! How many frames a turn looks for in a port's queue.
//!
//! To learn by reading that a queue is empty takes a system call that finds nothing, and where every
//! guest sends one frame now and then, that is one for every frame. So where one frame was all the
//! last time, one is looked for, and the poll says whether there are more: it is level-triggered, and
//! reports a port again that was not read to its end. Where there were more the last time, the queue
//! is read until it is empty, so that what came together leaves together.

/// Frames of one port in one turn, then the next port has its turn.
const FRAMES: usize = 64;

/// Waits of the poll that reported every port that was ready, counted without the last one and
/// with it. One that found as much as it can report may have left some out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Waits {
    pub(super) before: u64,
    pub(super) after: u64,
}

/// How a port's queue was filled lately.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Habit {
    /// Complete waits up to the last turn.
    waits: u64,
    /// Frames read since the queue was last known to be empty.
    frames: usize,
    /// The last turn did not find the end.
    open: bool,
    /// When it was last empty, one frame had been all.
    alone: bool,
}

/// What a turn is to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Turn {
    /// The queue has been empty since the last turn, which did not see it.
    pub(super) rested: bool,
    /// Frames to look for.
    pub(super) frames: usize,
}

impl Habit {
    /// A turn begins after these waits, the last of which has reported the port.
    pub(super) const fn begin(&mut self, waits: Waits) -> Turn {
        let rested = self.open && self.waits < waits.before;
        if rested {
            self.close();
        }
        let one = self.alone && !self.open;
        Turn {
            rested,
            frames: if one { 1 } else { FRAMES },
        }
    }

    /// So many frames were read, and then there were no more, or the turn was over.
    pub(super) const fn end(&mut self, waits: Waits, frames: usize, emptied: bool) {
        self.waits = waits.after;
        self.frames = self.frames.saturating_add(frames);
        self.open = true;
        if emptied {
            self.close();
        }
    }

    const fn close(&mut self) {
        self.alone = self.frames <= 1;
        self.frames = 0;
        self.open = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A queue, the poll in front of it, and a worker with nothing else to do.
    #[derive(Default)]
    struct Port {
        queue: usize,
        waits: Waits,
        habit: Habit,
        /// Reads, and those of them that found nothing.
        reads: [usize; 2],
        rests: usize,
    }

    impl Port {
        /// The poll looks: what a turn does, if there is one.
        fn look(&mut self, complete: bool) -> Option<Turn> {
            self.waits.before = self.waits.after;
            self.waits.after += u64::from(complete);
            let turn = (self.queue > 0).then(|| self.habit.begin(self.waits))?;
            self.rests += usize::from(turn.rested);
            let (mut frames, mut emptied) = (0, false);
            for _ in 0..turn.frames {
                self.reads[0] += 1;
                if self.queue == 0 {
                    self.reads[1] += 1;
                    emptied = true;
                    break;
                }
                (frames, self.queue) = (frames + 1, self.queue - 1);
            }
            self.habit.end(self.waits, frames, emptied);
            Some(turn)
        }

        /// So many frames come, and are all read; in how many turns.
        fn burst(&mut self, frames: usize) -> usize {
            self.queue += frames;
            (0..100).take_while(|_| self.look(true).is_some()).count()
        }

        fn empty_reads_of(&mut self, bursts: &[usize]) -> usize {
            let before = self.reads[1];
            for frames in bursts {
                self.burst(*frames);
                assert_eq!(self.queue, 0);
            }
            self.reads[1] - before
        }
    }

    #[test]
    fn who_sends_one_frame_now_and_then_is_read_once_for_each() {
        let mut port = Port::default();
        assert_eq!(port.empty_reads_of(&[1]), 1, "nothing is known of it yet");
        assert_eq!(port.empty_reads_of(&[1; 50]), 0);
        assert_eq!(port.reads, [52, 1]);
    }

    #[test]
    fn what_comes_together_is_read_in_one_turn_from_the_second_time_on() {
        let mut port = Port::default();
        port.empty_reads_of(&[1, 1]);
        assert_eq!(port.burst(5), 2, "one, and the others");
        for _ in 0..10 {
            assert_eq!(port.burst(5), 1);
        }
        assert_eq!(port.burst(1), 1);
        assert_eq!(port.empty_reads_of(&[1; 10]), 0, "alone again");
    }

    #[test]
    fn two_at_a_time_are_two() {
        let mut port = Port::default();
        port.empty_reads_of(&[1, 1]);
        assert_eq!(port.burst(2), 2);
        assert_eq!(port.burst(2), 1, "not one, and then one");
    }

    #[test]
    fn a_turn_is_bounded() {
        let mut port = Port {
            queue: 3 * FRAMES,
            ..Port::default()
        };
        for left in [2 * FRAMES, FRAMES, 0] {
            port.look(true).unwrap();
            assert_eq!(port.queue, left);
        }
        assert_eq!(port.look(true), None, "the poll sees that it is empty");
    }

    #[test]
    fn a_queue_has_rested_once_the_poll_has_left_it_out() {
        let mut port = Port::default();
        port.empty_reads_of(&[1, 1]);
        port.rests = 0;
        // It is still reported, and then no more.
        port.burst(2);
        assert_eq!(
            port.rests, 1,
            "since the frame before, and not between the two"
        );
        port.queue = 1;
        assert_eq!(port.look(true).map(|it| it.rested), Some(false), "seen");
    }

    #[test]
    fn a_poll_that_is_full_says_nothing_of_those_it_leaves_out() {
        let mut port = Port::default();
        port.empty_reads_of(&[1, 1]);
        port.look(true);
        port.queue = 2;
        let one = Turn {
            rested: true,
            frames: 1,
        };
        assert_eq!(port.look(false), Some(one));
        // Others had their turns meanwhile: the second frame may have been there all the time.
        let queue = std::mem::take(&mut port.queue);
        (0..5).for_each(|_| assert_eq!(port.look(false), None));
        port.queue = queue;
        let on = Turn {
            rested: false,
            frames: FRAMES,
        };
        assert_eq!(port.look(false), Some(on));
    }
}
