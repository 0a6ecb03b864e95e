//! What the panel does with facts and keys: a machine without I/O or clock.
//!
//! Facts, keys and the time go in; [`Panel::picture`] says what is to be shown, and
//! [`Panel::poll_event`] what somebody wants. An alert that nobody has acknowledged is shown
//! before any page, blinks and sounds until A is pressed.
//!
//! Nobody decides about what he has not seen: a key counts for an alert or a decision only when
//! whoever drives the panel has said that it is on the screen ([`Panel::handle_shown`]), and it has
//! been for [`GUARD_US`]; for a decision only while facts are fresh, too.

mod alarm;
mod event;
mod front;
mod keyboard;
mod place;

use std::collections::VecDeque;

use skerry_panel_proto::Keys;

pub use alarm::QUIET_US;
pub use event::{Event, What};
pub use front::GUARD_US;

use crate::facts::{Decision, Facts};
use crate::page::{Histories, Page, Pages};
use crate::picture::Picture;
use alarm::Alarm;
use front::{Front, Sight};
use keyboard::{Keyboard, Press};
use place::Place;

/// After so long without facts, in microseconds, what is shown is stale.
pub const STALE_US: u64 = 2_000_000;
/// Half a beat of the heart, in microseconds.
const HEART_US: u64 = 500_000;
/// How many events wait to be taken; the oldest are lost.
const EVENTS_MAX: usize = 64;
/// The pattern of an alert: until it is silenced.
const ALARM: u8 = 3;

/// The machine.
#[derive(Debug)]
pub struct Panel {
    pages: Pages,
    histories: Vec<Histories>,
    /// Where the reader is on each page.
    places: Vec<Place>,
    page: usize,
    facts: Option<Facts>,
    facts_us: u64,
    keyboard: Keyboard,
    alarm: Alarm,
    sight: Sight,
    events: VecDeque<Event>,
    /// Of the last event.
    number: u64,
}

impl Panel {
    /// A panel with those pages that knows nothing yet.
    #[must_use]
    pub fn new(pages: Pages) -> Self {
        Self {
            histories: pages.iter().map(|_| Histories::default()).collect(),
            places: pages.iter().map(|_| Place::default()).collect(),
            pages,
            page: 0,
            facts: None,
            facts_us: 0,
            keyboard: Keyboard::default(),
            alarm: Alarm::default(),
            sight: Sight::default(),
            events: VecDeque::new(),
            number: 0,
        }
    }

    /// Begins with the page of that name. False if there is none.
    pub fn open_page(&mut self, name: &str) -> bool {
        let found = self.pages.iter().position(|it| it.name() == name);
        self.page = found.unwrap_or(self.page);
        self.face();
        found.is_some()
    }

    /// Takes new facts in place of the old ones.
    pub fn handle_facts(&mut self, now_us: u64, facts: Facts) {
        self.alarm.handle_alerts(&facts.alerts, now_us);
        let facts = facts.bounded();
        for (page, histories) in self.pages.iter().zip(&mut self.histories) {
            histories.sample(page, &facts);
        }
        for (page, place) in self.pages.iter().zip(&mut self.places) {
            place.follow(page.list(), &facts);
        }
        self.facts = Some(facts);
        self.facts_us = now_us;
        self.face();
    }

    /// Takes that the console has acknowledged everything of the picture as it is now.
    pub const fn handle_shown(&mut self, now_us: u64) {
        self.sight.show(now_us);
    }

    /// Takes that nobody knows what the console shows.
    pub const fn handle_lost(&mut self) {
        self.sight.lose();
    }

    /// Takes the keys that are held from now on.
    pub fn handle_keys(&mut self, now_us: u64, keys: Keys) {
        let presses = self.keyboard.handle_keys(now_us, keys);
        for press in presses {
            self.handle_press(now_us, press);
        }
    }

    /// Lets time pass: keys that are held do more.
    pub fn handle_timeout(&mut self, now_us: u64) {
        if let Some(press) = self.keyboard.handle_timeout(now_us) {
            self.handle_press(now_us, press);
        }
    }

    /// What somebody wants, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Notes an event; returns its number.
    pub(crate) fn note(&mut self, now_us: u64, what: What) -> u64 {
        self.number += 1;
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(Event {
            number: self.number,
            at_us: now_us,
            what,
        });
        self.number
    }

    /// The number of the last event.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// The alert that is in front of the reader.
    #[must_use]
    pub const fn alert(&self) -> Option<u64> {
        self.alarm.showing()
    }

    /// True if there are no facts, or only old ones.
    #[must_use]
    pub fn is_stale(&self, now_us: u64) -> bool {
        self.facts.is_none() || now_us.saturating_sub(self.facts_us) > STALE_US
    }

    /// What is to be shown.
    #[must_use]
    pub fn picture(&self, now_us: u64) -> Picture {
        let mut picture = Picture::default();
        let Some((facts, page)) = self.facts.as_ref().zip(self.pages.get(self.page)) else {
            picture.write(8, 1, "WAITING FOR FACTS");
            self.head(now_us, b"SKERRY", &mut picture);
            return picture;
        };
        if self.alarm.draw(&mut picture) {
            picture.beep = ALARM;
            self.head(now_us, b"ALERT", &mut picture);
        } else {
            self.draw_page(page, facts, &mut picture);
            self.head(now_us, page.title(), &mut picture);
        }
        self.foot(facts, &mut picture);
        picture
    }

    fn draw_page(&self, page: &Page, facts: &Facts, picture: &mut Picture) {
        let histories = self.histories.get(self.page);
        let place = self.places.get(self.page);
        if let Some((histories, place)) = histories.zip(place) {
            page.show(facts, place.reader(), histories, picture);
        }
    }

    /// The top row: the title, what is special, which page, and a heart that beats.
    fn head(&self, now_us: u64, title: &[u8], picture: &mut Picture) {
        picture.put(0, 0, title);
        let is_stale = self.is_stale(now_us);
        let facts = self.facts.as_ref();
        let agent = facts.and_then(|it| it.agent.as_ref());
        let mark = if is_stale {
            "STALE"
        } else if facts.is_some_and(|it| it.is_demo) {
            "DEMO"
        } else if agent.is_some_and(|it| it.is_paused) {
            "PAUSE"
        } else {
            ""
        };
        picture.write(0, 10, mark);
        picture.write(0, 15, &self.page_number());
        let heart = match now_us / HEART_US % 2 {
            _ if is_stale => '✗',
            0 => '♥',
            _ => '♡',
        };
        picture.write(0, 19, heart.encode_utf8(&mut [0; 4]));
    }

    /// Which page of how many, in four columns; of how many only where there is room.
    fn page_number(&self) -> String {
        let (page, pages) = (self.page + 1, self.pages.len());
        let number = if page < 10 {
            format!("{page}/{pages}")
        } else {
            page.to_string()
        };
        format!("{number:>4}")
    }

    /// The bottom row: the most urgent alert.
    fn foot(&self, facts: &Facts, picture: &mut Picture) {
        match facts.alerts.first() {
            None => picture.write(17, 0, "✓ NO ALERTS"),
            Some(alert) => {
                let text = format!("⚠{} {}", facts.alerts.len(), alert.text);
                picture.write(17, 0, &text);
            }
        }
    }

    /// A key does something, and what is in front of the reader afterwards he has not seen yet.
    fn handle_press(&mut self, now_us: u64, press: Press) {
        match self.alarm.showing() {
            Some(alert) => self.handle_press_at(alert, now_us, press),
            None => self.handle_press_on_page(now_us, press),
        }
        self.face();
    }

    fn handle_press_at(&mut self, alert: u64, now_us: u64, press: Press) {
        let seen_us = self.sight.seen_us(now_us).filter(|_| press == Press::A);
        if let Some(seen_us) = seen_us {
            self.alarm.acknowledge(alert, now_us);
            let after_ms = seen_us / 1_000;
            self.note(now_us, What::Acknowledged { alert, after_ms });
        }
    }

    fn handle_press_on_page(&mut self, now_us: u64, press: Press) {
        match press {
            Press::Select | Press::Right => self.turn(now_us, 1),
            Press::Left => self.turn(now_us, self.pages.len() - 1),
            Press::Up => self.scroll(now_us, -1),
            Press::Down => self.scroll(now_us, 1),
            Press::StartHeld => self.pause(now_us),
            Press::A => self.enter(now_us),
            Press::B => self.leave(now_us),
        }
    }

    /// Goes on by so many pages.
    fn turn(&mut self, now_us: u64, by: usize) {
        self.page = (self.page + by) % self.pages.len();
        self.navigated(now_us);
    }

    fn scroll(&mut self, now_us: u64, by: isize) {
        let list = self.pages.get(self.page).and_then(Page::list);
        let place = self.places.get_mut(self.page);
        let Some(((list, facts), place)) = list.zip(self.facts.as_ref()).zip(place) else {
            return;
        };
        if place.go(list, facts, by) {
            self.navigated(now_us);
        }
    }

    fn pause(&mut self, now_us: u64) {
        let agent = self.facts.as_ref().and_then(|it| it.agent.as_ref());
        let what = agent.map(|it| {
            if it.is_paused {
                What::Resume
            } else {
                What::Pause
            }
        });
        if let Some(what) = what.filter(|_| !self.is_stale(now_us)) {
            self.note(now_us, what);
        }
    }

    /// A: approves, or opens.
    fn enter(&mut self, now_us: u64) {
        if self.decision_page() {
            if let Some(decision) = self.decision(now_us) {
                self.note(now_us, What::Approved { decision });
            }
            return;
        }
        let opens = self.pages.get(self.page).is_some_and(Page::opens);
        if opens && self.open(true) {
            self.navigated(now_us);
        }
    }

    /// B: vetoes, closes, or goes back to the first page.
    fn leave(&mut self, now_us: u64) {
        if self.decision_page() {
            if let Some(decision) = self.decision(now_us) {
                self.note(now_us, What::Vetoed { decision });
            }
        } else if self.open(false) {
            self.navigated(now_us);
        } else if self.page != 0 {
            self.page = 0;
            self.navigated(now_us);
        }
    }

    fn decision_page(&self) -> bool {
        self.pages.get(self.page).is_some_and(Page::decides)
    }

    /// The decision at the cursor, if the reader has seen that it is there.
    fn decision(&self, now_us: u64) -> Option<u64> {
        let is_seen = self.sight.seen_us(now_us).is_some();
        let decision = self.decision_at_cursor()?;
        (is_seen && !self.is_stale(now_us)).then_some(decision.id)
    }

    fn decision_at_cursor(&self) -> Option<&Decision> {
        let place = self.places.get(self.page)?;
        let agent = self.facts.as_ref()?.agent.as_ref()?;
        agent.decisions.get(place.reader().entry)
    }

    /// Looks at what is in front of the reader: whatever changes that ends with this.
    fn face(&mut self) {
        let place = self.places.get(self.page);
        let decision = self.decision_at_cursor().filter(|_| self.decision_page());
        let front = match self.alarm.showing() {
            Some(alert) => Front::Alert(alert),
            None => Front::Page {
                page: self.page,
                entry: place.and_then(|it| it.key().cloned()),
                decision: decision.map(|it| it.text.clone()),
                is_open: place.is_some_and(|it| it.reader().is_open),
            },
        };
        self.sight.face(front);
    }

    /// Opens or closes an entry. False if it was so already.
    fn open(&mut self, is_open: bool) -> bool {
        let place = self.places.get_mut(self.page);
        place.is_some_and(|it| it.open(is_open))
    }

    fn navigated(&mut self, now_us: u64) {
        let page = self.pages.get(self.page);
        let page = page.map_or_else(String::new, |it| it.name().to_owned());
        let place = self.places.get(self.page);
        let what = What::Navigated {
            page,
            entry: place.map_or(0, |it| it.reader().entry),
            is_open: place.is_some_and(|it| it.reader().is_open),
        };
        self.note(now_us, what);
    }
}

#[cfg(test)]
mod tests;
