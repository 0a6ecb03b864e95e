//! Faults in what makes a lane the node's that told of it, and in what several workers share.

use super::faults::Tests::{Core, Fabric, Workers};
use super::faults::{Edit, Fault};

const LANES: &str = "overlay/core/src/wg/lanes.rs";
const INSTALL: &str = "overlay/core/src/wg/lanes/install.rs";
const LANE: &str = "overlay/core/src/wg/lane.rs";
const INDEX: &str = "overlay/core/src/wg/index.rs";
const KEYS: &str = "overlay/core/src/wg/keys.rs";
const TUNNEL: &str = "overlay/core/src/forwarder/tunnel.rs";
const EDGE: &str = "overlay/core/src/forwarder/edge.rs";
const MESH: &str = "overlay/core/src/control/mesh.rs";
const NEIGHBOUR: &str = "overlay/core/src/control/neighbour.rs";
const OFFERS: &str = "overlay/core/src/control/offers.rs";
const TABLE: &str = "overlay/core/src/fdb/table.rs";
const FANOUT: &str = "overlay/io/src/port/fanout.rs";

pub(super) const LANE_FAULTS: [Fault; 19] = [
    Fault {
        name: "leave the pre-shared key out of a lane",
        edits: &[Edit {
            file: INSTALL,
            from: "far, shared.as_deref(), index",
            to: "far, None, index",
        }],
        tests: Core("wg::lanes::tests::workers"),
    },
    Fault {
        name: "take the key of a node for that of a lane",
        edits: &[Edit {
            file: INSTALL,
            from: "(!is_own && !listed.contains(&told.key)).then(",
            to: "true.then(",
        }],
        tests: Core("wg::lanes::tests::workers"),
    },
    Fault {
        name: "let a second node have the key of a lane",
        edits: &[Edit {
            file: INSTALL,
            from: "|| told.as_ref().is_some_and(is_taken) {",
            to: "|| (told.as_ref().is_some_and(is_taken) && false) {",
        }],
        tests: Core("wg::lanes::tests::workers"),
    },
    Fault {
        name: "remember the lanes of a removed node",
        edits: &[Edit {
            file: INSTALL,
            from: "self.told.retain(|key, _| listed.contains(key));",
            to: "",
        }],
        tests: Core("wg::lanes::tests::workers"),
    },
    Fault {
        name: "send what waited under the policy before",
        edits: &[Edit {
            file: INSTALL,
            from: "lane.void();",
            to: "",
        }],
        tests: Core("wg::lanes::tests::sessions"),
    },
    Fault {
        name: "give lanes the same numbers",
        edits: &[Edit {
            file: INDEX,
            from: "<< 8 | u32::from(self.number);",
            to: "<< 8;",
        }],
        tests: Core("wg::index"),
    },
    Fault {
        name: "give every lane the key of the node",
        edits: &[Edit {
            file: KEYS,
            from: "if number == 0 {",
            to: "if number < 99 {",
        }],
        tests: Core("wg::keys"),
    },
    Fault {
        name: "seal in a lane that nobody is known to hear",
        edits: &[Edit {
            file: LANES,
            from: "lane().is_some_and(Lane::is_ready)",
            to: "lane().is_some()",
        }],
        tests: Core("wg::lanes::tests::workers"),
    },
    Fault {
        name: "go on in a lane that nobody answers in",
        edits: &[Edit {
            file: LANE,
            from: "self.ready &= !self.wants_handshake(now);",
            to: "",
        }],
        tests: Core("wg::lanes::tests::workers"),
    },
    Fault {
        name: "go on in a lane that the peer has forgotten",
        edits: &[Edit {
            file: LANE,
            from: "if far.boot != self.boot {",
            to: "if false {",
        }],
        tests: Core("wg::lanes::tests::workers"),
    },
    Fault {
        name: "leave a lane unanswered",
        edits: &[Edit {
            file: LANE,
            from: "if self.first || !due || !self.has_session() {",
            to: "if true {",
        }],
        tests: Core("wg::lanes::tests::workers"),
    },
    Fault {
        name: "hear control messages in every lane",
        edits: &[Edit {
            file: TUNNEL,
            from: "let taken = first\n            && is_short_enough",
            to: "let taken = is_short_enough",
        }],
        tests: Fabric("workers::"),
    },
    Fault {
        name: "take any node for the owner of a lane key",
        edits: &[Edit {
            file: MESH,
            from: "if !known || offers.lanes.iter().any(|lane| self.is_taken(from, lane)) {",
            to: "if !known {",
        }],
        tests: Core("control::mesh"),
    },
    Fault {
        name: "tell of lanes as often as a peer does",
        edits: &[Edit {
            file: NEIGHBOUR,
            from: "let may = self.told_at.is_none_or(|at| now.since(at) >= HELLO / 2);",
            to: "let may = true;",
        }],
        tests: Core("control::mesh"),
    },
    Fault {
        name: "take a lane key that shares no secret",
        edits: &[Edit {
            file: OFFERS,
            from: "|| is_of_low_order(&lane.key) {",
            to: "|| (is_of_low_order(&lane.key) && false) {",
        }],
        tests: Core("control::message"),
    },
    Fault {
        name: "seal for an edge in another lane than the first",
        edits: &[Edit {
            file: EDGE,
            from: "if lanes.is_first() =>",
            to: "if true =>",
        }],
        tests: Fabric("workers::"),
    },
    Fault {
        name: "let each lane's worker have a limit of its own",
        edits: &[Edit {
            file: TABLE,
            from: "if (entry.since, last) <= (since, mac) {",
            to: "if true {",
        }],
        tests: Fabric("workers::"),
    },
    Fault {
        name: "take silence in one lane's worker for silence",
        edits: &[Edit {
            file: TABLE,
            from: "let all_heard = entry.near && !self.shared;",
            to: "let all_heard = entry.near;",
        }],
        tests: Core("fdb::table"),
    },
    Fault {
        name: "let what the host sends in at each lane's queue",
        edits: &[
            Edit {
                file: FANOUT,
                from: "libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_IGNORE_OUTGOING;",
                to: "libc::PACKET_FANOUT_HASH;",
            },
            Edit {
                file: FANOUT,
                from: "step(JUMP_IF_EQUAL, 1, OUTGOING)",
                to: "step(JUMP_IF_EQUAL, 0, OUTGOING)",
            },
        ],
        tests: Workers("queues::"),
    },
];
