//! Every opcode (Pan Docs, "CPU Instruction Set"), by the quarters of the encoding.
//!
//! In an opcode's bits `xxyyyzzz`, `xx` is the quarter, `yyy` the target, operation or condition,
//! and `zzz` the source or the kind.

use super::{C, Cpu, Did, H, N, REG_A, REG_C, REG_F, State, Z};
use crate::bus::Bus;

impl Cpu {
    pub(super) fn execute(&mut self, opcode: u8, bus: &mut Bus) -> Did {
        match opcode >> 6 {
            0 => self.execute_mixed(opcode, bus),
            1 if opcode == 0x76 => self.halt(bus),
            1 => {
                let value = self.operand(opcode, bus);
                self.set_operand(opcode >> 3, value, bus);
            }
            2 => {
                let value = self.operand(opcode, bus);
                self.arithmetic(opcode >> 3, value);
            }
            _ => return self.execute_control(opcode, bus),
        }
        Did::Ran
    }

    /// 00 to 3F.
    fn execute_mixed(&mut self, opcode: u8, bus: &mut Bus) {
        let target = opcode >> 3;
        let pair = opcode >> 4;
        match opcode & 0x0F {
            0x0 | 0x8 => self.execute_jumps(opcode, bus),
            0x1 => {
                let value = self.fetch_word(bus);
                self.set_pair(pair, value);
            }
            0x2 => {
                let address = self.indirect(pair);
                bus.write(address, self.r[REG_A]);
            }
            0xA => {
                let address = self.indirect(pair);
                self.r[REG_A] = bus.read(address);
            }
            0x3 | 0xB => {
                bus.idle();
                let step = if opcode & 8 == 0 { 1 } else { -1 };
                self.set_pair(pair, self.pair(pair).wrapping_add_signed(step));
            }
            0x9 => {
                bus.idle();
                self.add_to_hl(self.pair(pair));
            }
            0x4 | 0xC => {
                let value = self.operand(target, bus);
                let value = self.increment(value);
                self.set_operand(target, value, bus);
            }
            0x5 | 0xD => {
                let value = self.operand(target, bus);
                let value = self.decrement(value);
                self.set_operand(target, value, bus);
            }
            0x6 | 0xE => {
                let value = self.fetch(bus);
                self.set_operand(target, value, bus);
            }
            _ => self.execute_on_a(target),
        }
    }

    /// BC, DE, HL and then one more, HL and then one less.
    fn indirect(&mut self, pair: u8) -> u16 {
        let address = self.pair(pair.min(2));
        match pair {
            2 => self.set_pair(2, address.wrapping_add(1)),
            3 => self.set_pair(2, address.wrapping_sub(1)),
            _ => return address,
        }
        address
    }

    /// NOP, LD (a16),SP, STOP, JR.
    fn execute_jumps(&mut self, opcode: u8, bus: &mut Bus) {
        match opcode {
            0x00 => {}
            0x08 => {
                let address = self.fetch_word(bus);
                let [high, low] = self.sp.to_be_bytes();
                bus.write(address, low);
                bus.write(address.wrapping_add(1), high);
            }
            0x10 => self.stop(bus),
            _ => {
                let offset = self.fetch(bus);
                if opcode == 0x18 || self.condition(opcode >> 3) {
                    bus.idle();
                    self.pc = self.pc.wrapping_add_signed(offset.cast_signed().into());
                }
            }
        }
    }

    /// RLCA, RRCA, RLA, RRA, DAA, CPL, SCF, CCF.
    fn execute_on_a(&mut self, operation: u8) {
        let flags = self.r[REG_F];
        match operation {
            0..4 => {
                self.r[REG_A] = self.rotate(operation, self.r[REG_A]);
                self.r[REG_F] &= C;
            }
            4 => self.decimal_adjust(),
            5 => {
                self.r[REG_A] = !self.r[REG_A];
                self.r[REG_F] = flags | N | H;
            }
            6 => self.r[REG_F] = flags & Z | C,
            _ => self.r[REG_F] = flags & (Z | C) ^ C,
        }
    }

    /// C0 to FF.
    fn execute_control(&mut self, opcode: u8, bus: &mut Bus) -> Did {
        match opcode & 7 {
            0 | 1 => return self.execute_returns(opcode, bus),
            2 => self.execute_far(opcode, bus),
            3 => self.execute_special(opcode, bus),
            4 if opcode < 0xE0 => {
                let address = self.fetch_word(bus);
                if self.condition(opcode >> 3) {
                    self.call(address, bus);
                }
            }
            5 if opcode & 8 == 0 => self.push(self.stacked(opcode >> 4), bus),
            5 if opcode == 0xCD => {
                let address = self.fetch_word(bus);
                self.call(address, bus);
            }
            6 => {
                let value = self.fetch(bus);
                self.arithmetic(opcode >> 3, value);
            }
            7 => self.call(u16::from(opcode & 0x38), bus),
            _ => self.state = State::Locked,
        }
        Did::Ran
    }

    fn call(&mut self, address: u16, bus: &mut Bus) {
        self.push(self.pc, bus);
        self.pc = address;
    }

    /// RET and its conditions, LDH (a8), ADD SP, LD HL,SP+e, POP, RETI, JP HL, LD SP,HL.
    fn execute_returns(&mut self, opcode: u8, bus: &mut Bus) -> Did {
        match opcode {
            0xC0 | 0xC8 | 0xD0 | 0xD8 => {
                bus.idle();
                if self.condition(opcode >> 3) {
                    return self.ret(bus);
                }
            }
            0xC9 => return self.ret(bus),
            0xD9 => {
                self.ime = true;
                return self.ret(bus);
            }
            0xE0 => {
                let address = 0xFF00 | u16::from(self.fetch(bus));
                bus.write(address, self.r[REG_A]);
            }
            0xF0 => {
                let address = 0xFF00 | u16::from(self.fetch(bus));
                self.r[REG_A] = bus.read(address);
            }
            0xE8 => {
                let offset = self.fetch(bus);
                bus.idle();
                bus.idle();
                self.sp = self.sp_plus(offset);
            }
            0xF8 => {
                let offset = self.fetch(bus);
                bus.idle();
                let sum = self.sp_plus(offset);
                self.set_pair(2, sum);
            }
            0xE9 => self.pc = self.hl(),
            0xF9 => {
                bus.idle();
                self.sp = self.hl();
            }
            _ => {
                let value = self.pop(bus);
                self.set_stacked(opcode >> 4, value);
            }
        }
        Did::Ran
    }

    fn ret(&mut self, bus: &mut Bus) -> Did {
        self.pc = self.pop(bus);
        bus.idle();
        Did::Returned
    }

    /// JP with a condition, LDH (C), LD (a16).
    fn execute_far(&mut self, opcode: u8, bus: &mut Bus) {
        let port = 0xFF00 | u16::from(self.r[REG_C]);
        match opcode {
            0xE2 => bus.write(port, self.r[REG_A]),
            0xF2 => self.r[REG_A] = bus.read(port),
            0xEA => {
                let address = self.fetch_word(bus);
                bus.write(address, self.r[REG_A]);
            }
            0xFA => {
                let address = self.fetch_word(bus);
                self.r[REG_A] = bus.read(address);
            }
            _ => {
                let address = self.fetch_word(bus);
                if self.condition(opcode >> 3) {
                    bus.idle();
                    self.pc = address;
                }
            }
        }
    }

    /// JP, the instructions behind CB, DI, EI; the rest do not exist.
    fn execute_special(&mut self, opcode: u8, bus: &mut Bus) {
        match opcode {
            0xC3 => {
                let address = self.fetch_word(bus);
                bus.idle();
                self.pc = address;
            }
            0xCB => self.execute_bits(bus),
            0xF3 => self.ime = false,
            0xFB => self.ime_next = true,
            _ => self.state = State::Locked,
        }
    }

    /// With an interrupt pending it does not wait. If none is served then, the byte after it is
    /// read twice (the "halt bug"); if EI came just before, the handler returns to HALT itself.
    fn halt(&mut self, bus: &Bus) {
        if bus.interrupts.pending() == 0 {
            self.state = State::Halted;
        } else if !self.ime {
            self.halt_bug = true;
        } else if self.ime_fresh {
            self.pc = self.pc.wrapping_sub(1);
        }
    }

    /// The byte after it is skipped.
    fn stop(&mut self, bus: &mut Bus) {
        self.pc = self.pc.wrapping_add(1);
        self.state = if bus.stop() {
            State::Switching(2050)
        } else {
            State::Stopped
        };
    }
}
