//! Rotations, shifts and single bits: the instructions behind CB, and their four short forms on A.

use super::{C, Cpu, H, REG_F, Z};
use crate::bus::Bus;

impl Cpu {
    /// An instruction behind CB.
    pub(super) fn execute_bits(&mut self, bus: &mut Bus) {
        let opcode = self.fetch(bus);
        let mask = 1 << (opcode >> 3 & 7);
        let value = self.operand(opcode, bus);
        let result = match opcode >> 6 {
            0 => self.rotate(opcode >> 3, value),
            1 => {
                let zero = if value & mask == 0 { Z } else { 0 };
                self.r[REG_F] = self.r[REG_F] & C | H | zero;
                return;
            }
            2 => value & !mask,
            _ => value | mask,
        };
        self.set_operand(opcode, result, bus);
    }

    /// RLC, RRC, RL, RR, SLA, SRA, SWAP, SRL.
    pub(super) fn rotate(&mut self, operation: u8, value: u8) -> u8 {
        let carry = self.r[REG_F] >> 4 & 1;
        let (result, out) = match operation & 7 {
            0 => (value.rotate_left(1), value >> 7),
            1 => (value.rotate_right(1), value & 1),
            2 => (value << 1 | carry, value >> 7),
            3 => (value >> 1 | carry << 7, value & 1),
            4 => (value << 1, value >> 7),
            5 => (value >> 1 | value & 0x80, value & 1),
            6 => (value.rotate_left(4), 0),
            _ => (value >> 1, value & 1),
        };
        let zero = if result == 0 { Z } else { 0 };
        self.r[REG_F] = zero | out << 4;
        result
    }
}
