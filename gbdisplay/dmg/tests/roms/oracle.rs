//! What every instruction that does not jump does, as the CPU instruction set page of Pan Docs and
//! the `gbz80(7)` manual of RGBDS tell it: sums of wide integers, flags as truths.

use super::db;

/// Where the memory operand is.
const OPERAND: u16 = 0xD880;
/// The first byte of the memory around it.
const AROUND: u16 = OPERAND - 4;
/// The byte of high memory that LDH is tried with.
const HIGH: u16 = 0xFF90;

/// Registers in the order B C D E H L - A, and the memory that instructions reach.
#[derive(Clone, Debug)]
struct State {
    r: [u8; 8],
    z: bool,
    n: bool,
    h: bool,
    c: bool,
    sp: u16,
    around: [u8; 8],
    high: u8,
}

const A: usize = 7;

impl State {
    /// From the bytes of `IN`.
    fn new(bytes: &[u8; 19]) -> Self {
        let [f, a, c, b, e, d, l, h, ..] = *bytes;
        Self {
            r: [b, c, d, e, h, l, 0, a],
            z: f & 0x80 != 0,
            n: f & 0x40 != 0,
            h: f & 0x20 != 0,
            c: f & 0x10 != 0,
            sp: u16::from_le_bytes([bytes[8], bytes[9]]),
            around: bytes[10..18].try_into().unwrap(),
            high: bytes[18],
        }
    }

    fn f(&self) -> u8 {
        u8::from(self.z) * 128
            + u8::from(self.n) * 64
            + u8::from(self.h) * 32
            + u8::from(self.c) * 16
    }

    /// The bytes that the ROM adds up, in its order.
    fn bytes(&self) -> Vec<u8> {
        let [b, c, d, e, h, l, _, a] = self.r;
        let mut bytes = vec![self.f(), a, c, b, e, d, l, h];
        bytes.extend(self.sp.to_le_bytes());
        bytes.extend(self.around);
        bytes.push(self.high);
        bytes
    }

    fn read(&self, address: u16) -> u8 {
        match address {
            HIGH => self.high,
            _ => self.around[usize::from(address - AROUND)],
        }
    }

    fn write(&mut self, address: u16, value: u8) {
        match address {
            HIGH => self.high = value,
            _ => self.around[usize::from(address - AROUND)] = value,
        }
    }

    /// BC, DE, HL, SP.
    fn wide(&self, pair: u8) -> u16 {
        match pair {
            3 => self.sp,
            _ => {
                let at = usize::from(pair) * 2;
                u16::from(self.r[at]) * 256 + u16::from(self.r[at + 1])
            }
        }
    }

    fn set_wide(&mut self, pair: u8, value: u16) {
        match pair {
            3 => self.sp = value,
            _ => {
                let at = usize::from(pair) * 2;
                self.r[at] = u8::try_from(value / 256).unwrap();
                self.r[at + 1] = u8::try_from(value % 256).unwrap();
            }
        }
    }

    fn get(&self, operand: u8) -> u8 {
        match operand {
            6 => self.read(self.wide(2)),
            _ => self.r[usize::from(operand)],
        }
    }

    fn set(&mut self, operand: u8, value: u8) {
        match operand {
            6 => self.write(self.wide(2), value),
            _ => self.r[usize::from(operand)] = value,
        }
    }
}

fn low(value: i32) -> u8 {
    u8::try_from(value.rem_euclid(256)).unwrap()
}

/// An operation of A with a byte.
fn operate(s: &mut State, operation: u8, value: u8) {
    let (a, b) = (i32::from(s.r[A]), i32::from(value));
    let carry = i32::from(s.c && matches!(operation, 1 | 3));
    let result = match operation {
        0 | 1 => {
            s.h = a % 16 + b % 16 + carry > 15;
            s.c = a + b + carry > 255;
            low(a + b + carry)
        }
        2 | 3 | 7 => {
            s.h = a % 16 - b % 16 - carry < 0;
            s.c = a - b - carry < 0;
            low(a - b - carry)
        }
        _ => {
            s.h = operation == 4;
            s.c = false;
            match operation {
                4 => s.r[A] & value,
                5 => s.r[A] ^ value,
                _ => s.r[A] | value,
            }
        }
    };
    s.n = matches!(operation, 2 | 3 | 7);
    s.z = result == 0;
    if operation != 7 {
        s.r[A] = result;
    }
}

/// DAA: "if the subtract flag is set, 6 is subtracted for H, 60 for C; else 6 is added if H, or the
/// lower digit is above 9, 60 if C, or A is above 99, which sets C" (`gbz80(7)`).
fn decimal(s: &mut State) {
    let a = i32::from(s.r[A]);
    let units = if s.h || !s.n && a % 16 > 9 { 6 } else { 0 };
    let tens = if s.c || !s.n && a > 0x99 { 0x60 } else { 0 };
    s.r[A] = low(if s.n {
        a - units - tens
    } else {
        a + units + tens
    });
    s.c = tens > 0;
    s.h = false;
    s.z = s.r[A] == 0;
}

/// A rotation or shift of CB 00 to 3F: bits as truths, bit 7 first.
fn turn(s: &mut State, kind: u8, value: u8) -> u8 {
    let bits: Vec<bool> = (0..8).rev().map(|it| value >> it & 1 == 1).collect();
    let (first, last) = (bits[0], bits[7]);
    let left = |new: bool| [&bits[1..], &[new]].concat();
    let right = |new: bool| [&[new], &bits[..7]].concat();
    let (turned, out) = match kind {
        0 => (left(first), first),
        1 => (right(last), last),
        2 => (left(s.c), first),
        3 => (right(s.c), last),
        4 => (left(false), first),
        5 => (right(first), last),
        6 => ([&bits[4..], &bits[..4]].concat(), false),
        _ => (right(false), last),
    };
    let result = turned.iter().fold(0, |sum, bit| sum * 2 + u8::from(*bit));
    (s.z, s.n, s.h, s.c) = (result == 0, false, false, out);
    result
}

fn bits(s: &mut State, opcode: u8) {
    let (operand, bit) = (opcode % 8, opcode / 8 % 8);
    let value = s.get(operand);
    match opcode / 64 {
        0 => {
            let turned = turn(s, bit, value);
            s.set(operand, turned);
        }
        1 => (s.z, s.n, s.h) = (value >> bit & 1 == 0, false, true),
        2 => s.set(operand, value & !(1 << bit)),
        _ => s.set(operand, value | 1 << bit),
    }
}

/// SP and a signed byte; the flags are those of the unsigned sum of the lower bytes.
fn stack_sum(s: &mut State, byte: u8) -> u16 {
    let (sp, unsigned) = (i32::from(s.sp), i32::from(byte));
    (s.z, s.n) = (false, false);
    s.h = sp % 16 + unsigned % 16 > 15;
    s.c = sp % 256 + unsigned > 255;
    let signed = if unsigned > 127 {
        unsigned - 256
    } else {
        unsigned
    };
    u16::try_from((sp + signed).rem_euclid(0x1_0000)).unwrap()
}

/// 00 to 3F.
fn lower(s: &mut State, opcode: u8, word: u16) {
    let (pair, target) = (opcode / 16, opcode / 8);
    match opcode % 16 {
        1 => s.set_wide(pair, word),
        2 | 10 => {
            let address = s.wide(pair.min(2));
            if opcode % 16 == 2 {
                s.write(address, s.r[A]);
            } else {
                s.r[A] = s.read(address);
            }
            match pair {
                2 => s.set_wide(2, address.wrapping_add(1)),
                3 => s.set_wide(2, address.wrapping_sub(1)),
                _ => {}
            }
        }
        3 => s.set_wide(pair, s.wide(pair).wrapping_add(1)),
        11 => s.set_wide(pair, s.wide(pair).wrapping_sub(1)),
        9 => {
            let (hl, other) = (i32::from(s.wide(2)), i32::from(s.wide(pair)));
            s.n = false;
            s.h = hl % 0x1000 + other % 0x1000 > 0xFFF;
            s.c = hl + other > 0xFFFF;
            s.set_wide(2, u16::try_from((hl + other) % 0x1_0000).unwrap());
        }
        4 | 12 => {
            let value = s.get(target);
            (s.z, s.n, s.h) = (value == 255, false, value % 16 == 15);
            s.set(target, value.wrapping_add(1));
        }
        5 | 13 => {
            let value = s.get(target);
            (s.z, s.n, s.h) = (value == 1, true, value.is_multiple_of(16));
            s.set(target, value.wrapping_sub(1));
        }
        6 | 14 => s.set(target, low(i32::from(word))),
        _ => on_a(s, opcode, word),
    }
}

fn on_a(s: &mut State, opcode: u8, word: u16) {
    match opcode {
        0x00 => {}
        0x08 => {
            s.write(word, low(i32::from(s.sp)));
            s.write(word + 1, low(i32::from(s.sp / 256)));
        }
        0x07 | 0x0F | 0x17 | 0x1F => {
            s.r[A] = turn(s, opcode / 8, s.r[A]);
            s.z = false;
        }
        0x27 => decimal(s),
        0x2F => {
            s.r[A] = 255 - s.r[A];
            (s.n, s.h) = (true, true);
        }
        0x37 => (s.n, s.h, s.c) = (false, false, true),
        0x3F => (s.n, s.h, s.c) = (false, false, !s.c),
        _ => panic!("{opcode:02X} is not in the table"),
    }
}

/// C0 to FF.
fn upper(s: &mut State, opcode: u8, word: u16) {
    let byte = low(i32::from(word));
    let pair = (opcode - 0xC0) / 16;
    match opcode {
        0xC1 | 0xD1 | 0xE1 | 0xF1 => {
            let (first, second) = (s.read(s.sp), s.read(s.sp + 1));
            s.sp += 2;
            if opcode == 0xF1 {
                s.r[A] = second;
                let flags = |bit: u8| first >> bit & 1 == 1;
                (s.z, s.n, s.h, s.c) = (flags(7), flags(6), flags(5), flags(4));
            } else {
                s.set_wide(pair, u16::from_le_bytes([first, second]));
            }
        }
        0xC5 | 0xD5 | 0xE5 | 0xF5 => {
            let [second, first] = if opcode == 0xF5 {
                [s.f(), s.r[A]]
            } else {
                s.wide(pair).to_le_bytes()
            };
            s.write(s.sp - 1, first);
            s.write(s.sp - 2, second);
            s.sp -= 2;
        }
        0xE0 => s.write(0xFF00 + u16::from(byte), s.r[A]),
        0xF0 => s.r[A] = s.read(0xFF00 + u16::from(byte)),
        0xE2 => s.write(0xFF00 + u16::from(s.r[1]), s.r[A]),
        0xF2 => s.r[A] = s.read(0xFF00 + u16::from(s.r[1])),
        0xEA => s.write(word, s.r[A]),
        0xFA => s.r[A] = s.read(word),
        0xE8 => s.sp = stack_sum(s, byte),
        0xF8 => {
            let sum = stack_sum(s, byte);
            s.set_wide(2, sum);
        }
        0xF9 => s.sp = s.wide(2),
        0xCB => bits(s, byte),
        _ if opcode % 8 == 6 => operate(s, opcode / 8 % 8, byte),
        _ => panic!("{opcode:02X} is not in the table"),
    }
}

fn run(s: &mut State, [opcode, first, second]: [u8; 3]) {
    let word = u16::from_le_bytes([first, second]);
    match opcode / 64 {
        0 => lower(s, opcode, word),
        1 => s.set(opcode / 8 % 8, s.get(opcode % 8)),
        2 => operate(s, opcode / 8 % 8, s.get(opcode % 8)),
        _ => upper(s, opcode, word),
    }
}

/// Whether it jumps, waits, switches interrupts or does not exist; or stands before others.
fn is_other(opcode: u8) -> bool {
    let waits = matches!(opcode, 0x10 | 0x76 | 0xF3 | 0xFB);
    let jumps = matches!(
        opcode,
        0x18 | 0x20 | 0x28 | 0x30 | 0x38 | 0xC3 | 0xC9 | 0xCD | 0xD9 | 0xE9
    ) || opcode >= 0xC0 && opcode % 8 == 7
        || (0xC0..0xE0).contains(&opcode) && matches!(opcode % 8, 0 | 2 | 4);
    waits || jumps || is_absent(opcode) || opcode == 0xCB
}

/// Whether it does not exist.
pub(crate) fn is_absent(opcode: u8) -> bool {
    matches!(
        opcode,
        0xD3 | 0xDB | 0xDD | 0xE3 | 0xE4 | 0xEB | 0xEC | 0xED | 0xF4 | 0xFC | 0xFD
    )
}

/// What the ROM must prepare; see `forms.s`.
fn kind(opcode: u8) -> u8 {
    match opcode {
        0x22 | 0x2A | 0x32 | 0x3A | 0x34..=0x36 | 0x70..=0x77 => 1,
        0x40..=0xBF if opcode % 8 == 6 => 1,
        0x02 | 0x0A => 2,
        0x12 | 0x1A => 3,
        0xC1 | 0xC5 | 0xD1 | 0xD5 | 0xE1 | 0xE5 | 0xF1 | 0xF5 => 4,
        0xE2 | 0xF2 => 5,
        _ => 0,
    }
}

/// The forms with the bytes behind them.
fn forms() -> Vec<([u8; 3], u8)> {
    let mut forms = Vec::new();
    for opcode in (0..=0xFF).filter(|it| !is_other(*it)) {
        let operands: &[[u8; 2]] = match opcode {
            0x08 | 0xEA | 0xFA => &[OPERAND.to_le_bytes()],
            0xE0 | 0xF0 => &[[0x90, 0]],
            0x01 | 0x11 | 0x21 | 0x31 => &[[0x34, 0x12], [0xFF, 0x80]],
            _ if opcode >= 0xC0 && opcode % 8 == 6 || matches!(opcode, 0xE8 | 0xF8) => &[
                [0x00, 0],
                [0x01, 0],
                [0x0F, 0],
                [0x7F, 0],
                [0x80, 0],
                [0x99, 0],
                [0xFF, 0],
            ],
            _ if opcode < 0x40 && opcode % 8 == 6 => &[[0x5A, 0]],
            _ => &[[0, 0]],
        };
        for [first, second] in operands {
            forms.push(([opcode, *first, *second], kind(opcode)));
        }
    }
    for opcode in 0..=0xFF {
        forms.push(([0xCB, opcode, 0], u8::from(opcode % 8 == 6)));
    }
    forms
}

const EDGES: [u8; 16] = [
    0x00, 0x01, 0x0F, 0x10, 0x1F, 0x7F, 0x80, 0x8F, 0x90, 0x99, 0x9A, 0xA0, 0xAA, 0xF0, 0xF9, 0xFF,
];

/// The ROM's random bytes.
fn random(seed: &mut u16) -> u8 {
    *seed = seed.wrapping_mul(5).wrapping_add(1);
    let [byte, _] = seed.to_be_bytes();
    if byte < 64 {
        EDGES[usize::from(byte % 16)]
    } else {
        byte
    }
}

fn add(sum: u16, byte: u16) -> u16 {
    sum.wrapping_mul(3).wrapping_add(byte)
}

/// The entries of `forms.s`.
pub(crate) fn forms_table() -> String {
    let mut table = "entries:\n".to_owned();
    let mut seed = 0x1234;
    for (bytes, kind) in forms() {
        let mut sum = 0;
        for _ in 0..64 {
            let mut input = [0; 19];
            input.fill_with(|| random(&mut seed));
            let mut state = State::new(&input);
            match kind {
                1 => state.set_wide(2, OPERAND),
                2 => state.set_wide(0, OPERAND),
                3 => state.set_wide(1, OPERAND),
                4 => state.sp = OPERAND,
                5 => state.r[1] = 0x90,
                _ => {}
            }
            run(&mut state, bytes);
            sum = state
                .bytes()
                .into_iter()
                .fold(sum, |sum, it| add(sum, it.into()));
        }
        let [low, high] = sum.to_le_bytes();
        db(&mut table, &[bytes[0], bytes[1], bytes[2], kind, low, high]);
    }
    db(&mut table, &[0, 0, 0, 0xFF]);
    table
}

/// The sums of `arithmetic.s`.
pub(crate) fn arithmetic_table() -> String {
    let mut table = "sums:\n".to_owned();
    for opcode in [0x80, 0x88, 0x90, 0x98, 0xA0, 0xA8, 0xB0, 0xB8, 0x27] {
        let mut sum = 0;
        for b in 0..=0xFF_u8 {
            for a in 0..=0xFF {
                for carry in [0, 0x10] {
                    let mut input = [0; 19];
                    [input[0], input[1], input[3]] = [b & 0xE0 | carry, a, b];
                    let mut state = State::new(&input);
                    run(&mut state, [opcode, 0, 0]);
                    sum = add(sum, u16::from_be_bytes([state.r[A], state.f()]));
                }
            }
        }
        let [low, high] = sum.to_le_bytes();
        db(&mut table, &[opcode, low, high]);
    }
    let [low, high] = wide_sum().to_le_bytes();
    db(&mut table, &[0, low, high]);
    table
}

/// Around the carries of both bytes.
const WORDS: [u16; 12] = [
    0x0000, 0x0001, 0x00FF, 0x0100, 0x0FFE, 0x0FFF, 0x1000, 0x7FFF, 0x8000, 0xF000, 0xF001, 0xFFFF,
];

/// The sum of ADD HL,DE over all pairs, with A = 0 and Z before.
fn wide_sum() -> u16 {
    let mut sum = 0;
    for hl in WORDS {
        for de in WORDS {
            let mut input = [0; 19];
            input[0] = 0x80;
            let mut state = State::new(&input);
            state.set_wide(2, hl);
            state.set_wide(1, de);
            run(&mut state, [0x19, 0, 0]);
            sum = add(add(sum, state.wide(2)), state.f().into());
        }
    }
    sum
}
