//! Faults in what is done for machines with a larger MTU than the fabric's.

use super::faults::Tests::{Core, Fabric};
use super::faults::{Edit, Fault};

const TCP: &str = "overlay/core/src/wire/tcp.rs";
const ANSWER: &str = "overlay/core/src/wire/too_big.rs";
const CLAMP: &str = "overlay/core/src/forwarder/clamp.rs";
const TOO_BIG: &str = "overlay/core/src/forwarder/too_big.rs";
const VERDICT: &str = "overlay/core/src/forwarder/verdict.rs";
const INGRESS: &str = "overlay/core/src/forwarder/ingress.rs";
const METER: &str = "overlay/core/src/forwarder/meter.rs";

pub(super) const MTU_FAULTS: [Fault; 17] = [
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
    Fault {
        name: "answer a spoofed MAC address",
        edits: &[Edit {
            file: TOO_BIG,
            from: "if !self.is_known(&sender) || ",
            to: "if ",
        }],
        tests: Fabric("mtu::too_big"),
    },
    Fault {
        name: "answer a spoofed IP address",
        edits: &[Edit {
            file: TOO_BIG,
            from: " || !self.owns(&sender, policy, packet.source)",
            to: "",
        }],
        tests: Fabric("mtu::too_big"),
    },
    Fault {
        name: "answer for any link-local address",
        edits: &[Edit {
            file: TOO_BIG,
            from: "held.is_some_and(|it| it.place == sender.place && it.segment == sender.segment.id)",
            to: "held.is_some()",
        }],
        tests: Fabric("mtu::too_big"),
    },
    Fault {
        name: "answer in the name of a host behind the same port",
        edits: &[Edit {
            file: TOO_BIG,
            from: "!here && !header",
            to: "!header",
        }],
        tests: Fabric("mtu::too_big"),
    },
    Fault {
        name: "answer in the name of a subnet",
        edits: &[Edit {
            file: TOO_BIG,
            from: "if !between_hosts || ",
            to: "if ",
        }],
        tests: Fabric("mtu::too_big"),
    },
    Fault {
        name: "answer without a limit",
        edits: &[Edit {
            file: METER,
            from: "self.too_big.take(now, 1)",
            to: "self.too_big.take(now, 0)",
        }],
        tests: Fabric("mtu::too_big"),
    },
    Fault {
        name: "fill the bucket of answers by a reload",
        edits: &[Edit {
            file: METER,
            from: "too_big: self.too_big.inherit(&old.too_big),",
            to: "too_big: self.too_big,",
        }],
        tests: Fabric("mtu::too_big"),
    },
    Fault {
        name: "answer an error with an error",
        edits: &[Edit {
            file: ANSWER,
            from: "&& !is_error(kind, &ip)?;",
            to: "&& (is_error(kind, &ip)? || true);",
        }],
        tests: Core("wire::too_big"),
    },
    Fault {
        name: "answer a group",
        edits: &[Edit {
            file: ANSWER,
            from: "&& is_one_host(ip.destination)",
            to: "&& true",
        }],
        tests: Fabric("mtu::too_big"),
    },
    Fault {
        name: "answer what routers may cut",
        edits: &[Edit {
            file: ANSWER,
            from: "            && minds\n",
            to: "            && (minds || true)\n",
        }],
        tests: Fabric("mtu::too_big"),
    },
    Fault {
        name: "tell nobody that a packet is too big",
        edits: &[Edit {
            file: INGRESS,
            from: "if matches!(header, Err(DropReason::Oversize)) {",
            to: "if false {",
        }],
        tests: Fabric("mtu::too_big"),
    },
];
