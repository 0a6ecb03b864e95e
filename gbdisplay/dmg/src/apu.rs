//! Enough sound to hear a beep (Pan Docs, "Audio"): channel 1 with its length and envelope, the
//! master switch and both volumes. The sweep of channel 1 and channels 2 to 4 are absent.

use std::collections::VecDeque;

/// Dots in a second.
const CLOCK_HZ: u32 = 4_194_304;

/// Falling edges of this bit of the divider clock lengths and envelopes, at 512 Hz.
const SEQUENCER_TAP: u16 = 1 << 12;

/// Which eighths of a period are high, for each duty of NR11.
const DUTY: [u8; 4] = [0b1000_0000, 0b1000_0001, 0b1110_0001, 0b0111_1110];

/// NR10..=NR14: channel 1.
#[derive(Clone, Debug, Default)]
struct Square {
    registers: [u8; 5],
    playing: bool,
    /// Ticks of 256 Hz until it falls silent, when NR14 asks for that.
    length: u8,
    volume: u8,
    /// Ticks of 64 Hz until the volume changes.
    envelope: u8,
    /// Dots until the next eighth of a period.
    wait: u16,
    eighth: u8,
}

impl Square {
    const fn length_enabled(&self) -> bool {
        self.registers[4] & 0x40 != 0
    }

    const fn dac_is_on(&self) -> bool {
        self.registers[2] & 0xF8 != 0
    }

    /// Dots in an eighth of a period.
    const fn eighth_dots(&self) -> u16 {
        let frequency = u16::from_be_bytes([self.registers[4] & 7, self.registers[3]]);
        (2048 - frequency) * 4
    }

    fn write(&mut self, register: u16, value: u8) {
        let Some(place) = self.registers.get_mut(usize::from(register)) else {
            return;
        };
        *place = value;
        match register {
            1 => self.length = 64 - (value & 0x3F),
            2 if !self.dac_is_on() => self.playing = false,
            4 if value & 0x80 != 0 => self.trigger(),
            _ => {}
        }
    }

    const fn trigger(&mut self) {
        self.playing = self.dac_is_on();
        if self.length == 0 {
            self.length = 64;
        }
        self.volume = self.registers[2] >> 4;
        self.envelope = self.registers[2] & 7;
        self.wait = self.eighth_dots();
    }

    const fn tick_length(&mut self) {
        if self.length_enabled() && self.length > 0 {
            self.length -= 1;
            self.playing &= self.length > 0;
        }
    }

    fn tick_envelope(&mut self) {
        let period = self.registers[2] & 7;
        if period == 0 {
            return;
        }
        self.envelope = self.envelope.saturating_sub(1);
        if self.envelope == 0 {
            self.envelope = period;
            self.volume = if self.registers[2] & 8 != 0 {
                (self.volume + 1).min(15)
            } else {
                self.volume.saturating_sub(1)
            };
        }
    }

    fn tick(&mut self, dots: u16) {
        if !self.playing {
            return;
        }
        while self.wait <= dots {
            self.wait += self.eighth_dots();
            self.eighth = (self.eighth + 1) & 7;
        }
        self.wait -= dots;
    }

    /// -15 to 15.
    fn level(&self) -> i16 {
        let high = DUTY[usize::from(self.registers[1] >> 6)] << self.eighth & 0x80 != 0;
        match (self.playing, high) {
            (false, _) => 0,
            (true, true) => self.volume.into(),
            (true, false) => -i16::from(self.volume),
        }
    }
}

/// FF10..=FF26.
#[derive(Clone, Debug)]
pub(crate) struct Apu {
    on: bool,
    square: Square,
    /// NR50: volumes.
    volumes: u8,
    /// NR51: which channel is heard where.
    panning: u8,
    step: u8,
    /// Samples per second; 0 makes none.
    rate: u32,
    /// Time since the last sample, in dots times `rate`.
    phase: u32,
    samples: VecDeque<i16>,
}

impl Apu {
    pub(crate) const fn new() -> Self {
        Self {
            on: true,
            square: Square {
                registers: [0x80, 0xBF, 0xF3, 0xFF, 0xBF],
                playing: true,
                length: 0,
                volume: 0,
                envelope: 0,
                wait: 1,
                eighth: 0,
            },
            volumes: 0x77,
            panning: 0xF3,
            step: 0,
            rate: 0,
            phase: 0,
            samples: VecDeque::new(),
        }
    }

    /// Samples per second from now on, at most 192,000; 0 makes none.
    pub(crate) fn set_rate(&mut self, rate: u32) {
        self.rate = rate.min(192_000);
        self.phase = 0;
        self.samples.clear();
    }

    pub(crate) fn take(&mut self) -> Vec<i16> {
        self.samples.drain(..).collect()
    }

    /// Some dots; `fell` are the bits of the divider that fell meanwhile.
    pub(crate) fn tick(&mut self, dots: u16, fell: u16) {
        if self.on {
            if fell & SEQUENCER_TAP != 0 {
                self.sequence();
            }
            self.square.tick(dots);
        }
        if self.rate > 0 {
            self.phase += u32::from(dots) * self.rate;
            if self.phase >= CLOCK_HZ {
                self.phase -= CLOCK_HZ;
                self.sample();
            }
        }
    }

    fn sequence(&mut self) {
        self.step = (self.step + 1) & 7;
        if self.step & 1 == 0 {
            self.square.tick_length();
        }
        if self.step == 7 {
            self.square.tick_envelope();
        }
    }

    /// Nobody may ask for the samples: a second is kept.
    fn sample(&mut self) {
        let side = |shift: u8| {
            let heard = self.panning >> shift & 1;
            i16::from(heard * ((self.volumes >> shift & 7) + 1))
        };
        let sample = self.square.level() * (side(0) + side(4)) * 128;
        if self.samples.len() >= usize::try_from(self.rate).unwrap_or(usize::MAX) {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// FF10..=FF3F. What cannot be read back reads 1s.
    pub(crate) const fn read(&self, address: u16) -> u8 {
        match address {
            0xFF10 => self.square.registers[0] | 0x80,
            0xFF11 => self.square.registers[1] | 0x3F,
            0xFF12 => self.square.registers[2],
            0xFF14 => self.square.registers[4] | 0xBF,
            0xFF24 => self.volumes,
            0xFF25 => self.panning,
            0xFF26 => 0x70 | (self.on as u8) << 7 | self.square.playing as u8,
            _ => 0xFF,
        }
    }

    /// FF10..=FF3F. While the master switch is off, only it listens.
    pub(crate) fn write(&mut self, address: u16, value: u8) {
        match address {
            0xFF26 => self.switch(value & 0x80 != 0),
            _ if !self.on => {}
            0xFF10..=0xFF14 => self.square.write(address - 0xFF10, value),
            0xFF24 => self.volumes = value,
            0xFF25 => self.panning = value,
            _ => {}
        }
    }

    fn switch(&mut self, on: bool) {
        if !on {
            self.square = Square::default();
            self.volumes = 0;
            self.panning = 0;
        } else if !self.on {
            self.step = 7;
        }
        self.on = on;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of sound after these writes, with the divider running.
    fn second(writes: &[(u16, u8)]) -> (Apu, Vec<i16>) {
        let mut apu = Apu::new();
        apu.write(0xFF26, 0);
        apu.write(0xFF26, 0x80);
        apu.write(0xFF24, 0x77);
        apu.write(0xFF25, 0x11);
        apu.set_rate(48_000);
        for &(address, value) in writes {
            apu.write(address, value);
        }
        for cycle in 0..CLOCK_HZ / 4 {
            let fell = if cycle % 2048 == 2047 {
                SEQUENCER_TAP
            } else {
                0
            };
            apu.tick(4, fell);
        }
        let samples = apu.take();
        (apu, samples)
    }

    fn rises(samples: &[i16]) -> usize {
        samples
            .windows(2)
            .filter(|it| it[0] <= 0 && it[1] > 0)
            .count()
    }

    /// 131072 / (2048 - 1798) is about 524 Hz.
    const TONE: [(u16, u8); 3] = [(0xFF11, 0x80), (0xFF12, 0xF0), (0xFF13, 0x06)];

    #[test]
    fn a_tone_has_its_frequency() {
        let mut writes = TONE.to_vec();
        writes.push((0xFF14, 0x87));
        let (apu, samples) = second(&writes);
        assert_eq!(samples.len(), 48_000);
        let rises = rises(&samples);
        assert!((523..=525).contains(&rises), "{rises}");
        assert_eq!(apu.read(0xFF26), 0xF1);
    }

    #[test]
    fn a_length_ends_the_tone_and_the_status() {
        let mut writes = TONE.to_vec();
        // 64 - 0x20 ticks of 256 Hz: an eighth of a second.
        writes.extend([(0xFF11, 0xA0), (0xFF14, 0xC7)]);
        let (apu, samples) = second(&writes);
        let last = samples.iter().rposition(|it| *it != 0).unwrap();
        assert!((5_900..=6_100).contains(&last), "{last}");
        assert_eq!(apu.read(0xFF26), 0xF0);
    }

    #[test]
    fn an_envelope_fades_the_tone() {
        let mut writes = TONE.to_vec();
        writes.extend([(0xFF12, 0xF1), (0xFF14, 0x87)]);
        let (_, samples) = second(&writes);
        // 15 ticks of 64 Hz.
        let last = samples.iter().rposition(|it| *it != 0).unwrap();
        assert!((10_400..=11_300).contains(&last), "{last}");
    }

    #[test]
    fn nothing_is_heard_while_the_switch_is_off() {
        let mut writes = vec![(0xFF26, 0)];
        writes.extend(TONE);
        writes.push((0xFF14, 0x87));
        let (apu, samples) = second(&writes);
        assert!(samples.iter().all(|it| *it == 0));
        assert_eq!(apu.read(0xFF26), 0x70);
    }
}
