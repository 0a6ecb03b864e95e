//! Arithmetic, and what it does to the flags (Pan Docs, "CPU Instruction Set").

use super::{C, Cpu, H, N, REG_A, REG_F, Z};

const fn flag(set: bool, flag: u8) -> u8 {
    if set { flag } else { 0 }
}

impl Cpu {
    /// ADD, ADC, SUB, SBC, AND, XOR, OR, CP.
    pub(super) fn arithmetic(&mut self, operation: u8, value: u8) {
        let a = self.r[REG_A];
        let carry = self.r[REG_F] >> 4 & 1;
        match operation & 7 {
            0 => self.r[REG_A] = self.add(a, value, 0),
            1 => self.r[REG_A] = self.add(a, value, carry),
            2 => self.r[REG_A] = self.subtract(a, value, 0),
            3 => self.r[REG_A] = self.subtract(a, value, carry),
            4 => self.logic(a & value, H),
            5 => self.logic(a ^ value, 0),
            6 => self.logic(a | value, 0),
            _ => {
                self.subtract(a, value, 0);
            }
        }
    }

    fn add(&mut self, a: u8, b: u8, carry: u8) -> u8 {
        let sum = a.wrapping_add(b).wrapping_add(carry);
        let full = u16::from(a) + u16::from(b) + u16::from(carry) > 0xFF;
        let half = (a & 0x0F) + (b & 0x0F) + carry > 0x0F;
        self.r[REG_F] = flag(sum == 0, Z) | flag(half, H) | flag(full, C);
        sum
    }

    fn subtract(&mut self, a: u8, b: u8, carry: u8) -> u8 {
        let difference = a.wrapping_sub(b).wrapping_sub(carry);
        let full = u16::from(a) < u16::from(b) + u16::from(carry);
        let half = a & 0x0F < (b & 0x0F) + carry;
        self.r[REG_F] = flag(difference == 0, Z) | N | flag(half, H) | flag(full, C);
        difference
    }

    fn logic(&mut self, result: u8, half: u8) {
        self.r[REG_A] = result;
        self.r[REG_F] = flag(result == 0, Z) | half;
    }

    /// C stays.
    pub(super) fn increment(&mut self, value: u8) -> u8 {
        let sum = value.wrapping_add(1);
        let carry = self.r[REG_F] & C;
        self.r[REG_F] = carry | flag(sum == 0, Z) | flag(sum & 0x0F == 0, H);
        sum
    }

    /// C stays.
    pub(super) fn decrement(&mut self, value: u8) -> u8 {
        let difference = value.wrapping_sub(1);
        let carry = self.r[REG_F] & C;
        self.r[REG_F] = carry | N | flag(difference == 0, Z) | flag(value & 0x0F == 0, H);
        difference
    }

    /// ADD HL: Z stays, and the halves carry at bits 11 and 15.
    pub(super) fn add_to_hl(&mut self, value: u16) {
        let hl = self.hl();
        let (sum, full) = hl.overflowing_add(value);
        let half = (hl & 0x0FFF) + (value & 0x0FFF) > 0x0FFF;
        self.r[REG_F] = self.r[REG_F] & Z | flag(half, H) | flag(full, C);
        self.set_pair(2, sum);
    }

    /// SP plus a signed byte. The flags are those of the lower byte's unsigned sum.
    pub(super) fn sp_plus(&mut self, offset: u8) -> u16 {
        let [_, low] = self.sp.to_be_bytes();
        let half = (low & 0x0F) + (offset & 0x0F) > 0x0F;
        let full = low.overflowing_add(offset).1;
        self.r[REG_F] = flag(half, H) | flag(full, C);
        self.sp.wrapping_add_signed(offset.cast_signed().into())
    }

    /// Decimal adjust: makes the result of an addition or subtraction of two BCD bytes BCD again.
    pub(super) fn decimal_adjust(&mut self) {
        let (a, flags) = (self.r[REG_A], self.r[REG_F]);
        let subtracted = flags & N != 0;
        let mut carry = flags & C != 0;
        let mut adjust = 0;
        if flags & H != 0 || !subtracted && a & 0x0F > 0x09 {
            adjust |= 0x06;
        }
        if carry || !subtracted && a > 0x99 {
            adjust |= 0x60;
            carry = true;
        }
        let result = if subtracted {
            a.wrapping_sub(adjust)
        } else {
            a.wrapping_add(adjust)
        };
        self.r[REG_A] = result;
        self.r[REG_F] = flag(result == 0, Z) | flags & N | flag(carry, C);
    }
}
