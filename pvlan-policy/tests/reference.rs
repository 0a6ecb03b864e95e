//! The policy reference and the program agree: every key with its type and default, every code.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use std::collections::BTreeSet;

use skerry_policy::{Code, EXPORT_FIELDS, KEYS, Key, Source, check, render};

const PAGE: &str = include_str!("../../docs/src/policy-reference.md");

/// The cells of every table row of the page. A bar inside a cell is written `\|`.
fn rows() -> Vec<Vec<String>> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| "));
    let cells = |line: &str| {
        let line = line.replace("\\|", "\u{0}");
        let inner = line.trim().trim_matches('|');
        let cells = inner
            .split('|')
            .map(|cell| cell.trim().replace('\u{0}', "|"));
        cells.collect()
    };
    rows.map(cells).collect()
}

/// The rows that describe keys: four cells, the first a path in code.
fn documented() -> Vec<[String; 4]> {
    let keys = rows().into_iter().filter_map(|row| {
        let [path, kind, default, meaning] = <[String; 4]>::try_from(row).ok()?;
        let path = path.strip_prefix('`')?.strip_suffix('`')?.to_owned();
        Some([path, kind, default, meaning])
    });
    keys.collect()
}

#[test]
fn every_key_stands_in_the_reference_with_its_type_and_default() {
    let documented = documented();
    for Key {
        path,
        kind,
        default,
        ..
    } in KEYS
    {
        let found: Vec<_> = documented.iter().filter(|row| row[0] == *path).collect();
        let [[_, its_kind, its_default, meaning]] = found.as_slice() else {
            panic!("`{path}` stands in the reference {} times", found.len());
        };
        assert_eq!(its_kind, kind, "type of `{path}`");
        assert_eq!(its_default, default, "default of `{path}`");
        assert!(meaning.ends_with('.') || meaning.ends_with("**"), "{path}");
    }
}

#[test]
fn the_reference_knows_no_other_key() {
    let known: BTreeSet<&str> = KEYS.iter().map(|key| key.path).collect();
    for [path, ..] in documented() {
        assert!(known.contains(&*path), "no key is called `{path}`");
    }
}

#[test]
fn every_code_stands_in_the_reference_with_its_meaning() {
    let rows = rows();
    for code in Code::ALL {
        let row = [code.as_str().to_owned(), code.meaning().to_owned()];
        assert!(rows.iter().any(|it| *it == row), "no row {row:?}");
    }
    let codes = rows.iter().filter(|row| {
        let mut letters = row[0].chars();
        letters.next() == Some('P') && letters.all(|it| it.is_ascii_digit())
    });
    assert_eq!(codes.count(), Code::ALL.len(), "codes on the page");
}

#[test]
fn every_field_that_can_be_exported_is_named() {
    for field in EXPORT_FIELDS {
        assert!(PAGE.contains(&format!("`{field}`")), "{field}");
    }
}

/// The nodes that the example on peerings leaves out.
const NODES: &str = "version = 1
[node]
n1 = { key = \"tN0fBDoO1U5eFOtuGHWpQAueuaw+cTRQlO6Nr/07ex8=\", overlay = \"100.64.0.1\", endpoint = \"198.51.100.1:1\" }
n2 = { key = \"sqV+IhthahDLkV14GWuydunYsTh7vaYfYxY2Azt2w4M=\", overlay = \"100.64.0.2\" }
";

#[test]
fn the_example_of_a_peering_has_nothing_to_complain_about() {
    let (_, section) = PAGE.split_once("## Peerings").unwrap();
    let (_, example) = section.split_once("```toml\n").unwrap();
    let (example, rest) = example.split_once("```").unwrap();
    let source = Source {
        name: "example.toml".to_owned(),
        text: format!("{NODES}{example}"),
    };
    let checked = check(&source);
    let said = render(&source, &checked.diagnostics, false);
    assert_eq!(said, "");
    let fabric = checked.fabric.unwrap();
    assert!(rest.contains(&fabric.peerings[0].mac().to_string()));
}
