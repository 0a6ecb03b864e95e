//! A panel at its link: what is wanted goes out as far as the link takes it, keys come in, and
//! what a key took is measured. Still without I/O or clock.

use std::collections::VecDeque;

use skerry_panel_proto::Screen;

use crate::facts::Facts;
use crate::link::{self, Link, Next};
use crate::paint;
use crate::panel::{Event, Panel, What};

/// How many requests are made at once. Few, so that new facts never wait behind old ones.
const CHANGES_MAX: usize = 4;
/// Requests that wait at the link before no more are made.
const PENDING_MAX: usize = 2;
/// How often it is looked at what is wanted, in microseconds.
const LOOK_US: u64 = 4_000;
/// How many keys are measured at once.
const MEASURES_MAX: usize = 16;

/// A panel and the host's end of its link.
#[derive(Debug)]
pub struct Session {
    panel: Panel,
    link: Link,
    /// What the panel shows once it has done what was asked for.
    shown: Screen,
    look_us: u64,
    measures: VecDeque<Measure>,
}

/// A key whose consequence is not shown yet.
#[derive(Clone, Copy, Debug)]
struct Measure {
    event: u64,
    key_us: u64,
    /// When the first request for it was made.
    begun_us: Option<u64>,
}

impl Session {
    /// With a link that is down.
    #[must_use]
    pub fn new(panel: Panel, now_us: u64) -> Self {
        Self {
            panel,
            link: Link::new(now_us),
            shown: Screen::default(),
            look_us: now_us,
            measures: VecDeque::new(),
        }
    }

    /// The panel.
    #[must_use]
    pub const fn panel(&self) -> &Panel {
        &self.panel
    }

    /// The link.
    #[must_use]
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// What the panel shows once it has done what was asked for.
    #[must_use]
    pub const fn shown(&self) -> &Screen {
        &self.shown
    }

    /// True if the panel has acknowledged everything that is wanted now.
    #[must_use]
    pub fn is_painted(&self, now_us: u64) -> bool {
        self.link.is_up()
            && self.link.pending() == 0
            && paint::changes(&self.shown, &self.panel.picture(now_us), 1).is_empty()
    }

    /// Takes new facts.
    pub fn handle_facts(&mut self, now_us: u64, facts: Facts) {
        self.panel.handle_facts(now_us, facts);
        self.look_us = now_us;
    }

    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.panel.poll_event()
    }

    /// As [`Link::next_byte`].
    pub fn next_byte(&mut self, now_us: u64) -> Next {
        if now_us >= self.look_us {
            self.look(now_us);
        }
        self.link.next_byte(now_us)
    }

    /// As [`Link::handle_byte`].
    pub fn handle_byte(&mut self, now_us: u64, byte: u8) {
        self.link.handle_byte(now_us, byte);
        while let Some(event) = self.link.poll_event() {
            self.look_us = now_us;
            match event {
                link::Event::Up => {
                    self.shown = Screen::default();
                    self.panel.note(now_us, What::Up);
                }
                link::Event::Down(cause) => {
                    self.measures.clear();
                    self.panel.handle_lost();
                    self.panel.note(now_us, What::Down(cause));
                }
                link::Event::Keys(keys) => {
                    let before = self.panel.number();
                    self.panel.handle_keys(now_us, keys);
                    self.measure(before, now_us);
                }
            }
        }
    }

    /// Begins to measure what the keys since an event did.
    fn measure(&mut self, before: u64, now_us: u64) {
        for event in before + 1..=self.panel.number() {
            if self.measures.len() < MEASURES_MAX {
                self.measures.push_back(Measure {
                    event,
                    key_us: now_us,
                    begun_us: None,
                });
            }
        }
    }

    /// Asks for what is wanted and not shown.
    fn look(&mut self, now_us: u64) {
        self.look_us = now_us.saturating_add(LOOK_US);
        let before = self.panel.number();
        self.panel.handle_timeout(now_us);
        self.measure(before, now_us);
        if !self.link.is_up() || self.link.pending() > PENDING_MAX {
            return;
        }
        let wanted = self.panel.picture(now_us);
        let changes = paint::changes(&self.shown, &wanted, CHANGES_MAX);
        if changes.is_empty() && self.link.pending() == 0 {
            self.finish(now_us);
            return;
        }
        for change in &changes {
            if !self.link.push(&change.op()) {
                break;
            }
            self.shown.apply(&change.op());
        }
        for measure in &mut self.measures {
            measure.begun_us.get_or_insert(now_us);
        }
    }

    /// Everything is shown, what the keys did too.
    fn finish(&mut self, now_us: u64) {
        self.panel.handle_shown(now_us);
        while let Some(measure) = self.measures.pop_front() {
            let begun_us = measure.begun_us.unwrap_or(now_us);
            let what = What::Shown {
                of: measure.event,
                key_to_shown_us: now_us.saturating_sub(measure.key_us),
                fill_us: now_us.saturating_sub(begun_us),
            };
            self.panel.note(now_us, what);
        }
    }
}
