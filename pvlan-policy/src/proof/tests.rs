//! The proof must notice: each deliberate fault in the tables breaks the claim it belongs to.

use std::sync::Arc;

use fixedbitset::FixedBitSet;

use super::{Proof, prove};
use crate::fabric::{Fabric, Hairpin};
use crate::gate::Gate;
use crate::id::{LocalAttachment, NodeId, PvlanId, SegmentId, Vni};
use crate::port::{Ethertypes, Port};
use crate::site::{Flow, Site};
use crate::source::Source;
use crate::tables::{Flood, Tables};

const SAMPLE: &str = include_str!("../../tests/data/sample.toml");

fn sample() -> (Site, Arc<Fabric>) {
    let checked = crate::check(&Source {
        name: "sample.toml".to_owned(),
        text: SAMPLE.to_owned(),
    });
    (checked.site.unwrap(), checked.fabric.unwrap())
}

fn segment(fabric: &Fabric, name: &str) -> SegmentId {
    fabric
        .segments
        .iter()
        .find(|it| it.name == name)
        .unwrap()
        .id
}

fn node(fabric: &Fabric, name: &str) -> NodeId {
    fabric.node_named(name).unwrap()
}

/// Which claims do not hold.
fn broken(proof: &Proof) -> Vec<&'static str> {
    let broken = proof.claims.iter().filter(|claim| !claim.holds());
    broken.map(|claim| claim.id).collect()
}

#[track_caller]
fn breaks(claim: &str, proof: &Proof) {
    assert!(
        broken(proof).contains(&claim),
        "{claim} should fail: {proof}"
    );
    let claim = proof.claims.iter().find(|it| it.id == claim).unwrap();
    assert!(!claim.examples.is_empty(), "{claim:?}");
}

/// Proves after a fault in what all nodes share; node tables are made from the faulty fabric.
#[track_caller]
fn fault_in_fabric(claim: &str, fault: impl FnOnce(&mut Fabric)) {
    let (site, fabric) = sample();
    let mut faulty = Fabric::clone(&fabric);
    fault(&mut faulty);
    let faulty = Arc::new(faulty);
    let proof = prove(&site, &faulty, &|node| faulty.tables_for(node, 0));
    breaks(claim, &proof);
}

/// Proves after a fault in the tables of one node.
#[track_caller]
fn fault_in_tables(claim: &str, at: &str, fault: impl Fn(&mut Tables)) {
    let (site, fabric) = sample();
    let at = node(&fabric, at);
    let proof = prove(&site, &fabric, &|node| {
        let mut tables = fabric.tables_for(node, 0);
        if node == at {
            fault(&mut tables);
        }
        tables
    });
    breaks(claim, &proof);
}

#[test]
fn sound_tables_are_proved() {
    let (site, fabric) = sample();
    let proof = prove(&site, &fabric, &|node| fabric.tables_for(node, 0));
    assert!(proof.holds(), "{proof}");
    assert_eq!(
        proof.to_string(),
        "12 attachments, 132 ordered pairs, 38 permitted, V1-V6 hold"
    );
}

#[test]
fn one_accept_cell_the_wrong_way_breaks_v1() {
    for (from, to) in [
        ("blue.isolated", "blue.isolated"),
        ("blue.web", "blue.db"),
        ("blue.isolated", "blue.promiscuous"),
    ] {
        fault_in_fabric("V1", |fabric| {
            let (from, to) = (segment(fabric, from), segment(fabric, to));
            let column = fabric.column(&fabric.segments[to.index()]).unwrap();
            fabric.accept[from.index()].toggle(column);
        });
    }
}

#[test]
fn a_port_in_the_wrong_segment_breaks_v1() {
    fault_in_fabric("V1", |fabric| {
        fabric.attachments[1].segment = segment(fabric, "blue.web");
    });
}

#[test]
fn a_local_accept_bit_the_wrong_way_breaks_v1() {
    fault_in_tables("V1", "n1", |tables| {
        let isolated = segment(&tables.fabric, "blue.isolated");
        tables.local.accept[isolated.index()].grow_and_insert(1);
    });
    fault_in_tables("V1", "n3", |tables| {
        let foreign = segment(&tables.fabric, "red.lab");
        tables.local.accept[foreign.index()].grow_and_insert(0);
    });
}

#[test]
fn a_port_that_is_held_to_what_another_one_is_breaks_v1() {
    fault_in_tables("V1", "n1", |tables| {
        // A gateway may say what it likes, and a host may not.
        tables.local.gates[1].guards = tables.local.gates[0].guards;
    });
    fault_in_tables("V1", "n1", |tables| {
        let gate = tables.local.gates[1];
        let other = Port {
            ethertypes: Ethertypes::Only(Vec::new()),
            ..tables.fabric.ports[gate.port.index()].clone()
        };
        let owned = gate.owned();
        tables.local.gates[1] = Gate::new(&other, gate.access, owned);
    });
    fault_in_tables("V1", "n1", |tables| {
        tables.local.gates[1].access = Some(LocalAttachment(2));
    });
    fault_in_tables("V1", "n1", |tables| tables.local.gates[1].access = None);
    // A trunk takes no frames without a tag: not as its own, and not as another port's.
    for slot in 0..3 {
        fault_in_tables("V1", "n3", |tables| {
            let gate = &mut tables.local.gates[1];
            assert_eq!(gate.access, None);
            gate.access = Some(LocalAttachment(slot));
        });
    }
    fault_in_tables("V1", "n3", |tables| {
        let gate = tables.local.gates[1];
        let port = &tables.fabric.ports[gate.port.index()];
        let address = "10.1.0.11".parse().unwrap();
        tables.local.gates[1] = Gate::new(port, None, std::iter::once(address));
    });
    fault_in_tables("V1", "n1", |tables| {
        tables.local.gates.pop();
    });
    fault_in_tables("V1", "n1", |tables| {
        tables.local.attachments[1].edge = Some(NodeId(0));
    });
    fault_in_tables("V1", "n1", |tables| {
        let gate = tables.local.gates[1];
        let port = &tables.fabric.ports[gate.port.index()];
        let others = tables.fabric.ports[tables.local.gates[2].port.index()]
            .ips
            .clone();
        assert!(!others.is_empty());
        tables.local.gates[1] = Gate::new(port, gate.access, others.into_iter());
    });
}

#[test]
fn a_local_receiver_too_many_or_too_few_breaks_v1() {
    fault_in_tables("V1", "n1", |tables| {
        let isolated = segment(&tables.fabric, "blue.isolated");
        tables.local.flood[isolated.index()]
            .local
            .push(LocalAttachment(1));
    });
    fault_in_tables("V1", "n1", |tables| {
        let isolated = segment(&tables.fabric, "blue.isolated");
        tables.local.flood[isolated.index()].local.clear();
    });
    fault_in_tables("V1", "n1", |tables| {
        let isolated = segment(&tables.fabric, "blue.isolated");
        let twice = tables.local.flood[isolated.index()].local.clone();
        tables.local.flood[isolated.index()].local.extend(twice);
    });
}

#[test]
fn a_local_view_in_the_wrong_segment_breaks_v1() {
    fault_in_tables("V1", "n1", |tables| {
        tables.local.attachments[1].segment = segment(&tables.fabric, "blue.promiscuous");
    });
}

#[test]
fn a_port_under_the_wrong_number_breaks_v1() {
    fault_in_tables("V1", "n1", |tables| tables.local.ports.swap(0, 1));
    fault_in_tables("V1", "n1", |tables| tables.local.by_port.swap(0, 1));
}

#[test]
fn widening_or_narrowing_what_a_node_may_send_breaks_v2() {
    fault_in_fabric("V2", |fabric| {
        let (n1, promiscuous) = (node(fabric, "n1"), segment(fabric, "red.promiscuous"));
        fabric.may_send[n1.index()].insert(promiscuous.index());
    });
    fault_in_fabric("V2", |fabric| {
        let (n1, isolated) = (node(fabric, "n1"), segment(fabric, "blue.isolated"));
        fabric.may_send[n1.index()].remove(isolated.index());
    });
}

#[test]
fn a_member_too_many_or_too_few_breaks_v3() {
    fault_in_fabric("V3", |fabric| {
        let isolated = segment(fabric, "blue.isolated");
        fabric.members[isolated.index()].pop();
    });
    fault_in_fabric("V3", |fabric| {
        let (n2, isolated) = (node(fabric, "n2"), segment(fabric, "blue.isolated"));
        fabric.members[isolated.index()].insert(1, n2);
    });
    fault_in_tables("V3", "n2", |tables| {
        let isolated = segment(&tables.fabric, "blue.isolated");
        tables.local.flood[isolated.index()].nodes.pop();
    });
}

#[test]
fn flooding_back_into_the_tunnel_breaks_v4() {
    fault_in_tables("V4", "n3", |tables| {
        let web = segment(&tables.fabric, "blue.web");
        let n1 = node(&tables.fabric, "n1");
        assert!(!tables.fabric.may_send(tables.me, web));
        tables.local.flood[web.index()].nodes.push(n1);
    });
    fault_in_tables("V4", "n1", |tables| {
        let isolated = segment(&tables.fabric, "blue.isolated");
        let me = tables.me;
        tables.local.flood[isolated.index()].nodes.push(me);
    });
    fault_in_tables("V4", "n2", |tables| {
        let isolated = segment(&tables.fabric, "blue.isolated");
        let e1 = node(&tables.fabric, "e1");
        tables.local.flood[isolated.index()].nodes.push(e1);
    });
}

#[test]
fn another_hairpin_verdict_breaks_v5() {
    fault_in_fabric("V5", |fabric| {
        fabric.pvlans[PvlanId(0).index()].hairpin = Hairpin::Permit;
    });
    fault_in_fabric("V5", |fabric| {
        let stranger = fabric.attachments[4].id;
        fabric.attachments[1].hairpin.push(stranger);
    });
    fault_in_fabric("V5", |fabric| fabric.attachments[2].hairpin.clear());
}

#[test]
fn a_lookup_that_finds_the_wrong_thing_breaks_v6() {
    fault_in_fabric("V6", |fabric| {
        let web = segment(fabric, "blue.web");
        fabric.by_vni.insert(Vni::new(20101).unwrap(), web);
    });
    fault_in_fabric("V6", |fabric| {
        let web = segment(fabric, "blue.web");
        fabric.by_vni.insert(Vni::new(7).unwrap(), web);
    });
    fault_in_fabric("V6", |fabric| {
        let thief = fabric.attachments[1].id;
        for owner in fabric.mac_owner.values_mut() {
            *owner = thief;
        }
    });
    fault_in_fabric("V6", |fabric| fabric.nodes[1].key = fabric.nodes[0].key);
    fault_in_fabric("V6", |fabric| {
        fabric.nodes[1].overlay = fabric.nodes[0].overlay;
    });
}

#[test]
fn a_node_that_may_send_a_peering_without_an_end_breaks_v2() {
    fault_in_fabric("V2", |fabric| {
        let n2 = node(fabric, "n2");
        let id = fabric.peerings[0].id;
        fabric.may_send[n2.index()].grow_and_insert(id.index());
    });
    fault_in_fabric("V2", |fabric| {
        let n1 = node(fabric, "n1");
        fabric.may_send[n1.index()].remove(fabric.peerings[0].id.index());
    });
}

#[test]
fn a_peering_that_is_flooded_or_accepted_breaks_v3() {
    fault_in_tables("V3", "n3", |tables| {
        tables.local.flood.push(Flood::default());
    });
    fault_in_tables("V3", "n3", |tables| {
        let mut row = FixedBitSet::new();
        row.grow_and_insert(0);
        tables.local.accept.push(row);
    });
    fault_in_fabric("V3", |fabric| fabric.members.push(vec![NodeId(0)]));
}

#[test]
fn a_peering_with_other_ends_or_rules_breaks_v6() {
    fault_in_fabric("V6", |fabric| {
        let stranger = fabric.attachments[1].id;
        fabric.peerings[0].from.insert(0, stranger);
    });
    fault_in_fabric("V6", |fabric| fabric.peerings[0].to.clear());
    fault_in_fabric("V6", |fabric| {
        let peering = &mut fabric.peerings[0];
        std::mem::swap(&mut peering.from, &mut peering.to);
    });
    fault_in_fabric("V6", |fabric| fabric.peerings[0].pvlans.reverse());
    fault_in_fabric("V6", |fabric| fabric.peerings[0].pvlans[1] = PvlanId(0));
    fault_in_fabric("V6", |fabric| {
        fabric.peerings[0].allow.push(Flow::parse("tcp").unwrap());
    });
    fault_in_fabric("V6", |fabric| {
        let stranger = fabric.attachments[1].id;
        let id = fabric.peerings[0].id;
        fabric.peerings_of.insert(stranger, vec![id]);
    });
    fault_in_fabric("V6", |fabric| fabric.peerings_of.clear());
}

#[test]
fn a_peering_under_another_number_or_address_breaks_v6() {
    fault_in_fabric("V6", |fabric| fabric.peering_by_vni.clear());
    fault_in_fabric("V6", |fabric| {
        let id = fabric.peerings[0].id;
        fabric.peering_by_vni.insert(Vni::new(7).unwrap(), id);
    });
    fault_in_fabric("V6", |fabric| fabric.peerings[0].vni = Vni::new(7).unwrap());
    fault_in_fabric("V6", |fabric| {
        let (mac, owner) = (fabric.peerings[0].mac(), fabric.attachments[0].id);
        fabric.mac_owner.insert((PvlanId(0), mac), owner);
    });
}
