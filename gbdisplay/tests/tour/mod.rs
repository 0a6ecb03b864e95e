//! A session of a host with a console, from screen to screen, as a script for anybody else.

mod recorder;

use skerry_dmg::{CYCLES_PER_FRAME, Frame};
use skerry_gbdisplay::facts::Facts;
use skerry_gbdisplay::panel::{Panel, What};
use skerry_gbdisplay::port::{Desk, Port};
use skerry_gbdisplay::{Keys, Model, symbol};
use skerry_panel_proto::{COLUMNS, ROWS, tiles};
use skerry_referees::{Answers, Deed, Picture, Script};

use recorder::Recorder;

/// For how long before and after the moment at which it is asked for a picture must be the same.
/// The clocks of others may be off by so much: no two emulators begin at the same dot of a picture,
/// and PyBoy takes bytes more slowly than they are sent.
const MARGIN: u64 = 4 * CYCLES_PER_FRAME;
/// Half a beat of the panel's heart.
const HEART_US: u64 = 500_000;
/// How often a daemon is asked for facts.
const FACTS_US: u64 = 250_000;
/// How long something may take.
const PATIENCE_US: u64 = 4_000_000;

/// A session under way.
pub(crate) struct Tour {
    desk: Desk<Recorder>,
    /// Given to the panel again and again, as a daemon's are.
    facts: Option<Facts>,
    facts_us: u64,
    /// The half of its beat in which the heart is to be seen: 0 or 1.
    heart: u64,
    /// The host has stopped.
    is_gone: bool,
    /// A key has done something.
    is_done: bool,
    /// The last picture, and since when it is the same and all that is wanted.
    last: Frame,
    since: u64,
    shots: Vec<Shot>,
}

struct Shot {
    name: String,
    cycle: u64,
    picture: Picture,
}

/// A session that is over.
pub(crate) struct Recording {
    /// All that was done to the console, and when it was looked at.
    pub(crate) script: Script,
    /// What each of the pictures is of.
    pub(crate) names: Vec<String>,
    /// What was seen.
    pub(crate) seen: Answers,
}

impl Tour {
    /// With a console that has just been switched on.
    pub(crate) fn new(model: Model, panel: Panel, heart: u64) -> Self {
        let port = Recorder::new(model);
        Self {
            last: port.console.machine().frame().clone(),
            desk: Desk::new(panel, port),
            facts: None,
            facts_us: 0,
            heart,
            is_gone: false,
            is_done: false,
            since: 0,
            shots: Vec::new(),
        }
    }

    /// The panel, and its time.
    pub(crate) fn panel(&mut self) -> (&Panel, u64) {
        let now_us = self.desk.port.now_us();
        (self.desk.session.panel(), now_us)
    }

    /// Other facts from now on, or no more.
    pub(crate) fn give(&mut self, facts: Option<Facts>) {
        self.facts = facts;
        self.facts_us = self.desk.port.now_us();
    }

    /// The host stops, and the console hears no more of it.
    pub(crate) const fn stop(&mut self) {
        self.is_gone = true;
    }

    pub(crate) fn run(&mut self, us: u64) {
        let until = self.desk.port.now_us() + us;
        while self.desk.port.now_us() < until {
            self.step();
        }
    }

    /// Presses a key until it has done something.
    #[track_caller]
    pub(crate) fn press(&mut self, keys: Keys) {
        self.is_done = false;
        self.desk.port.hold(keys);
        self.until("a key does something", |it| it.is_done);
        self.desk.port.hold(Keys::default());
        self.run(60_000);
    }

    /// Runs until the time is so late in a second.
    pub(crate) fn run_to(&mut self, us: u64) {
        while self.desk.port.now_us() % 1_000_000 < us {
            self.step();
        }
    }

    /// Asks for a picture of what is wanted now.
    #[track_caller]
    pub(crate) fn shoot(&mut self, name: &str) {
        self.shoot_when(name, |_| true);
    }

    /// Asks for pictures of all that is there, and of what is left when the rows that blink are
    /// hidden, two times each: a clock that runs differently is off by more the second time.
    #[track_caller]
    pub(crate) fn shoot_blinking(&mut self, name: &str) {
        for time in 1..=2 {
            self.shoot_when(&format!("{name} shown {time}"), |it| !it.is_hidden());
            self.shoot_when(&format!("{name} hidden {time}"), Self::is_hidden);
        }
    }

    #[track_caller]
    fn shoot_when(&mut self, name: &str, is: impl Fn(&Self) -> bool) {
        self.until(name, |it| it.is_steady() && is(it));
        self.shots.push(Shot {
            name: name.to_owned(),
            cycle: self.cycle() - MARGIN,
            picture: Picture::of(&self.last),
        });
    }

    #[track_caller]
    fn until(&mut self, what: &str, mut is: impl FnMut(&mut Self) -> bool) {
        let limit_us = self.desk.port.now_us() + PATIENCE_US;
        // Other facts are seen with the first step.
        self.step();
        while !is(self) {
            self.step();
            assert!(self.desk.port.now_us() < limit_us, "never: {what}");
        }
    }

    fn step(&mut self) {
        if self.is_gone {
            self.desk.port.wait(4_000);
        } else {
            self.give_facts();
            self.desk.step().unwrap();
        }
        while let Some(event) = self.desk.session.poll_event() {
            let is_key = !matches!(event.what, What::Up | What::Down(_) | What::Shown { .. });
            self.is_done |= is_key;
        }
        let is_drawn = self.is_drawn();
        let machine = self.desk.port.console.machine();
        if !is_drawn || *machine.frame() != self.last {
            self.last.clone_from(machine.frame());
            self.since = machine.cycle();
        }
    }

    fn give_facts(&mut self) {
        let now_us = self.desk.port.now_us();
        if let Some(facts) = &self.facts
            && now_us >= self.facts_us
        {
            self.facts_us = now_us + FACTS_US;
            self.desk.session.handle_facts(now_us, facts.clone());
        }
    }

    fn cycle(&self) -> u64 {
        self.desk.port.console.machine().cycle()
    }

    /// The picture was the same for long enough, and has the heart as it is wanted.
    fn is_steady(&mut self) -> bool {
        let is_heart = self.is_gone || self.desk.port.now_us() / HEART_US % 2 == self.heart;
        is_heart && self.cycle() - self.since >= 2 * MARGIN
    }

    /// Nothing is to be sent, and all that was is in video memory.
    fn is_drawn(&mut self) -> bool {
        let now_us = self.desk.port.now_us();
        let session = &self.desk.session;
        let shown = session.shown();
        let is_hidden = |row| self.is_hidden() && shown.blink.rows >> row & 1 == 1;
        (self.is_gone || session.is_painted(now_us))
            && (0..ROWS).all(|row| {
                let tiles = self.video_row(row);
                if is_hidden(row) {
                    tiles.iter().all(|it| *it == tiles::BLANK)
                } else {
                    tiles == shown.row(row)
                }
            })
    }

    /// The rows that blink are not shown just now.
    fn is_hidden(&self) -> bool {
        let at = symbol("blink_hidden").unwrap();
        self.desk.port.console.machine().peek(at) != 0
    }

    fn video_row(&self, row: u8) -> Vec<u8> {
        let at = 0x9800 + u16::from(row) * 32;
        let machine = self.desk.port.console.machine();
        (at..at + u16::from(COLUMNS))
            .map(|at| machine.peek(at))
            .collect()
    }

    /// The end of it.
    pub(crate) fn finish(self) -> Recording {
        let mut deeds = self.desk.port.deeds;
        let frames = self.shots.iter().map(|it| (it.cycle, Deed::Frame));
        deeds.extend(frames);
        deeds.sort_by_key(|(cycle, _)| *cycle);
        let mut script = Script::new();
        for (cycle, deed) in deeds {
            script.at(cycle, deed);
        }
        let (names, frames) = self
            .shots
            .into_iter()
            .map(|it| (it.name, it.picture))
            .unzip();
        let seen = Answers {
            frames,
            ..Answers::default()
        };
        Recording {
            script,
            names,
            seen,
        }
    }
}
