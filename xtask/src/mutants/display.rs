//! Faults in what the panel shows and does: pages, keys, the differ and the views.

use super::faults::Tests::{Cartridge, Host};
use super::faults::{Edit, Fault};

const PAINT: &str = "gbdisplay/src/paint.rs";
const PANEL: &str = "gbdisplay/src/panel/mod.rs";
const FRONT: &str = "gbdisplay/src/panel/front.rs";
const KEYS: &str = "gbdisplay/src/link/keys.rs";
const SESSION: &str = "gbdisplay/src/session.rs";
const SOCKET: &str = "gbdisplay/src/view/web/socket.rs";
const TERMINAL: &str = "gbdisplay/src/view/terminal.rs";

pub(super) const DISPLAY_FAULTS: [Fault; 12] = [
    Fault {
        name: "leave a chart where another is to be drawn",
        edits: &[Edit {
            file: PAINT,
            from: "changes.push(Change::Chart(id, None));",
            to: "",
        }],
        tests: Host("what_is_asked_for"),
    },
    Fault {
        name: "send a chart as tiles too",
        edits: &[Edit {
            file: PAINT,
            from: "shown != wanted && is_free(*at)",
            to: "shown != wanted",
        }],
        tests: Host("a_chart_that_moved"),
    },
    Fault {
        name: "take one thumb for two acknowledgements",
        edits: &[Edit {
            file: FRONT,
            from: "(shown_us >= GUARD_US).then_some(shown_us)",
            to: "Some(shown_us)",
        }],
        tests: Host("an_alert_comes_before"),
    },
    Fault {
        name: "decide about what nobody has seen",
        edits: &[Edit {
            file: PANEL,
            from: "(is_seen && !self.is_stale(now_us))",
            to: "(!self.is_stale(now_us))",
        }],
        tests: Host("a_decision_that_came"),
    },
    Fault {
        name: "take what an alert hid for seen",
        edits: &[Edit {
            file: FRONT,
            from: "self.front = Some(front);\n            self.since_us = None;",
            to: "self.front = Some(front);",
        }],
        tests: Host("what_comes_to_light"),
    },
    Fault {
        name: "take what the host knows for what the console shows",
        edits: &[Edit {
            file: SESSION,
            from: "self.panel.handle_lost();",
            to: "",
        }],
        tests: Cartridge("guard", "a_key_that_comes_before_the_picture"),
    },
    Fault {
        name: "let a finger that was there before the link decide",
        edits: &[Edit {
            file: KEYS,
            from: "self.found | held & of",
            to: "self.found",
        }],
        tests: Cartridge("guard", "start_that_is_held"),
    },
    Fault {
        name: "decide on stale facts",
        edits: &[Edit {
            file: PANEL,
            from: "(is_seen && !self.is_stale(now_us))",
            to: "(is_seen)",
        }],
        tests: Host("old_facts_are_stale"),
    },
    Fault {
        name: "forget that a console shows nothing after its greeting",
        edits: &[Edit {
            file: SESSION,
            from: "self.shown = Screen::default();",
            to: "",
        }],
        tests: Cartridge("desk", "a_cable_that_is_pulled"),
    },
    Fault {
        name: "let a page of others press keys",
        edits: &[Edit {
            file: SOCKET,
            from: "origin.strip_prefix(\"http://\") == Some(host)",
            to: "!origin.is_empty() && !host.is_empty()",
        }],
        tests: Cartridge("web", "other_peoples_pages"),
    },
    Fault {
        name: "lose a tap between two looks",
        edits: &[Edit {
            file: SOCKET,
            from: "self.counting() & !before",
            to: "self.counting() & before",
        }],
        tests: Cartridge("web", "a_tap_counts"),
    },
    Fault {
        name: "show every second row twice",
        edits: &[Edit {
            file: TERMINAL,
            from: "colour(y * 2 + 1)",
            to: "colour(y * 2)",
        }],
        tests: Cartridge("views", "half_blocks"),
    },
];
