//! A site of 1,000 nodes and 10,000 ports is read, compiled and proved in under two seconds.
//!
//! Run it optimised for the figure: `cargo test --release -p skerry-policy --test scale -- --nocapture`.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use std::fmt::Write as _;
use std::time::Instant;

use skerry_policy::{Source, check, render};

/// Private VLANs with a primary, an isolated segment and four communities each; ten ports a node,
/// every node with ports of several private VLANs, a gateway for every hundred.
fn site(nodes: u32, ports: u32, pvlans: u32) -> Source {
    let mut text = String::from("version = 1\n[node]\n");
    for node in 0..nodes {
        let key = key(node);
        let (high, low) = (node / 250, node % 250 + 1);
        let overlay = format!("100.64.{high}.{low}");
        let endpoint = format!("198.18.{high}.{low}:51820");
        writeln!(
            text,
            "n{node} = {{ key = \"{key}\", overlay = \"{overlay}\", endpoint = \"{endpoint}\" }}"
        )
        .unwrap();
    }
    for pvlan in 0..pvlans {
        let vni = 1000 + pvlan * 10;
        writeln!(
            text,
            "[pvlan.t{pvlan}]\nprimary = {vni}\nisolated = {}",
            vni + 1
        )
        .unwrap();
        let communities: Vec<_> = (0..4).map(|c| format!("c{c} = {}", vni + 2 + c)).collect();
        writeln!(text, "community = {{ {} }}", communities.join(", ")).unwrap();
        writeln!(text, "subnets = [\"10.{pvlan}.0.0/16\"]").unwrap();
    }
    for node in 0..nodes {
        writeln!(text, "[port.n{node}]").unwrap();
        for slot in 0..ports / nodes {
            let port = node * (ports / nodes) + slot;
            port_line(&mut text, port, pvlans);
        }
    }
    Source {
        name: "scale.toml".to_owned(),
        text,
    }
}

fn port_line(text: &mut String, port: u32, pvlans: u32) {
    let (pvlan, member) = (port % pvlans, port / pvlans);
    let role = match member % 100 {
        0 => "promiscuous".to_owned(),
        1..=49 => "isolated".to_owned(),
        other => format!("c{}", other % 4),
    };
    let gateway = if member % 100 == 0 {
        ", gateway = true"
    } else {
        ""
    };
    let ip = format!("10.{pvlan}.{}.{}", member / 250, member % 250 + 1);
    writeln!(
        text,
        "p{port} = {{ as = \"t{pvlan}.{role}\", ip = \"{ip}\"{gateway} }}"
    )
    .unwrap();
}

/// Base64 of 32 bytes that differ by node: 43 symbols and the padding.
fn key(node: u32) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";
    let digits = (0..8).map(|place| letters[(node as usize >> (5 * place)) % 32] as char);
    format!("{}{}=", digits.collect::<String>(), "Q".repeat(34) + "E")
}

/// Seconds a check may take: the promise when optimised, a guard against the absurd otherwise.
const LIMIT: f64 = if cfg!(debug_assertions) { 20.0 } else { 2.0 };

#[track_caller]
#[expect(clippy::disallowed_methods, reason = "a time is what is measured")]
fn prove_in_time(what: &str, source: &Source, ports: u32) {
    let start = Instant::now();
    let checked = check(source);
    let seconds = start.elapsed().as_secs_f64();
    let first = &checked.diagnostics[..checked.diagnostics.len().min(3)];
    let proof = checked
        .proof
        .unwrap_or_else(|| panic!("{}", render(source, first, false)));
    println!(
        "{what}, {} KiB: {seconds:.3} s for {proof}",
        source.text.len() / 1024
    );
    for claim in &proof.claims {
        println!("{claim}");
    }
    assert!(proof.holds(), "{proof}");
    assert_eq!(proof.attachments, ports as usize);
    assert!(seconds < LIMIT, "{seconds} s");
}

/// The promised size when optimised, a fifth of it otherwise.
const SIZE: (u32, u32) = if cfg!(debug_assertions) {
    (200, 2_000)
} else {
    (1_000, 10_000)
};

#[test]
fn a_thousand_nodes_and_ten_thousand_ports_are_proved_in_two_seconds() {
    let (nodes, ports) = SIZE;
    let what = format!("{nodes} nodes, a private VLAN for every 100 ports");
    prove_in_time(&what, &site(nodes, ports, ports / 100), ports);
}

/// The other extreme: every segment is flooded to every node.
#[test]
fn one_private_vlan_over_all_nodes_is_proved_in_two_seconds() {
    let (nodes, ports) = SIZE;
    let what = format!("{nodes} nodes, one private VLAN");
    prove_in_time(&what, &site(nodes, ports, 1), ports);
}
