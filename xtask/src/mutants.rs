//! Deliberate faults. Each is one edit of the source that must turn some test red: what shows
//! that the tests can fail where it matters.

mod console;
mod datagrams;
mod display;
mod ecn;
mod faults;
mod guards;
mod joining;
mod lanes;
mod mtu;
mod nodes;
mod panel;
mod queues;
mod seed;
mod tables;
mod tree;

use std::path::Path;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Instant;

use anyhow::Result;

use crate::command::{Ended, cargo, run as run_command, say};
use console::CONSOLE_FAULTS;
use datagrams::DATAGRAM_FAULTS;
use display::DISPLAY_FAULTS;
use ecn::ECN_FAULTS;
use faults::{FAULTS, Fault};
use guards::GUARDS;
use joining::JOINING_FAULTS;
use lanes::LANE_FAULTS;
use mtu::MTU_FAULTS;
use nodes::NODES;
use panel::PANEL_FAULTS;
use queues::QUEUE_FAULTS;
use tables::TABLE_FAULTS;
use tree::{Tree, Verdict};

/// Trees that are broken at the same time: one test build keeps about one core busy.
const TREES: usize = 2;

/// Every fault there is.
fn faults() -> impl Iterator<Item = &'static Fault> {
    FAULTS
        .iter()
        .chain(&GUARDS)
        .chain(&NODES)
        .chain(&JOINING_FAULTS)
        .chain(&DATAGRAM_FAULTS)
        .chain(&MTU_FAULTS)
        .chain(&QUEUE_FAULTS)
        .chain(&ECN_FAULTS)
        .chain(&TABLE_FAULTS)
        .chain(&LANE_FAULTS)
        .chain(&CONSOLE_FAULTS)
        .chain(&PANEL_FAULTS)
        .chain(&DISPLAY_FAULTS)
}

/// Runs the faults whose names contain `filter`. True when a test noticed each.
pub(crate) fn run(root: &Path, filter: &str) -> Result<bool> {
    let picked: Vec<&Fault> = faults().filter(|it| it.name.contains(filter)).collect();
    let first = Tree::new(root, 0)?;
    first.build(&picked)?;
    let mut trees = vec![first];
    for number in 1..TREES.min(picked.len()) {
        trees.push(trees[0].twin(number)?);
    }
    let (mut noticed, mut missed, mut skipped) = (0, 0, 0);
    let queue = Mutex::new(picked.into_iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| -> Result<()> {
        for tree in &trees {
            let tell = tell.clone();
            scope.spawn(move || {
                while let Some(fault) = next() {
                    let start = Instant::now();
                    let verdict = tree.verdict(fault);
                    // Whoever listens has gone only when everything ends.
                    tell.send((fault, verdict, start.elapsed())).ok();
                }
            });
        }
        drop(tell);
        for (fault, verdict, took) in told {
            let words = match verdict? {
                Verdict::Noticed(red) => {
                    noticed += 1;
                    format!("red: {red}")
                }
                Verdict::Missed => {
                    missed += 1;
                    "NOT NOTICED".to_owned()
                }
                Verdict::Skipped => {
                    skipped += 1;
                    "skipped: its test needs root".to_owned()
                }
            };
            say(&format!(
                "{:<56} {:>5.1} s  {words}",
                fault.name,
                took.as_secs_f64()
            ));
        }
        Ok(())
    })?;
    let verdict = if missed == 0 { "ok" } else { "FAILED" };
    say(&format!(
        "test result: {verdict}. {noticed} passed; {missed} failed; {skipped} ignored"
    ));
    Ok(missed == 0)
}

/// The same as a set of `cargo xtask test`, with its output in a log. By way of cargo: an earlier
/// set may have built this very program anew.
pub(crate) fn run_as_set(root: &Path, name: &str) -> Result<Ended> {
    // What the trees begin with. The set "unit" builds the same, and one of the two finds it done.
    let mut build = cargo(root, &["test", "--workspace", "--no-run"]);
    let built = run_command(root, "mutants-build", &mut build)?;
    if !built.success {
        return Ok(built);
    }
    run_command(root, name, &mut cargo(root, &["xtask", "mutants"]))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_fault_still_has_its_place() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("a workspace");
        for edit in faults().flat_map(|fault| fault.edits) {
            let text = fs::read_to_string(root.join(edit.file)).expect(edit.file);
            assert_eq!(
                text.matches(edit.from).count(),
                1,
                "{}: {:?}",
                edit.file,
                edit.from
            );
        }
    }
}
