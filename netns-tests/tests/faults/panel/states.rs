//! What becomes of a panel, and how soon all is well again.

use std::io::{ErrorKind, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;
use skerry_netns_tests::daemon::Daemon;

use super::adapter::{Adapter, Mood};
use super::babbler::Babbler;
use super::process::datapath_time;
use super::rounds::Round;
use super::show::Show;

/// How long frames are counted in a state.
const WINDOW: Duration = Duration::from_millis(700);
/// A cable that goes in and out spends so long in either place.
const FLAP: Duration = Duration::from_millis(200);
/// Anything may take so long; the bars are compared afterwards.
const PATIENCE: Duration = Duration::from_secs(10);
/// Questions that are asked without reading an answer, unless no more fit before.
const QUESTIONS: usize = 100_000;

/// What there is beside the frames.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// No panel.
    Off,
    /// A panel in the core.
    Emulated,
    /// A panel at a cable that works.
    Cable,
    /// The adapter reads nothing and says nothing.
    Hung,
    /// The adapter goes away and comes back, again and again.
    Pulled,
    /// The adapter sends anything, as fast as it can.
    Flooded,
    /// So does an emulator over TCP.
    Talked,
    /// The panel stands still, and somebody asks for counters and reads none.
    Stopped,
}

impl State {
    /// All with a panel, and what people call them.
    pub(crate) const EACH: [(Self, &'static str); 7] = [
        (Self::Emulated, "emulated"),
        (Self::Cable, "at an adapter that works"),
        (Self::Hung, "at an adapter that hangs"),
        (
            Self::Pulled,
            "at an adapter that is pulled out 2.5 times a second",
        ),
        (Self::Flooded, "flooded by its adapter"),
        (Self::Talked, "flooded by an emulator over TCP"),
        (
            Self::Stopped,
            "stopped (SIGSTOP), beside questions whose answers nobody reads",
        ),
    ];

    /// One cycle: every state with a panel has a round without one near.
    pub(crate) const CYCLE: [Self; 10] = [
        Self::Off,
        Self::Emulated,
        Self::Cable,
        Self::Off,
        Self::Hung,
        Self::Pulled,
        Self::Off,
        Self::Flooded,
        Self::Talked,
        Self::Stopped,
    ];
}

/// Something that a bar is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bar {
    /// From the fault to the word that the link is down.
    Down,
    /// From the fault's end to the whole page.
    Painted,
    /// From the last word of the panel to STALE on the Game Boy.
    Stale,
    /// From somebody else's question to the daemon's answer.
    Answered,
}

impl Bar {
    pub(crate) const EACH: [(Self, &'static str, Duration); 4] = [
        (Self::Down, "told after", Duration::from_millis(500)),
        (Self::Painted, "painted again after", Duration::from_secs(1)),
        (Self::Stale, "STALE after", Duration::from_secs(2)),
        (
            Self::Answered,
            "others answered after",
            Duration::from_secs(1),
        ),
    ];
}

/// A daemon with a panel, and what was measured of both.
#[derive(Debug)]
pub(crate) struct Rig<'a> {
    pub(crate) daemon: &'a Daemon,
    pid: u32,
    tty: PathBuf,
    rom: &'a [u8],
    pub(crate) rounds: Vec<Round>,
    pub(crate) times: Vec<(State, Bar, Duration)>,
}

impl<'a> Rig<'a> {
    pub(crate) fn new(daemon: &'a Daemon, folder: &Path, rom: &'a [u8]) -> Result<Self> {
        Ok(Self {
            daemon,
            pid: daemon.pid().context("the node does not run")?,
            tty: folder.join("tty"),
            rom,
            rounds: Vec::new(),
            times: Vec::new(),
        })
    }

    /// One round of a state, from no panel to no panel.
    pub(crate) fn round(&mut self, state: State) -> Result<()> {
        let done = match state {
            State::Off => self.window(state, || Ok(())),
            State::Emulated => self.emulated(),
            State::Cable => {
                let _both = self.painted()?;
                self.window(state, || Ok(()))
            }
            State::Hung => self.moody(state, Mood::Hangs),
            State::Flooded => self.moody(state, Mood::Babbles),
            State::Pulled => self.pulled(),
            State::Talked => self.talked(),
            State::Stopped => self.stopped(),
        };
        done.with_context(|| format!("{state:?}"))
    }

    /// A panel at an adapter that shows its first page.
    pub(crate) fn painted(&self) -> Result<(Show, Adapter)> {
        let adapter = Adapter::plug(&self.tty, self.rom)?;
        let since = Instant::now();
        let show = Show::start(self.daemon, &adapter.link())?;
        whole(&show, &adapter, since)?;
        Ok((show, adapter))
    }

    /// Counts for a while, which is not over before `meanwhile` is.
    fn window(&mut self, state: State, meanwhile: impl FnOnce() -> Result<()>) -> Result<()> {
        let (from, before) = (Instant::now(), datapath_time(self.pid)?);
        meanwhile()?;
        sleep(WINDOW.saturating_sub(from.elapsed()));
        let (to, after) = (Instant::now(), datapath_time(self.pid)?);
        self.rounds.push(Round {
            state,
            from,
            to,
            busy: after.saturating_sub(before),
        });
        Ok(())
    }

    fn emulated(&mut self) -> Result<()> {
        let since = Instant::now();
        let show = Show::start(self.daemon, "emulated")?;
        show.await_event("up", since, PATIENCE)?;
        self.window(State::Emulated, || Ok(()))
    }

    /// The adapter changes its mood, and back.
    fn moody(&mut self, state: State, mood: Mood) -> Result<()> {
        let (show, adapter) = self.painted()?;
        let since = adapter.turn(mood)?;
        self.window(state, || Ok(()))?;
        let down = show.await_event("down", since, PATIENCE)?;
        self.times.push((state, Bar::Down, down));
        self.mend(state, &show, &adapter)
    }

    fn pulled(&mut self) -> Result<()> {
        let (show, adapter) = self.painted()?;
        let since = adapter.turn(Mood::Away)?;
        let down = show.await_event("down", since, PATIENCE)?;
        self.times.push((State::Pulled, Bar::Down, down));
        self.window(State::Pulled, || {
            let start = Instant::now();
            while start.elapsed() < WINDOW {
                adapter.turn(Mood::Works)?;
                sleep(FLAP);
                adapter.turn(Mood::Away)?;
                sleep(FLAP);
            }
            Ok(())
        })?;
        self.mend(State::Pulled, &show, &adapter)
    }

    fn talked(&mut self) -> Result<()> {
        let babbler = Babbler::listen()?;
        let _show = Show::start(self.daemon, &babbler.link())?;
        sleep(FLAP);
        self.window(State::Talked, || Ok(()))
    }

    fn stopped(&mut self) -> Result<()> {
        let state = State::Stopped;
        let (show, adapter) = self.painted()?;
        let _deaf = ask_and_read_nothing(self.daemon)?;
        show.signal(Signal::SIGSTOP)?;
        let since = Instant::now();
        self.window(state, || Ok(()))?;
        let asked = Instant::now();
        self.daemon.facts("status")?;
        self.times.push((state, Bar::Answered, asked.elapsed()));
        let stale = adapter.await_screen("left alone", since, PATIENCE, |it| it.is_left_alone)?;
        self.times.push((state, Bar::Stale, stale));
        show.signal(Signal::SIGCONT)?;
        let since = Instant::now();
        let painted = adapter.await_screen("painted", since, PATIENCE, |it| it.is_painted())?;
        self.times.push((state, Bar::Painted, painted));
        Ok(())
    }

    /// The adapter works again, and the page comes back.
    fn mend(&mut self, state: State, show: &Show, adapter: &Adapter) -> Result<()> {
        let since = adapter.turn(Mood::Works)?;
        let painted = whole(show, adapter, since)?;
        self.times.push((state, Bar::Painted, painted));
        Ok(())
    }
}

/// How long after a moment the link was up and all of the first page was there. A Game Boy forgets
/// what it showed when a link comes up.
pub(crate) fn whole(show: &Show, adapter: &Adapter, since: Instant) -> Result<Duration> {
    show.await_event("up", since, PATIENCE)?;
    adapter.await_screen("painted", since, PATIENCE, |it| it.is_painted())
}

/// Asks for counters until no question fits any more.
fn ask_and_read_nothing(daemon: &Daemon) -> Result<UnixStream> {
    let mut client = UnixStream::connect(daemon.socket())?;
    client.set_nonblocking(true)?;
    let question = b"{\"version\":1,\"command\":\"counters\"}\n";
    let mut blocked = 0;
    for _ in 0..QUESTIONS {
        match client.write(question) {
            Ok(_) => blocked = 0,
            // It answers until its own side is full, and then takes no more.
            Err(error) if error.kind() == ErrorKind::WouldBlock && blocked < 20 => {
                blocked += 1;
                sleep(Duration::from_millis(5));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(client),
            Err(error) => return Err(error.into()),
        }
    }
    bail!("the daemon takes any number of questions from somebody who reads no answer")
}
