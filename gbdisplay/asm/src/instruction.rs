//! The instructions of the SM83 (Pan Docs, "CPU Instruction Set") and their bytes.

use crate::expr::Expr;
use crate::load;
use crate::operand::{A, AT_HL, C, Operand, Pair};

/// The bytes of an instruction, but for values that may not be known yet.
#[derive(Clone, Debug)]
pub(crate) enum Code {
    /// Only an opcode.
    Plain(u8),
    /// `stop`, which skips the byte behind it.
    Stop,
    /// The second table, behind 0xCB.
    Extended(u8),
    /// An opcode of that table and the number of a bit in it.
    Bit(u8, Expr),
    /// A call to one of eight addresses.
    Reset(Expr),
    /// A byte, with or without a sign.
    Byte(u8, Expr),
    /// A byte with a sign.
    Signed(u8, Expr),
    /// The low byte of an address in 0xFF00 to 0xFFFF.
    High(u8, Expr),
    /// A word, low byte first.
    Word(u8, Expr),
    /// The distance to an address.
    Relative(u8, Expr),
}

impl Code {
    /// How many bytes it is.
    pub(crate) const fn len(&self) -> i64 {
        match self {
            Self::Plain(_) | Self::Reset(_) => 1,
            Self::Stop
            | Self::Extended(_)
            | Self::Bit(..)
            | Self::Byte(..)
            | Self::Signed(..)
            | Self::High(..)
            | Self::Relative(..) => 2,
            Self::Word(..) => 3,
        }
    }
}

/// What became of an attempt to encode.
#[derive(Clone, Debug)]
pub(crate) enum Encoded {
    Code(Code),
    /// There is such an instruction, but not with these operands.
    NoForm,
    NoInstruction,
}

/// Instructions that take nothing.
const PLAIN: [(&str, u8); 14] = [
    ("nop", 0x00),
    ("rlca", 0x07),
    ("rrca", 0x0F),
    ("rla", 0x17),
    ("rra", 0x1F),
    ("daa", 0x27),
    ("cpl", 0x2F),
    ("scf", 0x37),
    ("ccf", 0x3F),
    ("halt", 0x76),
    ("ret", 0xC9),
    ("reti", 0xD9),
    ("di", 0xF3),
    ("ei", 0xFB),
];
/// In the order of the bits that choose one.
const ARITHMETIC: [&str; 8] = ["add", "adc", "sub", "sbc", "and", "xor", "or", "cp"];
const SHIFTS: [&str; 8] = ["rlc", "rrc", "rl", "rr", "sla", "sra", "swap", "srl"];
const OTHERS: [&str; 15] = [
    "stop", "inc", "dec", "push", "pop", "jp", "jr", "call", "rst", "ld", "ldh", "ldhl", "bit",
    "res", "set",
];

/// The bytes of an instruction.
pub(crate) fn encode(mnemonic: &str, operands: &[Operand]) -> Encoded {
    let code = plain(mnemonic, operands)
        .or_else(|| arithmetic(mnemonic, operands))
        .or_else(|| bits(mnemonic, operands))
        .or_else(|| counting(mnemonic, operands))
        .or_else(|| jump(mnemonic, operands))
        .or_else(|| load::encode(mnemonic, operands));
    match code {
        Some(code) => Encoded::Code(code),
        None if is_instruction(mnemonic) => Encoded::NoForm,
        None => Encoded::NoInstruction,
    }
}

fn is_instruction(mnemonic: &str) -> bool {
    PLAIN.iter().any(|(name, _)| *name == mnemonic)
        || ARITHMETIC.contains(&mnemonic)
        || SHIFTS.contains(&mnemonic)
        || OTHERS.contains(&mnemonic)
}

/// The place of a name in a table, as bits of an opcode.
fn choice(names: &[&str], name: &str) -> Option<u8> {
    let place = names.iter().position(|it| *it == name)?;
    u8::try_from(place).ok()
}

fn plain(mnemonic: &str, operands: &[Operand]) -> Option<Code> {
    if !operands.is_empty() {
        return None;
    }
    if mnemonic == "stop" {
        return Some(Code::Stop);
    }
    let (_, opcode) = PLAIN.iter().find(|(name, _)| *name == mnemonic)?;
    Some(Code::Plain(*opcode))
}

/// With `a`, whether or not it is written, and the two that add to something else.
fn arithmetic(mnemonic: &str, operands: &[Operand]) -> Option<Code> {
    let which = choice(&ARITHMETIC, mnemonic)? << 3;
    match operands {
        [Operand::Pair(Pair::Hl), Operand::Pair(pair)] if mnemonic == "add" => {
            Some(Code::Plain(0x09 | pair.with_sp()? << 4))
        }
        [Operand::Pair(Pair::Sp), Operand::Immediate(value)] if mnemonic == "add" => {
            Some(Code::Signed(0xE8, value.clone()))
        }
        [Operand::Byte(register)] | [Operand::Byte(A), Operand::Byte(register)] => {
            Some(Code::Plain(0x80 | which | register))
        }
        [Operand::Immediate(value)] | [Operand::Byte(A), Operand::Immediate(value)] => {
            Some(Code::Byte(0xC6 | which, value.clone()))
        }
        _ => None,
    }
}

/// The second table.
fn bits(mnemonic: &str, operands: &[Operand]) -> Option<Code> {
    match operands {
        [Operand::Byte(register)] => {
            let which = choice(&SHIFTS, mnemonic)? << 3;
            Some(Code::Extended(which | register))
        }
        [
            Operand::Bare(bit) | Operand::Immediate(bit),
            Operand::Byte(register),
        ] => {
            let which = choice(&["", "bit", "res", "set"], mnemonic)? << 6;
            Some(Code::Bit(which | register, bit.clone()))
        }
        _ => None,
    }
}

/// One up, one down, and the stack.
fn counting(mnemonic: &str, operands: &[Operand]) -> Option<Code> {
    let opcode = match (mnemonic, operands) {
        ("inc", [Operand::Byte(register)]) => 0x04 | register << 3,
        ("dec", [Operand::Byte(register)]) => 0x05 | register << 3,
        ("inc", [Operand::Pair(pair)]) => 0x03 | pair.with_sp()? << 4,
        ("dec", [Operand::Pair(pair)]) => 0x0B | pair.with_sp()? << 4,
        ("pop", [Operand::Pair(pair)]) => 0xC1 | pair.with_af()? << 4,
        ("push", [Operand::Pair(pair)]) => 0xC5 | pair.with_af()? << 4,
        _ => return None,
    };
    Some(Code::Plain(opcode))
}

/// The bits of a condition.
const fn condition(operand: &Operand) -> Option<u8> {
    if let Operand::Condition(bits) = operand {
        Some(*bits << 3)
    } else if let Operand::Byte(C) = operand {
        Some(3 << 3)
    } else {
        None
    }
}

fn jump(mnemonic: &str, operands: &[Operand]) -> Option<Code> {
    Some(match (mnemonic, operands) {
        ("jp", [Operand::Byte(AT_HL)]) => Code::Plain(0xE9),
        ("jp", [Operand::Bare(to)]) => Code::Word(0xC3, to.clone()),
        ("jp", [when, Operand::Bare(to)]) => Code::Word(0xC2 | condition(when)?, to.clone()),
        ("call", [Operand::Bare(to)]) => Code::Word(0xCD, to.clone()),
        ("call", [when, Operand::Bare(to)]) => Code::Word(0xC4 | condition(when)?, to.clone()),
        ("jr", [Operand::Bare(to)]) => Code::Relative(0x18, to.clone()),
        ("jr", [when, Operand::Bare(to)]) => Code::Relative(0x20 | condition(when)?, to.clone()),
        ("ret", [when]) => Code::Plain(0xC0 | condition(when)?),
        ("rst", [Operand::Bare(to) | Operand::Immediate(to)]) => Code::Reset(to.clone()),
        _ => return None,
    })
}
