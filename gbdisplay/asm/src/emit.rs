//! The second pass: turns what has an address into bytes there.

use crate::error::{Cause, Error, Errors, Fault};
use crate::expr::Expr;
use crate::image::{Image, Refused};
use crate::instruction::Code;
use crate::reader::{ERRORS_MAX, Placed, Read};
use crate::statement::Item;
use crate::symbols::Symbols;
use crate::{Program, Source};

/// Makes the image, or tells everything that is wrong.
pub(crate) fn emit(sources: &[Source<'_>], read: Read) -> Result<Program, Errors> {
    let Read {
        items,
        symbols,
        mut errors,
    } = read;
    let mut image = Image::new();
    let is_laid_out = errors.is_empty();
    for (number, placed) in items.iter().enumerate() {
        for fault in put(&mut image, placed, number, &items, sources, &symbols) {
            // Where lines are missing, addresses and distances mean nothing.
            let is_sure = is_laid_out || matches!(fault.cause, Cause::Undefined { .. });
            let error = placed.place.error(sources, fault);
            if is_sure && errors.len() < ERRORS_MAX && !errors.contains(&error) {
                errors.push(error);
            }
        }
    }
    if errors.is_empty() {
        return Ok(Program {
            image,
            symbols: symbols.into_map(),
        });
    }
    sort(&mut errors, sources);
    Err(Errors(errors))
}

/// Into the order of the text.
fn sort(errors: &mut [Error], sources: &[Source<'_>]) {
    errors.sort_by_key(|error| {
        let file = sources.iter().position(|it| it.name == error.file);
        (file, error.line, error.column)
    });
}

/// Puts one item into the image and returns what is wrong with it.
fn put(
    image: &mut Image,
    placed: &Placed,
    number: usize,
    items: &[Placed],
    sources: &[Source<'_>],
    symbols: &Symbols,
) -> Vec<Fault> {
    let (bytes, mut faults) = bytes(&placed.item, placed.at, symbols);
    let result = if let Item::Hole(len) = &placed.item {
        image.reserve(placed.at, *len, number)
    } else {
        image.write(placed.at, &bytes, number)
    };
    match result {
        Ok(()) => {}
        Err(Refused::Outside(at)) => faults.push(Fault::new(1, Cause::OutsideRom { at })),
        Err(Refused::Taken(at, by)) => {
            let by = items.get(by).map(|it| it.place.name(sources));
            let first = by.unwrap_or_default();
            faults.push(Fault::new(1, Cause::Overlap { at, first }));
        }
    }
    faults
}

/// The bytes of an item, with zeros for what is wrong.
fn bytes(item: &Item, at: i64, symbols: &Symbols) -> (Vec<u8>, Vec<Fault>) {
    let mut out = Out {
        bytes: Vec::new(),
        faults: Vec::new(),
        symbols,
    };
    let step = |index: usize, len: i64| at + i64::try_from(index).unwrap_or(0) * len;
    match item {
        Item::Hole(_) => {}
        Item::Text(text) => out.bytes.extend(text),
        Item::Bytes(values) => {
            for (index, value) in values.iter().enumerate() {
                out.byte(value, step(index, 1));
            }
        }
        Item::Words(values) => {
            for (index, value) in values.iter().enumerate() {
                out.word(value, step(index, 2));
            }
        }
        Item::Code(code) => out.code(code, at),
    }
    (out.bytes, out.faults)
}

struct Out<'a> {
    bytes: Vec<u8>,
    faults: Vec<Fault>,
    symbols: &'a Symbols,
}

impl Out<'_> {
    fn code(&mut self, code: &Code, at: i64) {
        match code {
            Code::Plain(opcode) => self.bytes.push(*opcode),
            Code::Stop => self.bytes.extend([0x10, 0x00]),
            Code::Extended(opcode) => self.bytes.extend([0xCB, *opcode]),
            Code::Bit(opcode, bit) => {
                let bit = self.value(bit, at, "the number of a bit", (0, 7));
                self.bytes.extend([0xCB, opcode | low(bit) << 3]);
            }
            Code::Reset(to) => self.reset(to, at),
            Code::Byte(opcode, value) => {
                self.bytes.push(*opcode);
                self.byte(value, at);
            }
            Code::Signed(opcode, value) => {
                let value = self.value(value, at, "a signed byte", (-128, 127));
                self.bytes.extend([*opcode, low(value)]);
            }
            Code::High(opcode, value) => self.high(*opcode, value, at),
            Code::Word(opcode, value) => {
                self.bytes.push(*opcode);
                self.word(value, at);
            }
            Code::Relative(opcode, to) => self.relative(*opcode, to, at),
        }
    }

    /// A value in a range; 0 and a fault if it is not.
    fn value(&mut self, value: &Expr, at: i64, what: &'static str, range: (i64, i64)) -> i64 {
        match value.within(at, self.symbols, what, range) {
            Ok(value) => value,
            Err(fault) => {
                self.faults.push(fault);
                0
            }
        }
    }

    fn byte(&mut self, value: &Expr, at: i64) {
        let value = self.value(value, at, "a byte", (-128, 255));
        self.bytes.push(low(value));
    }

    fn word(&mut self, value: &Expr, at: i64) {
        let value = self.value(value, at, "a word", (-32_768, 65_535));
        self.bytes.extend([low(value), low(value >> 8)]);
    }

    fn reset(&mut self, to: &Expr, at: i64) {
        let what = "a multiple of 8";
        let value = self.value(to, at, what, (0, 0x38));
        if value % 8 != 0 {
            let cause = Cause::Range {
                what,
                value,
                least: 0,
                most: 0x38,
            };
            self.faults.push(Fault::new(to.column, cause));
        }
        self.bytes.push(0xC7 | low(value));
    }

    fn high(&mut self, opcode: u8, address: &Expr, at: i64) {
        let what = "an address from 0xFF00 on, or its low byte";
        let value = self.value(address, at, what, (0, 0xFFFF));
        if (0x100..0xFF00).contains(&value) {
            let cause = Cause::Range {
                what,
                value,
                least: 0xFF00,
                most: 0xFFFF,
            };
            self.faults.push(Fault::new(address.column, cause));
        }
        self.bytes.extend([opcode, low(value)]);
    }

    fn relative(&mut self, opcode: u8, to: &Expr, at: i64) {
        let distance = match to.value(at, self.symbols) {
            Ok(to) => to.saturating_sub(at).saturating_sub(2),
            Err(fault) => {
                self.faults.push(fault);
                0
            }
        };
        if !(-128..=127).contains(&distance) {
            self.faults
                .push(Fault::new(to.column, Cause::JumpTooFar { distance }));
        }
        self.bytes.extend([opcode, low(distance)]);
    }
}

/// The low byte.
fn low(value: i64) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low
}
