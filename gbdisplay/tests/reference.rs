//! The book and the program agree on what pages may name.

#![allow(clippy::tests_outside_test_module, reason = "the whole file is a test")]

use skerry_gbdisplay::page::catalog::{Kind, LISTS, SCALARS};

const PAGE: &str = include_str!("../../docs/src/panel.md");

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Count => "number",
        Kind::Rate => "rate",
        Kind::Time => "time",
        Kind::Ratio => "ratio",
    }
}

#[test]
fn every_field_is_documented_in_order_and_no_other() {
    let row = |name: &str, of: Kind, meaning: &str| {
        let kind = kind(of);
        format!("| {name} | {kind} | {meaning} |")
    };
    let scalars = SCALARS.iter();
    let scalars = scalars.map(|it| row(&format!("`{}`", it.name), it.kind, it.meaning));
    let columns = LISTS.iter().flat_map(|list| {
        let columns = list.columns.iter();
        columns.map(|it| {
            let name = format!("`{}` `{}`", list.name, it.name);
            row(&name, it.kind, it.meaning)
        })
    });
    let expect: Vec<String> = scalars.chain(columns).collect();
    let table = PAGE
        .lines()
        .skip_while(|it| *it != "| field | is | meaning |");
    let rows = table.skip(2).take_while(|it| !it.is_empty());
    assert_eq!(rows.collect::<Vec<_>>(), expect);
}
