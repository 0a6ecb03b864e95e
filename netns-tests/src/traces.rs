//! What a run would leave behind if it were killed, and how the next one cleans up: every
//! namespace and folder carries the process id of the run that made it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::netns::{FOLDER, eprintln_quietly, ip};

const PREFIX: &str = "skt";

/// A name that says whose it is: `skt<pid>-<suffix>`.
pub(crate) fn own_name(suffix: &str) -> String {
    format!("{}{suffix}", own_prefix())
}

fn own_prefix() -> String {
    format!("{PREFIX}{}-", std::process::id())
}

/// A folder for this run's files.
///
/// # Errors
/// When it cannot be made.
pub fn folder() -> Result<TempDir> {
    let made = tempfile::Builder::new().prefix(&own_prefix()).tempdir();
    made.context("no temporary folder")
}

/// Removes what runs left behind whose process is gone.
///
/// # Errors
/// When something of theirs cannot be removed.
pub fn sweep() -> Result<()> {
    remove(|name| owner(name).is_some_and(|pid| !Path::new("/proc").join(pid).exists()))
}

/// Removes everything of this process: for a run that is being interrupted.
pub fn abandon() {
    let mine = own_prefix();
    // The row that was interrupted may be about to make the next namespace: once more after it
    // has failed.
    drop(remove(|name| name.starts_with(&mine)));
    std::thread::sleep(std::time::Duration::from_millis(100));
    if let Err(error) = remove(|name| name.starts_with(&mine)) {
        eprintln_quietly(&format!("not everything could be removed: {error:#}"));
    }
}

/// The process id in a name of ours.
fn owner(name: &str) -> Option<&str> {
    let (pid, _) = name.strip_prefix(PREFIX)?.split_once('-')?;
    let digits = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some(pid)
}

fn remove(is_ours: impl Fn(&str) -> bool) -> Result<()> {
    for name in names(Path::new(FOLDER))?
        .iter()
        .filter(|name| is_ours(name))
    {
        let removed = end_processes_in(name).and_then(|()| ip(&["netns", "delete", name]));
        // Its own guard may have been quicker.
        if Path::new(FOLDER).join(name).exists() {
            removed?;
        }
    }
    let folders = std::env::temp_dir();
    for name in names(&folders)?.iter().filter(|name| is_ours(name)) {
        fs::remove_dir_all(folders.join(name))?;
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<String>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name()));
    let names: Result<Vec<_>> = entries.collect();
    Ok(names?
        .into_iter()
        .filter_map(|name| name.into_string().ok())
        .collect())
}

/// Daemons of a dead run: only a namespace of ours can hold them.
fn end_processes_in(name: &str) -> Result<()> {
    for pid in ip(&["netns", "pids", name])?.split_whitespace() {
        let pid = Pid::from_raw(pid.parse()?);
        // A thread of this process may be visiting.
        if pid == Pid::this() {
            continue;
        }
        match kill(pid, Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_a_process_id_are_ours() {
        assert_eq!(owner("skt123-n1"), Some("123"));
        for stranger in ["skt-n1", "sktx-n1", "skt12", "blue", "skerry-1"] {
            assert_eq!(owner(stranger), None, "{stranger}");
        }
    }
}
