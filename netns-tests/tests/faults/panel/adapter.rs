//! A Game Boy behind a cable adapter at a serial port, which works, hangs, babbles or is pulled out.
//!
//! The port is a pseudo-terminal. The Game Boy is the emulator's core with the cartridge that
//! `skerry panel rom` writes; its time is that of the clock on the wall, whatever the adapter does.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use skerry_dmg::{CYCLES_PER_SECOND, Machine, Model};
use skerry_netns_tests::relay::Random;

use super::screen::Screen;

/// How often anything is looked at.
const TICK: Duration = Duration::from_millis(1);
/// M-cycles of a byte and the pause behind it: 150 µs.
const BYTE: u64 = 157;
/// M-cycles of a bit.
const BIT: u32 = 8;
/// M-cycles that are made up for at once: 20 ms.
const LATE: u64 = CYCLES_PER_SECOND / 50;
/// How long the thread may take to obey.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the adapter does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mood {
    /// It is told how fast to be, then gives a byte for a byte.
    Works,
    /// It reads nothing and says nothing.
    Hangs,
    /// It says anything, as fast as it is let.
    Babbles,
    /// It is not there.
    Away,
}

/// An adapter with a Game Boy. Dropping it pulls it out.
#[derive(Debug)]
pub(crate) struct Adapter {
    path: PathBuf,
    orders: Option<SyncSender<Mood>>,
    screen: Arc<Mutex<Screen>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Adapter {
    /// Plugs one in at a path, with a Game Boy that was just switched on.
    pub(crate) fn plug(path: &Path, rom: &[u8]) -> Result<Self> {
        let machine = Machine::new(rom, Model::Dmg);
        let machine = machine.map_err(|error| anyhow::anyhow!("the cartridge: {error:?}"))?;
        let (orders, inbox) = sync_channel(0);
        let screen = Arc::new(Mutex::new(Screen::default()));
        let works = Works {
            path: path.to_owned(),
            wire: None,
            machine,
            start: Instant::now(),
            screen: Arc::clone(&screen),
        };
        let thread = std::thread::Builder::new()
            .name("adapter".into())
            .spawn(move || works.run(&inbox))?;
        let adapter = Self {
            path: path.to_owned(),
            orders: Some(orders),
            screen,
            thread: Some(thread),
        };
        adapter.turn(Mood::Works)?;
        Ok(adapter)
    }

    /// What `--link` says of it.
    pub(crate) fn link(&self) -> String {
        format!("serial:{}", self.path.display())
    }

    /// From now on it does this; gives the last moment at which it did not.
    pub(crate) fn turn(&self, mood: Mood) -> Result<Instant> {
        let since = Instant::now();
        let orders = self.orders.as_ref().context("no adapter")?;
        // The second one is taken when the first has been carried out.
        for order in [mood; 2] {
            orders
                .send(order)
                .context("the adapter's thread has ended")?;
        }
        Ok(since)
    }

    pub(crate) fn screen(&self) -> Screen {
        let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        screen.clone()
    }

    /// How long after a moment the screen was so.
    pub(crate) fn await_screen(
        &self,
        what: &str,
        since: Instant,
        limit: Duration,
        is_so: impl Fn(&Screen) -> bool,
    ) -> Result<Duration> {
        while since.elapsed() < limit {
            if is_so(&self.screen()) {
                return Ok(since.elapsed());
            }
            sleep(TICK);
        }
        bail!(
            "the screen is not {what} after {limit:?}:\n{}",
            self.screen().text()
        );
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// What the thread owns.
struct Works {
    path: PathBuf,
    wire: Option<Wire>,
    machine: Machine,
    start: Instant,
    screen: Arc<Mutex<Screen>>,
}

/// Both ends of the terminal: without the other one held open it is gone for good when a panel
/// closes it.
struct Wire {
    near: PtyMaster,
    _far: File,
}

impl Works {
    /// Whatever became of this adapter, the next one is plugged in at the same place.
    fn run(mut self, orders: &Receiver<Mood>) -> Result<()> {
        let done = self.obey(orders);
        let pulled = self.pull();
        done.and(pulled)
    }

    fn obey(&mut self, orders: &Receiver<Mood>) -> Result<()> {
        let mut mood = orders.recv_timeout(PATIENCE).unwrap_or(Mood::Away);
        let mut random = Random::new(1);
        loop {
            self.be(mood, &mut random)?;
            self.catch_up();
            match orders.try_recv() {
                Ok(next) => mood = next,
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return Ok(()),
            }
        }
    }

    fn be(&mut self, mood: Mood, random: &mut Random) -> Result<()> {
        match mood {
            Mood::Away => {
                self.pull()?;
                sleep(TICK);
            }
            Mood::Hangs => sleep(TICK),
            Mood::Works => {
                self.push()?;
                self.answer()?;
            }
            Mood::Babbles => self.babble(random)?,
        }
        Ok(())
    }

    fn pull(&mut self) -> Result<()> {
        if self.wire.take().is_some() {
            fs::remove_file(&self.path)?;
        }
        Ok(())
    }

    fn push(&mut self) -> Result<()> {
        if self.wire.is_some() {
            return Ok(());
        }
        let near = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK)?;
        grantpt(&near)?;
        unlockpt(&near)?;
        let far = ptsname_r(&near)?;
        let options = File::options().read(true).write(true).clone();
        let held = options.open(&far)?;
        symlink(&far, &self.path)?;
        self.wire = Some(Wire { near, _far: held });
        Ok(())
    }

    /// Takes what there is and answers it, as fast as the wire would be.
    fn answer(&mut self) -> Result<()> {
        let Some(wire) = &mut self.wire else {
            return Ok(());
        };
        let mut bytes = [0; 4096];
        if !wire.is_ready(PollFlags::POLLIN)? {
            return Ok(());
        }
        let len = wire.read(&mut bytes)?;
        let bytes = &mut bytes[..len];
        if is_set_up(bytes) {
            wire.write(&[1])?;
            return Ok(());
        }
        for byte in &mut *bytes {
            *byte = exchange(&mut self.machine, *byte).context("a byte without an answer")?;
        }
        wire.write(bytes)?;
        sleep(micros(self.machine.cycle().saturating_sub(self.wall())));
        Ok(())
    }

    fn babble(&mut self, random: &mut Random) -> Result<()> {
        let Some(wire) = &mut self.wire else {
            return Ok(());
        };
        let mut bytes = [0; 4096];
        while wire.read(&mut bytes)? > 0 {}
        random.fill(&mut bytes);
        if wire.write(&bytes)? < bytes.len() {
            wire.is_ready(PollFlags::POLLOUT)?;
        }
        Ok(())
    }

    /// The console goes on. Where the machine is too busy for it, it is late and stays so, since the
    /// adapter must not wait for it.
    fn catch_up(&mut self) {
        let behind = self.wall().saturating_sub(self.machine.cycle());
        self.start += micros(behind.saturating_sub(LATE));
        self.machine.run_until(self.wall());
        let screen = Screen::of(&self.machine);
        *self.screen.lock().unwrap_or_else(PoisonError::into_inner) = screen;
    }

    /// The time on the wall, in M-cycles.
    fn wall(&self) -> u64 {
        let cycles = self.start.elapsed().as_micros() * u128::from(CYCLES_PER_SECOND) / 1_000_000;
        u64::try_from(cycles).unwrap_or(u64::MAX)
    }
}

/// How long so many M-cycles take.
const fn micros(cycles: u64) -> Duration {
    Duration::from_micros(cycles * 1_000_000 / CYCLES_PER_SECOND)
}

fn exchange(machine: &mut Machine, byte: u8) -> Option<u8> {
    machine.link_send(byte, BIT);
    machine.run(BYTE);
    machine.link_reply()
}

/// The message of 36 bytes that sets the adapter up, behind whatever was left over.
fn is_set_up(bytes: &[u8]) -> bool {
    let mut magic = [0xCA, 0xFE].repeat(8);
    magic.extend([0xDE, 0xAD, 0xBE, 0xEF].repeat(4));
    bytes.ends_with(&[150, 0, 0, 1]) && bytes.windows(magic.len()).any(|it| it == magic)
}

impl Wire {
    fn is_ready(&self, events: PollFlags) -> Result<bool> {
        let limit = PollTimeout::try_from(TICK).unwrap_or(PollTimeout::ZERO);
        Ok(poll(&mut [PollFd::new(self.near.as_fd(), events)], limit)? > 0)
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        quiet(self.near.read(bytes))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        quiet(self.near.write(bytes))
    }
}

/// That there is nothing to read, or no room, is no error.
fn quiet(done: std::io::Result<usize>) -> Result<usize> {
    match done {
        Ok(len) => Ok(len),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(0)
        }
        Err(error) => Err(error).context("the adapter's terminal"),
    }
}
