//! What can be wrong with a text: where, why, and what to do about it.

use std::fmt;

/// Everything that is wrong with a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Errors(pub Vec<Error>);

/// One thing that is wrong with a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    /// The name of the source.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// The line itself.
    pub text: String,
    /// What is wrong.
    pub cause: Cause,
}

/// What is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the text of each is below, in `Display`")]
pub enum Cause {
    AreaNotAbsolute,
    Character {
        found: char,
    },
    DivisionByZero,
    Duplicate {
        name: String,
        first: String,
    },
    Expected {
        what: &'static str,
        found: String,
    },
    Form {
        mnemonic: String,
    },
    JumpTooFar {
        distance: i64,
    },
    NoOrigin,
    NotKnownYet {
        name: String,
    },
    Number {
        text: String,
    },
    OutsideRom {
        at: i64,
    },
    Overflow,
    Overlap {
        at: i64,
        first: String,
    },
    Range {
        what: &'static str,
        value: i64,
        least: i64,
        most: i64,
    },
    Reserved {
        word: String,
    },
    StrayEnd,
    TooDeep,
    TooMuch,
    Undefined {
        name: String,
    },
    UnclosedRepeat,
    UnclosedText,
    UnknownDirective {
        word: String,
    },
    UnknownInstruction {
        word: String,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AreaNotAbsolute => write!(f, "this area is not absolute"),
            Self::Character { found } => write!(f, "{found:?} means nothing here"),
            Self::DivisionByZero => write!(f, "this divides by zero"),
            Self::Duplicate { name, first } => {
                write!(f, "`{name}` is defined twice, first at {first}")
            }
            Self::Expected { what, found } => write!(f, "{what} was expected, not {found}"),
            Self::Form { mnemonic } => write!(f, "`{mnemonic}` does not take these operands"),
            Self::JumpTooFar { distance } => write!(f, "this jump goes {distance} bytes far"),
            Self::NoOrigin => write!(f, "nobody said at what address this goes"),
            Self::NotKnownYet { name } => {
                write!(f, "`{name}` is not known yet, and the layout depends on it")
            }
            Self::Number { text } => write!(f, "`{text}` is not a number"),
            Self::OutsideRom { at } => write!(f, "0x{at:04X} is not in the ROM"),
            Self::Overflow => write!(f, "a number here is too large"),
            Self::Overlap { at, first } => {
                write!(f, "0x{at:04X} is taken already, by {first}")
            }
            Self::Range {
                what,
                value,
                least,
                most,
            } => {
                write!(f, "{value} is not {what} ({least} to {most})")
            }
            Self::Reserved { word } => write!(f, "`{word}` is the name of a register"),
            Self::StrayEnd => write!(f, "this ends nothing"),
            Self::TooDeep => write!(f, "this is nested too deep"),
            Self::TooMuch => write!(f, "repeats make too many lines of this"),
            Self::Undefined { name } => write!(f, "`{name}` is not defined"),
            Self::UnclosedRepeat => write!(f, "this repeat has no end"),
            Self::UnclosedText => write!(f, "this text has no end"),
            Self::UnknownDirective { word } => write!(f, "there is no directive `{word}`"),
            Self::UnknownInstruction { word } => write!(f, "there is no instruction `{word}`"),
        }
    }
}

impl Cause {
    /// The way out.
    #[must_use]
    pub fn help(&self) -> String {
        let text = match self {
            Self::AreaNotAbsolute => "write `.area _NAME (ABS)`",
            Self::Character { .. } => "comments begin with `;`, immediate values with `#`",
            Self::DivisionByZero => "give it another divisor",
            Self::Duplicate { .. } => "rename one of them",
            Self::Expected { .. } => "see the language in the documentation of skerry-asm",
            Self::Form { mnemonic } => return forms(mnemonic),
            Self::JumpTooFar { .. } => "`jr` goes -128 to 127 bytes from its end: use `jp`",
            Self::NoOrigin => "write `.area _NAME (ABS)` and `.org ADDRESS` before it",
            Self::NotKnownYet { .. } => "move the definition up",
            Self::Number { .. } => "numbers are 10, 0x1F, 0b101 and 'c",
            Self::OutsideRom { .. } => "only `.ds` may stand outside 0x0000 to 0x7FFF",
            Self::Overflow => "an address or a byte needs no such number",
            Self::Overlap { .. } => "move one of the two",
            Self::Range { .. } => "give it such a value; `<` and `>` take one byte of a larger one",
            Self::Reserved { .. } => "choose another name",
            Self::StrayEnd => "`.endm` belongs to a `.rept` above it",
            Self::TooDeep => "split it",
            Self::TooMuch => "lower the count; `.ds` reserves space",
            Self::Undefined { .. } => "define it, or look for a slip of the pen",
            Self::UnclosedRepeat => "end it with `.endm` in the same file",
            Self::UnclosedText => "end it with the character that it begins with",
            Self::UnknownDirective { .. } => {
                "there are .area .org .equ .db .dw .ds .ascii .rept .endm"
            }
            Self::UnknownInstruction { .. } => "labels end in `:`, directives begin with `.`",
        };
        text.to_owned()
    }
}

/// What an instruction takes.
fn forms(mnemonic: &str) -> String {
    let takes = match mnemonic {
        "ld" => {
            "r,r  r,#n  rr,#nn  a,(rr)  (rr),a  a,(hl+)  (hl+),a  a,(hl-)  (hl-),a  a,(nn)  \
             (nn),a  (nn),sp  sp,hl"
        }
        "ldh" => "(n),a  a,(n)  (c),a  a,(c)",
        "ldhl" => "sp,#n",
        "add" => "a,r  a,#n  hl,rr  sp,#n",
        "adc" | "sub" | "sbc" | "and" | "xor" | "or" | "cp" => "a,r  a,#n  r  #n",
        "inc" | "dec" => "r  rr",
        "push" | "pop" => "bc  de  hl  af",
        "bit" | "res" | "set" => "n,r",
        "jp" => "nn  condition,nn  (hl)",
        "jr" | "call" => "nn  condition,nn",
        "ret" => "nothing  condition",
        "rst" => "0x00  0x08  ..  0x38",
        "rlc" | "rrc" | "rl" | "rr" | "sla" | "sra" | "srl" | "swap" => "r",
        _ => "nothing",
    };
    format!("it takes: {takes}")
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            text,
            cause,
        } = self;
        writeln!(f, "{file}:{line}:{column}: error: {cause}")?;
        // A tab stays one, so that the mark stands below what it points at.
        let before = usize::try_from(*column).unwrap_or(1).saturating_sub(1);
        let blank = |it: char| if it == '\t' { '\t' } else { ' ' };
        let margin: String = text.chars().map(blank).take(before).collect();
        writeln!(f, "  | {text}")?;
        writeln!(f, "  | {margin}^")?;
        write!(f, "  = {}", cause.help())
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.0 {
            writeln!(f, "{error}")?;
        }
        let count = self.0.len();
        write!(f, "{count} error{}", if count == 1 { "" } else { "s" })
    }
}

impl std::error::Error for Errors {}

/// A cause and the column it stands in; the reader adds file and line.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) column: u32,
    pub(crate) cause: Cause,
}

impl Fault {
    pub(crate) const fn new(column: u32, cause: Cause) -> Self {
        Self { column, cause }
    }

    pub(crate) const fn expected(what: &'static str, found: String, column: u32) -> Self {
        Self::new(column, Cause::Expected { what, found })
    }
}
