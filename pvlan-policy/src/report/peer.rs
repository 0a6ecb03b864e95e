//! `peer`: what to type on a stock Linux machine so that it takes part.
//!
//! Commands are those of iproute2, bridge-utils' successor `bridge`, `tc` and wireguard-tools.

mod firewall;
mod mesh;

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use crate::fabric::{Fabric, Node, Segment, Stock};
use crate::id::NodeId;
use crate::port::{Attach, Attachment, Port};

/// The UDP port of VXLAN (RFC 7348 section 5).
const VXLAN_PORT: u16 = 4789;

/// The metric of a route that counts when there is no other: the largest.
const LAST_RESORT: u32 = u32::MAX;

/// What to type, in order.
#[derive(Clone, Debug, Serialize)]
pub struct PeerSheet {
    /// `skerry.peer/1`.
    pub schema: &'static str,
    /// The node asked about.
    pub node: String,
    /// `edge`, `mesh` or `skerry`.
    pub kind: &'static str,
    /// Groups of commands.
    pub sections: Vec<Section>,
}

/// Commands that belong together.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// What they do.
    pub title: String,
    /// What to know before.
    pub notes: Vec<String>,
    /// Shell commands, for root.
    pub commands: Vec<String>,
    /// Another way to do what the section before does; printed as comments.
    pub alternative: bool,
}

impl Section {
    fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            notes: Vec::new(),
            commands: Vec::new(),
            alternative: false,
        }
    }

    fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    fn run(&mut self, command: impl Into<String>) {
        self.commands.push(command.into());
    }
}

/// The lines for a node; `None` when there is no node of that name. For a node that runs Skerry
/// these are the lines by which a stock machine knows it.
pub fn peer(fabric: &Fabric, name: &str) -> Option<PeerSheet> {
    let node = fabric.nodes.get(fabric.node_named(name)?.index())?;
    let (kind, sections) = match node.stock {
        None => ("skerry", vec![as_seen_from_stock(node)]),
        Some(Stock::Edge(home)) => ("edge", edge(fabric, node, home)),
        Some(Stock::Mesh) => ("mesh", mesh::sections(fabric, node)),
    };
    Some(PeerSheet {
        schema: "skerry.peer/1",
        node: node.name.clone(),
        kind,
        sections,
    })
}

fn as_seen_from_stock(node: &Node) -> Section {
    let mut section = Section::new(format!("{}, as a stock machine sees it", node.name))
        .note(format!(
            "{} runs Skerry: nothing has to be typed there",
            node.name
        ))
        .note("these lines are for the stock machine; its own are printed by its name");
    for line in wireguard_peer(node, true) {
        section.run(line);
    }
    section
}

fn edge(fabric: &Fabric, node: &Node, home: NodeId) -> Vec<Section> {
    let Some(home) = fabric.nodes.get(home.index()) else {
        return Vec::new();
    };
    let mut sections = vec![wireguard(fabric, node, &[home])];
    let ports = ports_of(fabric, node);
    let ports: Vec<_> = ports
        .filter_map(|(port, attachment)| Some((port, fabric.segment(attachment.segment)?)))
        .collect();
    // The home node gives an edge everything under the VNI of its own role.
    let heard = ports.iter().map(|(_, segment)| *segment).collect();
    sections.push(firewall::section(node, &[(home, heard)]));
    for (port, segment) in ports {
        sections.push(edge_port(fabric, node, home, port, segment));
    }
    sections
}

/// One VNI both ways: the home node knows the port by it.
fn edge_port(fabric: &Fabric, node: &Node, home: &Node, port: &Port, segment: &Segment) -> Section {
    let name = &port.name;
    let mut section = Section::new(format!("port {name}: {}", segment.name));
    section.run(format!(
        "ip link add {name} type vxlan id {} local {} remote {} dstport {VXLAN_PORT} nolearning",
        segment.vni, node.overlay, home.overlay
    ));
    configure(fabric, segment, port, name, &mut section);
    section
}

/// MAC, addresses, MTU, up: the guest's own side of a port that is a device of the machine.
fn configure(fabric: &Fabric, segment: &Segment, port: &Port, device: &str, section: &mut Section) {
    if let Some(mac) = port.macs.first() {
        section.run(format!("ip link set {device} address {mac}"));
    }
    for ip in &port.ips {
        section.run(format!(
            "ip addr add {} dev {device}",
            with_prefix(fabric, segment, *ip)
        ));
    }
    section.run(format!("ip link set {device} mtu {} up", fabric.mtu));
}

/// An address with the prefix length of the subnet that holds it.
fn with_prefix(fabric: &Fabric, segment: &Segment, ip: IpAddr) -> String {
    let pvlan = fabric.pvlans.get(segment.pvlan.index());
    let mut subnets = pvlan.into_iter().flat_map(|pvlan| &pvlan.subnets);
    let subnet = subnets.find(|subnet| subnet.contains(&ip));
    let host = if ip.is_ipv4() { 32 } else { 128 };
    format!("{ip}/{}", subnet.map_or(host, ipnet::IpNet::prefix_len))
}

/// The ports a stock node declares, each with its attachment.
fn ports_of<'a>(
    fabric: &'a Fabric,
    node: &Node,
) -> impl Iterator<Item = (&'a Port, &'a Attachment)> {
    let id = node.id;
    let own = fabric.ports.iter().filter(move |port| port.node == id);
    own.filter_map(|port| {
        let attachment = fabric.attachments.get(port.attachments.first()?.index())?;
        Some((port, attachment))
    })
}

/// The WireGuard device of a stock machine and its peers.
fn wireguard(fabric: &Fabric, node: &Node, peers: &[&Node]) -> Section {
    let mut section = Section::new(format!("WireGuard on {}", node.name)).note(
        "the private key that belongs to the site file's `key` must be in /etc/wireguard/wg0.key",
    );
    let listen = node.endpoint.map_or_else(String::new, |endpoint| {
        format!(" listen-port {}", endpoint.port())
    });
    section.run("ip link add wg0 type wireguard");
    section.run(format!(
        "wg set wg0 private-key /etc/wireguard/wg0.key{listen}"
    ));
    section.run(format!("ip addr add {} dev wg0", host_prefix(node.overlay)));
    section.run(format!(
        "ip link set wg0 mtu {} up",
        fabric.mtu + overhead(node.overlay)
    ));
    for peer in peers {
        for line in wireguard_peer(peer, node.endpoint.is_none()) {
            section.run(line);
        }
        if peer.endpoint.is_none() && node.endpoint.is_none() {
            let note = format!(
                "neither {} nor {} has an endpoint: they cannot meet",
                node.name, peer.name
            );
            section = section.note(note);
        }
    }
    section
}

/// A peer, its only address, and the way to it.
fn wireguard_peer(peer: &Node, keepalive: bool) -> Vec<String> {
    let overlay = host_prefix(peer.overlay);
    let endpoint = peer
        .endpoint
        .map_or_else(String::new, |endpoint| format!(" endpoint {endpoint}"));
    // Whoever has no endpoint must keep the way open from its own side.
    let keepalive = if keepalive && peer.endpoint.is_some() {
        " persistent-keepalive 25"
    } else {
        ""
    };
    let key = peer.key_text();
    vec![
        format!("wg set wg0 peer {key}{endpoint} allowed-ips {overlay}{keepalive}"),
        format!("ip route replace {overlay} dev wg0"),
        // Without the tunnel nothing goes there, rather than in clear by another way.
        format!("ip route replace blackhole {overlay} metric {LAST_RESORT}"),
    ]
}

fn host_prefix(ip: IpAddr) -> String {
    format!("{ip}/{}", if ip.is_ipv4() { 32 } else { 128 })
}

/// Outer IP, UDP, VXLAN and inner Ethernet headers.
const fn overhead(overlay: IpAddr) -> u16 {
    if overlay.is_ipv4() { 50 } else { 70 }
}

/// The interface a stock mesh member's guest is on.
fn device(port: &Port) -> &str {
    match &port.attach {
        Attach::Nic(name) | Attach::Veth { name, .. } => name,
        Attach::Tap { name, .. } => name.as_deref().unwrap_or(&port.name),
        Attach::Edge(_) => &port.name,
    }
}

impl fmt::Display for PeerSheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for section in &self.sections {
            writeln!(f, "# {}", section.title)?;
            for note in &section.notes {
                writeln!(f, "#   {note}")?;
            }
            let hash = if section.alternative { "# " } else { "" };
            for command in &section.commands {
                writeln!(f, "{hash}{command}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
