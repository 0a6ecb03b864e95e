//! Machines without Skerry beside the real binary: Debian's kernel in a virtual machine, configured
//! by the lines that `skerry peer` prints, as they are printed. Needs root, QEMU and the kernel's
//! package unpacked: `cargo xtask test interop` sees to it.
//!
//! `cargo test -p skerry-netns-tests --features root --test interop -- F14` runs the rows whose
//! names start so.

mod bypass;
mod count;
mod mesh;
mod reach;
mod selftests;
mod world;

use std::process::ExitCode;

use libtest_mimic::Trial;
use skerry_netns_tests::suite::{Ran, Suite, say};

fn main() -> ExitCode {
    let suite = Suite {
        name: "interop",
        rows: trials,
        beside: 1,
        close: world::close,
        summary,
    };
    suite.run()
}

/// Rows that end the fabric's peace come last.
fn trials() -> Vec<Trial> {
    let sets = [selftests::trials(), mesh::trials(), bypass::trials()];
    sets.into_iter().flatten().collect()
}

fn summary(ran: &Ran) {
    say(&format!("interop: {ran}"));
}
