//! The same sources through SDCC's assembler, linker and cartridge maker.

use std::fs;
use std::path::Path;
use std::process::Command;

use skerry_asm::{Header, Source};

/// The cartridge that `sdasgb`, `sdldgb` and `makebin` make.
pub(crate) fn rom(sources: &[Source<'_>], header: &Header<'_>) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..sources.len()).map(|it| format!("{it}.s")).collect();
    for (name, source) in names.iter().zip(sources) {
        fs::write(folder.path().join(name), source.text).unwrap();
    }
    let files: Vec<&str> = names.iter().map(String::as_str).collect();
    run(
        folder.path(),
        "sdasgb",
        &[&["-plosgff", "all.rel"], files.as_slice()].concat(),
    );
    run(folder.path(), "sdldgb", &["-i", "all.ihx", "all.rel"]);
    let mut make = vec!["-Z", "-yn", header.title, "-yt", "0", "-yj"];
    // It says that these are outdated and the default; without them they are 0xFF.
    make.extend(["-yp", "0x146=0", "-yp", "0x14C=0"]);
    make.extend(header.colour.then_some("-yc"));
    make.extend(["all.ihx", "all.gb"]);
    run(folder.path(), "makebin", &make);
    fs::read(folder.path().join("all.gb")).unwrap()
}

fn run(folder: &Path, program: &str, args: &[&str]) {
    let ended = Command::new(program)
        .args(args)
        .current_dir(folder)
        .output();
    let ended = ended.unwrap_or_else(|error| {
        panic!("cannot run {program} ({error}): it is in the package `sdcc`")
    });
    let text = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{program} {args:?}: {text}");
    // The linker says of some errors no more than this.
    assert!(!text.contains("?ASlink"), "{program} {args:?}: {text}");
}
