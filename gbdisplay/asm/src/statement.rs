//! What a line says.

use crate::error::{Cause, Fault};
use crate::expr::Expr;
use crate::instruction::{Code, Encoded, encode};
use crate::lexer::{Token, Tokens};
use crate::operand::{Operand, is_register};
use crate::symbols::Name;

/// What a line says, but for its label.
#[derive(Clone, Debug)]
pub(crate) enum Statement {
    Nothing,
    /// `NAME = value`
    Define(String, Expr),
    Area,
    Origin(Expr),
    Repeat(Expr),
    EndRepeat,
    Reserve(Expr),
    Item(Item),
}

/// What becomes bytes.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Bytes(Vec<Expr>),
    Words(Vec<Expr>),
    Text(Vec<u8>),
    Code(Code),
    /// A hole of so many bytes.
    Hole(i64),
}

impl Item {
    /// How many bytes it is.
    pub(crate) fn len(&self) -> i64 {
        let count = |len: usize| i64::try_from(len).unwrap_or(i64::MAX);
        match self {
            Self::Bytes(values) => count(values.len()),
            Self::Words(values) => count(values.len()).saturating_mul(2),
            Self::Text(text) => count(text.len()),
            Self::Code(code) => code.len(),
            Self::Hole(len) => *len,
        }
    }
}

/// Reads `name:` or `1$:` if the line begins with it.
pub(crate) fn label(tokens: &mut Tokens, scope: u32) -> Result<Option<Name>, Fault> {
    if tokens.peek_second() != Some(&Token::Punct(":")) {
        return Ok(None);
    }
    let column = tokens.column();
    let name = match tokens.peek() {
        Some(Token::Word(word)) => Name::Global(checked(word.clone(), column)?),
        Some(Token::Local(number)) => Name::Local {
            scope,
            number: *number,
        },
        _ => return Err(tokens.unexpected("a label")),
    };
    tokens.next();
    tokens.next();
    Ok(Some(name))
}

/// A name that may be given a meaning.
fn checked(word: String, column: u32) -> Result<String, Fault> {
    if is_register(&word) || word == "." {
        return Err(Fault::new(column, Cause::Reserved { word }));
    }
    Ok(word)
}

/// Reads what follows the label, to the end of the line.
pub(crate) fn body(tokens: &mut Tokens, scope: u32) -> Result<Statement, Fault> {
    let column = tokens.column();
    let word = match tokens.peek() {
        None => return Ok(Statement::Nothing),
        Some(Token::Word(word)) => word.clone(),
        Some(_) => return Err(tokens.unexpected("an instruction, a directive or a name")),
    };
    tokens.next();
    let is_equ = matches!(tokens.peek(), Some(Token::Word(it)) if it == ".equ");
    if is_equ || tokens.peek() == Some(&Token::Punct("=")) {
        tokens.next();
        let name = checked(word, column)?;
        return last(tokens, scope).map(|value| Statement::Define(name, value));
    }
    if word.starts_with('.') {
        return directive(word, column, tokens, scope);
    }
    let operands = Operand::read_all(tokens, scope)?;
    let cause = match encode(&word, &operands) {
        Encoded::Code(code) => return Ok(Statement::Item(Item::Code(code))),
        Encoded::NoForm => Cause::Form { mnemonic: word },
        Encoded::NoInstruction => Cause::UnknownInstruction { word },
    };
    Err(Fault::new(column, cause))
}

fn directive(
    word: String,
    column: u32,
    tokens: &mut Tokens,
    scope: u32,
) -> Result<Statement, Fault> {
    Ok(match word.as_str() {
        ".area" => area(tokens)?,
        ".org" => Statement::Origin(last(tokens, scope)?),
        ".rept" => Statement::Repeat(last(tokens, scope)?),
        ".endm" => {
            tokens.end()?;
            Statement::EndRepeat
        }
        ".ds" => Statement::Reserve(last(tokens, scope)?),
        ".db" => Statement::Item(Item::Bytes(list(tokens, scope)?)),
        ".dw" => Statement::Item(Item::Words(list(tokens, scope)?)),
        ".ascii" => text(tokens)?,
        _ => return Err(Fault::new(column, Cause::UnknownDirective { word })),
    })
}

/// An expression that ends the line.
fn last(tokens: &mut Tokens, scope: u32) -> Result<Expr, Fault> {
    let value = Expr::read(tokens, scope)?;
    tokens.end()?;
    Ok(value)
}

/// Expressions with commas between them.
fn list(tokens: &mut Tokens, scope: u32) -> Result<Vec<Expr>, Fault> {
    let mut values = vec![Expr::read(tokens, scope)?];
    while tokens.take(",") {
        values.push(Expr::read(tokens, scope)?);
    }
    tokens.end()?;
    Ok(values)
}

/// `NAME (ABS)`. The name says something to the reader only.
fn area(tokens: &mut Tokens) -> Result<Statement, Fault> {
    let Some(Token::Word(_)) = tokens.peek() else {
        return Err(tokens.unexpected("the name of an area"));
    };
    tokens.next();
    let column = tokens.column();
    let absolute = tokens.take("(")
        && tokens.next() == Some(Token::Word("ABS".to_owned()))
        && tokens.take(")");
    if !absolute {
        return Err(Fault::new(column, Cause::AreaNotAbsolute));
    }
    tokens.end()?;
    Ok(Statement::Area)
}

fn text(tokens: &mut Tokens) -> Result<Statement, Fault> {
    let Some(Token::Text(text)) = tokens.peek().cloned() else {
        return Err(tokens.unexpected("a text"));
    };
    tokens.next();
    tokens.end()?;
    Ok(Statement::Item(Item::Text(text)))
}
