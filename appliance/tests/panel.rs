//! `skerry panel` as its user sees it: files, text, events, and a real daemon's facts.

#![allow(
    clippy::indexing_slicing,
    clippy::tests_outside_test_module,
    reason = "the whole file is tests"
)]

mod common;

use common::daemon::{Daemon, node_folder};
use common::{folder, run};

/// Width and height of a PNG file (PNG specification, "IHDR Image header").
fn png_size(bytes: &[u8]) -> (u32, u32) {
    assert_eq!(bytes[..8], *b"\x89PNG\r\n\x1a\n");
    assert_eq!(bytes[12..16], *b"IHDR");
    let number = |at: usize| {
        bytes[at..at + 4]
            .iter()
            .fold(0, |it, byte| it << 8 | u32::from(*byte))
    };
    (number(16), number(20))
}

#[test]
fn a_demo_says_so_on_every_page() {
    let dir = folder(&[]);
    for page in [
        "overview",
        "ports",
        "throughput",
        "latency",
        "alerts",
        "agent",
        "violations",
    ] {
        let args = [
            "panel",
            "--demo",
            "--once",
            "--seconds",
            "3",
            "--page",
            page,
        ];
        run(dir.path(), &args).exits(0).prints("DEMO");
    }
    run(
        dir.path(),
        &["panel", "--demo", "--once", "--page", "nosuch"],
    )
    .exits(2)
    .says("there is no page \"nosuch\"; there are: overview, ports,");
}

#[test]
fn a_demo_is_the_same_picture_every_time() {
    let dir = folder(&[]);
    let picture = |name: &str, color: &[&str]| {
        let args = [
            "panel",
            "--demo",
            "--once",
            "--page",
            "throughput",
            "--png",
            name,
        ];
        run(dir.path(), &[&args, color].concat()).exits(0);
        std::fs::read(dir.path().join(name)).unwrap()
    };
    let one = picture("one.png", &[]);
    assert_eq!(png_size(&one), (480, 432));
    assert_eq!(one, picture("other.png", &[]));
    assert_ne!(one, picture("color.png", &["--color"]));
}

#[test]
fn keys_are_pressed_and_what_they_did_is_printed() {
    let dir = folder(&[]);
    let args = [
        "panel",
        "--demo",
        "--json",
        "--gif",
        "panel.gif",
        "--seconds",
        "10",
        "--press",
        "select@1",
        "--press",
        "a@9.5",
    ];
    let ran = run(dir.path(), &args).exits(0);
    let lines = ran.out.lines();
    let events: Vec<serde_json::Value> =
        lines.map(|it| serde_json::from_str(it).unwrap()).collect();
    let names: Vec<&str> = events
        .iter()
        .map(|it| it["event"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["up", "navigated", "shown", "acknowledged", "shown"]);
    assert_eq!(events[1]["page"], "ports");
    assert_eq!(
        (&events[3]["alert"], &events[4]["of"]),
        (&1.into(), &4.into())
    );
    let us = |event: &serde_json::Value, key: &str| event[key].as_u64().unwrap();
    // Pressed at a time of the console, told within 20 ms, shown within 200 ms.
    assert!(
        (1_000_000..1_020_000).contains(&us(&events[1], "at_us")),
        "{events:?}"
    );
    assert!(us(&events[2], "key_to_shown_us") < 200_000, "{events:?}");
    for event in &events {
        assert_eq!(event["schema"], "skerry.panel-event/1");
    }
    let film = std::fs::read(dir.path().join("panel.gif")).unwrap();
    assert_eq!((&film[..6], film.last()), (&b"GIF89a"[..], Some(&0x3B)));
}

#[test]
fn a_daemon_without_ports_is_shown_and_does_not_mind() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    let (generation, _) = daemon.generation();
    // The other node of the site file is not there.
    daemon
        .ask(&["panel", "--once"])
        .exits(0)
        .prints("node n2 is silent");
    let acknowledged = ["panel", "--once", "--seconds", "3", "--press", "a@2"];
    let shown = daemon
        .ask(&acknowledged)
        .exits(0)
        .prints("NODE              n1")
        .prints(&format!("GENERATION {generation:>9}"))
        .prints("PEERS UP    0 of 1")
        .prints("PORTS UP    0 of 0");
    assert!(!shown.out.contains("DEMO"), "{shown:?}");
    // Longer than facts are fresh: a console that hurries would take them for stale.
    let start = std::time::Instant::now();
    let presses = ["panel", "--once", "--seconds", "4", "--press", "a@2"];
    let shown = daemon.ask(&presses).exits(0).prints("OVERVIEW");
    assert!(!shown.out.contains("STALE"), "{shown:?}");
    assert!(start.elapsed().as_secs() >= 4, "{shown:?}");
    daemon.ask(&["panel", "--once", "--png", "n1.png"]).exits(0);
    let picture = std::fs::read(dir.path().join("n1.png")).unwrap();
    assert_eq!(png_size(&picture), (480, 432));
    daemon.ask(&["status"]).exits(0);
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), Some(0));
    run(dir.path(), &["panel", "--once", "--socket", "n1.sock"])
        .exits(4)
        .says("no daemon listens at n1.sock");
}

#[test]
fn a_trace_has_what_was_counted_and_what_is_on_the_glass() {
    let dir = node_folder();
    let daemon = Daemon::start(dir.path());
    let args = [
        "panel",
        "--json",
        "--trace",
        "--view",
        "none",
        "--seconds",
        "2",
    ];
    let ran = daemon.ask(&args).exits(0);
    let lines = ran.out.lines();
    let lines: Vec<serde_json::Value> = lines.map(|it| serde_json::from_str(it).unwrap()).collect();
    let counted = lines.iter().filter(|it| it["event"] == "counters");
    assert!(
        counted.clone().count() >= 2,
        "four times a second: {lines:?}"
    );
    for line in counted {
        assert_eq!(line["counters"]["node"], "n1", "{line}");
    }
    let says = |line: &serde_json::Value, row: usize, text: &str| {
        let rows = line["rows"].as_array();
        rows.is_some_and(|it| it.len() == 18 && it[row].as_str().unwrap().contains(text))
    };
    let is_alert = |line: &&serde_json::Value| {
        line["whole"] == true && says(line, 0, "ALERT") && says(line, 4, "node n2 is silent")
    };
    assert!(lines.iter().any(|it| is_alert(&it)), "{lines:?}");
}

#[test]
fn pages_of_ones_own_are_shown_and_their_errors_told() {
    let dir = folder(&[("pages.toml", "")]);
    std::fs::create_dir(dir.path().join("own")).unwrap();
    let page = dir.path().join("own/mine.toml");
    std::fs::write(
        &page,
        "title = 'MINE'\n[[row]]\nat = 5\ntext = '♥ {node:4}'\n",
    )
    .unwrap();
    let args = [
        "panel",
        "--demo",
        "--once",
        "--seconds",
        "1",
        "--pages",
        "own",
    ];
    run(dir.path(), &args)
        .exits(0)
        .prints("MINE")
        .prints("♥ n1");
    std::fs::write(&page, "title = 'MINE'\n[[row]]\nat = 5\ntext = '{nod:4}'\n").unwrap();
    run(dir.path(), &args)
        .exits(1)
        .says("own/mine.toml:4:10: there is no field \"nod\"; there are: node,");
    run(
        dir.path(),
        &["panel", "--demo", "--once", "--pages", "nosuch"],
    )
    .exits(1)
    .says("cannot read nosuch");
}

/// A terminal of the package bsdutils, which every Debian has: its bell rings once for the alert that
/// the demo has after eight seconds.
#[test]
fn a_terminal_rings_its_bell_once_for_an_alert() {
    let dir = folder(&[]);
    let panel = env!("CARGO_BIN_EXE_skerry");
    let command =
        format!("stty rows 40 cols 100; exec '{panel}' panel --demo --view braille --seconds 12");
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &command, "typescript"]);
    let output = script
        .current_dir(dir.path())
        .env("TERM", "xterm")
        .output()
        .expect("script of the package bsdutils");
    assert!(output.status.success(), "{output:?}");
    let bells = output.stdout.iter().filter(|it| **it == 7).count();
    assert_eq!(bells, 1, "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_cartridge_is_written_as_it_is() {
    let dir = folder(&[]);
    run(dir.path(), &["panel", "rom", "--out", "panel.gb"]).exits(0);
    let rom = std::fs::read(dir.path().join("panel.gb")).unwrap();
    assert_eq!(rom, skerry_gbdisplay::ROM);
    run(dir.path(), &["panel", "rom", "--out", "no/such/folder.gb"])
        .exits(1)
        .says("cannot write no/such/folder.gb");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let dir = folder(&[]);
    let refused: [(&[&str], &str); 11] = [
        (
            &["--demo", "--view", "web", "--listen", "here"],
            "invalid socket address",
        ),
        (&["--demo", "--link", "usb"], "expected emulated, serial:"),
        (
            &["--demo", "--link", "spi:/dev/no", "--once"],
            "this one shows",
        ),
        (&["--demo", "--png", "a.png"], "--once"),
        (&["--demo", "--listen", "127.0.0.1:0"], "add --view web"),
        (
            &["--demo", "--once", "--view", "web"],
            "cannot be used with",
        ),
        (&["--demo", "--trace"], "--json"),
        (&["--demo", "--press", "jump@1"], "select@2.5"),
        (&["--demo", "--socket", "n1.sock"], "cannot be used with"),
        (&["--demo"], "needs a terminal"),
        (&["--demo", "--seconds", "0"], "0 is not in"),
    ];
    for (args, words) in refused {
        run(dir.path(), &[&["panel"], args].concat())
            .exits(2)
            .says(words);
    }
}

#[test]
fn an_adapter_that_is_missing_is_told() {
    let dir = folder(&[]);
    let vacant = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("bgb:{}", vacant.local_addr().unwrap());
    drop(vacant);
    for link in [
        "serial:/dev/no-such-tty",
        "spi:/dev/no-such-spidev",
        &address,
    ] {
        run(
            dir.path(),
            &["panel", "--demo", "--link", link, "--seconds", "1"],
        )
        .exits(1)
        .says(&format!("cannot open {link}: "));
    }
}

/// An emulator that listens, without a console: what a cable that is not plugged in answers.
fn vacant_emulator(listener: &std::net::TcpListener) -> std::io::Result<()> {
    use std::io::{Read as _, Write as _};
    let (mut wire, _) = listener.accept()?;
    wire.set_nodelay(true)?;
    wire.write_all(&[1, 1, 4, 0, 0, 0, 0, 0])?;
    let mut packet = [0; 8];
    loop {
        wire.read_exact(&mut packet)?;
        if packet[0] == 104 {
            wire.write_all(&[105, 0xFF, 0x80, 0, 0, 0, 0, 0])?;
        }
    }
}

#[test]
fn why_a_console_does_not_answer_is_told_once() {
    let dir = folder(&[]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let link = format!("bgb:{}", listener.local_addr().unwrap());
    std::thread::spawn(move || vacant_emulator(&listener));
    let args = ["panel", "--demo", "--link", &link, "--seconds", "3"];
    let ran = run(dir.path(), &args)
        .exits(0)
        .says(&format!("skerry: {link}: nobody answers (unplugged): "));
    assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
}

#[test]
fn the_web_view_says_where_it_is() {
    let dir = folder(&[]);
    let args = [
        "panel",
        "--demo",
        "--view",
        "web",
        "--listen",
        "127.0.0.1:0",
        "--seconds",
        "1",
    ];
    run(dir.path(), &args)
        .exits(0)
        .says("the panel is at http://127.0.0.1:");
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    run(
        dir.path(),
        &["panel", "--demo", "--view", "web", "--listen", &address],
    )
    .exits(1)
    .says(&format!("cannot listen at {address}"));
}
