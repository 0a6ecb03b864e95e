//! The link port (Pan Docs, "Serial Data Transfer"): one shift register, clocked from inside or
//! from the other end of the cable.
//!
//! The other end is the host: it gives clock pulses at points of machine time, either one by one
//! ([`Serial::clock`]) or as a byte whose bits follow each other at a fixed distance
//! ([`Serial::send`]).

/// A byte on its way from the host, bit by bit.
#[derive(Clone, Copy, Debug)]
struct Pulses {
    /// What is still to be sent, first bit on top.
    out: u8,
    /// What came back so far, newest bit lowest.
    back: u8,
    left: u8,
    /// Dots from one bit to the next.
    period: u64,
    /// A bit came while nobody waited for it.
    unarmed: bool,
}

/// SB and SC, and the cable.
#[derive(Clone, Debug)]
pub(crate) struct Serial {
    data: u8,
    control: u8,
    /// Bits shifted since SC was written.
    shifted: u8,
    pulses: Option<Pulses>,
    /// When the next bit of `pulses` is due, in dots of machine time.
    due: u64,
    /// The last whole byte that went back to the host.
    reply: Option<u8>,
    unarmed_bits: u64,
    unarmed_bytes: u64,
}

/// SC: a transfer is asked for, or under way.
const START: u8 = 0x80;
/// SC: 262144 Hz instead of 8192 Hz; CGB only.
const FAST: u8 = 0x02;
/// SC: the clock is ours.
const INTERNAL: u8 = 0x01;

/// Falling edges of this bit of the divider come at 8192 Hz.
const SLOW_TAP: u16 = 1 << 8;
/// Falling edges of this bit of the divider come at 262144 Hz.
const FAST_TAP: u16 = 1 << 3;

impl Serial {
    pub(crate) const fn new() -> Self {
        Self {
            data: 0,
            control: 0,
            shifted: 0,
            pulses: None,
            due: u64::MAX,
            reply: None,
            unarmed_bits: 0,
            unarmed_bytes: 0,
        }
    }

    /// Whether a clock from outside would shift.
    const fn armed(&self) -> bool {
        self.control & (START | INTERNAL) == START
    }

    /// One pulse of the host's clock: a bit in, a bit out, and whether the byte is whole now, which
    /// interrupts. While no transfer is armed nothing shifts and 0 comes out.
    pub(crate) const fn clock(&mut self, bit: bool) -> (bool, bool) {
        if self.armed() {
            let out = self.data & 0x80 != 0;
            (out, self.shift(bit))
        } else {
            self.unarmed_bits = self.unarmed_bits.wrapping_add(1);
            (false, false)
        }
    }

    const fn shift(&mut self, bit: bool) -> bool {
        self.data = self.data << 1 | bit as u8;
        self.shifted += 1;
        if self.shifted < 8 {
            return false;
        }
        self.shifted = 0;
        self.control &= !START;
        true
    }

    /// Starts a byte whose first bit is due `now`. One that was under way is cut off.
    pub(crate) const fn send(&mut self, byte: u8, period: u64, now: u64) {
        self.pulses = Some(Pulses {
            out: byte,
            back: 0,
            left: 8,
            period,
            unarmed: false,
        });
        self.reply = None;
        self.due = now;
    }

    /// What the Game Boy shifted out during the last [`Self::send`], once it is whole.
    pub(crate) const fn take_reply(&mut self) -> Option<u8> {
        self.reply.take()
    }

    /// Advances to `now`; `fell` are the bits of the divider that fell in this M-cycle. True when a
    /// byte is whole.
    pub(crate) fn tick(&mut self, now: u64, fell: u16) -> bool {
        let mut whole = false;
        if now >= self.due {
            whole = self.pulse();
        }
        if self.control & (START | INTERNAL) == START | INTERNAL {
            let tap = if self.control & FAST != 0 {
                FAST_TAP
            } else {
                SLOW_TAP
            };
            // An unplugged cable reads 1s.
            whole |= fell & tap != 0 && self.shift(true);
        }
        whole
    }

    fn pulse(&mut self) -> bool {
        let Some(mut pulses) = self.pulses.take() else {
            self.due = u64::MAX;
            return false;
        };
        pulses.unarmed |= !self.armed();
        let (back, whole) = self.clock(pulses.out & 0x80 != 0);
        pulses.out <<= 1;
        pulses.back = pulses.back << 1 | u8::from(back);
        pulses.left -= 1;
        if pulses.left == 0 {
            self.due = u64::MAX;
            self.reply = Some(pulses.back);
            self.unarmed_bytes = self.unarmed_bytes.wrapping_add(pulses.unarmed.into());
        } else {
            self.due = self.due.saturating_add(pulses.period);
            self.pulses = Some(pulses);
        }
        whole
    }

    /// FF01 or FF02. The speed bit of SC exists on a CGB only.
    pub(crate) const fn read(&self, address: u16, color: bool) -> u8 {
        match address & 1 {
            1 => self.data,
            _ if color => self.control | 0x7C,
            _ => self.control | 0x7E,
        }
    }

    /// FF01 or FF02. A write to SC starts the byte from its first bit.
    pub(crate) const fn write(&mut self, address: u16, value: u8, color: bool) {
        if address & 1 == 1 {
            self.data = value;
        } else {
            let speed = if color { FAST } else { 0 };
            self.control = value & (START | INTERNAL | speed);
            self.shifted = 0;
        }
    }

    pub(crate) const fn unarmed_bits(&self) -> u64 {
        self.unarmed_bits
    }

    pub(crate) const fn unarmed_bytes(&self) -> u64 {
        self.unarmed_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SB: u16 = 0xFF01;
    const SC: u16 = 0xFF02;

    /// Sends a byte with eight dots between bits; gives the reply and how many interrupts came.
    fn send(serial: &mut Serial, byte: u8) -> (Option<u8>, u32) {
        serial.send(byte, 8, 0);
        let whole = (0..=64).map(|now| u32::from(serial.tick(now, 0))).sum();
        (serial.take_reply(), whole)
    }

    #[test]
    fn an_armed_byte_is_exchanged_and_interrupts() {
        let mut serial = Serial::new();
        serial.write(SB, 0x96, false);
        serial.write(SC, 0x80, false);
        assert_eq!(send(&mut serial, 0x5A), (Some(0x96), 1));
        assert_eq!(serial.read(SB, false), 0x5A);
        assert_eq!(serial.read(SC, false), 0x7E);
        assert_eq!(serial.unarmed_bytes(), 0);
    }

    #[test]
    fn an_unarmed_byte_is_lost_and_counted() {
        let mut serial = Serial::new();
        serial.write(SB, 0x96, false);
        assert_eq!(send(&mut serial, 0x5A), (Some(0), 0));
        assert_eq!(serial.read(SB, false), 0x96);
        assert_eq!((serial.unarmed_bytes(), serial.unarmed_bits()), (1, 8));
    }

    #[test]
    fn writing_the_control_register_starts_the_byte_again() {
        let mut serial = Serial::new();
        serial.write(SC, 0x80, false);
        for _ in 0..3 {
            serial.clock(true);
        }
        serial.write(SC, 0x80, false);
        assert_eq!(send(&mut serial, 0xC3).1, 1);
        assert_eq!(serial.read(SB, false), 0xC3);
    }

    #[test]
    fn the_internal_clock_reads_ones_from_an_empty_port() {
        let mut serial = Serial::new();
        serial.write(SC, 0x81, false);
        assert_eq!((0..7).filter(|_| serial.tick(0, SLOW_TAP)).count(), 0);
        assert!(!serial.tick(0, FAST_TAP), "a DMG has one speed");
        assert!(serial.tick(0, SLOW_TAP));
        assert_eq!(serial.read(SB, false), 0xFF);
    }
}
