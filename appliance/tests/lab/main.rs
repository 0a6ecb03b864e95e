//! The panel of a real fabric, end to end: `skerry lab --panel` with traffic of guests, five of them
//! that try a hairpin, and A. Needs root (feature `root`): it looks into the lab's namespaces.
//!
//! What the panel shows is read from the pixels of the emulated console; what it is compared with
//! is what the daemon counted.

#![allow(
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

#[path = "../common/mod.rs"]
mod common;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::folder;
use stage::{Counted, Line, Picture, Run};

/// Who tries a hairpin, eight seconds one after the other.
const ATTACKERS: [&str; 5] = ["b-i1", "r-i1", "b-i2", "b-w1", "b-d1"];
/// A is pressed as often, each time five seconds later.
const PRESSES: [&str; 5] = ["a@13", "a@21", "a@29", "a@37", "a@45"];
/// Before the first one tries again.
const TIME: Duration = Duration::from_secs(47);
/// A hairpin must be on the panel after so long.
const BAR: Duration = Duration::from_millis(500);
/// What no single one may take, however busy the machine is.
const WORST: Duration = Duration::from_secs(2);

/// Two labs at once would be in each other's way.
fn alone() -> MutexGuard<'static, ()> {
    static ONE_LAB: Mutex<()> = Mutex::new(());
    ONE_LAB.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells what was measured, past the test harness, which keeps what tests print.
fn figure(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nfigure: {text}").unwrap();
}

#[test]
fn the_panel_shows_what_is_counted_and_a_hairpin_at_once_and_a_acknowledges_it() {
    let _lab = alone();
    let run = Run::of(&PRESSES, TIME);
    hairpins_are_shown_and_acknowledged(&run);
    throughput_is_that_of_the_counters(&run);
    counters_are_those_of_the_daemon(&run);
}

/// Its file is outside of the lab, where the lab cannot see it once it runs.
#[test]
fn a_film_of_a_lab_is_made() {
    let _lab = alone();
    let dir = folder(&[]);
    let path = dir.path().join("lab.gif");
    let film = [
        "lab",
        "--panel",
        "--seconds",
        "2",
        "--gif",
        path.to_str().unwrap(),
    ];
    common::run(dir.path(), &film)
        .exits(0)
        .prints("agreed on generation 1");
    let film = std::fs::read(path).unwrap();
    assert_eq!((&film[..6], film.last()), (&b"GIF89a"[..], Some(&0x3B)));
}

/// What the panel was told is what the daemon tells others: no less than it told the panel before
/// the test asked, no more than it told later.
fn counters_are_those_of_the_daemon(run: &Run) {
    let told: Vec<(usize, &Counted)> = run.counted().collect();
    let asked: Vec<(usize, &Counted)> = run.asked().collect();
    assert_eq!(asked.len(), ATTACKERS.len(), "once for every hairpin");
    for (at, asked) in &asked {
        let before = told.iter().rfind(|(it, _)| it < at).unwrap().1;
        let after = told.last().unwrap().1;
        for (port, bytes) in &asked.bytes {
            assert!(before.bytes[port] <= *bytes, "{port}: {before:?} {asked:?}");
            assert!(*bytes <= after.bytes[port], "{port}: {asked:?} {after:?}");
        }
    }
    // Nobody tries again, so the last answers agree to the frame.
    let (_, asked) = asked.last().unwrap();
    let each: BTreeMap<String, u64> = ATTACKERS.map(|it| (format!("n1/{it}"), 1)).into();
    assert_eq!(asked.hairpins, each);
    assert_eq!(told.last().unwrap().1.hairpins, each);
    // A second is a second: the panel's time for rates is that of the test.
    let panel = Duration::from_micros(told.last().unwrap().1.wall_us - told[0].1.wall_us);
    let mine = run.arrived(told.last().unwrap().0) - run.arrived(told[0].0);
    assert!(
        panel.abs_diff(mine) < Duration::from_secs(2),
        "{panel:?} {mine:?}"
    );
}

/// "Within one sample": a picture on which nothing is missing has at every port the rate between
/// the last two samples that the panel has, to the letter. On the way from one such picture to the
/// next a row may still be the one before.
fn throughput_is_that_of_the_counters(run: &Run) {
    let (mut samples, mut shown_in_time, mut rates) = (0, 0, 0);
    let mut moved = BTreeSet::new();
    let mut last: [Option<&Counted>; 2] = [None, None];
    let mut is_shown = false;
    for line in &run.lines {
        if let Line::Counted(counted) = line {
            (samples, shown_in_time) = (samples + 1, shown_in_time + u32::from(is_shown));
            (last, is_shown) = ([last[1], Some(counted)], false);
        }
        let Line::Picture(picture) = line else {
            continue;
        };
        let [Some(old), Some(new)] = last else {
            continue;
        };
        if !(picture.is_whole && picture.is_ports() && new.follows(old)) {
            continue;
        }
        is_shown = true;
        for (port, shown) in picture.rates() {
            let expect = new.rate_since(old, &port);
            // Half of the last digit, and what the microseconds were cut by.
            let precision = if expect < 99.95 { 0.05 } else { 0.5 };
            assert!(
                (shown - expect).abs() <= precision + 0.002,
                "{port}: {shown} is shown, {expect} counted between {old:?} and {new:?}"
            );
            rates += 1;
            if shown >= 0.1 {
                moved.insert((port, shown.to_string()));
            }
        }
    }
    figure(&format!(
        "{rates} rates on the glass, {} different ones, each as counted; {shown_in_time} of {samples} samples before the next",
        moved.len()
    ));
    for port in ["b-gw", "b-i1", "b-i2", "b-w1", "b-d1", "r-i1"] {
        let mine = moved.iter().filter(|(it, _)| it == port).count();
        assert!(
            mine >= 5,
            "{port} has no traffic that rises and falls: {moved:?}"
        );
    }
    // Alerts are in front of the page for a third of the time, and a machine may be busy.
    assert!(shown_in_time >= 40, "{shown_in_time} of {samples}");
}

fn hairpins_are_shown_and_acknowledged(run: &Run) {
    let attacks: Vec<(usize, u64, String)> = run.attacks().collect();
    let from: Vec<&str> = attacks.iter().map(|it| it.2.as_str()).collect();
    assert_eq!(from, ATTACKERS.map(|it| format!("n1/{it}")));
    let mut took: Vec<Duration> = Vec::new();
    for (nth, ((at, sent_us, _), name)) in attacks.iter().zip(ATTACKERS).enumerate() {
        let end = attacks.get(nth + 1).map_or(run.lines.len(), |it| it.0);
        let pictures = || run.pictures(*at..end);
        let is_alert = |it: &Picture| it.is_alert_of(name, "hairpin_up");
        let (shown, picture) = pictures()
            .find(|it| is_alert(it.1))
            .unwrap_or_else(|| panic!("no alert of {name}: {:#?}", pictures().collect::<Vec<_>>()));
        took.push(Duration::from_micros(picture.wall_us - sent_us));
        let (acknowledged, alert, after_ms) = run.acknowledged(*at..end).unwrap_or_else(|| {
            panic!(
                "{name} is not acknowledged: {:#?}",
                pictures().collect::<Vec<_>>()
            )
        });
        assert!(shown < acknowledged, "{name} was acknowledged unseen");
        assert_eq!(picture.alert(), Some(alert), "{picture:?}");
        assert!((250..8_000).contains(&after_ms), "{name}: {after_ms} ms");
        // It blinks until then, and nothing does after that.
        let before = Picture::blinking(run.pictures(shown..acknowledged));
        assert!(
            before.contains(&4) && before.contains(&5),
            "{name}: rows {before:?} blink"
        );
        // What is hidden just then is not whole, so that does not count from the first one on.
        let after = run
            .pictures(acknowledged..end)
            .skip_while(|it| !it.1.is_whole);
        let calm: Vec<_> = after.collect();
        assert!(calm.len() >= 3, "{name}: {calm:?}");
        assert!(calm.iter().all(|it| it.1.is_ports()), "{name}: {calm:#?}");
        assert!(
            Picture::blinking(calm.into_iter()).is_empty(),
            "{name}: something blinks"
        );
    }
    figure(&format!(
        "from a hairpin to its alert on the glass: {took:?}"
    ));
    took.sort();
    assert!(took[took.len() / 2] <= BAR, "the median of {took:?}");
    assert!(took.iter().all(|it| *it <= WORST), "{took:?}");
}
