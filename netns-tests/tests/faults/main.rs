//! Faults put into a running fabric of real daemons, in network namespaces. Needs root.
//!
//! `cargo test -p skerry-netns-tests --features root --test faults -- K06 K08` runs the rows whose
//! names start so. `SKERRY_BIN` names another binary than the one built beside this suite;
//! `SKERRY_FAULTS_LONG=1` asks for a hundred kills instead of ten, and the longest partition too.
//! What was reached is printed at the end, in lines that start with `figure: ` and make a table.

mod bench;
mod crowd;
mod cut;
mod flap;
mod flood;
mod kill;
mod link;
mod machine;
mod narrow;
mod noise;
mod panel;
#[path = "../conformance/stage.rs"]
#[expect(dead_code, reason = "the conformance suite has more kinds of fabric")]
mod stage;
mod talk;

fn main() -> std::process::ExitCode {
    bench::main()
}
