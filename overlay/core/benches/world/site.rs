//! The policy: one private VLAN over all nodes, with hosts of one community that may all talk to
//! each other.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use skerry_policy::{Fabric, Mac, Source, check};
use x25519_dalek::{PublicKey, StaticSecret};

/// The VNI of the community that all hosts are in.
pub(crate) const HOSTS_VNI: u32 = 1_002;

/// Address of the first bound host of a node; nodes lie this far apart.
const BOUND: u32 = 0x0a00_0001;
const APART: u32 = 0x4000;

/// How many of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Hosts of the first node, `n0`, each behind a port of its own.
    pub(crate) here: u32,
    /// Nodes besides that one.
    pub(crate) peers: u32,
    /// Hosts of each of them.
    pub(crate) there: u32,
    /// The first port of `n0` is a gateway.
    pub(crate) gateway: bool,
    /// Ports are held to one MAC address and to the IP address that policy gives them, as is the
    /// default; otherwise they may use any number of either.
    pub(crate) guarded: bool,
}

impl Plan {
    /// The site file, read, compiled and proved.
    pub(crate) fn fabric(&self) -> Arc<Fabric> {
        let source = Source {
            name: "site.toml".to_owned(),
            text: self.text(),
        };
        let checked = check(&source);
        let fabric = checked.fabric;
        fabric.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics))
    }

    fn text(&self) -> String {
        let mut text = String::from("version = 1\n");
        if !self.guarded {
            text.push_str(
                "[defaults.host]\nguard = { mac = \"off\", max_macs = 65536, ip = \"off\" }\n",
            );
        }
        text.push_str("[node]\n");
        for node in 0..=self.peers {
            writeln!(
                text,
                "n{node} = {{ key = \"{}\", overlay = \"{}\", endpoint = \"{}\" }}",
                BASE64_STANDARD.encode(PublicKey::from(&secret(node)).as_bytes()),
                Ipv4Addr::from_bits(0x6440_0001 + node),
                endpoint(node),
            )
            .unwrap();
        }
        text.push_str("[pvlan.t]\nprimary = 1000\nisolated = 1001\ncommunity = { c = ");
        writeln!(text, "{HOSTS_VNI} }}").unwrap();
        text.push_str("subnets = [\"10.0.0.0/8\"]\n");
        for node in 0..=self.peers {
            self.ports(&mut text, node);
        }
        text
    }

    fn ports(&self, text: &mut String, node: u32) {
        let hosts = if node == 0 { self.here } else { self.there };
        writeln!(text, "[port.n{node}]").unwrap();
        for host in 0..hosts {
            let (role, gateway) = if self.gateway && (node, host) == (0, 0) {
                ("promiscuous", ", gateway = true")
            } else {
                ("c", "")
            };
            let ip = bound_ip(node, host);
            writeln!(
                text,
                "p{host} = {{ as = \"t.{role}\", ip = \"{ip}\"{gateway} }}"
            )
            .unwrap();
        }
    }
}

/// A node's private key.
pub(crate) fn secret(node: u32) -> StaticSecret {
    let mut key = [7; 32];
    // Not the first byte, of which not every bit counts (RFC 7748 section 5).
    key[8..12].copy_from_slice(&node.to_le_bytes());
    StaticSecret::from(key)
}

/// Where a node is in the underlay.
pub(crate) fn endpoint(node: u32) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from_bits(0xc612_0001 + node), 51_820))
}

/// The node that is there.
pub(crate) fn node_at(endpoint: SocketAddr) -> u32 {
    let SocketAddr::V4(endpoint) = endpoint else {
        panic!("{endpoint} is of no node")
    };
    endpoint.ip().to_bits() - 0xc612_0001
}

/// The address of a host behind a port of its own.
pub(crate) fn bound_ip(node: u32, host: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(BOUND + node * APART + host)
}

/// The MAC address of a host.
pub(crate) fn mac(node: u32, host: u32) -> Mac {
    let ([_, _, a, b], [_, d, e, f]) = (node.to_be_bytes(), host.to_be_bytes());
    Mac([2, a, b, d, e, f])
}
