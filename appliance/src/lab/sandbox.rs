//! Leaving the host: everything the lab makes is inside namespaces of its own and on a file
//! system in memory that only they see. When the last process ends, the kernel takes it all back,
//! however the process ended.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use rustix::mount::{MountFlags, MountPropagationFlags};
use skerry_overlay_io::netns;

/// Over this directory, which every Linux system has, the lab mounts its own.
const ROOT: &str = "/tmp";

/// The lab's own namespaces, with the file system in memory.
#[derive(Debug)]
pub(super) struct Sandbox {
    root: PathBuf,
}

impl Sandbox {
    /// Leaves the host. The process must still have a single thread.
    pub(super) fn enter() -> Result<Self> {
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        if user.is_root() && netns::leave_host(false).is_ok() {
            return Self::mount();
        }
        netns::leave_host(true).map_err(|error| forbidden(&error))?;
        map_to_root(user.as_raw(), group.as_raw()).map_err(|error| forbidden(&error))?;
        Self::mount()
    }

    /// Where the lab may write.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the hosts' namespaces are named.
    pub(super) fn namespaces(&self) -> PathBuf {
        namespaces_below(&self.root)
    }

    fn mount() -> Result<Self> {
        let alone = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        rustix::mount::mount_change("/", alone).map_err(|error| forbidden(&error.into()))?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        rustix::mount::mount("skerry-lab", ROOT, "tmpfs", flags, c"mode=0700")
            .map_err(|error| forbidden(&error.into()))?;
        let sandbox = Self {
            root: PathBuf::from(ROOT),
        };
        std::fs::create_dir(sandbox.namespaces())
            .with_context(|| format!("cannot make {}", sandbox.namespaces().display()))?;
        Ok(sandbox)
    }
}

/// What the site file names when it is only printed.
pub(super) fn namespaces_preview() -> PathBuf {
    namespaces_below(Path::new(ROOT))
}

fn namespaces_below(root: &Path) -> PathBuf {
    root.join("netns")
}

/// Makes the caller root of its user namespace, and nobody else there (user_namespaces(7)).
fn map_to_root(user: u32, group: u32) -> io::Result<()> {
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("0 {group} 1"))
}

/// The switches that forbid user namespaces: a file, the value that forbids, the way out.
const SWITCHES: [(&str, &str, &str); 3] = [
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    (
        "/proc/sys/kernel/unprivileged_userns_clone",
        "0",
        "sudo sysctl -w kernel.unprivileged_userns_clone=1",
    ),
    (
        "/proc/sys/user/max_user_namespaces",
        "0",
        "sudo sysctl -w user.max_user_namespaces=16384",
    ),
];

/// One clear error for every way in which a kernel says no.
fn forbidden(error: &io::Error) -> anyhow::Error {
    let values = SWITCHES.map(|(file, ..)| std::fs::read_to_string(file).ok());
    anyhow!("{}", explain(error, &values))
}

fn explain(error: &io::Error, values: &[Option<String>; 3]) -> String {
    let mut text = format!(
        "this system does not let the lab make its own user, network and mount namespaces: {error}"
    );
    let mut found = false;
    for ((file, forbids, fix), value) in SWITCHES.iter().zip(values) {
        if value
            .as_deref()
            .is_some_and(|value| value.trim() == *forbids)
        {
            found = true;
            text.push_str(&format!("\n  {file} is {forbids}; allow it:\n    {fix}"));
        }
    }
    if !found {
        text.push_str(
            "\n  no sysctl forbids it, so a container or a security module does; in a container:\n    \
             docker run --privileged ...",
        );
    }
    text.push_str("\n  or run the lab as root:\n    sudo skerry lab");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(values: [Option<&str>; 3]) -> String {
        let error = io::Error::from_raw_os_error(libc::EPERM);
        explain(&error, &values.map(|value| value.map(str::to_owned)))
    }

    #[test]
    fn the_switch_that_forbids_is_named_with_its_fix() {
        for (place, value, fix) in [
            (0, "1\n", "apparmor_restrict_unprivileged_userns=0"),
            (1, "0\n", "unprivileged_userns_clone=1"),
            (2, "0\n", "max_user_namespaces=16384"),
        ] {
            let mut values = [None; 3];
            values[place] = Some(value);
            let text = explained(values);
            assert!(text.contains(fix), "{text}");
            assert!(!text.contains("container"), "{text}");
        }
    }

    #[test]
    fn without_a_switch_the_container_is_suspected() {
        let text = explained([Some("0\n"), Some("1\n"), Some("96365\n")]);
        assert!(text.contains("--privileged"), "{text}");
        assert!(!text.contains("sysctl -w"), "{text}");
    }
}
