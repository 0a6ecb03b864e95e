//! The fabric that scripts run in: two nodes of our own, and a third that is hostile and has a
//! valid key. Its policies are written down twice, as site files and, for the oracle, as a list
//! of who sits where.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use skerry_policy::{Fabric, Source, check};
use x25519_dalek::{PublicKey, StaticSecret};

/// A port as the oracle knows it: the node's number, the name, and the segment of each tag (0 on
/// an access port).
pub(crate) struct Seat {
    pub(crate) node: usize,
    pub(crate) name: &'static str,
    pub(crate) segments: &'static [(u16, &'static str)],
}

const fn seat(node: usize, name: &'static str, segments: &'static [(u16, &'static str)]) -> Seat {
    Seat {
        node,
        name,
        segments,
    }
}

/// What the site files below say. The ports are the same in both.
pub(crate) const SEATS: [[Seat; 11]; 2] = [
    [
        seat(1, "b-gw", &[(0, "blue.promiscuous")]),
        seat(1, "b-i1", &[(0, "blue.isolated")]),
        seat(1, "b-w1", &[(0, "blue.web")]),
        seat(1, "r-l1", &[(0, "red.lab")]),
        seat(1, "dn0", &[(30, "blue.isolated"), (31, "red.isolated")]),
        seat(2, "b-i2", &[(0, "blue.isolated")]),
        seat(2, "b-w2", &[(0, "blue.web")]),
        seat(2, "b-d1", &[(0, "blue.db")]),
        seat(
            2,
            "up0",
            &[(10, "blue.promiscuous"), (20, "red.promiscuous")],
        ),
        seat(3, "h-i", &[(0, "blue.isolated")]),
        seat(3, "h-l", &[(0, "red.lab")]),
    ],
    [
        seat(1, "b-gw", &[(0, "blue.promiscuous")]),
        seat(1, "b-i1", &[(0, "blue.web")]),
        seat(1, "b-w1", &[(0, "blue.isolated")]),
        seat(1, "r-l1", &[(0, "red.isolated")]),
        seat(1, "dn0", &[(30, "blue.db"), (31, "red.lab")]),
        seat(2, "b-i2", &[(0, "blue.db")]),
        seat(2, "b-w2", &[(0, "blue.web")]),
        seat(2, "b-d1", &[(0, "red.lab")]),
        seat(2, "up0", &[(10, "blue.promiscuous"), (20, "red.isolated")]),
        seat(3, "h-i", &[(0, "blue.web")]),
        seat(3, "h-l", &[(0, "red.isolated")]),
    ],
];

/// The numbers of the segments, and two of none.
pub(crate) const VNIS: [(u32, &str); 9] = [
    (20_100, "blue.promiscuous"),
    (20_101, "blue.isolated"),
    (20_102, "blue.web"),
    (20_103, "blue.db"),
    (21_100, "red.promiscuous"),
    (21_101, "red.isolated"),
    (21_102, "red.lab"),
    (20_104, ""),
    (0, ""),
];

/// The gateway's address is bound, and never anybody else's.
pub(crate) const GATEWAY: [u8; 6] = [2, 0, 0, 0, 1, 1];

const PVLANS: &str = r#"
[pvlan.blue]
primary = 20100
isolated = 20101
community = { web = 20102, db = 20103 }
subnets = ["10.1.0.0/24", "2001:db8:1::/64"]
[pvlan.red]
primary = 21100
isolated = 21101
community = { lab = 21102 }
subnets = ["10.2.0.0/24"]
hairpin = "gateway"
"#;

const OPEN: &str = "ethertypes = [\"any\"], \
    guard = { mac = \"off\", max_macs = 16, ip = \"off\", dhcp = \"off\" }";

fn ports(generation: usize) -> String {
    let mut text = String::new();
    for node in 1..=3 {
        text.push_str(&format!("[port.n{node}]\n"));
        let here = SEATS[generation].iter().enumerate();
        for (index, seat) in here.filter(|(_, seat)| seat.node == node) {
            let (name, place, more) = (seat.name, place(seat), more(index, seat));
            text.push_str(&format!("{name} = {{ {place}, {more} }}\n"));
        }
    }
    text
}

/// Where a port sits: in a segment, or in one for each tag.
fn place(seat: &Seat) -> String {
    if let [(0, segment)] = seat.segments {
        return format!("as = \"{segment}\"");
    }
    let tag = |(vid, segment): &(u16, &str)| format!("{vid} = \"{segment}\"");
    let tags: Vec<String> = seat.segments.iter().map(tag).collect();
    format!("trunk = {{ {} }}", tags.join(", "))
}

/// What else policy says of a port: addresses for the guarded, no guard for a few.
fn more(index: usize, seat: &Seat) -> String {
    let pvlan = |generation: usize| {
        let (_, segment) = SEATS[generation][index].segments[0];
        segment.split('.').next()
    };
    let host = 10 + index;
    match seat.name {
        "b-gw" => {
            let (mac, gateway) = ("mac = \"02:00:00:00:01:01\"", "gateway = true");
            format!("ip = [\"10.1.0.1\", \"2001:db8:1::1\"], {mac}, {gateway}")
        }
        "dn0" => "guard = { max_macs = 4 }".to_owned(),
        "up0" | "b-w2" | "r-l1" => OPEN.to_owned(),
        // A port that changes its private VLAN takes no address along.
        _ if pvlan(0) != pvlan(1) => "rate = \"50Mbit\"".to_owned(),
        _ if pvlan(0) == Some("blue") => {
            format!("ip = [\"10.1.0.{host}\", \"2001:db8:1::{host}\"]")
        }
        _ => format!("ip = [\"10.2.0.{host}\"]"),
    }
}

/// The key of a node.
pub(crate) fn secret(node: usize) -> StaticSecret {
    StaticSecret::from([u8::try_from(node).expect("a small number"); 32])
}

/// Where a node is on the underlay.
pub(crate) fn endpoint(node: usize) -> SocketAddr {
    let node = u8::try_from(node).expect("a small number");
    SocketAddr::from((Ipv4Addr::new(192, 0, 2, node), 51_820))
}

/// A node's address inside the tunnels.
pub(crate) fn overlay(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(100, 64, 0, u8::try_from(node).expect("a small number"))
}

fn compile(rest: &str) -> Arc<Fabric> {
    let mut text = String::from("version = 1\n[node]\n");
    for node in 1..=3 {
        let key = BASE64_STANDARD.encode(PublicKey::from(&secret(node)).as_bytes());
        let (overlay, endpoint) = (overlay(node), endpoint(node));
        text.push_str(&format!(
            "n{node} = {{ key = \"{key}\", overlay = \"{overlay}\", endpoint = \"{endpoint}\" }}\n"
        ));
    }
    text.push_str(rest);
    let name = "fuzz.toml".to_owned();
    let checked = check(&Source { name, text });
    checked
        .fabric
        .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics))
}

/// The policy of a generation, compiled once.
pub(crate) fn fabric(generation: usize) -> Arc<Fabric> {
    static FABRICS: OnceLock<[Arc<Fabric>; 2]> = OnceLock::new();
    let fabrics =
        FABRICS.get_or_init(|| [0, 1].map(|it| compile(&format!("{PVLANS}{}", ports(it)))));
    Arc::clone(&fabrics[generation])
}

/// A policy that has nothing in common with the others but the nodes: under it, everything that
/// was learned is forgotten.
pub(crate) fn blank() -> Arc<Fabric> {
    static BLANK: OnceLock<Arc<Fabric>> = OnceLock::new();
    let blank = BLANK.get_or_init(|| {
        let pvlan = "[pvlan.green]\nprimary = 30000\nhairpin = \"permit\"\n";
        compile(&format!(
            "{pvlan}[port.n1]\ng = {{ as = \"green.promiscuous\" }}\n"
        ))
    });
    Arc::clone(blank)
}

/// The accept rule of RFC 5517 table 1, by the names of segments: may a frame of one reach a
/// port of the other?
pub(crate) fn accepts(from: &str, to: &str) -> bool {
    let (from_pvlan, from) = from.split_once('.').unwrap_or_default();
    let (to_pvlan, to) = to.split_once('.').unwrap_or_default();
    let promiscuous = from == "promiscuous" || to == "promiscuous";
    !from.is_empty()
        && from_pvlan == to_pvlan
        && (promiscuous || (from == to && from != "isolated"))
}
