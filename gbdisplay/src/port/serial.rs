//! A cable adapter behind a serial port of USB (CDC): the firmware for the Raspberry Pi Pico that
//! its authors call "gb-link-firmware-reconfigurable".
//!
//! A message of 36 bytes sets it up: eight times CA FE, four times DE AD BE EF, the pause after
//! each transfer in microseconds (three bytes, lowest first), and the bytes of a transfer. It
//! answers 01. From then on it clocks out what it is sent, and sends back what came for it.
//!
//! No such adapter was at hand: the tests have a pseudo-terminal play one, with the cartridge in
//! the core behind it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::termios::{self, OptionalActions, QueueSelector};

use super::{BYTE_US, Port, us_since};

/// How long the adapter may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many bytes are on their way at once: half of what a packet of USB takes.
const BATCH: usize = 32;

/// An adapter that has been set up.
#[derive(Debug)]
pub struct Serial {
    port: File,
    start: Instant,
}

impl Serial {
    /// Opens a port such as `/dev/ttyACM0` and sets the adapter up.
    ///
    /// # Errors
    /// There is no such port, it is no terminal, or what is behind it is no such adapter.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let flags = i32::try_from(OFlags::NOCTTY.bits()).unwrap_or(0);
        options.read(true).write(true).custom_flags(flags);
        let port = options.open(path)?;
        let mut raw = termios::tcgetattr(&port)?;
        raw.make_raw();
        termios::tcsetattr(&port, OptionalActions::Now, &raw)?;
        termios::tcflush(&port, QueueSelector::IOFlush)?;
        let mut serial = Self {
            port,
            start: Instant::now(),
        };
        serial.set_up()?;
        Ok(serial)
    }

    fn set_up(&mut self) -> io::Result<()> {
        let mut message = [0xCA, 0xFE].repeat(8);
        message.extend([0xDE, 0xAD, 0xBE, 0xEF].repeat(4));
        // It clocks eight bits faster than they may follow each other in a byte and a pause.
        let [low, middle, high, ..] = BYTE_US.to_le_bytes();
        message.extend([low, middle, high, 1]);
        self.port.write_all(&message)?;
        let mut answer = [0];
        self.read(&mut answer)?;
        if answer == [1] {
            return Ok(());
        }
        let [answer] = answer;
        let words = format!("the adapter answers {answer:02x} instead of 01 to its set-up");
        Err(io::Error::new(io::ErrorKind::InvalidData, words))
    }

    /// Reads all of it, within the time an answer may take.
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut rest = bytes;
        while !rest.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut ready = [PollFd::new(&self.port, PollFlags::IN)];
            if poll(&mut ready, Some(&left))? == 0 {
                let words = "the adapter does not answer";
                return Err(io::Error::new(io::ErrorKind::TimedOut, words));
            }
            match self.port.read(rest)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                len => rest = rest.get_mut(len..).unwrap_or_default(),
            }
        }
        Ok(())
    }
}

impl Port for Serial {
    fn exchange(&mut self, sent: &[u8], received: &mut Vec<u8>) -> io::Result<()> {
        self.port.write_all(sent)?;
        let mut answers = vec![0; sent.len()];
        self.read(&mut answers)?;
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
