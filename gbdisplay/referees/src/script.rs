//! What is done to an emulator, and what it answers: one format for all of them.
//!
//! A script is lines of text, in the order of time, which counts M-cycles since the Game Boy was
//! switched on:
//!
//! ```text
//! at 200000 byte 5a       the host clocks a byte, 131072 bits a second from then on
//! at 200157 idle          the host clocks 00, since it has nothing to say: nobody misses it
//! at 300000 keys 10       these keys are held from then on; bits as in `skerry_dmg::Keys`
//! at 400000 frame         answers with the last frame that ended
//! at 400000 peek c000     answers with a byte of memory
//! wait c000 600           runs until that byte is not 0, at most so many frames; answers with it
//! ```
//!
//! An answer is a line too: `reply 96` for each byte, `frame` with the pixels, `peek 01`, `wait 01`.

use std::fmt;

use anyhow::{Context, Result, bail};
use skerry_dmg::{CYCLES_PER_SECOND, Keys};

use crate::picture::Picture;

/// What happens at a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Deed {
    /// The host clocks this byte.
    Byte(u8),
    /// The host clocks 00, since it has nothing to say. Who cannot be clocked as fast may leave it
    /// out.
    Idle,
    /// These keys are held.
    Keys(Keys),
    /// The last frame is asked for.
    Frame,
    /// A byte of memory is asked for.
    Peek(u16),
}

/// A line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Line {
    /// At an M-cycle.
    At(u64, Deed),
    /// Until a byte of memory is not 0, for at most so many frames.
    Wait(u16, u32),
}

/// What a host clocks that has nothing to say.
pub(crate) const IDLE: u8 = 0;

/// M-cycles from one bit to the next: 131072 Hz.
pub const CYCLES_PER_BIT: u32 = 8;

/// M-cycles from the start of a byte to its last bit: the first is due in the next one.
pub const CYCLES_PER_BYTE: u64 = 7 * CYCLES_PER_BIT as u64 + 1;

/// What is done to an emulator.
#[derive(Clone, Debug, Default)]
pub struct Script {
    lines: Vec<Line>,
    /// When the next line may be.
    now: u64,
}

impl Script {
    /// Nothing, at the time 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// The lines in their order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The time of the next line, in M-cycles.
    pub const fn now(&self) -> u64 {
        self.now
    }

    /// Lets time go by.
    pub const fn pause(&mut self, cycles: u64) -> &mut Self {
        self.now = self.now.saturating_add(cycles);
        self
    }

    /// Bytes from the host, the start of each `micros` microseconds after that of the one before.
    pub fn bytes(&mut self, bytes: &[u8], micros: u64) -> &mut Self {
        for byte in bytes {
            self.exchange(Deed::Byte(*byte), micros);
        }
        self
    }

    /// So many bytes from a host that has nothing to say.
    pub fn idle(&mut self, count: usize, micros: u64) -> &mut Self {
        for _ in 0..count {
            self.exchange(Deed::Idle, micros);
        }
        self
    }

    fn exchange(&mut self, deed: Deed, micros: u64) {
        self.lines.push(Line::At(self.now, deed));
        let period = micros * CYCLES_PER_SECOND / 1_000_000;
        self.pause(period.max(CYCLES_PER_BYTE + 1));
    }

    /// Something at a time that is known, though no sooner than the line before it.
    pub fn at(&mut self, cycle: u64, deed: Deed) -> &mut Self {
        self.now = self.now.max(cycle);
        self.lines.push(Line::At(self.now, deed));
        self
    }

    /// These keys are held from now on.
    pub fn keys(&mut self, keys: Keys) -> &mut Self {
        self.lines.push(Line::At(self.now, Deed::Keys(keys)));
        self
    }

    /// Asks for the last frame.
    pub fn frame(&mut self) -> &mut Self {
        self.lines.push(Line::At(self.now, Deed::Frame));
        self
    }

    /// Asks for a byte of memory.
    pub fn peek(&mut self, address: u16) -> &mut Self {
        self.lines.push(Line::At(self.now, Deed::Peek(address)));
        self
    }

    /// Waits until a byte of memory is not 0, for at most so many frames, and asks for it. Nothing
    /// but more of these can follow: nobody knows the time then.
    pub fn wait(&mut self, address: u16, frames: u32) -> &mut Self {
        self.lines.push(Line::Wait(address, frames));
        self.now = u64::MAX;
        self
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            match line {
                Line::At(cycle, Deed::Byte(byte)) => writeln!(f, "at {cycle} byte {byte:02x}")?,
                Line::At(cycle, Deed::Idle) => writeln!(f, "at {cycle} idle")?,
                Line::At(cycle, Deed::Keys(keys)) => {
                    writeln!(f, "at {cycle} keys {:02x}", keys.bits())?;
                }
                Line::At(cycle, Deed::Frame) => writeln!(f, "at {cycle} frame")?,
                Line::At(cycle, Deed::Peek(address)) => {
                    writeln!(f, "at {cycle} peek {address:04x}")?;
                }
                Line::Wait(address, frames) => writeln!(f, "wait {address:04x} {frames}")?,
            }
        }
        Ok(())
    }
}

/// What an emulator answered.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Answers {
    /// What it shifted out for each byte; PyBoy does not say.
    pub replies: Vec<u8>,
    /// The frames that were asked for.
    pub frames: Vec<Picture>,
    /// The bytes of memory that were asked for, also those waited for.
    pub bytes: Vec<u8>,
}

impl Answers {
    /// Reads the lines of an answer.
    ///
    /// # Errors
    /// A line that is no answer.
    pub fn parse(text: &str) -> Result<Self> {
        let mut answers = Self::default();
        for line in text.lines() {
            let (word, value) = line.split_once(' ').context("an answer has two words")?;
            match word {
                "frame" => answers.frames.push(Picture(value.to_owned())),
                "reply" => answers.replies.push(u8::from_str_radix(value, 16)?),
                "peek" | "wait" => answers.bytes.push(u8::from_str_radix(value, 16)?),
                _ => bail!("no answer: {line}"),
            }
        }
        Ok(answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_written_line_by_line() {
        let mut script = Script::new();
        script
            .pause(1000)
            .bytes(&[0x5A, 1], 150)
            .idle(1, 150)
            .keys(Keys::A)
            .frame();
        script.peek(0xC000).wait(0xC001, 60);
        let text = "at 1000 byte 5a\nat 1157 byte 01\nat 1314 idle\nat 1471 keys 10\n\
                    at 1471 frame\nat 1471 peek c000\nwait c001 60\n";
        assert_eq!(script.to_string(), text);
    }

    #[test]
    fn answers_are_read_line_by_line() {
        let answers = Answers::parse("reply 96\npeek 01\nwait 02\nframe 0123\n").unwrap();
        assert_eq!(answers.replies, [0x96]);
        assert_eq!(answers.bytes, [1, 2]);
        assert_eq!(answers.frames, [Picture("0123".into())]);
        Answers::parse("hm").unwrap_err();
        Answers::parse("reply xy").unwrap_err();
    }
}
