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
mod tables;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::command::{Ended, cargo, run as run_command, say};
use crate::tools::is_root;
use console::CONSOLE_FAULTS;
use datagrams::DATAGRAM_FAULTS;
use display::DISPLAY_FAULTS;
use ecn::ECN_FAULTS;
use faults::{FAULTS, Fault, Tests};
use guards::GUARDS;
use joining::JOINING_FAULTS;
use lanes::LANE_FAULTS;
use mtu::MTU_FAULTS;
use nodes::NODES;
use panel::PANEL_FAULTS;
use queues::QUEUE_FAULTS;
use tables::TABLE_FAULTS;

/// Trees that are broken at the same time: one test build keeps about one core busy.
const TREES: usize = 2;

/// How a fault fared.
enum Verdict {
    /// The first test that turned red.
    Noticed(String),
    Missed,
    Skipped,
}

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
    first.build()?;
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
    run_command(root, name, &mut cargo(root, &["xtask", "mutants"]))
}

/// A copy of the checkout that may be broken, with a target folder of its own: cargo tells the
/// members of two checkouts apart by nothing but their place in the workspace, so in a shared one
/// a broken library would pass for the sound one.
struct Tree {
    root: PathBuf,
    copy: PathBuf,
    target: PathBuf,
}

impl Tree {
    /// Copies every file that git knows of, or would.
    fn new(root: &Path, number: usize) -> Result<Self> {
        let (copy, target) = (
            root.join(format!("target/mutants/tree{number}")),
            root.join(format!("target/mutants/build{number}")),
        );
        if copy.exists() {
            fs::remove_dir_all(&copy)?;
        }
        let tree = Self {
            root: root.to_owned(),
            copy,
            target,
        };
        for file in tree.files()? {
            tree.copy_file(&file)?;
        }
        Ok(tree)
    }

    /// Builds the tests of the sound source, and runs them: what is red already notices nothing.
    fn build(&self) -> Result<()> {
        say("the sound source first");
        let ended = self.test(Tests::Fabric(""))?;
        if !ended.success {
            bail!("the tests fail without a fault\n{}", ended.tail(20));
        }
        Ok(())
    }

    /// Another tree, with what this one has built.
    fn twin(&self, number: usize) -> Result<Self> {
        let twin = Self::new(&self.root, number)?;
        if !twin.target.exists() {
            let mut copy = Command::new("cp");
            copy.arg("-a").arg(&self.target).arg(&twin.target);
            if !run_command(&self.root, "twin", &mut copy)?.success {
                bail!("cannot copy {}", self.target.display());
            }
        }
        Ok(twin)
    }

    fn verdict(&self, fault: &Fault) -> Result<Verdict> {
        if fault.tests.need_root() && !is_root() {
            return Ok(Verdict::Skipped);
        }
        Ok(self
            .try_fault(fault)?
            .map_or(Verdict::Missed, Verdict::Noticed))
    }

    fn files(&self) -> Result<Vec<String>> {
        let mut git = Command::new("git");
        git.current_dir(&self.root);
        git.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
        let listed = git.output().context("cannot run git")?;
        let text = String::from_utf8(listed.stdout).context("a file name is not UTF-8")?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn copy_file(&self, file: &str) -> Result<()> {
        let from = self.root.join(file);
        let to = self.copy.join(file);
        if !from.is_file() {
            return Ok(());
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(&from, &to).with_context(|| format!("cannot copy {file}"))?;
        Ok(())
    }

    /// Applies a fault, runs its tests, and takes it back. The first test that failed, if any.
    fn try_fault(&self, fault: &Fault) -> Result<Option<String>> {
        for edit in fault.edits {
            let path = self.copy.join(edit.file);
            let text = fs::read_to_string(&path).with_context(|| format!("no {}", edit.file))?;
            if text.matches(edit.from).count() != 1 {
                bail!("{}: not once in {}: {:?}", fault.name, edit.file, edit.from);
            }
            fs::write(&path, text.replace(edit.from, edit.to))?;
        }
        let outcome = self.first_red(fault);
        for edit in fault.edits {
            self.copy_file(edit.file)?;
        }
        outcome
    }

    fn test(&self, tests: Tests) -> Result<Ended> {
        let mut command = Command::new("cargo");
        command.current_dir(&self.copy).args(["test", "--quiet"]);
        command.env("CARGO_TARGET_DIR", &self.target);
        let name = self.copy.file_name().unwrap_or_default();
        let log = format!("mutant-{}", name.to_string_lossy());
        run_command(&self.root, &log, command.args(tests.arguments()))
    }

    fn first_red(&self, fault: &Fault) -> Result<Option<String>> {
        let ended = self.test(fault.tests)?;
        if ended.success {
            return Ok(None);
        }
        let red = ended.output.lines().find_map(failed_test);
        let Some(red) = red.or_else(|| ended.output.lines().find_map(failed_line)) else {
            bail!(
                "{}: no test ran; the fault does not compile?\n{}",
                fault.name,
                ended.tail(20)
            );
        };
        Ok(Some(red.to_owned()))
    }
}

/// The name in a line like `---- module::test stdout ----`.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("---- ")?.split_whitespace().next()
}

/// The name in a line like `test name ... FAILED`.
fn failed_line(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

#[cfg(test)]
mod tests {
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
