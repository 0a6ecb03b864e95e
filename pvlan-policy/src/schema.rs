//! Every key of the site file. The reader knows no other list: a key that is not here is refused
//! (P001), so the reference made from this table cannot miss one.

/// One key of the site file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Key {
    /// Where it stands; `<..>` is a name of the author's choosing.
    pub path: &'static str,
    /// What its value looks like.
    pub kind: &'static str,
    /// What holds when it is absent; `required` when it must be there.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

const fn key(
    path: &'static str,
    kind: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Key {
    Key {
        path,
        kind,
        default,
        meaning,
    }
}

const ETHERTYPES: &str = "list of ipv4, arp, ipv6, any, or numbers 0x0600..=0xffff";
const STORM: &str = "frames a second, or \"off\"";
const ADDRESSES: &str = "IP address or list of them";

/// Every key, in the order of the reference.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key("version", "1", "required", "Version of the site file."),
    key("defaults", "table", "built in", "What ports have unless they say otherwise."),
    key("defaults.mtu", "576..=9000", "1390, or 1370 with IPv6 between nodes or stock members", "Largest IP packet of every port, in bytes."),
    key("defaults.host", "table", "built in", "Defaults of isolated and community ports, and of trunks with any such tag."),
    key("defaults.host.ethertypes", ETHERTYPES, "[\"ipv4\", \"arp\", \"ipv6\"]", "Ethertypes a port may send."),
    key("defaults.host.guard", "table", "see its keys", "First-hop checks."),
    key("defaults.host.guard.mac", "\"pin\" | \"off\"", "\"pin\"", "What a new source MAC becomes: kept by its first place, or learned freely."),
    key("defaults.host.guard.max_macs", "1..=1048576", "1", "Source MACs a port may use at once, bound ones included."),
    key("defaults.host.guard.ip", "\"bound\" | \"off\"", "\"bound\"", "Whether source addresses, ARP and ND are held to the bound addresses."),
    key("defaults.host.guard.dhcp", "\"client\" | \"server\" | \"off\"", "\"client\"", "Which DHCP messages a port may send."),
    key("defaults.host.guard.ra", "\"deny\" | \"allow\"", "\"deny\"", "Whether a port may send router advertisements."),
    key("defaults.host.guard.max_groups", "0..=65536", "64", "Multicast groups a port may listen to at once, link-local ones not counted."),
    key("defaults.host.storm", "table", "see its keys", "Frames a second to more than one receiver, per class."),
    key("defaults.host.storm.broadcast", STORM, "200", "To ff:ff:ff:ff:ff:ff."),
    key("defaults.host.storm.multicast", STORM, "200", "To any other group address."),
    key("defaults.host.storm.unknown", STORM, "100", "To an address nobody has been seen with."),
    key("defaults.host.rate", "\"50Mbit\" (bit, kbit, Mbit, Gbit)", "unlimited", "Bits a second a port may send."),
    key("defaults.promiscuous", "table", "built in", "Defaults of promiscuous ports."),
    key("defaults.promiscuous.ethertypes", ETHERTYPES, "[\"ipv4\", \"arp\", \"ipv6\"]", "As for hosts."),
    key("defaults.promiscuous.guard", "table", "see its keys", "As for hosts."),
    key("defaults.promiscuous.guard.mac", "\"pin\" | \"off\"", "\"off\"", "As for hosts."),
    key("defaults.promiscuous.guard.max_macs", "1..=1048576", "1024", "As for hosts."),
    key("defaults.promiscuous.guard.ip", "\"bound\" | \"off\"", "\"off\"", "As for hosts."),
    key("defaults.promiscuous.guard.dhcp", "\"client\" | \"server\" | \"off\"", "\"server\"", "As for hosts."),
    key("defaults.promiscuous.guard.ra", "\"deny\" | \"allow\"", "\"allow\"", "As for hosts."),
    key("defaults.promiscuous.guard.max_groups", "0..=65536", "1024", "As for hosts."),
    key("defaults.promiscuous.storm", "table", "see its keys", "As for hosts."),
    key("defaults.promiscuous.storm.broadcast", STORM, "2000", "As for hosts."),
    key("defaults.promiscuous.storm.multicast", STORM, "2000", "As for hosts."),
    key("defaults.promiscuous.storm.unknown", STORM, "2000", "As for hosts."),
    key("defaults.promiscuous.rate", "\"50Mbit\" (bit, kbit, Mbit, Gbit)", "unlimited", "As for hosts."),
    key("node", "table", "required", "The machines of the fabric, by name."),
    key("node.<node>.key", "base64 of 32 bytes", "required", "Its WireGuard public key, as `skerry pubkey` and `wg pubkey` print it."),
    key("node.<node>.overlay", "IP address", "required", "Its address inside the tunnel, the outer address of its VXLAN packets."),
    key("node.<node>.endpoint", "\"address:port\"", "the node must speak first", "Where its WireGuard socket is."),
    key("node.<node>.stock", "\"edge\" | \"mesh\"", "it runs Skerry", "How a stock Linux kernel takes part: as a port of its home node, or as a member of the mesh."),
    key("node.<node>.home", "node name", "required for an edge", "The node that a stock edge is a port of; it must run Skerry."),
    key("pvlan", "table", "none", "The private VLANs, by name."),
    key("pvlan.<pvlan>.primary", "1..=16777215", "required", "VNI of frames from promiscuous ports."),
    key("pvlan.<pvlan>.isolated", "1..=16777215", "no isolated segment", "VNI of frames from isolated ports."),
    key("pvlan.<pvlan>.community", "table", "no communities", "Its communities, by name."),
    key("pvlan.<pvlan>.community.<community>", "1..=16777215", "-", "VNI of frames from ports of this community."),
    key("pvlan.<pvlan>.subnets", "list of prefixes", "none", "Addresses that live inside it; what the hairpin guard looks at."),
    key("pvlan.<pvlan>.hairpin", "\"deny\" | \"gateway\" | \"permit\"", "\"deny\"", "What hosts that may not talk directly may do through the gateway."),
    key("pvlan.<pvlan>.peers", "list of private VLANs", "none", "Consent to peerings with them; both sides must give it."),
    key("pvlan.<pvlan>.copies", STORM, "10000", "Copies a second that its floods may make on one worker of a node: a broadcast to 50 receivers makes 50."),
    key("port", "table", "none", "The ports, by node and name."),
    key("port.<node>.<port>.as", "\"pvlan.promiscuous\", \"pvlan.isolated\" or \"pvlan.community\"", "required, or `trunk`", "The segment of an untagged port."),
    key("port.<node>.<port>.trunk", "table: VLAN tag = segment", "required, or `as`", "The segments of a tagged port."),
    key("port.<node>.<port>.trunk.<tag>", "segment", "-", "The segment of frames with this tag, 1..=4094."),
    key("port.<node>.<port>.ip", ADDRESSES, "none", "Addresses bound to the port."),
    key("port.<node>.<port>.mac", "MAC address or list of them", "none", "MAC addresses bound to the port."),
    key("port.<node>.<port>.gateway", "true | false", "false", "A router of its private VLANs; the port must be promiscuous."),
    key("port.<node>.<port>.hairpin", "list of ports", "none", "Ports it may exchange routed traffic with in spite of hairpin = \"deny\"; holds both ways."),
    key("port.<node>.<port>.attach", "\"tap\" or a table with tap, nic, or veth", "\"tap\"", "How the guest attaches."),
    key("port.<node>.<port>.attach.tap", "interface name", "the port's name", "A TAP interface of this name, made inside `netns` if given."),
    key("port.<node>.<port>.attach.nic", "interface name", "-", "An interface that exists: taken raw, given back as it was."),
    key("port.<node>.<port>.attach.veth", "interface name", "-", "A veth pair; its far end gets this name inside `netns`."),
    key("port.<node>.<port>.attach.netns", "absolute path", "the daemon's own; required with veth", "The network namespace of the guest's end."),
    key("port.<node>.<port>.ethertypes", ETHERTYPES, "from defaults", "Ethertypes the port may send."),
    key("port.<node>.<port>.guard", "table", "from defaults", "First-hop checks; each key overrides the default on its own."),
    key("port.<node>.<port>.guard.mac", "\"pin\" | \"off\"", "from defaults", "What a new source MAC becomes."),
    key("port.<node>.<port>.guard.max_macs", "1..=1048576", "from defaults", "Source MACs the port may use at once, bound ones included."),
    key("port.<node>.<port>.guard.ip", "\"bound\" | \"off\"", "from defaults", "Whether source addresses are held to the bound ones."),
    key("port.<node>.<port>.guard.dhcp", "\"client\" | \"server\" | \"off\"", "from defaults", "Which DHCP messages the port may send."),
    key("port.<node>.<port>.guard.ra", "\"deny\" | \"allow\"", "from defaults", "Whether the port may send router advertisements."),
    key("port.<node>.<port>.guard.max_groups", "0..=65536", "from defaults", "Multicast groups the port may listen to at once, link-local ones not counted."),
    key("port.<node>.<port>.storm", "table", "from defaults", "Frames a second to more than one receiver, per class."),
    key("port.<node>.<port>.storm.broadcast", STORM, "from defaults", "To ff:ff:ff:ff:ff:ff."),
    key("port.<node>.<port>.storm.multicast", STORM, "from defaults", "To any other group address."),
    key("port.<node>.<port>.storm.unknown", STORM, "from defaults", "To an address nobody has been seen with."),
    key("port.<node>.<port>.rate", "\"50Mbit\" (bit, kbit, Mbit, Gbit)", "from defaults", "Bits a second the port may send."),
    key("peering", "table", "none", "The only way a frame changes private VLAN, by name."),
    key("peering.<peering>.vni", "1..=16777215", "required", "Its own number on the wire."),
    key("peering.<peering>.from", "list of ports", "required", "Ports that may start a conversation."),
    key("peering.<peering>.to", "list of ports", "required", "Ports they may reach; a trunk's tag follows `#`."),
    key("peering.<peering>.allow", "list of \"tcp/80\", \"udp/53\", \"icmp\"", "required", "What they may say; replies follow."),
    key("export", "table", "none", "Figures one private VLAN shows to another, by name."),
    key("export.<export>.from", "private VLAN", "required", "Whose figures."),
    key("export.<export>.to", "private VLAN", "required", "Who may see them."),
    key("export.<export>.fields", "list of field names", "required", "Which figures; the list of possible ones is closed and holds no identities."),
    key("export.<export>.every", "duration, 10s or more", "required", "Length of the aligned window."),
    key("export.<export>.min_ports", "3 or more", "required", "Windows with fewer contributing ports are withheld."),
    key("export.<export>.round", "1 or more", "1", "Figures are rounded to multiples of this."),
    key("export.<export>.expires", "date", "required", "The first day on which it no longer holds."),
    key("export.<export>.why", "text", "required", "The reason, for the audit log."),
    key("sink", "table", "none", "Receivers of telemetry, by name."),
    key("sink.<sink>.sees", "list of private VLANs, or \"*\"", "required", "Whose records it may receive; \"*\" is the operator."),
];

/// The names of the keys that may stand directly in a section, such as `port.<node>.<port>`.
pub(crate) fn keys_of(section: &str) -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(move |key| {
        let rest = if section.is_empty() {
            key.path
        } else {
            key.path.strip_prefix(section)?.strip_prefix('.')?
        };
        (!rest.contains('.') && !rest.starts_with('<')).then_some(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_lists_its_own_keys_only() {
        let guard: Vec<_> = keys_of("port.<node>.<port>.guard").collect();
        assert_eq!(guard, ["mac", "max_macs", "ip", "dhcp", "ra", "max_groups"]);
        let node: Vec<_> = keys_of("node").collect();
        assert!(node.is_empty(), "{node:?}");
        assert!(keys_of("").any(|key| key == "version"));
    }

    #[test]
    fn every_path_stands_once() {
        for (index, key) in KEYS.iter().enumerate() {
            let later = &KEYS[index + 1..];
            assert!(
                later.iter().all(|other| other.path != key.path),
                "{}",
                key.path
            );
        }
    }
}
