//! Nobody decides about what he has not seen: a console with the cartridge, its keys, and what the
//! panel makes of them while the cable is out, while a page is painted, and on a slow line.

#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

mod panel;

use panel::{Pace, Panel as Console, SLOW, USUAL};
use skerry_dmg::{Keys, Model};
use skerry_gbdisplay::demo::Demo;
use skerry_gbdisplay::facts::{Alert, Facts};
use skerry_gbdisplay::link::Next;
use skerry_gbdisplay::page::Pages;
use skerry_gbdisplay::panel::{GUARD_US, Panel, What};
use skerry_gbdisplay::session::Session;

/// A session and a console with a cable that can be pulled. Facts come four times a second.
struct Bench {
    session: Session,
    console: Console,
    pace: Pace,
    is_plugged: bool,
    facts: Facts,
    facts_us: u64,
    events: Vec<What>,
}

impl Bench {
    /// On a page, up and painted, and looked at for long.
    fn new(page: &str, pace: Pace) -> Self {
        let console = Console::new(Model::Dmg, pace);
        let mut panel = Panel::new(Pages::built_in().unwrap());
        assert!(panel.open_page(page));
        let mut facts = Demo::default().facts();
        facts.is_demo = false;
        let mut bench = Self {
            session: Session::new(panel, console.now_us()),
            console,
            pace,
            is_plugged: true,
            facts,
            facts_us: 0,
            events: Vec::new(),
        };
        bench.until_painted();
        bench.run(1_000_000);
        bench.events.clear();
        bench
    }

    fn step(&mut self) {
        let now_us = self.console.now_us();
        if now_us >= self.facts_us {
            self.facts_us = now_us + 250_000;
            self.session.handle_facts(now_us, self.facts.clone());
        }
        match self.session.next_byte(now_us) {
            Next::SilentUntil(until_us) => self.console.wait(until_us - now_us),
            Next::Byte(byte) => {
                let answer = if self.is_plugged {
                    self.console.exchange(byte)
                } else {
                    self.console.wait(self.pace.byte_us);
                    0xFF
                };
                self.session.handle_byte(self.console.now_us(), answer);
            }
        }
        let events = std::iter::from_fn(|| self.session.poll_event());
        self.events.extend(events.map(|it| it.what));
    }

    fn run(&mut self, us: u64) {
        let until_us = self.console.now_us() + us;
        while self.console.now_us() < until_us {
            self.step();
        }
    }

    /// Until everything is acknowledged; how long that took.
    #[track_caller]
    fn until_painted(&mut self) -> u64 {
        let start_us = self.console.now_us();
        loop {
            self.step();
            let now_us = self.console.now_us();
            if self.session.is_painted(now_us) {
                return now_us - start_us;
            }
            assert!(now_us - start_us < 10_000_000, "{:?}", self.session.link());
        }
    }

    fn hold(&mut self, keys: Keys) {
        self.console.machine.set_keys(keys);
    }

    fn press(&mut self, keys: Keys) {
        self.hold(keys);
        self.run(60_000);
        self.hold(Keys::NONE);
        self.run(60_000);
    }

    fn alert(&mut self) {
        self.facts.alerts = vec![Alert {
            id: 7,
            text: "node n2 is silent".into(),
            age_s: 0,
        }];
        self.facts_us = 0;
    }

    /// What the reader decided.
    fn decisions(&self) -> Vec<&What> {
        let is_decision = |it: &&What| {
            matches!(
                it,
                What::Acknowledged { .. }
                    | What::Approved { .. }
                    | What::Vetoed { .. }
                    | What::Pause
                    | What::Resume
            )
        };
        self.events.iter().filter(is_decision).collect()
    }
}

/// Pulls the cable, does something, and plugs it in again.
fn without_cable(bench: &mut Bench, act: impl FnOnce(&mut Bench)) {
    bench.is_plugged = false;
    act(bench);
    bench.run(1_000_000);
    bench.is_plugged = true;
}

#[test]
fn a_key_that_is_held_when_the_cable_comes_back_decides_nothing() {
    for (page, key) in [
        ("overview", Keys::A),
        ("agent", Keys::A),
        ("agent", Keys::B),
    ] {
        let mut bench = Bench::new(page, USUAL);
        without_cable(&mut bench, |bench| {
            if page == "overview" {
                bench.alert();
            }
            bench.hold(key);
        });
        bench.run(2_000_000);
        assert_eq!(bench.decisions(), [] as [&What; 0], "{page}");
        // Let go and pressed again, it is about what is on the screen.
        bench.hold(Keys::NONE);
        bench.run(60_000);
        bench.press(key);
        assert_eq!(bench.decisions().len(), 1, "{page}: {:?}", bench.events);
    }
}

#[test]
fn a_key_that_comes_before_the_picture_decides_nothing() {
    let mut bench = Bench::new("agent", USUAL);
    without_cable(&mut bench, |_| ());
    check_before_the_picture(&mut bench);
    assert!(matches!(bench.decisions()[..], [What::Approved { .. }]));
    let mut bench = Bench::new("agent", USUAL);
    without_cable(&mut bench, Bench::alert);
    check_before_the_picture(&mut bench);
    let [What::Acknowledged { alert: 7, after_ms }] = bench.decisions()[..] else {
        panic!("{:?}", bench.events)
    };
    println!("figure: acknowledged {after_ms} ms after it was on the screen");
    assert!((500..1_250).contains(after_ms), "{after_ms} ms");
}

/// Presses A again and again until all is painted, and once when it was looked at.
#[track_caller]
fn check_before_the_picture(bench: &mut Bench) {
    // Keys are told long before everything is painted.
    let mut is_held = false;
    while !bench.session.is_painted(bench.console.now_us()) {
        bench.hold(if is_held { Keys::NONE } else { Keys::A });
        is_held = !is_held;
        bench.run(25_000);
    }
    assert_eq!(bench.decisions(), [] as [&What; 0]);
    bench.hold(Keys::NONE);
    bench.run(GUARD_US + 100_000);
    bench.press(Keys::A);
}

#[test]
fn start_that_is_held_while_the_cable_is_out_does_not_count_twice() {
    let mut bench = Bench::new("agent", USUAL);
    bench.hold(Keys::START);
    bench.run(1_100_000);
    assert_eq!(bench.decisions(), [&What::Pause]);
    bench.facts.agent.as_mut().unwrap().is_paused = true;
    without_cable(&mut bench, |_| ());
    bench.run(3_000_000);
    assert_eq!(bench.decisions(), [&What::Pause], "{:?}", bench.events);
}

#[test]
fn on_a_slow_line_the_time_begins_when_the_picture_is_there() {
    let mut bench = Bench::new("agent", SLOW);
    bench.alert();
    let painted_us = bench.until_painted();
    println!("figure: at 8192 Hz an alert is painted after {painted_us} us");
    let mut bench = Bench::new("agent", SLOW);
    bench.alert();
    let start_us = bench.console.now_us();
    // A is pressed at once, and again and again.
    while bench.decisions().is_empty() {
        bench.press(Keys::A);
        assert!(bench.console.now_us() - start_us < 10_000_000);
    }
    let took_us = bench.console.now_us() - start_us;
    assert!(took_us >= painted_us + GUARD_US, "{took_us} us");
    assert!(
        painted_us > 250_000,
        "{painted_us} us: this line is not slow"
    );
}
