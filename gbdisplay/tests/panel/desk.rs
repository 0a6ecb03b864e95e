//! A host and a console with a cable between them.

use skerry_dmg::Model;
use skerry_gbdisplay::link::{Event, Link, Next};
use skerry_panel_proto::{Keys, Op, ROWS, Screen};

use super::{Pace, Panel, Random};

/// What happens to the line.
#[derive(Clone, Debug)]
pub(crate) struct Harm {
    random: Random,
    /// One in so many bytes has a bit flipped, on one of the two ways.
    flip_every: u64,
    /// Before one in so many bytes there are extra clocks.
    slip_every: u64,
    /// With one in so many bytes the wire to the host begins to be off, for `OFF_BYTES`.
    off_every: u64,
    off_left: u64,
    pub(crate) flips: u64,
    pub(crate) slips: u64,
    pub(crate) offs: u64,
}

/// Longer than the host waits: what was done is sent again.
const OFF_BYTES: u64 = 150;

impl Harm {
    pub(crate) const fn new(seed: u64, flip_every: u64, slip_every: u64, off_every: u64) -> Self {
        Self {
            random: Random(seed),
            flip_every,
            slip_every,
            off_every,
            off_left: 0,
            flips: 0,
            slips: 0,
            offs: 0,
        }
    }
}

/// Both ends.
pub(crate) struct Desk {
    pub(crate) link: Link,
    pub(crate) panel: Panel,
    pub(crate) harm: Option<Harm>,
    pub(crate) keys: Keys,
    pub(crate) ups: u32,
    pub(crate) downs: u32,
    /// What the panel was asked to show since it was greeted.
    pub(crate) screen: Screen,
}

impl Desk {
    /// With the link up, and nothing left of what the greeting cleared.
    pub(crate) fn new(model: Model, pace: Pace) -> Self {
        let panel = Panel::new(model, pace);
        let mut desk = Self {
            link: Link::new(panel.now_us()),
            panel,
            harm: None,
            keys: Keys::default(),
            ups: 0,
            downs: 0,
            screen: Screen::default(),
        };
        while !desk.link.is_up() {
            desk.step();
        }
        desk.draw();
        desk
    }

    /// Exchanges a byte, or is silent.
    pub(crate) fn step(&mut self) {
        match self.link.next_byte(self.panel.now_us()) {
            Next::SilentUntil(until) => self.panel.wait(until - self.panel.now_us()),
            Next::Byte(byte) => {
                let answer = match self.harm.take() {
                    None => self.panel.exchange(byte),
                    Some(mut harm) => {
                        let answer = harmed(&mut self.panel, &mut harm, byte);
                        self.harm = Some(harm);
                        answer
                    }
                };
                self.link.handle_byte(self.panel.now_us(), answer);
            }
        }
        while let Some(event) = self.link.poll_event() {
            match event {
                Event::Up => {
                    self.ups += 1;
                    self.screen = Screen::default();
                }
                Event::Down(cause) => {
                    println!("{} us: down, {cause:?}", self.panel.now_us());
                    self.downs += 1;
                }
                Event::Keys(keys) => self.keys = keys,
            }
        }
    }

    pub(crate) fn run(&mut self, us: u64) {
        let until = self.panel.now_us() + us;
        while self.panel.now_us() < until {
            self.step();
        }
    }

    /// Asks for something.
    #[track_caller]
    pub(crate) fn push(&mut self, op: &Op<'_>) {
        assert!(self.link.push(op), "{op:?}");
        self.screen.apply(op);
    }

    /// Until everything is acknowledged; how long that took.
    pub(crate) fn drain(&mut self) -> u64 {
        let start = self.panel.now_us();
        while self.link.pending() > 0 {
            self.step();
            let took = self.panel.now_us() - start;
            assert!(took < 20_000_000, "stuck: {:?}", self.link);
        }
        self.panel.now_us() - start
    }

    /// Until the picture is in video memory too; how long that took.
    pub(crate) fn draw(&mut self) -> u64 {
        let start = self.panel.now_us();
        while !(self.panel.is_drawn() && self.is_shown()) {
            self.step();
            let took = self.panel.now_us() - start;
            assert!(
                took < 20_000_000,
                "stuck: {:?}",
                self.panel.bytes("flags", 96)
            );
        }
        self.panel.now_us() - start
    }

    fn is_shown(&self) -> bool {
        (0..ROWS).all(|row| self.panel.video_row(row) == self.screen.row(row))
    }

    /// A full page, as rows or three rows at a time, until all of it is acknowledged and until it
    /// is drawn.
    pub(crate) fn page(&mut self, random: &mut Random, rows_at_once: u8) -> (u64, u64) {
        let start = self.panel.now_us();
        for row in (0..ROWS).step_by(usize::from(rows_at_once)) {
            let tiles = random.bytes(u64::from(rows_at_once) * 20);
            let tiles = &tiles;
            self.push(&Op::Map {
                row,
                column: 0,
                tiles,
            });
        }
        let acknowledged = self.drain();
        self.draw();
        (acknowledged, self.panel.now_us() - start)
    }
}

/// An exchange on a bad line.
fn harmed(panel: &mut Panel, harm: &mut Harm, byte: u8) -> u8 {
    if harm.random.below(harm.slip_every) == 0 {
        harm.slips += 1;
        let clocks = 1 + harm.random.below(7);
        slip(panel, clocks, &mut harm.random);
    }
    if harm.off_left > 0 {
        harm.off_left -= 1;
    } else if harm.random.below(harm.off_every) == 0 {
        harm.offs += 1;
        harm.off_left = OFF_BYTES;
    }
    let is_flip = harm.random.below(harm.flip_every) == 0;
    harm.flips += u64::from(is_flip);
    let flip = if is_flip {
        1 << harm.random.below(8)
    } else {
        0
    };
    let answer = if harm.random.below(2) == 0 {
        panel.exchange(byte ^ flip)
    } else {
        panel.exchange(byte) ^ flip
    };
    if harm.off_left > 0 { 0xFF } else { answer }
}

/// Extra clocks.
pub(crate) fn slip(panel: &mut Panel, clocks: u64, random: &mut Random) {
    for _ in 0..clocks {
        panel.machine.link_clock(random.below(2) == 0);
        panel.machine.run(8);
    }
}
