//! Whatever stands in a file, checking it returns.

#![allow(
    clippy::panic,
    clippy::string_slice,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use proptest::prelude::*;
use skerry_policy::{
    Policy, Source, View, blast_radius, check, check_against, diff, explain, matrix, peer, render,
};

const SAMPLE: &str = include_str!("data/sample.toml");

/// What the grammar is made of, so that nonsense gets past the first line of the reader.
const WORDS: &[&str] = &[
    "version",
    "node",
    "pvlan",
    "port",
    "peering",
    "export",
    "sink",
    "defaults",
    "as",
    "trunk",
    "ip",
    "mac",
    "guard",
    "storm",
    "hairpin",
    "attach",
    "key",
    "overlay",
    "endpoint",
    "stock",
    "home",
    "primary",
    "isolated",
    "community",
    "subnets",
    "blue",
    "n1",
    "b-i1",
    "\"blue.isolated\"",
    "\"n1/b-i1\"",
    "\"n3/up0#20\"",
    "\"edge\"",
    "\"10.1.0.1\"",
    "\"::1\"",
    "\"50Mbit\"",
    "\"\\u0000\"",
    "\"\u{202e}\u{1f600}\"",
    "1",
    "0",
    "-1",
    "20101",
    "99999999999999999999",
    "1.5",
    "true",
    "2027-01-01",
    "=",
    "=",
    "=",
    "{",
    "}",
    "[",
    "]",
    "[[",
    "]]",
    ",",
    ".",
    "\n",
    "\n",
    "#",
    "'",
    "\"",
    "\"\"\"",
    "\r",
    "\t",
];

/// Asks everything there is to ask.
fn exercise(text: String) {
    let source = Source {
        name: "hostile.toml".to_owned(),
        text,
    };
    let checked = check(&source);
    for colour in [false, true] {
        render(&source, &checked.diagnostics, colour);
    }
    let length = u32::try_from(source.text.len()).unwrap();
    for diagnostic in &checked.diagnostics {
        let label = &diagnostic.primary;
        assert!(
            label.span.start <= label.span.end && label.span.end <= length,
            "{diagnostic:?}"
        );
        assert!(
            label.at.line >= 1 && label.at.column >= 1 && label.at <= label.end,
            "{diagnostic:?}"
        );
        serde_json::to_string(diagnostic).unwrap();
    }
    let (Some(site), Some(fabric)) = (&checked.site, &checked.fabric) else {
        assert!(!checked.diagnostics.is_empty(), "refused without a reason");
        return;
    };
    let policy = Policy { site, fabric };
    for view in [View::Segments, View::Ports] {
        matrix(fabric, view).to_string();
    }
    blast_radius(fabric).to_string();
    for node in &fabric.nodes {
        peer(fabric, &node.name).unwrap().to_string();
    }
    let names: Vec<_> = fabric
        .attachments
        .iter()
        .map(|it| fabric.attachment_name(it.id))
        .collect();
    for from in names.iter().take(6) {
        for to in names.iter().rev().take(6) {
            explain(policy, from, to, None).unwrap().to_string();
        }
    }
    let sample = Source {
        name: "sample.toml".to_owned(),
        text: SAMPLE.to_owned(),
    };
    let sample = check(&sample);
    let other = Policy {
        site: sample.site.as_ref().unwrap(),
        fabric: sample.fabric.as_ref().unwrap(),
    };
    diff(policy, other).to_string();
    check_against(&source, other, true);
}

/// The sample with a piece cut out, doubled, or replaced by something else.
fn mutated(edits: &[(usize, usize, u8, String)]) -> String {
    let mut text: Vec<char> = SAMPLE.chars().collect();
    for (at, length, what, insert) in edits {
        let start = at % (text.len() + 1);
        let end = (start + length).min(text.len());
        let piece: Vec<char> = text[start..end].to_vec();
        let replacement = match what % 4 {
            0 => Vec::new(),
            1 => [piece.clone(), piece].concat(),
            2 => insert.chars().collect(),
            _ => piece.into_iter().rev().collect(),
        };
        text.splice(start..end, replacement);
    }
    text.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_is_answered(text in "\\PC{0,300}") {
        exercise(text);
    }

    #[test]
    fn arbitrary_bytes_that_are_text_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        exercise(String::from_utf8_lossy(&bytes).into_owned());
    }

    #[test]
    fn words_of_the_grammar_in_any_order_are_answered(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..80)) {
        exercise(words.join(" "));
    }

    #[test]
    fn mutations_of_a_good_file_are_answered(edits in proptest::collection::vec((any::<usize>(), 0_usize..40, any::<u8>(), proptest::sample::select(WORDS).prop_map(str::to_owned)), 1..4)) {
        exercise(mutated(&edits));
    }
}

#[test]
fn every_value_of_the_sample_may_be_anything() {
    for (at, _) in SAMPLE.match_indices("= ") {
        for word in WORDS {
            let end = SAMPLE[at..]
                .find(['\n', ',', '}'])
                .map_or(SAMPLE.len(), |it| at + it);
            exercise(format!("{}= {word}{}", &SAMPLE[..at], &SAMPLE[end..]));
        }
    }
}

#[test]
fn a_file_that_is_too_large_is_refused_unread() {
    let source = Source {
        name: "large.toml".to_owned(),
        text: "#".repeat((16 << 20) + 1),
    };
    let checked = check(&source);
    let codes: Vec<_> = checked
        .diagnostics
        .iter()
        .map(|it| it.code.as_str())
        .collect();
    assert_eq!(codes, ["P032"]);
}

#[test]
fn deep_nesting_is_refused_without_running_out_of_stack() {
    exercise(format!("a = {}", "[".repeat(100_000)));
    exercise(format!("a = {}", "{ a = ".repeat(100_000)));
    exercise(format!("[{}a]", "a.".repeat(100_000)));
}

/// Each of these is as many mistakes as fit; none may take the checker long.
#[test]
#[expect(clippy::disallowed_methods, reason = "a time is what is measured")]
fn a_file_full_of_mistakes_is_answered_in_time() {
    let many = |line: &dyn Fn(u32) -> String| (0..60_000).map(line).collect::<String>();
    let head = "version = 1\n[pvlan.blue]\nprimary = 1\n";
    let files = [
        many(&|_| "= =\n".to_owned()),
        format!("{head}[port.n1]\n{}", many(&|i| format!("p{i} = {{}}\n"))),
        format!(
            "{head}{}",
            many(&|i| format!("[port.m{i}]\np = {{ as = \"blue.x\" }}\n"))
        ),
        format!(
            "{head}[node]\n{}",
            many(&|i| format!("n{i} = {{ kye = 1 }}\n"))
        ),
        format!(
            "{head}{}",
            many(&|i| format!("[pvlan.p{i}]\nprimary = 1\n"))
        ),
        format!("a = [{}]", many(&|_| "[],\n".to_owned())),
    ];
    for text in files {
        let start = std::time::Instant::now();
        let shown: String = text.chars().take(60).collect();
        exercise(text);
        let seconds = start.elapsed().as_secs_f64();
        println!("{seconds:.2} s: {shown:?}");
        assert!(seconds < 20.0, "{seconds} s for {shown:?}");
    }
}
