//! The guest's kernel, and a root file system made of this machine's own programs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::cpio::Archive;
use super::modules::Modules;

const INIT: &[u8] = include_bytes!("init.sh");
/// Where the gates unpack the kernel's package, seen from this crate.
const FOLDER: &str = "../target/vm";

/// A kernel and what it starts.
#[derive(Clone, Debug)]
pub struct Image {
    /// Compressed kernel.
    pub kernel: PathBuf,
    /// Its first root file system.
    pub root: Vec<u8>,
}

/// What goes into a guest beside busybox and the kernel's modules.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Kernel modules that are loaded at start, without those they need themselves.
    pub modules: Vec<&'static str>,
    /// Programs of this machine, which bring their libraries along.
    pub programs: Vec<&'static str>,
    /// Other files: path in the guest, path here.
    pub files: Vec<(String, PathBuf)>,
}

/// Where unpacked packages are: `SKERRY_VM`, or `target/vm` of the workspace.
pub fn folder() -> PathBuf {
    let given = std::env::var_os("SKERRY_VM").map(PathBuf::from);
    given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER))
}

impl Image {
    /// Puts a guest together.
    ///
    /// # Errors
    /// When the kernel's package is not unpacked, or a program is not installed.
    pub fn build(contents: &Contents) -> Result<Self> {
        let kernel = folder().join("kernel");
        let image = only_in(&kernel.join("boot"), |name| name.starts_with("vmlinuz-"))
            .context("no kernel for a guest: `cargo xtask test interop` fetches it")?;
        let version = only_in(&kernel.join("lib/modules"), |_| true)?;
        let mut root = Archive::default();
        root.file("init", INIT)?;
        for folder in ["etc", "root", "var", "mnt"] {
            root.folder(folder)?;
        }
        root.file("bin/busybox", &fs::read(installed("busybox")?)?)?;
        let modules = Modules::find(&version.join("kernel"))?.closure(&contents.modules)?;
        let mut order = String::new();
        for (name, content) in &modules {
            root.file(&format!("modules/{name}.ko"), content)?;
            order.push_str(&format!("{name}\n"));
        }
        root.file("modules/order", order.as_bytes())?;
        let mut libraries = BTreeSet::new();
        // Scripts run in bash: busybox's shell would take its own applets for iproute2's programs.
        for name in ["sh", "bash"] {
            let path = installed("bash")?;
            root.file(&format!("usr/sbin/{name}"), &fs::read(&path)?)?;
            libraries.extend(libraries_of(&path)?);
        }
        for program in &contents.programs {
            let path = installed(program)?;
            root.file(&format!("usr/sbin/{program}"), &fs::read(&path)?)?;
            libraries.extend(libraries_of(&path)?);
        }
        for (inside, path) in &contents.files {
            let content = fs::read(path).with_context(|| format!("{path:?} cannot be read"))?;
            root.file(inside, &content)?;
            libraries.extend(libraries_of(path)?);
        }
        for library in libraries {
            let inside = library.trim_start_matches('/');
            root.file(inside, &fs::read(&library)?)?;
        }
        Ok(Self {
            kernel: image,
            root: root.finish()?,
        })
    }
}

/// The one entry of a folder that fits.
fn only_in(folder: &Path, fits: impl Fn(&str) -> bool) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("there is no {folder:?}"))?;
    let paths: std::io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut fitting = paths?.into_iter().filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(&fits)
    });
    let first = fitting.next();
    let first = first.with_context(|| format!("nothing that fits in {folder:?}"))?;
    ensure!(
        fitting.next().is_none(),
        "several that fit in {folder:?}: remove the folder, and fetch it again"
    );
    Ok(first)
}

fn installed(program: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].into_iter().map(PathBuf::from));
    let mut candidates = folders.map(|folder| folder.join(program));
    candidates
        .find(|candidate| candidate.is_file())
        .with_context(|| format!("{program} is not installed"))
}

/// Shared libraries that a program loads, and its loader; none for a static one or a script.
fn libraries_of(program: &Path) -> Result<Vec<String>> {
    let output = Command::new("ldd").arg(program).output();
    let output = output.context("`ldd` cannot be run: install the package libc-bin")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let libraries = text.lines().filter_map(library_in);
    Ok(libraries.map(str::to_owned).collect())
}

/// `libmnl.so.0 => /lib/libmnl.so.0 (0x..)`, or `/lib64/ld-linux-x86-64.so.2 (0x..)`.
fn library_in(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    words.find(|word| word.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loaders_list_is_read() {
        let found = |line| library_in(line);
        assert_eq!(
            found("\tlibmnl.so.0 => /lib/libmnl.so.0 (0x7f)"),
            Some("/lib/libmnl.so.0")
        );
        assert_eq!(
            found("\t/lib64/ld-linux-x86-64.so.2 (0x7f)"),
            Some("/lib64/ld-linux-x86-64.so.2")
        );
        assert_eq!(found("\tlinux-vdso.so.1 (0x7f)"), None);
        assert_eq!(found("\tnot a dynamic executable"), None);
    }
}
