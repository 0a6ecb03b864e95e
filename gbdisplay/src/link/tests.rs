//! The link against a panel made of the model, over a line that loses, shifts and flips.

use skerry_panel_proto::status::ROTATION;
use skerry_panel_proto::{Receiver, Screen};

use super::*;

const BYTE_US: u64 = 150;

/// The model of a panel, which tells its status as the cartridge does.
#[derive(Default)]
struct Panel {
    receiver: Receiver,
    turn: usize,
    keys: u8,
    quiet_us: u64,
}

impl Panel {
    fn exchange(&mut self, byte: u8) -> u8 {
        self.quiet_us = 0;
        let answer = self.status();
        self.receiver.handle_byte(byte);
        answer
    }

    fn status(&mut self) -> u8 {
        let kind = ROTATION[self.turn % 16];
        self.turn += 1;
        let value = match kind {
            0x80 => self.keys & 15,
            0x90 => self.keys >> 4,
            0xA0 => self.receiver.acknowledged().unwrap_or(0),
            0xB0 => self.receiver.errors() & 15,
            0xC0 => self.receiver.epoch(),
            0xE0 => VERSION,
            _ => 0,
        };
        kind | value
    }

    fn be_quiet(&mut self, us: u64) {
        self.quiet_us += us;
        if self.quiet_us > 67_000 {
            self.receiver.handle_silence();
        }
    }
}

/// A link, a line and a panel.
struct World {
    link: Link,
    panel: Panel,
    now_us: u64,
    /// What the line does to bytes: chances in 1000 of a flip each way, and of a loss.
    flips: u64,
    losses: u64,
    random: u64,
    plugged: bool,
    events: Vec<Event>,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            link: Link::new(0),
            panel: Panel::default(),
            now_us: 0,
            flips: 0,
            losses: 0,
            random: seed,
            plugged: true,
            events: Vec::new(),
        }
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (z ^ (z >> 31)) % limit
    }

    fn flipped(&mut self, byte: u8) -> u8 {
        let bit = self.below(8);
        if self.below(1_000) < self.flips {
            byte ^ 1 << bit
        } else {
            byte
        }
    }

    fn step(&mut self) {
        match self.link.next_byte(self.now_us) {
            Next::SilentUntil(until) => {
                assert!(until > self.now_us);
                self.panel.be_quiet(until - self.now_us);
                self.now_us = until;
            }
            Next::Byte(byte) => {
                self.now_us += BYTE_US;
                let answer = self.answer(byte);
                self.link.handle_byte(self.now_us, answer);
            }
        }
        while let Some(event) = self.link.poll_event() {
            self.events.push(event);
        }
    }

    fn answer(&mut self, byte: u8) -> u8 {
        if !self.plugged {
            return 0xFF;
        }
        if self.below(1_000) < self.losses {
            return 0x00;
        }
        let byte = self.flipped(byte);
        let answer = self.panel.exchange(byte);
        self.flipped(answer)
    }

    fn run(&mut self, us: u64) {
        let until = self.now_us + us;
        while self.now_us < until {
            self.step();
        }
    }

    /// Until nothing is pending; the time it took.
    fn drain(&mut self) -> u64 {
        let start = self.now_us;
        while self.link.pending() > 0 {
            self.step();
            assert!(self.now_us - start < 10_000_000, "stuck: {:?}", self.link);
        }
        self.now_us - start
    }
}

fn map(row: u8, tiles: &[u8]) -> Op<'_> {
    Op::Map {
        row,
        column: 0,
        tiles,
    }
}

#[test]
fn a_panel_is_greeted_and_then_painted() {
    let mut world = World::new(1);
    assert!(!world.link.push(&map(0, b"early")));
    world.run(50_000);
    assert_eq!(world.events, [Event::Up]);
    assert_eq!(world.panel.receiver.epoch(), 1);
    assert!(world.link.push(&map(3, b"hello")));
    assert!(!world.link.push(&map(18, b"nowhere")));
    assert!(!world.link.push(&Op::Beat));
    let took = world.drain();
    assert_eq!(&world.panel.receiver.screen().row(3)[..5], b"hello");
    assert!(took < 4_000, "{took} us");
    assert_eq!(world.link.counters().resent, 0);
}

#[test]
fn a_beat_keeps_a_quiet_link_fresh() {
    let mut world = World::new(1);
    world.run(50_000);
    let before = world.panel.receiver.good_frames();
    world.run(4 * BEAT_US + 50_000);
    assert_eq!(world.panel.receiver.good_frames() - before, 4);
}

#[test]
fn keys_are_told_when_they_change_and_let_go_when_the_link_is_lost() {
    let mut world = World::new(1);
    world.run(50_000);
    world.panel.keys = Keys::A.0 | Keys::UP.0;
    world.run(20_000);
    world.plugged = false;
    world.run(500_000);
    let held = Keys(Keys::A.0 | Keys::UP.0);
    // Both halves need not change at once.
    let told = world.events.iter().filter(|it| **it == Event::Keys(held));
    assert_eq!(told.count(), 1);
    let end = &world.events[world.events.len() - 2..];
    assert_eq!(end, [Event::Keys(Keys(0)), Event::Down(Cause::Unplugged)]);
}

#[test]
fn keys_that_are_held_when_the_link_comes_up_are_nothing() {
    let mut world = World::new(1);
    world.panel.keys = Keys::A.0 | Keys::DOWN.0;
    world.run(200_000);
    assert_eq!(world.events, [Event::Up]);
    world.panel.keys = Keys::A.0 | Keys::DOWN.0 | Keys::B.0;
    world.run(20_000);
    assert_eq!(world.events[1..], [Event::Keys(Keys::B)]);
    world.plugged = false;
    world.run(500_000);
    world.plugged = true;
    world.run(500_000);
    assert_eq!(world.events.last(), Some(&Event::Up), "{:?}", world.events);
    world.panel.keys = 0;
    world.run(20_000);
    world.panel.keys = Keys::A.0;
    world.run(20_000);
    assert_eq!(world.events.last(), Some(&Event::Keys(Keys::A)));
}

#[test]
fn keys_are_nothing_before_the_panel_obeys() {
    let mut link = Link::new(0);
    for step in 0..400_u64 {
        let keys = if step < 100 { 0 } else { 1 };
        let answer = ROTATION[usize::try_from(step % 16).unwrap()];
        let value = match answer {
            0x90 => keys,
            0xE0 => VERSION,
            _ => 0,
        };
        link.next_byte(step * BYTE_US);
        link.handle_byte(step * BYTE_US, answer | value);
    }
    assert_eq!(link.phase, Phase::Greeting);
    assert_eq!(link.poll_event(), None);
}

#[test]
fn a_cable_that_is_pulled_is_noticed_and_so_is_one_that_is_put_back() {
    let mut world = World::new(1);
    world.run(50_000);
    world.plugged = false;
    let pulled_us = world.now_us;
    while world.link.is_up() {
        world.step();
    }
    assert!(world.now_us - pulled_us <= 500_000, "down within 0.5 s");
    world.run(3_000_000);
    world.plugged = true;
    let put_us = world.now_us;
    while !world.link.is_up() {
        world.step();
    }
    assert!(
        world.now_us - put_us <= 200_000,
        "{} us",
        world.now_us - put_us
    );
    assert_eq!(world.link.counters().ups, 2);
}

/// A link whose every byte gets that answer, for ten seconds.
fn answered(answer: impl Fn(u64) -> u8) -> Vec<Event> {
    let (mut link, mut now_us, mut events) = (Link::new(0), 0, Vec::new());
    for byte in 0.. {
        match link.next_byte(now_us) {
            Next::SilentUntil(until_us) => now_us = until_us,
            Next::Byte(_) => {
                now_us += BYTE_US;
                link.handle_byte(now_us, answer(byte));
            }
        }
        events.extend(std::iter::from_fn(|| link.poll_event()));
        if now_us > 10_000_000 {
            break;
        }
    }
    events
}

#[test]
fn why_a_link_never_comes_up_is_told_once() {
    let down = |cause| [Event::Down(cause)];
    assert_eq!(answered(|_| 0xFF), down(Cause::Unplugged));
    assert_eq!(answered(|_| 0x00), down(Cause::Silent));
    assert_eq!(answered(|_| 0x37), down(Cause::Noise));
    // A line that says something else all the time has no cause that lasts.
    let mixed = answered(|byte| [0x00, 0xFF, 0x37][usize::try_from(byte % 3).unwrap()]);
    assert_eq!(mixed.len(), 1, "{mixed:?}");
    // A panel that speaks and hears nothing.
    let deaf = answered(|byte| {
        let kind = ROTATION[usize::try_from(byte % 16).unwrap()];
        if kind == 0xE0 { kind | VERSION } else { kind }
    });
    assert_eq!(deaf, down(Cause::Deaf));
}

#[test]
fn a_cause_that_lasts_follows_another() {
    let answers = answered(|byte| if byte < 400 { 0xFF } else { 0x00 });
    let expect = [Cause::Unplugged, Cause::Silent].map(Event::Down);
    assert_eq!(answers, expect);
}

#[test]
fn a_panel_that_restarts_is_greeted_again() {
    let mut world = World::new(1);
    world.run(50_000);
    world.link.push(&map(0, b"gone"));
    world.drain();
    world.panel = Panel::default();
    world.run(100_000);
    let expect = [Event::Up, Event::Down(Cause::Restarted), Event::Up];
    assert_eq!(world.events, expect);
    assert_ne!(world.panel.receiver.epoch(), 0);
}

#[test]
fn a_host_that_restarts_greets_with_another_epoch() {
    let mut world = World::new(1);
    world.run(50_000);
    let epoch = world.panel.receiver.epoch();
    world.link = Link::new(world.now_us);
    world.run(50_000);
    assert!(world.link.is_up());
    assert_ne!(world.panel.receiver.epoch(), epoch);
}

#[test]
fn another_version_is_told_and_not_greeted() {
    let mut link = Link::new(0);
    let answers = ROTATION.map(|kind| if kind == 0xE0 { 0xE3 } else { kind });
    for (step, answer) in (0_u64..10_000).zip(answers.into_iter().cycle()) {
        assert_eq!(link.next_byte(step * BYTE_US), Next::Byte(IDLE));
        link.handle_byte(step * BYTE_US, answer);
    }
    let events: Vec<Event> = std::iter::from_fn(|| link.poll_event()).collect();
    assert_eq!(events, [Event::Down(Cause::Version(3))]);
    assert!(!link.is_up());
    // Somebody puts the right cartridge in.
    let mut world = World::new(1);
    world.link = link;
    world.now_us = 10_000 * BYTE_US;
    world.run(400_000);
    assert!(world.link.is_up(), "{:?}", world.events);
}

#[test]
fn a_queue_is_bounded() {
    let mut world = World::new(1);
    world.run(50_000);
    let pushed = (0..1_000)
        .filter(|_| world.link.push(&map(0, b"x")))
        .count();
    assert_eq!(pushed, QUEUE_MAX);
}

/// Random requests over a bad line: each is done once and in order.
#[test]
fn over_a_bad_line_everything_is_done_once_and_in_order() {
    let mut resent = 0;
    for seed in 0..60 {
        let mut world = World::new(seed);
        world.run(50_000);
        assert!(world.link.is_up());
        world.flips = seed % 12;
        world.losses = seed % 7;
        let mut expect = Screen::default();
        for step in 0..150_u8 {
            let row = u8::try_from(world.below(18)).unwrap();
            let values = [step % 25, step % 7];
            let op = match world.below(3) {
                0 => map(row, &values),
                1 => Op::Cursor(Some(row)),
                _ => Op::ChartPush {
                    id: row % 4,
                    values: &values,
                },
            };
            assert!(world.link.push(&op), "seed {seed}: {:?}", world.events);
            expect.apply(&op);
            world.drain();
        }
        assert_eq!(*world.panel.receiver.screen(), expect, "seed {seed}");
        resent += world.link.counters().resent;
    }
    assert!(resent > 100, "the line was bad: {resent} resent");
}
