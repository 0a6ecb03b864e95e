//! Other people's crates, as they are built already: to build them once more would take longer than
//! a third of the faults.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Copies the libraries of a build into another, and what cargo knows of them. Those of members are
/// older than the copies of their sources, so cargo builds them anew. Without a build to copy from,
/// it builds everything.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.join("deps").is_dir() {
        return Ok(());
    }
    fs::create_dir_all(to.join("deps"))?;
    // What is known first: somebody may be building, and a library is there before it is known.
    let mut known = Command::new("cp");
    known
        .arg("-a")
        .args([from.join(".fingerprint"), from.join("build")]);
    let copied = known.arg(to).status().context("cannot run cp")?;
    ensure!(copied.success(), "cannot copy from {}", from.display());
    for entry in fs::read_dir(from.join("deps"))? {
        let path = entry?.path();
        let extension = path.extension().unwrap_or_default();
        if ["d", "rlib", "rmeta", "so"]
            .iter()
            .any(|it| extension == *it)
            && let Some(name) = path.file_name()
        {
            copy_with_time(&path, &to.join("deps").join(name))?;
        }
    }
    Ok(())
}

/// By their times cargo tells what is older than what it is made of.
fn copy_with_time(from: &Path, to: &Path) -> Result<()> {
    let time = fs::metadata(from)?.modified()?;
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(File::options().write(true).open(to)?.set_modified(time)?)
}
