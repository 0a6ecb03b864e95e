//! The panel's views as people meet them: a page in Chromium that is clicked, touched and typed at,
//! and a terminal under `tmux`. Needs the Debian packages `chromium` and `tmux`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole program is a test"
)]

#[path = "../common/mod.rs"]
mod common;

mod browser;
mod expected;
mod page;
mod panel;
mod picture;
mod pictures;
mod script;
mod terminal;
mod tmux;
mod web;

use std::time::{Duration, Instant};

/// How long anything may take, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until there is what was waited for; says what there was instead if it never comes.
#[track_caller]
fn until<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(instead) => assert!(
                start.elapsed() < PATIENCE,
                "waited too long for {what}; there is:\n{instead}"
            ),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What is on the screen one after the other while half a second of the panel's time passes: longer
/// than a key counts as held, so that the same one counts again.
const BEAT: [&str; 3] = ["♥", "♡", "♥"];

/// Whether there is an alert that has been on the screen for a while: long enough that a key is about
/// it, at whatever second somebody begins to look.
fn is_alert_seen(text: &str) -> bool {
    let since = text.split_once("SINCE").map(|it| it.1.split_whitespace());
    let since = since.and_then(|mut it| it.next()?.parse::<u32>().ok());
    text.contains("A: ACKNOWLEDGE") && since.is_some_and(|it| it > 0)
}
