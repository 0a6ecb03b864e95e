//! A program of a later Debian than this one: its package is fetched and unpacked under
//! `target/tools`, and not installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{run, say};

/// What proves that a package is Debian's.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A package of Debian's unstable suite, whatever version it has there.
#[derive(Debug)]
pub(crate) struct Deb {
    package: &'static str,
    program: &'static str,
}

/// The WireGuard that today's overlays are built on; that of Debian 12 is four years older.
pub(crate) const WIREGUARD_GO: Deb = Deb {
    package: "wireguard-go",
    program: "usr/bin/wireguard-go",
};

impl Deb {
    /// The program's path, after fetching its package if need be.
    ///
    /// # Errors
    /// No Debian, or the package could not be had.
    pub(crate) fn find(&self, root: &Path) -> Result<PathBuf> {
        let folder = root.join("target/tools/debian");
        let unpacked = folder.join(self.package);
        let program = unpacked.join(self.program);
        if program.is_file() {
            return Ok(program);
        }
        say(&format!("fetching {} of Debian unstable", self.package));
        let package = self.fetch(root, &folder)?;
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("--extract").arg(&package).arg(&unpacked);
        if !run(root, "dpkg-deb", &mut unpack)?.success || !program.is_file() {
            bail!("{} holds no {}", package.display(), self.program);
        }
        Ok(program)
    }

    /// The lists are apart from the machine's own, so that it installs nothing of this suite.
    fn fetch(&self, root: &Path, folder: &Path) -> Result<PathBuf> {
        let sources = folder.join("sources.list");
        for part in ["lists/partial", "cache/archives/partial", "fetched"] {
            fs::create_dir_all(folder.join(part))?;
        }
        let line = format!("deb [signed-by={KEYS}] {} sid main\n", archive()?);
        fs::write(&sources, line)?;
        let fetched = folder.join("fetched");
        for words in [&["update"][..], &["download", self.package]] {
            let mut apt = Command::new("apt-get");
            apt.current_dir(&fetched).arg("--quiet");
            for (option, value) in [
                ("Dir::Etc::SourceList", sources.clone()),
                ("Dir::Etc::SourceParts", "-".into()),
                ("Dir::State::Lists", folder.join("lists")),
                ("Dir::Cache", folder.join("cache")),
            ] {
                apt.arg("-o").arg(format!("{option}={}", value.display()));
            }
            let ended = run(root, "apt-unstable", apt.args(words))?;
            if !ended.success {
                bail!("apt-get fetches nothing; see {}", ended.log.display());
            }
        }
        let name = format!("{}_", self.package);
        let files = fs::read_dir(&fetched)?.filter_map(Result::ok);
        let mut files = files.map(|entry| entry.path());
        let is_it = |path: &PathBuf| {
            let file = path.file_name().map(|it| it.to_string_lossy().into_owned());
            file.is_some_and(|file| file.starts_with(&name))
        };
        files.find(is_it).context("apt-get left no package")
    }
}

/// Where this machine has its own packages from.
fn archive() -> Result<String> {
    let mut targets = Command::new("apt-get");
    targets.args(["indextargets", "--format", "$(SITE)"]);
    targets.args(["Created-By: Packages", "Origin: Debian", "Component: main"]);
    let output = targets.output().context("cannot run apt-get")?;
    let sites = String::from_utf8_lossy(&output.stdout).into_owned();
    let first = sites.lines().next().map(str::to_owned);
    first.context("apt-get knows no archive of Debian; run `apt-get update`")
}
