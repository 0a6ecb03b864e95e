//! What the interop tests need beside programs: Debian's kernel, and the kernel's own tests of
//! forwarding. Both come from packages that are unpacked under `target/vm` and never installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{run, say};

/// Debian packages whose programs the interop tests call, some of them inside the guest.
pub(crate) const PACKAGES: [(&str, &str); 9] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("busybox", "busybox-static"),
    ("tc", "iproute2"),
    ("wg", "wireguard-tools"),
    ("wireguard-go", "wireguard-go"),
    ("nft", "nftables"),
    ("ping", "iputils-ping"),
    ("jq", "jq"),
    ("mausezahn", "netsniff-ng"),
];

/// Names the newest kernel of the running distribution.
const META: &str = "linux-image-cloud-amd64";
/// What is taken out of the kernel's source.
const SELFTESTS: &str = "tools/testing/selftests/net/forwarding";

/// Sees to it that both are there.
///
/// # Errors
/// A package cannot be fetched or unpacked.
pub(crate) fn fetch(root: &Path) -> Result<()> {
    let folder = root.join("target/vm");
    let (kernel, selftests) = (folder.join("kernel"), folder.join("forwarding"));
    if kernel.is_dir() && selftests.is_dir() {
        return Ok(());
    }
    // Lists may be missing or old; only the download has to succeed.
    let mut update = Command::new("apt-get");
    let _stale = run(root, "apt-update", update.args(["update", "-q"]));
    let image = image()?;
    let version = version(&image)?;
    if !kernel.is_dir() {
        let package = download(root, &folder, &image)?;
        unpack(root, &package, &kernel, "dpkg -x \"$1\" \"$2\"")?;
        say(&format!("the guest's kernel is {image}"));
    }
    if !selftests.is_dir() {
        let source = format!("linux-source-{version}");
        let package = download(root, &folder, &source)?;
        let inside = format!(
            "dpkg-deb --fsys-tarfile \"$1\" | tar -xO ./usr/src/{source}.tar.xz | \
             tar -xJ -C \"$2\" --strip-components=6 {source}/{SELFTESTS}"
        );
        unpack(root, &package, &selftests, &inside)?;
    }
    Ok(())
}

/// The package that the meta package stands for.
fn image() -> Result<String> {
    let output = Command::new("apt-cache").args(["depends", META]).output();
    let output = output.context("this needs Debian's apt-cache")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let name = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "));
    let name = name.with_context(|| format!("apt knows no {META}"))?;
    Ok(name.to_owned())
}

/// `6.1` of `linux-image-6.1.0-56-cloud-amd64`.
fn version(image: &str) -> Result<&str> {
    let numbers = image.strip_prefix("linux-image-");
    let version = numbers.and_then(|numbers| {
        let (major, rest) = numbers.split_once('.')?;
        let minor = rest.find('.')?;
        numbers.get(..major.len() + 1 + minor)
    });
    version.with_context(|| format!("{image} names no version"))
}

fn download(root: &Path, folder: &Path, package: &str) -> Result<PathBuf> {
    let place = folder.join("download").join(package);
    fs::create_dir_all(&place)?;
    let mut download = Command::new("apt-get");
    download
        .current_dir(&place)
        .args(["download", "-q", package]);
    let ended = run(root, "apt-download", &mut download)?;
    if !ended.success {
        bail!("cannot fetch {package}; see {}", ended.log.display());
    }
    let mut files = fs::read_dir(&place)?;
    Ok(files.next().context("nothing was fetched")??.path())
}

/// Unpacks beside the place and renames, so that a half of it is never taken for the whole. The
/// package goes away: it is large.
fn unpack(root: &Path, package: &Path, place: &Path, script: &str) -> Result<()> {
    let part = place.with_extension("part");
    if part.is_dir() {
        fs::remove_dir_all(&part)?;
    }
    fs::create_dir_all(&part)?;
    let mut shell = Command::new("bash");
    shell.args(["-e", "-o", "pipefail", "-c", script, "unpack"]);
    let ended = run(root, "unpack", shell.arg(package).arg(&part))?;
    if !ended.success {
        bail!(
            "cannot unpack {}; see {}",
            package.display(),
            ended.log.display()
        );
    }
    fs::rename(&part, place)?;
    Ok(fs::remove_file(package)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_that_of_the_kernel() {
        assert_eq!(version("linux-image-6.1.0-56-cloud-amd64").unwrap(), "6.1");
        assert_eq!(
            version("linux-image-6.12.95+deb13-cloud-amd64").unwrap(),
            "6.12"
        );
        version("linux-image-cloud-amd64").unwrap_err();
        version("linux-headers").unwrap_err();
    }
}
