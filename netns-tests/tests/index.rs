//! The book's index of rows, compared with the rows that there are and with the ids that there
//! must be.

#![allow(
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Groups A to H of the conformance matrix, and of group J what is about frames.
const REQUIRED: &str = "A01 A02 A03 A04 A05 A06 A07 A08 A09 A10 A11 A12 A13 \
    B01 B02 B03 B05 B07 C01 C02 C05 C07 C08 C09 C10 C12 C13 \
    D01 D02 D03 D04 D05 D07 D09 D10 D12 D15 D16 D17 D18 E01 E02 E04 E06 E07 \
    F01 F02 F03 F06 F07 F10 F11 F12 F14 F15 F16 G01 G02 G04 G07 H01 H03 H04 H05 H09 J05 J08";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn ids(list: &str) -> BTreeSet<String> {
    list.split_whitespace().map(str::to_owned).collect()
}

/// Whether a text begins as a row's name does: `A01 `.
fn id_of(text: &str) -> Option<&str> {
    let (id, _) = text.split_once(' ')?;
    let mut letters = id.chars();
    let is_id = id.len() == 3
        && letters.next().is_some_and(|c| c.is_ascii_uppercase())
        && letters.all(|c| c.is_ascii_digit());
    is_id.then_some(id)
}

/// Names of rows in a source file, without the fabric that they run on.
fn names_in(source: &str) -> BTreeSet<String> {
    let literals = source.split('"').skip(1).step_by(2);
    let names = literals.filter(|text| id_of(text).is_some());
    names
        .map(|name| name.split(" [").next().unwrap_or(name).to_owned())
        .collect()
}

fn rows() -> BTreeSet<String> {
    let folder = root().join("netns-tests/tests/conformance");
    let mut rows = BTreeSet::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "rs") {
            rows.extend(names_in(&fs::read_to_string(&path).unwrap()));
        }
    }
    rows
}

/// The first two cells of every line of the page's tables, as a row's name.
fn listed() -> BTreeMap<String, usize> {
    let page = fs::read_to_string(root().join("docs/src/conformance.md")).unwrap();
    let mut listed = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, id, title, shows, _] = cells[..] else {
            continue;
        };
        let name = format!("{id} {title}");
        if id_of(&name).is_some() {
            assert!(
                !shows.is_empty(),
                "{name}: nothing is said of what it shows"
            );
            *listed.entry(name).or_default() += 1;
        }
    }
    listed
}

#[test]
fn the_index_lists_every_row_once_and_no_other() {
    let listed = listed();
    let twice: Vec<_> = listed.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "listed twice: {twice:?}");
    let (rows, listed) = (rows(), listed.into_keys().collect::<BTreeSet<_>>());
    let missing: Vec<_> = rows.difference(&listed).collect();
    let strange: Vec<_> = listed.difference(&rows).collect();
    assert!(
        missing.is_empty() && strange.is_empty(),
        "not in conformance.md: {missing:#?}\nin conformance.md, but no row: {strange:#?}"
    );
}

#[test]
fn every_id_of_the_matrix_has_a_row() {
    let there: BTreeSet<String> = rows()
        .iter()
        .filter_map(|name| id_of(name).map(str::to_owned))
        .collect();
    let missing: BTreeSet<String> = ids(REQUIRED).difference(&there).cloned().collect();
    assert!(
        missing.is_empty(),
        "ids of the matrix without a row: {missing:?}"
    );
}

#[test]
fn a_name_is_told_from_other_text() {
    let source =
        r#"row("A01 one [open]", x); say("A row"); on("B12 two", y); say("    C01 three")"#;
    let expected = ids("A01_one B12_two");
    let expected: BTreeSet<String> = expected.iter().map(|name| name.replace('_', " ")).collect();
    assert_eq!(names_in(source), expected);
}
