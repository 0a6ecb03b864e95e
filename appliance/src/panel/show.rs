//! A desk, its facts and its keys.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use skerry_gbdisplay::port::{Desk, Emulated, Port};
use skerry_gbdisplay::view::Hands;

use super::press::Press;
use super::shared::Shared;
use super::source::{Reading, Source};
use super::trace::Trace;
use super::{Options, eprint, events};

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
        self.limit_us.get_or_insert_with(|| micros(limit));
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

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Prints a line, for whoever reads along.
pub(crate) fn print(facts: &serde_json::Value) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{facts}")?;
    stdout.flush()
}
