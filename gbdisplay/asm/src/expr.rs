//! Expressions: read once, evaluated when the symbols are known.

use crate::error::{Cause, Fault};
use crate::lexer::{Token, Tokens};
use crate::operand::is_register;
use crate::symbols::{Name, Symbols};

/// How deep parentheses and signs may nest: the reader calls itself once for each.
const DEPTH_MAX: u32 = 32;

/// An expression, as steps of a machine with a stack: nothing here recurses when it is evaluated
/// or dropped, however long the text is.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    steps: Vec<Step>,
    /// Where it begins.
    pub(crate) column: u32,
}

#[derive(Clone, Debug)]
enum Step {
    Number(i64),
    Here,
    Symbol(Name, u32),
    Unary(&'static str),
    Binary(&'static str, u32),
}

/// Binary operators and how strongly they bind: those of `sdasgb`.
const BINARY: [(&str, u8); 10] = [
    ("|", 1),
    ("&", 2),
    ("^", 3),
    ("<<", 4),
    (">>", 4),
    ("+", 5),
    ("-", 5),
    ("*", 6),
    ("/", 6),
    ("%", 6),
];
const UNARY: [&str; 4] = ["-", "~", "<", ">"];

impl Expr {
    /// Reads an expression; local labels in it are those of `scope`.
    pub(crate) fn read(tokens: &mut Tokens, scope: u32) -> Result<Self, Fault> {
        let column = tokens.column();
        let mut reader = Reader {
            tokens,
            scope,
            steps: Vec::new(),
        };
        reader.expression(0, DEPTH_MAX)?;
        Ok(Self {
            steps: reader.steps,
            column,
        })
    }

    /// The value, where `here` is the address of what the expression stands in.
    pub(crate) fn value(&self, here: i64, symbols: &Symbols) -> Result<i64, Fault> {
        let mut stack: Vec<i64> = Vec::new();
        for step in &self.steps {
            let value = match step {
                Step::Number(number) => *number,
                Step::Here => here,
                Step::Symbol(name, column) => symbols
                    .value(name)
                    .ok_or_else(|| Fault::new(*column, Cause::Undefined { name: name.text() }))?,
                Step::Unary(operator) => unary(operator, stack.pop().unwrap_or(0))
                    .map_err(|cause| Fault::new(self.column, cause))?,
                Step::Binary(operator, column) => {
                    let right = stack.pop().unwrap_or(0);
                    binary(operator, stack.pop().unwrap_or(0), right)
                        .map_err(|cause| Fault::new(*column, cause))?
                }
            };
            stack.push(value);
        }
        Ok(stack.pop().unwrap_or(0))
    }

    /// The value, which must lie in a range.
    pub(crate) fn within(
        &self,
        here: i64,
        symbols: &Symbols,
        what: &'static str,
        (least, most): (i64, i64),
    ) -> Result<i64, Fault> {
        let value = self.value(here, symbols)?;
        if (least..=most).contains(&value) {
            return Ok(value);
        }
        let cause = Cause::Range {
            what,
            value,
            least,
            most,
        };
        Err(Fault::new(self.column, cause))
    }
}

fn unary(operator: &str, value: i64) -> Result<i64, Cause> {
    match operator {
        "-" => value.checked_neg().ok_or(Cause::Overflow),
        "~" => Ok(!value),
        "<" => Ok(value & 0xFF),
        _ => Ok((value >> 8) & 0xFF),
    }
}

fn binary(operator: &str, left: i64, right: i64) -> Result<i64, Cause> {
    let places = || u32::try_from(right).ok().filter(|it| *it < 32);
    let result = match operator {
        "|" => Some(left | right),
        "&" => Some(left & right),
        "^" => Some(left ^ right),
        "<<" => places().and_then(|it| left.checked_mul(1_i64 << it)),
        ">>" => places().map(|it| left >> it),
        "+" => left.checked_add(right),
        "-" => left.checked_sub(right),
        "*" => left.checked_mul(right),
        _ if right == 0 => return Err(Cause::DivisionByZero),
        "/" => left.checked_div(right),
        _ => left.checked_rem(right),
    };
    result.ok_or(Cause::Overflow)
}

struct Reader<'a> {
    tokens: &'a mut Tokens,
    scope: u32,
    steps: Vec<Step>,
}

impl Reader<'_> {
    /// Operators that bind more strongly than `floor`, and what is between them.
    fn expression(&mut self, floor: u8, depth: u32) -> Result<(), Fault> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(Fault::new(self.tokens.column(), Cause::TooDeep));
        };
        self.term(depth)?;
        while let Some((operator, strength)) = self.binary_ahead().filter(|it| it.1 > floor) {
            let column = self.tokens.column();
            self.tokens.next();
            self.expression(strength, depth)?;
            self.steps.push(Step::Binary(operator, column));
        }
        Ok(())
    }

    fn binary_ahead(&self) -> Option<(&'static str, u8)> {
        let Some(Token::Punct(punct)) = self.tokens.peek() else {
            return None;
        };
        BINARY.into_iter().find(|(operator, _)| operator == punct)
    }

    fn term(&mut self, depth: u32) -> Result<(), Fault> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(Fault::new(self.tokens.column(), Cause::TooDeep));
        };
        for operator in UNARY {
            if self.tokens.take(operator) {
                self.term(depth)?;
                self.steps.push(Step::Unary(operator));
                return Ok(());
            }
        }
        if self.tokens.take("(") {
            self.expression(0, depth)?;
            if !self.tokens.take(")") {
                return Err(self.tokens.unexpected("`)`"));
            }
            return Ok(());
        }
        self.leaf()
    }

    fn leaf(&mut self) -> Result<(), Fault> {
        let column = self.tokens.column();
        let step = match self.tokens.peek() {
            Some(Token::Number(number)) => Step::Number(*number),
            Some(Token::Local(number)) => {
                let (scope, number) = (self.scope, *number);
                Step::Symbol(Name::Local { scope, number }, column)
            }
            Some(Token::Word(word)) if word == "." => Step::Here,
            Some(Token::Word(word)) if is_register(word) => {
                let word = word.clone();
                return Err(Fault::new(column, Cause::Reserved { word }));
            }
            Some(Token::Word(word)) => Step::Symbol(Name::Global(word.clone()), column),
            _ => return Err(self.tokens.unexpected("a number or a name")),
        };
        self.tokens.next();
        self.steps.push(step);
        Ok(())
    }
}
