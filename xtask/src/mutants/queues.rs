//! Faults in how queues are kept short.

use super::faults::Tests::Fabric;
use super::faults::{Edit, Fault};

const SHORTEN: &str = "overlay/core/src/forwarder/shorten.rs";

pub(super) const QUEUE_FAULTS: [Fault; 4] = [
    Fault {
        name: "let a queue grow",
        edits: &[Edit {
            file: SHORTEN,
            from: "Err(DropReason::QueueLong)",
            to: "Ok(false)",
        }],
        tests: Fabric("queues::"),
    },
    Fault {
        name: "drop whatever comes next from a long queue",
        edits: &[Edit {
            file: SHORTEN,
            from: "if !is_bulk(frame) {",
            to: "if !is_bulk(frame) && false {",
        }],
        tests: Fabric("queues::"),
    },
    Fault {
        name: "drop everything from a long queue",
        edits: &[Edit {
            file: SHORTEN,
            from: "queue.shortened(self.now);\n            return Err(",
            to: "return Err(",
        }],
        tests: Fabric("queues::"),
    },
    Fault {
        name: "let ports pay for the queue of the tunnels",
        edits: &[Edit {
            file: SHORTEN,
            from: "Origin::Port(port) if !is_edge => Some(&mut self.berths.get_mut(port.index())?.queue),",
            to: "",
        }],
        tests: Fabric("queues::"),
    },
];
