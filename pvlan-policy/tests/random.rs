//! Random sites: the tables, run as the datapath runs them, against the definition.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;
use skerry_policy::{Access, AttachmentId, Fabric, Policy, Source, Tables, check, diff, render};

/// A port as it is drawn: node, private VLAN, role (0 promiscuous, 1 isolated, then communities).
#[derive(Clone, Copy, Debug)]
struct Drawn {
    node: usize,
    pvlan: usize,
    role: usize,
}

#[derive(Clone, Debug)]
struct DrawnSite {
    nodes: usize,
    /// The last node is a stock edge of the first.
    edge: bool,
    ports: Vec<Drawn>,
    hairpin: [usize; 3],
    /// Pairs of ports, by index, that are exceptions where they can be.
    exceptions: Vec<(usize, usize)>,
}

const PVLANS: usize = 3;
const ROLES: [&str; 4] = ["promiscuous", "isolated", "web", "db"];
const MODES: [&str; 3] = ["deny", "gateway", "permit"];

fn sites() -> impl Strategy<Value = DrawnSite> {
    (1_usize..6, any::<bool>()).prop_flat_map(|(nodes, edge)| {
        let port = (0..nodes, 0..PVLANS, 0..ROLES.len());
        let port = port.prop_map(|(node, pvlan, role)| Drawn { node, pvlan, role });
        let exceptions = proptest::collection::vec((0_usize..14, 0_usize..14), 0..4);
        let ports = proptest::collection::vec(port, 1..14);
        (ports, [0_usize..3, 0..3, 0..3], exceptions).prop_map(
            move |(ports, hairpin, exceptions)| DrawnSite {
                nodes,
                edge: edge && nodes > 1,
                ports,
                hairpin,
                exceptions,
            },
        )
    })
}

/// A site and what becomes of it after a few edits, so that most of the two is the same.
fn edited() -> impl Strategy<Value = (DrawnSite, DrawnSite)> {
    let roles = proptest::collection::vec((any::<usize>(), 0..ROLES.len()), 0..3);
    let hairpin = proptest::option::of([0_usize..3, 0..3, 0..3]);
    let exceptions =
        proptest::option::of(proptest::collection::vec((0_usize..14, 0_usize..14), 0..4));
    let removed = 0_usize..3;
    (sites(), roles, hairpin, exceptions, removed).prop_map(
        |(old, roles, hairpin, exceptions, removed)| {
            let mut new = old.clone();
            for (at, role) in roles {
                let at = at % new.ports.len();
                new.ports[at].role = role;
            }
            let kept = new.ports.len().saturating_sub(removed).max(1);
            new.ports.truncate(kept);
            new.hairpin = hairpin.unwrap_or(new.hairpin);
            new.exceptions = exceptions.unwrap_or(new.exceptions);
            (old, new)
        },
    )
}

impl DrawnSite {
    /// The ports that can exist: an edge has one port for each segment.
    fn ports(&self) -> Vec<Drawn> {
        let mut ports: Vec<Drawn> = Vec::new();
        for &port in &self.ports {
            let twin =
                |it: &Drawn| (it.node, it.pvlan, it.role) == (port.node, port.pvlan, port.role);
            if !(self.is_edge(port.node) && ports.iter().any(twin)) {
                ports.push(port);
            }
        }
        ports
    }

    fn is_edge(&self, node: usize) -> bool {
        self.edge && node + 1 == self.nodes
    }

    fn listed(&self, from: usize, to: usize) -> bool {
        self.exceptions.contains(&(from, to)) || self.exceptions.contains(&(to, from))
    }

    fn text(&self) -> String {
        let mut text = String::from("version = 1\n[node]\n");
        for node in 0..self.nodes {
            let key = format!(
                "{}{}",
                char::from(b'A' + u8::try_from(node).unwrap()),
                "A".repeat(41) + "E="
            );
            let stock = if self.is_edge(node) {
                ", stock = \"edge\", home = \"n0\""
            } else {
                ""
            };
            writeln!(
                text,
                "n{node} = {{ key = \"{key}\", overlay = \"100.64.0.{}\"{stock} }}",
                node + 1
            )
            .unwrap();
        }
        for (pvlan, mode) in self.hairpin.iter().enumerate() {
            let vni = 100 * (pvlan + 1);
            writeln!(
                text,
                "[pvlan.p{pvlan}]\nprimary = {vni}\nisolated = {}",
                vni + 1
            )
            .unwrap();
            writeln!(
                text,
                "community = {{ web = {}, db = {} }}",
                vni + 2,
                vni + 3
            )
            .unwrap();
            writeln!(text, "hairpin = \"{}\"", MODES[*mode]).unwrap();
        }
        let ports = self.ports();
        for (index, port) in ports.iter().enumerate() {
            let allowed = |&other: &usize| other != index && ports[other].pvlan == port.pvlan;
            let listed: Vec<_> = self
                .exceptions
                .iter()
                .filter(|it| it.0 == index)
                .map(|it| it.1)
                .collect();
            let listed = listed
                .into_iter()
                .filter(|&it| it < ports.len())
                .filter(allowed);
            let listed: Vec<_> = listed
                .map(|it| format!("\"n{}/x{it}\"", ports[it].node))
                .collect();
            let role = ROLES[port.role];
            writeln!(
                text,
                "[port.n{}.x{index}]\nas = \"p{}.{role}\"\nhairpin = [{}]",
                port.node,
                port.pvlan,
                listed.join(", ")
            )
            .unwrap();
        }
        text
    }

    /// RFC 5517 in one sentence, on the drawn numbers.
    fn may(&self, from: Drawn, to: Drawn) -> bool {
        from.pvlan == to.pvlan
            && (from.role == 0 || to.role == 0 || (from.role == to.role && from.role >= 2))
    }
}

fn compiled(text: &str) -> (skerry_policy::Site, Arc<Fabric>) {
    let source = Source {
        name: "random.toml".to_owned(),
        text: text.to_owned(),
    };
    let checked = check(&source);
    let shown = render(&source, &checked.diagnostics, false);
    let site = checked.site.unwrap_or_else(|| panic!("{shown}\n{text}"));
    (site, checked.fabric.unwrap())
}

/// Floods as the datapath does: local ports, a copy to each listed node, and there local ports
/// again, if the receiving node agrees that the sender may send this segment.
fn flooded(fabric: &Fabric, tables: &[Tables], from: AttachmentId) -> BTreeMap<AttachmentId, u32> {
    let sender = &fabric.attachments[from.index()];
    let mut copies = BTreeMap::new();
    let mut deliver = |at: &Tables| {
        for &slot in &at.flood(sender.segment).unwrap().local {
            let view = at.attachment(slot).unwrap();
            let own = fabric.attachments[view.id.index()].port == sender.port;
            if !own && at.accepts(sender.segment, slot) {
                *copies.entry(view.id).or_insert(0) += 1;
            }
        }
    };
    let home = &tables[sender.home.index()];
    deliver(home);
    for node in &home.flood(sender.segment).unwrap().nodes {
        if fabric.may_send(sender.home, sender.segment) {
            deliver(&tables[node.index()]);
        }
    }
    copies
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_flooded_frame_reaches_exactly_the_permitted_ports_once(site in sites()) {
        let (_, fabric) = compiled(&site.text());
        let tables: Vec<_> = fabric.nodes.iter().map(|node| fabric.tables_for(node.id, 1)).collect();
        let ports = site.ports();
        let id = |index: usize| {
            let name = format!("n{}/x{index}", ports[index].node);
            fabric.attachment_named(&name).unwrap()
        };
        for (from, &sender) in ports.iter().enumerate() {
            let copies = flooded(&fabric, &tables, id(from));
            for (to, &receiver) in ports.iter().enumerate() {
                let expected = u32::from(from != to && site.may(sender, receiver));
                let actual = copies.get(&id(to)).copied().unwrap_or(0);
                prop_assert_eq!(actual, expected, "x{} -> x{}\n{}", from, to, site.text());
            }
        }
    }

    #[test]
    fn every_pair_has_the_access_the_file_gives_it(site in sites()) {
        let (_, fabric) = compiled(&site.text());
        let ports = site.ports();
        let id = |index: usize| {
            let name = format!("n{}/x{index}", ports[index].node);
            fabric.attachment_named(&name).unwrap()
        };
        for (from, &sender) in ports.iter().enumerate() {
            for (to, &receiver) in ports.iter().enumerate().filter(|(to, _)| *to != from) {
                let routable = ports.iter().any(|it| it.pvlan == sender.pvlan && it.role == 0);
                let routed = match site.hairpin[sender.pvlan] {
                    0 => site.listed(from, to),
                    _ => true,
                };
                let expected = if site.may(sender, receiver) {
                    Access::Direct
                } else if sender.pvlan == receiver.pvlan && routable && routed {
                    Access::Gateway
                } else {
                    Access::Never
                };
                prop_assert_eq!(fabric.access(id(from), id(to)), expected, "x{} -> x{}\n{}", from, to, site.text());
            }
        }
    }

    #[test]
    fn diff_counts_what_comparing_every_pair_counts((old, new) in edited()) {
        let (old_site, old_fabric) = compiled(&old.text());
        let (new_site, new_fabric) = compiled(&new.text());
        let of = |fabric: &Fabric| -> BTreeMap<(String, String), Access> {
            let all = || fabric.attachments.iter().map(|it| it.id);
            let pairs = all().flat_map(|from| all().map(move |to| (from, to)));
            pairs
                .map(|(from, to)| {
                    let names = (fabric.attachment_name(from), fabric.attachment_name(to));
                    (names, fabric.access(from, to))
                })
                .collect()
        };
        let (before, after) = (of(&old_fabric), of(&new_fabric));
        let (mut gained, mut lost) = (0, 0);
        for pair in before.keys().chain(after.keys()).collect::<std::collections::BTreeSet<_>>() {
            let was = before.get(pair).copied().unwrap_or(Access::Never);
            let is = after.get(pair).copied().unwrap_or(Access::Never);
            gained += u64::from(is > was);
            lost += u64::from(is < was);
        }
        let found = diff(
            Policy { site: &old_site, fabric: &old_fabric },
            Policy { site: &new_site, fabric: &new_fabric },
        );
        prop_assert_eq!((found.gained, found.lost), (gained, lost), "{}\n{}", old.text(), new.text());
        let told: usize = found.changes.iter().map(|it| it.others.len() * if it.direction == "<->" { 2 } else { 1 }).sum();
        prop_assert_eq!(told as u64, gained + lost);
    }
}
