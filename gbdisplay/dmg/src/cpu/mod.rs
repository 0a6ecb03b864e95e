//! The CPU (SM83): one instruction at a time, every M-cycle of it at its own time.
//!
//! An access takes the M-cycle in which it happens ([`Bus::read`], [`Bus::write`]); M-cycles
//! without an access are [`Bus::idle`]. Interrupts are looked at between instructions, where the
//! fetch of the next one would start (Pan Docs, "Interrupts", "halt").

mod alu;
mod bits;
mod execute;

use crate::bus::Bus;
use crate::interrupts::Interrupt;

/// Zero.
const Z: u8 = 0x80;
/// The last operation was a subtraction.
const N: u8 = 0x40;
/// Carry out of bit 3.
const H: u8 = 0x20;
/// Carry out of bit 7.
const C: u8 = 0x10;

/// Places in the register file, in the order of the encoding; 6 stands for (HL) there, so F has it.
const REG_C: usize = 1;
const REG_H: usize = 4;
const REG_L: usize = 5;
const REG_F: usize = 6;
const REG_A: usize = 7;

/// Whether instructions are run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Running,
    /// HALT: until an interrupt is pending.
    Halted,
    /// STOP: until a key is pressed.
    Stopped,
    /// The rest of a change of speed, in M-cycles.
    Switching(u16),
    /// An opcode that does not exist: for ever.
    Locked,
}

/// What a step did, for those who measure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Did {
    /// An instruction that does not return; also waiting.
    Ran,
    /// RET or RETI, taken.
    Returned,
    /// The handler of this interrupt was entered.
    Interrupted(Interrupt),
}

/// The registers and the state.
#[derive(Clone, Debug)]
pub(crate) struct Cpu {
    r: [u8; 8],
    sp: u16,
    pc: u16,
    /// Interrupts are served.
    ime: bool,
    /// EI ran: `ime` from the next instruction on.
    ime_next: bool,
    /// EI ran one instruction ago.
    ime_fresh: bool,
    /// The next fetch does not move PC on.
    halt_bug: bool,
    state: State,
}

impl Cpu {
    /// As the boot ROM leaves it (Pan Docs, "Power-Up Sequence").
    pub(crate) const fn new(color: bool) -> Self {
        Self {
            r: if color {
                [0x00, 0x00, 0xFF, 0x56, 0x00, 0x0D, 0x80, 0x11]
            } else {
                [0x00, 0x13, 0x00, 0xD8, 0x01, 0x4D, 0xB0, 0x01]
            },
            sp: 0xFFFE,
            pc: 0x0100,
            ime: false,
            ime_next: false,
            ime_fresh: false,
            halt_bug: false,
            state: State::Running,
        }
    }

    pub(crate) const fn pc(&self) -> u16 {
        self.pc
    }

    pub(crate) const fn sp(&self) -> u16 {
        self.sp
    }

    /// AF, BC, DE, HL.
    pub(crate) fn pairs(&self) -> [u16; 4] {
        [self.stacked(3), self.pair(0), self.pair(1), self.pair(2)]
    }

    /// A key was pressed: STOP ends.
    pub(crate) fn wake(&mut self) {
        if self.state == State::Stopped {
            self.state = State::Running;
        }
    }

    /// An instruction, the start of a handler, or an M-cycle of waiting.
    pub(crate) fn step(&mut self, bus: &mut Bus) -> Did {
        match self.state {
            State::Running => {}
            State::Halted if bus.interrupts.pending() != 0 => self.state = State::Running,
            State::Stopped => {
                bus.stand_still();
                return Did::Ran;
            }
            State::Switching(left) => {
                self.state = left.checked_sub(1).map_or(State::Running, State::Switching);
                bus.idle();
                return Did::Ran;
            }
            State::Halted | State::Locked => {
                bus.idle();
                return Did::Ran;
            }
        }
        if self.ime && bus.interrupts.pending() != 0 {
            return self.interrupt(bus);
        }
        self.ime_fresh = std::mem::take(&mut self.ime_next);
        self.ime |= self.ime_fresh;
        let opcode = self.fetch(bus);
        if std::mem::take(&mut self.halt_bug) {
            self.pc = self.pc.wrapping_sub(1);
        }
        self.execute(opcode, bus)
    }

    /// Five M-cycles. Which interrupt it is, is settled only after the upper half of PC is pushed:
    /// that push may overwrite IE, and then none is left and PC becomes 0.
    fn interrupt(&mut self, bus: &mut Bus) -> Did {
        self.ime = false;
        bus.idle();
        bus.idle();
        bus.idle();
        let [high, low] = self.pc.to_be_bytes();
        self.sp = self.sp.wrapping_sub(1);
        bus.write(self.sp, high);
        let enabled = bus.interrupts.enable;
        self.sp = self.sp.wrapping_sub(1);
        bus.write(self.sp, low);
        let pending = enabled & bus.interrupts.flags & 0x1F;
        let Some(interrupt) = bus.interrupts.accept(pending) else {
            self.pc = 0;
            return Did::Ran;
        };
        self.pc = interrupt.vector();
        Did::Interrupted(interrupt)
    }

    fn fetch(&mut self, bus: &mut Bus) -> u8 {
        let byte = bus.read(self.pc);
        self.pc = self.pc.wrapping_add(1);
        byte
    }

    fn fetch_word(&mut self, bus: &mut Bus) -> u16 {
        let low = self.fetch(bus);
        u16::from_be_bytes([self.fetch(bus), low])
    }

    fn push(&mut self, value: u16, bus: &mut Bus) {
        let [high, low] = value.to_be_bytes();
        bus.idle();
        self.sp = self.sp.wrapping_sub(1);
        bus.write(self.sp, high);
        self.sp = self.sp.wrapping_sub(1);
        bus.write(self.sp, low);
    }

    fn pop(&mut self, bus: &mut Bus) -> u16 {
        let low = bus.read(self.sp);
        self.sp = self.sp.wrapping_add(1);
        let high = bus.read(self.sp);
        self.sp = self.sp.wrapping_add(1);
        u16::from_be_bytes([high, low])
    }

    /// BC, DE, HL, SP.
    fn pair(&self, index: u8) -> u16 {
        let place = usize::from(index & 3) * 2;
        if place == 6 {
            return self.sp;
        }
        u16::from_be_bytes([self.r[place], self.r[place + 1]])
    }

    fn set_pair(&mut self, index: u8, value: u16) {
        let place = usize::from(index & 3) * 2;
        if place == 6 {
            self.sp = value;
        } else {
            [self.r[place], self.r[place + 1]] = value.to_be_bytes();
        }
    }

    /// BC, DE, HL, AF: what PUSH and POP mean.
    fn stacked(&self, index: u8) -> u16 {
        if index & 3 == 3 {
            return u16::from_be_bytes([self.r[REG_A], self.r[REG_F]]);
        }
        self.pair(index)
    }

    fn set_stacked(&mut self, index: u8, value: u16) {
        if index & 3 == 3 {
            let [a, f] = value.to_be_bytes();
            self.r[REG_A] = a;
            self.r[REG_F] = f & 0xF0;
        } else {
            self.set_pair(index, value);
        }
    }

    const fn hl(&self) -> u16 {
        u16::from_be_bytes([self.r[REG_H], self.r[REG_L]])
    }

    /// B, C, D, E, H, L, (HL), A.
    fn operand(&mut self, index: u8, bus: &mut Bus) -> u8 {
        match usize::from(index & 7) {
            REG_F => bus.read(self.hl()),
            place => self.r[place],
        }
    }

    fn set_operand(&mut self, index: u8, value: u8, bus: &mut Bus) {
        match usize::from(index & 7) {
            REG_F => bus.write(self.hl(), value),
            place => self.r[place] = value,
        }
    }

    /// NZ, Z, NC, C.
    const fn condition(&self, index: u8) -> bool {
        let flags = self.r[REG_F];
        match index & 3 {
            0 => flags & Z == 0,
            1 => flags & Z != 0,
            2 => flags & C == 0,
            _ => flags & C != 0,
        }
    }
}

#[cfg(test)]
mod tests;
