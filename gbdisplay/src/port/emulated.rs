//! The cartridge in the core: the panel where no Game Boy is.

use std::io;
use std::time::{Duration, Instant};

use skerry_dmg::{CYCLES_PER_SECOND, Machine, Model, RomError};
use skerry_panel_proto::{Keys, ROWS, Screen};

use super::{BYTE_US, Port};
use crate::ROM;

/// M-cycles from one bit to the next: 131072 Hz.
const BIT: u32 = 8;
/// The map that the background is made from, rows of 32 tiles (Pan Docs, "VRAM Tile Maps").
const VIDEO_MAP: u16 = 0x9800;
/// What one batch takes is a seventh of a picture.
const BATCH: usize = 16;
/// When the machine is later than this it does not hurry to make up for it.
const LATE: Duration = Duration::from_millis(100);

/// How fast the time of the machine passes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Speed {
    /// As for people.
    Real,
    /// As fast as it goes.
    Free,
}

/// A console with the cartridge in it.
#[derive(Debug)]
pub struct Emulated {
    machine: Machine,
    model: Model,
    now_us: u64,
    /// The time at which the machine was switched on.
    on_us: u64,
    is_plugged: bool,
    /// When the time of the machine began, if it passes as for people.
    start: Option<Instant>,
}

impl Emulated {
    /// Switched on, with the cable plugged in.
    ///
    /// # Errors
    /// Never with the cartridge of this crate.
    pub fn new(model: Model, speed: Speed) -> Result<Self, RomError> {
        Ok(Self {
            machine: Machine::new(ROM, model)?,
            model,
            now_us: 0,
            on_us: 0,
            is_plugged: true,
            start: (speed == Speed::Real).then(Instant::now),
        })
    }

    /// The console.
    #[must_use]
    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// True if the tiles in its video memory are those of a screen: all is copied, and what blinks
    /// is not hidden.
    #[must_use]
    pub fn shows(&self, screen: &Screen) -> bool {
        let rows = (VIDEO_MAP..).step_by(32).zip(0..ROWS);
        let mut rows = rows.map(|(at, row)| (at..).zip(screen.row(row)));
        rows.all(|mut row| row.all(|(at, tile)| self.machine.peek(at) == *tile))
    }

    /// Plugs the cable in or out.
    pub const fn set_plugged(&mut self, is_plugged: bool) {
        self.is_plugged = is_plugged;
    }

    /// Switches the console off and on.
    ///
    /// # Errors
    /// Never with the cartridge of this crate.
    pub fn restart(&mut self) -> Result<(), RomError> {
        self.machine = Machine::new(ROM, self.model)?;
        self.on_us = self.now_us;
        Ok(())
    }

    /// Lets the machine come up to a time.
    fn run(&mut self, until_us: u64) {
        self.now_us = until_us;
        let us = u128::from(until_us - self.on_us);
        let cycle = us * u128::from(CYCLES_PER_SECOND) / 1_000_000;
        self.machine
            .run_until(u64::try_from(cycle).unwrap_or(u64::MAX));
    }

    /// Waits until people's clocks show the time of the machine.
    fn keep_pace(&mut self) {
        let Some(start) = &mut self.start else { return };
        let due = *start + Duration::from_micros(self.now_us);
        let now = Instant::now();
        if let Some(early) = due.checked_duration_since(now) {
            std::thread::sleep(early);
        } else if let Some(late) = now.checked_duration_since(due + LATE) {
            *start += late;
        }
    }
}

impl Port for Emulated {
    fn exchange(&mut self, sent: &[u8], received: &mut Vec<u8>) -> io::Result<()> {
        for byte in sent {
            if self.is_plugged {
                self.machine.link_send(*byte, BIT);
            }
            self.run(self.now_us.saturating_add(BYTE_US));
            let reply = self.machine.link_reply().filter(|_| self.is_plugged);
            received.push(reply.unwrap_or(0xFF));
        }
        self.keep_pace();
        Ok(())
    }

    fn wait(&mut self, us: u64) {
        self.run(self.now_us.saturating_add(us));
        self.keep_pace();
    }

    fn now_us(&mut self) -> u64 {
        self.now_us
    }

    fn batch(&self) -> usize {
        BATCH
    }

    fn hold(&mut self, keys: Keys) {
        self.machine.set_keys(skerry_dmg::Keys::from_bits(keys.0));
    }
}
