//! Broken site files: each says in its first line which codes are expected at which places, and
//! what people read is compared with a snapshot.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use skerry_policy::{Checked, Code, Source, check, render};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/broken")
}

fn sources() -> Vec<Source> {
    let files = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|it| it.extension().is_some_and(|it| it == "toml"))
        .collect();
    files.sort();
    let source = |path: PathBuf| Source {
        name: path.file_name().unwrap().to_str().unwrap().to_owned(),
        text: fs::read_to_string(&path).unwrap(),
    };
    files.into_iter().map(source).collect()
}

/// `P006 16:21 P012 3:1`, more than twenty shortened to their count.
fn found(checked: &Checked) -> String {
    let all: Vec<String> = checked
        .diagnostics
        .iter()
        .map(|it| {
            format!(
                "{} {}:{}",
                it.code, it.primary.at.line, it.primary.at.column
            )
        })
        .collect();
    if all.len() > 20 {
        let ends = [all.first(), all.last()].into_iter().flatten().cloned();
        return format!(
            "{} of {}",
            ends.collect::<Vec<_>>().join(" ... "),
            all.len()
        );
    }
    all.join(", ")
}

#[test]
fn every_broken_file_has_the_expected_codes_at_the_expected_places() {
    let mut wrong = Vec::new();
    for source in sources() {
        let expected = source
            .text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# expect: "));
        let found = found(&check(&source));
        if expected != Some(found.as_str()) {
            wrong.push(format!(
                "{}: expected {expected:?}, found {found}",
                source.name
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_broken_file_reads_as_it_did() {
    let sources = sources();
    assert!(sources.len() >= 30, "{}", sources.len());
    for source in sources {
        let checked = check(&source);
        let shown = checked.diagnostics.len().min(8);
        let text = render(&source, &checked.diagnostics[..shown], false);
        let name = source.name.trim_end_matches(".toml").to_owned();
        // Lines of thousands of characters would only hide what changes.
        let text: Vec<String> = text
            .lines()
            .map(|line| line.chars().take(200).collect())
            .collect();
        insta::with_settings!({ snapshot_path => "broken", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, text.join("\n"));
        });
    }
}

#[test]
fn a_file_with_errors_yields_nothing_to_run() {
    for source in sources() {
        let checked = check(&source);
        let errors = checked
            .diagnostics
            .iter()
            .any(|it| it.severity == skerry_policy::Severity::Error);
        assert_eq!(checked.fabric.is_none(), errors, "{}", source.name);
        assert_eq!(checked.site.is_none(), errors, "{}", source.name);
    }
}

/// Codes that no file alone can show: two need a running policy, one needs a bug in Skerry.
const ELSEWHERE: [Code; 3] = [Code::VniMeaning, Code::Widening, Code::Proof];

#[test]
fn every_code_is_shown_by_some_file() {
    let mut seen: BTreeSet<Code> = ELSEWHERE.into_iter().collect();
    for source in sources() {
        seen.extend(check(&source).diagnostics.iter().map(|it| it.code));
    }
    let missing: Vec<_> = Code::ALL
        .iter()
        .filter(|code| !seen.contains(code))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
