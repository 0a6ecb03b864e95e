//! An SPI controller of Linux, wired to the link port through a level shifter: clock, data out,
//! data in and ground.
//!
//! The link port is an SPI device of mode 3, without a chip select (Pan Docs, "Serial Data
//! Transfer (Link Cable)"). Each byte is a transfer of its own with a pause behind it, so that the
//! console can follow.
//!
//! Never tried: no SPI controller was at hand, and no driver that plays one. What is tested is
//! that a device that is missing is told.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use spidev::{SpiModeFlags, Spidev, SpidevOptions, SpidevTransfer};

use super::{BYTE_US, Port, us_since};

/// How fast the bits of a byte follow each other.
const BITS_PER_SECOND: u32 = 131_072;
/// How many bytes are one call: all of them must be through before any answer is seen.
const BATCH: usize = 16;

/// A controller that has been set up.
pub struct Spi {
    device: Spidev,
    start: Instant,
}

impl Spi {
    /// Opens a device such as `/dev/spidev0.0`.
    ///
    /// # Errors
    /// There is no such device, or it cannot be set up.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut device = Spidev::open(path)?;
        let options = SpidevOptions::new()
            .bits_per_word(8)
            .max_speed_hz(BITS_PER_SECOND)
            .mode(SpiModeFlags::SPI_MODE_3)
            .build();
        device.configure(&options)?;
        Ok(Self {
            device,
            start: Instant::now(),
        })
    }
}

impl Port for Spi {
    fn exchange(&mut self, sent: &[u8], received: &mut Vec<u8>) -> io::Result<()> {
        let bits_us = 8 * 1_000_000 / u64::from(BITS_PER_SECOND);
        let pause_us = u16::try_from(BYTE_US - bits_us).unwrap_or(u16::MAX);
        let mut answers = vec![0; sent.len()];
        let bytes = sent.chunks(1).zip(answers.chunks_mut(1));
        let mut transfers: Vec<SpidevTransfer<'_, '_>> = bytes
            .map(|(sent, answer)| {
                let mut transfer = SpidevTransfer::read_write(sent, answer);
                transfer.delay_usecs = pause_us;
                transfer.speed_hz = BITS_PER_SECOND;
                transfer
            })
            .collect();
        self.device.transfer_multiple(&mut transfers)?;
        drop(transfers);
        received.extend(answers);
        Ok(())
    }

    fn wait(&mut self, us: u64) {
        std::thread::sleep(Duration::from_micros(us));
    }

    fn now_us(&mut self) -> u64 {
        us_since(self.start)
    }

    fn batch(&self) -> usize {
        BATCH
    }
}

impl std::fmt::Debug for Spi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spi").finish_non_exhaustive()
    }
}
