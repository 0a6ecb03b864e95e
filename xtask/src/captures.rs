//! Other people's packets: the captures that `tcpdump` tests itself with, hundreds of them, many
//! made to break a parser. They are read where they lie and not copied into the repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::builds;
use crate::command::{Ended, run as run_command, say};

/// The source package that they are in, at a version that is known byte by byte.
const PACKAGE: &str = "tcpdump=4.99.3-1";
const SUITE: &str = "bookworm";
const TARBALL: &str = "tcpdump_4.99.3.orig.tar.gz";
const SHA256: &str = "ad75a6ed3dc0d9732945b2e5483cb41dc8b4b528a169315e499c6861952e73b3";
const INSIDE: &str = "tcpdump-4.99.3/tests";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

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
    fs::create_dir_all(folder.join("lists/partial"))?;
    fs::create_dir_all(folder.join("cache/archives/partial"))?;
    let list = folder.join("sources.list");
    let mirror = mirror()?;
    fs::write(
        &list,
        format!("deb-src [signed-by={KEYRING}] {mirror} {SUITE} main\n"),
    )?;
    apt(root, &folder, &["update"])?;
    apt(
        root,
        &folder,
        &["source", "--download-only", "--only-source", PACKAGE],
    )?;
    check(root, &folder)?;
    let mut unpack = Command::new("tar");
    unpack.current_dir(&folder).args(["-xzf", TARBALL, INSIDE]);
    if !run_command(root, "captures-tar", &mut unpack)?.success || !captures.is_dir() {
        bail!("{TARBALL} holds no {INSIDE}");
    }
    Ok(captures)
}

/// The mirror that this machine installs Debian from.
fn mirror() -> Result<String> {
    let mut ask = Command::new("apt-get");
    ask.args(["indextargets", "--format", "$(REPO_URI)"]);
    ask.args(["Created-By: Packages", "Origin: Debian", "Component: main"]);
    let told = ask.output().context("cannot run apt-get")?;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let mirror = text.lines().next().map(str::to_owned);
    mirror.context("apt knows no Debian mirror; run apt-get update")
}

/// `apt-get` with lists and a cache of its own, so that neither root nor the machine's own lists
/// are needed.
fn apt(root: &Path, folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.current_dir(folder).arg("-q");
    for (key, value) in [
        ("Dir::Etc::sourcelist", folder.join("sources.list")),
        ("Dir::Etc::sourceparts", PathBuf::from("-")),
        ("Dir::State::lists", folder.join("lists")),
        ("Dir::Cache", folder.join("cache")),
    ] {
        command.arg("-o").arg(format!("{key}={}", value.display()));
    }
    command
        .args(["-o", "APT::Sandbox::User=root"])
        .args(arguments);
    let ended = run_command(root, "captures-apt", &mut command)?;
    if !ended.success {
        bail!("apt-get {}:\n{}", arguments.join(" "), ended.tail(10));
    }
    Ok(())
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
