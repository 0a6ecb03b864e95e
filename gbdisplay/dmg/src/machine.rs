//! A Game Boy with a cartridge in it: what a host holds.

use crate::bus::Bus;
use crate::cartridge::{Cartridge, RomError};
use crate::cpu::Cpu;
use crate::frame::Frame;
use crate::interrupts::Interrupt;
use crate::joypad::Keys;
use crate::profile::Profile;

/// M-cycles in a second of machine time.
pub const CYCLES_PER_SECOND: u64 = 1_048_576;

/// M-cycles in a frame.
pub const CYCLES_PER_FRAME: u64 = 17_556;

/// Which Game Boy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Model {
    /// The first, with four shades.
    Dmg,
    /// The Color. A ROM whose header does not know it runs as on a DMG.
    Cgb,
}

/// What went wrong on silicon without anybody noticing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Writes to video memory that were lost in mode 3.
    pub vram_drops: u64,
    /// Writes to OAM that were lost in modes 2 and 3.
    pub oam_drops: u64,
    /// Bits clocked by the host while no transfer was armed.
    pub unarmed_bits: u64,
    /// Bytes of [`Machine::link_send`] of which at least one bit met no armed transfer.
    pub unarmed_bytes: u64,
}

/// The registers of the CPU.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Registers {
    /// A and the flags.
    pub af: u16,
    /// B and C.
    pub bc: u16,
    /// D and E.
    pub de: u16,
    /// H and L.
    pub hl: u16,
    /// Stack pointer.
    pub sp: u16,
    /// Address of the next instruction.
    pub pc: u16,
}

/// A Game Boy, started where the boot ROM would have ended.
#[derive(Clone, Debug)]
pub struct Machine {
    cpu: Cpu,
    bus: Bus,
    profile: Option<Profile>,
}

impl Machine {
    /// Puts a cartridge in and switches on.
    ///
    /// # Errors
    /// The bytes are no ROM, or ask for hardware that is not modelled.
    pub fn new(rom: &[u8], model: Model) -> Result<Self, RomError> {
        let cartridge = Cartridge::new(rom)?;
        let color = model == Model::Cgb && cartridge.wants_color();
        Ok(Self {
            cpu: Cpu::new(color),
            bus: Bus::new(cartridge, color),
            profile: None,
        })
    }

    /// M-cycles of 1048576 Hz since it was switched on, whatever the CPU's speed.
    pub const fn cycle(&self) -> u64 {
        self.bus.now() / 4
    }

    /// Runs for at least so many M-cycles: up to the end of an instruction.
    pub fn run(&mut self, cycles: u64) {
        self.run_until(self.cycle().saturating_add(cycles));
    }

    /// Runs up to the end of the instruction in which [`Self::cycle`] reaches `cycle`.
    pub fn run_until(&mut self, cycle: u64) {
        while self.cycle() < cycle {
            self.step();
        }
    }

    /// Runs until a frame ends; an LCD that is off ends blank ones. In STOP nothing moves: then it
    /// gives up after the time of two frames.
    pub fn run_frame(&mut self) {
        let (before, limit) = (self.frames(), self.cycle() + 2 * CYCLES_PER_FRAME);
        while self.frames() == before && self.cycle() < limit {
            self.step();
        }
    }

    fn step(&mut self) {
        let (pc, start) = (self.cpu.pc(), self.bus.now());
        let did = self.cpu.step(&mut self.bus);
        if let Some(profile) = &mut self.profile {
            profile.record(did, pc, self.cpu.sp(), start / 4, self.bus.now() / 4);
        }
    }

    /// Frames that ended so far.
    pub const fn frames(&self) -> u64 {
        self.bus.ppu.frames()
    }

    /// The last frame that ended.
    pub const fn frame(&self) -> &Frame {
        self.bus.ppu.frame()
    }

    /// Which keys are held down from now on.
    pub fn set_keys(&mut self, keys: Keys) {
        if self.bus.joypad.set(keys) {
            self.bus.interrupts.request(Interrupt::Joypad.bit());
            self.cpu.wake();
        }
    }

    /// One pulse of the host's clock on the link, now: a bit goes in, a bit comes out. While the
    /// Game Boy waits for none, nothing shifts, 0 comes out, and the bit is counted.
    pub fn link_clock(&mut self, bit: bool) -> bool {
        let (out, whole) = self.bus.serial.clock(bit);
        if whole {
            self.bus.interrupts.request(Interrupt::Serial.bit());
        }
        out
    }

    /// Starts to clock a byte in, its first bit in the next M-cycle and each other one
    /// `cycles_per_bit` after the one before: 8 is 131072 Hz. The machine must run for it to move
    /// on; a byte that was under way is cut off.
    pub const fn link_send(&mut self, byte: u8, cycles_per_bit: u32) {
        self.bus
            .serial
            .send(byte, cycles_per_bit as u64 * 4, self.bus.now());
    }

    /// What came back for the last [`Self::link_send`], once all of it is through; then `None`.
    pub const fn link_reply(&mut self) -> Option<u8> {
        self.bus.serial.take_reply()
    }

    /// Samples of sound per second from now on, 192,000 at most; 0, as at first, makes none.
    pub fn set_audio_rate(&mut self, rate: u32) {
        self.bus.apu.set_rate(rate);
    }

    /// The samples since the last call, mono; the last second if more came together.
    pub fn take_audio(&mut self) -> Vec<i16> {
        self.bus.apu.take()
    }

    /// What went wrong so far.
    pub const fn counters(&self) -> Counters {
        Counters {
            vram_drops: self.bus.ppu.vram_drops(),
            oam_drops: self.bus.ppu.oam_drops(),
            unarmed_bits: self.bus.serial.unarmed_bits(),
            unarmed_bytes: self.bus.serial.unarmed_bytes(),
        }
    }

    /// What is at an address, whether or not the CPU could read it now. Changes nothing.
    pub fn peek(&self, address: u16) -> u8 {
        self.bus.peek(address)
    }

    /// The registers between two instructions.
    pub fn registers(&self) -> Registers {
        let [af, bc, de, hl] = self.cpu.pairs();
        Registers {
            af,
            bc,
            de,
            hl,
            sp: self.cpu.sp(),
            pc: self.cpu.pc(),
        }
    }

    /// Starts to measure where the time goes, from nothing.
    pub fn start_profile(&mut self) {
        self.profile = Some(Profile::new());
    }

    /// What was measured since [`Self::start_profile`].
    pub const fn profile(&self) -> Option<&Profile> {
        self.profile.as_ref()
    }
}
