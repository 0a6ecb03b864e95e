//! How long a packet the path to a peer carries: found by asking, as RFC 8899 has it, since a
//! router that drops what is too long need not say so, and what it says cannot be believed.
//!
//! A probe is exactly as long as the datagram that carries a frame of its size, and the peer names
//! what arrived. While frames of full size arrive nothing else is asked. When they do not, all
//! smaller sizes of a short list are asked at once, and the largest that arrives is what the path
//! carries. The full size is asked for all the while, so that a path that is wide again is noticed.
//!
//! A probe that is not answered proves nothing by itself: it may be lost or late, or the peer may
//! be away. So the estimate only falls to a size that has just been confirmed, after the larger
//! ones were asked for three times. Where nothing at all is answered it stays what it was.

use std::collections::VecDeque;
use std::time::Duration;

use skerry_policy::Node;

use crate::control::probe::{LEAST, Probe};
use crate::frame::ETH_HEADER;
use crate::time::Time;
use crate::wg::OVERHEAD;
use crate::wire::vxlan;

/// How often the full size is asked for: twice a second, so that a TCP sender whose segments have
/// begun to vanish, and that waits 0.2, 0.4, 0.8 seconds and so on, is told before the fourth try.
const RHYTHM: Duration = Duration::from_millis(500);
/// An answer takes a round trip, two where there is a queue, and some time for two busy machines.
const PATIENCE: Duration = Duration::from_millis(150);
const PATIENCE_MAX: Duration = Duration::from_secs(2);
/// Rounds of a search: at least so many, then until one brings nothing new, and no more than that.
const ROUNDS: u8 = 2;
const ROUNDS_MAX: u8 = 5;
/// A path that is narrow may have become less so: the pause before all sizes are asked again, which
/// doubles every time.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(16);
/// Probes that may still be answered: those of a search and some before it.
const ASKED_MAX: usize = 128;
/// An estimate is told again so often, a narrow one always: what workers are told may be lost.
const TOLD: u8 = 3;

/// MTUs of underlays that are looked for, from the least that a link with IPv6 has (RFC 8200
/// section 5) by way of tunnels and PPPoE to Ethernet and its larger forms.
const UNDERLAYS: [u16; 18] = [
    1280, 1300, 1320, 1340, 1360, 1380, 1400, 1420, 1440, 1450, 1460, 1472, 1480, 1492, 1500, 2000,
    4000, 8000,
];

/// A probe that was sent.
#[derive(Clone, Copy, Debug)]
struct Asked {
    probe: Probe,
    answered: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Nothing is asked until it is due.
    Rest,
    /// The full size, and the estimate where that is less, have been asked for.
    Asked,
    /// A round of all sizes has been.
    Search { round: u8, grew: bool },
}

/// What is known of the path to one peer, by the largest IP packet inside.
#[derive(Debug)]
pub(super) struct Path {
    /// The fabric's MTU.
    full: u16,
    /// Smaller sizes, in order. Empty where the fabric's is small enough for any path.
    rungs: Vec<u16>,
    carries: u16,
    /// The estimate was confirmed after the last search began.
    confirmed: bool,
    /// The estimate, or the full size, was confirmed in this round.
    held: bool,
    /// The largest size that this search has confirmed.
    best: Option<u16>,
    /// The peer has answered a probe of some size: an older version knows none.
    spoke: bool,
    phase: Phase,
    due: Time,
    /// When this round began.
    began: Time,
    search_at: Time,
    pause: Duration,
    asked: VecDeque<Asked>,
    number: u64,
    /// The estimate is to be told now, and in so many of the next rounds.
    is_news: bool,
    repeats: u8,
}

impl Path {
    /// A path that is wide for all that is known. `first` is the number of the first probe.
    pub(super) fn new(now: Time, full: u16, node: &Node, first: u64) -> Self {
        Self {
            full,
            rungs: rungs(full, node),
            carries: full,
            confirmed: false,
            held: false,
            best: None,
            spoke: false,
            phase: Phase::Rest,
            due: now,
            began: now,
            search_at: now,
            pause: PAUSE,
            asked: VecDeque::new(),
            number: first,
            is_news: false,
            repeats: 0,
        }
    }

    /// Follows a new policy. A path that was narrow still is.
    pub(super) fn install(&mut self, now: Time, full: u16, node: &Node) {
        let was_wide = self.is_wide();
        let rungs = rungs(full, node);
        if full != self.full || rungs != self.rungs {
            self.carries = if was_wide {
                full
            } else {
                self.carries.min(full)
            };
            (self.full, self.rungs) = (full, rungs);
            self.asked.clear();
            self.rest(now, now);
        }
        (self.is_news, self.repeats) = (true, TOLD);
    }

    /// The peer has started anew, maybe as another version, maybe elsewhere. However often it says
    /// so, it is asked by the rhythm.
    pub(super) fn restart(&mut self, now: Time) {
        self.settle(self.full);
        self.asked.clear();
        (self.spoke, self.confirmed) = (false, false);
        (self.search_at, self.pause) = (now, PAUSE);
        self.rest(self.began, now.max(self.began + RHYTHM));
    }

    /// When something is due; never where there is nothing to find.
    pub(super) fn timeout(&self) -> Option<Time> {
        (!self.rungs.is_empty()).then_some(self.due)
    }

    /// The largest packet that the path carries, if it is to be told now.
    pub(super) fn news(&mut self) -> Option<u16> {
        std::mem::take(&mut self.is_news).then_some(self.carries)
    }

    /// The same, if that is less than the fabric's MTU.
    pub(super) fn narrow(&self) -> Option<u16> {
        (!self.is_wide()).then_some(self.carries)
    }

    /// What to ask now. Nothing is asked of a peer that is not heard, and nothing concluded.
    pub(super) fn probes(
        &mut self,
        now: Time,
        is_heard: bool,
        round_trip: Option<Duration>,
    ) -> Vec<Probe> {
        if self.rungs.is_empty() || self.due > now {
            return Vec::new();
        }
        if !is_heard {
            self.rest(now, now + RHYTHM);
            return Vec::new();
        }
        let sizes = match self.phase {
            Phase::Rest => self.begin(now),
            Phase::Asked => self.judge(now),
            Phase::Search { round, grew } if round < ROUNDS || (grew && round < ROUNDS_MAX) => {
                self.search(round + 1)
            }
            Phase::Search { .. } => {
                self.conclude(now);
                Vec::new()
            }
        };
        if !sizes.is_empty() {
            let patience = PATIENCE + round_trip.unwrap_or_default() * 2;
            self.due = now + patience.min(PATIENCE_MAX);
        }
        sizes.into_iter().map(|mtu| self.ask(mtu)).collect()
    }

    /// Takes an answer; false if it answers nothing that is still asked.
    pub(super) fn on_answer(&mut self, now: Time, answer: Probe) -> bool {
        let mut asked = self.asked.iter_mut();
        let Some(asked) = asked.find(|it| it.probe == answer && !it.answered) else {
            return false;
        };
        asked.answered = true;
        if !self.spoke {
            self.spoke = true;
            self.rest(now, now);
        }
        let mtu = answer.mtu;
        if mtu == self.full {
            self.widen();
        } else if self.rungs.contains(&mtu) {
            self.confirm(mtu);
        }
        true
    }

    fn is_wide(&self) -> bool {
        self.carries >= self.full
    }

    fn rest(&mut self, began: Time, due: Time) {
        (self.phase, self.began, self.due) = (Phase::Rest, began, due);
    }

    /// A round of the rhythm, or the search that is due.
    fn begin(&mut self, now: Time) -> Vec<u16> {
        self.began = now;
        self.is_news |= !self.is_wide() || self.repeats > 0;
        self.repeats = self.repeats.saturating_sub(1);
        if !self.spoke {
            self.phase = Phase::Asked;
            return vec![LEAST];
        }
        if !self.is_wide() && self.confirmed && self.search_at <= now {
            self.best = Some(self.carries);
            return self.search(1);
        }
        (self.phase, self.held) = (Phase::Asked, false);
        let mut sizes = vec![self.full];
        sizes.extend(self.narrow());
        sizes
    }

    /// Whether the round was answered. If not, the search begins, unless the last one found nothing.
    fn judge(&mut self, now: Time) -> Vec<u16> {
        let in_doubt = self.spoke && !self.held;
        if in_doubt && (self.confirmed || self.search_at <= now) {
            (self.best, self.confirmed) = (None, false);
            return self.search(1);
        }
        self.rest(self.began, now.max(self.began + RHYTHM));
        Vec::new()
    }

    /// All sizes that the search has not reached yet. The full one again: it may only be late.
    fn search(&mut self, round: u8) -> Vec<u16> {
        let grew = false;
        self.phase = Phase::Search { round, grew };
        let best = self.best;
        let left = self.rungs.iter().copied().filter(|&mtu| Some(mtu) > best);
        std::iter::once(self.full).chain(left).collect()
    }

    fn conclude(&mut self, now: Time) {
        if let Some(best) = self.best {
            self.settle(best);
            self.confirmed = true;
        }
        self.search_at = now + self.pause;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        self.rest(self.began, now.max(self.began + RHYTHM));
    }

    fn widen(&mut self) {
        self.settle(self.full);
        (self.confirmed, self.held, self.pause) = (true, true, PAUSE);
        if matches!(self.phase, Phase::Search { .. }) {
            self.rest(self.began, self.due.max(self.began + RHYTHM));
        }
    }

    /// A size below the full one has arrived.
    fn confirm(&mut self, mtu: u16) {
        if let Phase::Search { round, .. } = self.phase {
            if Some(mtu) > self.best {
                self.best = Some(mtu);
                self.phase = Phase::Search { round, grew: true };
            }
        } else if mtu >= self.carries {
            // Of the full size this says nothing; a late answer to a search may raise the estimate.
            if !self.is_wide() {
                self.settle(mtu);
                (self.confirmed, self.held) = (true, true);
            }
        }
    }

    const fn settle(&mut self, mtu: u16) {
        if self.carries != mtu {
            self.carries = mtu;
            (self.is_news, self.repeats) = (true, TOLD);
        }
    }

    fn ask(&mut self, mtu: u16) -> Probe {
        let number = self.number;
        self.number = number.wrapping_add(1);
        let probe = Probe { number, mtu };
        if self.asked.len() >= ASKED_MAX {
            self.asked.pop_front();
        }
        self.asked.push_back(Asked {
            probe,
            answered: false,
        });
        probe
    }
}

/// The sizes below the full one that are looked for.
fn rungs(full: u16, node: &Node) -> Vec<u16> {
    let headers = |six: bool| if six { 40 + 8 } else { 20 + 8 };
    let outer = headers(node.endpoint.is_some_and(|it| it.is_ipv6()));
    let inner = headers(node.overlay.is_ipv6()) + vxlan::LEN + ETH_HEADER;
    let overhead = u16::try_from(outer + OVERHEAD + inner).unwrap_or(u16::MAX);
    let rungs = UNDERLAYS.iter().map(|mtu| mtu.saturating_sub(overhead));
    rungs.filter(|&mtu| mtu < full).collect()
}

#[cfg(test)]
mod tests;
