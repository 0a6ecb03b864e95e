//! The peers made of stock parts: the kernel's vxlan, bare or over a userspace WireGuard.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::bench::INNER_MTU;
use crate::bench::fabric::{Folder, RECEIVER, address_hosts, bridge_hosts};
use crate::bench::namespaces::{Namespaces, Place};
use crate::bench::process::Process;
use crate::bench::skerry::{Keys, keygen};

/// The TUN interfaces. Their control sockets share one folder, so the names differ.
pub(super) const LINKS: [&str; 2] = ["skbench1", "skbench2"];

/// 1500 - 60: what WireGuard over IPv4 leaves, and what a vxlan of [`INNER_MTU`] needs (50 more).
const TUN_MTU: u32 = INNER_MTU + 50;

const PATIENCE: Duration = Duration::from_secs(5);

/// Joins the hosts' bridges by a vxlan between two addresses of the nodes.
pub(super) fn vxlan(namespaces: &Namespaces, addresses: [&str; 2], links: [&str; 2]) -> Result<()> {
    let [first, second] = addresses;
    let ends = [(Place::Tx, first, second), (Place::Rx, second, first)];
    for ((node, local, remote), link) in ends.into_iter().zip(links) {
        namespaces.ip(
            node,
            &format!(
                "link add vx0 mtu {INNER_MTU} type vxlan id 20102 local {local} remote {remote} \
                 dstport 4789 dev {link}"
            ),
        )?;
    }
    bridge_hosts(namespaces, ["vx0", "vx0"])
}

/// Lets the nodes route between their hosts, which believe to be on one link: each node answers
/// for the host behind the other.
pub(super) fn route_hosts(namespaces: &Namespaces) -> Result<()> {
    let [near, far] = LINKS;
    let (sender, receiver) = ("10.1.0.1", RECEIVER);
    for (node, host, here, there, link) in [
        (Place::Tx, Place::Sender, sender, receiver, near),
        (Place::Rx, Place::Receiver, receiver, sender, far),
    ] {
        let name = namespaces.name(host);
        for words in [
            format!(
                "link add port mtu {TUN_MTU} type veth peer name eth0 mtu {TUN_MTU} netns {name}"
            ),
            "link set port up".to_owned(),
            format!("route add {here} dev port"),
            format!("route add {there} dev {link}"),
        ] {
            namespaces.ip(node, &words)?;
        }
        namespaces.set(node, "ipv4/ip_forward", "1")?;
        namespaces.set(node, "ipv4/conf/port/proxy_arp", "1")?;
    }
    address_hosts(namespaces)
}

/// Starts a wireguard-go on both nodes: 198.51.100.1 and 198.51.100.2.
pub(super) fn wireguard(
    namespaces: &Namespaces,
    folder: &Folder,
    program: &Path,
    skerry: &Path,
) -> Result<(Process, Process)> {
    let first = keygen(skerry, &folder.path().join("n1.key"))?;
    let second = keygen(skerry, &folder.path().join("n2.key"))?;
    let [near, far] = LINKS;
    let start = |place, link: &str| {
        let mut command = namespaces.command(place, program);
        command.args(["--foreground", link]);
        Process::start(&mut command, &folder.path().join(format!("{link}.log")))
    };
    let tx = start(Place::Tx, near)?;
    let rx = start(Place::Rx, far)?;
    let (inside, host) = ("198.51.100.2", RECEIVER);
    configure(near, &first, &second.public, "192.0.2.2", [inside, host])?;
    let (inside, host) = ("198.51.100.1", "10.1.0.1");
    configure(far, &second, &first.public, "192.0.2.1", [inside, host])?;
    for (place, link, address) in [
        (Place::Tx, near, "198.51.100.1/24"),
        (Place::Rx, far, "198.51.100.2/24"),
    ] {
        namespaces.ip(place, &format!("link set {link} mtu {TUN_MTU}"))?;
        namespaces.ip(place, &format!("addr add {address} dev {link}"))?;
        namespaces.ip(place, &format!("link set {link} up"))?;
    }
    Ok((tx, rx))
}

/// Speaks the configuration protocol of userspace WireGuards, so that no tool is needed.
fn configure(
    link: &str,
    own: &Keys,
    peer: &str,
    endpoint: &str,
    [inside, host]: [&str; 2],
) -> Result<()> {
    let socket = Path::new("/var/run/wireguard").join(format!("{link}.sock"));
    let mut stream = connect(&socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!(
        "set=1\nprivate_key={}\nlisten_port=51820\nreplace_peers=true\npublic_key={}\n\
         endpoint={endpoint}:51820\nallowed_ip={inside}/32\nallowed_ip={host}/32\n\n",
        hexadecimal(&own.private)?,
        hexadecimal(peer)?
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = [0; 64];
    let length = stream.read(&mut answer)?;
    let answer = String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned();
    if !answer.starts_with("errno=0\n") {
        bail!("{link} refuses its configuration: {}", answer.trim());
    }
    Ok(())
}

fn connect(socket: &Path) -> Result<UnixStream> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match UnixStream::connect(socket) {
            Ok(stream) => return Ok(stream),
            Err(_) if Instant::now() < deadline => sleep(Duration::from_millis(20)),
            Err(error) => {
                return Err(error).with_context(|| format!("no answer at {}", socket.display()));
            }
        }
    }
}

fn hexadecimal(base64: &str) -> Result<String> {
    let bytes = STANDARD.decode(base64).context("not a key")?;
    let mut out = String::new();
    for byte in bytes {
        write!(out, "{byte:02x}")?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_in_hexadecimal() {
        assert_eq!(hexadecimal("AAH/fw==").unwrap(), "0001ff7f");
        assert!(hexadecimal("?").is_err(), "not Base64");
    }
}
