//! Where the bytes go: a Game Boy of plastic or an emulated one, behind one trait.

mod bgb;
mod emulated;
mod replug;
mod serial;
mod spi;

use std::io;
use std::time::Instant;

use skerry_panel_proto::Keys;

pub use bgb::Bgb;
pub use emulated::{Emulated, Speed};
pub use replug::Replug;
pub use serial::Serial;
pub use spi::Spi;

use crate::link::Next;
use crate::session::Session;

/// The far end of a cable, as whoever clocks it sees it.
pub trait Port {
    /// Exchanges bytes, at a pace that the console can follow: `received` gets one for each that
    /// was sent.
    ///
    /// # Errors
    /// The cable's adapter failed. That no console is there is no error: it answers 0xFF or 0x00.
    fn exchange(&mut self, sent: &[u8], received: &mut Vec<u8>) -> io::Result<()>;

    /// Exchanges nothing for so many microseconds.
    fn wait(&mut self, us: u64);

    /// Microseconds since the port was opened, and never fewer than before.
    fn now_us(&mut self) -> u64;

    /// How many bytes are best exchanged at once.
    fn batch(&self) -> usize;

    /// Holds keys of the console, where it has none of plastic.
    fn hold(&mut self, _keys: Keys) {}
}

/// Microseconds of the wall clock since then.
fn us_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// How long a byte takes at the pace that every console can follow, in microseconds.
const BYTE_US: u64 = 150;
/// How fast its bits follow each other.
const BITS_PER_SECOND: u32 = 131_072;

/// A panel at a port: everything but the facts.
#[derive(Debug)]
pub struct Desk<P> {
    /// The panel and the link.
    pub session: Session,
    /// The port.
    pub port: P,
    sent: Vec<u8>,
    received: Vec<u8>,
}

impl<P: Port> Desk<P> {
    /// Puts a panel at a port.
    pub fn new(panel: crate::panel::Panel, mut port: P) -> Self {
        Self {
            session: Session::new(panel, port.now_us()),
            port,
            sent: Vec::new(),
            received: Vec::new(),
        }
    }

    /// Exchanges a batch, or is silent: at most for as long as the link's watchdog takes.
    ///
    /// # Errors
    /// The port failed.
    pub fn step(&mut self) -> io::Result<()> {
        let now_us = self.port.now_us();
        self.sent.clear();
        let mut silent_until = now_us;
        while self.sent.len() < self.port.batch().max(1) {
            match self.session.next_byte(now_us) {
                Next::Byte(byte) => self.sent.push(byte),
                Next::SilentUntil(until) => {
                    silent_until = until;
                    break;
                }
            }
        }
        if !self.sent.is_empty() {
            self.received.clear();
            self.port.exchange(&self.sent, &mut self.received)?;
            let now_us = self.port.now_us();
            for byte in &self.received {
                self.session.handle_byte(now_us, *byte);
            }
        }
        let left_us = silent_until.saturating_sub(self.port.now_us());
        if left_us > 0 {
            self.port.wait(left_us);
        }
        Ok(())
    }
}
