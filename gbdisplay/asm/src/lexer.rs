//! A line as a row of tokens.

use crate::error::{Cause, Fault};

/// The smallest piece of a line that means something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Token {
    /// A name, a mnemonic, a register or a directive.
    Word(String),
    Number(i64),
    /// `1$`
    Local(i64),
    /// What stands between the delimiters of `.ascii`.
    Text(Vec<u8>),
    /// One of `PUNCTUATION`.
    Punct(&'static str),
}

/// The longer ones first.
const PUNCTUATION: [&str; 19] = [
    "<<", ">>", "<", ">", ",", "#", "(", ")", "+", "-", "*", "/", "%", "&", "|", "^", "~", ":", "=",
];

impl Token {
    /// As an error calls it.
    fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Number(number) => format!("`{number}`"),
            Self::Local(number) => format!("`{number}$`"),
            Self::Text(_) => "a text".to_owned(),
            Self::Punct(punct) => format!("`{punct}`"),
        }
    }
}

/// The tokens of a line, read from the left.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    tokens: Vec<(Token, u32)>,
    next: usize,
    end: u32,
}

impl Tokens {
    /// Takes a line apart.
    pub(crate) fn read(line: &str) -> Result<Self, Fault> {
        let mut cursor = Cursor {
            rest: line,
            column: 1,
        };
        let mut tokens: Vec<(Token, u32)> = Vec::new();
        while cursor.skip_blank() {
            let column = cursor.column;
            let after_ascii = tokens
                .last()
                .is_some_and(|(it, _)| *it == Token::Word(".ascii".to_owned()));
            let token = if after_ascii {
                cursor.text()
            } else {
                cursor.token()
            };
            tokens.push((token.map_err(|cause| Fault::new(column, cause))?, column));
        }
        Ok(Self {
            tokens,
            next: 0,
            end: cursor.column,
        })
    }

    pub(crate) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(token, _)| token)
    }

    pub(crate) fn peek_second(&self) -> Option<&Token> {
        self.tokens.get(self.next + 1).map(|(token, _)| token)
    }

    /// Where the next token stands, or the end of the line.
    pub(crate) fn column(&self) -> u32 {
        self.tokens
            .get(self.next)
            .map_or(self.end, |&(_, column)| column)
    }

    pub(crate) fn next(&mut self) -> Option<Token> {
        let (token, _) = self.tokens.get(self.next)?;
        self.next += 1;
        Some(token.clone())
    }

    /// Takes the next token if it is this one.
    pub(crate) fn take(&mut self, punct: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Punct(it)) if *it == punct);
        self.next += usize::from(found);
        found
    }

    /// The fault of finding something else than `what`.
    pub(crate) fn unexpected(&self, what: &'static str) -> Fault {
        let found = self
            .peek()
            .map_or_else(|| "the end of the line".to_owned(), Token::describe);
        Fault::expected(what, found, self.column())
    }

    /// Demands that nothing is left.
    pub(crate) fn end(&self) -> Result<(), Fault> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the line")),
        }
    }
}

/// What is left of a line.
struct Cursor<'a> {
    rest: &'a str,
    column: u32,
}

impl<'a> Cursor<'a> {
    /// False at the end of the line, or at a comment.
    fn skip_blank(&mut self) -> bool {
        self.take_while(|it| it == ' ' || it == '\t' || it == '\r');
        !self.rest.is_empty() && !self.rest.starts_with(';')
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        self.column = self.column.saturating_add(1);
        Some(next)
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let whole = self.rest;
        while self.peek().is_some_and(&belongs) {
            self.next();
        }
        whole.strip_suffix(self.rest).unwrap_or(whole)
    }

    fn token(&mut self) -> Result<Token, Cause> {
        for punct in PUNCTUATION {
            if self.rest.starts_with(punct) {
                for _ in punct.chars() {
                    self.next();
                }
                return Ok(Token::Punct(punct));
            }
        }
        match self.peek() {
            Some('\'') => self.character(),
            Some(it) if it.is_ascii_digit() => self.number(),
            Some(it) if is_word(it) => Ok(Token::Word(self.take_while(is_word).to_owned())),
            it => Err(Cause::Character {
                found: it.unwrap_or(' '),
            }),
        }
    }

    /// `'x` or `'x'`.
    fn character(&mut self) -> Result<Token, Cause> {
        self.next();
        let found = self.next().ok_or(Cause::UnclosedText)?;
        if self.peek() == Some('\'') {
            self.next();
        }
        if found.is_ascii() {
            Ok(Token::Number(i64::from(u32::from(found))))
        } else {
            Err(Cause::Character { found })
        }
    }

    /// `10`, `0x1F`, `0b101` or the local label `10$`.
    fn number(&mut self) -> Result<Token, Cause> {
        let text = self.take_while(is_word);
        let bad = || Cause::Number {
            text: text.to_owned(),
        };
        if let Some(digits) = text.strip_suffix('$') {
            let decimal = digits.chars().all(|it| it.is_ascii_digit());
            let number = digits.parse().ok().filter(|_| decimal);
            return number.map(Token::Local).ok_or_else(bad);
        }
        let (digits, radix) = match text.get(..2) {
            Some("0x" | "0X") => (text.get(2..), 16),
            Some("0b" | "0B") => (text.get(2..), 2),
            _ => (Some(text), 10),
        };
        let number = digits.and_then(|it| i64::from_str_radix(it, radix).ok());
        number.map(Token::Number).ok_or_else(bad)
    }

    /// A text between two of the same character.
    fn text(&mut self) -> Result<Token, Cause> {
        let delimiter = self.next().ok_or(Cause::UnclosedText)?;
        let text = self.take_while(|it| it != delimiter);
        if self.next().is_none() {
            return Err(Cause::UnclosedText);
        }
        // `sdasgb` makes something of a backslash, whose meaning differs between its versions.
        match text.chars().find(|it| !it.is_ascii() || *it == '\\') {
            Some(found) => Err(Cause::Character { found }),
            None => Ok(Token::Text(text.as_bytes().to_vec())),
        }
    }
}

fn is_word(it: char) -> bool {
    it.is_ascii_alphanumeric() || matches!(it, '_' | '.' | '$')
}
