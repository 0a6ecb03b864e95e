//! A copy of the checkout that is broken, fault by fault.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::faults::{Fault, Tests};
use super::seed;
use crate::command::{Ended, cargo, run as run_command, say};
use crate::tools::is_root;

/// How a fault fared.
pub(super) enum Verdict {
    /// The first test that turned red.
    Noticed(String),
    Missed,
    Skipped,
}

/// A copy of the checkout that may be broken, with a target folder of its own: cargo tells the
/// members of two checkouts apart by nothing but their place in the workspace, so in a shared one
/// a broken library would pass for the sound one.
pub(super) struct Tree {
    root: PathBuf,
    copy: PathBuf,
    target: PathBuf,
}

impl Tree {
    /// Copies every file that git knows of, or would.
    pub(super) fn new(root: &Path, number: usize) -> Result<Self> {
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

    /// Builds the tests that these faults ask for of the sound source, and runs those of whole
    /// fabrics: what is red already notices nothing.
    pub(super) fn build(&self, faults: &[&Fault]) -> Result<()> {
        say("the sound source first");
        if !self.target.exists() {
            seed::copy(&self.root.join("target/debug"), &self.target.join("debug"))?;
        }
        let programs: BTreeSet<_> = faults.iter().map(|it| it.tests.programs()).collect();
        for programs in programs {
            let ended = self.cargo_test(programs.into_iter().chain(["--no-run"]))?;
            if !ended.success {
                bail!("the sound source does not build\n{}", ended.tail(20));
            }
        }
        let ended = self.test(Tests::Fabric(""))?;
        if !ended.success {
            bail!("the tests fail without a fault\n{}", ended.tail(20));
        }
        Ok(())
    }

    /// Another tree, with what this one has built.
    pub(super) fn twin(&self, number: usize) -> Result<Self> {
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

    pub(super) fn verdict(&self, fault: &Fault) -> Result<Verdict> {
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
        self.cargo_test(tests.programs().into_iter().chain([tests.names()]))
    }

    fn cargo_test<'a>(&self, arguments: impl Iterator<Item = &'a str>) -> Result<Ended> {
        let mut command = cargo(&self.copy, &["test", "--quiet"]);
        command.env("CARGO_TARGET_DIR", &self.target);
        let name = self.copy.file_name().unwrap_or_default();
        let log = format!("mutant-{}", name.to_string_lossy());
        run_command(&self.root, &log, command.args(arguments))
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
