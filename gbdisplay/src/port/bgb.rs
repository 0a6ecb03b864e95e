//! Other people's emulators, by the link protocol of BGB 1.4 (bircd.org, "BGB 1.4 link protocol").
//!
//! Packets of eight bytes over TCP: a command, three values, and a time in units of 2^-21 s, lowest
//! byte first. Both ends say their version, then their state. Whoever has the clock sends `sync1`
//! with a byte; the other answers `sync2` with its own, or `sync3` with a 1 when it waits for
//! none. In between, `sync3` with a 0 tells the time, for which the other end waits.
//!
//! BGB itself was not at hand: the tests have a small peer with the cartridge in the core.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::{BYTE_US, Port, us_since};

/// How long the other end may take, whatever it says meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);
/// Every byte is a round trip.
const BATCH: usize = 8;
/// A pause is told in steps of this, in microseconds, so that the other end goes on.
const STEP_US: u64 = 5_000;
/// How many packets may come before the answer.
const PACKETS_MAX: usize = 1_000;

const VERSION: u8 = 1;
const SYNC1: u8 = 104;
const SYNC2: u8 = 105;
const SYNC3: u8 = 106;
const STATUS: u8 = 108;
const WANT_DISCONNECT: u8 = 109;

/// Version 1.4.
const VERSION_PACKET: [u8; 8] = [VERSION, 1, 4, 0, 0, 0, 0, 0];
/// Running, not paused.
const RUNNING: u8 = 1;
/// A transfer with our clock.
const OUR_CLOCK: u8 = 0x81;

/// A connection to an emulator that listens.
#[derive(Debug)]
pub struct Bgb {
    stream: TcpStream,
    start: Instant,
    /// Our time as the other end knows it; never behind `start`.
    now_us: u64,
}

impl Bgb {
    /// Connects to an emulator that listens, such as `127.0.0.1:8765`.
    ///
    /// # Errors
    /// Nobody listens there, or he speaks another version.
    pub fn connect(address: &str) -> io::Result<Self> {
        let mut addresses = address.to_socket_addrs()?;
        let address = addresses.next().ok_or(io::ErrorKind::NotFound)?;
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(&VERSION_PACKET)?;
        let mut bgb = Self {
            stream,
            start: Instant::now(),
            now_us: 0,
        };
        if bgb.receive(Instant::now() + PATIENCE)? != VERSION_PACKET {
            let words = "the emulator speaks another version of BGB's link protocol than 1.4";
            return Err(io::Error::new(io::ErrorKind::InvalidData, words));
        }
        bgb.send(STATUS, RUNNING, 0)?;
        Ok(bgb)
    }

    fn send(&mut self, command: u8, value: u8, control: u8) -> io::Result<()> {
        let time = if command == STATUS { 0 } else { self.time() };
        let [a, b, c, d] = time.to_le_bytes();
        self.stream
            .write_all(&[command, value, control, 0, a, b, c, d])
    }

    /// Our time in units of 2^-21 s, of which only 31 bits are told.
    fn time(&self) -> u32 {
        let units = u128::from(self.now_us) * (1 << 21) / 1_000_000;
        u32::try_from(units & 0x7FFF_FFFF).unwrap_or(0)
    }

    /// Comes up to the clock on the wall, if that is ahead.
    fn catch_up(&mut self) {
        let wall_us = us_since(self.start);
        self.now_us = self.now_us.max(wall_us);
    }

    /// What the other end has for a byte. 0 if it waits for none, as from a console.
    fn answer(&mut self) -> io::Result<u8> {
        let deadline = Instant::now() + PATIENCE;
        for _ in 0..PACKETS_MAX {
            let [command, value, ..] = self.receive(deadline)?;
            match (command, value) {
                (SYNC2, byte) => return Ok(byte),
                (SYNC3, 1) => return Ok(0),
                // It has the clock too: nobody here waits for a byte.
                (SYNC1, _) => self.send(SYNC3, 1, 0)?,
                (WANT_DISCONNECT, _) => return Err(io::ErrorKind::ConnectionAborted.into()),
                // Times, keys, states.
                _ => {}
            }
        }
        let words = "the emulator talks and does not answer";
        Err(io::Error::new(io::ErrorKind::InvalidData, words))
    }

    /// A packet, all of it before a time.
    fn receive(&mut self, deadline: Instant) -> io::Result<[u8; 8]> {
        let mut packet = [0; 8];
        let mut rest = &mut packet[..];
        while !rest.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let words = "the emulator does not answer";
                return Err(io::Error::new(io::ErrorKind::TimedOut, words));
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(rest)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                len => rest = rest.get_mut(len..).unwrap_or_default(),
            }
        }
        Ok(packet)
    }
}

impl Port for Bgb {
    fn exchange(&mut self, sent: &[u8], received: &mut Vec<u8>) -> io::Result<()> {
        for byte in sent {
            self.catch_up();
            self.send(SYNC1, *byte, OUR_CLOCK)?;
            received.push(self.answer()?);
            self.now_us += BYTE_US;
        }
        // As fast as a console can follow, and not faster.
        let wall_us = us_since(self.start);
        let early_us = self.now_us.saturating_sub(wall_us);
        std::thread::sleep(Duration::from_micros(early_us));
        Ok(())
    }

    fn wait(&mut self, us: u64) {
        let until_us = self.now_us.saturating_add(us);
        while self.now_us < until_us {
            let step_us = STEP_US.min(until_us - self.now_us);
            std::thread::sleep(Duration::from_micros(step_us));
            self.now_us += step_us;
            self.catch_up();
            // If this fails, so does the next exchange, which can say so.
            if self.send(SYNC3, 0, 0).is_err() {
                return;
            }
        }
    }

    fn now_us(&mut self) -> u64 {
        self.catch_up();
        self.now_us
    }

    fn batch(&self) -> usize {
        BATCH
    }
}
