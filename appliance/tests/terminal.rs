//! What a view does when its terminal goes away.

#![allow(clippy::tests_outside_test_module, reason = "the whole file is tests")]

mod common;

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

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

#[test]
fn a_panel_ends_with_its_terminal() {
    // Not for the view: it would hold its own terminal open.
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let controller = openpt(flags).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap();
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
