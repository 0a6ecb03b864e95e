//! The host's end of the link, as a machine: bytes and the time in, bytes and events out.
//!
//! - **Bytes**: [`Link::next_byte`] says what to clock out, or for how long to be silent;
//!   [`Link::handle_byte`] takes what came back for it. Several may be asked for before the answers
//!   are handed in.
//! - **Commands**: [`Link::push`] asks the panel for something.
//! - **Events**: [`Link::poll_event`] says what came of it all.
//!
//! One frame is under way at a time; it is sent again until the panel acknowledges it. What is
//! pushed while the link is up is done once and in order, or the link goes down: after the next
//! [`Event::Up`] the panel shows nothing, and whoever drives it paints everything.

mod flight;
mod health;
mod keys;

use std::collections::VecDeque;

use skerry_panel_proto::frame::{Frame, IDLE, SEQUENCES};
use skerry_panel_proto::timing::{BEAT_US, NOISE_US, SILENCE_US};
use skerry_panel_proto::{EPOCH_MAX, Keys, Op, Status, VERSION};

use flight::{Flight, Waiting};
use health::Health;
use keys::{BUTTONS, DIRECTIONS, Held};

/// How many requests wait at most: several times what a whole picture takes.
pub const QUEUE_MAX: usize = 128;
/// For how long a panel may not answer a greeting, in microseconds: several silences.
const DEAF_US: u64 = 1_000_000;
/// How many bytes are tried on a line that does not answer before the next silence.
const PROBE: u32 = 40;

/// What to do with the line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// Exchange this byte.
    Byte(u8),
    /// Exchange nothing before this time, in microseconds.
    SilentUntil(u64),
}

/// What the driver of a link is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// The panel shows nothing and waits to be painted.
    Up,
    /// What was not done yet will not be. Told once for a cause that lasts, from the beginning on:
    /// of a link that was never up too.
    Down(Cause),
    /// Other keys are held than before. Only while the link is up, and none that were held already
    /// when it came up; when it goes down they are let go.
    Keys(Keys),
}

/// Why a link is down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// Nobody drives the line: no cable, or nothing at its end.
    Unplugged,
    /// The line is held low: the panel is not there or not ready.
    Silent,
    /// What comes is no status, or not for long enough.
    Noise,
    /// The panel forgot its greeting: it was switched off and on.
    Restarted,
    /// The panel speaks another version.
    Version(u8),
    /// The panel speaks, and does not hear.
    Deaf,
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Frames that the panel acknowledged.
    pub delivered: u64,
    /// Frames that were sent again.
    pub resent: u64,
    /// Silences for the sake of the watchdog.
    pub silences: u64,
    /// Times that the link came up.
    pub ups: u64,
    /// The longest time from the first byte of a frame to its acknowledgement, in microseconds.
    pub worst_delivery_us: u64,
}

/// The host's end.
#[derive(Debug)]
pub struct Link {
    phase: Phase,
    health: Health,
    queue: VecDeque<Frame>,
    flight: Option<Flight>,
    /// The number of the last frame; the next one has the next number.
    sequence: u8,
    /// The epoch that was last asked for.
    epoch: u8,
    /// What the panel says is its epoch.
    told_epoch: Option<u8>,
    /// What it says is its version, as long as it can be understood.
    told_version: Option<u8>,
    held: Held,
    silent_until: u64,
    /// Bytes since the last silence, while the line does not answer.
    probed: u32,
    /// When something was last delivered.
    delivered_us: u64,
    /// Why the link is down, as far as anybody was told.
    told_cause: Option<Cause>,
    events: VecDeque<Event>,
    counters: Counters,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Down,
    Greeting,
    Up,
}

impl Link {
    /// A link that is down, at a time in microseconds.
    #[must_use]
    pub fn new(now_us: u64) -> Self {
        Self {
            phase: Phase::Down,
            health: Health::new(now_us),
            queue: VecDeque::new(),
            flight: None,
            sequence: 0,
            epoch: 0,
            told_epoch: None,
            told_version: None,
            held: Held::default(),
            silent_until: now_us,
            probed: 0,
            delivered_us: now_us,
            told_cause: None,
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// True between [`Event::Up`] and [`Event::Down`].
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.phase == Phase::Up
    }

    /// How many requests are not done yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.queue.len() + usize::from(self.flight.is_some())
    }

    /// What happened so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Asks the panel for something. False if the link is down, too much waits already, or it
    /// makes no sense; greetings and beats the link sends itself.
    pub fn push(&mut self, op: &Op<'_>) -> bool {
        let is_own = matches!(op, Op::Hello { .. } | Op::Beat);
        if is_own || !self.is_up() || self.queue.len() >= QUEUE_MAX {
            return false;
        }
        let Some(frame) = op.frame(0) else {
            return false;
        };
        self.queue.push_back(frame);
        true
    }

    /// What is to be exchanged next.
    pub fn next_byte(&mut self, now_us: u64) -> Next {
        if now_us < self.silent_until {
            return Next::SilentUntil(self.silent_until);
        }
        self.handle_timeout(now_us);
        if now_us < self.silent_until {
            return Next::SilentUntil(self.silent_until);
        }
        self.start_flight(now_us);
        let byte = self.flight.as_mut().and_then(|it| it.next_byte(now_us));
        Next::Byte(byte.unwrap_or(IDLE))
    }

    /// Takes what came back for a byte.
    pub fn handle_byte(&mut self, now_us: u64, byte: u8) {
        if let Some(flight) = &mut self.flight {
            flight.count_byte();
        }
        let Some(status) = self.health.handle_byte(now_us, byte) else {
            return;
        };
        match status {
            Status::Acknowledged(sequence) => self.handle_ack(now_us, sequence),
            Status::Directions(held) => self.handle_keys(DIRECTIONS, held),
            Status::Buttons(held) => self.handle_keys(BUTTONS, held << 4),
            Status::Epoch(epoch) => self.handle_epoch(now_us, epoch),
            Status::Version(version) => self.handle_version(now_us, version),
            Status::Errors(_) | Status::Backlog(_) => {}
        }
    }

    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Silences, resends and the end of patience.
    fn handle_timeout(&mut self, now_us: u64) {
        if self.phase != Phase::Down
            && let Some(cause) = self.health.is_lost(now_us)
        {
            self.go_down(cause);
        }
        if self.phase == Phase::Greeting && now_us.saturating_sub(self.delivered_us) >= DEAF_US {
            self.tell_down(Cause::Deaf);
        }
        if self.phase == Phase::Down && !self.health.is_settled() {
            let is_news = self.told_cause.is_none() || self.health.is_lasting(now_us);
            if let Some(cause) = self.health.is_lost(now_us).filter(|_| is_news) {
                self.tell_down(cause);
            }
            self.told_version = None;
            self.probed += 1;
            if self.probed > PROBE {
                self.be_silent(now_us);
            }
            return;
        }
        self.probed = 0;
        let silence_ended_us = self.silent_until;
        let noise_us = self
            .health
            .odd_for(now_us)
            .min(now_us.saturating_sub(silence_ended_us));
        if self.phase != Phase::Down && noise_us >= NOISE_US {
            // The two ends may not agree on where a byte begins.
            if let Some(flight) = &mut self.flight {
                flight.restart();
            }
            self.be_silent(now_us);
            return;
        }
        match self.flight.as_mut().map(|it| it.handle_timeout(now_us)) {
            None | Some(Waiting::No) => {}
            Some(Waiting::Again) => self.counters.resent += 1,
            Some(Waiting::Silence) => {
                self.counters.resent += 1;
                self.be_silent(now_us);
            }
        }
    }

    /// Gives the watchdog its time.
    const fn be_silent(&mut self, now_us: u64) {
        self.probed = 0;
        self.counters.silences += 1;
        self.silent_until = now_us.saturating_add(SILENCE_US);
    }

    /// Begins with the next frame, if none is under way.
    fn start_flight(&mut self, now_us: u64) {
        if self.flight.is_some() {
            return;
        }
        let frame = match self.phase {
            Phase::Down => None,
            Phase::Greeting => Op::Hello {
                version: VERSION,
                epoch: self.epoch,
            }
            .frame(0),
            Phase::Up if self.queue.is_empty() => {
                let is_due = now_us.saturating_sub(self.delivered_us) >= BEAT_US;
                Op::Beat.frame(0).filter(|_| is_due)
            }
            Phase::Up => self.queue.pop_front(),
        };
        let sequence = (self.sequence + 1) % SEQUENCES;
        if let Some(frame) = frame.and_then(|it| it.renumbered(sequence)) {
            self.sequence = sequence;
            let is_greeting = self.phase == Phase::Greeting;
            self.flight = Some(Flight::new(frame, is_greeting, now_us));
        }
    }

    fn handle_ack(&mut self, now_us: u64, sequence: u8) {
        if self.phase == Phase::Down {
            // Whatever number comes next, it is not this one.
            self.sequence = sequence;
            return;
        }
        let is_it = sequence == self.sequence;
        let Some(flight) = self.flight.as_mut().filter(|_| is_it) else {
            return;
        };
        let Some(took_us) = flight.handle_ack(now_us) else {
            return;
        };
        if self.phase == Phase::Greeting && self.told_epoch != Some(self.epoch) {
            return;
        }
        self.flight = None;
        self.delivered_us = now_us;
        self.counters.delivered += 1;
        self.counters.worst_delivery_us = self.counters.worst_delivery_us.max(took_us);
        if self.phase == Phase::Greeting {
            self.phase = Phase::Up;
            self.counters.ups += 1;
            self.told_cause = None;
            self.events.push_back(Event::Up);
        }
    }

    fn handle_epoch(&mut self, now_us: u64, epoch: u8) {
        self.told_epoch = Some(epoch);
        match self.phase {
            Phase::Up if epoch != self.epoch => {
                self.go_down(Cause::Restarted);
                self.told_epoch = Some(epoch);
                // It may be another cartridge by now.
                self.told_version = None;
            }
            Phase::Down => self.greet(now_us),
            Phase::Greeting | Phase::Up => {}
        }
    }

    /// The panel says its version again and again. One of another version is left alone.
    fn handle_version(&mut self, now_us: u64, version: u8) {
        if self.told_version.replace(version) == Some(version) {
            return;
        }
        if version != VERSION {
            self.go_down(Cause::Version(version));
        } else if self.phase == Phase::Down {
            self.greet(now_us);
        }
    }

    /// Says hello, with an epoch that the panel does not have yet, once it is known that the panel
    /// is of this version.
    fn greet(&mut self, now_us: u64) {
        if let Some(told) = self.told_epoch
            && self.told_version == Some(VERSION)
        {
            self.phase = Phase::Greeting;
            self.epoch = told % EPOCH_MAX + 1;
            self.delivered_us = now_us;
        }
    }

    fn go_down(&mut self, cause: Cause) {
        let keys = self.held.let_go();
        self.events.extend(keys.map(Event::Keys));
        self.queue.clear();
        self.flight = None;
        if self.phase == Phase::Up || matches!(cause, Cause::Version(_)) {
            self.tell_down(cause);
        }
        self.phase = Phase::Down;
        self.told_epoch = None;
    }

    /// Says why the link is down, once.
    fn tell_down(&mut self, cause: Cause) {
        if self.told_cause.replace(cause) != Some(cause) {
            self.events.push_back(Event::Down(cause));
        }
    }

    /// Keys mean something while the panel shows something, and not before.
    fn handle_keys(&mut self, of: u8, held: u8) {
        if self.is_up() {
            let keys = self.held.handle_status(of, held);
            self.events.extend(keys.map(Event::Keys));
        }
    }
}

#[cfg(test)]
mod tests;
