//! The first pass: reads every line, gives every statement an address and every symbol a value.
//!
//! An instruction is as long whatever its operands are, so one pass suffices, if only what moves
//! addresses (`.org`, `.ds`, `.rept`, and `=` for their sake) is known when it is met.

use std::ops::Range;

use crate::Source;
use crate::error::{Cause, Error, Fault};
use crate::expr::Expr;
use crate::lexer::{Token, Tokens};
use crate::statement::{self, Item, Statement};
use crate::symbols::{Name, Symbols};

/// What the first pass leaves to the second.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) items: Vec<Placed>,
    pub(crate) symbols: Symbols,
    pub(crate) errors: Vec<Error>,
}

/// An item, its address and where it is written.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) at: i64,
    pub(crate) place: Place,
    pub(crate) item: Item,
}

/// A line of the text, both counted from 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    file: usize,
    line: usize,
}

impl Place {
    /// `file:line`
    pub(crate) fn name(self, sources: &[Source<'_>]) -> String {
        let file = sources.get(self.file).map_or("", |it| it.name);
        format!("{file}:{}", self.line + 1)
    }

    /// Adds the place to a fault.
    pub(crate) fn error(self, sources: &[Source<'_>], fault: Fault) -> Error {
        let source = sources.get(self.file);
        let line = source.and_then(|it| it.text.lines().nth(self.line));
        Error {
            file: source.map_or_else(String::new, |it| it.name.to_owned()),
            line: u32::try_from(self.line + 1).unwrap_or(u32::MAX),
            column: fault.column,
            text: line.unwrap_or_default().to_owned(),
            cause: fault.cause,
        }
    }
}

/// Lines that a run may have, repeats unrolled: a 32 KiB ROM needs no more.
const LINES_MAX: u32 = 400_000;
/// Errors that are worth telling: beyond, one is the cause of many.
pub(crate) const ERRORS_MAX: usize = 500;
/// How deep repeats nest.
const REPEAT_DEPTH_MAX: u32 = 8;
/// One more than the last address.
const MEMORY_LEN: i64 = 0x1_0000;

/// Reads all sources.
pub(crate) fn read(sources: &[Source<'_>], constants: &[(&str, i64)]) -> Read {
    let read = Read {
        items: Vec::new(),
        symbols: Symbols::default(),
        errors: Vec::new(),
    };
    let mut reader = Reader {
        sources,
        lines: Vec::new(),
        place: Place { file: 0, line: 0 },
        position: None,
        scope: 0,
        lines_left: LINES_MAX,
        read,
    };
    for (name, value) in constants {
        let name = Name::Global((*name).to_owned());
        reader.define(name, *value, 1, "the caller".to_owned());
    }
    for (file, source) in sources.iter().enumerate() {
        reader.lines = source.text.lines().collect();
        reader.place.file = file;
        reader.block(0..reader.lines.len(), REPEAT_DEPTH_MAX);
    }
    reader.read
}

struct Reader<'a> {
    sources: &'a [Source<'a>],
    /// Those of the file that is read.
    lines: Vec<&'a str>,
    place: Place,
    /// Where the next item goes; none before the first `.org` of an area.
    position: Option<i64>,
    /// Counts global labels: local ones belong to the last of them.
    scope: u32,
    lines_left: u32,
    read: Read,
}

impl Reader<'_> {
    /// Reads some lines of the file.
    fn block(&mut self, lines: Range<usize>, depth: u32) {
        let mut line = lines.start;
        while line < lines.end {
            self.place.line = line;
            if !self.spend_line() {
                return;
            }
            match self.line() {
                Ok(Statement::Repeat(count)) => line = self.repeat(&count, line, depth),
                Ok(statement) => {
                    if let Err(fault) = self.place(statement) {
                        self.fault(fault);
                    }
                }
                Err(fault) => self.fault(fault),
            }
            line += 1;
        }
    }

    /// Takes one from the lines that are left; false when none was.
    fn spend_line(&mut self) -> bool {
        let Some(left) = self.lines_left.checked_sub(1) else {
            self.fault(Fault::new(1, Cause::TooMuch));
            return false;
        };
        self.lines_left = left;
        true
    }

    /// Reads the label of a line, defines it, and reads the rest.
    fn line(&mut self) -> Result<Statement, Fault> {
        let text = self.lines.get(self.place.line).copied().unwrap_or_default();
        let mut tokens = Tokens::read(text)?;
        let column = tokens.column();
        if let Some(name) = statement::label(&mut tokens, self.scope)? {
            if matches!(name, Name::Global(_)) {
                self.scope += 1;
            }
            let place = self.place.name(self.sources);
            match self.position {
                Some(at) => self.define(name, at, column, place),
                None => {
                    self.fault(Fault::new(column, Cause::NoOrigin));
                    self.define(name, 0, column, place);
                }
            }
        }
        statement::body(&mut tokens, self.scope)
    }

    /// Runs what is between `.rept` and its `.endm`, and returns the line of that.
    fn repeat(&mut self, count: &Expr, line: usize, depth: u32) -> usize {
        let Some(end) = self.end_of_repeat(line) else {
            self.fault(Fault::new(1, Cause::UnclosedRepeat));
            return self.lines.len();
        };
        let Some(depth) = depth.checked_sub(1) else {
            self.fault(Fault::new(1, Cause::TooDeep));
            return end;
        };
        match self.now(count, "a count", (0, MEMORY_LEN)) {
            Err(fault) => self.fault(fault),
            Ok(count) => {
                for _ in 0..count {
                    // Even an empty block costs a line, lest a repeat of nothing takes for ever.
                    if !self.spend_line() {
                        break;
                    }
                    self.block(line + 1..end, depth);
                }
            }
        }
        end
    }

    fn end_of_repeat(&self, line: usize) -> Option<usize> {
        let mut open = 0_usize;
        for (number, text) in self.lines.iter().enumerate().skip(line + 1) {
            let tokens = Tokens::read(text);
            match tokens.as_ref().ok().and_then(Tokens::peek) {
                Some(Token::Word(word)) if word == ".rept" => open += 1,
                Some(Token::Word(word)) if word == ".endm" && open == 0 => return Some(number),
                Some(Token::Word(word)) if word == ".endm" => open -= 1,
                _ => {}
            }
        }
        None
    }

    /// Gives a statement its place.
    fn place(&mut self, statement: Statement) -> Result<(), Fault> {
        match statement {
            Statement::Nothing | Statement::Repeat(_) => {}
            Statement::EndRepeat => return Err(Fault::new(1, Cause::StrayEnd)),
            Statement::Area => self.position = None,
            Statement::Origin(to) => {
                let to = self.now(&to, "an address", (0, MEMORY_LEN - 1))?;
                self.position = Some(to);
            }
            Statement::Define(name, value) => {
                let column = value.column;
                let value = self.now(&value, "a value", (i64::MIN, i64::MAX));
                let place = self.place.name(self.sources);
                // Defined even so, lest every use of it is an error too.
                let known = value.as_ref().copied().unwrap_or(0);
                self.define(Name::Global(name), known, column, place);
                value?;
            }
            Statement::Reserve(len) => {
                let column = len.column;
                let len = self.now(&len, "a length", (0, MEMORY_LEN))?;
                self.item(Item::Hole(len), column)?;
            }
            Statement::Item(item) => self.item(item, 1)?,
        }
        Ok(())
    }

    fn item(&mut self, item: Item, column: u32) -> Result<(), Fault> {
        let Some(at) = self.position else {
            return Err(Fault::new(column, Cause::NoOrigin));
        };
        let end = at.saturating_add(item.len());
        if end > MEMORY_LEN {
            return Err(Fault::new(column, Cause::OutsideRom { at: end }));
        }
        self.position = Some(end);
        let place = self.place;
        self.read.items.push(Placed { at, place, item });
        Ok(())
    }

    /// A value that must be known already.
    fn now(&self, value: &Expr, what: &'static str, range: (i64, i64)) -> Result<i64, Fault> {
        let here = self.position.unwrap_or(0);
        value
            .within(here, &self.read.symbols, what, range)
            .map_err(|fault| {
                if let Cause::Undefined { name } = fault.cause {
                    return Fault::new(fault.column, Cause::NotKnownYet { name });
                }
                fault
            })
    }

    fn define(&mut self, name: Name, value: i64, column: u32, place: String) {
        if let Err(cause) = self.read.symbols.define(name, value, place) {
            self.fault(Fault::new(column, cause));
        }
    }

    fn fault(&mut self, fault: Fault) {
        if self.read.errors.len() >= ERRORS_MAX {
            return;
        }
        let error = self.place.error(self.sources, fault);
        // A repeat says everything more than once.
        if !self.read.errors.contains(&error) {
            self.read.errors.push(error);
        }
    }
}
