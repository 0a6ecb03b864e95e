//! The assembler as a program: `skerry-asm --title NAME --out panel.gb FILE...`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use skerry_asm::{Header, Program, Source, assemble};

const USAGE: &str = "\
usage: skerry-asm [options] --out ROM FILE...
  --out ROM          where the cartridge goes; removed first, so that no old one stays
  --title TITLE      at most 11 of A-Z, 0-9 and the blank (default: PROGRAM)
  --colour           the program knows the colour hardware too
  --define NAME=N    defines a symbol; may be given more than once
  --symbols FILE     writes `ADDRESS NAME` for every symbol";

fn main() -> ExitCode {
    let result = Options::read(env::args().skip(1)).and_then(|options| run(&options));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            // Nobody is left to tell if this fails.
            drop(writeln!(io::stderr(), "{text}"));
            ExitCode::FAILURE
        }
    }
}

struct Options {
    out: PathBuf,
    title: String,
    colour: bool,
    defines: Vec<(String, i64)>,
    symbols: Option<PathBuf>,
    files: Vec<PathBuf>,
}

impl Options {
    fn read(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = args;
        let (mut out, mut symbols, mut title) = (None, None, "PROGRAM".to_owned());
        let (mut colour, mut defines, mut files) = (false, Vec::new(), Vec::new());
        while let Some(arg) = args.next() {
            let mut value = || {
                args.next()
                    .ok_or_else(|| format!("{arg} takes a value\n{USAGE}"))
            };
            match arg.as_str() {
                "--out" => out = Some(PathBuf::from(value()?)),
                "--title" => title = value()?,
                "--colour" => colour = true,
                "--symbols" => symbols = Some(PathBuf::from(value()?)),
                "--define" => defines.push(define(&value()?)?),
                it if it.starts_with('-') => {
                    return Err(format!("there is no option {it}\n{USAGE}"));
                }
                it => files.push(PathBuf::from(it)),
            }
        }
        let out = out.ok_or_else(|| format!("where does the ROM go?\n{USAGE}"))?;
        if files.is_empty() {
            return Err(format!("what is to be assembled?\n{USAGE}"));
        }
        Ok(Self {
            out,
            title,
            colour,
            defines,
            symbols,
            files,
        })
    }
}

fn define(text: &str) -> Result<(String, i64), String> {
    let bad = || format!("`{text}` is not NAME=NUMBER");
    let (name, value) = text.split_once('=').ok_or_else(bad)?;
    let value = match value.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16),
        None => value.parse(),
    };
    Ok((name.to_owned(), value.map_err(|_| bad())?))
}

fn run(options: &Options) -> Result<(), String> {
    // Whatever fails below, what an earlier run made is not taken for what this one makes.
    if options.out.exists() {
        fs::remove_file(&options.out).map_err(|error| cannot("remove", &options.out, &error))?;
    }
    let mut texts = Vec::new();
    for file in &options.files {
        let text = fs::read_to_string(file).map_err(|error| cannot("read", file, &error))?;
        texts.push((file.display().to_string(), text));
    }
    let sources: Vec<Source<'_>> = texts
        .iter()
        .map(|(name, text)| Source { name, text })
        .collect();
    let defines: Vec<(&str, i64)> = options
        .defines
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let program = assemble(&sources, &defines).map_err(|errors| errors.to_string())?;
    let header = Header {
        title: &options.title,
        colour: options.colour,
    };
    let rom = program
        .image
        .rom(&header)
        .map_err(|error| error.to_string())?;
    fs::write(&options.out, rom).map_err(|error| cannot("write", &options.out, &error))?;
    match &options.symbols {
        None => Ok(()),
        Some(file) => fs::write(file, map(&program)).map_err(|error| cannot("write", file, &error)),
    }
}

/// The symbols by value.
fn map(program: &Program) -> String {
    let mut symbols: Vec<_> = program.symbols.iter().collect();
    symbols.sort_by_key(|(name, value)| (**value, *name));
    let line = |(name, value): (&String, &i64)| format!("{value:04X} {name}\n");
    symbols.into_iter().map(line).collect()
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {what} {}: {error}", path.display())
}
