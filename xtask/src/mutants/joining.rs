//! Faults in joining: what comes out of it, cut again, would not be what went in.

use super::faults::Tests::{Core, Fabric};
use super::faults::{Edit, Fault};

const BUNDLE: &str = "overlay/core/src/gro/bundle.rs";
const SEGMENT: &str = "overlay/core/src/gro/segment.rs";
const JOINER: &str = "overlay/core/src/gro/joiner.rs";
const INSTALL: &str = "overlay/core/src/forwarder/install.rs";
const JOINING: &str = "overlay/core/src/forwarder/joining.rs";

pub(super) const JOINING_FAULTS: [Fault; 11] = [
    Fault {
        name: "join over a gap",
        edits: &[Edit {
            file: BUNDLE,
            from: "segment.seq == self.next_seq\n            && ",
            to: "true && ",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "join what has another identification",
        edits: &[Edit {
            file: BUNDLE,
            from: "segment.id == self.next_id",
            to: "true",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "join what has another window",
        edits: &[Edit {
            file: BUNDLE,
            from: "&& same(l4 + 14, l4 + 16)",
            to: "&& true",
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
            file: SEGMENT,
            from: "segment.is_right().then_some(segment)",
            to: "Some(segment)",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "let a flow be overtaken",
        edits: &[Edit {
            file: JOINER,
            from: "                if let Some(at) = self.position(port, flow) {\n                    self.hand_out(at, &mut out);\n                }\n",
            to: "",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "let a fragment overtake",
        edits: &[Edit {
            file: JOINER,
            from: "self.bundles.iter().position(|(_, it)| it.port == port)",
            to: "None::<usize>",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "keep what is held over a reload",
        edits: &[Edit {
            file: INSTALL,
            from: "        joining::release(&mut self.state, sink);\n",
            to: "",
        }],
        tests: Fabric("joining::"),
    },
    Fault {
        name: "count what is joined as one",
        edits: &[Edit {
            file: JOINING,
            from: "(frames, bytes));",
            to: "(frames.min(1), bytes));",
        }],
        tests: Fabric("joining::"),
    },
];
