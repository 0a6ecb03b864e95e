//! Random sites: drawn as plain numbers, written as TOML, and read by the real compiler.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine as _;
use skerry_policy::{Fabric, Mac, Source, check};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::oracle::{Hairpin, Kind, Policy, Role};
use crate::rng::Rng;

const COMMUNITIES: u8 = 2;

/// How much of a port's sender addresses is held to the policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Guard {
    /// MAC bound in the file.
    Bound,
    /// The first MAC is pinned.
    Pin,
    /// No guards.
    Off,
}

/// A port that is the same in every version but for its role.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    pub(crate) node: usize,
    pub(crate) pvlan: u8,
    pub(crate) guard: Guard,
    pub(crate) gateway: bool,
}

/// What does not change during a run, and every version of what does.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) nodes: usize,
    /// IPv6 between the nodes, inside the tunnels.
    v6: bool,
    pvlans: u8,
    pub(crate) ports: Vec<Port>,
    pub(crate) versions: Vec<Policy>,
}

/// What a run wants of its site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) nodes: usize,
    pub(crate) ports_max: usize,
    pub(crate) versions: usize,
    /// Every host port is guarded.
    pub(crate) guarded: bool,
    /// No promiscuous port on this node.
    pub(crate) hosts_only: Option<usize>,
}

impl Site {
    pub(crate) fn draw(rng: &mut Rng, wish: Wish) -> Self {
        let pvlans = u8::try_from(rng.within(1..4)).unwrap();
        let mut ports = Vec::new();
        for pvlan in 0..pvlans {
            let node = loop {
                let node = rng.below(wish.nodes);
                if Some(node) != wish.hosts_only {
                    break node;
                }
            };
            let (guard, gateway) = (Guard::Bound, true);
            ports.push(Port {
                node,
                pvlan,
                guard,
                gateway,
            });
        }
        for node in 0..wish.nodes {
            let count = 1 + rng.below(wish.ports_max);
            for _ in 0..count {
                ports.push(Port {
                    node,
                    pvlan: u8::try_from(rng.below(usize::from(pvlans))).unwrap(),
                    guard: match rng.within(0..10) {
                        0..3 => Guard::Bound,
                        3..5 if !wish.guarded => Guard::Off,
                        _ => Guard::Pin,
                    },
                    gateway: false,
                });
            }
        }
        let mut site = Self {
            nodes: wish.nodes,
            v6: rng.chance(300),
            pvlans,
            ports,
            versions: Vec::new(),
        };
        site.draw_versions(rng, wish);
        site
    }

    fn draw_versions(&mut self, rng: &mut Rng, wish: Wish) {
        let roles = self.ports.iter().map(|port| {
            Some(Role {
                pvlan: port.pvlan,
                kind: draw_kind(rng, port, wish.hosts_only),
            })
        });
        let roles = roles.collect();
        let first = Policy {
            roles,
            homes: self.ports.iter().map(|port| port.node).collect(),
            hairpin: (0..self.pvlans).map(|_| draw_hairpin(rng)).collect(),
        };
        self.versions = vec![first];
        while self.versions.len() < wish.versions {
            let mut next = self.versions[rng.below(self.versions.len())].clone();
            for _ in 0..=rng.below(3) {
                let port = rng.below(self.ports.len());
                if !self.ports[port].gateway {
                    let kind = draw_kind(rng, &self.ports[port], wish.hosts_only);
                    let pvlan = self.ports[port].pvlan;
                    next.roles[port] = (!rng.chance(200)).then_some(Role { pvlan, kind });
                }
            }
            if rng.chance(200) {
                let pvlan = rng.below(next.hairpin.len());
                next.hairpin[pvlan] = draw_hairpin(rng);
            }
            self.versions.push(next);
        }
    }

    /// The site file of one version.
    pub(crate) fn text(&self, version: usize) -> String {
        let policy = &self.versions[version];
        let mut text = String::from(
            "version = 1\n[defaults.host]\nethertypes = [\"ipv4\", \"arp\", \"ipv6\", 0x88b5]\n\
             [defaults.promiscuous]\nethertypes = [\"ipv4\", \"arp\", \"ipv6\", 0x88b5]\n[node]\n",
        );
        for node in 0..self.nodes {
            let overlay = if self.v6 { "fd00::" } else { "100.64.0." };
            let key = PublicKey::from(&secret(node));
            let key = base64::engine::general_purpose::STANDARD.encode(key.as_bytes());
            let (number, at) = (node + 1, endpoint(node));
            writeln!(
                text,
                "n{node} = {{ key = \"{key}\", overlay = \"{overlay}{number}\", endpoint = \"{at}\" }}"
            )
            .unwrap();
        }
        for pvlan in 0..self.pvlans {
            let (vni, number) = (1000 * (u32::from(pvlan) + 1), u32::from(pvlan));
            let hairpin = match policy.hairpin[usize::from(pvlan)] {
                Hairpin::Deny => "deny",
                Hairpin::Gateway => "gateway",
                Hairpin::Permit => "permit",
            };
            writeln!(
                text,
                "[pvlan.v{pvlan}]\nprimary = {vni}\nisolated = {}\ncommunity = {{ c0 = {}, c1 = {} }}\n\
                 subnets = [\"10.{number}.0.0/24\", \"2001:db8:{number:x}::/64\"]\nhairpin = \"{hairpin}\"",
                vni + 1,
                vni + 2,
                vni + 3,
            )
            .unwrap();
        }
        for (index, port) in self.ports.iter().enumerate() {
            if let Some(role) = policy.roles[index] {
                self.write_port(&mut text, index, port, role);
            }
        }
        text
    }

    fn write_port(&self, text: &mut String, index: usize, port: &Port, role: Role) {
        let segment = match role.kind {
            Kind::Promiscuous => "promiscuous".to_owned(),
            Kind::Isolated => "isolated".to_owned(),
            Kind::Community(number) => format!("c{number}"),
        };
        let (ip4, ip6) = (self.ip4(index), self.ip6(index));
        write!(
            text,
            "[port.n{}.p{index}]\nas = \"v{}.{segment}\"\nip = [\"{ip4}\", \"{ip6}\"]\n",
            port.node, role.pvlan
        )
        .unwrap();
        match port.guard {
            Guard::Bound => writeln!(text, "mac = \"{}\"", self.mac(index)).unwrap(),
            Guard::Pin => {}
            Guard::Off => {
                writeln!(
                    text,
                    "guard = {{ mac = \"off\", max_macs = 8, ip = \"off\" }}"
                )
                .unwrap();
            }
        }
        if port.gateway {
            writeln!(text, "gateway = true").unwrap();
        }
    }

    /// What the real compiler makes of a version, its proof included.
    pub(crate) fn compile(&self, version: usize) -> Result<Arc<Fabric>, String> {
        let text = self.text(version);
        let checked = check(&Source {
            name: format!("version-{version}.toml"),
            text: text.clone(),
        });
        checked
            .fabric
            .ok_or_else(|| format!("refused: {:#?}\n{text}", checked.diagnostics))
    }

    pub(crate) fn mac(&self, port: usize) -> Mac {
        let number = u8::try_from(port + 1).unwrap();
        Mac([2, 0x10, self.ports[port].pvlan, 0, 0, number])
    }

    pub(crate) fn ip4(&self, port: usize) -> Ipv4Addr {
        let number = u8::try_from(port + 1).unwrap();
        Ipv4Addr::new(10, self.ports[port].pvlan, 0, number)
    }

    pub(crate) fn ip6(&self, port: usize) -> Ipv6Addr {
        let (pvlan, number) = (u16::from(self.ports[port].pvlan), u16::try_from(port + 1));
        Ipv6Addr::new(0x2001, 0xdb8, pvlan, 0, 0, 0, 0, number.unwrap())
    }

    /// The port whose host has this address.
    pub(crate) fn port_of_mac(&self, mac: Mac) -> Option<usize> {
        (0..self.ports.len()).find(|&port| self.mac(port) == mac)
    }

    /// Whether a port is a host's in every version.
    pub(crate) fn is_always_host(&self, port: usize) -> bool {
        let roles = self.versions.iter().filter_map(|it| it.roles[port]);
        roles
            .map(|role| role.kind)
            .all(|kind| kind != Kind::Promiscuous)
    }

    /// The port that is the gateway of a private VLAN.
    pub(crate) fn gateway(&self, pvlan: u8) -> usize {
        let gateway = |it: &Port| it.gateway && it.pvlan == pvlan;
        self.ports.iter().position(gateway).unwrap()
    }
}

/// The number that a role has on the wire.
pub(crate) const fn vni(role: Role) -> u32 {
    let primary = 1000 * (role.pvlan as u32 + 1);
    match role.kind {
        Kind::Promiscuous => primary,
        Kind::Isolated => primary + 1,
        Kind::Community(number) => primary + 2 + number as u32,
    }
}

fn draw_kind(rng: &mut Rng, port: &Port, hosts_only: Option<usize>) -> Kind {
    if port.gateway {
        return Kind::Promiscuous;
    }
    match rng.within(0..10) {
        0..2 if hosts_only != Some(port.node) => Kind::Promiscuous,
        0..6 => Kind::Isolated,
        _ => Kind::Community(u8::try_from(rng.below(usize::from(COMMUNITIES))).unwrap()),
    }
}

fn draw_hairpin(rng: &mut Rng) -> Hairpin {
    match rng.within(0..4) {
        0..2 => Hairpin::Deny,
        2 => Hairpin::Gateway,
        _ => Hairpin::Permit,
    }
}

/// A node's private key.
pub(crate) fn secret(node: usize) -> StaticSecret {
    StaticSecret::from([u8::try_from(node + 1).unwrap(); 32])
}

/// Where a node's socket is.
pub(crate) fn endpoint(node: usize) -> SocketAddr {
    let host = u8::try_from(node + 1).unwrap();
    SocketAddr::from(([198, 51, 100, host], 51_820))
}

/// Whose socket this is.
pub(crate) fn node_at(address: SocketAddr) -> Option<usize> {
    match address {
        SocketAddr::V4(v4) => match v4.ip().octets() {
            [198, 51, 100, host] => usize::from(host).checked_sub(1),
            _ => None,
        },
        SocketAddr::V6(_) => None,
    }
}
