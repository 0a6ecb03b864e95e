//! Machines without Skerry beside the real binary: Debian's kernel in a virtual machine, configured
//! by the lines that `skerry peer` prints, as they are printed. Needs root, QEMU and the kernel's
//! package unpacked: `cargo xtask test interop` sees to it.
//!
//! `cargo test -p skerry-netns-tests --features root --test interop -- F14` runs the rows whose
//! names start so.

mod count;
mod mesh;
mod reach;
mod selftests;
mod world;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use skerry_netns_tests::traces;

fn main() -> ExitCode {
    let (arguments, rows) = arguments();
    if !arguments.list
        && let Err(error) = prepare()
    {
        say(&format!("the interop suite cannot run: {error:#}"));
        return ExitCode::FAILURE;
    }
    let chosen = trials().into_iter().filter(|trial| {
        rows.is_empty()
            || rows
                .iter()
                .any(|row| trial.name().starts_with(row.as_str()))
    });
    let conclusion = libtest_mimic::run(&arguments, chosen.collect());
    if let Err(error) = world::close() {
        say(&format!("the fabric does not stop well: {error:#}"));
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

/// Rows that end the fabric's peace come last.
fn trials() -> Vec<Trial> {
    let sets = [selftests::trials(), mesh::trials()];
    sets.into_iter().flatten().collect()
}

/// libtest knows one filter; rows are chosen by any number of them.
fn arguments() -> (Arguments, Vec<String>) {
    let (rows, flags): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|argument| !argument.starts_with('-'));
    let program = std::env::args().take(1);
    let mut arguments = Arguments::from_iter(program.chain(flags));
    // One guest, one fabric.
    arguments.test_threads = Some(1);
    (arguments, rows)
}

fn prepare() -> Result<()> {
    anyhow::ensure!(
        nix::unistd::geteuid().is_root(),
        "it makes network namespaces: run it as root"
    );
    traces::sweep()?;
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                traces::abandon();
                if let Err(error) = emulate_default_handler(signal) {
                    say(&format!("cannot end: {error}"));
                }
            }
        })?;
    Ok(())
}

/// A row, from a function that says what went wrong.
fn row(name: &str, run: impl FnOnce() -> Result<()> + Send + 'static) -> Trial {
    Trial::test(name, move || {
        run().map_err(|error| Failed::from(format!("{error:#}")))
    })
}

/// A line for the reader of the run; one that begins with `figure: ` is repeated by the gates.
fn say(line: &str) {
    // Nobody is served by a panic when stderr is closed.
    drop(writeln!(std::io::stderr(), "{line}"));
}
