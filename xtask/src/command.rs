//! Running a program with its output in a log, and saying so.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// Prints a line for people. What a gate finds is all that it prints, so one place may.
#[expect(clippy::print_stdout, reason = "the gates are command line programs")]
pub(crate) fn say(line: &str) {
    println!("{line}");
    // Nobody is left to tell.
    let _unheard = std::io::stdout().flush();
}

/// Tells somebody who waits how far it is.
#[expect(clippy::print_stderr, reason = "what is found goes elsewhere")]
pub(crate) fn progress(line: &str) {
    eprintln!("{line}");
}

/// A program that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) success: bool,
    /// Everything it printed.
    pub(crate) output: String,
    pub(crate) log: PathBuf,
}

impl Ended {
    /// Both of two: one that failed comes last, with its log.
    pub(crate) fn and(self, other: Self) -> Self {
        let (first, last) = if self.success {
            (self, other)
        } else {
            (other, self)
        };
        Self {
            success: first.success && last.success,
            output: first.output + &last.output,
            log: last.log,
        }
    }

    /// The end of its output, for the person who has to mend it.
    pub(crate) fn tail(&self, lines: usize) -> String {
        let all: Vec<&str> = self.output.lines().collect();
        all.get(all.len().saturating_sub(lines)..)
            .unwrap_or_default()
            .join("\n")
    }
}

/// Runs a program in a folder. Its output, both streams as they come, goes to a log under
/// `target/xtask/`.
pub(crate) fn run(root: &Path, name: &str, command: &mut Command) -> Result<Ended> {
    let folder = root.join("target/xtask");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let log = folder.join(format!("{name}.log"));
    let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .status()
        .with_context(|| format!("cannot run {command:?}"))?;
    let output = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    Ok(Ended {
        success: status.success(),
        output,
        log,
    })
}

/// `cargo` in a checkout, as a shell would call it. What the cargo that runs this program told it
/// about its own package stays here: `ring` is built anew whenever that changes, and all that
/// stands on it.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(arguments);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(success: bool, output: &str) -> Ended {
        Ended {
            success,
            output: output.into(),
            log: format!("{output}.log").into(),
        }
    }

    #[test]
    fn of_two_the_one_that_failed_is_shown() {
        for (first, second, output) in [
            (true, true, "12"),
            (true, false, "12"),
            (false, true, "21"),
            (false, false, "21"),
        ] {
            let both = ended(first, "1").and(ended(second, "2"));
            assert_eq!(both.success, first && second);
            assert_eq!(both.output, output);
            let last = output.get(1..).unwrap();
            assert_eq!(both.log, PathBuf::from(format!("{last}.log")));
        }
    }

    #[test]
    fn cargo_hears_nothing_of_this_package() {
        assert!(std::env::var_os("CARGO_PKG_NAME").is_some(), "not by cargo");
        let command = cargo(Path::new("."), &["--version"]);
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR"] {
            let told = command.get_envs().find(|(key, _)| *key == name);
            assert_eq!(told, Some((name.as_ref(), None)));
        }
    }
}
