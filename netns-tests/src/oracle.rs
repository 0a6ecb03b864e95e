//! Who must receive what: RFC 5517 table 1 and private VLAN part 3, written down a second time.
//!
//! Nothing of the product is imported here. Where this file and the product differ, one is wrong.

use std::collections::BTreeSet;

use crate::topology::{Node, Port, Role, Vlan};

/// Ports that receive exactly one copy; every other port receives none.
pub type Receivers = BTreeSet<Port>;

/// RFC 5517 table 1 for two ports of one domain; ports of two domains never meet.
pub fn accepts(from: (Vlan, Role), to: (Vlan, Role)) -> bool {
    if from.0 != to.0 {
        return false;
    }
    match (from.1, to.1) {
        (Role::Promiscuous, _) | (_, Role::Promiscuous) => true,
        (Role::Community(a), Role::Community(b)) => a == b,
        (Role::Isolated, _) | (_, Role::Isolated) => false,
    }
}

/// May `to` receive a frame that entered at `from`?
pub fn permits(from: Port, to: Port) -> bool {
    from != to && accepts((from.vlan(), from.role()), (to.vlan(), to.role()))
}

/// Receivers in T1 of a broadcast, a flooded multicast, or a unicast that nobody has learned.
pub fn flooded(from: Port) -> Receivers {
    flooded_among(Port::all(), from)
}

/// The same where there are other ports than those of T1. A trunk's tag is a port of its own, so
/// a frame may leave by the interface that it came from, under another tag of another segment;
/// T2 has no trunk with two tags in one private VLAN.
pub fn flooded_among(ports: impl Iterator<Item = Port>, from: Port) -> Receivers {
    ports.filter(|&to| permits(from, to)).collect()
}

/// Receivers of a unicast to a MAC address that the sender's node knows to be at `to`.
pub fn unicast(from: Port, to: Port) -> Receivers {
    Port::all()
        .filter(|&port| port == to && permits(from, port))
        .collect()
}

/// Nodes that a flooded frame of `from` must visit, the sender's own included.
pub fn member_nodes(from: Port) -> BTreeSet<Node> {
    let segment = (from.vlan(), from.role());
    Port::all()
        .filter(|to| accepts(segment, (to.vlan(), to.role())))
        .map(Port::node)
        .collect()
}

/// The other blue ports, or the other red ones.
pub fn all_others(from: Port) -> Receivers {
    Port::all()
        .filter(|&to| to != from && to.vlan() == from.vlan())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(ports: &Receivers) -> String {
        ports
            .iter()
            .map(|port| port.name())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn fifty_two_of_two_hundred_and_forty_ordered_pairs_are_permitted() {
        let pairs = Port::all().flat_map(|a| Port::all().map(move |b| (a, b)));
        let pairs: Vec<_> = pairs.filter(|(a, b)| a != b).collect();
        assert_eq!(pairs.len(), 240);
        assert_eq!(pairs.iter().filter(|(a, b)| permits(*a, *b)).count(), 52);
    }

    #[test]
    fn floods_are_those_of_the_conformance_matrix() {
        for (from, receivers) in [
            ("b-i1", "b-gw b-p2"),
            ("b-i3", "b-gw b-p2"),
            ("r-i1", "r-gw"),
            ("b-w1", "b-gw b-w2 b-p2"),
            ("b-d2", "b-gw b-d1 b-p2"),
            ("r-gw", "r-i1 r-l1 r-i2 r-l2"),
        ] {
            assert_eq!(
                names(&flooded(Port::named(from).unwrap())),
                receivers,
                "from {from}"
            );
        }
        let gateway = Port::named("b-gw").unwrap();
        assert_eq!(flooded(gateway), all_others(gateway));
        assert_eq!(flooded(gateway).len(), 10);
    }

    #[test]
    fn with_trunks_ninety_of_three_hundred_and_forty_two_pairs_are_permitted() {
        let ports = || Port::all().chain(Port::trunks());
        let pairs = ports().flat_map(|a| ports().map(move |b| (a, b)));
        let pairs: Vec<_> = pairs.filter(|(a, b)| a != b).collect();
        assert_eq!(pairs.len(), 342);
        assert_eq!(pairs.iter().filter(|(a, b)| permits(*a, *b)).count(), 90);
        let downlink = Port::named("dn0#30").unwrap();
        assert_eq!(names(&flooded_among(ports(), downlink)), "b-gw b-p2 up0#10");
    }

    #[test]
    fn isolated_frames_visit_no_node_without_a_promiscuous_port() {
        let nodes = |name| member_nodes(Port::named(name).unwrap());
        assert_eq!(nodes("b-i3"), BTreeSet::from([Node(1), Node(3)]));
        assert_eq!(nodes("r-i1"), BTreeSet::from([Node(2)]));
        assert_eq!(nodes("b-w1"), BTreeSet::from([Node(1), Node(2), Node(3)]));
    }
}
