//! Every page and every alert looks the same in other people's emulators, when they are told what
//! the host told our console, byte by byte in its time.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

mod snapshot;
mod tour;

use std::collections::BTreeSet;
use std::path::Path;

use skerry_dmg::CYCLES_PER_SECOND;
use skerry_gbdisplay::facts::{Agent, Alert, Facts};
use skerry_gbdisplay::page::{Page, Pages};
use skerry_gbdisplay::panel::Panel;
use skerry_gbdisplay::{Keys, Model, ROM};
use skerry_referees::{Answers, Mgba, Picture, PyBoy, judge, own};
use tour::{Recording, Tour};

/// The screens of the tour of all pages, as they are called in `tests/screens`.
const PAGES: [&str; 10] = [
    "overview",
    "ports",
    "ports-open",
    "throughput",
    "throughput-scrolled",
    "latency",
    "alerts",
    "agent",
    "violations",
    "violations-open",
];

/// Those of the tour of all that is special.
const SPECIAL: [&str; 10] = [
    "waiting",
    "nothing",
    "stale",
    "paused",
    "alert",
    "alert-next",
    "acknowledged",
    "alerts-acknowledged",
    "alert-open",
    "alert-again",
];

/// What is shown now is what is kept as text under that name.
#[track_caller]
fn read(tour: &mut Tour, name: &str) {
    let (panel, now_us) = tour.panel();
    snapshot::check(name, panel, now_us);
}

/// Every built-in page, an entry that is open, a list that was scrolled.
fn pages(model: Model) -> Recording {
    // The facts are from a time that the tour never reaches: so they are never old, and the charts
    // stay where they are.
    let mut tour = Tour::new(model, snapshot::panel(), 1);
    let keys: [&[Keys]; 9] = [
        &[Keys::SELECT],
        &[Keys::DOWN, Keys::A],
        &[Keys::SELECT],
        &[Keys::DOWN, Keys::DOWN, Keys::DOWN],
        &[Keys::SELECT],
        &[Keys::RIGHT],
        &[Keys::SELECT],
        &[Keys::SELECT],
        &[Keys::A],
    ];
    for (name, keys) in PAGES.into_iter().zip([&[][..]].into_iter().chain(keys)) {
        for keys in keys {
            tour.press(*keys);
        }
        tour.shoot(name);
        read(&mut tour, name);
    }
    tour.finish()
}

fn alert(id: u64, text: &str) -> Alert {
    let text = text.into();
    Alert { id, text, age_s: 4 }
}

/// Those of the screen that is kept as text, and more.
fn alerts(more: &[Alert]) -> Option<Facts> {
    let mut alerts = more.to_vec();
    alerts.push(alert(41, "violation at n1/b-i2: pvlan_deny, 17 times"));
    alerts.push(Alert::default());
    Some(Facts {
        is_demo: true,
        alerts,
        ..Facts::default()
    })
}

/// Before there are facts, without any, and when they are old; an agent that waits.
fn without_alerts(tour: &mut Tour) {
    tour.shoot("waiting");
    read(tour, "waiting");
    tour.give(Some(Facts::default()));
    tour.shoot("nothing");
    read(tour, "nothing");
    tour.give(None);
    tour.run(2_100_000);
    tour.shoot("stale");
    read(tour, "stale");
    let agent = Agent {
        is_paused: true,
        ..Agent::default()
    };
    tour.give(Some(Facts {
        agent: Some(agent),
        ..Facts::default()
    }));
    tour.shoot("paused");
    read(tour, "paused");
}

/// What is special, alerts above all: new, acknowledged, again, and in front of a dead host.
fn special(model: Model) -> Recording {
    let mut tour = Tour::new(model, Panel::new(Pages::built_in().unwrap()), 0);
    without_alerts(&mut tour);
    // Rows begin to blink as the heart beats: neither then changes in the middle of the other.
    tour.run_to(910_000);
    tour.give(alerts(&[]));
    tour.shoot_blinking("alert");
    read(&mut tour, "alert");
    tour.press(Keys::A);
    tour.shoot_blinking("alert-next");
    read(&mut tour, "alert-next");
    tour.press(Keys::A);
    for (name, keys) in [
        ("acknowledged", &[][..]),
        ("alerts-acknowledged", &[Keys::LEFT; 3]),
        ("alert-open", &[Keys::A]),
    ] {
        for keys in keys {
            tour.press(*keys);
        }
        tour.shoot(name);
        read(&mut tour, name);
    }
    tour.run_to(910_000);
    tour.give(alerts(&[alert(43, "peer n3 is down")]));
    tour.shoot_blinking("alert-again");
    read(&mut tour, "alert-again");
    tour.stop();
    tour.run(1_600_000);
    tour.shoot_blinking("alert-again without a host");
    tour.finish()
}

/// The pictures of a tour are those of these screens, each is another than the one before, and one
/// of them has so many shades or colours: nothing only seems to be compared.
#[track_caller]
fn check_pictures(recording: &Recording, screens: &[&str], colours: usize) {
    let names = recording.names.iter();
    let mut been: Vec<&str> = names
        .map(|it| it.split(' ').next().unwrap_or_default())
        .collect();
    been.dedup();
    assert_eq!(been, screens);
    let frames = &recording.seen.frames;
    for (name, pair) in recording.names.iter().skip(1).zip(frames.windows(2)) {
        assert!(pair[0].differing(&pair[1]) > 20, "{name}: nothing changed");
    }
    let hues = frames.iter().map(Picture::hues).max();
    assert!(hues >= Some(colours), "{hues:?}");
}

/// Demands that everybody shows the same as the console of the host did.
#[track_caller]
fn check(recording: &Recording, model: Model) {
    let script = &recording.script;
    let names: Vec<&str> = recording.names.iter().map(String::as_str).collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let judge = |who: &str, theirs: &Answers| {
        let who = format!("{who} {model:?}");
        judge(&who, &names, &recording.seen, theirs, folder).unwrap();
    };
    // The script is all that the console was told.
    judge("core", &own::run(ROM, model, script).unwrap());
    let mgba = Mgba::build().unwrap();
    judge("mGBA", &mgba.run(ROM, model, script).unwrap());
    let pyboy = PyBoy::find().unwrap();
    judge("PyBoy", &pyboy.run(ROM, model, script).unwrap());
    println!(
        "figure: {} pictures in {} s of {model:?}: all the same in mGBA and PyBoy",
        names.len(),
        script.now() / CYCLES_PER_SECOND
    );
}

#[test]
fn every_page_looks_the_same_elsewhere() {
    let recording = pages(Model::Dmg);
    check_pictures(&recording, &PAGES, 3);
    check(&recording, Model::Dmg);
}

#[test]
fn every_page_has_the_same_colours_elsewhere() {
    let recording = pages(Model::Cgb);
    // Letters, bars and paper; where the cursor is another paper, and its sign.
    check_pictures(&recording, &PAGES, 5);
    check(&recording, Model::Cgb);
}

#[test]
fn every_alert_looks_the_same_elsewhere() {
    let recording = special(Model::Dmg);
    check_pictures(&recording, &SPECIAL, 2);
    check(&recording, Model::Dmg);
}

#[test]
fn every_alert_has_the_same_colours_elsewhere() {
    let recording = special(Model::Cgb);
    check_pictures(&recording, &SPECIAL, 4);
    check(&recording, Model::Cgb);
}

#[test]
fn no_screen_that_is_kept_and_no_page_is_left_out() {
    let toured: BTreeSet<&str> = PAGES.into_iter().chain(SPECIAL).collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/screens");
    let kept: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.extension().is_some_and(|it| it == "snap"))
        .map(|it| it.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let kept: BTreeSet<&str> = kept.iter().map(String::as_str).collect();
    assert_eq!(toured, kept);
    let pages = Pages::built_in().unwrap();
    let mut names = pages.iter().map(Page::name);
    assert!(names.all(|it| PAGES.contains(&it)));
}
