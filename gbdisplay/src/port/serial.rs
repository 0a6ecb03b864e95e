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

/// How long the adapter may take for its set-up.
const SET_UP: Duration = Duration::from_secs(1);
/// How long it may take for some bytes: several times what they take at 8192 Hz, and less than a
/// link that is down may go unnoticed.
const PATIENCE: Duration = Duration::from_millis(250);
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
        // An adapter that reads nothing must not keep whoever writes.
        let flags = OFlags::NOCTTY | OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or(0);
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
        let deadline = Instant::now() + SET_UP;
        self.write(&message, deadline)?;
        let mut answer = [0];
        self.read(&mut answer, deadline)?;
        if answer == [1] {
            return Ok(());
        }
        let [answer] = answer;
        let words = format!("the adapter answers {answer:02x} instead of 01 to its set-up");
        Err(io::Error::new(io::ErrorKind::InvalidData, words))
    }

    /// Writes all of it.
    fn write(&mut self, bytes: &[u8], deadline: Instant) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.await_ready(PollFlags::OUT, deadline)?;
            let len = again(self.port.write(rest))?;
            rest = rest.get(len..).unwrap_or_default();
        }
        Ok(())
    }

    /// Reads all of it.
    fn read(&mut self, bytes: &mut [u8], deadline: Instant) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.await_ready(PollFlags::IN, deadline)?;
            match self.port.read(rest) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => rest = rest.get_mut(again(read)?..).unwrap_or_default(),
            }
        }
        Ok(())
    }

    fn await_ready(&self, events: PollFlags, deadline: Instant) -> io::Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut ready = [PollFd::new(&self.port, events)];
        if poll(&mut ready, Some(&left))? == 0 {
            let words = "the adapter does not answer";
            return Err(io::Error::new(io::ErrorKind::TimedOut, words));
        }
        Ok(())
    }
}

impl Drop for Serial {
    /// Whoever closes a port waits until all of it was sent, with Linux 30 s at most
    /// (`tty_port_close_start`). To an adapter that hangs nothing is sent any more, so what waits for it
    /// is dropped before.
    fn drop(&mut self) {
        let _unplugged = termios::tcflush(&self.port, QueueSelector::OFlush);
    }
}

/// A port that was ready and is not any more has taken or given nothing.
fn again(done: io::Result<usize>) -> io::Result<usize> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        done => done,
    }
}

impl Port for Serial {
    fn exchange(&mut self, sent: &[u8], received: &mut Vec<u8>) -> io::Result<()> {
        let start = Instant::now();
        // What is there already came for nothing that was sent. An adapter that babbled would be
        // heard later and later, and for ever.
        termios::tcflush(&self.port, QueueSelector::IFlush)?;
        self.write(sent, start + PATIENCE)?;
        let mut answers = vec![0; sent.len()];
        self.read(&mut answers, start + PATIENCE)?;
        received.extend(answers);
        // One that says anything at once sets no pace.
        let bytes = u64::try_from(sent.len()).unwrap_or(1);
        let due = Duration::from_micros(bytes * BYTE_US);
        std::thread::sleep(due.saturating_sub(start.elapsed()));
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
