//! The instructions that move a value.

use crate::instruction::Code;
use crate::operand::{A, AT_HL, Operand, Pair};

/// The bytes of a load.
pub(crate) fn encode(mnemonic: &str, operands: &[Operand]) -> Option<Code> {
    let [to, from] = operands else {
        return None;
    };
    match mnemonic {
        "ld" => byte(to, from).or_else(|| word(to, from)),
        "ldh" => high(to, from),
        "ldhl" => match (to, from) {
            (Operand::Pair(Pair::Sp), Operand::Immediate(value)) => {
                Some(Code::Signed(0xF8, value.clone()))
            }
            _ => None,
        },
        _ => None,
    }
}

fn byte(to: &Operand, from: &Operand) -> Option<Code> {
    Some(match (to, from) {
        // What would be `ld (hl),(hl)` is `halt`.
        (Operand::Byte(AT_HL), Operand::Byte(AT_HL)) => return None,
        (Operand::Byte(to), Operand::Byte(from)) => Code::Plain(0x40 | to << 3 | from),
        (Operand::Byte(to), Operand::Immediate(value)) => Code::Byte(0x06 | to << 3, value.clone()),
        (Operand::Through(to), Operand::Byte(A)) => Code::Plain(0x02 | to << 4),
        (Operand::Byte(A), Operand::Through(from)) => Code::Plain(0x0A | from << 4),
        (Operand::Memory(to), Operand::Byte(A)) => Code::Word(0xEA, to.clone()),
        (Operand::Byte(A), Operand::Memory(from)) => Code::Word(0xFA, from.clone()),
        _ => return None,
    })
}

fn word(to: &Operand, from: &Operand) -> Option<Code> {
    Some(match (to, from) {
        (Operand::Pair(pair), Operand::Immediate(value)) => {
            Code::Word(0x01 | pair.with_sp()? << 4, value.clone())
        }
        (Operand::Memory(to), Operand::Pair(Pair::Sp)) => Code::Word(0x08, to.clone()),
        (Operand::Pair(Pair::Sp), Operand::Pair(Pair::Hl)) => Code::Plain(0xF9),
        _ => return None,
    })
}

/// Those whose address begins with 0xFF.
fn high(to: &Operand, from: &Operand) -> Option<Code> {
    Some(match (to, from) {
        (Operand::Memory(to), Operand::Byte(A)) => Code::High(0xE0, to.clone()),
        (Operand::Byte(A), Operand::Memory(from)) => Code::High(0xF0, from.clone()),
        (Operand::ThroughC, Operand::Byte(A)) => Code::Plain(0xE2),
        (Operand::Byte(A), Operand::ThroughC) => Code::Plain(0xF2),
        _ => return None,
    })
}
