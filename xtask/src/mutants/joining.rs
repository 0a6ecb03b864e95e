//! Faults in joining: what comes out of it, cut again, would not be what went in.

use super::faults::Tests::{Core, Fabric};
use super::faults::{Edit, Fault};

const BUNDLE: &str = "overlay/core/src/gro/bundle.rs";
const IDENTITY: &str = "overlay/core/src/gro/identity.rs";
const JOINER: &str = "overlay/core/src/gro/joiner.rs";
const INSTALL: &str = "overlay/core/src/forwarder/install.rs";
const INGRESS: &str = "overlay/core/src/forwarder/ingress.rs";

pub(super) const JOINING_FAULTS: [Fault; 12] = [
    Fault {
        name: "join over a gap",
        edits: &[Edit {
            file: BUNDLE,
            from: "seq == self.next_seq && ",
            to: "seq == seq && ",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "join what has another identification",
        edits: &[Edit {
            file: IDENTITY,
            from: "segment.id == self.first.wrapping_add(count)",
            to: "true",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "join what has another window",
        edits: &[Edit {
            file: BUNDLE,
            from: "&& same(l4 + 14, l4 + 16)",
            to: "",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "join what is longer than the first",
        edits: &[Edit {
            file: BUNDLE,
            from: "|| part.len() > self.size",
            to: "|| false",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "join beyond what IP can say",
        edits: &[Edit {
            file: BUNDLE,
            from: "|| end - self.network.l3 > PACKET_MAX",
            to: "|| false",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "join behind the last",
        edits: &[Edit {
            file: BUNDLE,
            from: "if self.closed\n",
            to: "if false\n",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "put a wrong checksum right",
        edits: &[Edit {
            file: BUNDLE,
            from: "&& is_right(segment.bytes, segment.network)",
            to: "",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "let a flow be overtaken",
        edits: &[Edit {
            file: JOINER,
            from: "                if let Some(at) = self.position(from, flow) {\n                    self.hand_out(at, &mut out);\n                }\n",
            to: "",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "let a fragment overtake",
        edits: &[Edit {
            file: JOINER,
            from: "self.bundles.iter().position(|(_, it)| it.from == from)",
            to: "None::<usize>",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "keep what is held over a reload",
        edits: &[Edit {
            file: INSTALL,
            from: "        self.release(sink);\n",
            to: "",
        }],
        tests: Fabric("joining::"),
    },
    Fault {
        name: "count what is joined as one",
        edits: &[Edit {
            file: INGRESS,
            from: "weight(segments.count(), segments.total_len())",
            to: "weight(1, segments.total_len())",
        }],
        tests: Fabric("joining::"),
    },
    Fault {
        name: "join what came through different tunnels",
        edits: &[Edit {
            file: JOINER,
            from: "it.flow == flow && it.from == from",
            to: "it.flow == flow",
        }],
        tests: Fabric("joining::"),
    },
];
