//! The page of drop reasons and the program agree: every name with its meaning, in one order.

#![allow(clippy::tests_outside_test_module, reason = "the whole file is a test")]

use skerry_overlay::DropReason;

const PAGE: &str = include_str!("../../../docs/src/drop-reasons.md");

/// Name and meaning of every row: `| `name` | meaning | ... |`.
fn rows() -> Vec<(&'static str, &'static str)> {
    let rows = PAGE.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("| `")?.split_once('`')?;
        let mut cells = rest.split('|').skip(1);
        Some((name, cells.next()?.trim()))
    });
    rows.collect()
}

#[test]
fn every_reason_is_described_in_its_order_and_no_other() {
    let reasons: Vec<_> = DropReason::ALL
        .iter()
        .map(|reason| (reason.name(), reason.meaning().trim()))
        .collect();
    assert_eq!(rows(), reasons);
}
