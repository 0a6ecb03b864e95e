//! Makes the cartridge: what is written by hand in `firmware`, what follows from tables and from
//! the protocol, and the assembler's view of both. Any error ends the build.
//!
//! The texts that were assembled are left in `OUT_DIR/firmware`, in their order, for somebody
//! else's assembler to be given the same.

#[path = "build/art.rs"]
mod art;
#[path = "build/tables.rs"]
mod tables;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use skerry_asm::{Header, Program, Source, assemble};

/// Between the constants, which come first, and the tables, which come last.
const FILES: [&str; 18] = [
    "hardware", "memory", "vectors", "start", "main", "status", "parser", "ops", "map", "screen",
    "chart", "joypad", "beep", "blink", "palette", "watchdog", "splash", "tables",
];
const HEADER: Header<'_> = Header {
    title: "SKERRYPANEL",
    colour: true,
};

fn main() -> ExitCode {
    match make() {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            // Nobody is left to tell if this fails.
            drop(writeln!(
                io::stderr(),
                "the cartridge cannot be made:\n{text}"
            ));
            ExitCode::FAILURE
        }
    }
}

fn make() -> Result<(), String> {
    watch("build.rs")?;
    watch("build")?;
    watch("firmware")?;
    let texts = texts()?;
    let sources: Vec<Source<'_>> = texts
        .iter()
        .map(|(name, text)| Source { name, text })
        .collect();
    let program = assemble(&sources, &[]).map_err(|errors| errors.to_string())?;
    let rom = program.image.rom(&HEADER);
    let rom = rom.map_err(|error| error.to_string())?;
    let out = env::var("OUT_DIR").map_err(|_| "cargo runs this".to_owned())?;
    let out = Path::new(&out);
    write(&out.join("panel.gb"), &rom)?;
    write(&out.join("symbols.rs"), symbols(&program).as_bytes())?;
    keep(&out.join("firmware"), &sources)
}

/// Every text, in order.
fn texts() -> Result<Vec<(String, String)>, String> {
    let mut texts = vec![("constants.s".to_owned(), tables::constants())];
    for file in FILES {
        let name = format!("firmware/{file}.s");
        let text = read(&name)?;
        texts.push((name, text));
    }
    texts.push(("crc.s".to_owned(), tables::crc()));
    let mut tiles = String::from("tile_data:\n");
    for (file, first, count) in art::FILES {
        let name = format!("firmware/tiles/{file}.txt");
        let drawn = art::tiles(&name, &read(&name)?)?;
        if drawn.len() != count {
            let drawn = drawn.len();
            return Err(format!("{name} has {drawn} tiles instead of {count}"));
        }
        tables::tiles(&mut tiles, first, &drawn);
        if file == "font" {
            tables::tiles(&mut tiles, skerry_panel_proto::tiles::BARS, &tables::bars());
        }
    }
    tiles.push_str("tile_data_end:\n");
    texts.push(("tiles.s".to_owned(), tiles));
    Ok(texts)
}

/// Leaves the texts to others.
fn keep(folder: &Path, sources: &[Source<'_>]) -> Result<(), String> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| cannot("empty", folder, &error))?;
    }
    fs::create_dir_all(folder).map_err(|error| cannot("make", folder, &error))?;
    for (number, source) in sources.iter().enumerate() {
        let stem = Path::new(source.name).file_stem().unwrap_or_default();
        let name = format!("{number:02}-{}.s", stem.to_string_lossy());
        write(&folder.join(name), source.text.as_bytes())?;
    }
    Ok(())
}

/// The symbols as Rust, by name.
fn symbols(program: &Program) -> String {
    let line = |(name, value): (&String, &i64)| format!("    ({name:?}, {value}),\n");
    let lines: String = program.symbols.iter().map(line).collect();
    format!("&[\n{lines}]\n")
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| cannot("read", Path::new(path), &error))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|error| cannot("write", path, &error))
}

/// Has cargo run this again when a path changes.
fn watch(path: &str) -> Result<(), String> {
    writeln!(io::stdout(), "cargo::rerun-if-changed={path}").map_err(|error| error.to_string())
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {what} {}: {error}", path.display())
}
