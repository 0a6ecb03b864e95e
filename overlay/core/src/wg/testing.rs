//! What tests of tunnels and of the control protocol are made of: a real policy, keys, a wire.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use boringtun::x25519::{PublicKey, StaticSecret};
use skerry_policy::{Fabric, LocalPort, NodeId, Source, check};

use crate::claim::Claim;
use crate::frame::Frame;
use crate::sink::{Onward, Refused, Sink, Transmit};
use crate::wire::ecn::Ecn;

/// The private key of a test node.
pub(crate) fn secret(name: &str) -> StaticSecret {
    let mut key = [7; 32];
    key[..name.len()].copy_from_slice(name.as_bytes());
    StaticSecret::from(key)
}

/// The underlay address of `n1`, `n2`, ...: 192.0.2.1:51820 and so on.
pub(crate) fn address(name: &str) -> SocketAddr {
    let host = name
        .trim_start_matches(|c: char| !c.is_ascii_digit())
        .parse()
        .unwrap();
    SocketAddr::from((Ipv4Addr::new(192, 0, 2, host), 51_820))
}

/// The line of a node in a site file.
pub(crate) fn node_line(name: &str, more: &str) -> String {
    let key = BASE64_STANDARD.encode(PublicKey::from(&secret(name)).as_bytes());
    let host = address(name).ip().to_string().replace("192.0.2.", "");
    format!("{name} = {{ key = \"{key}\", overlay = \"100.64.0.{host}\"{more} }}\n")
}

/// The line of a node whose endpoint is known.
pub(crate) fn reachable(name: &str) -> String {
    node_line(name, &format!(", endpoint = \"{}\"", address(name)))
}

/// A site with these nodes; every node but the first has one isolated port of `blue`, the first
/// has the gateway.
pub(crate) fn fabric(lines: &[String]) -> Arc<Fabric> {
    let mut text = String::from("version = 1\n[node]\n");
    let mut ports = String::new();
    for (i, line) in lines.iter().enumerate() {
        text.push_str(line);
        let name = line.split(' ').next().unwrap();
        let port = if i == 0 {
            "gw = { as = \"blue.promiscuous\", ip = [\"10.1.0.1\"], mac = \"02:00:00:00:01:01\", gateway = true }".to_owned()
        } else {
            format!(
                "p{i} = {{ as = \"blue.isolated\", ip = [\"10.1.0.{}\"] }}",
                10 + i
            )
        };
        ports.push_str(&format!("[port.{name}]\n{port}\n"));
    }
    text.push_str("[pvlan.blue]\nprimary = 20100\nisolated = 20101\nsubnets = [\"10.1.0.0/24\"]\n");
    text.push_str(&ports);
    compile(text)
}

/// Compiles a site that must be good.
pub(crate) fn compile(text: String) -> Arc<Fabric> {
    let checked = check(&Source {
        name: "test.toml".to_owned(),
        text,
    });
    checked
        .fabric
        .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics))
}

/// The node of that name.
pub(crate) fn id(fabric: &Fabric, name: &str) -> NodeId {
    fabric
        .nodes
        .iter()
        .find(|node| node.name == name)
        .unwrap()
        .id
}

/// Keeps what lanes send: every send with its datagrams, in order.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    pub(crate) sends: Vec<(SocketAddr, Vec<Vec<u8>>)>,
    /// What each of them says of congestion.
    pub(crate) said: Vec<Ecn>,
}

impl Wire {
    /// Every datagram, in order, and forgets them.
    pub(crate) fn take(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        self.said.clear();
        let sends = std::mem::take(&mut self.sends);
        let each = |(to, list): (SocketAddr, Vec<Vec<u8>>)| list.into_iter().map(move |d| (to, d));
        sends.into_iter().flat_map(each).collect()
    }
}

impl Sink for Wire {
    fn deliver(&mut self, port: LocalPort, _: Frame<'_>) -> Result<(), Refused> {
        panic!("lanes deliver nothing: {port:?}")
    }

    fn transmit(&mut self, datagrams: Transmit<'_>) {
        assert!(!datagrams.bytes.is_empty());
        let list = datagrams.bytes.chunks(datagrams.size).map(<[u8]>::to_vec);
        self.sends.push((datagrams.to, list.collect()));
        self.said.push(datagrams.ecn);
    }

    fn handoff(&mut self, to: Onward, _: Frame<'_>) -> Result<(), Refused> {
        panic!("lanes hand nothing over: {to:?}")
    }

    fn control(&mut self, from: NodeId, _: SocketAddr, _: &[u8]) {
        panic!("lanes do not know control messages: {from:?}")
    }

    fn claim(&mut self, claim: Claim) {
        panic!("lanes learn nothing: {claim:?}")
    }
}
