//! The site and node files of T1, written out by hand.

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
    /// A comment that makes the file another one: digest and generation change, nothing else.
    pub edition: u32,
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
            edition: 0,
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
        for (node, key) in Node::ALL.into_iter().zip(&self.keys) {
            let (overlay, underlay) = (node.overlay(), node.underlay());
            line(
                &mut text,
                &format!(
                    r#"{node} = {{ key = "{key}", overlay = "{overlay}", endpoint = "{underlay}:51820" }}"#
                ),
            );
        }
        let (blue, red, copies) = match self.guards {
            Guards::Off => ("permit", "permit", r#""off""#),
            Guards::On => (self.blue_hairpin, "gateway", "10000"),
        };
        text.push_str(
            &VLANS
                .replace("BLUE_HAIRPIN", blue)
                .replace("RED_HAIRPIN", red)
                .replace("COPIES", copies),
        );
        for node in Node::ALL {
            line(&mut text, &format!("[port.{node}]"));
            for port in
                Port::all().filter(|port| port.node() == node && !self.without.contains(port))
            {
                line(&mut text, &self.port(port, hosts));
            }
        }
        text
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
            r#"{port} = {{ as = "{segment}"{}, attach = {attach} }}"#,
            self.binding(port)
        )
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
copies = COPIES
[pvlan.red]
primary = 21100
isolated = 21101
community = { lab = 21102 }
subnets = ["10.2.0.0/24"]
hairpin = "RED_HAIRPIN"
copies = COPIES
"#;
