//! blargg's test ROMs, where `SKERRY_GB_TEST_ROMS` names a folder that has them. Their licence is
//! unclear, so they are not in the repository; without them every suite counts as skipped.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use skerry_dmg::{Machine, Model};

/// What the core has to pass.
const SUITES: [&str; 4] = ["cpu_instrs", "instr_timing", "mem_timing", "halt_bug"];

/// The longest takes less than a minute of machine time.
const FRAMES: u32 = 60 * 120;

fn main() -> ExitCode {
    let folder = std::env::var_os("SKERRY_GB_TEST_ROMS").map(PathBuf::from);
    let trials = SUITES.into_iter().map(|suite| match folder.clone() {
        Some(folder) => Trial::test(suite, move || run(&folder, suite)),
        None => {
            let name = format!("{suite}: skipped, SKERRY_GB_TEST_ROMS names no folder with it");
            Trial::test(name, || Ok(())).with_ignored_flag(true)
        }
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// Runs a suite until it says how it went.
fn run(folder: &Path, suite: &str) -> Result<(), Failed> {
    let path = find(folder, &format!("{suite}.gb"))
        .ok_or_else(|| format!("no {suite}.gb in {}", folder.display()))?;
    let mut machine = Machine::new(&fs::read(path)?, Model::Dmg)?;
    for _ in 0..FRAMES {
        machine.run_frame();
        let text = screen(&machine);
        if text.contains("Failed") {
            return Err(text.into());
        }
        if text.contains("Passed") {
            return Ok(());
        }
    }
    Err(format!("never ended:\n{}", screen(&machine)).into())
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|it| Some(it.ok()?.path())).collect();
    paths.sort();
    let here = paths.iter().find(|it| it.ends_with(name)).cloned();
    here.or_else(|| {
        let folders = paths.iter().filter(|it| it.is_dir());
        folders.into_iter().find_map(|it| find(it, name))
    })
}

/// The background's map as text, all of it since it scrolls: these ROMs number tiles in ASCII,
/// and the inverse ones 80 above.
fn screen(machine: &Machine) -> String {
    let rows = (0..32).map(|row| {
        let cells = (0..20).map(|column| machine.peek(0x9800 + row * 32 + column) & 0x7F);
        cells
            .map(|it| {
                if it.is_ascii_graphic() {
                    it.into()
                } else {
                    ' '
                }
            })
            .collect::<String>()
            .trim_end()
            .to_owned()
    });
    rows.collect::<Vec<_>>().join("\n")
}
