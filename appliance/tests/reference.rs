//! Reference pages and the program agree: every key of the node file with its type and default,
//! every metric with its type and labels, and what is shipped for operators.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    reason = "the whole file is a test"
)]

use std::collections::BTreeMap;

use skerry::exposition;
use skerry::node_config::KEYS;
use skerry::view::{Counters, Drops, PeerCounters, PortCounters, Status};

const PAGE: &str = include_str!("../../docs/src/node-file.md");
const METRICS: &str = include_str!("../../docs/src/metrics.md");
const REASONS: &str = include_str!("../../docs/src/drop-reasons.md");
const OPERATIONS: &str = include_str!("../../docs/src/operations.md");
const UNIT: &str = include_str!("../dist/skerry.service");
const ALERTS: &str = include_str!("../dist/skerry-alerts.yml");
const SCRAPE: &str = include_str!("../dist/prometheus.yml");

/// The cells of every row that describes a key. A bar in a cell is written `\|`, and `<` as `\<`.
fn documented() -> Vec<[String; 4]> {
    let rows = PAGE.lines().filter_map(|line| {
        let line = line
            .strip_prefix("| `")?
            .replace("\\|", "\u{0}")
            .replace("\\<", "<");
        let cells = line.trim_end_matches('|').split('|');
        let cells: Vec<String> = cells
            .map(|it| it.trim().trim_end_matches('`').replace('\u{0}', "|"))
            .collect();
        <[String; 4]>::try_from(cells).ok()
    });
    rows.collect()
}

#[test]
fn every_key_of_the_node_file_is_documented_in_order_and_no_other() {
    let expected: Vec<_> = KEYS
        .iter()
        .map(|key| [key.path, key.kind, key.default, key.meaning].map(str::to_owned))
        .collect();
    assert_eq!(documented(), expected);
}

/// What a node serves: every metric with its type and the names of its labels.
fn served() -> BTreeMap<String, (String, String)> {
    let drops = Drops::from([("pvlan_deny".to_owned(), 1)]);
    let port = PortCounters {
        ingress_drops: drops.clone(),
        ..PortCounters::default()
    };
    let peer = PeerCounters {
        drops: drops.clone(),
        last_handshake_s: Some(1),
        rtt_us: Some(1),
        ..PeerCounters::default()
    };
    let counters = Counters {
        ports: [("n1/vm1".to_owned(), port)].into(),
        peers: [("n2".to_owned(), peer)].into(),
        underlay_drops: drops,
        ..Counters::default()
    };
    let mut served = BTreeMap::new();
    let mut kind = "";
    for line in exposition::page(&counters, &Status::default()).lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            kind = rest.split_once(' ').map_or("", |(_, kind)| kind);
            kind = match kind {
                "counter" => "counter",
                "gauge" => "gauge",
                other => panic!("a type {other} that the page does not know"),
            };
        } else if !line.starts_with('#') {
            let sample = line.split(' ').next().unwrap_or_default();
            let (name, labels) = sample.split_once('{').unwrap_or((sample, ""));
            let pairs = labels.trim_end_matches('}').split(',');
            let names: Vec<&str> = pairs
                .filter_map(|pair| Some(pair.split_once('=')?.0))
                .collect();
            served.insert(name.to_owned(), (kind.to_owned(), names.join(", ")));
        }
    }
    served
}

#[test]
fn every_metric_is_documented_with_its_type_and_labels_and_no_other() {
    let rows = METRICS
        .lines()
        .filter_map(|line| line.strip_prefix("| `skerry_"));
    let documented: BTreeMap<_, _> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let [name, kind, labels, ..] = cells.as_slice() else {
                panic!("a row without cells: {row}");
            };
            let name = format!("skerry_{}", name.trim_end_matches('`'));
            (name, ((*kind).to_owned(), (*labels).to_owned()))
        })
        .collect();
    assert_eq!(documented, served());
}

/// The words of a text that may be names of metrics.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|it: char| !it.is_ascii_alphanumeric() && it != '_')
}

#[test]
fn an_alert_asks_for_metrics_and_reasons_that_there_are() {
    let served = served();
    let asked: Vec<&str> = words(ALERTS)
        .filter(|it| it.starts_with("skerry_"))
        .collect();
    assert!(asked.len() > 10, "{asked:?}");
    for name in asked {
        assert!(served.contains_key(name), "no metric {name}");
    }
    let reasons = ALERTS.split("reason=").skip(1);
    let reasons = reasons.filter_map(|rest| rest.split('"').nth(1));
    for reason in reasons.flat_map(|list| list.split('|')) {
        let row = format!("| `{reason}` |");
        assert!(REASONS.contains(&row), "no drop reason {reason}");
    }
}

#[test]
fn every_alert_is_on_the_page() {
    let alerts = ALERTS
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    for alert in alerts {
        assert!(METRICS.contains(&format!("| `{alert}` |")), "{alert}");
    }
}

#[test]
fn the_files_for_operators_are_on_their_pages_as_they_are() {
    assert!(OPERATIONS.contains(UNIT), "skerry.service");
    assert!(METRICS.contains(SCRAPE), "prometheus.yml");
}
