//! What a view does when its terminal has no colours, and when it goes away.

#![allow(
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is tests"
)]

mod common;

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// More than a loaded machine needs to notice; a view that does not would run for a minute.
const SOON: Duration = Duration::from_secs(20);

/// Ends the program, whatever became of the test.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // It has ended already where all is well.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A terminal: what controls it, and its path.
fn terminal() -> (OwnedFd, CString) {
    // Not for the view: it would hold its own terminal open.
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let controller = openpt(flags).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap();
    (controller, name)
}

#[test]
fn a_panel_ends_with_its_terminal() {
    let (controller, name) = terminal();
    let path = OsStr::from_bytes(name.as_bytes());
    let open = || File::options().read(true).write(true).open(path).unwrap();
    let mut command = common::skerry();
    command.args(["panel", "--demo", "--view", "braille", "--seconds", "60"]);
    command.stdin(open()).stdout(open()).stderr(Stdio::null());
    let mut view = Guard(command.spawn().unwrap());
    // It has the terminal open too: a view that ended would not be noticed.
    drop(command);
    // It draws: then it listens too.
    let mut controller = File::from(controller);
    let mut drawn = 0;
    while drawn < 2000 {
        drawn += controller.read(&mut [0; 4096]).unwrap();
    }
    // Nobody is sent a signal: this process has no terminal of its own.
    drop(controller);
    let start = Instant::now();
    let ended = loop {
        match view.0.try_wait().unwrap() {
            Some(status) => break status,
            None if start.elapsed() > SOON => panic!("goes on without a terminal"),
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    assert_eq!(ended.code(), Some(1));
}

#[test]
fn a_panel_without_colours_has_dots() {
    let (controller, name) = terminal();
    let path = OsStr::from_bytes(name.as_bytes());
    let open = || File::options().read(true).write(true).open(path).unwrap();
    // Half blocks would fit.
    let size = Winsize {
        ws_row: 74,
        ws_col: 160,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&controller, size).unwrap();
    // A session of its own: else it would be the tester's terminal that is asked for its size.
    let mut command = Command::new("setsid");
    command.arg("--ctty").arg(env!("CARGO_BIN_EXE_skerry"));
    command.args(["panel", "--demo", "--view", "terminal", "--seconds", "60"]);
    command.env("NO_COLOR", "1").env("TERM", "xterm-256color");
    command.stdin(open()).stdout(open()).stderr(Stdio::null());
    let _view = Guard(command.spawn().unwrap());
    drop(command);
    // The keys come last: then all of the picture is there.
    let mut controller = File::from(controller);
    let (mut drawn, mut text) = (Vec::new(), String::new());
    while !text.contains("q: leave") {
        let mut part = [0; 4096];
        let len = controller.read(&mut part).unwrap();
        drawn.extend_from_slice(&part[..len]);
        text = String::from_utf8_lossy(&drawn).into_owned();
    }
    let is_dots = |it: &char| ('\u{2800}'..='\u{28FF}').contains(it);
    assert!(!text.contains('▀'), "half blocks");
    assert!(text.chars().filter(is_dots).count() >= 80 * 36, "{text}");
}
