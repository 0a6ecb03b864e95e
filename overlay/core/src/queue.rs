//! Queues in front of a worker that have become a delay, and how they are kept short: one TCP
//! segment, or superframe, is dropped, so that its sender slows down.
//!
//! The idea is `CoDel`'s (RFC 8289): a few drops, far apart, keep a queue short that a limit of its
//! length would only keep full. `CoDel` goes by the least time that a frame has waited, which the
//! kernel does not tell of a TAP, and which is zero for a worker that empties its queue each time
//! the scheduler lets it run. What a worker does see is how much it reads in a row before a queue
//! is empty: that much was in it, or came as fast as it was read. A sender whose window fits into
//! [`LIMIT`] never meets this.

use std::time::Duration;

use crate::time::Time;

/// Bytes in a row that are no queue yet: about two milliseconds of work.
const LIMIT: usize = 1 << 20;

/// Between two drops, at first. RFC 8289 section 4.3 takes the longest round trip that is usual, a
/// tenth of a second; three of them keep the queue as short, and cost a third of the drops.
const INTERVAL: Duration = Duration::from_millis(300);

/// How much sooner the next drop may follow at most: 10 ms after the last.
const SOONER_MAX: u32 = 30;

/// One queue that a worker reads from: of a port, or of its UDP sockets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Queue {
    /// Bytes read since it was last empty.
    run: usize,
    /// It has been too long, and nothing was dropped for that yet.
    owes: bool,
    /// When it may be shortened again.
    next: Time,
}

impl Queue {
    /// So many bytes were read in one turn, and then there were no more, or the turn was over.
    pub(crate) fn read(&mut self, now: Time, bytes: usize, emptied: bool) {
        self.run = if emptied {
            0
        } else {
            self.run.saturating_add(bytes)
        };
        self.owes = self.run >= LIMIT && now >= self.next;
    }

    /// Whether a frame from it should be dropped.
    pub(crate) const fn is_long(&self) -> bool {
        self.owes
    }

    /// One was. The longer the queue has been without an end, the sooner the next may follow: many
    /// senders share it then, and only one of them has heard.
    pub(crate) fn shortened(&mut self, now: Time) {
        let times = u32::try_from(self.run / LIMIT).unwrap_or(u32::MAX);
        self.owes = false;
        self.next = now + INTERVAL / times.clamp(1, SOONER_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = 1_000_000;

    /// Whether something is due after a turn of so many bytes that left more behind.
    fn full_turn(queue: &mut Queue, now: Time, bytes: usize) -> bool {
        queue.read(now, bytes, false);
        queue.is_long()
    }

    #[test]
    fn what_is_emptied_in_time_is_never_long() {
        let mut queue = Queue::default();
        for turn in 0..1_000_u64 {
            let now = Time(turn * MILLI);
            assert!(!full_turn(&mut queue, now, LIMIT / 2), "turn {turn}");
            queue.read(now, LIMIT / 2, true);
            assert!(!queue.is_long(), "turn {turn}");
        }
    }

    #[test]
    fn it_is_long_once_the_limit_was_read_in_a_row() {
        let mut queue = Queue::default();
        for _ in 0..7 {
            assert!(!full_turn(&mut queue, Time(0), LIMIT / 8));
        }
        assert!(full_turn(&mut queue, Time(0), LIMIT / 8));
        assert!(full_turn(&mut queue, Time(0), 0), "until somebody pays");
        queue.read(Time(0), 0, true);
        assert!(!queue.is_long(), "or nothing is left of it");
    }

    /// When drops happen, in milliseconds, in a queue that is never empty while so many bytes are
    /// read from it in each.
    fn drops(bytes: usize, millis: std::ops::Range<u64>) -> Vec<u64> {
        let mut queue = Queue::default();
        let due = |&ms: &u64| {
            let now = Time(ms * MILLI);
            let long = full_turn(&mut queue, now, bytes);
            if long {
                queue.shortened(now);
            }
            long
        };
        millis.filter(due).collect()
    }

    #[test]
    fn the_longer_it_has_no_end_the_sooner_the_next_drop_follows() {
        let times = drops(LIMIT / 50, 1_000..1_500);
        assert_eq!(times, [1_050, 1_350, 1_393, 1_436, 1_474]);
    }

    #[test]
    fn drops_are_never_closer_than_ten_milliseconds() {
        let times = drops(usize::MAX, 1_000..1_050);
        assert_eq!(times, [1_000, 1_010, 1_020, 1_030, 1_040]);
    }
}
