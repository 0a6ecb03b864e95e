//! What goes on in the live view, and what is seen of it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::lab::attack::{self, Attack};
use crate::lab::counts::Counts;
use crate::lab::matrix;
use crate::lab::plan::{HOSTS, HostId, cast};
use crate::lab::reach::Measured;
use crate::lab::speed::{Pace, Transfer};
use crate::lab::tag::{Kind, Tag};
use crate::lab::world::{Ears, World};

/// How often counters are read and rates are taken.
const SAMPLE: Duration = Duration::from_millis(500);
/// How many samples the sparkline remembers.
const MEMORY: usize = 240;
/// Steps after the last host spoke until every frame of a sweep must have arrived.
const ECHO: usize = 6;
/// Sweeps between two attacks.
const PEACE: u32 = 2;
/// How many events are remembered.
const EVENTS: usize = 6;

/// The traffic and its observation.
pub(super) struct Traffic {
    ears: Ears,
    transfer: Transfer,
    attacks: Vec<Attack>,
    /// The place in the sweep: a host's turn, then the echo.
    turn: usize,
    round: u32,
    sent: Vec<Tag>,
    heard: Vec<(HostId, Tag)>,
    /// The last complete sweep.
    pub(super) measured: Option<Measured>,
    /// Cells compared so far, and how many of them agreed.
    pub(super) checks: u64,
    pub(super) agreed: u64,
    pub(super) counts: Counts,
    pub(super) previous: Counts,
    /// Between `previous` and `counts`.
    pub(super) interval: Duration,
    sampled: Instant,
    received: u64,
    /// TCP bits per second, the newest last.
    pub(super) rates: VecDeque<u64>,
    pub(super) events: VecDeque<Event>,
}

/// An attack and what came of it.
pub(super) struct Event {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) expected: &'static str,
    /// How often the node had counted that reason before.
    before: u64,
    /// What it has counted since; `None` until the counters have been read again.
    pub(super) counted: Option<u64>,
}

impl Traffic {
    /// Opens ears and starts the TCP stream.
    pub(super) fn start(world: &mut World) -> Result<Self> {
        let counts = world.counts()?;
        Ok(Self {
            ears: world.ears()?,
            transfer: Transfer::start(world, Pace::Gentle)?,
            attacks: attack::attacks(world.run),
            turn: 0,
            // Numbers of the first measurement are not used again.
            round: matrix::ROUNDS,
            sent: Vec::new(),
            heard: Vec::new(),
            measured: None,
            checks: 0,
            agreed: 0,
            previous: counts.clone(),
            counts,
            interval: SAMPLE,
            sampled: Instant::now(),
            received: 0,
            rates: VecDeque::new(),
            events: VecDeque::new(),
        })
    }

    /// Ends the TCP stream.
    pub(super) fn stop(self) -> Result<()> {
        self.transfer.stop()
    }

    /// Whose turn it is to speak.
    pub(super) fn speaker(&self) -> Option<HostId> {
        HostId::all().nth(self.turn)
    }

    /// One host speaks to everybody; at the end of the sweep, what was heard is compared.
    pub(super) fn step(&mut self, world: &mut World) -> Result<()> {
        if let Some(speaker) = self.speaker() {
            self.sent.extend(matrix::speak(world, speaker, self.round)?);
        }
        let measured = |(_, tag): &(HostId, Tag)| Kind::MEASURED.contains(&tag.kind);
        self.heard
            .extend(self.ears.take_tags(world.run)?.into_iter().filter(measured));
        self.turn += 1;
        if self.turn >= HOSTS.len() + ECHO {
            self.finish_sweep(world)?;
        }
        if self.sampled.elapsed() >= SAMPLE {
            self.sample(world)?;
        }
        Ok(())
    }

    fn finish_sweep(&mut self, world: &mut World) -> Result<()> {
        let measured = Measured::compare(&world.policy, &self.sent, &self.heard);
        let (agree, checks) = measured.score();
        self.agreed += agree as u64;
        self.checks += checks as u64;
        self.measured = Some(measured);
        self.sent.clear();
        self.heard.clear();
        self.turn = 0;
        self.round += 1;
        if self.round.is_multiple_of(PEACE) {
            self.attack(world)?;
        }
        Ok(())
    }

    fn attack(&mut self, world: &World) -> Result<()> {
        let number = (self.round / PEACE) as usize % self.attacks.len();
        let attack = self.attacks.get(number).context("there are attacks")?;
        world.host(cast::ATTACKER)?.send(&attack.frame)?;
        let event = Event {
            name: attack.name,
            about: attack.about,
            expected: attack.expected,
            before: dropped(&self.counts, attack.expected),
            counted: None,
        };
        self.events.push_front(event);
        self.events.truncate(EVENTS);
        Ok(())
    }

    fn sample(&mut self, world: &mut World) -> Result<()> {
        let now = world.counts()?;
        self.previous = std::mem::replace(&mut self.counts, now);
        self.interval = self.sampled.elapsed();
        self.sampled = Instant::now();
        let received = self.transfer.received();
        let bytes = received.saturating_sub(self.received);
        self.received = received;
        let millis = u64::try_from(self.interval.as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        self.rates.push_back(bytes.saturating_mul(8000) / millis);
        while self.rates.len() > MEMORY {
            self.rates.pop_front();
        }
        // Only the newest attack can have changed what its reason counts.
        if let Some(event) = self.events.front_mut() {
            let counted = dropped(&self.counts, event.expected).saturating_sub(event.before);
            event.counted = (counted > 0 || event.counted.is_some()).then_some(counted);
        }
        Ok(())
    }
}

/// What the attacker's port has dropped for this reason.
fn dropped(counts: &Counts, reason: &str) -> u64 {
    let port = counts.port(&cast::ATTACKER.plan().port());
    port.and_then(|port| port.ingress_drops.get(reason))
        .copied()
        .unwrap_or(0)
}
