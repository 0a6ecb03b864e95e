//! No link inside the repository leads nowhere: neither to a missing file nor to a missing heading,
//! nor from a claim about security to a test that is not there.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The pages that people read.
fn pages() -> Vec<PathBuf> {
    let root = root();
    let book = fs::read_dir(root.join("docs/src")).unwrap();
    let mut pages: Vec<PathBuf> = book.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|it| it == "md"));
    pages.extend(["README.md", "CONTRIBUTING.md"].map(|name| root.join(name)));
    pages.sort();
    pages
}

/// The lines outside code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// The targets of `[words](target)`.
fn targets(text: &str) -> Vec<&str> {
    let links = prose(text).flat_map(|line| line.split("](").skip(1));
    links
        .filter_map(|rest| Some(rest.split_once(')')?.0))
        .collect()
}

/// The anchor that mdBook and the usual forges give a heading.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter_map(|it| match it {
        ' ' => Some('-'),
        it if it.is_alphanumeric() || matches!(it, '-' | '_') => Some(it),
        _ => None,
    });
    kept.collect()
}

fn has_heading(page: &Path, wanted: &str) -> bool {
    let text = fs::read_to_string(page).unwrap();
    let headings = prose(&text).filter(|line| line.starts_with('#'));
    headings.map(anchor).any(|it| it == wanted)
}

/// What is wrong with a link, if anything.
fn fault(page: &Path, target: &str) -> Option<String> {
    let (path, heading) = match target.split_once('#') {
        Some((path, heading)) => (path, Some(heading)),
        None => (target, None),
    };
    let file = if path.is_empty() {
        page.to_owned()
    } else {
        page.parent().unwrap().join(path)
    };
    if !file.exists() {
        return Some(format!("{}: no file {target}", page.display()));
    }
    let heading = heading?;
    (!has_heading(&file, heading)).then(|| format!("{}: no heading {target}", page.display()))
}

#[test]
fn every_link_inside_the_repository_resolves() {
    let mut broken = Vec::new();
    let mut count = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for target in targets(&text) {
            if !target.starts_with("http") {
                count += 1;
                broken.extend(fault(&page, target));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(count > 20, "only {count} links were found");
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let summary = fs::read_to_string(root().join("docs/src/SUMMARY.md")).unwrap();
    for page in pages() {
        let name = page.file_name().unwrap().to_str().unwrap();
        let listed = !page.starts_with(root().join("docs")) || name == "SUMMARY.md";
        assert!(listed || summary.contains(&format!("({name})")), "{name}");
    }
}

/// The source of every test of the workspace, in one string.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|it| it == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// `A01`: a row of the conformance matrix.
fn is_row(word: &str) -> bool {
    let mut letters = word.chars();
    word.len() == 3
        && letters.next().is_some_and(|it| it.is_ascii_uppercase())
        && letters.all(|it| it.is_ascii_digit())
}

#[test]
fn every_test_that_a_page_names_exists() {
    let mut text = String::new();
    for folder in [
        "pvlan-policy",
        "overlay",
        "appliance",
        "gbdisplay",
        "netns-tests",
    ] {
        sources(&root().join(folder), &mut text);
    }
    let mut missing = Vec::new();
    let (mut tests, mut rows) = (0, 0);
    for name in ["security-model.md", "proof.md", "measurements.md"] {
        let page = fs::read_to_string(root().join("docs/src").join(name)).unwrap();
        let names = prose(&page).flat_map(|line| line.split('`').skip(1).step_by(2));
        for test in names.filter(|it| it.matches('_').count() > 2) {
            tests += 1;
            missing.extend((!text.contains(&format!("fn {test}("))).then(|| test.to_owned()));
        }
        let words = prose(&page).flat_map(|line| line.split(|it: char| !it.is_alphanumeric()));
        for row in words.filter(|it| is_row(it)) {
            rows += 1;
            missing.extend((!text.contains(&format!("\"{row} "))).then(|| row.to_owned()));
        }
    }
    assert!(missing.is_empty(), "no such tests: {missing:?}");
    assert!(tests > 30 && rows > 30, "{tests} tests, {rows} rows");
}

#[test]
fn links_and_headings_are_read_as_written() {
    let text = "see [a](a.md#b-c) and [d](../e)\n```\n[no](no.md)\n```\n";
    assert_eq!(targets(text), ["a.md#b-c", "../e"]);
    assert_eq!(anchor("## What `kill -9` leaves"), "what-kill--9-leaves");
}
