//! What a port is once every default has been applied.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use skerry_policy::{
    Attach, DhcpGuard, Ethertypes, Fabric, IpGuard, MacGuard, Port, RaGuard, Source, check, render,
};

const N1: &str = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=";
const N2: &str = "u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7s=";

/// A site with one private VLAN and these lines for defaults, the second node, and ports.
fn fabric(defaults: &str, node: &str, ports: &str) -> std::sync::Arc<Fabric> {
    let source = Source {
        name: "site.toml".to_owned(),
        text: format!(
            "version = 1\n{defaults}\n[node]\n\
             n1 = {{ key = \"{N1}\", overlay = \"100.64.0.1\", endpoint = \"198.51.100.1:1\" }}\n\
             {node}\n\
             [pvlan.blue]\nprimary = 100\nisolated = 101\ncommunity = {{ web = 102 }}\n\
             [port.n1]\n{ports}\n"
        ),
    };
    let checked = check(&source);
    checked
        .fabric
        .unwrap_or_else(|| panic!("{}", render(&source, &checked.diagnostics, false)))
}

/// The first port of a site with these defaults.
fn port(defaults: &str, keys: &str) -> Port {
    let ports = format!("p = {{ {keys} }}");
    fabric(defaults, "", &ports).ports[0].clone()
}

#[test]
fn hosts_and_promiscuous_ports_have_their_built_in_guards() {
    let host = port("", "as = \"blue.isolated\"");
    assert_eq!((host.guards.mac, host.guards.max_macs), (MacGuard::Pin, 1));
    assert_eq!(
        (host.guards.ip, host.guards.dhcp),
        (IpGuard::Bound, DhcpGuard::Client)
    );
    assert_eq!(
        (host.guards.ra, host.guards.max_groups),
        (RaGuard::Deny, 64)
    );
    assert_eq!((host.storm.broadcast, host.storm.unknown), (200, 100));
    let open = port("", "as = \"blue.promiscuous\"");
    assert_eq!(
        (open.guards.mac, open.guards.max_macs),
        (MacGuard::Off, 1024)
    );
    assert_eq!(
        (open.guards.ip, open.guards.dhcp),
        (IpGuard::Off, DhcpGuard::Server)
    );
    assert_eq!(
        (open.guards.ra, open.guards.max_groups),
        (RaGuard::Allow, 1024)
    );
    assert_eq!((open.storm.broadcast, open.storm.unknown), (2000, 2000));
    let types = Ethertypes::Only(vec![0x0800, 0x0806, 0x86dd]);
    assert_eq!((host.ethertypes, open.ethertypes), (types.clone(), types));
}

#[test]
fn guards_override_the_defaults_key_by_key() {
    let defaults =
        "[defaults.host]\nguard = { max_macs = 4, ip = \"off\" }\nstorm = { unknown = 7 }";
    let port = port(
        defaults,
        "as = \"blue.web\", guard = { max_macs = 9 }, storm = { broadcast = \"off\" }",
    );
    assert_eq!((port.guards.max_macs, port.guards.ip), (9, IpGuard::Off));
    assert_eq!(port.guards.mac, MacGuard::Pin);
    assert_eq!(
        (
            port.storm.broadcast,
            port.storm.multicast,
            port.storm.unknown
        ),
        (u32::MAX, 200, 7)
    );
}

#[test]
fn a_trunk_is_a_host_unless_all_its_tags_are_promiscuous() {
    let mixed = port(
        "",
        "trunk = { 10 = \"blue.promiscuous\", 20 = \"blue.web\" }",
    );
    assert_eq!(mixed.guards.max_macs, 1);
    let open = port("", "trunk = { 10 = \"blue.promiscuous\" }");
    assert_eq!(open.guards.max_macs, 1024);
}

#[test]
fn the_attachments_of_a_trunk_are_sorted_by_tag() {
    let ports = "p = { trunk = { 200 = \"blue.isolated\", 30 = \"blue.web\", 4094 = \"blue.promiscuous\" } }";
    let fabric = fabric("", "", ports);
    let tags: Vec<_> = fabric
        .attachments
        .iter()
        .map(|it| it.tag.unwrap().get())
        .collect();
    assert_eq!(tags, [30, 200, 4094]);
}

#[test]
fn every_way_to_attach_is_read() {
    let attach = |keys: &str| port("", &format!("as = \"blue.web\"{keys}")).attach;
    let tap = |name: Option<&str>, netns: Option<&str>| Attach::Tap {
        name: name.map(str::to_owned),
        netns: netns.map(str::to_owned),
    };
    assert_eq!(attach(""), tap(None, None));
    assert_eq!(attach(", attach = \"tap\""), tap(None, None));
    assert_eq!(
        attach(", attach = { tap = \"eth0\", netns = \"/run/netns/g\" }"),
        tap(Some("eth0"), Some("/run/netns/g"))
    );
    assert_eq!(
        attach(", attach = { nic = \"eth1\" }"),
        Attach::Nic("eth1".to_owned())
    );
    let veth = Attach::Veth {
        name: "eth0".to_owned(),
        netns: "/run/netns/g".to_owned(),
    };
    assert_eq!(
        attach(", attach = { veth = \"eth0\", netns = \"/run/netns/g\" }"),
        veth
    );
}

#[test]
fn ethertypes_are_names_and_numbers() {
    let types =
        |list: &str| port("", &format!("as = \"blue.web\", ethertypes = {list}")).ethertypes;
    assert_eq!(types("[\"any\"]"), Ethertypes::Any);
    let only = Ethertypes::Only(vec![0x0800, 0x88b5, 0x88b6]);
    assert_eq!(types("[\"0x88b5\", \"ipv4\", 0x88b6, 0x88b6]"), only);
    assert_eq!(types("[]"), Ethertypes::Only(Vec::new()));
}

#[test]
fn rates_are_in_bits_a_second() {
    let rate = |text: &str| port("", &format!("as = \"blue.web\", rate = \"{text}\"")).rate;
    for (text, bits) in [
        ("8bit", 8),
        ("64kbit", 64_000),
        ("50Mbit", 50_000_000),
        ("3Gbit", 3_000_000_000),
    ] {
        assert_eq!(rate(text), Some(bits), "{text}");
    }
}

#[test]
fn the_mtu_leaves_room_for_what_carries_the_packets() {
    let mtu = |defaults: &str, node: &str| fabric(defaults, node, "p = { as = \"blue.web\" }").mtu;
    let node = |rest: &str| format!("n2 = {{ key = \"{N2}\", {rest} }}");
    assert_eq!(mtu("", &node("overlay = \"100.64.0.2\"")), 1390);
    assert_eq!(mtu("", &node("overlay = \"fd00::2\"")), 1370);
    assert_eq!(
        mtu(
            "",
            &node("overlay = \"100.64.0.2\", endpoint = \"[2001:db8::2]:1\"")
        ),
        1370
    );
    assert_eq!(
        mtu("", &node("overlay = \"100.64.0.2\", stock = \"mesh\"")),
        1370
    );
    assert_eq!(
        mtu("[defaults]\nmtu = 9000", &node("overlay = \"fd00::2\"")),
        9000
    );
}

#[test]
fn one_address_or_a_list_of_them_is_bound() {
    let bound = port(
        "",
        "as = \"blue.web\", ip = \"10.1.0.1\", mac = \"02:00:00:00:00:01\"",
    );
    assert_eq!((bound.ips.len(), bound.macs.len()), (1, 1));
    let several = port(
        "",
        "as = \"blue.web\", ip = [\"10.1.0.1\", \"2001:db8::1\"], mac = []",
    );
    assert_eq!((several.ips.len(), several.macs.len()), (2, 0));
}

#[test]
fn an_exception_holds_both_ways() {
    let ports =
        "a = { as = \"blue.isolated\", hairpin = [\"n1/b\"] }\nb = { as = \"blue.isolated\" }";
    let fabric = fabric("", "", ports);
    let lists: Vec<_> = fabric
        .attachments
        .iter()
        .map(|it| it.hairpin.clone())
        .collect();
    let ids: Vec<_> = fabric.attachments.iter().map(|it| it.id).collect();
    assert_eq!(lists, [vec![ids[1]], vec![ids[0]]]);
}
