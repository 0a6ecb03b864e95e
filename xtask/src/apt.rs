//! `apt-get` with lists and a cache of its own, so that neither root nor the machine's own lists are
//! needed, and nothing is installed of a suite that is not the machine's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::run;

/// What proves that a package is Debian's.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Lists in a folder, of one suite of the mirror that this machine installs Debian from.
#[derive(Debug)]
pub(crate) struct Apt<'a> {
    root: &'a Path,
    folder: &'a Path,
    /// What its log is called.
    log: &'a str,
}

impl<'a> Apt<'a> {
    /// Fetches the lists of `kind` (`deb`, `deb-src`) of a suite. What comes later lands in the folder.
    pub(crate) fn of(
        root: &'a Path,
        folder: &'a Path,
        log: &'a str,
        [kind, suite]: [&str; 2],
    ) -> Result<Self> {
        for part in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(part))?;
        }
        let line = format!("{kind} [signed-by={KEYRING}] {} {suite} main\n", mirror()?);
        fs::write(folder.join("sources.list"), line)?;
        let apt = Self { root, folder, log };
        apt.get(&["update"])?;
        Ok(apt)
    }

    /// Runs a command of it.
    pub(crate) fn get(&self, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new("apt-get");
        command.current_dir(self.folder).arg("-q");
        for (key, value) in [
            ("Dir::Etc::sourcelist", self.folder.join("sources.list")),
            ("Dir::Etc::sourceparts", PathBuf::from("-")),
            ("Dir::State::lists", self.folder.join("lists")),
            ("Dir::Cache", self.folder.join("cache")),
        ] {
            command.arg("-o").arg(format!("{key}={}", value.display()));
        }
        command
            .args(["-o", "APT::Sandbox::User=root"])
            .args(arguments);
        let ended = run(self.root, self.log, &mut command)?;
        if !ended.success {
            bail!("apt-get {}:\n{}", arguments.join(" "), ended.tail(10));
        }
        Ok(())
    }
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
