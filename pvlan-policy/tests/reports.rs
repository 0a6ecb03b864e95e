//! The reports on the sample site, as people read them.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use std::sync::Arc;

use insta::assert_snapshot;
use skerry_policy::{
    Fabric, Flow, Policy, Site, Source, View, blast_radius, check, check_against, diff, explain,
    matrix, peer, render,
};

const SAMPLE: &str = include_str!("data/sample.toml");

fn load(text: &str) -> (Site, Arc<Fabric>) {
    let source = Source {
        name: "site.toml".to_owned(),
        text: text.to_owned(),
    };
    let checked = check(&source);
    let shown = render(&source, &checked.diagnostics, false);
    (
        checked.site.unwrap_or_else(|| panic!("{shown}")),
        checked.fabric.unwrap(),
    )
}

fn sample() -> (Site, Arc<Fabric>) {
    load(SAMPLE)
}

/// The sample with some text replaced; each piece must occur.
fn edited(edits: &[(&str, &str)]) -> String {
    let mut text = SAMPLE.to_owned();
    for (old, new) in edits {
        assert!(text.contains(old), "{old}");
        text = text.replacen(old, new, 1);
    }
    text
}

fn explained(from: &str, to: &str, flow: Option<&str>) -> String {
    let (site, fabric) = sample();
    let policy = Policy {
        site: &site,
        fabric: &fabric,
    };
    let flow = flow.map(|flow| Flow::parse(flow).unwrap());
    explain(policy, from, to, flow).unwrap().to_string()
}

fn compared(old: &str, new: &str) -> String {
    let (old_site, old_fabric) = load(old);
    let (new_site, new_fabric) = load(new);
    let old = Policy {
        site: &old_site,
        fabric: &old_fabric,
    };
    let new = Policy {
        site: &new_site,
        fabric: &new_fabric,
    };
    diff(old, new).to_string()
}

#[test]
fn the_matrix_of_segments_has_one_letter_a_cell() {
    let (_, fabric) = sample();
    assert_snapshot!(matrix(&fabric, View::Segments).to_string());
}

#[test]
fn the_matrix_of_ports_has_a_row_for_every_tag() {
    let (_, fabric) = sample();
    assert_snapshot!(matrix(&fabric, View::Ports).to_string());
}

#[test]
fn isolated_ports_are_kept_apart_directly_and_through_the_gateway() {
    assert_snapshot!(explained("n1/b-i1", "n2/b-i3", Some("udp/53")));
}

#[test]
fn a_permitted_pair_is_explained_to_the_receiving_end() {
    assert_snapshot!(explained("n1/b-w1", "n2/b-w2", None));
    assert_snapshot!(explained("n1/b-gw", "e1/vx0", None));
}

#[test]
fn an_exception_is_explained_with_its_place_in_both_directions() {
    assert_snapshot!(explained("n1/b-i2", "n1/b-w1", None));
    assert_snapshot!(explained("n1/b-w1", "n1/b-i2", None));
}

#[test]
fn a_peering_passes_what_it_lists() {
    assert_snapshot!(explained("n1/b-w1", "n3/up0#20", Some("udp/53")));
    assert_snapshot!(explained("n1/b-w1", "n3/up0#20", Some("tcp/22")));
}

#[test]
fn two_private_vlans_are_explained_with_the_router_between_them() {
    assert_snapshot!(explained("n1/b-i1", "n2/r-l1", None));
}

#[test]
fn two_tags_of_one_trunk_never_meet_in_the_fabric() {
    assert_snapshot!(explained("n3/up0#10", "n3/up0#20", None));
}

#[test]
fn a_port_that_does_not_exist_is_guessed() {
    let (site, fabric) = sample();
    let policy = Policy {
        site: &site,
        fabric: &fabric,
    };
    let error = explain(policy, "n1/b-11", "n2/b-i3", None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no port `n1/b-11`; did you mean `n1/b-i1`?"
    );
}

#[test]
fn isolated_becomes_web() {
    let new = edited(&[(
        "b-i1 = { as = \"blue.isolated\", ",
        "b-i1 = { as = \"blue.web\", ",
    )]);
    assert_snapshot!(compared(SAMPLE, &new));
    assert_snapshot!(compared(&new, SAMPLE));
}

#[test]
fn a_port_comes_and_goes() {
    let line = "b-i3 = { as = \"blue.isolated\",    ip = [\"10.1.0.13\"] }\n";
    let without = edited(&[(line, "")]);
    assert_snapshot!(compared(&without, SAMPLE));
    assert_snapshot!(compared(SAMPLE, &without));
}

#[test]
fn a_hairpin_mode_and_an_exception_change() {
    let mode = edited(&[("hairpin   = \"deny\"", "hairpin   = \"gateway\"")]);
    assert_snapshot!(compared(SAMPLE, &mode));
    let exception = edited(&[(", hairpin = [\"n1/b-w1\"]", "")]);
    assert_snapshot!(compared(&exception, SAMPLE));
}

#[test]
fn the_same_policy_differs_in_nothing() {
    assert_eq!(compared(SAMPLE, SAMPLE), "0 pairs gained, 0 lost\n");
}

#[test]
fn a_stock_edge_gets_its_lines() {
    let (_, fabric) = sample();
    assert_snapshot!(peer(&fabric, "e1").unwrap().to_string());
}

#[test]
fn a_node_that_runs_skerry_is_shown_as_a_stock_machine_sees_it() {
    let (_, fabric) = sample();
    assert_snapshot!(peer(&fabric, "n2").unwrap().to_string());
    assert!(peer(&fabric, "n9").is_none());
}

#[test]
fn stock_members_of_the_mesh_get_a_bridge_and_tc_for_each_role() {
    for (role, name) in [
        ("blue.isolated", "isolated"),
        ("blue.web", "community"),
        ("blue.promiscuous", "promiscuous"),
    ] {
        let text = edited(&[
            (
                "stock = \"edge\", home = \"n2\"",
                "stock = \"mesh\", endpoint = \"198.51.100.9:51820\"",
            ),
            (
                "vx0  = { as = \"blue.isolated\"",
                &format!("eth1  = {{ as = \"{role}\""),
            ),
        ]);
        let (_, fabric) = load(&text);
        let printed = peer(&fabric, "e1").unwrap().to_string();
        for recipe in printed.split("\n# port ").skip(1) {
            let lines = recipe.lines().filter(|line| !line.is_empty());
            let first = lines.clone().position(|line| line.ends_with(" up"));
            let late: Vec<_> = lines.skip(first.unwrap()).collect();
            let guarded = late.iter().all(|line| line.ends_with(" up"));
            assert!(
                guarded && late.len() > 1,
                "something is up early: {late:#?}"
            );
        }
        assert_snapshot!(format!("mesh_{name}"), printed);
    }
}

#[test]
fn the_blast_radius_names_what_is_lost_with_each_node() {
    let (_, fabric) = sample();
    assert_snapshot!(blast_radius(&fabric).to_string());
}

#[test]
fn every_report_says_its_schema_in_json() {
    let (site, fabric) = sample();
    let policy = Policy {
        site: &site,
        fabric: &fabric,
    };
    let json = |value: serde_json::Value| value["schema"].as_str().unwrap().to_owned();
    let of = |value| json(value);
    assert_eq!(
        of(serde_json::to_value(matrix(&fabric, View::Ports)).unwrap()),
        "skerry.matrix/1"
    );
    assert_eq!(
        of(serde_json::to_value(diff(policy, policy)).unwrap()),
        "skerry.diff/1"
    );
    assert_eq!(
        of(serde_json::to_value(peer(&fabric, "e1")).unwrap()),
        "skerry.peer/1"
    );
    assert_eq!(
        of(serde_json::to_value(blast_radius(&fabric)).unwrap()),
        "skerry.blast/1"
    );
    let explained = explain(policy, "n1/b-i1", "n2/b-i3", None).unwrap();
    assert_eq!(
        of(serde_json::to_value(&explained).unwrap()),
        "skerry.explain/1"
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(&explained).unwrap());
}

#[test]
fn check_says_in_one_line_what_was_proved_or_refused() {
    let report = |text: &str| {
        let source = Source {
            name: "site.toml".to_owned(),
            text: text.to_owned(),
        };
        check(&source).report().to_string()
    };
    let good = report(SAMPLE);
    let expected = "ok: 12 attachments, 132 ordered pairs, 38 permitted, V1-V6 hold (digest ";
    assert!(good.starts_with(expected), "{good}");
    assert!(good.ends_with("), 5 warnings"), "{good}");
    assert_eq!(report("version = 1"), "refused: 1 error");
}

#[test]
fn check_in_json_carries_codes_places_and_the_proof() {
    let source = Source {
        name: "site.toml".to_owned(),
        text: edited(&[("web = 20102", "web = 20101")]),
    };
    let checked = check(&source);
    let json = serde_json::to_value(checked.report()).unwrap();
    assert_eq!(json["schema"], "skerry.check/1");
    assert_eq!(json["ok"], false);
    assert_snapshot!(serde_json::to_string_pretty(&json["diagnostics"]).unwrap());
    let (_, fabric) = sample();
    let checked = check(&Source {
        name: "site.toml".to_owned(),
        text: SAMPLE.to_owned(),
    });
    let json = serde_json::to_value(checked.report()).unwrap();
    assert_eq!(json["digest"], fabric.digest.to_string());
    assert_eq!(json["proof"]["permitted"], 38);
    assert_eq!(json["proof"]["claims"].as_array().unwrap().len(), 6);
}

#[track_caller]
fn against(new: &str, no_new_access: bool) -> String {
    let (site, fabric) = sample();
    let running = Policy {
        site: &site,
        fabric: &fabric,
    };
    let source = Source {
        name: "new.toml".to_owned(),
        text: new.to_owned(),
    };
    let checked = check_against(&source, running, no_new_access);
    let errors: Vec<_> = checked
        .diagnostics
        .into_iter()
        .filter(|it| it.severity == skerry_policy::Severity::Error)
        .collect();
    assert_eq!(checked.fabric.is_some(), errors.is_empty());
    render(&source, &errors, false)
}

#[test]
fn a_vni_with_another_meaning_waits_one_generation() {
    let swapped = edited(&[("web = 20102, db = 20103", "web = 20103, db = 20104")]);
    assert_snapshot!(against(&swapped, false));
    assert_eq!(against(SAMPLE, false), "");
}

#[test]
fn widening_is_refused_on_request_only() {
    let wider = edited(&[(
        "b-i1 = { as = \"blue.isolated\", ",
        "b-i1 = { as = \"blue.web\", ",
    )]);
    assert_eq!(against(&wider, false), "");
    assert_snapshot!(against(&wider, true));
    let narrower = edited(&[(", hairpin = [\"n1/b-w1\"]", "")]);
    assert_eq!(against(&narrower, true), "");
}

#[test]
fn a_peering_that_allows_more_is_refused_as_wider() {
    let allow = "allow = [\"udp/53\", \"tcp/53\"]";
    for wider in [
        "allow = [\"udp/53\", \"tcp\"]",
        "allow = [\"udp/53\", \"icmp\"]",
    ] {
        let site = edited(&[(allow, wider)]);
        assert_eq!(against(&site, false), "");
        let said = against(&site, true);
        assert!(
            said.contains("error[P016]: peering `dns` lets more traffic pass"),
            "{said}"
        );
    }
    let turned = edited(&[
        ("from = [\"n1/b-w1\"]", "to = [\"n1/b-w1\"]"),
        ("to = [\"n3/up0#20\"]", "from = [\"n3/up0#20\"]"),
    ]);
    assert!(against(&turned, true).contains("P016"));
    assert_eq!(
        against(&edited(&[(allow, "allow = [\"tcp/53\"]")]), true),
        ""
    );
    assert_eq!(against(SAMPLE, true), "");
}
