//! The site and node files of T1 and T2, written out by hand.

use std::fmt::Write as _;
use std::path::Path;

use crate::hosts::{Hosts, LINK};
use crate::topology::{Node, Port, Role};

/// How the hosts' interfaces are made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Attach {
    /// A veth pair.
    Veth,
    /// A TAP made inside the host's namespace.
    Tap,
}

/// Which guards are on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Guards {
    /// None: any ethertype, any address ("G-" in the matrix).
    Off,
    /// The defaults, with bound addresses.
    On,
}

/// A site file in the making.
#[derive(Clone, Debug)]
pub struct Site {
    /// How the hosts' interfaces are made.
    pub attach: Attach,
    /// Which guards are on.
    pub guards: Guards,
    /// Public keys, in the order of [`Node::ALL`].
    pub keys: Vec<String>,
    /// `hairpin` of the blue private VLAN, when guards are on.
    pub blue_hairpin: &'static str,
    /// Segments that differ from T1's.
    pub changed: Vec<(Port, String)>,
    /// Ports that the file leaves out.
    pub without: Vec<Port>,
    /// Whether n3 has the trunks of T2.
    pub trunks: bool,
    /// Whether blue's b-w1 may ask red's name server behind a trunk (row J05).
    pub peering: bool,
    /// `copies` of the blue private VLAN, where it is not the default.
    pub blue_copies: Option<u32>,
    /// A node that the file no longer lists.
    pub expelled: Option<Node>,
    /// Further keys of ports.
    pub more: Vec<(Port, &'static str)>,
    /// More lines of the node section.
    pub more_nodes: String,
    /// A comment that makes the file another one: digest and generation change, nothing else.
    pub edition: u32,
    /// Tables that T1 does not have: stock members and their ports.
    pub addition: String,
}

impl Site {
    /// T1 as the specification has it.
    pub fn new(attach: Attach, guards: Guards, keys: Vec<String>) -> Self {
        let (changed, without) = (Vec::new(), Vec::new());
        Self {
            attach,
            guards,
            keys,
            blue_hairpin: "deny",
            changed,
            without,
            trunks: false,
            peering: false,
            blue_copies: None,
            expelled: None,
            more: Vec::new(),
            more_nodes: String::new(),
            edition: 0,
            addition: String::new(),
        }
    }

    /// The file.
    pub fn text(&self, hosts: &Hosts) -> String {
        let mut text = format!("# Edition {}.\nversion = 1\n", self.edition);
        text.push_str(match self.guards {
            Guards::Off => OPEN,
            Guards::On => GUARDED,
        });
        text.push_str("[node]\n");
        let listed = |node: &Node| self.expelled != Some(*node);
        for (node, key) in Node::ALL.into_iter().zip(&self.keys) {
            if !listed(&node) {
                continue;
            }
            let (overlay, underlay) = (node.overlay(), node.underlay());
            line(
                &mut text,
                &format!(
                    r#"{node} = {{ key = "{key}", overlay = "{overlay}", endpoint = "{underlay}:51820" }}"#
                ),
            );
        }
        text.push_str(&self.more_nodes);
        let (blue, red, copies) = match self.guards {
            Guards::Off => ("permit", "permit", r#""off""#),
            Guards::On => (self.blue_hairpin, "gateway", "10000"),
        };
        let blue_copies = self.blue_copies.map(|copies| copies.to_string());
        let peers = |other| {
            if self.peering {
                format!("peers = [\"{other}\"]")
            } else {
                String::new()
            }
        };
        text.push_str(
            &VLANS
                .replace("BLUE_HAIRPIN", blue)
                .replace("RED_HAIRPIN", red)
                .replace("BLUE_COPIES", blue_copies.as_deref().unwrap_or(copies))
                .replace("RED_COPIES", copies)
                .replace("BLUE_PEERS", &peers("red"))
                .replace("RED_PEERS", &peers("blue")),
        );
        for node in Node::ALL.into_iter().filter(listed) {
            line(&mut text, &format!("[port.{node}]"));
            for port in
                Port::all().filter(|port| port.node() == node && !self.without.contains(port))
            {
                line(&mut text, &self.port(port, hosts));
            }
            if self.trunks && node == Node(3) {
                self.trunk_ports(&mut text, hosts);
            }
        }
        if self.peering {
            text.push_str(PEERING);
        }
        text + &self.addition
    }

    /// The trunks of T2, with addresses where guards ask for them.
    fn trunk_ports(&self, text: &mut String, hosts: &Hosts) {
        let netns = |port| hosts.path(port).display().to_string();
        let mut trunk = |port: Port, tags: &str, keys: &str, bound: &str| {
            let (device, netns) = (port.device(), netns(port));
            let bound = if self.guards == Guards::On { bound } else { "" };
            line(
                text,
                &format!(
                    r#"{device} = {{ trunk = {{ {tags} }}, {keys}{bound}, attach = {{ veth = "{LINK}", netns = "{netns}" }} }}"#
                ),
            );
        };
        let mut ports = Port::trunks();
        if let (Some(up), Some(_), Some(down)) = (ports.next(), ports.next(), ports.next()) {
            trunk(
                up,
                r#"10 = "blue.promiscuous", 20 = "red.promiscuous""#,
                "gateway = true",
                r#", ip = ["10.1.0.3", "10.2.0.53"]"#,
            );
            trunk(
                down,
                r#"30 = "blue.isolated""#,
                "guard = { max_macs = 64 }",
                r#", ip = ["10.1.0.41", "2001:db8:1::29"]"#,
            );
        }
    }

    fn port(&self, port: Port, hosts: &Hosts) -> String {
        let changed = self.changed.iter().find(|(changed, _)| *changed == port);
        let segment = changed.map_or_else(|| port.segment(), |(_, segment)| segment.clone());
        let netns = hosts.path(port);
        let netns = netns.display();
        let attach = match self.attach {
            Attach::Veth => format!(r#"{{ veth = "{LINK}", netns = "{netns}" }}"#),
            Attach::Tap => format!(r#"{{ tap = "{LINK}", netns = "{netns}" }}"#),
        };
        format!(
            r#"{port} = {{ as = "{segment}"{}{}, attach = {attach} }}"#,
            self.binding(port),
            self.further(port)
        )
    }

    fn further(&self, port: Port) -> String {
        let mine = self.more.iter().filter(|(with, _)| *with == port);
        mine.map(|(_, keys)| format!(", {keys}")).collect()
    }

    /// Addresses bound to the port: every IP, and the gateways' MAC.
    fn binding(&self, port: Port) -> String {
        if self.guards == Guards::Off {
            return String::new();
        }
        let [a, b, c, d] = port.ip();
        let mut text = format!(r#", ip = ["{a}.{b}.{c}.{d}""#);
        if port.vlan() == crate::topology::Vlan::Blue {
            text += &format!(r#", "{}""#, std::net::Ipv6Addr::from(port.ip6()));
        }
        text.push(']');
        if port.name().ends_with("-gw") {
            text += &format!(r#", mac = "{}", gateway = true"#, mac(port.mac()));
        } else if port.role() == Role::Promiscuous {
            text += &format!(r#", mac = "{}""#, mac(port.mac()));
        }
        text
    }
}

/// The node file.
pub fn node_file(node: Node, folder: &Path, age: &str) -> String {
    let folder = folder.display();
    // One and several workers, side by side in one fabric.
    let workers = 1 + node.0 % 2;
    format!(
        r#"node = "{node}"
site = "{folder}/site.toml"
key = "{folder}/{node}.key"
listen = "0.0.0.0:51820"
control = "{folder}/{node}.sock"
state = "{folder}/{node}.state"
workers = {workers}
[fdb]
age = "{age}"
"#
    )
}

/// `02:00:00:00:01:01`.
pub fn mac(address: [u8; 6]) -> String {
    let bytes: Vec<String> = address.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(":")
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    writeln!(text, "{line}").unwrap_or_default();
}

const OPEN: &str = r#"[defaults.host]
ethertypes = ["any"]
guard = { mac = "off", max_macs = 1048576, ip = "off", dhcp = "off", ra = "allow" }
storm = { broadcast = "off", multicast = "off", unknown = "off" }
[defaults.promiscuous]
ethertypes = ["any"]
guard = { mac = "off", max_macs = 1048576, ip = "off", dhcp = "off", ra = "allow" }
storm = { broadcast = "off", multicast = "off", unknown = "off" }
"#;

const GUARDED: &str = r#"[defaults.host]
ethertypes = ["ipv4", "arp", "ipv6"]
guard = { mac = "pin", max_macs = 1, ip = "bound", dhcp = "client" }
storm = { broadcast = 200, multicast = 200, unknown = 100 }
"#;

const VLANS: &str = r#"[pvlan.blue]
primary = 20100
isolated = 20101
community = { web = 20102, db = 20103 }
subnets = ["10.1.0.0/24", "2001:db8:1::/64"]
hairpin = "BLUE_HAIRPIN"
copies = BLUE_COPIES
BLUE_PEERS
[pvlan.red]
primary = 21100
isolated = 21101
community = { lab = 21102 }
subnets = ["10.2.0.0/24"]
hairpin = "RED_HAIRPIN"
copies = RED_COPIES
RED_PEERS
"#;

const PEERING: &str = r#"[peering.dns]
vni = 22001
from = ["n1/b-w1"]
to = ["n3/up0#20"]
allow = ["udp/53", "tcp/53"]
"#;
