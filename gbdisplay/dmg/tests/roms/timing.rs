//! How long every instruction takes, and when it reads and writes memory: the opcode tables of Pan
//! Docs and, for accesses, of the "Game Boy: Complete Technical Reference" (gekkio), chapter 7.

use super::db;
use super::oracle::is_absent;

/// M-cycles of the opcodes 00 to FF, not taken where there is a choice; 0 where there is no
/// instruction, or it waits, or others stand behind it.
const LENGTHS: [u8; 256] = [
    1, 3, 2, 2, 1, 1, 2, 1, 5, 2, 2, 2, 1, 1, 2, 1, //
    0, 3, 2, 2, 1, 1, 2, 1, 3, 2, 2, 2, 1, 1, 2, 1, //
    2, 3, 2, 2, 1, 1, 2, 1, 2, 2, 2, 2, 1, 1, 2, 1, //
    2, 3, 2, 2, 3, 3, 3, 1, 2, 2, 2, 2, 1, 1, 2, 1, //
    1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 2, 1, //
    1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 2, 1, //
    1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 2, 1, //
    2, 2, 2, 2, 2, 2, 0, 2, 1, 1, 1, 1, 1, 1, 2, 1, //
    1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 2, 1, //
    1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 2, 1, //
    1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 2, 1, //
    1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 2, 1, //
    2, 3, 3, 4, 3, 4, 2, 4, 2, 4, 3, 0, 3, 6, 2, 4, //
    2, 3, 3, 0, 3, 4, 2, 4, 2, 4, 3, 0, 3, 0, 2, 4, //
    3, 3, 2, 0, 0, 4, 2, 4, 4, 1, 4, 0, 0, 0, 2, 4, //
    3, 3, 2, 1, 0, 4, 2, 4, 3, 2, 4, 1, 0, 0, 2, 4, //
];

/// What the branches cost more when they are taken, by the place of the opcode in its column.
const TAKEN: [(u8, u8); 4] = [(0x20, 1), (0xC0, 3), (0xC2, 1), (0xC4, 3)];

/// Where `timing.s` puts the instruction.
const OP: u16 = 0xC310;

/// The M-cycle after the write to DIV before that in which the instruction starts.
const BEFORE: u32 = 25;

/// M-cycles from the NOPs behind the instruction to the last read of TIMA: LD SP, PUSH AF, LDH.
const BEHIND: u32 = 3 + 4 + 3;

/// NOPs in front of the instruction, from none on.
const DISTANCES: u32 = 6;

const TIMA: u16 = 0xFF05;

/// What `timing.s` prepares and expects.
#[derive(Clone, Debug)]
struct Entry {
    code: [u8; 3],
    /// Bytes of the instruction, of the three.
    size: u8,
    first: u8,
    f: u8,
    a: u8,
    bc: u16,
    de: u16,
    hl: u16,
    sp: u16,
}

impl Entry {
    fn new(code: &[u8]) -> Self {
        let mut bytes = [0; 3];
        bytes[..code.len()].copy_from_slice(code);
        Self {
            code: bytes,
            size: u8::try_from(code.len()).unwrap(),
            first: 0,
            f: 0,
            a: 0x3C,
            bc: 0xD890,
            de: 0xD880,
            hl: 0xD880,
            sp: 0xD880,
        }
    }

    /// Its line, with what is expected at a distance: A, F, TIMA. `full` if A and F count.
    fn put(&self, table: &mut String, full: bool, expect: impl Fn(u32) -> [u8; 3]) {
        let mut bytes = self.code.to_vec();
        bytes.extend([self.first, if full { 0xFF } else { 0 }, self.f, self.a]);
        for pair in [self.bc, self.de, self.hl, self.sp] {
            bytes.extend(pair.to_le_bytes());
        }
        bytes.extend((0..DISTANCES).flat_map(expect));
        db(table, &bytes);
    }

    /// When TIMA is read at last, for an instruction of so many M-cycles.
    fn end(&self, distance: u32, cycles: u32) -> u32 {
        BEFORE + distance + cycles + 3 - u32::from(self.size) + BEHIND
    }
}

/// TIMA at an M-cycle after the write to DIV, when `value` was written to it at M-cycle `at`.
fn tima(value: u8, at: u32, now: u32) -> u8 {
    u8::try_from((u32::from(value) + now / 4 - at / 4) % 256).unwrap()
}

fn size(opcode: u8) -> usize {
    match opcode {
        0x01 | 0x11 | 0x21 | 0x31 | 0x08 | 0xEA | 0xFA | 0xC3 | 0xCD => 3,
        0xC2 | 0xCA | 0xD2 | 0xDA | 0xC4 | 0xCC | 0xD4 | 0xDC => 3,
        0x18 | 0x20 | 0x28 | 0x30 | 0x38 | 0xE0 | 0xF0 | 0xE8 | 0xF8 | 0xCB => 2,
        0x00..0x40 | 0xC0.. if matches!(opcode % 8, 6) => 2,
        _ => 1,
    }
}

/// The bytes behind an opcode: a place in memory, or the end of the instruction for jumps.
fn code(opcode: u8) -> Vec<u8> {
    let [low, high] = match opcode {
        0xC0..=0xDF => (OP + 3).to_le_bytes(),
        0xE0 | 0xF0 => [0x90, 0],
        0x18 | 0x20 | 0x28 | 0x30 | 0x38 => [0, 0],
        _ => 0xD880_u16.to_le_bytes(),
    };
    let mut code = vec![opcode, low, high];
    code.truncate(size(opcode));
    code
}

fn put_length(table: &mut String, code: &[u8], f: u8, cycles: u32) {
    let mut entry = Entry::new(code);
    entry.f = f;
    match code[0] {
        // JP HL leads behind itself; returns do, by BC as the stack has it.
        0xE9 => entry.hl = OP + 1,
        0xC0 | 0xC8 | 0xC9 | 0xD0 | 0xD8 | 0xD9 => (entry.bc, entry.sp) = (OP + 1, 0xC022),
        _ => {}
    }
    let restart = code[0] >= 0xC0 && code[0] % 8 == 7;
    // At each vector of the runtime: LD L, RET.
    let cycles = if restart { cycles + 2 + 4 } else { cycles };
    entry.put(table, false, |distance| {
        [0, 0, tima(0, 3, entry.end(distance, cycles))]
    });
}

/// The entries of `timing.s` for the length of every instruction.
pub(crate) fn lengths_table() -> String {
    let mut table = "entries:\n".to_owned();
    for (opcode, cycles) in (0..=0xFF_u8).zip(LENGTHS) {
        if cycles == 0 {
            assert!(is_absent(opcode) || matches!(opcode, 0x10 | 0x76 | 0xCB));
            continue;
        }
        // Flags with which a condition of this opcode does not hold.
        let f = if opcode & 8 == 0 { 0x90 } else { 0 };
        put_length(&mut table, &code(opcode), f, cycles.into());
    }
    for (first, more) in TAKEN {
        for opcode in (0..4).map(|condition| first + 8 * condition) {
            let f = if opcode & 8 == 0 { 0 } else { 0x90 };
            let cycles = LENGTHS[usize::from(opcode)] + more;
            put_length(&mut table, &code(opcode), f, cycles.into());
        }
    }
    for opcode in 0..=0xFF_u8 {
        let cycles = match (opcode % 8, opcode / 64) {
            (6, 1) => 3,
            (6, _) => 4,
            _ => 2,
        };
        put_length(&mut table, &[0xCB, opcode], 0, cycles);
    }
    db(&mut table, &[0, 0, 0, 1]);
    table
}

/// An instruction that reads TIMA in its M-cycle `at` of `cycles`: `result` makes A and F of it.
fn put_read(
    table: &mut String,
    entry: &Entry,
    at: u32,
    cycles: u32,
    result: impl Fn(u8) -> [u8; 2],
) {
    let mut entry = entry.clone();
    // TIMA goes from FF to 0, so that every bit changes, 32 M-cycles after DIV.
    entry.first = 0xF8;
    entry.put(table, true, |distance| {
        let [a, f] = result(tima(entry.first, 3, BEFORE + distance + at));
        [a, f, tima(entry.first, 3, entry.end(distance, cycles))]
    });
}

/// An instruction that writes TIMA in its M-cycle `at` of `cycles`, after it read it in the M-cycle
/// before if `value` looks at that; with F as it leaves it.
fn put_write(
    table: &mut String,
    entry: &Entry,
    at: u32,
    cycles: u32,
    value: impl Fn(u8) -> (u8, u8),
) {
    entry.put(table, true, |distance| {
        let now = BEFORE + distance + at;
        let (written, f) = value(tima(entry.first, 3, now - 1));
        [entry.a, f, tima(written, now, entry.end(distance, cycles))]
    });
}

/// The entries of `timing.s` for when memory is read and written.
pub(crate) fn accesses_table() -> String {
    let mut table = "entries:\n".to_owned();
    reads(&mut table);
    writes(&mut table);
    changes(&mut table);
    db(&mut table, &[0, 0, 0, 1]);
    table
}

/// With every register pair at TIMA.
fn at_tima(code: &[u8]) -> Entry {
    let mut entry = Entry::new(code);
    (entry.bc, entry.de, entry.hl, entry.sp) = (TIMA, TIMA, TIMA, TIMA);
    entry
}

fn reads(table: &mut String) {
    for register in [0, 1, 2, 3, 4, 5] {
        // LD r,(HL) and then LD A,r, which takes one M-cycle more.
        let entry = at_tima(&[0x46 + 8 * register, 0x78 + register]);
        put_read(table, &entry, 2, 3, |it| [it, 0]);
    }
    for opcode in [0x7E, 0x0A, 0x1A, 0x2A, 0x3A, 0xF2] {
        put_read(table, &at_tima(&[opcode]), 2, 2, |it| [it, 0]);
    }
    put_read(table, &at_tima(&[0xF0, 0x05]), 3, 3, |it| [it, 0]);
    put_read(table, &at_tima(&[0xFA, 0x05, 0xFF]), 4, 4, |it| [it, 0]);
    // Operations on A = 0: with FF or 0, and what lies just below.
    let zero = |it: u8| if it == 0 { 0x80 } else { 0 };
    for (opcode, low_flags, keeps) in [
        (0x86, 0, false),
        (0x8E, 0, false),
        (0xAE, 0, false),
        (0xB6, 0, false),
    ] {
        let mut entry = at_tima(&[opcode]);
        entry.a = 0;
        put_read(table, &entry, 2, 2, |it| {
            [if keeps { 0 } else { it }, zero(it) | low_flags]
        });
    }
    let mut and = at_tima(&[0xA6]);
    and.a = 0xFF;
    put_read(table, &and, 2, 2, |it| [it, zero(it) | 0x20]);
    for opcode in [0x96, 0x9E, 0xBE] {
        let mut entry = at_tima(&[opcode]);
        entry.a = 0xFF;
        // Nothing is above FF, so neither carry is set.
        let keeps = opcode == 0xBE;
        put_read(table, &entry, 2, 2, |it| {
            let left = 0xFF - it;
            [if keeps { 0xFF } else { left }, 0x40 | zero(left)]
        });
    }
    for bit in 0..8 {
        let entry = at_tima(&[0xCB, 0x46 + 8 * bit]);
        put_read(table, &entry, 3, 3, |it| {
            [entry.a, 0x20 | zero(it >> bit & 1)]
        });
    }
    // POP AF: F first, then A.
    put_read(table, &at_tima(&[0xF1]), 2, 3, |it| [0, it & 0xF0]);
}

fn writes(table: &mut String) {
    let put = |table: &mut String, entry: &Entry, at, cycles, value: u8| {
        put_write(table, entry, at, cycles, |_| (value, 0));
    };
    for (register, value) in [
        (0, 0xFF),
        (1, 0x05),
        (2, 0xFF),
        (3, 0x05),
        (4, 0xFF),
        (5, 0x05),
        (7, 0x3C),
    ] {
        // FF overflows and becomes TMA, which is 0: the same as counting on.
        put(table, &at_tima(&[0x70 + register]), 2, 2, value);
    }
    for opcode in [0x02, 0x12, 0x22, 0x32, 0xE2] {
        put(table, &at_tima(&[opcode]), 2, 2, 0x3C);
    }
    put(table, &at_tima(&[0x36, 0x5A]), 3, 3, 0x5A);
    put(table, &at_tima(&[0xE0, 0x05]), 3, 3, 0x3C);
    put(table, &at_tima(&[0xEA, 0x05, 0xFF]), 4, 4, 0x3C);
    // LD (TIMA),SP: the lower byte first, the upper one goes to TMA.
    put(table, &at_tima(&[0x08, 0x05, 0xFF]), 4, 5, 0x05);
    for opcode in [0xCD, 0xC4, 0xD4] {
        put(table, &pushing(&[opcode, 0x13, 0xC3]), 6, 6, 0x13);
    }
}

/// With SP so that the upper byte goes to TMA and then the lower one to TIMA.
fn pushing(code: &[u8]) -> Entry {
    let mut entry = at_tima(code);
    (entry.bc, entry.de, entry.hl) = (0x4421, 0x4422, 0x4423);
    entry.sp = TIMA + 2;
    entry
}

/// The entries of `timing.s` for when PUSH writes.
pub(crate) fn pushes_table() -> String {
    let mut table = "entries:\n".to_owned();
    for (opcode, value) in [(0xC5, 0x21), (0xD5, 0x22), (0xE5, 0x23), (0xF5, 0x00)] {
        put_write(&mut table, &pushing(&[opcode]), 4, 4, |_| (value, 0));
    }
    db(&mut table, &[0, 0, 0, 1]);
    table
}

/// Read, changed, written.
fn changes(table: &mut String) {
    let zero = |it: u8| if it == 0 { 0x80 } else { 0 };
    put_write(table, &at_tima(&[0x34]), 3, 3, |it| (it + 1, 0));
    // TIMA is 6 to 8 then: the lower digit is not 0, and 1 less is not 0.
    put_write(table, &at_tima(&[0x35]), 3, 3, |it| (it - 1, 0x40));
    for bit in 0..8 {
        put_write(table, &at_tima(&[0xCB, 0x86 + 8 * bit]), 4, 4, |it| {
            (it & !(1 << bit), 0)
        });
        put_write(table, &at_tima(&[0xCB, 0xC6 + 8 * bit]), 4, 4, |it| {
            (it | 1 << bit, 0)
        });
    }
    // Numbers this small are halved, doubled, or swapped to the upper digit.
    for opcode in [0x06, 0x16, 0x26] {
        put_write(table, &at_tima(&[0xCB, opcode]), 4, 4, |it| (it * 2, 0));
    }
    for opcode in [0x1E, 0x2E, 0x3E] {
        put_write(table, &at_tima(&[0xCB, opcode]), 4, 4, |it| {
            (it / 2, zero(it / 2) | ((it % 2) * 0x10))
        });
    }
    put_write(table, &at_tima(&[0xCB, 0x0E]), 4, 4, |it| {
        (it / 2 + it % 2 * 128, it % 2 * 0x10)
    });
    put_write(table, &at_tima(&[0xCB, 0x36]), 4, 4, |it| (it * 16, 0));
}
