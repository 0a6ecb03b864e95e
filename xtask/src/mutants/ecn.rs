//! Faults in what is told of congestion.

use super::faults::Tests::{Core, Fabric, Workers};
use super::faults::{Edit, Fault};

const ECN: &str = "overlay/core/src/wire/ecn.rs";
const SOCKET: &str = "overlay/io/src/udp/socket.rs";

pub(super) const ECN_FAULTS: [Fault; 10] = [
    Fault {
        name: "lose a mark of the underlay",
        edits: &[Edit {
            file: "overlay/core/src/forwarder/congestion.rs",
            from: "said.write(packet);",
            to: "let _ = packet;",
        }],
        tests: Fabric("congestion::"),
    },
    Fault {
        name: "let pass what cannot carry its mark",
        edits: &[Edit {
            file: ECN,
            from: "(Self::NotEct, Self::Ce) => None,",
            to: "(Self::NotEct, Self::Ce) => Some(Self::NotEct),",
        }],
        tests: Fabric("congestion::"),
    },
    Fault {
        name: "leave the checksum of a marked packet",
        edits: &[Edit {
            file: ECN,
            from: "put(packet, CHECKSUM, &(!fold(sum)).to_be_bytes())?;",
            to: "put(packet, CHECKSUM, &checksum.to_be_bytes()).filter(|()| sum > 0)?;",
        }],
        tests: Core("ecn::"),
    },
    Fault {
        name: "say nothing around a packet that can be marked",
        edits: &[Edit {
            file: "overlay/core/src/forwarder/copies.rs",
            from: "carrier.saying(Ecn::of_frame(frame.bytes));",
            to: "carrier.saying(Ecn::NotEct);",
        }],
        tests: Fabric("congestion::"),
    },
    Fault {
        name: "say it to stock members, which may lose marks",
        edits: &[Edit {
            file: "overlay/core/src/wg/lane.rs",
            from: "if self.runs_skerry {\n            Ecn::of_packet",
            to: "if self.runs_skerry || true {\n            Ecn::of_packet",
        }],
        tests: Fabric("congestion::"),
    },
    Fault {
        name: "send together what says two things of congestion",
        edits: &[Edit {
            file: "overlay/core/src/wg/batch.rs",
            from: "&& self.ecn == ecn)",
            to: "&& (self.ecn == ecn || true))",
        }],
        tests: Core("batches::"),
    },
    Fault {
        name: "drop from a long queue what could be marked",
        edits: &[Edit {
            file: "overlay/core/src/forwarder/shorten.rs",
            from: ".is_capable() && !inspected.opens {",
            to: ".is_capable() && !inspected.opens && false {",
        }],
        tests: Fabric("queues::"),
    },
    Fault {
        name: "mark in a long queue what opens a connection",
        edits: &[Edit {
            file: "overlay/core/src/forwarder/shorten.rs",
            from: ".is_capable() && !inspected.opens {",
            to: ".is_capable() {",
        }],
        tests: Fabric("queues::"),
    },
    Fault {
        name: "do not look what datagrams say of congestion",
        edits: &[Edit {
            file: SOCKET,
            from: "_, &[tos, ..]) => ecn = Ecn::of_tos(tos),",
            to: "_, &[tos, ..]) => ecn = Ecn::of_tos(tos & 0),",
        }],
        tests: Workers("ecn::"),
    },
    Fault {
        name: "lose what the kernel lets out without a mark only",
        edits: &[Edit {
            file: SOCKET,
            from: "self.try_push(to, bytes, segment, 0, counters);",
            to: "self.try_push(to, bytes, segment, tos, counters);",
        }],
        tests: Workers("ecn::"),
    },
];
