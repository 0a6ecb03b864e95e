//! The table of keys and the reader agree: what the table lists is read, in the place it says.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use skerry_policy::{Code, KEYS, Source, check};

/// A site whose only interesting part is one key. Its value is of no type that any key takes, so
/// a key that is really read gives P002; one that is merely tolerated would give nothing.
fn diagnosed(path: &str) -> Vec<(Code, u32)> {
    let path = path
        .replace("<node>", "n1")
        .replace("<pvlan>", "blue")
        .replace("<port>", "p1")
        .replace("<tag>", "10")
        .replace("<community>", "web")
        .replace("<peering>", "x")
        .replace("<export>", "x")
        .replace("<sink>", "x");
    let source = Source {
        name: "key.toml".to_owned(),
        text: format!("{path} = 1979-05-27T07:32:00Z\n"),
    };
    let checked = check(&source);
    let codes = checked
        .diagnostics
        .iter()
        .map(|it| (it.code, it.primary.at.line));
    codes.collect()
}

#[test]
fn every_key_of_the_table_is_read() {
    for key in KEYS {
        let codes = diagnosed(key.path);
        assert!(
            codes.contains(&(Code::Type, 1)),
            "{} is not read: {codes:?}",
            key.path
        );
        let unknown = codes.iter().any(|(code, _)| *code == Code::UnknownKey);
        assert!(!unknown, "{} is refused", key.path);
    }
}

#[test]
fn a_key_outside_the_table_is_refused() {
    for path in [
        "nodes",
        "node.n1.kei",
        "port.n1.p1.guard.macs",
        "pvlan.blue.vni",
    ] {
        let codes = diagnosed(path);
        let unknown = codes.iter().any(|(code, _)| *code == Code::UnknownKey);
        assert!(unknown, "{path}: {codes:?}");
    }
}

#[test]
fn every_key_is_described() {
    for key in KEYS {
        assert!(!key.kind.is_empty() && !key.default.is_empty(), "{key:?}");
        assert!(key.meaning.ends_with('.'), "{key:?}");
    }
}
