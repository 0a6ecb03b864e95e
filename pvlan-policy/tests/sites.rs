//! The sites that documents and other tests rely on.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use skerry_policy::{Checked, Hairpin, IpGuard, MacGuard, Severity, Source, check, render};

fn load(name: &str) -> Checked {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    let source = Source {
        name: name.to_owned(),
        text: std::fs::read_to_string(path).unwrap(),
    };
    let checked = check(&source);
    let errors = checked
        .diagnostics
        .iter()
        .filter(|it| it.severity == Severity::Error);
    assert_eq!(
        errors.count(),
        0,
        "{}",
        render(&source, &checked.diagnostics, false)
    );
    checked
}

#[test]
fn the_sample_of_the_specification_is_good() {
    let proof = load("sample.toml").proof.unwrap();
    let expected = "12 attachments, 132 ordered pairs, 38 permitted, V1-V6 hold";
    assert_eq!(proof.to_string(), expected);
}

/// The 16 ports are the 15 of n1, n2 and n3 and the stock edge's; n4 joins for injection only.
/// Blue: 2 promiscuous x 9 hosts both ways, 2 promiscuous, 2 web, 2 db = 42.
/// Red: 1 promiscuous x 4 hosts both ways, 2 lab = 10.
#[test]
fn t1_has_240_ordered_pairs_of_which_52_are_permitted() {
    for name in ["t1.toml", "t1-open.toml"] {
        let proof = load(name).proof.unwrap();
        let expected = "16 attachments, 240 ordered pairs, 52 permitted, V1-V6 hold";
        assert_eq!(proof.to_string(), expected, "{name}");
    }
}

#[test]
fn t1_open_has_no_guard_left() {
    let fabric = load("t1-open.toml").fabric.unwrap();
    for port in &fabric.ports {
        assert!(port.ethertypes.allows(0x88b5), "{}", port.name);
        assert_eq!(port.guards.mac, MacGuard::Off, "{}", port.name);
        assert_eq!(port.guards.ip, IpGuard::Off, "{}", port.name);
        assert_eq!(port.storm.broadcast, u32::MAX, "{}", port.name);
    }
    assert!(
        fabric
            .pvlans
            .iter()
            .all(|pvlan| pvlan.hairpin == Hairpin::Permit)
    );
}

#[test]
fn t1_has_the_built_in_guards() {
    let fabric = load("t1.toml").fabric.unwrap();
    let guards = |name: &str| {
        fabric
            .ports
            .iter()
            .find(|it| it.name == name)
            .unwrap()
            .guards
    };
    assert_eq!(
        (guards("b-i1").mac, guards("b-i1").max_macs),
        (MacGuard::Pin, 1)
    );
    assert_eq!(
        (guards("b-gw").mac, guards("b-gw").max_macs),
        (MacGuard::Off, 1024)
    );
}

#[test]
fn an_edge_is_served_by_its_home() {
    let fabric = load("t1.toml").fabric.unwrap();
    let tables = |name| fabric.tables_for(fabric.node_named(name).unwrap(), 1);
    let edge = fabric.attachment_named("e1/vx0").unwrap();
    assert!(tables("n2").local_attachment(edge).is_some());
    assert_eq!(tables("n2").local.ports.len(), 6);
    assert_eq!(tables("e1").local.ports.len(), 0);
}
