//! Where the bytes go: a Game Boy of plastic or an emulated one, behind one trait.

mod bgb;
mod desk;
mod emulated;
mod replug;
mod serial;
mod spi;

use std::io;
use std::time::Instant;

use skerry_panel_proto::Keys;

pub use bgb::Bgb;
pub use desk::Desk;
pub use emulated::{Emulated, Speed};
pub use replug::{News, Replug};
pub use serial::Serial;
pub use spi::Spi;

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
