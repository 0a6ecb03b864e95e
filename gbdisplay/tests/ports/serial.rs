//! The serial adapter: played at the other end of a pseudo-terminal.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use skerry_gbdisplay::port::{Port as _, Serial};

use super::{Console, PATIENCE, check, console};

/// Opens a pseudo-terminal: the adapter's end, and the path of the host's.
fn terminal() -> (File, PathBuf) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let path = ptsname(&controller, Vec::new()).unwrap().into_bytes();
    let path = std::ffi::OsString::from_vec(path);
    (File::from(controller), path.into())
}

/// What the firmware does: a set-up, then bytes for bytes.
fn adapter(mut wire: File, answer: u8, mut console: Console) -> io::Result<()> {
    let mut set_up = [0; 36];
    wire.read_exact(&mut set_up)?;
    assert_eq!(set_up[..4], [0xCA, 0xFE, 0xCA, 0xFE]);
    assert_eq!(
        set_up[12..20],
        [0xCA, 0xFE, 0xCA, 0xFE, 0xDE, 0xAD, 0xBE, 0xEF]
    );
    assert_eq!(set_up[28..], [0xDE, 0xAD, 0xBE, 0xEF, 150, 0, 0, 1]);
    wire.write_all(&[answer])?;
    let mut bytes = [0; 128];
    loop {
        let len = wire.read(&mut bytes)?;
        for byte in &mut bytes[..len] {
            *byte = console.exchange(*byte);
        }
        wire.write_all(&bytes[..len])?;
    }
}

#[test]
fn a_console_behind_a_serial_adapter_is_painted_and_its_keys_come() {
    let (wire, path) = terminal();
    // Held open: a terminal without its other end is gone for good.
    let _other = File::open(&path).unwrap();
    let (console, hand) = console();
    thread::spawn(|| adapter(wire, 1, console));
    check(Serial::open(&path).unwrap(), &hand);
}

#[test]
fn what_is_no_adapter_is_told() {
    let (wire, path) = terminal();
    let _other = File::open(&path).unwrap();
    thread::spawn(|| adapter(wire, 7, console().0));
    let error = Serial::open(&path).unwrap_err().to_string();
    assert!(error.contains("answers 07 instead of 01"), "{error}");
    let (_wire, path) = terminal();
    let error = Serial::open(&path).unwrap_err().to_string();
    assert!(error.contains("does not answer"), "{error}");
    let error = Serial::open(Path::new("/dev/null")).unwrap_err();
    assert!(error.raw_os_error().is_some(), "{error}");
    let error = Serial::open(Path::new("/dev/no-such-tty")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

/// A port with an adapter that has been set up, and does with the wire what the test says.
fn wired(play: impl FnOnce(File) + Send + 'static) -> (Serial, File) {
    let (mut wire, path) = terminal();
    let other = File::open(&path).unwrap();
    thread::spawn(move || {
        wire.read_exact(&mut [0; 36]).unwrap();
        wire.write_all(&[1]).unwrap();
        play(wire);
    });
    (Serial::open(&path).unwrap(), other)
}

/// Answers every byte with its opposite.
fn oppose(mut wire: File) {
    let mut bytes = [0; 128];
    while let Ok(len) = wire.read(&mut bytes) {
        for byte in &mut bytes[..len] {
            *byte = !*byte;
        }
        // The test may have ended.
        drop(wire.write_all(&bytes[..len]));
    }
}

#[test]
fn what_an_adapter_said_before_is_no_answer() {
    let (told, wait) = channel();
    let (mut port, _other) = wired(move |mut wire| {
        wire.write_all(&[0x77; 1_000]).unwrap();
        told.send(()).unwrap();
        oppose(wire);
    });
    wait.recv().unwrap();
    for sent in [[1, 2, 3], [4, 5, 6]] {
        let mut received = Vec::new();
        port.exchange(&sent, &mut received).unwrap();
        assert_eq!(received, sent.map(|it: u8| !it));
    }
}

#[test]
fn an_adapter_that_answers_at_once_sets_no_pace() {
    let (mut port, _other) = wired(oppose);
    let start = Instant::now();
    for _ in 0..10 {
        port.exchange(&[0; 32], &mut Vec::new()).unwrap();
    }
    assert!(start.elapsed() >= Duration::from_micros(320 * 150));
}

#[test]
fn an_adapter_that_hangs_is_given_up_before_half_a_second() {
    let (told, wait) = channel::<()>();
    let (mut port, _other) = wired(move |_wire| _ = wait.recv());
    // It neither answers a few bytes nor takes very many.
    for len in [32, 100_000] {
        let times = (0..3).map(|_| {
            let start = Instant::now();
            let error = port.exchange(&vec![0; len], &mut Vec::new()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
            start.elapsed()
        });
        // The machine may be busy with other things, and not every time.
        let least = times.min().unwrap();
        assert!(least < Duration::from_millis(500), "{len} bytes: {least:?}");
    }
    drop(told);
}

/// An adapter that takes nothing, and how much of what was sent to it is there for it when the port
/// is closed.
#[test]
fn what_waits_for_an_adapter_that_hangs_is_dropped_with_the_port() {
    const SENT: usize = 100_000;
    let (closed, wait) = channel();
    let (counted, count) = channel();
    let (mut port, other) = wired(move |mut wire| {
        wait.recv().unwrap();
        let (mut len, mut bytes) = (0, [0; 1_024]);
        // It ends with an error: nobody has the other end open any more.
        while let Ok(more) = wire.read(&mut bytes) {
            len += more;
        }
        counted.send(len).unwrap();
    });
    port.exchange(&vec![0; SENT], &mut Vec::new()).unwrap_err();
    drop((port, other));
    closed.send(()).unwrap();
    let count = count.recv_timeout(PATIENCE).unwrap();
    println!("figure: {count} of {SENT} bytes");
    // The kernel keeps what the adapter might have read already, which is a page.
    assert!(count <= 4_096, "{count} bytes");
}
