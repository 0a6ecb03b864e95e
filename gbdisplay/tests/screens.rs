//! Every page as people see it, and that no page file and no facts make anything panic.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

mod snapshot;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use skerry_gbdisplay::demo::Demo;
use skerry_gbdisplay::facts::{Agent, Alert, Decision, Facts, Peer, Port, Pvlan, Violation};
use skerry_gbdisplay::page::{Page, Pages};
use skerry_gbdisplay::panel::Panel;
use skerry_panel_proto::Keys;
use snapshot::{NOW_US, check, panel};

fn press(panel: &mut Panel, keys: Keys) {
    panel.handle_keys(NOW_US, keys);
    panel.handle_keys(NOW_US, Keys::default());
    // Long enough for contacts.
    panel.handle_timeout(NOW_US + 50_000);
}

#[test]
fn every_page_is_as_it_was() {
    let mut panel = panel();
    let names: Vec<String> = Pages::built_in()
        .unwrap()
        .iter()
        .map(|it| it.name().to_owned())
        .collect();
    for name in names {
        check(&name, &panel, NOW_US);
        press(&mut panel, Keys::SELECT);
    }
}

#[test]
fn an_entry_that_is_open_is_as_it_was() {
    let mut panel = panel();
    press(&mut panel, Keys::SELECT);
    press(&mut panel, Keys::DOWN);
    press(&mut panel, Keys::A);
    check("ports-open", &panel, NOW_US);
    press(&mut panel, Keys::SELECT);
    press(&mut panel, Keys::DOWN);
    press(&mut panel, Keys::DOWN);
    press(&mut panel, Keys::DOWN);
    check("throughput-scrolled", &panel, NOW_US);
}

#[test]
fn what_is_special_is_as_it_was() {
    let mut panel = Panel::new(Pages::built_in().unwrap());
    check("waiting", &panel, 0);
    panel.handle_facts(0, Facts::default());
    for _ in 0..7 {
        press(&mut panel, Keys::SELECT);
    }
    check("nothing", &panel, 0);
    check("stale", &panel, 2_000_001);
    let mut facts = Demo::default().facts();
    facts.alerts = vec![
        Alert {
            id: 41,
            text: "violation at n1/b-i2: pvlan_deny, 17 times".into(),
            age_s: 4,
        },
        Alert::default(),
    ];
    panel.handle_facts(0, facts);
    check("alert", &panel, 0);
}

/// Any letters, many of them of no use.
fn label() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,80}", "n1/[a-z]{1,9}", Just(String::new())]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), 0.0..1e10_f64]
}

fn facts() -> impl Strategy<Value = Facts> {
    let rows = vec((label(), number(), any::<u64>()), 0..90);
    (rows, label(), any::<bool>()).prop_map(|(rows, node, is_paused)| {
        let mut facts = Facts {
            node: node.into(),
            is_demo: is_paused,
            ..Facts::default()
        };
        let mut agent = Agent {
            is_paused,
            ..Agent::default()
        };
        for (text, number, id) in rows {
            let name = skerry_gbdisplay::label::Label::from(text);
            facts.generation = id;
            facts.uptime_s = id;
            facts.latency_us = Some((number, -number));
            (agent.reward, agent.energy) = (number, number);
            facts.ports.push(Port {
                name: name.clone(),
                kind: name.clone(),
                is_up: id % 2 == 0,
                rate_in: number,
                rate_out: number,
                drops: number,
            });
            facts.peers.push(Peer {
                name: name.clone(),
                is_up: id % 2 == 0,
                rtt_us: Some(number),
            });
            facts.pvlans.push(Pvlan {
                name: name.clone(),
                rate: number,
                ports: id,
            });
            facts.violations.push(Violation {
                port: name.clone(),
                reason: name.clone(),
                count: id,
            });
            agent.decisions.push(Decision {
                id,
                text: name.clone(),
                state: name.clone(),
            });
            if id % 8 == 0 {
                facts.alerts.push(Alert {
                    id,
                    text: name,
                    age_s: id,
                });
            }
        }
        facts.agent = Some(agent);
        facts
    })
}

/// Pages that are almost right: a built-in one with a few letters exchanged.
fn damaged() -> impl Strategy<Value = String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/pages");
    let mut texts: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| std::fs::read_to_string(it.unwrap().path()).unwrap())
        .collect();
    texts.sort();
    let hits = vec(
        (
            any::<prop::sample::Index>(),
            "[0-9{}:><\"= ü▲\\n\\[\\]-]{0,2}",
        ),
        0..4,
    );
    (prop::sample::select(texts), hits).prop_map(|(text, hits)| {
        let mut letters: Vec<String> = text.chars().map(String::from).collect();
        for (at, new) in hits {
            let at = at.index(letters.len());
            letters[at] = new;
        }
        letters.concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
            cases: 500,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(5),
            ..ProptestConfig::default()
        })]

    #[test]
    fn no_page_file_and_no_facts_make_anything_panic(
        text in damaged(),
        many in vec(facts(), 1..4),
        keys in vec(any::<u8>(), 0..20),
    ) {
        let page = Page::parse("page", "page.toml", &text);
        if let Err(error) = &page {
            let (line, column) = error.at;
            prop_assert!(line >= 1 && column >= 1 && !error.what.is_empty());
            prop_assert!(line <= text.lines().count() + 1, "{error}");
        }
        let mut all: Vec<Page> = page.into_iter().collect();
        all.push(Page::parse("last", "last.toml", "title = 'LAST'").unwrap());
        let mut panel = Panel::new(Pages::new(all).unwrap());
        let mut now_us = 0;
        for facts in many {
            panel.handle_facts(now_us, facts);
            for keys in &keys {
                panel.handle_keys(now_us, Keys(*keys));
                panel.handle_timeout(now_us);
                let picture = panel.picture(now_us);
                // A screen is what a panel can be asked for.
                for (id, curve) in (0..).zip(picture.charts) {
                    let place = curve.map(|it| it.place);
                    let op = skerry_panel_proto::Op::Chart { id, place };
                    prop_assert!(op.is_sound());
                }
                prop_assert_eq!(picture.text().lines().count(), 18);
                now_us += 300_000;
            }
        }
    }
}

#[track_caller]
fn check_error(text: &str, expect: &str) {
    let error = Page::parse("p", "p.toml", text).unwrap_err();
    assert_eq!(error.to_string(), expect);
}

#[test]
fn errors_name_file_line_column_and_a_way_out() {
    check_error(
        "title = 'TOO LONG A TITLE'",
        "p.toml:1:10: the title is too long; at most 9 letters",
    );
    check_error(
        "title = 'A'\n[[row]]\nat = 17\ntext = ''",
        "p.toml:3:6: no row of a page; 1 to 16",
    );
    check_error(
        "title = 'A'\n[[row]]\nat = 1\ntext = '{node:9} {nodes:9}'",
        "p.toml:4:19: there is no field \"nodes\"; there are: node, generation, uptime, ports, \
         ports_up, peers, peers_up, rate_in, rate_out, rate, drops, violations, alerts, p50, p99, \
         agent, reward, energy, observability",
    );
    check_error(
        "title = 'A'\n[[row]]\nat = 1\ntext = '{node:20}!'",
        "p.toml:4:9: the line takes 21 columns; there are 20",
    );
    check_error(
        "title = 'A'\n[list]\nof = 'port'\nfrom = 1\nrows = 2\nrow = ''",
        "p.toml:3:7: there is no list \"port\"; there are: ports, peers, pvlans, alerts, \
         violations, decisions",
    );
    check_error(
        "title = 'A'\n[list]\nof = 'ports'\nfrom = 9\nrows = 9\nrow = ''",
        "p.toml:4:8: the list does not fit; a list is within rows 1 to 16",
    );
    check_error(
        "title = 'A'\n[list]\nof = 'pvlans'\nfrom = 1\nrows = 16\nheight = 3\nchart = 'rate'\nrow = ''",
        "p.toml:6:10: no height of an entry; with a chart 2 to 4, no more than 4 charts in all, \
         and within `rows`",
    );
    check_error(
        "title = 'A'\n[list]\nof = 'ports'\nfrom = 1\nrows = 2\nrow = ''\ndecide = true",
        "p.toml:7:10: nothing to decide here; leave `decide` away, or list `decisions`",
    );
    check_error(
        "title = 'A'\n[[chart]]\nat = 15\nfield = 'rate'",
        "p.toml:3:6: the chart does not fit; rows 1 to 16, columns 0 to 19, 1 to 3 rows high",
    );
    check_error(
        "title = 'A'\n[[chart]]\nat = 1\nfield = 'node'",
        "p.toml:4:10: there is no number \"node\"; there are: generation, uptime, ports, ports_up, \
         peers, peers_up, rate_in, rate_out, rate, drops, violations, alerts, p50, p99, reward, \
         energy, observability",
    );
    check_error(
        "title = 'A'\n[[chart]]\nat = 1\nfield = 'rate'\nevery = 0",
        "p.toml:5:9: no number of facts; 1 to 240 facts make a value",
    );
    check_error(
        "title = 'A'\nrows = 3",
        "p.toml:2:1: unknown field `rows`, expected one of `title`, `row`, `chart`, `list`; \
         docs/src/panel.md has a page with everything",
    );
    check_error(
        "title = ",
        "p.toml:1:9: string values must be quoted, expected literal string; docs/src/panel.md has \
         a page with everything",
    );
}

#[test]
fn what_would_be_covered_or_cut_off_is_refused() {
    check_error(
        "title = 'A'\n[list]\nof = 'ports'\nfrom = 1\nrows = 2\nrow = ''\nempty = '12345678901234567890'",
        "p.toml:7:10: the line takes 20 columns; there are 19",
    );
    check_error(
        "title = 'A'\n[[row]]\nat = 3\ntext = 'x'\n[list]\nof = 'ports'\nfrom = 2\nrows = 2\nrow = ''",
        "p.toml:7:8: a row is in the list; move one",
    );
    let chart =
        "title = 'A'\n[[chart]]\nat = 2\ncolumn = 5\nwidth = 9\nfield = 'rate'\n[[row]]\nat = 4\n";
    check_error(
        &format!("{chart}text = '123456'"),
        "p.toml:8:6: a chart is on top of this row; make it shorter, or move one",
    );
    Page::parse("p", "p.toml", &format!("{chart}text = '12345'")).unwrap();
}

#[test]
fn a_place_behind_an_escape_is_where_it_is_written() {
    for (written, column) in [
        ("♥", 10),
        ("\\u2665", 15),
        ("\\U00002665", 19),
        ("\\\\", 11),
    ] {
        check_error(
            &format!("title = 'A'\n[[row]]\nat = 1\ntext = \"{written}}}\""),
            &format!("p.toml:4:{column}: a `}}` without a field; write `}}}}` for one"),
        );
    }
}

#[test]
fn pages_of_a_folder_come_in_order_of_name() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let error = Pages::of_folder(folder.path()).unwrap_err().to_string();
    assert!(error.contains("holds 0 pages"), "{error}");
    write("2-b.toml", "title = 'B'");
    write("1-a.toml", "title = 'A'");
    write("notes.txt", "no page");
    let pages = Pages::of_folder(folder.path()).unwrap();
    let names: Vec<&str> = pages.iter().map(Page::name).collect();
    assert_eq!(names, ["1-a", "2-b"]);
    write("3-c.toml", "titel = 'C'");
    let error = Pages::of_folder(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("3-c.toml:1:1: unknown field `titel`"),
        "{error}"
    );
    write("3-c.toml", &"#".repeat(100_000));
    let error = Pages::of_folder(folder.path()).unwrap_err().to_string();
    assert!(error.contains("too long"), "{error}");
}
