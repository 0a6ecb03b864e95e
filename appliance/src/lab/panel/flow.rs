//! Datagrams from one guest to another, by their real kernels, at a rate that rises and falls.

use std::net::UdpSocket;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::lab::frame::DISCARD;
use crate::lab::plan::{HostId, cast};
use crate::lab::world::World;

/// Bytes of a datagram: its frame has 1,200.
const PAYLOAD: usize = 1_200 - 14 - 20 - 8;
/// What a frame costs, in thousandths of a bit.
const COST: u64 = 1_200 * 8 * 1_000;
/// Frames that are sent at once by a sender that is late; what is more is never sent.
const BURST: u64 = 16;

/// Who sends to whom, and how fast.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    from: HostId,
    to: HostId,
    /// The least and the most, in bits a millisecond.
    low: u64,
    high: u64,
    /// From one summit to the next, and how far from the last one it begins, in milliseconds.
    period_ms: u64,
    begin_ms: u64,
}

/// Up to the gateway, down from it, and within communities: on one node and across two.
pub(super) const COURSES: [Course; 6] = [
    course(cast::WEB_NEAR, cast::WEB_FAR, 500, 20_000, 6_000, 3_000),
    course(cast::DB_NEAR, cast::DB_FAR, 200, 3_000, 5_000, 1_000),
    course(cast::ATTACKER, cast::GATEWAY, 200, 2_000, 4_000, 2_000),
    course(cast::NEIGHBOUR, cast::GATEWAY, 100, 1_000, 9_000, 5_000),
    course(cast::GATEWAY, cast::WEB_NEAR, 300, 3_000, 6_000, 2_000),
    course(cast::RED_NEAR, cast::RED_GATEWAY, 400, 15_000, 8_000, 6_000),
];

const fn course(
    from: HostId,
    to: HostId,
    low: u64,
    high: u64,
    period_ms: u64,
    begin_ms: u64,
) -> Course {
    Course {
        from,
        to,
        low,
        high,
        period_ms,
        begin_ms,
    }
}

impl Course {
    /// How fast it goes at a time, in bits a millisecond: straight down, and straight up again.
    fn rate(&self, at: Duration) -> u64 {
        let at_ms = u64::try_from(at.as_millis()).unwrap_or(0);
        let phase_ms = (at_ms + self.begin_ms) % self.period_ms;
        let from_valley = (2 * phase_ms).abs_diff(self.period_ms);
        self.low + (self.high - self.low) * from_valley / self.period_ms
    }
}

/// A sender.
#[derive(Debug)]
pub(super) struct Flow {
    course: Course,
    socket: UdpSocket,
    /// Until when everything that is due has been sent.
    until: Duration,
    /// What is left of that, in thousandths of a bit.
    owed: u64,
}

impl Flow {
    /// One that has sent nothing.
    pub(super) fn open(world: &World, course: Course) -> Result<Self> {
        Ok(Self {
            course,
            socket: world.host(course.from)?.udp(course.to, DISCARD)?,
            until: Duration::ZERO,
            owed: 0,
        })
    }

    /// Sends what is due by now.
    pub(super) fn send(&mut self, now: Duration) -> Result<()> {
        let passed = now.saturating_sub(self.until);
        let passed_us = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        self.until = now;
        let due = self.course.rate(now).saturating_mul(passed_us);
        self.owed = self.owed.saturating_add(due).min(BURST * COST);
        while let Some(rest) = self.owed.checked_sub(COST) {
            self.owed = rest;
            self.socket.send(&[0x5a; PAYLOAD]).with_context(|| {
                let name = self.course.from.plan().name;
                format!("{name} cannot send")
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_go_from_the_most_to_the_least_and_back() {
        let course = course(cast::WEB_NEAR, cast::WEB_FAR, 100, 1_100, 4_000, 1_000);
        for (at_ms, expect) in [
            (0, 600),
            (1_000, 100),
            (2_000, 600),
            (3_000, 1_100),
            (7_000, 1_100),
        ] {
            assert_eq!(course.rate(Duration::from_millis(at_ms)), expect, "{at_ms}");
        }
    }

    #[test]
    fn policy_permits_every_course() {
        for course in COURSES {
            let (from, to) = (course.from.plan(), course.to.plan());
            let is_one_community = from.segment == to.segment && from.segment != "isolated";
            let is_promiscuous = [from, to].iter().any(|it| it.segment == "promiscuous");
            assert_eq!(from.domain, to.domain, "{course:?}");
            assert!(is_one_community || is_promiscuous, "{course:?}");
            assert!(course.low < course.high, "{course:?}");
        }
    }
}
