//! The commands that need no daemon: what they print, where, and how they end.

#![expect(clippy::tests_outside_test_module, reason = "the whole file is tests")]

mod common;

use common::{KEY, SITE, folder, run, run_with};

#[test]
fn keygen_and_pubkey_speak_the_format_of_wg() {
    let dir = folder(&[]);
    let private = run(dir.path(), &["keygen"]).exits(0).out;
    assert_eq!(
        private.len(),
        45,
        "44 characters and a newline: {private:?}"
    );
    let public = run_with(dir.path(), &["pubkey"], &private).exits(0).out;
    assert_eq!(public.len(), 45, "{public:?}");
    run_with(dir.path(), &["pubkey"], KEY)
        .exits(0)
        .prints("hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=");
}

#[test]
fn keygen_makes_a_private_file_once_and_prints_the_public_key() {
    use std::os::unix::fs::PermissionsExt;
    let dir = folder(&[]);
    let public = run(dir.path(), &["keygen", "--out", "n1.key"]).exits(0).out;
    let path = dir.path().join("n1.key");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(run(dir.path(), &["pubkey", "n1.key"]).exits(0).out, public);
    let before = std::fs::read(&path).unwrap();
    run(dir.path(), &["keygen", "--out", "n1.key"])
        .exits(1)
        .says("never overwritten");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_key_that_others_can_read_is_refused_with_the_fix() {
    use std::os::unix::fs::PermissionsExt;
    let dir = folder(&[("n1.key", KEY)]);
    let mode = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(dir.path().join("n1.key"), mode).unwrap();
    run(dir.path(), &["pubkey", "n1.key"])
        .exits(1)
        .says("chmod 600 n1.key");
}

#[test]
fn check_proves_a_good_file() {
    let dir = folder(&[("site.toml", SITE)]);
    run(dir.path(), &["check", "site.toml"])
        .exits(0)
        .prints("ok: 3 attachments, 6 ordered pairs, 4 permitted, V1-V6 hold (digest ");
    run_with(dir.path(), &["check", "-"], SITE)
        .exits(0)
        .prints("ok: 3 attachments");
    let facts = run(dir.path(), &["check", "site.toml", "--json"])
        .exits(0)
        .json();
    assert_eq!(facts["schema"], "skerry.check/1");
    assert_eq!(facts["ok"], true);
    assert_eq!(facts["proof"]["permitted"], 4);
}

#[test]
fn check_shows_every_error_with_its_place_and_exits_1() {
    let broken = SITE
        .replace("blue.isolated", "blue.isolted")
        .replace("subnets", "subnet");
    let dir = folder(&[("site.toml", &broken)]);
    run(dir.path(), &["check", "site.toml"])
        .exits(1)
        .says("error[P001]")
        .says("--> site.toml:8:1")
        .says("error[P003]")
        .says("--> site.toml:11:")
        .prints("3 error(s)");
    let facts = run(dir.path(), &["check", "site.toml", "--json"])
        .exits(1)
        .json();
    assert_eq!(facts["ok"], false);
    assert_eq!(facts["errors"], 3);
    assert_eq!(facts["diagnostics"][0]["code"], "P001");
}

#[test]
fn check_also_takes_a_node_file_and_its_key() {
    let node = "node = 'n1'\nsite = 'site.toml'\nkey = 'n1.key'\n";
    let files = [("site.toml", SITE), ("node.toml", node), ("n1.key", KEY)];
    let dir = folder(&files);
    let args = ["check", "--config", "node.toml"];
    run(dir.path(), &args).exits(0).prints("ok: 3 attachments");
    common::write(&dir.path().join("node.toml"), &node.replace("n1'", "n7'"));
    run(dir.path(), &args)
        .exits(1)
        .says("the site file has no node \"n7\"");
    common::write(
        &dir.path().join("node.toml"),
        &node.replace("key =", "kee ="),
    );
    run(dir.path(), &args)
        .exits(1)
        .says("did you mean `key`?")
        .says("node.toml:3:1");
    common::write(&dir.path().join("node.toml"), node);
    let other = run(dir.path(), &["keygen"]).out;
    common::write(&dir.path().join("n1.key"), &other);
    run(dir.path(), &args)
        .exits(1)
        .says("the key file is not that of node n1");
}

#[test]
fn matrix_prints_one_letter_a_cell() {
    let dir = folder(&[("site.toml", SITE)]);
    run(dir.path(), &["matrix", "site.toml"])
        .exits(0)
        .prints("blue.isolated");
    let facts = run(dir.path(), &["matrix", "site.toml", "--ports", "--json"])
        .exits(0)
        .json();
    assert_eq!(facts["schema"], "skerry.matrix/1");
    assert_eq!(facts["rows"][1]["name"], "n1/i1");
    assert_eq!(facts["rows"][1]["cells"], "y.-");
}

#[test]
fn diff_names_what_is_gained_and_can_forbid_it() {
    let wider = SITE.replace("i1 = { as = \"blue.isolated\"", "i1 = { as = \"blue.web\"");
    let dir = folder(&[("old.toml", SITE), ("new.toml", &wider)]);
    let facts = run(dir.path(), &["diff", "old.toml", "new.toml", "--json"])
        .exits(0)
        .json();
    assert_eq!(facts["schema"], "skerry.diff/1");
    assert_eq!((&facts["gained"], &facts["lost"]), (&2.into(), &0.into()));
    let args = ["diff", "old.toml", "new.toml", "--no-new-access"];
    run(dir.path(), &args).exits(1).prints("n1/i1").says("P016");
    run(
        dir.path(),
        &["diff", "new.toml", "old.toml", "--no-new-access"],
    )
    .exits(0);
}

#[test]
fn a_bad_command_line_says_what_was_expected_and_exits_2() {
    let dir = folder(&[]);
    for args in [
        &["chekc"][..],
        &["check"],
        &["apply"],
        &["apply", "site.toml", "--confirm", "soon"],
        &["apply", "site.toml", "--wait"],
        &["ping"],
        &["rollback", "many"],
        &["run"],
    ] {
        let ran = run(dir.path(), args).exits(2);
        assert!(
            ran.out.is_empty() && !ran.err.is_empty(),
            "{args:?}: {ran:?}"
        );
    }
}

#[test]
fn without_a_daemon_its_commands_exit_4_and_say_what_to_do() {
    let dir = folder(&[("site.toml", SITE)]);
    for args in [
        &["status"][..],
        &["ports"],
        &["counters", "--json"],
        &["fdb"],
        &["peers"],
        &["ping", "n2"],
        &["reload"],
        &["apply", "site.toml"],
        &["confirm"],
        &["rollback"],
        &["diff", "running", "site.toml"],
    ] {
        let args = [args, &["--socket", "n1.sock"]].concat();
        run(dir.path(), &args)
            .exits(4)
            .says("no daemon listens at n1.sock");
    }
}

#[test]
fn a_file_that_is_missing_is_named() {
    let dir = folder(&[]);
    for args in [
        &["check", "none.toml"][..],
        &["matrix", "none.toml"],
        &["run", "--config", "none.toml"],
        &["check", "--config", "none.toml"],
    ] {
        run(dir.path(), args).exits(1).says("cannot read none.toml");
    }
}

#[test]
fn completions_and_manual_pages_are_made_for_every_command() {
    let dir = folder(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        run(dir.path(), &["completions", shell])
            .exits(0)
            .prints("rollback");
    }
    run(dir.path(), &["man", "--out", "man"]).exits(0);
    let help = run(dir.path(), &["help"]).exits(0).out;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<&str> = commands
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            line.strip_prefix("  ")?
                .split(' ')
                .next()
                .filter(|it| !it.is_empty())
        })
        .collect();
    assert!(commands.len() > 15, "{help}");
    for command in commands.into_iter().filter(|it| *it != "help") {
        let page = dir.path().join(format!("man/skerry-{command}.1"));
        assert!(page.exists(), "no manual page for {command}");
    }
}

#[test]
fn colours_only_on_a_terminal() {
    let dir = folder(&[("site.toml", "version = 3")]);
    let ran = run(dir.path(), &["check", "site.toml"]).exits(1);
    assert!(!ran.err.contains('\u{1b}'), "{}", ran.err);
}

#[test]
fn explain_says_why_step_by_step() {
    let dir = folder(&[("site.toml", SITE)]);
    run(
        dir.path(),
        &["explain", "site.toml", "n1/i1", "n1/w1", "udp/53"],
    )
    .exits(0)
    .prints("DENY  n1/i1 (blue.isolated) -> n1/w1 (blue.web)")
    .prints("site.toml:11:");
    let args = ["explain", "site.toml", "n1/i1", "n1/gw", "--json"];
    let facts = run(dir.path(), &args).exits(0).json();
    assert_eq!(facts["schema"], "skerry.explain/1");
    assert_eq!(facts["verdict"], "permit");
    run(dir.path(), &["explain", "site.toml", "n1/i1", "n1/wl"])
        .exits(1)
        .says("n1/wl");
    run(
        dir.path(),
        &["explain", "site.toml", "n1/i1", "n1/w1", "udp/x"],
    )
    .exits(2);
}

#[test]
fn peer_prints_what_to_type() {
    let dir = folder(&[("site.toml", SITE)]);
    run(dir.path(), &["peer", "site.toml", "n1"])
        .exits(0)
        .prints("wg set ");
    let facts = run(dir.path(), &["peer", "site.toml", "n1", "--json"])
        .exits(0)
        .json();
    assert_eq!(facts["schema"], "skerry.peer/1");
    run(dir.path(), &["peer", "site.toml", "n9"])
        .exits(1)
        .says("there are: n1");
}

#[test]
fn doctor_looks_at_the_machine_and_at_what_a_node_file_asks_for() {
    let dir = folder(&[("site.toml", SITE), ("n1.key", KEY)]);
    let facts = run(dir.path(), &["doctor", "--json"]).json();
    assert_eq!(facts["schema"], "skerry.doctor/1");
    let node = "node = 'n1'\nsite = 'site.toml'\nkey = 'no.key'\nstate = 'state'\n";
    common::write(&dir.path().join("node.toml"), node);
    run(dir.path(), &["doctor", "--config", "node.toml"])
        .exits(1)
        .prints("keygen --out no.key")
        .prints("V1-V6 hold");
}

#[test]
fn doctor_sees_that_somebody_else_serves_where_the_metrics_are_to_be() {
    let dir = common::daemon::node_folder();
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap();
    let node = format!("{}metrics = '{address}'\n", common::daemon::NODE);
    common::write(&dir.path().join("node.toml"), &node);
    let doctor = ["doctor", "--config", "node.toml"];
    run(dir.path(), &doctor)
        .exits(1)
        .prints(&format!("TCP {address}: "))
        .prints("change `metrics` in the node file");
    drop(held);
    let ran = run(dir.path(), &doctor);
    assert!(
        ran.out.contains(&format!("TCP {address} is free")),
        "{ran:?}"
    );
}

#[test]
fn what_the_node_file_asks_for_and_is_not_there_is_told_with_its_line() {
    let node = "# mine\nnode = 'n1'\nsite = 'site.toml'\nkey = 'n1.key'\nlisten = '127.0.0.1:0'\ncontrol = 's'\nstate = 'state'\n";
    let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    for (change, by, place) in [
        ("'n1'", "'n9'", "(`node` at node.toml:2)"),
        ("'site.toml'", "'no.toml'", "(`site` at node.toml:3)"),
        ("'n1.key'", "'no.key'", "(`key` at node.toml:4)"),
        ("'n1.key'", "'other.key'", "(`key` at node.toml:4)"),
    ] {
        let node = node.replace(change, by);
        let files = [("site.toml", SITE), ("n1.key", KEY), ("other.key", other)];
        let dir = folder(&files);
        common::write(&dir.path().join("node.toml"), &node);
        for command in ["check", "run"] {
            run(dir.path(), &[command, "--config", "node.toml"])
                .exits(1)
                .says(place);
        }
    }
}

#[test]
fn a_node_file_that_is_not_there_is_to_be_written() {
    let dir = folder(&[("site.toml", SITE)]);
    for command in ["check", "run"] {
        run(dir.path(), &[command, "--config", "node.toml"])
            .exits(1)
            .says("cannot read node.toml")
            .says("write it: three keys are enough, `node`, `site` and `key`");
    }
    common::write(&dir.path().join("node.toml"), "node = 'n1'\n");
    run(dir.path(), &["check", "--config", "node.toml"])
        .exits(1)
        .says("correct it");
}

#[test]
fn top_wants_a_terminal() {
    let dir = folder(&[]);
    run(dir.path(), &["top", "--socket", "n1.sock"]).exits(4);
}

#[test]
fn a_panel_of_a_lab_wants_somebody_to_see_it() {
    let dir = folder(&[]);
    let refused: [(&[&str], &str); 5] = [
        (&["--panel"], "needs a terminal; --gif makes a film"),
        (&["--panel", "--once"], "cannot be used with"),
        (&["--panel", "--trace"], "--json"),
        (&["--panel", "--press", "jump@1"], "select@2.5"),
        (&["--gif", "lab.gif"], "--panel"),
    ];
    for (args, words) in refused {
        run(dir.path(), &[&["lab"], args].concat())
            .exits(2)
            .says(words);
    }
    run(
        dir.path(),
        &["lab", "--panel", "--gif", "no/such/folder.gif"],
    )
    .exits(1)
    .says("cannot write no/such/folder.gif");
}
