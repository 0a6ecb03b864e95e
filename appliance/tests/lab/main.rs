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
mod picture;
mod stage;

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::folder;
use picture::Picture;
use stage::{Counted, Line, Run};

/// Who tries a hairpin, eight seconds one after the other; then the first one tries again.
const ATTACKERS: [&str; 5] = ["b-i1", "r-i1", "b-i2", "b-w1", "b-d1"];
/// A is pressed five seconds after each of them. From the ports to the list of alerts there are
/// three pages.
const PRESSES: [&str; 8] = [
    "a@13", "a@21", "a@29", "a@37", "a@45", "right@50", "right@51", "right@52",
];
/// Before the second one tries again.
const TIME: Duration = Duration::from_secs(55);
/// A hairpin must be on the panel after so long: the middle one of five.
const BAR: Duration = Duration::from_millis(500);
/// What no single one may take.
const WORST: Duration = Duration::from_secs(2);
/// Of that the panel may take so long to paint it, by its own clock: the middle one of five. That
/// clock is the slower the busier the machine is, so this holds on any.
const PAINT: Duration = Duration::from_millis(250);
/// How far the console falls behind where the machine starves it. A late tenth of a second is made
/// up for.
const STARVED: Duration = Duration::from_millis(500);
/// How often all of it is tried where the machine is starved and something was too late.
const RUNS: usize = 3;

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
    for nth in 1..=RUNS {
        let run = Run::of(&PRESSES, TIME);
        let late = what_is_late(&run);
        let lost = run.lost();
        figure(&format!("the console fell {lost:?} behind"));
        if late.is_empty() {
            return;
        }
        assert!(
            lost > STARVED && nth < RUNS,
            "run {nth}, whose console fell {lost:?} behind: {late:#?}"
        );
        figure(&format!("once more, since it was starved: {late:#?}"));
    }
}

/// Fails where something is wrong; gives what may be the machine's fault.
fn what_is_late(run: &Run) -> Vec<String> {
    let mut late = Vec::new();
    hairpins_are_shown_and_acknowledged(run, &mut late);
    what_was_acknowledged_comes_again_in_the_list_only(run, &mut late);
    throughput_is_that_of_the_counters(run, &mut late);
    counters_are_those_of_the_daemon(run);
    late
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
    let after = told.last().unwrap().1;
    assert_eq!(asked.len(), ATTACKERS.len(), "once for every alert");
    for (at, asked) in &asked {
        let before = told.iter().rfind(|(it, _)| it < at).unwrap().1;
        for (port, bytes) in &asked.bytes {
            assert!(before.bytes[port] <= *bytes, "{port}: {before:?} {asked:?}");
            assert!(*bytes <= after.bytes[port], "{port}: {asked:?} {after:?}");
        }
        for name in ATTACKERS {
            let [from, to] = [before, after].map(|it| it.hairpins_of(name));
            let count = asked.hairpins_of(name);
            assert!((from..=to).contains(&count), "{name}: {asked:?} {after:?}");
        }
    }
    // Only the first one has tried again.
    let each = ATTACKERS.map(|it| after.hairpins_of(it));
    assert_eq!(each, [2, 1, 1, 1, 1], "{after:?}");
    assert_eq!(after.hairpins.len(), ATTACKERS.len(), "{after:?}");
    // A second is a second: the panel's time for rates is that of the test.
    let panel = Duration::from_micros(after.wall_us - told[0].1.wall_us);
    let mine = run.arrived(told.last().unwrap().0) - run.arrived(told[0].0);
    assert!(
        panel.abs_diff(mine) < Duration::from_secs(2),
        "{panel:?} {mine:?}"
    );
}

/// "Within one sample": a picture on which nothing is missing has at every port the rate between
/// the last two samples that the panel has, to the letter. On the way from one such picture to the
/// next a row may still be the one before.
fn throughput_is_that_of_the_counters(run: &Run, late: &mut Vec<String>) {
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
        if mine < 5 {
            late.push(format!("{port} had {mine} rates: {moved:?}"));
        }
    }
    // Alerts are in front of the page for half of the time, and a machine may be busy.
    if shown_in_time < 40 {
        late.push(format!("{shown_in_time} of {samples} samples were shown"));
    }
}

fn hairpins_are_shown_and_acknowledged(run: &Run, late: &mut Vec<String>) {
    let attacks: Vec<(usize, u64, String)> = run.attacks().collect();
    let from: Vec<&str> = attacks.iter().map(|it| it.2.as_str()).collect();
    let names: Vec<String> = ATTACKERS.iter().map(|it| format!("n1/{it}")).collect();
    assert_eq!(from, [&names[..], &names[..1]].concat());
    let (mut took, mut paint) = (Vec::new(), Vec::new());
    for ((name, attack), next) in ATTACKERS.iter().zip(&attacks).zip(&attacks[1..]) {
        // The panel may have it before the lab has told of the attack.
        let is_first = |it: &&(usize, &Counted)| it.1.hairpins_of(name) > 0;
        let counted = run.counted().find(|it| is_first(&it));
        let (from, counted) = counted.unwrap_or_else(|| panic!("{name} is not counted"));
        let picture = is_shown_until_acknowledged(run, name, from..next.0, late);
        took.push(Duration::from_micros(picture.wall_us - attack.1));
        paint.push(Duration::from_micros(picture.at_us - counted.at_us));
    }
    figure(&format!(
        "from a hairpin to its alert on the glass: {took:?}; to paint it, by the panel's clock: {paint:?}"
    ));
    assert!(median(&paint) <= PAINT, "the median of {paint:?}");
    if median(&took) > BAR || took.iter().any(|it| *it > WORST) {
        late.push(format!("alerts took {took:?}"));
    }
}

/// Gives the first picture with the alert.
fn is_shown_until_acknowledged<'a>(
    run: &'a Run,
    name: &str,
    range: Range<usize>,
    late: &mut Vec<String>,
) -> &'a Picture {
    let pictures = || run.pictures(range.clone());
    let (shown, picture) = pictures()
        .find(|it| it.1.is_alert_of(name, "hairpin_up"))
        .unwrap_or_else(|| panic!("no alert of {name}: {:#?}", pictures().collect::<Vec<_>>()));
    let (acknowledged, alert, after_ms) = run.acknowledged(range.clone()).unwrap_or_else(|| {
        panic!(
            "{name} is not acknowledged: {:#?}",
            pictures().collect::<Vec<_>>()
        )
    });
    assert!(shown < acknowledged, "{name} was acknowledged unseen");
    assert_eq!(picture.alert(), Some(alert), "{picture:?}");
    assert!((500..8_000).contains(&after_ms), "{name}: {after_ms} ms");
    // It blinks until then, and nothing does after that.
    let before = Picture::blinking(run.pictures(shown..acknowledged));
    assert!(
        before.contains(&4) && before.contains(&5),
        "{name}: rows {before:?} blink"
    );
    // What is hidden just then is not whole, so that does not count from the first one on.
    let after = run.pictures(acknowledged..range.end);
    let calm: Vec<_> = after.skip_while(|it| !it.1.is_whole).collect();
    if calm.len() < 3 {
        late.push(format!("{name}: {calm:?}"));
    }
    assert!(calm.iter().all(|it| it.1.is_ports()), "{name}: {calm:#?}");
    assert!(
        Picture::blinking(calm.into_iter()).is_empty(),
        "{name}: something blinks"
    );
    picture
}

/// The first one tries again when its alert is over: that has the number that was acknowledged, so
/// it is behind the newer ones in the list, though it is the youngest, and in front of nobody.
fn what_was_acknowledged_comes_again_in_the_list_only(run: &Run, late: &mut Vec<String>) {
    let again = run.attacks().last().unwrap().0;
    let pictures = || run.pictures(again..run.lines.len());
    let front = pictures().find(|it| it.1.is_alert());
    assert!(front.is_none(), "{front:#?}");
    let whole = pictures().filter(|it| it.1.is_whole);
    let Some(ages) = whole.filter_map(|it| it.1.ages()).last() else {
        late.push(format!("no list: {:#?}", pictures().last()));
        return;
    };
    match ages.split_last() {
        Some((last, others)) if !others.is_empty() => {
            assert!(others.iter().all(|it| last < it), "{ages:?}");
        }
        // Alerts are over by the clock on the wall.
        _ => late.push(format!("a list of {ages:?}")),
    }
}

/// The middle one of an odd number.
fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}
