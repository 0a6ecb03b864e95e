//! The picture processing unit: counts dots, walks through the modes of every line, interrupts, and
//! keeps its memory closed while it uses it (Pan Docs, "Rendering overview", "STAT modes").

mod draw;
mod object;
mod palette;
mod registers;

use crate::frame::Frame;
use crate::interrupts::Interrupt;
use object::{Objects, Scan};
use palette::ColorPalettes;

/// Dots of a line.
const LINE_DOTS: u16 = 456;
/// Dots of mode 2.
const SCAN_DOTS: u16 = 80;
/// Dots of mode 3 without a penalty.
const DRAW_DOTS: u16 = 172;
/// Dots of mode 3 before the first pixel comes out.
const DRAW_DELAY: u16 = 12;
/// Dots of a frame.
const FRAME_DOTS: u32 = 70_224;
/// Lines that are shown.
const LINES: u8 = 144;
/// The last line, most of which already reads as line 0.
const LAST_LINE: u8 = 153;

const LCDC_ON: u8 = 0x80;
pub(crate) const LCDC_WINDOW: u8 = 0x20;
const LCDC_TALL: u8 = 0x04;
pub(crate) const LCDC_OBJECTS: u8 = 0x02;
pub(crate) const LCDC_BACKGROUND: u8 = 0x01;

pub(crate) const STAT_LINE_MATCHES: u8 = 0x04;

/// What a line is doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Mode 0 in place of the scan, on the first line after the LCD was switched on.
    Start,
    /// Mode 2.
    Scan,
    /// Mode 3.
    Draw,
    /// Mode 0; also while the LCD is off.
    Rest,
    /// Mode 1.
    Blank,
    /// Mode 1, at the start of the last line, while that still reads as itself.
    LastLine,
}

impl Phase {
    const fn mode(self) -> u8 {
        match self {
            Self::Start | Self::Rest => 0,
            Self::Blank | Self::LastLine => 1,
            Self::Scan => 2,
            Self::Draw => 3,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Ppu {
    color: bool,
    lcdc: u8,
    stat_enables: u8,
    scy: u8,
    scx: u8,
    /// What LY reads: the line, but for most of the last one.
    ly: u8,
    lyc: u8,
    bgp: u8,
    obp: [u8; 2],
    wy: u8,
    wx: u8,
    bank: u8,
    background_palettes: ColorPalettes,
    object_palettes: ColorPalettes,
    vram: Box<[u8; 0x4000]>,
    oam: [u8; 160],

    phase: Phase,
    line: u8,
    dot: u16,
    /// The dot at which the phase ends.
    phase_end: u16,
    line_matches: bool,
    /// The conditions that STAT enables, ORed: only a rise interrupts ("STAT blocking").
    stat_line: bool,
    objects: Objects,
    /// Pixels of this line that are drawn.
    drawn: u8,
    /// WY was met in this frame.
    window_reached: bool,
    /// The window's own line counter.
    window_line: u8,

    back: Frame,
    front: Frame,
    frames: u64,
    /// Dots since the last frame ended, while the LCD is off.
    off_dots: u32,
    /// The LCD was switched on in this frame, which therefore is not shown.
    hide: bool,
    vram_drops: u64,
    oam_drops: u64,
}

impl Ppu {
    /// As the boot ROM leaves it: early in the last line.
    pub(crate) fn new(color: bool) -> Self {
        Self {
            color,
            lcdc: 0x91,
            stat_enables: 0,
            scy: 0,
            scx: 0,
            ly: 0,
            lyc: 0,
            bgp: 0xFC,
            obp: [0xFF; 2],
            wy: 0,
            wx: 0,
            bank: 0,
            background_palettes: ColorPalettes::new(),
            object_palettes: ColorPalettes::new(),
            vram: Box::new([0; 0x4000]),
            oam: [0; 160],
            phase: Phase::Blank,
            line: LAST_LINE,
            dot: 400,
            phase_end: LINE_DOTS,
            line_matches: true,
            stat_line: false,
            objects: Objects::default(),
            drawn: 0,
            window_reached: false,
            window_line: 0,
            back: Frame::blank(color),
            front: Frame::blank(color),
            frames: 0,
            off_dots: 0,
            hide: false,
            vram_drops: 0,
            oam_drops: 0,
        }
    }

    pub(crate) const fn frame(&self) -> &Frame {
        &self.front
    }

    /// Frames that ended so far; while the LCD is off they go on ending, blank.
    pub(crate) const fn frames(&self) -> u64 {
        self.frames
    }

    pub(crate) const fn vram_drops(&self) -> u64 {
        self.vram_drops
    }

    pub(crate) const fn oam_drops(&self) -> u64 {
        self.oam_drops
    }

    const fn is_on(&self) -> bool {
        self.lcdc & LCDC_ON != 0
    }

    /// Some dots, 4 at most. Gives the interrupts.
    pub(crate) fn tick(&mut self, dots: u16) -> u8 {
        if !self.is_on() {
            self.tick_off(dots);
            return 0;
        }
        self.dot += dots;
        let mut requests = 0;
        while self.dot >= self.phase_end {
            requests |= self.next_phase();
        }
        requests
    }

    fn tick_off(&mut self, dots: u16) {
        self.off_dots += u32::from(dots);
        if self.off_dots >= FRAME_DOTS {
            self.off_dots -= FRAME_DOTS;
            self.front.fill_blank();
            self.frames += 1;
        }
    }

    fn next_phase(&mut self) -> u8 {
        match self.phase {
            Phase::Start | Phase::Scan => self.start_drawing(),
            Phase::Draw => {
                self.draw_up_to(160);
                self.window_line += u8::from(self.window_shows());
                self.enter(Phase::Rest, LINE_DOTS)
            }
            Phase::Rest | Phase::Blank => self.next_line(),
            Phase::LastLine => {
                self.ly = 0;
                self.compare_line() | self.enter(Phase::Blank, LINE_DOTS)
            }
        }
    }

    fn enter(&mut self, phase: Phase, end: u16) -> u8 {
        self.phase = phase;
        self.phase_end = end;
        self.update_stat_line()
    }

    fn next_line(&mut self) -> u8 {
        self.dot -= LINE_DOTS;
        self.line = if self.line == LAST_LINE {
            0
        } else {
            self.line + 1
        };
        self.ly = self.line;
        self.line_matches = self.ly == self.lyc;
        match self.line {
            ..LINES => {
                self.window_reached |= self.line == self.wy;
                self.enter(Phase::Scan, SCAN_DOTS)
            }
            LINES => self.start_blank(),
            LAST_LINE => self.enter(Phase::LastLine, 4),
            _ => self.enter(Phase::Blank, LINE_DOTS),
        }
    }

    fn start_drawing(&mut self) -> u8 {
        self.drawn = 0;
        let scan = Scan {
            oam: &self.oam,
            vram: &self.vram,
            line: self.line,
            tall: self.lcdc & LCDC_TALL != 0,
            color: self.color,
        };
        self.objects = scan.objects();
        let mut length = DRAW_DOTS + u16::from(self.scx & 7);
        if self.lcdc & LCDC_OBJECTS != 0 {
            length += self.objects.penalty(self.scx);
        }
        if self.window_shows() {
            length += 6;
        }
        self.enter(Phase::Draw, SCAN_DOTS + length)
    }

    /// The source of mode 2 interrupts at the start of line 144 too.
    fn start_blank(&mut self) -> u8 {
        self.frames += 1;
        self.off_dots = 0;
        std::mem::swap(&mut self.back, &mut self.front);
        if std::mem::take(&mut self.hide) {
            self.front.fill_blank();
        }
        self.window_reached = false;
        self.window_line = 0;
        let mut requests = Interrupt::VBlank.bit();
        if self.stat_enables & 0x20 != 0 && !self.stat_line {
            requests |= Interrupt::Stat.bit();
        }
        requests | self.enter(Phase::Blank, LINE_DOTS)
    }

    /// Draws what the beam has passed, before something changes. Objects delay the beam on silicon;
    /// here they lengthen the line at its end.
    fn catch_up(&mut self) {
        if self.phase == Phase::Draw {
            let before = SCAN_DOTS + DRAW_DELAY + u16::from(self.scx & 7);
            let passed = self.dot.saturating_sub(before).min(160);
            self.draw_up_to(u8::try_from(passed).unwrap_or(160));
        }
    }

    fn compare_line(&mut self) -> u8 {
        self.line_matches = self.ly == self.lyc;
        self.update_stat_line()
    }

    fn update_stat_line(&mut self) -> u8 {
        let of_mode = match self.phase.mode() {
            0 => 0x08,
            1 => 0x10,
            2 => 0x20,
            _ => 0,
        };
        let of_line = if self.line_matches { 0x40 } else { 0 };
        let before = self.stat_line;
        self.stat_line = self.is_on() && self.stat_enables & (of_mode | of_line) != 0;
        if self.stat_line && !before {
            Interrupt::Stat.bit()
        } else {
            0
        }
    }

    fn write_lcdc(&mut self, value: u8) -> u8 {
        let was_on = self.is_on();
        self.lcdc = value;
        match (was_on, self.is_on()) {
            (true, false) => {
                self.phase = Phase::Rest;
                self.line = 0;
                self.ly = 0;
                self.dot = 0;
                self.window_line = 0;
                self.off_dots = 0;
                self.update_stat_line()
            }
            (false, true) => {
                // The first line is an M-cycle short.
                self.dot = 4;
                self.hide = true;
                self.window_reached = self.wy == 0;
                self.line_matches = self.ly == self.lyc;
                self.enter(Phase::Start, SCAN_DOTS)
            }
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests;
