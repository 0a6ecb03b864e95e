//! The panel on a web page, as a process, and what it says that the keys did.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::PATIENCE;
use super::common::skerry;

/// A panel with made-up facts; ended when dropped, and by itself if nobody is left to drop it.
#[derive(Debug)]
pub(crate) struct Panel {
    child: Child,
    /// The page.
    pub(crate) address: String,
    events: Receiver<Value>,
}

impl Panel {
    /// Starts it at an address, with more arguments.
    pub(crate) fn start_at(address: &str, more: &[&str]) -> Self {
        let mut command = skerry();
        command.args([
            "panel", "--demo", "--json", "--view", "web", "--listen", address,
        ]);
        command.args(["--seconds", "180"]).args(more);
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (sender, events) = channel();
        // The thread ends with the panel.
        thread::spawn(move || {
            for line in BufReader::new(out.unwrap()).lines().map_while(Result::ok) {
                drop(sender.send(serde_json::from_str(&line).unwrap()));
            }
        });
        let mut panel = Self {
            child,
            address: String::new(),
            events,
        };
        let mut words = String::new();
        BufReader::new(err.unwrap()).read_line(&mut words).unwrap();
        let address = words.trim().strip_prefix("the panel is at ");
        panel.address = address.unwrap_or_else(|| panic!("{words}")).to_owned();
        panel
    }

    /// Starts it where there is room.
    pub(crate) fn start(more: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", more)
    }

    /// Has it stand still, or go on.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The next thing that somebody did, which must be this one.
    #[track_caller]
    pub(crate) fn did(&self, name: &str) -> Value {
        let event = self.did_within(name, PATIENCE);
        event.unwrap_or_else(|| panic!("no event {name:?}"))
    }

    /// The same, unless nothing is done for so long.
    #[track_caller]
    pub(crate) fn did_within(&self, name: &str, time: Duration) -> Option<Value> {
        loop {
            let event = self.events.recv_timeout(time).ok()?;
            if event["event"] == name {
                return Some(event);
            }
            let is_of_keys = event["event"] != "up" && event["event"] != "shown";
            assert!(!is_of_keys, "not {name:?} but {event}");
        }
    }

    /// Somebody went to a page, to an entry of its list, and opened that or did not.
    #[track_caller]
    pub(crate) fn went(&self, page: &str, entry: u64, open: bool) {
        let event = self.did("navigated");
        let place = (&event["page"], &event["entry"], &event["open"]);
        assert_eq!(place, (&page.into(), &entry.into(), &open.into()));
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
