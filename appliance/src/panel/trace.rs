//! What a panel is made from and what it shows, as lines of JSON: for whoever wants to compare, or
//! cannot see it.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use skerry_gbdisplay::Frame;
use skerry_gbdisplay::port::{Emulated, Port as _};
use skerry_gbdisplay::session::Session;
use skerry_gbdisplay::view::Letters;

use super::shared::Shared;
use super::source::Taken;

/// The schema of a line.
const SCHEMA: &str = "skerry.panel-trace/1";
/// A picture is whole when everything that is wanted was in video memory at the end of so many: it
/// was there before the last one began.
const WHOLE: u32 = 3;

/// The trace of a panel.
#[derive(Debug)]
pub(super) struct Trace {
    shared: Arc<Shared>,
    letters: Letters,
    /// The last picture, its number, and what it said.
    picture: Option<(u64, Frame)>,
    rows: Vec<String>,
    /// How many pictures everything has been there for.
    whole: u32,
    /// What was told last, and that it was whole.
    told: (Vec<String>, bool),
}

impl Trace {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            letters: Letters::default(),
            picture: None,
            rows: Vec::new(),
            whole: 0,
            told: (Vec::new(), false),
        }
    }

    /// The counters that the panel has from now on, as the daemon told them.
    pub(super) fn counters(&mut self, now_us: u64, taken: &Taken) -> Value {
        self.whole = 0;
        json!({
            "schema": SCHEMA,
            "event": "counters",
            "at_us": now_us,
            "wall_us": self.shared.wall_us(taken.at),
            "since_us": taken.since.map(|it| self.shared.wall_us(it)),
            "counters": taken.counters,
        })
    }

    /// The picture, if it says something else than the one before.
    pub(super) fn picture(&mut self, console: &mut Emulated, session: &Session) -> Option<Value> {
        let machine = console.machine();
        let (number, frame) = (machine.frames(), machine.frame());
        let last = self.picture.as_ref();
        if last.is_some_and(|(it, _)| *it == number) {
            return None;
        }
        if last.is_none_or(|(_, it)| it != frame) {
            self.rows = self.letters.read(frame);
        }
        self.picture = Some((number, frame.clone()));
        let now_us = console.now_us();
        let is_there = session.is_painted(now_us) && console.shows(session.shown());
        self.whole = if is_there { self.whole + 1 } else { 0 };
        let told = (self.rows.clone(), self.whole >= WHOLE);
        if told == self.told {
            return None;
        }
        let line = json!({
            "schema": SCHEMA,
            "event": "picture",
            "at_us": now_us,
            "wall_us": self.shared.wall_us(Instant::now()),
            "whole": told.1,
            "rows": told.0,
        });
        self.told = told;
        Some(line)
    }
}
