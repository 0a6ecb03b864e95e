//! Other people's packets: the captures that `tcpdump` tests itself with, hundreds of them, many
//! made to break a parser. They are read where they lie and not copied into the repository.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::apt::Apt;
use crate::builds;
use crate::command::{Ended, run as run_command, say};

/// The source package that they are in, at a version that is known byte by byte.
const PACKAGE: &str = "tcpdump=4.99.3-1";
const SUITE: &str = "bookworm";
const TARBALL: &str = "tcpdump_4.99.3.orig.tar.gz";
const SHA256: &str = "ad75a6ed3dc0d9732945b2e5483cb41dc8b4b528a169315e499c6861952e73b3";
const INSIDE: &str = "tcpdump-4.99.3/tests";
/// Brings the captures, and forwards every packet of them.
pub(crate) fn run_as_set(root: &Path, name: &str) -> Result<Ended> {
    let captures = find(root).context("cannot bring the captures (a Debian source package)")?;
    let mut test = builds::optimised(root, "fabric");
    test.args(["captures::", "--", "--nocapture"]);
    run_command(root, name, test.env("SKERRY_CAPTURES", captures))
}

/// The folder of the captures.
fn find(root: &Path) -> Result<PathBuf> {
    let folder = root.join("target/captures");
    let captures = folder.join(INSIDE);
    if captures.is_dir() {
        return Ok(captures);
    }
    say(&format!("bringing the source of {PACKAGE}"));
    let apt = Apt::of(root, &folder, "captures-apt", ["deb-src", SUITE])?;
    apt.get(&["source", "--download-only", "--only-source", PACKAGE])?;
    check(root, &folder)?;
    let mut unpack = Command::new("tar");
    unpack.current_dir(&folder).args(["-xzf", TARBALL, INSIDE]);
    if !run_command(root, "captures-tar", &mut unpack)?.success || !captures.is_dir() {
        bail!("{TARBALL} holds no {INSIDE}");
    }
    Ok(captures)
}

fn check(root: &Path, folder: &Path) -> Result<()> {
    let mut sum = Command::new("sha256sum");
    sum.current_dir(folder).arg(TARBALL);
    let ended = run_command(root, "captures-sum", &mut sum)?;
    if !ended.output.starts_with(SHA256) {
        bail!(
            "{TARBALL} is not the one that is known: {}",
            ended.output.trim()
        );
    }
    Ok(())
}
