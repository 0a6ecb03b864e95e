//! The page of the node file and the program agree: every key with its type and default.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    reason = "the whole file is a test"
)]

use skerry::node_config::KEYS;

const PAGE: &str = include_str!("../../docs/src/node-file.md");

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
