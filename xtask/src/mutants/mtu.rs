//! Faults in what is done for machines with a larger MTU than the fabric's.

use super::faults::Tests::{Core, Fabric};
use super::faults::{Edit, Fault};

const TCP: &str = "overlay/core/src/wire/tcp.rs";
const CLAMP: &str = "overlay/core/src/forwarder/clamp.rs";
const VERDICT: &str = "overlay/core/src/forwarder/verdict.rs";

pub(super) const MTU_FAULTS: [Fault; 6] = [
    Fault {
        name: "let a connection open with any segment size",
        edits: &[Edit {
            file: VERDICT,
            from: "if inspected.opens {",
            to: "if false {",
        }],
        tests: Fabric("mtu::clamp"),
    },
    Fault {
        name: "lower a segment size and not its checksum",
        edits: &[Edit {
            file: TCP,
            from: "amended(sum, summed(at, old), summed(at, limit))",
            to: "amended(sum, summed(at, old), summed(at, old))",
        }],
        tests: Fabric("mtu::clamp"),
    },
    Fault {
        name: "change a checksum that is owed",
        edits: &[Edit {
            file: CLAMP,
            from: "let finished = frame.offload.checksum.is_none();",
            to: "let finished = true;",
        }],
        tests: Fabric("mtu::clamp"),
    },
    Fault {
        name: "take every option for one at an even place",
        edits: &[Edit {
            file: TCP,
            from: "if at.is_multiple_of(2) {",
            to: "if at.is_multiple_of(1) {",
        }],
        tests: Core("clamp::"),
    },
    Fault {
        name: "lower a segment size in a list that is cut",
        edits: &[Edit {
            file: TCP,
            from: "                [MSS, ..] => return Err(Malformed),",
            to: "                [MSS, ..] => return Ok(None),",
        }],
        tests: Core("wire::tcp"),
    },
    Fault {
        name: "raise a segment size",
        edits: &[Edit {
            file: TCP,
            from: "if old <= limit {",
            to: "if old == limit {",
        }],
        tests: Core("wire::tcp"),
    },
];
