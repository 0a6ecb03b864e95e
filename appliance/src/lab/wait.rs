//! Waiting for conditions, never for time to pass: with a bound, a word about what is awaited,
//! and an ear for Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::lab::story::Story;

/// How long to sleep between two looks.
const PAUSE: Duration = Duration::from_millis(15);

/// Set once somebody asks the lab to stop.
#[derive(Clone, Debug)]
pub(super) struct Interrupt(Arc<AtomicBool>);

/// Somebody asked the lab to stop.
#[derive(Debug)]
pub(super) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

impl Interrupt {
    /// Takes over SIGINT, SIGTERM and SIGHUP, so that everything is taken down in order.
    pub(super) fn install() -> Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&flag))?;
        }
        Ok(Self(flag))
    }

    /// What is set then.
    pub(super) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Whether somebody did.
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// [`Interrupted`] once somebody did.
    pub(super) fn check(&self) -> Result<()> {
        if self.is_set() {
            bail!(Interrupted);
        }
        Ok(())
    }
}

/// Looks until `ready` gives a value; fails after `limit`, when interrupted, or with `ready`.
pub(super) fn until<T>(
    story: &mut Story,
    interrupt: &Interrupt,
    what: &str,
    limit: Duration,
    mut ready: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        interrupt.check()?;
        if let Some(value) = ready()? {
            return Ok(value);
        }
        if start.elapsed() > limit {
            bail!("{what}: not within {} s", limit.as_secs());
        }
        story.waiting(what);
        std::thread::sleep(PAUSE);
    }
}

/// Lets time pass where time is what is measured.
pub(super) fn pass(
    story: &mut Story,
    interrupt: &Interrupt,
    what: &str,
    duration: Duration,
) -> Result<()> {
    let end = Instant::now() + duration;
    while Instant::now() < end {
        interrupt.check()?;
        story.waiting(what);
        std::thread::sleep(PAUSE.min(end.saturating_duration_since(Instant::now())));
    }
    Ok(())
}
