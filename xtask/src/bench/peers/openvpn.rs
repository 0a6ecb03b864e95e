//! OpenVPN with a TAP: two peers that know each other's certificate.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{ADDRESSES, Ends, Peer, TAP, file};
use crate::bench::measure::output;

pub(super) const PEER: Peer = Peer {
    name: "OpenVPN, TAP",
    note: "of Debian; AES-256-GCM, UDP, `--fast-io`; in its own process, not in the kernel",
    commands,
};

fn commands(ends: &Ends<'_>) -> Result<[Command; 2]> {
    let [first, second] = [certify(ends, 0)?, certify(ends, 1)?];
    let mut commands = ends.each(Path::new("openvpn"));
    let roles = [["--tls-server"].as_slice(), ["--tls-client"].as_slice()];
    let others = [second, first].into_iter().zip(roles);
    for (end, (command, (other, role))) in commands.iter_mut().zip(others).enumerate() {
        command.args(["--dev", TAP, "--dev-type", "tap", "--proto", "udp4"]);
        command.args(["--local", ADDRESSES[end], "--remote", ADDRESSES[1 - end]]);
        command.args(["--port", "1194", "--disable-dco", "--fast-io"]);
        command.args(role).args(["--dh", "none"]);
        command.args(["--data-ciphers", "AES-256-GCM", "--cipher", "AES-256-GCM"]);
        command.args(["--peer-fingerprint", &other]);
        command.arg("--cert").arg(file(ends, end, "cert.pem"));
        command.arg("--key").arg(file(ends, end, "key.pem"));
    }
    Ok(commands)
}

/// Makes a certificate; gives its fingerprint.
fn certify(ends: &Ends<'_>, end: usize) -> Result<String> {
    let (cert, key) = (file(ends, end, "cert.pem"), file(ends, end, "key.pem"));
    let mut request = Command::new("openssl");
    request.args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]);
    request.args(["-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    request.args(["-subj", &format!("/CN=n{}", end + 1)]);
    request.arg("-keyout").arg(key).arg("-out").arg(&cert);
    output(&mut request)?;
    let mut show = Command::new("openssl");
    show.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]);
    let line = output(show.arg(cert))?;
    let (_, fingerprint) = line.split_once('=').context("openssl prints no `=`")?;
    Ok(fingerprint.trim().to_owned())
}
