//! The site file of the lab, written as a person would write one.

use std::path::{Path, PathBuf};

use crate::lab::plan::{HOSTS, HostPlan, NODES, NodePlan, WIREGUARD_PORT, cast};

const DOMAINS: &str = r#"
[pvlan.blue]
primary   = 20100
isolated  = 20101
community = { web = 20102, db = 20103 }
subnets   = ["10.1.0.0/24"]

[pvlan.red]
primary   = 21100
isolated  = 21101
community = { lab = 21102 }
subnets   = ["10.2.0.0/24"]
"#;

/// Which segment the host that the reload moves is in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Moved {
    /// Where it belongs: isolated.
    Home,
    /// In the web community.
    Web,
}

/// The site file: `keys` are the public keys of [`NODES`], in order; the hosts' namespaces are
/// below `netns`.
pub(super) fn text(keys: &[String], netns: &Path, moved: Moved) -> String {
    let mut out = String::from("version = 1\n\n[node]\n");
    for (node, key) in NODES.iter().zip(keys) {
        out.push_str(&node_line(node, key));
    }
    out.push_str(DOMAINS);
    for node in &NODES {
        push_ports(&mut out, node.name, netns, moved);
    }
    out
}

/// Where the namespace of a host is.
pub(super) fn namespace(netns: &Path, host: &HostPlan) -> PathBuf {
    netns.join(host.name)
}

fn node_line(node: &NodePlan, key: &str) -> String {
    format!(
        "{} = {{ key = \"{key}\", overlay = \"{}\", endpoint = \"{}:{WIREGUARD_PORT}\" }}\n",
        node.name, node.overlay, node.underlay
    )
}

fn push_ports(out: &mut String, node: &str, netns: &Path, moved: Moved) {
    out.push_str(&format!("\n[port.{node}]\n"));
    for host in HOSTS.iter().filter(|host| host.node == node) {
        out.push_str(&port_line(host, netns, moved));
    }
}

fn port_line(host: &HostPlan, netns: &Path, moved: Moved) -> String {
    let role = match moved {
        Moved::Web if host.name == cast::ATTACKER.plan().name => "blue.web".to_owned(),
        Moved::Home | Moved::Web => host.role(),
    };
    let gateway = if host.gateway { ", gateway = true" } else { "" };
    format!(
        "{} = {{ as = \"{role}\", ip = [\"{}\"], mac = \"{}\"{gateway}, \
         attach = {{ veth = \"eth0\", netns = \"{}\" }} }}\n",
        host.name,
        host.ip,
        host.mac(),
        namespace(netns, host).display(),
    )
}

/// The node file of one node; every path is next to it.
pub(super) fn node_file(node: &NodePlan, control: &Path) -> String {
    format!(
        "node = \"{0}\"\nsite = \"site.toml\"\nkey = \"{0}.key\"\n\
         state = \"state\"\nlisten = \"{1}:{WIREGUARD_PORT}\"\ncontrol = \"{2}\"\n",
        node.name,
        node.underlay,
        control.display(),
    )
}
