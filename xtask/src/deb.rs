//! A program of a later Debian than this one: its package is fetched and unpacked under
//! `target/tools`, and not installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::apt::Apt;
use crate::command::{run, say};

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

    fn fetch(&self, root: &Path, folder: &Path) -> Result<PathBuf> {
        let apt = Apt::of(root, folder, "apt-unstable", ["deb", "sid"])?;
        apt.get(&["download", self.package])?;
        let name = format!("{}_", self.package);
        let files = fs::read_dir(folder)?.filter_map(Result::ok);
        let mut files = files.map(|entry| entry.path());
        let is_it = |path: &PathBuf| {
            let file = path.file_name().map(|it| it.to_string_lossy().into_owned());
            file.is_some_and(|file| file.starts_with(&name))
        };
        files.find(is_it).context("apt-get left no package")
    }
}
