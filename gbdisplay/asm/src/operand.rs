//! What instructions work on.

use crate::error::Fault;
use crate::expr::Expr;
use crate::lexer::{Token, Tokens};

/// An operand as it is written.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    /// A register of eight bits, or `(hl)`: the three bits that name it.
    Byte(u8),
    /// A register of sixteen bits.
    Pair(Pair),
    /// `nz`, `z` or `nc`. The fourth one, `c`, looks like a register.
    Condition(u8),
    /// `(bc)`, `(de)`, `(hl+)` or `(hl-)`: the two bits that name it.
    Through(u8),
    /// `(c)`
    ThroughC,
    /// `#5`
    Immediate(Expr),
    /// `(0xC000)`
    Memory(Expr),
    /// `5`: a target, or the number of a bit.
    Bare(Expr),
}

/// A register of sixteen bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pair {
    Af,
    Bc,
    De,
    Hl,
    Sp,
}

pub(crate) const B: u8 = 0;
pub(crate) const C: u8 = 1;
pub(crate) const AT_HL: u8 = 6;
pub(crate) const A: u8 = 7;

/// True of words that cannot be symbols.
pub(crate) fn is_register(word: &str) -> bool {
    named(word).is_some()
}

fn named(word: &str) -> Option<Operand> {
    Some(match word {
        "a" => Operand::Byte(A),
        "b" => Operand::Byte(B),
        "c" => Operand::Byte(C),
        "d" => Operand::Byte(2),
        "e" => Operand::Byte(3),
        "h" => Operand::Byte(4),
        "l" => Operand::Byte(5),
        "af" => Operand::Pair(Pair::Af),
        "bc" => Operand::Pair(Pair::Bc),
        "de" => Operand::Pair(Pair::De),
        "hl" => Operand::Pair(Pair::Hl),
        "sp" => Operand::Pair(Pair::Sp),
        "nz" => Operand::Condition(0),
        "z" => Operand::Condition(1),
        "nc" => Operand::Condition(2),
        _ => return None,
    })
}

impl Operand {
    /// The operands of an instruction, to the end of the line.
    pub(crate) fn read_all(tokens: &mut Tokens, scope: u32) -> Result<Vec<Self>, Fault> {
        let mut operands = Vec::new();
        if tokens.peek().is_none() {
            return Ok(operands);
        }
        loop {
            operands.push(Self::read(tokens, scope)?);
            if !tokens.take(",") {
                tokens.end()?;
                return Ok(operands);
            }
        }
    }

    fn read(tokens: &mut Tokens, scope: u32) -> Result<Self, Fault> {
        if tokens.take("#") {
            return Ok(Self::Immediate(Expr::read(tokens, scope)?));
        }
        if tokens.take("(") {
            return Self::read_memory(tokens, scope);
        }
        let register = match tokens.peek() {
            Some(Token::Word(word)) => named(word),
            _ => None,
        };
        if let Some(register) = register {
            tokens.next();
            return Ok(register);
        }
        Ok(Self::Bare(Expr::read(tokens, scope)?))
    }

    /// What follows an open parenthesis.
    fn read_memory(tokens: &mut Tokens, scope: u32) -> Result<Self, Fault> {
        let register = match tokens.peek() {
            Some(Token::Word(word)) => named(word),
            _ => None,
        };
        let operand = match register {
            None => Self::Memory(Expr::read(tokens, scope)?),
            Some(register) => {
                tokens.next();
                Self::read_through(tokens, &register)?
            }
        };
        if tokens.take(")") {
            Ok(operand)
        } else {
            Err(tokens.unexpected("`)`"))
        }
    }

    fn read_through(tokens: &mut Tokens, register: &Self) -> Result<Self, Fault> {
        if matches!(register, Self::Byte(C)) {
            return Ok(Self::ThroughC);
        }
        let Self::Pair(pair) = register else {
            return Err(tokens.unexpected("an address, or a pair to go through"));
        };
        match pair {
            Pair::Bc => Ok(Self::Through(0)),
            Pair::De => Ok(Self::Through(1)),
            Pair::Hl if tokens.take("+") => Ok(Self::Through(2)),
            Pair::Hl if tokens.take("-") => Ok(Self::Through(3)),
            Pair::Hl => Ok(Self::Byte(AT_HL)),
            Pair::Af | Pair::Sp => Err(tokens.unexpected("one of bc, de and hl")),
        }
    }
}

impl Pair {
    /// The two bits that name it where the fourth one is `sp`.
    pub(crate) const fn with_sp(self) -> Option<u8> {
        match self {
            Self::Bc => Some(0),
            Self::De => Some(1),
            Self::Hl => Some(2),
            Self::Sp => Some(3),
            Self::Af => None,
        }
    }

    /// The two bits that name it where the fourth one is `af`.
    pub(crate) const fn with_af(self) -> Option<u8> {
        match self {
            Self::Af => Some(3),
            Self::Sp => None,
            Self::Bc | Self::De | Self::Hl => self.with_sp(),
        }
    }
}
