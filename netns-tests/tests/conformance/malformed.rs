//! Bad input from the underlay and from the one who configures a node.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Trial;
use serde_json::Value;
use skerry_netns_tests::daemon::{binary, skerry};
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::netns::Netns;
use skerry_netns_tests::suite::{row, say};
use skerry_netns_tests::topology::{Node, Port};

use crate::stage::{GUARDED, OPEN, fresh, shared};

/// Log lines that a minute of nonsense may cause.
const LOG_LINES: usize = 20;
/// `nobody`.
const NOBODY: u32 = 65_534;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        row(
            "I01 malformed datagrams are counted, and nothing else [guarded]",
            || shared(GUARDED, datagrams),
        ),
        row(
            "I02 a key file that others may read, or that is another's, is refused",
            || fresh(OPEN, key_files),
        ),
        row(
            "I03 a busy socket, a missing capability: one clear error; a missing device is waited for",
            || fresh(OPEN, places),
        ),
        row("I04 two nodes with one key are refused", || {
            fresh(OPEN, one_key)
        }),
        row(
            "L01 `skerry lab --once --json` runs for an unprivileged user",
            lab,
        ),
    ]
}

/// A stranger on the underlay, who can reach every node.
pub(crate) fn stranger(fabric: &Fabric) -> Result<Netns> {
    let netns = Netns::create("stranger")?;
    let name = netns.path();
    let name = name
        .file_name()
        .context("a namespace without a name")?
        .to_string_lossy();
    let underlay = &fabric.underlay.netns;
    underlay.ip(&format!("link add x type veth peer name eth0 netns {name}"))?;
    underlay.ip("link set x master br0 up")?;
    netns.ip("addr add 10.255.0.99/24 dev eth0")?;
    netns.ip("link set eth0 up")?;
    Ok(netns)
}

/// What a stranger may send: name, bytes.
fn nonsense() -> Vec<(&'static str, Vec<u8>)> {
    let typed = |kind: u8, length: usize| {
        let mut bytes = vec![0xa5; length];
        bytes[..4].copy_from_slice(&[kind, 0, 0, 0]);
        bytes
    };
    let mut list = vec![
        ("empty", Vec::new()),
        ("one byte", vec![4]),
        ("65,507 bytes", vec![0xff; 65_507]),
        ("65,507 bytes of data message", typed(4, 65_507)),
        ("forged receiver index", typed(4, 96)),
        ("data message of 1,600 bytes", typed(4, 1_600)),
        ("truncated data message", typed(4, 31)),
        ("data message header alone", typed(4, 16)),
        ("handshake initiation with a wrong MAC", typed(1, 148)),
        ("truncated initiation", typed(1, 147)),
        ("response nobody asked for", typed(2, 92)),
        ("truncated response", typed(2, 91)),
        ("cookie nobody asked for", typed(3, 64)),
        ("unknown type", typed(9, 64)),
        ("reserved bytes set", vec![4, 1, 2, 3, 5, 6, 7, 8]),
    ];
    // Every session slot of boringtun once, as the index on the wire tells it apart.
    for slot in 0..16_u8 {
        let mut bytes = typed(4, 1_600);
        bytes[4..8].copy_from_slice(&[slot, 0, 0, 0]);
        list.push(("forged receiver index, slot by slot", bytes));
    }
    list
}

/// Data messages for the session that n2 uses at this very moment, sealed by nobody.
fn forgeries(fabric: &Fabric, node: Node) -> Result<Vec<(&'static str, Vec<u8>)>> {
    fabric.introduce()?;
    let sentinel = fabric.broadcast(Port::named("b-w2")?);
    fabric.hosts.at(sentinel.from).send(&sentinel.frame)?;
    ensure!(
        fabric.await_copies(std::slice::from_ref(&sentinel)),
        "a broadcast is lost"
    );
    fabric.hosts.take();
    let limit = Instant::now() + Duration::from_secs(1);
    let header = loop {
        if let Some(header) = fabric.underlay.traffic().headers.get(&(Node(2), node)) {
            break *header;
        }
        ensure!(Instant::now() < limit, "no data message from n2 was seen");
        sleep(Duration::from_millis(5));
    };
    let forged = |length| [header.as_slice(), &vec![0x5a; length - header.len()]].concat();
    let lengths = [32, 96, 1_600, 9_000, 65_507].into_iter();
    Ok(lengths
        .map(|length| ("a live receiver index, forged", forged(length)))
        .collect())
}

fn datagrams(fabric: &mut Fabric) -> Result<()> {
    let node = Node(1);
    let stranger = stranger(fabric)?;
    let socket = stranger.enter(|| UdpSocket::bind("0.0.0.0:0"))??;
    let target = format!("{}:51820", node.underlay());
    let before = refused(fabric, node)?;
    let lines = log_lines(fabric, node)?;
    let mut list = nonsense();
    list.extend(forgeries(fabric, node)?);
    for (name, bytes) in &list {
        socket
            .send_to(bytes, &target)
            .with_context(|| format!("cannot send: {name}"))?;
    }
    let due = u64::try_from(list.len())?;
    let limit = Instant::now() + Duration::from_secs(3);
    while refused(fabric, node)? < before + due && Instant::now() < limit {
        sleep(Duration::from_millis(10));
    }
    let counted = refused(fabric, node)? - before;
    ensure!(
        counted == due,
        "{due} malformed datagrams were sent, {counted} are counted"
    );
    // A flood of them is not a flood of lines.
    for _ in 0..20_000 {
        socket.send_to(&list[4].1, &target)?;
    }
    sleep(Duration::from_millis(200));
    let grown = log_lines(fabric, node)? - lines;
    ensure!(
        grown <= LOG_LINES,
        "{grown} lines of log for malformed datagrams"
    );
    fabric.introduce()
}

/// Datagrams that belong to no peer, or to one and were refused.
fn refused(fabric: &Fabric, node: Node) -> Result<u64> {
    let counters = fabric.counters()?;
    let counters = &counters.0[node.index()];
    let by_peers = counters.peers.values().flat_map(|peer| peer.drops.values());
    Ok(counters.underlay_drops.values().chain(by_peers).sum())
}

fn log_lines(fabric: &Fabric, node: Node) -> Result<usize> {
    Ok(fs::read_to_string(fabric.daemon(node).log_file())?
        .lines()
        .count())
}

/// Starts n2 again with something wrong, and demands an end with one clear error.
fn refuses(fabric: &mut Fabric, what: &str, words: &[&str]) -> Result<()> {
    let daemon = &mut fabric.daemons[1];
    let before = fs::read_to_string(daemon.log_file())?.len();
    daemon.start()?;
    let status = daemon
        .wait(Duration::from_secs(5))
        .with_context(|| format!("{what}: it runs on"))?;
    let log = fs::read_to_string(daemon.log_file())?.split_off(before);
    ensure!(
        status.code() == Some(1),
        "{what}: ended with {status}: {log}"
    );
    let errors = log
        .lines()
        .filter(|line| line.contains("error:") || line.contains("error["))
        .count();
    ensure!(
        errors <= 1,
        "{what}: {errors} errors instead of one:\n{log}"
    );
    for word in words {
        ensure!(log.contains(word), "{what}: {word:?} is not in:\n{log}");
    }
    ensure!(!log.contains("panicked"), "{what}: it panicked:\n{log}");
    let left = daemon.netns.links()?;
    ensure!(left == ["eth0"], "{what}: left behind {left:?}");
    Ok(())
}

/// Starts n2 again with something that is not there, and demands that it runs, that it names that and
/// nothing else as trouble, and that its other ports are up.
fn awaits(fabric: &mut Fabric, words: &[&str]) -> Result<()> {
    let daemon = &mut fabric.daemons[1];
    daemon.start()?;
    let deadline = Instant::now() + Duration::from_secs(5);
    let status = loop {
        let status = daemon.facts("status");
        let is_up = |status: &Value| {
            let count = |name| status[name].as_u64().unwrap_or(0);
            count("ports") > 1 && count("ports_up") + 1 == count("ports")
        };
        match status {
            Ok(status) if is_up(&status) => break status,
            _ if Instant::now() < deadline => sleep(Duration::from_millis(20)),
            Ok(status) => bail!("not all other ports are up: {status}"),
            Err(error) => return Err(error),
        }
    };
    let troubles = status["degraded"]
        .as_array()
        .context("no list of troubles")?;
    let told = |word: &&str| {
        troubles
            .iter()
            .all(|it| it.as_str().is_some_and(|it| it.contains(*word)))
    };
    ensure!(
        troubles.len() == 1 && words.iter().all(told),
        "{words:?} are not the one trouble: {troubles:?}"
    );
    daemon.stop()
}

fn key_files(fabric: &mut Fabric) -> Result<()> {
    fabric.daemons[1].stop()?;
    let key = fabric.folder().join("n2.key");
    let good = fs::read(&key)?;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644))?;
    refuses(fabric, "mode 0644", &["n2.key", "chmod"])?;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    chown(&key, Some(NOBODY), None)?;
    refuses(fabric, "owned by another", &["n2.key", "chown"])?;
    chown(&key, Some(0), None)?;
    fs::write(&key, "bm90IGEga2V5\n")?;
    refuses(fabric, "not a key", &["n2.key"])?;
    fs::write(&key, good)?;
    fabric.revive(Node(2))
}

fn places(fabric: &mut Fabric) -> Result<()> {
    fabric.daemons[1].stop()?;
    let holder = fabric.daemons[1]
        .netns
        .enter(|| UdpSocket::bind("0.0.0.0:51820"))??;
    refuses(fabric, "busy socket", &["51820", "in use"])?;
    drop(holder);

    let site = fabric.site.text(&fabric.hosts);
    let port = Port::named("b-i3")?;
    let attach = format!(
        r#"attach = {{ veth = "eth0", netns = "{}" }}"#,
        fabric.hosts.path(port).display()
    );
    ensure!(
        site.contains(&attach),
        "the site file does not read as expected"
    );
    let missing = site.replace(&attach, r#"attach = { nic = "eth7" }"#);
    fs::remove_dir_all(fabric.folder().join("n2.state"))?;
    fs::write(fabric.site_file(), missing)?;
    awaits(fabric, &["b-i3", "eth7"])?;
    fabric.write_site(&fabric.site)?;

    let output = unprivileged(fabric)?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success(), "an unprivileged node runs");
    ensure!(words.contains("CAP_"), "no capability is named: {words}");
    ensure!(!words.contains("panicked"), "it panicked: {words}");
    fabric.revive(Node(2))
}

/// `skerry run` for n2 as nobody, with files that nobody may read.
fn unprivileged(fabric: &Fabric) -> Result<Output> {
    let folder = skerry_netns_tests::traces::folder()?;
    let own = |path: &std::path::Path| chown(path, Some(NOBODY), Some(NOBODY));
    own(folder.path())?;
    for name in ["n2.key", "site.toml"] {
        let copy = folder.path().join(name);
        fs::copy(fabric.folder().join(name), &copy)?;
        own(&copy)?;
    }
    let config = folder.path().join("n2.toml");
    fs::write(
        &config,
        skerry_netns_tests::site::node_file(Node(2), folder.path(), "300s"),
    )?;
    let program = public_binary(folder.path())?;
    let mut command = Command::new(program);
    command
        .arg("run")
        .arg("--config")
        .arg(&config)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .uid(NOBODY)
        .gid(NOBODY);
    let child = fabric.daemon(Node(2)).netns.enter(|| command.spawn())??;
    within(child, Duration::from_secs(10))
}

/// The binary where every user can reach it.
fn public_binary(folder: &std::path::Path) -> Result<std::path::PathBuf> {
    let copy = folder.join("skerry");
    fs::copy(binary()?, &copy)?;
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755))?;
    Ok(copy)
}

/// Waits for a child, and ends it when it takes too long.
fn within(mut child: std::process::Child, limit: Duration) -> Result<Output> {
    let deadline = Instant::now() + limit;
    while child.try_wait()?.is_none() {
        if Instant::now() > deadline {
            child.kill()?;
            let output = child.wait_with_output()?;
            anyhow::bail!(
                "no end after {limit:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        sleep(Duration::from_millis(10));
    }
    Ok(child.wait_with_output()?)
}

fn one_key(fabric: &mut Fabric) -> Result<()> {
    let mut site = fabric.site.clone();
    site.keys[2] = site.keys[1].clone();
    fabric.write_site(&site)?;
    let path = fabric.site_file();
    let checked = skerry(
        &["check", path.to_str().context("a path that is not text")?],
        "",
    )?;
    let words = [checked.stdout, checked.stderr].concat();
    let words = String::from_utf8_lossy(&words).into_owned();
    ensure!(
        checked.status.code() == Some(1),
        "check ended with {}: {words}",
        checked.status
    );
    ensure!(
        words.contains("error[P") && words.contains("site.toml:"),
        "no code or place in: {words}"
    );
    let reload = fabric.daemon(Node(1)).run(&["reload"])?;
    ensure!(
        reload.status.code() == Some(1),
        "a site with one key twice was loaded"
    );
    fabric.daemons[1].stop()?;
    fs::remove_dir_all(fabric.folder().join("n2.state"))?;
    refuses(fabric, "one key twice", &["key"])?;
    fabric.revive(Node(2))
}

fn lab() -> Result<()> {
    crate::stage::clear()?;
    let folder = skerry_netns_tests::traces::folder()?;
    chown(folder.path(), Some(NOBODY), Some(NOBODY))?;
    let program = public_binary(folder.path())?;
    let mut command = Command::new(program);
    command
        .args(["lab", "--once", "--json"])
        .env("NO_COLOR", "1")
        .env("HOME", folder.path());
    command
        .env("TMPDIR", folder.path())
        .current_dir(folder.path())
        .stdin(Stdio::null());
    command.stdout(fs::File::create(folder.path().join("out"))?);
    command
        .stderr(fs::File::create(folder.path().join("err"))?)
        .uid(NOBODY)
        .gid(NOBODY);
    let started = Instant::now();
    let output = within(command.spawn()?, Duration::from_secs(120))?;
    let out = fs::read_to_string(folder.path().join("out"))?;
    let words = fs::read_to_string(folder.path().join("err"))?;
    ensure!(
        output.status.success(),
        "the lab ended with {}: {words}\n{out}",
        output.status
    );
    let facts: Value = serde_json::from_str(&out).context("the lab's answer is not JSON")?;
    ensure!(
        facts["schema"] == "skerry.lab/1",
        "schema is {}",
        facts["schema"]
    );
    say(&format!(
        "    L01 the lab as uid {NOBODY} took {:.1} s",
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}
