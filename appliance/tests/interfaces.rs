//! The daemon with ports of its own, in network namespaces: needs root (feature `root`).

#![expect(clippy::tests_outside_test_module, reason = "the whole file is tests")]

mod common;

use std::path::Path;
use std::process::Command;

use common::daemon::{Daemon, NODE, log, until};
use common::namespace::Namespace;
use common::{KEY, Ran, SITE, folder};

/// [`SITE`] with TAPs for ports, as names that no other test uses.
fn tapped() -> tempfile::TempDir {
    folder(&[("site.toml", SITE), ("node.toml", NODE), ("n1.key", KEY)])
}

#[test]
fn ports_come_with_the_daemon_and_go_with_it() {
    let (dir, namespace) = (tapped(), Namespace::new());
    let daemon = Daemon::start_as(dir.path(), namespace.skerry());
    assert_eq!(namespace.links(), ["gw", "i1", "w1"]);
    let ports = daemon.ask(&["ports", "--json"]).exits(0).json();
    assert_eq!(ports["ports"][1]["name"], "n1/i1");
    assert_eq!(ports["ports"][1]["attach"], "tap i1");
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), Some(0), "{}", log(dir.path()));
    assert_eq!(namespace.links(), [""; 0]);
    let log = log(dir.path());
    assert!(
        !log.contains("the interface is"),
        "stopping is no accident: {log}"
    );
}

#[test]
fn a_reload_makes_and_removes_ports_and_a_bad_one_touches_none() {
    let (dir, namespace) = (tapped(), Namespace::new());
    let daemon = Daemon::start_as(dir.path(), namespace.skerry());
    let more = SITE.replace("w1 = {", "w2 = {");
    daemon.write_site(&more);
    daemon.ask(&["reload"]).exits(0);
    assert_eq!(namespace.links(), ["gw", "i1", "w2"]);
    daemon.ask(&["status"]).exits(0);
    let missing = r#"x1 = { as = "blue.web", ip = ["10.1.0.99"], attach = { nic = "none0" } }"#;
    daemon.write_site(&format!("{SITE}{missing}\n"));
    daemon
        .ask(&["reload"])
        .exits(1)
        .says("there is no interface \"none0\"");
    assert_eq!(
        namespace.links(),
        ["gw", "i1", "w2"],
        "w1 was made and removed again"
    );
    daemon.ask(&["status"]).exits(5);
}

/// The guest's card goes from one port to the other, whatever kind it is of.
#[test]
fn a_port_gets_a_new_name_in_one_load_and_two_change_places() {
    let (dir, namespace, guest) = (tapped(), Namespace::new(), Namespace::new());
    namespace
        .sh("ip link add card0 type veth peer name far0 && ip link set far0 up")
        .exits(0);
    let netns = guest.path();
    let site = SITE
        .replace("gw = {", "gw = { attach = { nic = \"card0\" },")
        .replace(
            "i1 = {",
            &format!("i1 = {{ attach = {{ veth = \"eth0\", netns = \"{netns}\" }},"),
        )
        .replace("w1 = {", "w1 = { attach = { tap = \"t0\" },");
    common::write(&dir.path().join("site.toml"), &site);
    let daemon = Daemon::start_as(dir.path(), namespace.skerry());
    let all_up = || {
        let ports = daemon.ask(&["ports", "--json"]).exits(0).json();
        let ports = ports["ports"].as_array().unwrap().clone();
        ports.len() == 3 && ports.iter().all(|port| port["up"] == true)
    };
    until("three ports", all_up);
    let renamed = site
        .replace("gw = {", "gate = {")
        .replace("i1 = {", "dns = {")
        .replace("w1 = {", "web = {");
    daemon.write_site(&renamed);
    daemon.ask(&["reload"]).exits(0);
    until("three ports of other names", all_up);
    let told = log(dir.path());
    assert!(!told.contains("cannot be read"), "no accident: {told}");
    assert!(guest.links()[0].starts_with("eth0@"), "{:?}", guest.links());
    let names = daemon.ask(&["ports"]).out;
    assert!(
        names.contains("n1/dns") && !names.contains("n1/i1"),
        "{names}"
    );
    guest.sh("ip addr add 10.1.0.11/24 dev eth0").exits(0);
    namespace.sh("ip addr add 10.1.0.1/24 dev far0").exits(0);
    until("a frame from one to the other", || {
        guest.sh("ping -c 1 -W 1 10.1.0.1").code == 0
    });
    // Each takes what the other had.
    let swapped = renamed
        .replace("dns = {", "other = {")
        .replace("web = {", "dns = {")
        .replace("other = {", "web = {");
    daemon.write_site(&swapped);
    daemon.ask(&["reload"]).exits(0);
    until("all of them after the change of places", all_up);
    // A load that fails afterwards gives everything back.
    let missing = r#"x1 = { as = "blue.web", ip = ["10.1.0.99"], attach = { nic = "none0" } }"#;
    daemon.write_site(&format!("{site}{missing}\n"));
    daemon.ask(&["reload"]).exits(1).says("none0");
    until("what ran before", all_up);
    daemon.write_site(&swapped);
    daemon.ask(&["reload"]).exits(0);
    until("good health", || daemon.ask(&["status"]).code == 0);
    // The next life finds what a crash left under the old name.
    daemon.signal("KILL");
    daemon.wait();
    common::write(&dir.path().join("site.toml"), &site);
    let daemon = Daemon::start_as(dir.path(), namespace.skerry());
    until("good health after the crash", || {
        daemon.ask(&["status"]).prints("3 of 3 ports up").code == 0
    });
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), Some(0), "{}", log(dir.path()));
    assert_eq!(guest.links(), [""; 0]);
}

#[test]
fn after_a_crash_the_next_life_takes_over_and_leaves_nothing_behind() {
    let (dir, namespace) = (tapped(), Namespace::new());
    let daemon = Daemon::start_as(dir.path(), namespace.skerry());
    daemon.signal("KILL");
    daemon.wait();
    let daemon = Daemon::start_as(dir.path(), namespace.skerry());
    assert_eq!(namespace.links().len(), 3);
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), Some(0));
    assert_eq!(namespace.links(), [""; 0]);
}

#[test]
fn a_port_that_is_deleted_is_told_made_again_and_well_again() {
    let (dir, namespace) = (tapped(), Namespace::new());
    let daemon = Daemon::start_as(dir.path(), namespace.skerry());
    namespace.sh("ip link del i1").exits(0);
    until("the repair", || namespace.links().len() == 3);
    until("the port", || {
        daemon.ask(&["ports", "--json"]).json()["ports"][1]["up"] == true
    });
    until("good health", || daemon.ask(&["status"]).code == 0);
}

/// As while it runs: one guest that is not there keeps nobody else down.
#[test]
fn namespaces_and_a_nic_that_are_missing_at_start_are_waited_for() {
    let (dir, namespace) = (tapped(), Namespace::new());
    let guests = [Namespace::new(), Namespace::new()];
    let veth = |file: &str| {
        let path = dir.path().join(file);
        let path = path.display();
        format!("attach = {{ veth = \"eth0\", netns = \"{path}\" }},")
    };
    let site = SITE
        .replace("i1 = {", &format!("i1 = {{ {}", veth("absent")))
        .replace("w1 = {", "w1 = { attach = { nic = \"late0\" },");
    let last = format!("w2 = {{ {} as = \"blue.web\" }}", veth("stale"));
    common::write(&dir.path().join("site.toml"), &format!("{site}{last}\n"));
    // What a reboot leaves of `ip netns add`, and what stands there for a moment when it is made.
    common::write(&dir.path().join("stale"), "");
    let daemon = Daemon::start_as(dir.path(), namespace.skerry());
    assert_eq!(namespace.links(), ["gw"]);
    daemon
        .ask(&["status"])
        .exits(5)
        .prints("1 of 4 ports up")
        .prints("degraded: port n1/i1: there is no network namespace")
        .prints("degraded: port n1/w1: there is no interface \"late0\"")
        .prints("degraded: port n1/w2: cannot enter the network namespace");
    let told = log(dir.path());
    assert!(told.contains("port n1/i1: there is no network"), "{told}");
    namespace
        .sh("ip link add late0 type veth peer name far0 && ip link set far0 up")
        .exits(0);
    std::fs::remove_file(dir.path().join("stale")).unwrap();
    for (file, guest) in ["absent", "stale"].iter().zip(&guests) {
        std::os::unix::fs::symlink(guest.path(), dir.path().join(file)).unwrap();
    }
    until("good health", || daemon.ask(&["status"]).code == 0);
    daemon.ask(&["status"]).prints("4 of 4 ports up");
    for guest in &guests {
        assert!(guest.links()[0].starts_with("eth0@"), "{:?}", guest.links());
    }
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), Some(0));
    assert_eq!(guests[0].links(), [""; 0]);
}

#[test]
fn a_name_of_a_stranger_ends_the_start_even_where_another_port_is_waited_for() {
    let (dir, namespace) = (tapped(), Namespace::new());
    namespace
        .sh("ip link add w1 type veth peer name far0")
        .exits(0);
    let missing = SITE.replace("i1 = {", "i1 = { attach = { nic = \"late0\" },");
    common::write(&dir.path().join("site.toml"), &missing);
    namespace
        .run(dir.path())
        .exits(1)
        .says("port n1/w1: the name \"w1\" is taken");
    assert_eq!(namespace.links().len(), 2, "{:?}", namespace.links());
    assert!(!dir.path().join("n1.sock").exists());
}

#[test]
fn without_cap_net_admin_it_says_what_to_do_and_makes_nothing() {
    let (dir, namespace) = (tapped(), Namespace::new());
    let mut command = namespace.enter("setpriv");
    command.args([
        "--bounding-set",
        "-net_admin,-net_raw",
        env!("CARGO_BIN_EXE_skerry"),
    ]);
    command
        .args(["run", "--config", "node.toml"])
        .current_dir(dir.path());
    let ran: Ran = command.output().unwrap().into();
    ran.exits(1).says("port n1/").says("CAP_NET_ADMIN");
    assert_eq!(namespace.links(), [""; 0]);
    assert!(!dir.path().join("n1.sock").exists());
}

#[test]
fn doctor_sees_what_would_keep_ports_from_being_made() {
    let (dir, namespace, guest) = (tapped(), Namespace::new(), Namespace::new());
    let netns = guest.path();
    let veth = format!("i1 = {{ attach = {{ veth = \"eth0\", netns = \"{netns}\" }},");
    common::write(
        &dir.path().join("site.toml"),
        &SITE.replace("i1 = {", &veth),
    );
    let doctor = |without: &str| -> Ran {
        let mut command = namespace.enter("setpriv");
        command.args(["--bounding-set", without, env!("CARGO_BIN_EXE_skerry")]);
        command.args(["doctor", "--config", "node.toml"]);
        command.current_dir(dir.path()).output().unwrap().into()
    };
    doctor("+all").exits(0);
    doctor("-sys_admin").exits(1).prints(&format!(
        "no CAP_SYS_ADMIN, which entering {netns} for n1/i1 takes"
    ));
    let daemon = Daemon::start_as(dir.path(), namespace.skerry());
    doctor("+all").exits(0);
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), Some(0));
    namespace
        .sh("ip link add w1 type veth peer name far0")
        .exits(0);
    guest
        .sh("ip link add eth0 type veth peer name far0")
        .exits(0);
    doctor("+all")
        .exits(1)
        .prints("port n1/w1: the name \"w1\" is taken by an interface that Skerry did not make;")
        .prints(&format!("port n1/i1: the name \"eth0\" is taken by an interface that Skerry did not make in {netns}"));
}

#[test]
fn a_key_of_a_stranger_is_refused_with_the_fix() {
    let (dir, namespace) = (tapped(), Namespace::new());
    std::os::unix::fs::chown(dir.path().join("n1.key"), Some(4242), None).unwrap();
    namespace
        .run(dir.path())
        .exits(1)
        .says("belongs to user 4242")
        .says("chown 0 n1.key");
    assert_eq!(namespace.links(), [""; 0]);
}

#[test]
fn strangers_may_not_use_the_control_socket() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, namespace) = (tapped(), Namespace::new());
    let _daemon = Daemon::start_as(dir.path(), namespace.skerry());
    // Even where the file's mode would let them.
    let open = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    open(dir.path(), 0o755);
    open(&dir.path().join("n1.sock"), 0o666);
    let binary = dir.path().join("skerry");
    std::fs::copy(env!("CARGO_BIN_EXE_skerry"), &binary).unwrap();
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", "4242", "--regid", "4242", "--clear-groups"])
        .arg(binary);
    command
        .args(["status", "--socket", "n1.sock"])
        .current_dir(dir.path());
    let ran: Ran = command.output().unwrap().into();
    ran.exits(1).says("user 4242 may not talk to this daemon");
}

/// A TAP goes with its file descriptor whoever forgets it; a veth pair has to be removed.
#[test]
fn a_veth_pair_survives_a_crash_is_taken_over_and_goes_with_a_clean_stop() {
    let (dir, namespace, guest) = (tapped(), Namespace::new(), Namespace::new());
    let netns = guest.path();
    let attach =
        format!("ip = [\"10.1.0.11\"], attach = {{ veth = \"eth0\", netns = \"{netns}\" }}");
    let site = SITE.replace("ip = [\"10.1.0.11\"]", &attach);
    common::write(&dir.path().join("site.toml"), &site);
    let daemon = Daemon::start_as(dir.path(), namespace.skerry());
    let near = namespace.links();
    assert_eq!((near.len(), guest.links().len()), (3, 1), "{near:?}");
    assert!(guest.links()[0].starts_with("eth0@"), "{:?}", guest.links());
    daemon.signal("KILL");
    daemon.wait();
    assert_eq!(guest.links().len(), 1, "nobody was there to remove it");
    let daemon = Daemon::start_as(dir.path(), namespace.skerry());
    assert_eq!((namespace.links().len(), guest.links().len()), (3, 1));
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), Some(0));
    assert_eq!(namespace.links(), [""; 0]);
    assert_eq!(guest.links(), [""; 0]);
}
