//! How tests are built, so that one build serves as many sets as it can.
//!
//! Cargo unites the features of the packages that it is asked for, so every other choice of packages
//! builds half of the dependencies once more. Hence all sets ask for the whole workspace, and choose
//! among its test programs.

use std::path::Path;
use std::process::Command;

use crate::command::cargo;

/// What is behind gates, for the lints.
pub(crate) const EVERY_GATE: [&str; 3] = [GATED, OPTIMISED, SIMULATION];

/// Features that gate tests which need root, other people's assembler and emulators, or a browser.
const GATED: &str = "skerry-overlay-io/root,skerry/root,skerry-asm/referees,skerry-dmg/referees,\
                     skerry-gbdisplay/referees,skerry/views";

/// Features that gate tests which are run optimised.
const OPTIMISED: &str = "skerry-netns-tests/root,skerry-overlay/captures";

/// The feature of the simulation's own clock, which nothing else may have.
const SIMULATION: &str = "skerry-overlay/simulation";

/// Test programs that are behind gates, or have tests that are.
pub(crate) fn gated(root: &Path, programs: &[&str]) -> Command {
    let mut command = cargo(root, &["test", "--workspace", "--features", GATED]);
    command.args(programs.iter().flat_map(|name| ["--test", name]));
    command
}

/// A test program that has to be fast.
pub(crate) fn optimised(root: &Path, program: &str) -> Command {
    fast(root, OPTIMISED, program)
}

/// Whole fabrics by a clock of their own.
pub(crate) fn simulation(root: &Path) -> Command {
    fast(root, SIMULATION, "simulation")
}

fn fast(root: &Path, features: &str, program: &str) -> Command {
    let what = ["--features", features, "--test", program];
    let mut command = cargo(root, &["test", "--workspace", "--profile", "suites"]);
    command.args(what);
    command
}
