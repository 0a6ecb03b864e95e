//! A console with the cartridge in it, at the other end of a cable.

#![allow(dead_code, reason = "every test uses some of it")]

pub(crate) mod desk;

use skerry_dmg::{Machine, Model};
use skerry_gbdisplay::{ROM, symbol};
use skerry_panel_proto::{COLUMNS, ROWS, Receiver, Screen};

/// How fast the host clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// M-cycles from one bit to the next.
    pub(crate) bit: u32,
    /// Microseconds from the beginning of a byte to that of the next one.
    pub(crate) byte_us: u64,
}

/// 131072 Hz, and a pause so that the console can follow.
pub(crate) const USUAL: Pace = Pace {
    bit: 8,
    byte_us: 150,
};
/// As fast as the console can follow.
pub(crate) const HASTY: Pace = Pace {
    bit: 8,
    byte_us: 120,
};
/// 8192 Hz: what adapters do that know one speed only.
pub(crate) const SLOW: Pace = Pace {
    bit: 128,
    byte_us: 1_070,
};

/// The console.
pub(crate) struct Panel {
    pub(crate) machine: Machine,
    pace: Pace,
    /// When the next byte begins.
    now_us: u64,
    /// How far the clock of the host was when the console was switched on.
    on_us: u64,
}

impl Panel {
    /// Switched on and ready.
    pub(crate) fn new(model: Model, pace: Pace) -> Self {
        let machine = Machine::new(ROM, model).unwrap();
        let mut panel = Self {
            machine,
            pace,
            now_us: 0,
            on_us: 0,
        };
        panel.wait(500_000);
        panel
    }

    /// Microseconds of its time.
    pub(crate) const fn now_us(&self) -> u64 {
        self.now_us
    }

    /// Sets the clock of the host: this console replaces one that was switched off.
    pub(crate) const fn set_now(&mut self, now_us: u64) {
        self.on_us = now_us - (self.now_us - self.on_us);
        self.now_us = now_us;
    }

    /// Clocks at another pace from now on.
    pub(crate) const fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Exchanges a byte.
    pub(crate) fn exchange(&mut self, byte: u8) -> u8 {
        self.machine.link_send(byte, self.pace.bit);
        self.wait(self.pace.byte_us);
        self.machine
            .link_reply()
            .expect("a byte is shorter than its time")
    }

    /// Lets time pass without a byte.
    pub(crate) fn wait(&mut self, us: u64) {
        self.now_us += us;
        let cycle = u128::from(self.now_us - self.on_us) * 1_048_576 / 1_000_000;
        self.machine.run_until(u64::try_from(cycle).unwrap());
    }

    /// A variable of the cartridge.
    pub(crate) fn byte(&self, name: &str) -> u8 {
        self.machine.peek(address(name))
    }

    /// Bytes from a variable on.
    pub(crate) fn bytes(&self, name: &str, len: u16) -> Vec<u8> {
        let at = address(name);
        (at..at + len).map(|at| self.machine.peek(at)).collect()
    }

    /// True if nothing waits to be copied to video memory.
    pub(crate) fn is_drawn(&self) -> bool {
        ["rows_dirty", "tiles_dirty", "sprites_dirty"]
            .iter()
            .all(|it| self.byte(it) == 0)
    }

    /// The tiles of a row in video memory.
    pub(crate) fn video_row(&self, row: u8) -> Vec<u8> {
        let at = 0x9800 + u16::from(row) * 32;
        (at..at + u16::from(COLUMNS))
            .map(|at| self.machine.peek(at))
            .collect()
    }

    /// The same row as the cartridge keeps it.
    pub(crate) fn row(&self, row: u8) -> Vec<u8> {
        let at = address("map") + u16::from(row) * 32;
        (at..at + u16::from(COLUMNS))
            .map(|at| self.machine.peek(at))
            .collect()
    }

    /// Compares everything that a host can ask for.
    #[track_caller]
    pub(crate) fn assert_is(&self, receiver: &Receiver) {
        self.assert_shows(receiver.screen());
        assert_eq!(self.byte("epoch"), receiver.epoch(), "epoch");
        assert_eq!(self.byte("errors"), receiver.errors(), "errors");
        let sequence = receiver.acknowledged().unwrap_or(0xFF);
        assert_eq!(self.byte("sequence"), sequence, "sequence");
    }

    /// Compares the screen.
    #[track_caller]
    pub(crate) fn assert_shows(&self, screen: &Screen) {
        for row in 0..ROWS {
            assert_eq!(self.row(row), screen.row(row), "row {row}");
        }
        assert_eq!(self.bytes("own_tiles", 512), screen.own_tiles());
        assert_eq!(self.byte("cursor"), screen.cursor.unwrap_or(0xFF));
        assert_eq!(self.byte("blink_pictures"), screen.blink.pictures);
        let blinks: Vec<u8> = (0..18)
            .map(|row| (screen.blink.rows >> row & 1) as u8)
            .collect();
        assert_eq!(self.bytes("row_blinks", 18), blinks);
        if let Some([shades, colours @ ..]) = screen.palette {
            assert_eq!(self.byte("shades"), shades);
            assert_eq!(self.bytes("palettes", 32), colours);
        }
        for (id, chart) in (0..).zip(screen.charts()) {
            self.assert_chart(id, chart);
        }
    }

    /// Compares a chart: its place, and what of its values is in each of the rows.
    #[track_caller]
    fn assert_chart(&self, id: u16, chart: &skerry_panel_proto::chart::Chart) {
        let place = self.bytes("chart_places", 32)[usize::from(id) * 8..][..5].to_vec();
        let expect = chart
            .place()
            .map(|it| [it.row, it.column, it.width, it.height]);
        match expect {
            Some(expect) => assert_eq!(place[..4], expect, "chart {id}"),
            None => assert_eq!(place[3], 0, "chart {id}"),
        }
        for up in 0..3 {
            let page = address("chart_levels") + (id * 3 + up) * 0x100;
            let first = place[4].wrapping_sub(40);
            let level = |nth: u8| self.machine.peek(page + u16::from(first.wrapping_add(nth)));
            let levels: Vec<u8> = (0..40).map(level).collect();
            let value = |value: &u8| value.saturating_sub(up as u8 * 8).min(8);
            let expect: Vec<u8> = chart.values().iter().map(value).collect();
            assert_eq!(levels, expect, "chart {id}, row {up}");
        }
    }

    /// Compares video memory with what the cartridge keeps.
    #[track_caller]
    pub(crate) fn assert_drawn(&self) {
        let flags = [
            "rows_dirty",
            "tiles_dirty",
            "sprites_dirty",
            "rx_tail",
            "rx_head",
            "p_left",
        ];
        let values = flags.map(|it| (it, self.byte(it)));
        assert!(self.is_drawn(), "{values:?} {:?}", self.bytes("flags", 96));
        for row in 0..ROWS {
            let hidden = self.byte("blink_hidden") != 0
                && self.bytes("row_blinks", 18)[usize::from(row)] != 0;
            let expect = if hidden {
                vec![0x20; 20]
            } else {
                self.row(row)
            };
            assert_eq!(self.video_row(row), expect, "row {row}");
        }
        let video: Vec<u8> = (0x8000..0x8200).map(|at| self.machine.peek(at)).collect();
        assert_eq!(video, self.bytes("own_tiles", 512));
    }
}

fn address(name: &str) -> u16 {
    symbol(name).unwrap_or_else(|| panic!("no symbol {name}"))
}

/// Random numbers from a seed (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Less than `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    pub(crate) fn bytes(&mut self, len: u64) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }
}

/// An operation and its payload, sound most of the time.
pub(crate) fn payload(random: &mut Random) -> (u8, Vec<u8>) {
    let mut small = |limit: u64| u8::try_from(random.below(limit)).unwrap();
    let kind = small(13);
    let fixed = match kind {
        1 => vec![1 + small(20) / 19, small(9)],
        2 => vec![0; usize::from(small(20) / 19)],
        4 => {
            let (row, column) = (small(19), small(21));
            vec![
                row,
                column,
                small(20 - u64::from(row)),
                small(22 - u64::from(column)),
                small(255),
            ]
        }
        6 => {
            let (row, column) = (small(18), small(20));
            vec![
                small(4),
                row,
                column,
                small(22 - u64::from(column)),
                small(5),
            ]
        }
        8 => vec![if small(4) == 0 { 0xFF } else { small(20) }],
        9 => vec![small(255), small(255), small(5), small(20)],
        10 => vec![small(5)],
        _ => Vec::new(),
    };
    let payload = match kind {
        3 => {
            let head = vec![small(19), small(21)];
            let len = random.below(67);
            [head, random.bytes(len)].concat()
        }
        5 => {
            let len = 1 + 16 * random.below(6).min(4) + random.below(20) / 19;
            [vec![(random.below(34)) as u8], random.bytes(len - 1)].concat()
        }
        7 => {
            let len = random.below(43);
            let values = random.bytes(len).into_iter().map(|it| it % 32);
            std::iter::once((random.below(20) % 5) as u8)
                .chain(values)
                .collect()
        }
        11 => random.bytes(33),
        _ => fixed,
    };
    (kind, payload)
}
