//! The cartridge and the host's end of the link together: how fast, how long, and how it stands a
//! bad line.

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

use panel::desk::{Desk, Harm, slip};
use panel::{HASTY, Pace, Random, SLOW, USUAL};
use skerry_dmg::{Interrupt, Keys, Model};
use skerry_gbdisplay::symbol;
use skerry_panel_proto::Op;
use skerry_panel_proto::chart::Place;

/// Four charts, beside each other and below.
fn charts(desk: &mut Desk) {
    for id in 0..4 {
        let place = Some(Place {
            row: 3 * id,
            column: 0,
            width: 20,
            height: 3,
        });
        desk.push(&Op::Chart { id, place });
    }
    desk.drain();
}

/// Rows and charts as fast as the link takes them, for seconds of the console's time.
fn soak(pace: Pace, seconds: u64, seed: u64) -> Desk {
    let mut desk = Desk::new(Model::Dmg, pace);
    let mut random = Random(seed);
    charts(&mut desk);
    desk.panel.machine.start_profile();
    let until = desk.panel.now_us() + seconds * 1_000_000;
    while desk.panel.now_us() < until {
        while desk.link.pending() < 16 {
            let id = random.byte() % 4;
            let values = [random.byte() % 25];
            let (row, tiles) = (12 + random.byte() % 6, random.bytes(20));
            if random.below(2) == 0 {
                desk.push(&Op::ChartPush {
                    id,
                    values: &values,
                });
            } else {
                desk.push(&Op::Map {
                    row,
                    column: 0,
                    tiles: &tiles,
                });
            }
        }
        desk.step();
    }
    desk.drain();
    desk.draw();
    desk.panel.assert_shows(&desk.screen);
    desk
}

/// What a soak may not show, and what it measured.
#[track_caller]
fn judge(desk: &Desk, name: &str) {
    let counters = desk.panel.machine.counters();
    let link = desk.link.counters();
    println!(
        "figure: {name}: {} frames, {} resent, {} bytes unarmed, {} writes to video memory lost",
        link.delivered, link.resent, counters.unarmed_bytes, counters.vram_drops
    );
    assert_eq!((link.resent, counters.unarmed_bytes), (0, 0));
    assert_eq!((counters.vram_drops, counters.oam_drops), (0, 0));
    assert_eq!(desk.downs, 0);
}

#[test]
fn ten_minutes_at_the_usual_pace_lose_nothing() {
    let desk = soak(USUAL, 600, 1);
    judge(&desk, "soak of 600 s at 150 us");
    let profile = desk.panel.machine.profile().unwrap();
    let handler = profile.handler(Interrupt::Serial);
    let parser = symbol("parse").unwrap()..=symbol("parser_end").unwrap() - 1;
    let parsing = profile.cycles_at(parser);
    let total = (0..=u16::MAX)
        .step_by(0x1000)
        .map(|at| profile.cycles_at(at..=at | 0xFFF));
    let total: u64 = total.sum();
    let share = |cycles: u64| cycles as f64 * 100.0 / total as f64;
    println!(
        "figure: link handler: {} cycles at most; it takes {:.1} %, the parser {:.1} %",
        handler.longest,
        share(handler.cycles),
        share(parsing),
    );
    assert!(handler.longest <= 60, "{} cycles", handler.longest);
    assert!(share(handler.cycles + parsing) <= 60.0);
}

#[test]
fn two_minutes_at_a_hasty_pace_lose_nothing() {
    judge(&soak(HASTY, 120, 2), "soak of 120 s at 120 us");
}

/// Everything that a host can ask for, without a pause: what is copied to video memory, to sprites
/// and to palettes must all fit between two pictures.
#[test]
fn everything_at_a_hasty_pace_stays_out_of_the_picture() {
    for (model, seed) in [(Model::Dmg, 1), (Model::Cgb, 2)] {
        let mut desk = Desk::new(model, HASTY);
        let mut random = Random(seed);
        let until = desk.panel.now_us() + 40_000_000;
        while desk.panel.now_us() < until {
            while desk.link.pending() < 8 {
                let (kind, payload) = panel::payload(&mut random);
                match Op::decode(kind, &payload) {
                    None | Some(Op::Hello { .. } | Op::Beat) => {}
                    Some(op) => desk.push(&op),
                }
            }
            desk.step();
        }
        desk.drain();
        desk.run(50_000);
        desk.panel.assert_shows(&desk.screen);
        let (counters, link) = (desk.panel.machine.counters(), desk.link.counters());
        println!(
            "figure: all at 120 us, {model:?}: {} frames, {} resent, {} writes to video memory lost",
            link.delivered,
            link.resent,
            counters.vram_drops + counters.oam_drops
        );
        assert_eq!((counters.vram_drops, counters.oam_drops), (0, 0));
        assert_eq!((counters.unarmed_bytes, desk.downs), (0, 0));
    }
}

#[test]
fn a_bad_line_loses_nothing_and_doubles_nothing() {
    let mut desk = Desk::new(Model::Dmg, USUAL);
    let mut random = Random(7);
    charts(&mut desk);
    desk.harm = Some(Harm::new(3, 780, 2_400, 8_000));
    let until = desk.panel.now_us() + 60_000_000;
    for round in 1.. {
        // Charts remember forty values: what was pushed twice must not be forgotten before.
        if round % 40 == 0 {
            desk.run(20_000);
            desk.panel.assert_shows(&desk.screen);
            if desk.panel.now_us() > until {
                break;
            }
        }
        let values = [random.byte() % 25];
        let (row, tiles) = (12 + random.byte() % 6, random.bytes(20));
        desk.push(&Op::ChartPush {
            id: row % 4,
            values: &values,
        });
        desk.push(&Op::Map {
            row,
            column: 0,
            tiles: &tiles,
        });
        desk.drain();
    }
    let harm = desk.harm.take().unwrap();
    desk.draw();
    let link = desk.link.counters();
    println!(
        "figure: bad line: {} slips, {} flips, {} times deaf, {} frames, {} resent, {} silences, worst {:.1} ms",
        harm.slips,
        harm.flips,
        harm.offs,
        link.delivered,
        link.resent,
        link.silences,
        link.worst_delivery_us as f64 / 1_000.0
    );
    assert!(harm.slips >= 100 && harm.flips >= 400 && harm.offs >= 30);
    assert_eq!((desk.ups, desk.downs), (1, 0));
    desk.panel.assert_shows(&desk.screen);
    desk.panel.assert_drawn();
    assert!(link.worst_delivery_us <= 150_000);
}

#[test]
fn pages_charts_and_keys_are_quick() {
    let mut desk = Desk::new(Model::Dmg, USUAL);
    let mut random = Random(5);
    let (mut by_row, mut by_three) = ((0, 0), (0, 0));
    for round in 0..30 {
        // At any point of a picture.
        desk.run(random.below(16_742));
        let rows = if round % 2 == 0 { 1 } else { 3 };
        let worst = if rows == 1 {
            &mut by_row
        } else {
            &mut by_three
        };
        let (acknowledged, drawn) = desk.page(&mut random, rows);
        *worst = (worst.0.max(acknowledged), worst.1.max(drawn));
    }
    let ms = |us: u64| us as f64 / 1_000.0;
    println!(
        "figure: page by rows: {:.1} ms acknowledged, {:.1} ms drawn; by three: {:.1} ms, {:.1} ms",
        ms(by_row.0),
        ms(by_row.1),
        ms(by_three.0),
        ms(by_three.1)
    );
    charts(&mut desk);
    let mut worst = 0;
    for _ in 0..200 {
        desk.run(random.below(16_742));
        let values = [random.byte() % 25];
        desk.push(&Op::ChartPush {
            id: random.byte() % 4,
            values: &values,
        });
        worst = desk.drain().max(worst);
    }
    println!("figure: chart push: {:.1} ms at most", ms(worst));
    let worst_key = keys(&mut desk, &mut random);
    println!("figure: key to host: {:.1} ms at most", ms(worst_key));
    assert!(by_row.0 <= 130_000 && by_three.1 <= 130_000);
    assert!(worst <= 5_000);
    assert!(worst_key <= 20_000);
}

/// Presses keys at any time, with the link busy or idle; the longest time to the host.
fn keys(desk: &mut Desk, random: &mut Random) -> u64 {
    let mut worst = 0;
    for round in 0..200 {
        desk.run(random.below(16_742));
        let keys = random.byte();
        desk.panel.machine.set_keys(Keys::from_bits(keys));
        let start = desk.panel.now_us();
        while desk.keys.0 != keys {
            if round % 2 == 0 && desk.link.pending() == 0 {
                let tiles = random.bytes(20);
                desk.push(&Op::Map {
                    row: 13,
                    column: 0,
                    tiles: &tiles,
                });
            }
            desk.step();
            assert!(desk.panel.now_us() - start < 1_000_000, "never told");
        }
        worst = worst.max(desk.panel.now_us() - start);
    }
    worst
}

#[test]
fn an_adapter_of_8192_hz_is_good_enough() {
    let mut desk = Desk::new(Model::Dmg, SLOW);
    let mut random = Random(6);
    let mut worst_row = 0;
    for row in 0..18 {
        desk.run(random.below(16_742));
        let tiles = random.bytes(20);
        desk.push(&Op::Map {
            row,
            column: 0,
            tiles: &tiles,
        });
        let start = desk.panel.now_us();
        desk.drain();
        desk.draw();
        worst_row = worst_row.max(desk.panel.now_us() - start);
    }
    let (acknowledged, drawn) = desk.page(&mut random, 3);
    println!(
        "figure: at 8192 Hz: a row {:.1} ms, a page {:.1} ms acknowledged, {:.1} ms drawn",
        worst_row as f64 / 1_000.0,
        acknowledged as f64 / 1_000.0,
        drawn as f64 / 1_000.0
    );
    assert!(worst_row <= 60_000);
    assert!(drawn <= 1_000_000);
    assert_eq!(desk.link.counters().resent, 0);
}

/// At this pace the console is ready again before the next bit, and stays shifted against the host
/// until the host is silent.
#[test]
fn a_slip_on_a_slow_line_is_mended_by_silence() {
    let mut desk = Desk::new(Model::Dmg, SLOW);
    let mut random = Random(8);
    let mut worst_us = 0;
    for clocks in 1..8 {
        slip(&mut desk.panel, clocks, &mut random);
        let tiles = random.bytes(20);
        desk.push(&Op::Map {
            row: 3,
            column: 0,
            tiles: &tiles,
        });
        worst_us = worst_us.max(desk.drain());
        desk.panel.assert_shows(&desk.screen);
    }
    println!(
        "figure: slips at 8192 Hz: {} silences, {:.0} ms at most",
        desk.link.counters().silences,
        worst_us as f64 / 1e3
    );
    assert_eq!((desk.ups, desk.downs), (1, 0));
    assert!(desk.link.counters().silences >= 1);
}

/// What is not drawn yet, and the sprites, as the console has them.
fn is_stale(desk: &Desk) -> bool {
    (1..6).all(|sprite| desk.panel.machine.peek(0xFE00 + sprite * 4) == 16)
}

#[test]
fn a_panel_says_by_itself_that_what_it_shows_is_stale() {
    let mut desk = Desk::new(Model::Dmg, USUAL);
    desk.run(3_000_000);
    assert!(!is_stale(&desk), "beats keep it fresh");
    // The host is gone: first it sends nothing but zeros, then nothing at all.
    let start = desk.panel.now_us();
    for _ in 0..2_000 {
        desk.panel.exchange(0);
        assert!(!is_stale(&desk), "{} us", desk.panel.now_us() - start);
    }
    while !is_stale(&desk) {
        desk.panel.wait(1_000);
    }
    let took_us = desk.panel.now_us() - start;
    println!("figure: stale after {:.2} s", took_us as f64 / 1e6);
    assert!((1_000_000..2_000_000).contains(&took_us));
    // And back.
    desk.run(500_000);
    assert!(!is_stale(&desk));
    assert_eq!(desk.panel.machine.counters().oam_drops, 0);
}

#[test]
fn a_console_that_is_switched_off_and_on_is_painted_anew_within_a_second() {
    let mut desk = Desk::new(Model::Dmg, USUAL);
    let mut random = Random(9);
    desk.page(&mut random, 3);
    let now_us = desk.panel.now_us();
    desk.panel = panel::Panel::new(Model::Dmg, USUAL);
    desk.panel.set_now(now_us);
    let before = desk.ups;
    while desk.ups == before {
        desk.step();
        assert!(desk.panel.now_us() - now_us < 5_000_000);
    }
    desk.page(&mut random, 3);
    let took_us = desk.panel.now_us() - now_us;
    println!(
        "figure: painted {:.2} s after it was switched on",
        took_us as f64 / 1e6
    );
    desk.panel.assert_shows(&desk.screen);
    assert!(took_us <= 1_000_000);
}
