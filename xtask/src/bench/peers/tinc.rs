//! tinc in switch mode.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{ADDRESSES, Ends, Peer, TAP, file};
use crate::bench::measure::output;

pub(super) const PEER: Peer = Peer {
    name: "tinc",
    note: "of Debian (1.0), switch mode; AES-256-CBC and SHA-256, its defaults",
    commands,
};

fn commands(ends: &Ends<'_>) -> Result<[Command; 2]> {
    for (end, address) in ADDRESSES.iter().enumerate() {
        let folder = file(ends, end, "tinc");
        fs::create_dir_all(folder.join("hosts"))?;
        let (name, other) = (end + 1, 2 - end);
        let config = format!(
            "Name = n{name}\nMode = switch\nDeviceType = tap\nInterface = {TAP}\n\
             AddressFamily = ipv4\nConnectTo = n{other}\n"
        );
        fs::write(folder.join("tinc.conf"), config)?;
        let host = format!("Address = {address}\n");
        fs::write(folder.join(format!("hosts/n{name}")), host)?;
        output(Command::new("tincd").arg("-c").arg(&folder).arg("-K2048"))?;
    }
    let folders = [file(ends, 0, "tinc"), file(ends, 1, "tinc")];
    for (name, from, to) in [("n1", 0, 1), ("n2", 1, 0)] {
        let host = Path::new("hosts").join(name);
        fs::copy(folders[from].join(&host), folders[to].join(&host))?;
    }
    let mut commands = ends.each(Path::new("tincd"));
    for (end, command) in commands.iter_mut().enumerate() {
        command.arg("-c").arg(&folders[end]).arg("-D");
        command.arg("--pidfile").arg(file(ends, end, "tinc.pid"));
    }
    Ok(commands)
}
