//! Facts at one end, the picture of a console at the other: pages, link and cartridge together.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use skerry_gbdisplay::demo::Demo;
use skerry_gbdisplay::facts::{Alert, Facts};
use skerry_gbdisplay::page::Pages;
use skerry_gbdisplay::panel::{Event, Panel, What};
use skerry_gbdisplay::port::{Desk, Emulated, Port, Speed};
use skerry_gbdisplay::{Keys, Model};
use skerry_panel_proto::{COLUMNS, ROWS, tiles};

/// A desk that gets facts four times a second.
struct Bench {
    desk: Desk<Emulated>,
    demo: Demo,
    /// In place of those of the demo.
    alerts: Option<Vec<Alert>>,
    facts_us: u64,
    events: Vec<Event>,
}

impl Bench {
    /// Up and painted.
    fn new(model: Model) -> Self {
        let port = Emulated::new(model, Speed::Free).unwrap();
        let panel = Panel::new(Pages::built_in().unwrap());
        let mut bench = Self {
            desk: Desk::new(panel, port),
            demo: Demo::default(),
            alerts: Some(Vec::new()),
            facts_us: 0,
            events: Vec::new(),
        };
        bench.until(2_000_000, Self::is_drawn);
        bench
    }

    fn now_us(&mut self) -> u64 {
        self.desk.port.now_us()
    }

    fn step(&mut self) {
        let now_us = self.now_us();
        if now_us >= self.facts_us {
            self.facts_us = now_us + 250_000;
            let facts = self.facts();
            self.desk.session.handle_facts(now_us, facts);
        }
        self.desk.step().unwrap();
        self.events
            .extend(std::iter::from_fn(|| self.desk.session.poll_event()));
    }

    fn facts(&mut self) -> Facts {
        let mut facts = self.demo.facts();
        if let Some(alerts) = &self.alerts {
            facts.alerts.clone_from(alerts);
        }
        facts
    }

    fn run(&mut self, us: u64) {
        let until = self.now_us() + us;
        while self.now_us() < until {
            self.step();
        }
    }

    /// Until something is so; how long that took.
    #[track_caller]
    fn until(&mut self, limit_us: u64, mut is: impl FnMut(&mut Self) -> bool) -> u64 {
        let start = self.now_us();
        while !is(self) {
            self.step();
            let took = self.now_us() - start;
            assert!(took < limit_us, "{took} us: {:?}", self.desk.session.link());
        }
        self.now_us() - start
    }

    /// The tiles of video memory are those of what is wanted now.
    fn is_drawn(&mut self) -> bool {
        let now_us = self.now_us();
        let picture = self.desk.session.panel().picture(now_us);
        let wanted = picture.screen();
        self.desk.session.is_painted(now_us)
            && (0..ROWS).all(|row| {
                let shown = self.video_row(row);
                let is_hidden =
                    picture.blinking >> row & 1 == 1 && shown.iter().all(|it| *it == tiles::BLANK);
                shown == wanted.row(row) || is_hidden
            })
    }

    fn video_row(&self, row: u8) -> Vec<u8> {
        let at = 0x9800 + u16::from(row) * 32;
        let machine = self.desk.port.machine();
        (at..at + u16::from(COLUMNS))
            .map(|at| machine.peek(at))
            .collect()
    }

    /// Presses keys until the panel has done something; how long that took in the time of the
    /// console, and what it did.
    #[track_caller]
    fn press(&mut self, keys: Keys) -> (u64, Event) {
        self.events.clear();
        self.desk.port.hold(keys);
        let is_done = |it: &mut Self| it.events.iter().any(|it| !is_shown(it));
        let took = self.until(3_000_000, is_done);
        let event = self.events.iter().find(|it| !is_shown(it)).unwrap().clone();
        (took, event)
    }

    fn release(&mut self) {
        self.desk.port.hold(Keys::default());
        self.run(60_000);
    }
}

fn is_shown(event: &Event) -> bool {
    matches!(event.what, What::Shown { .. })
}

fn alert(id: u64) -> Alert {
    Alert {
        id,
        text: "violation at n1/b-i2: pvlan_deny".into(),
        age_s: 0,
    }
}

/// Compares the console with what is wanted, row by row.
#[track_caller]
fn assert_drawn(bench: &mut Bench) {
    let took = bench.until(500_000, Bench::is_drawn);
    let counters = bench.desk.port.machine().counters();
    assert_eq!((counters.vram_drops, counters.oam_drops), (0, 0), "{took}");
}

#[test]
fn every_page_and_alert_is_in_the_memory_of_the_console() {
    for model in [Model::Dmg, Model::Cgb] {
        let mut bench = Bench::new(model);
        for _ in 0..8 {
            bench.run(700_000);
            assert_drawn(&mut bench);
            for keys in [Keys::DOWN, Keys::A] {
                bench.desk.port.hold(keys);
                bench.run(100_000);
                assert_drawn(&mut bench);
                bench.release();
            }
            bench.desk.port.hold(Keys::SELECT);
            bench.run(100_000);
            bench.release();
        }
        bench.alerts = Some(vec![alert(1), alert(2)]);
        bench.run(900_000);
        assert_drawn(&mut bench);
        assert_eq!(bench.video_row(0)[..5], *b"ALERT");
        bench.press(Keys::A);
        bench.release();
        assert_drawn(&mut bench);
        bench.run(600_000);
        bench.press(Keys::A);
        bench.release();
        assert_drawn(&mut bench);
        assert_ne!(bench.video_row(0)[..5], *b"ALERT");
    }
}

#[test]
fn keys_are_events_within_20_ms_and_pages_are_seen_within_200_ms() {
    let mut bench = Bench::new(Model::Dmg);
    let (mut worst_key, mut worst_page, mut worst_told) = (0, 0, 0);
    for round in 0..42_u64 {
        // At any point of a picture.
        bench.run(bench_offset(round));
        let start = bench.now_us();
        // The new page, and not what comes after it.
        bench.facts_us = start + 500_000;
        let (key_us, event) = bench.press(Keys::SELECT);
        assert!(matches!(event.what, What::Navigated { .. }), "{event:?}");
        bench.until(500_000, Bench::is_drawn);
        worst_key = worst_key.max(key_us);
        worst_page = worst_page.max(bench.now_us() - start);
        let is_told = |it: &mut Bench| it.events.iter().any(is_shown);
        bench.until(500_000, is_told);
        let What::Shown {
            of,
            key_to_shown_us,
            fill_us,
        } = bench.events.iter().find(|it| is_shown(it)).unwrap().what
        else {
            unreachable!()
        };
        assert_eq!(of, event.number);
        assert!(fill_us <= key_to_shown_us && key_to_shown_us > 0);
        worst_told = worst_told.max(key_to_shown_us);
        bench.release();
    }
    println!(
        "figure: key to event {:.1} ms, to the new page {:.1} ms, as measured by the panel {:.1} ms",
        ms(worst_key),
        ms(worst_page),
        ms(worst_told)
    );
    assert!(worst_key <= 20_000, "{worst_key}");
    assert!(worst_page <= 200_000, "{worst_page}");
}

/// Somewhere between 0 and two pictures.
const fn bench_offset(round: u64) -> u64 {
    round * 7_919 % 33_000
}

fn ms(us: u64) -> f64 {
    f64::from(u32::try_from(us).unwrap()) / 1_000.0
}

#[test]
fn an_alert_is_seen_heard_and_acknowledged() {
    let mut bench = Bench::new(Model::Dmg);
    bench.run(100_000);
    bench.alerts = Some(vec![alert(7)]);
    let start = bench.now_us();
    let is_up = |it: &mut Bench| it.video_row(0)[..5] == *b"ALERT";
    bench.until(600_000, is_up);
    println!(
        "figure: alert on the screen {:.1} ms after it was so",
        ms(bench.now_us() - start)
    );
    let sound = |bench: &Bench| bench.desk.port.machine().peek(0xFF26) & 1;
    let hidden = |bench: &Bench| bench.video_row(5).iter().all(|it| *it == tiles::BLANK);
    let (mut heard, mut seen, mut unseen) = (0, 0, 0);
    for _ in 0..200 {
        bench.run(10_000);
        heard += i32::from(sound(&bench));
        unseen += i32::from(hidden(&bench));
        seen += i32::from(!hidden(&bench));
    }
    assert!(
        heard > 20 && seen > 50 && unseen > 50,
        "{heard} {seen} {unseen}"
    );
    let (_, event) = bench.press(Keys::A);
    assert!(
        matches!(event.what, What::Acknowledged { alert: 7, .. }),
        "{event:?}"
    );
    bench.release();
    assert_drawn(&mut bench);
    bench.run(500_000);
    assert_eq!(sound(&bench), 0);
    assert_ne!(bench.video_row(0)[..5], *b"ALERT");
}

#[test]
fn start_pauses_the_agent_and_the_panel_says_so() {
    let mut bench = Bench::new(Model::Dmg);
    let (took, event) = bench.press(Keys::START);
    assert_eq!(event.what, What::Pause);
    assert!((1_000_000..1_030_000).contains(&took), "{took}");
    bench.demo.handle_event(&event);
    bench.release();
    bench.run(400_000);
    assert_drawn(&mut bench);
}

#[test]
fn a_cable_that_is_pulled_and_plugged_in_again_ends_in_the_same_picture() {
    let mut bench = Bench::new(Model::Dmg);
    for round in 0..4_u64 {
        bench.run(bench_offset(round) + 100_000);
        bench.events.clear();
        bench.desk.port.set_plugged(false);
        let is_down = |it: &mut Bench| {
            let events = &it.events;
            events.iter().any(|it| matches!(it.what, What::Down(_)))
        };
        let down_us = bench.until(2_000_000, is_down);
        bench.run(700_000);
        bench.desk.port.set_plugged(true);
        let painted_us = bench.until(3_000_000, Bench::is_drawn);
        println!(
            "figure: down {:.0} ms, painted {:.0} ms",
            ms(down_us),
            ms(painted_us)
        );
        assert!(down_us <= 500_000 && painted_us <= 1_000_000);
    }
}

#[test]
fn a_console_that_is_switched_off_and_on_is_painted_again() {
    let mut bench = Bench::new(Model::Dmg);
    for round in 0..4_u64 {
        bench.run(bench_offset(round) + 300_000);
        bench.desk.port.restart().unwrap();
        bench.step();
        let painted_us = bench.until(3_000_000, Bench::is_drawn);
        println!(
            "figure: painted {:.0} ms after it was switched on",
            ms(painted_us)
        );
        assert!(painted_us <= 1_000_000, "{painted_us}");
    }
}

#[test]
fn facts_that_stop_are_shown_as_stale_within_two_seconds() {
    let mut bench = Bench::new(Model::Dmg);
    bench.facts_us = u64::MAX;
    let stale = |it: &mut Bench| it.video_row(0)[10..15] == *b"STALE";
    let took = bench.until(3_000_000, stale);
    println!("figure: stale after {:.2} s", ms(took) / 1e3);
    assert!(took <= 2_100_000);
    let heart = bench.video_row(0)[19];
    bench.run(600_000);
    assert_eq!(bench.video_row(0)[19], heart);
}
