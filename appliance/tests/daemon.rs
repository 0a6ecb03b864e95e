//! The daemon as its operator sees it: starting, loading, confirming, stopping. No root needed.

#![expect(clippy::tests_outside_test_module, reason = "the whole file is tests")]

mod common;

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use common::daemon::{Daemon, NODE, log, node_folder, portless, until};
use common::{SITE, run, skerry, write};

/// [`SITE`] with one port in another segment.
fn changed() -> String {
    portless(SITE).replace("i1 = { as = \"blue.isolated\"", "i1 = { as = \"blue.web\"")
}

fn broken() -> String {
    portless(SITE).replace("blue.isolated", "blue.isolted")
}

#[test]
fn it_starts_answers_and_stops_leaving_only_its_state() {
    for signal in ["TERM", "INT"] {
        let dir = node_folder();
        let daemon = Daemon::start(dir.path());
        let status = daemon.ask(&["status", "--json"]).exits(0).json();
        assert_eq!(status["schema"], "skerry.status/1");
        assert_eq!(status["node"], "n1");
        assert_eq!(status["generation"], 1);
        for (command, schema) in [
            ("ports", "skerry.ports/1"),
            ("counters", "skerry.counters/1"),
            ("fdb", "skerry.fdb/1"),
            ("peers", "skerry.peers/1"),
        ] {
            daemon.ask(&[command]).exits(0);
            assert_eq!(
                daemon.ask(&[command, "--json"]).exits(0).json()["schema"],
                schema
            );
        }
        daemon.signal(signal);
        assert_eq!(daemon.wait(), Some(0), "{}", log(dir.path()));
        assert!(!dir.path().join("n1.sock").exists());
        assert!(dir.path().join("state/index.json").exists());
    }
}

#[test]
fn a_reload_is_told_with_generation_and_digest() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    let (_, before) = daemon.generation();
    daemon.write_site(&changed());
    let load = daemon.ask(&["reload", "--json"]).exits(0).json();
    assert_eq!(load["schema"], "skerry.load/1");
    assert_eq!(
        (&load["accepted"], &load["generation"]),
        (&true.into(), &2.into())
    );
    let (generation, digest) = daemon.generation();
    assert_eq!((generation, load["digest"].as_str()), (2, Some(&*digest)));
    assert_ne!(digest, before);
    let load = daemon.ask(&["reload", "--json"]).exits(0).json();
    assert_eq!(
        (&load["unchanged"], &load["generation"]),
        (&true.into(), &2.into())
    );
}

#[test]
fn a_bad_file_changes_nothing_and_is_counted() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    let before = daemon.generation();
    daemon.write_site(&broken());
    daemon
        .ask(&["reload"])
        .exits(1)
        .says("error[P003]")
        .says("site.toml:12:")
        .prints("refused");
    let load = daemon.ask(&["reload", "--json"]).exits(1).json();
    assert_eq!(load["accepted"], false);
    assert_eq!(load["diagnostics"][0]["code"], "P003");
    assert_eq!(daemon.generation(), before);
    let status = daemon.ask(&["status", "--json"]).exits(5).json();
    assert_eq!(status["policy_rejected"], 2);
    daemon.write_site(&portless(SITE));
    daemon.ask(&["reload"]).exits(0);
    daemon.ask(&["status"]).exits(0);
}

#[test]
fn sighup_loads_the_site_file() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    daemon.write_site(&changed());
    daemon.signal("HUP");
    until("generation 2", || daemon.generation().0 == 2);
    daemon.write_site(&broken());
    daemon.signal("HUP");
    until("the refusal", || daemon.ask(&["status"]).code == 5);
    assert_eq!(daemon.generation().0, 2);
}

#[test]
fn offloads_follow_the_node_file_with_a_reload() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    let node_file = |more: &str| write(&dir.path().join("node.toml"), &format!("{NODE}{more}"));
    let status = || {
        let status = daemon.ask(&["status", "--json"]).json();
        let offloads = (
            status["offloads"]["gso"].clone(),
            status["offloads"]["gro"].clone(),
        );
        (offloads, status["degraded"].to_string())
    };
    assert_eq!(status(), ((true.into(), true.into()), "[]".into()));
    node_file("[offload]\ngso = 'off'\n");
    assert_eq!(status().0.0, true, "not before it is told to look");
    assert_eq!(daemon.ask(&["reload"]).code, 0);
    assert_eq!(status(), ((false.into(), true.into()), "[]".into()));
    node_file("[offload]\ngso = 'maybe'\n");
    daemon.signal("HUP");
    until("the bad file to be told of", || {
        status().1.contains("maybe")
    });
    assert_eq!(status().0.0, false, "and nothing has changed");
    node_file("workers = 2\n[offload]\ngro = 'off'\n");
    daemon
        .ask(&["reload"])
        .exits(0)
        .prints("nothing has changed")
        .prints("degraded: the node file has changed in more than its offloads");
    let load = daemon.ask(&["reload", "--json"]).exits(0).json();
    assert!(
        load["node_file"]
            .to_string()
            .contains("waits for a restart")
    );
    let (offloads, degraded) = status();
    assert_eq!(offloads, (true.into(), false.into()));
    assert!(degraded.contains("waits for a restart"), "{degraded}");
    node_file("");
    let load = daemon.ask(&["reload", "--json"]).exits(0).json();
    assert!(load["node_file"].is_null(), "{load}");
    assert_eq!(status(), ((true.into(), true.into()), "[]".into()));
}

#[test]
fn a_vni_may_not_change_its_meaning_at_once() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    let swapped = portless(SITE).replace("isolated = 20101", "isolated = 20102");
    daemon.write_site(&swapped.replace("web = 20102", "web = 20101"));
    daemon.ask(&["reload"]).exits(1).says("P015");
    assert_eq!(daemon.generation().0, 1);
}

#[test]
fn a_site_without_this_node_or_with_another_key_is_refused() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    daemon.write_site(&portless(SITE).replace("n1 = {", "n9 = {"));
    daemon
        .ask(&["reload"])
        .exits(1)
        .says("the site file has no node \"n1\"");
    let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=";
    let site = portless(SITE).replace("hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=", other);
    daemon.write_site(&site);
    daemon
        .ask(&["reload"])
        .exits(1)
        .says("the key file is not that of node n1");
    assert_eq!(daemon.generation().0, 1);
}

#[test]
fn what_is_not_confirmed_goes_back_by_itself() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    let (_, first) = daemon.generation();
    write(&dir.path().join("new.toml"), &changed());
    let ran = daemon
        .ask(&["apply", "new.toml", "--confirm", "1s", "--wait", "--json"])
        .exits(6);
    let last = ran.out.lines().last().unwrap();
    let last: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["confirmed"], false, "{ran:?}");
    assert_eq!(daemon.generation(), (3, first));
    daemon
        .ask(&["confirm"])
        .exits(6)
        .prints("not confirmed in time; back at generation 3");
    // Old stories are not told once something else runs.
    daemon.ask(&["rollback"]).exits(0).prints("generation 4");
    daemon.ask(&["confirm"]).exits(1).says("nothing waits");
}

#[test]
fn what_was_rolled_back_before_its_time_was_up_is_not_said_to_be_late() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    write(&dir.path().join("new.toml"), &changed());
    daemon
        .ask(&["apply", "new.toml", "--confirm", "1h"])
        .exits(0);
    daemon.ask(&["rollback"]).exits(0).prints("generation 3");
    daemon.ask(&["confirm"]).exits(1).says("nothing waits");
}

#[test]
fn what_is_confirmed_stays() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    write(&dir.path().join("new.toml"), &changed());
    daemon
        .ask(&["apply", "new.toml", "--confirm", "1s"])
        .exits(0)
        .prints("skerry confirm");
    daemon
        .ask(&["reload"])
        .exits(1)
        .says("waits for its confirmation");
    daemon.ask(&["confirm"]).exits(0).prints("stays");
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(daemon.generation().0, 2);
    daemon.ask(&["confirm"]).exits(1).says("nothing waits");
}

#[test]
fn a_crash_before_the_confirmation_goes_back_too() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    write(&dir.path().join("new.toml"), &changed());
    daemon.ask(&["apply", "new.toml"]).exits(0);
    let kept = daemon.generation();
    write(
        &dir.path().join("newer.toml"),
        &format!("{}# newer\n", changed()),
    );
    let newer = ["apply", "newer.toml", "--confirm", "1h"];
    daemon.ask(&newer).exits(0);
    assert_ne!(daemon.generation(), kept);
    daemon.signal("KILL");
    daemon.wait();
    let daemon = Daemon::start(dir.path());
    assert_eq!(daemon.generation(), kept);
}

#[test]
fn what_was_applied_survives_a_crash_until_the_site_file_is_edited() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    write(&dir.path().join("new.toml"), &changed());
    daemon.ask(&["apply", "new.toml"]).exits(0);
    let applied = daemon.generation();
    daemon.signal("KILL");
    daemon.wait();
    let daemon = Daemon::start(dir.path());
    assert_eq!(daemon.generation(), applied, "the same generation goes on");
    let status = daemon.ask(&["status"]).exits(0).out;
    assert_eq!(status.matches("generation 2").count(), 1, "{status}");
    assert!(status.contains("kept from before the restart"), "{status}");
    daemon.signal("KILL");
    daemon.wait();
    let edited = format!("{}# edited\n", portless(SITE));
    write(&dir.path().join("site.toml"), &edited);
    let daemon = Daemon::start(dir.path());
    assert_eq!(daemon.generation().0, 3, "the edited site file counts");
}

#[test]
fn rollback_loads_an_earlier_generation() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    let (_, first) = daemon.generation();
    daemon.write_site(&changed());
    daemon.ask(&["reload"]).exits(0);
    daemon.ask(&["rollback"]).exits(0).prints("generation 3");
    assert_eq!(daemon.generation(), (3, first));
    daemon
        .ask(&["rollback", "2"])
        .exits(0)
        .prints("generation 4");
    daemon
        .ask(&["rollback", "77"])
        .exits(1)
        .says("there are: 1, 2, 3, 4");
}

#[test]
fn a_bad_site_file_at_start_runs_the_last_good_one_and_says_so() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    let good = daemon.generation();
    daemon.write_site(&broken());
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), Some(0));
    for text in [Some(broken()), None] {
        match text {
            Some(text) => write(&dir.path().join("site.toml"), &text),
            None => std::fs::remove_file(dir.path().join("site.toml")).unwrap(),
        }
        let daemon = Daemon::start(dir.path());
        assert_eq!(daemon.generation(), good);
        daemon
            .ask(&["status"])
            .exits(5)
            .prints("degraded: the site file is refused");
    }
}

#[test]
fn without_any_good_file_it_does_not_start_and_leaves_nothing() {
    let dir = node_folder();
    write(&dir.path().join("site.toml"), &broken());
    run(dir.path(), &["run", "--config", "node.toml"])
        .exits(1)
        .says("error[P003]");
    assert!(!dir.path().join("n1.sock").exists());
    std::fs::remove_file(dir.path().join("site.toml")).unwrap();
    run(dir.path(), &["run", "--config", "node.toml"])
        .exits(1)
        .says("cannot read site.toml");
}

#[test]
fn a_second_daemon_is_refused_and_the_first_goes_on() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    let args = ["run", "--config", "other.toml"];
    write(&dir.path().join("other.toml"), NODE);
    run(dir.path(), &args)
        .exits(1)
        .says("another daemon answers at the control socket n1.sock");
    write(
        &dir.path().join("other.toml"),
        &NODE.replace("n1.sock", "n2.sock"),
    );
    run(dir.path(), &args)
        .exits(1)
        .says("another skerry runs with the state folder state");
    assert!(!dir.path().join("n2.sock").exists());
    daemon.ask(&["status"]).exits(0);
}

#[test]
fn the_socket_of_a_dead_daemon_is_replaced() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    daemon.signal("KILL");
    daemon.wait();
    assert!(dir.path().join("n1.sock").exists());
    run(dir.path(), &["status", "--socket", "n1.sock"])
        .exits(4)
        .says("is gone");
    Daemon::start(dir.path()).ask(&["status"]).exits(0);
}

#[test]
fn a_busy_udp_or_metrics_port_is_named() {
    let dir = node_folder();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = udp.local_addr().unwrap().to_string();
    write(
        &dir.path().join("node.toml"),
        &NODE.replace("127.0.0.1:0", &address),
    );
    let args = ["run", "--config", "node.toml"];
    run(dir.path(), &args)
        .exits(1)
        .says(&address)
        .says("`listen` in the node file");
    assert!(!dir.path().join("n1.sock").exists());
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    write(
        &dir.path().join("node.toml"),
        &format!("{NODE}metrics = '{address}'\n"),
    );
    run(dir.path(), &args)
        .exits(1)
        .says(&address)
        .says("`metrics` in the node file");
}

#[test]
fn two_nodes_with_one_key_are_refused() {
    let dir = node_folder();
    let key = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
    let twice = portless(SITE).replace("3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=", key);
    write(&dir.path().join("site.toml"), &twice);
    run(dir.path(), &["run", "--config", "node.toml"])
        .exits(1)
        .says("error[P017]");
}

#[test]
fn a_port_on_a_missing_device_is_named_and_a_reload_to_it_refused() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    let port = r#"x1 = { as = "blue.web", ip = ["10.1.0.99"], attach = { nic = "nosuchdevice" } }"#;
    let site = format!("{}[port.n1]\n{port}\n", portless(SITE));
    daemon.write_site(&site);
    daemon
        .ask(&["reload"])
        .exits(1)
        .says("port n1/x1")
        .says("nosuchdevice");
    assert_eq!(daemon.generation().0, 1);
    assert_eq!(
        daemon.ask(&["ports", "--json"]).json()["ports"],
        serde_json::json!([])
    );
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), Some(0));
}

#[test]
fn a_port_on_a_missing_device_is_waited_for_at_start() {
    let dir = node_folder();
    let port = r#"x1 = { as = "blue.web", ip = ["10.1.0.99"], attach = { nic = "nosuchdevice" } }"#;
    let site = format!("{}[port.n1]\n{port}\n", portless(SITE));
    write(&dir.path().join("site.toml"), &site);
    let daemon = Daemon::start(dir.path());
    daemon
        .ask(&["status"])
        .exits(5)
        .prints("degraded: port n1/x1: there is no interface \"nosuchdevice\"");
    let ports = daemon.ask(&["ports", "--json"]).exits(0).json();
    assert_eq!(ports["ports"][0]["up"], false);
    let log = log(dir.path());
    assert!(log.contains("port n1/x1: there is no interface"), "{log}");
    // A reload that leaves the port alone does not ask for it again.
    daemon.write_site(&site.replace("i1 = { as = \"blue.isolated\"", "i1 = { as = \"blue.web\""));
    daemon.ask(&["reload"]).exits(0);
    daemon.ask(&["status"]).exits(5);
    daemon.write_site(&portless(SITE));
    daemon.ask(&["reload"]).exits(0);
    daemon.ask(&["status"]).exits(0);
}

#[test]
fn metrics_are_served_where_the_node_file_says() {
    let dir = node_folder();
    let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = probe.local_addr().unwrap();
    drop(probe);
    write(
        &dir.path().join("node.toml"),
        &format!("metrics = '{address}'\n{NODE}"),
    );
    let _daemon = Daemon::start(dir.path());
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: n1\r\n\r\n")
        .unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    assert!(page.contains("\nskerry_policy_generation 1\n"), "{page}");
    assert!(
        page.contains("skerry_peer_frames_total{peer=\"n2\",direction=\"in\"} 0\n"),
        "{page}"
    );
}

#[test]
fn the_service_manager_is_told_what_happens() {
    let dir = node_folder();
    let path = dir.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let await_word = |word: &str| {
        let mut buffer = [0; 4096];
        loop {
            let n = manager
                .recv(&mut buffer)
                .unwrap_or_else(|error| panic!("{word}: {error}"));
            let text = String::from_utf8_lossy(buffer.get(..n).unwrap()).into_owned();
            if text.lines().any(|line| line == word) {
                return text;
            }
        }
    };
    let mut command = skerry();
    command
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "200000");
    let daemon = Daemon::start_as(dir.path(), command);
    assert!(await_word("READY=1").contains("STATUS=generation 1"));
    await_word("WATCHDOG=1");
    daemon.write_site(&changed());
    daemon.signal("HUP");
    await_word("RELOADING=1");
    assert!(await_word("READY=1").contains("STATUS=generation 2"));
    std::fs::remove_file(dir.path().join("site.toml")).unwrap();
    daemon.signal("HUP");
    await_word("RELOADING=1");
    assert!(await_word("READY=1").contains("STATUS=generation 2"));
    daemon.signal("TERM");
    await_word("STOPPING=1");
}

#[test]
fn journald_gets_priorities_and_nothing_it_adds_itself() {
    let dir = node_folder();
    let mut command = skerry();
    command.env("JOURNAL_STREAM", "1:1");
    let daemon = Daemon::start_as(dir.path(), command);
    daemon.signal("TERM");
    daemon.wait();
    let calm = log(dir.path());
    assert!(calm.lines().all(|line| line.starts_with("<6>")), "{calm}");
    // A warning of several lines has its priority on each of them.
    write(&dir.path().join("site.toml"), &broken());
    let mut command = skerry();
    command.env("JOURNAL_STREAM", "1:1");
    let _daemon = Daemon::start_as(dir.path(), command);
    let whole = log(dir.path());
    let warning = whole.strip_prefix(&calm).unwrap();
    assert!(warning.lines().count() > 5, "{warning}");
    assert!(
        warning
            .lines()
            .all(|line| line.starts_with("<4>") || line.starts_with("<6>")),
        "{warning}"
    );
}

#[test]
fn a_bundle_holds_everything_but_the_key() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    daemon
        .ask(&["bundle", "--out", "b.tar.gz"])
        .exits(0)
        .prints("b.tar.gz");
    daemon
        .ask(&["bundle", "--out", "b.tar.gz"])
        .exits(1)
        .says("cannot make b.tar.gz");
    let file = std::fs::File::open(dir.path().join("b.tar.gz")).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut names = Vec::new();
    let mut whole = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        names.push(entry.path().unwrap().display().to_string());
        entry.read_to_end(&mut whole).unwrap();
    }
    for name in [
        "site.toml",
        "node_file.txt",
        "log.txt",
        "counters.json",
        "status.json",
    ] {
        assert!(
            names.contains(&format!("skerry-n1/{name}")),
            "no {name} in {names:?}"
        );
    }
    let holds = |part: &[u8]| whole.windows(part.len()).any(|it| it == part);
    assert!(holds(b"blue.isolated"), "the site file is there");
    let key = common::KEY.trim_end();
    assert!(!holds(key.as_bytes()), "the key in base64");
    let raw = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, key).unwrap();
    assert!(!holds(&raw), "the raw key");
}

#[test]
fn diff_against_what_runs() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    write(&dir.path().join("new.toml"), &changed());
    daemon
        .ask(&["diff", "running", "new.toml"])
        .exits(0)
        .prints("2 pairs gained, 0 lost");
    let site = ["explain", "site.toml", "n2/i1", "n2/w1", "--live"];
    daemon
        .ask(&site)
        .exits(1)
        .says("the daemon of n1 does not serve n2/i1");
}

#[test]
fn a_silent_node_is_said_to_be_silent() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    daemon
        .ask(&["ping", "n2"])
        .exits(1)
        .prints("n2 does not answer");
    daemon.ask(&["ping", "n1"]).exits(0).prints("n1 answers");
    daemon
        .ask(&["ping", "n7"])
        .exits(1)
        .says("no node or port `n7`");
    let status = daemon.ask(&["status", "--json"]).exits(0).json();
    assert_eq!(status["converged"], false);
    assert_eq!(status["nodes"][0]["state"], "silent");
}
