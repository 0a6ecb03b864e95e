//! Building the targets: the compiler's own coverage instrumentation, on the pinned toolchain.
//!
//! The flags are handed to rustc directly. They are six, they are the same that `cargo fuzz`
//! sets, and so there is no further tool to install, to pin and to keep in step.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::target::Target;
use crate::command::{cargo, run as run_command, say};

/// Coverage counters on every edge, a table to name them by, and operands of comparisons.
const COVERAGE: [&str; 8] = [
    "--cfg",
    "fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

/// What watches over memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Build {
    /// Nothing does. Our own parsers forbid `unsafe`, and inputs are many times as many.
    Plain,
    /// AddressSanitizer, for what is linked in and has `unsafe`: `etherparse`, `toml`, the cipher.
    Address,
}

impl Build {
    /// The folder of the build under `target/fuzz`.
    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Address => "address",
        }
    }

    /// Builds these targets.
    ///
    /// # Errors
    /// The compiler's last words.
    pub(super) fn make(self, root: &Path, targets: &[Target]) -> Result<()> {
        let name = self.name();
        say(&format!("building {} targets ({name})", targets.len()));
        let mut flags = COVERAGE.to_vec();
        let mut command = cargo(root, &["build", "--profile", "fuzz", "-p", "skerry-fuzz"]);
        // A target triple keeps the instrumentation out of build scripts and macros.
        command.arg("--target").arg(triple()?);
        command
            .arg("--target-dir")
            .arg(root.join("target/fuzz").join(name));
        for target in targets {
            command.args(["--bin", target.name]);
        }
        if self == Self::Address {
            // Sanitizers ship with the stable compiler, which has to be told that this is meant.
            flags.push("-Zsanitizer=address");
            command.env("RUSTC_BOOTSTRAP", "1");
        }
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        let ended = run_command(root, &format!("fuzz-build-{name}"), &mut command)?;
        if !ended.success {
            bail!("the targets do not build:\n{}", ended.tail(30));
        }
        Ok(())
    }

    /// Where a target's program is once it is built.
    pub(super) fn program(self, root: &Path, target: &Target) -> Result<PathBuf> {
        let folder = root.join("target/fuzz").join(self.name());
        Ok(folder.join(triple()?).join("fuzz").join(target.name))
    }
}

/// The machine that the compiler builds for when it is not told.
fn triple() -> Result<String> {
    let told = std::process::Command::new("rustc")
        .arg("-vV")
        .output()
        .context("cannot run rustc")?;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc names no host")
}
