//! A desk, its facts and its keys.

use std::io::{self, Write as _};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use skerry_gbdisplay::Keys;
use skerry_gbdisplay::port::{Desk, Emulated, Port};
use skerry_gbdisplay::view::{HOLD_START_US, HOLD_US, Hands};

use super::shared::Shared;
use super::source::{Reading, Source};
use super::trace::Trace;
use super::{Options, eprint, events};

/// A key that is pressed by itself: `select@2.5` after two and a half seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Press {
    keys: Keys,
    at: Duration,
}

/// The names of the keys.
const NAMES: [(&str, Keys); 8] = [
    ("a", Keys::A),
    ("b", Keys::B),
    ("down", Keys::DOWN),
    ("left", Keys::LEFT),
    ("right", Keys::RIGHT),
    ("select", Keys::SELECT),
    ("start", Keys::START),
    ("up", Keys::UP),
];

impl FromStr for Press {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('@').and_then(|(name, at)| {
            let keys = NAMES.iter().find(|(it, _)| *it == name)?.1;
            let at: f64 = at.parse().ok()?;
            let at = Duration::try_from_secs_f64(at).ok()?;
            Some(Self { keys, at })
        });
        parts.ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|it| it.0).collect();
            let names = names.join(", ");
            format!("expected KEY@SECONDS, such as select@2.5; keys are: {names}")
        })
    }
}

impl Press {
    fn hold_us(&self) -> u64 {
        if self.keys == Keys::START {
            HOLD_START_US
        } else {
            HOLD_US
        }
    }
}

/// Everything that goes on while a panel is shown.
#[derive(Debug)]
pub(super) struct Show<P> {
    pub(super) desk: Desk<P>,
    pub(super) source: Source,
    pub(super) hands: Hands,
    presses: Vec<Press>,
    limit_us: Option<u64>,
    json: bool,
    /// Says on stderr what becomes of the link, by this name.
    link: Option<String>,
    trace: Option<Trace>,
    shared: Arc<Shared>,
}

impl<P: Port> Show<P> {
    pub(super) fn new(desk: Desk<P>, source: Source, options: &Options) -> Self {
        let micros = |it: Duration| u64::try_from(it.as_micros()).unwrap_or(u64::MAX);
        Self {
            desk,
            source,
            hands: Hands::default(),
            presses: options.presses.clone(),
            limit_us: options.limit.map(micros),
            json: options.json,
            link: None,
            trace: options
                .trace
                .then(|| Trace::new(Arc::clone(&options.shared))),
            shared: Arc::clone(&options.shared),
        }
    }

    /// Says what becomes of the link from now on.
    pub(super) fn tell_link(&mut self, name: String) {
        self.link = Some(name);
    }

    /// True if somebody said for how long.
    pub(super) const fn is_limited(&self) -> bool {
        self.limit_us.is_some()
    }

    /// Gives the show a limit if it has none.
    pub(super) fn limit(&mut self, limit: Duration) {
        let limit_us = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
        self.limit_us.get_or_insert(limit_us);
    }

    pub(super) fn now_us(&mut self) -> u64 {
        self.desk.port.now_us()
    }

    /// True when the time is over.
    pub(super) fn is_over(&mut self) -> bool {
        let now_us = self.now_us();
        self.shared.is_over() || self.limit_us.is_some_and(|it| now_us >= it)
    }

    /// Goes on by a few milliseconds.
    pub(super) fn go_on(&mut self) -> anyhow::Result<()> {
        let now_us = self.now_us();
        self.shared.set_now(now_us);
        let is_due = |it: &Press| it.at.as_micros() <= u128::from(now_us);
        for press in self.presses.extract_if(.., |it| is_due(it)) {
            self.hands.press(now_us, press.keys, press.hold_us());
        }
        self.desk.port.hold(self.hands.held(now_us));
        while let Some(reading) = self.source.next(now_us) {
            self.take(reading)?;
        }
        self.desk.step()?;
        while let Some(event) = self.desk.session.poll_event() {
            self.source.handle_event(&event);
            if let Some((link, words)) = self.link.as_ref().zip(events::words(&event.what)) {
                eprint(&format!("skerry: {link}: {words}\n"));
            }
            if self.json {
                print(&events::json(&event))?;
            }
        }
        Ok(())
    }

    /// Shows new facts.
    pub(super) fn take(&mut self, reading: Reading) -> anyhow::Result<()> {
        let now_us = self.now_us();
        if let Some((trace, taken)) = self.trace.as_mut().zip(reading.taken.as_ref()) {
            print(&trace.counters(now_us, taken))?;
        }
        self.desk.session.handle_facts(now_us, reading.facts);
        Ok(())
    }
}

impl Show<Emulated> {
    /// Goes on, and tells what is on the glass.
    pub(super) fn step(&mut self) -> anyhow::Result<()> {
        self.go_on()?;
        if let Some(trace) = &mut self.trace {
            let Desk { port, session, .. } = &mut self.desk;
            if let Some(line) = trace.picture(port, session) {
                print(&line)?;
            }
        }
        Ok(())
    }

    /// Runs until the time is over.
    pub(super) fn run(&mut self) -> anyhow::Result<()> {
        while !self.is_over() {
            self.step()?;
        }
        Ok(())
    }
}

/// Prints a line, for whoever reads along.
pub(crate) fn print(facts: &serde_json::Value) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{facts}")?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_with_their_time() {
        let press: Press = "select@2.5".parse().unwrap();
        let at = Duration::from_millis(2_500);
        assert_eq!((press.keys, press.at), (Keys::SELECT, at));
        for text in ["select", "nokey@1", "a@", "a@-1", "a@nan", "@"] {
            let error = text.parse::<Press>().unwrap_err();
            assert!(error.contains("select@2.5"), "{text}: {error}");
        }
    }
}
