//! Faults in how addresses are kept and found.

use super::faults::Tests::Core;
use super::faults::{Edit, Fault};

const SLOTS: &str = "overlay/core/src/fdb/slots.rs";
const TABLE: &str = "overlay/core/src/fdb/table.rs";

pub(super) const TABLE_FAULTS: [Fault; 6] = [
    Fault {
        name: "leave in the index what was there when less of it was in use",
        edits: &[Edit {
            file: SLOTS,
            from: "self.index.iter_mut().take(used).for_each(|it| *it = 0);",
            to: "",
        }],
        tests: Core("fdb::slots"),
    },
    Fault {
        name: "leave a gap in front of what is found behind it",
        edits: &[Edit {
            file: SLOTS,
            from: "if self.distance(home, place) >= self.distance(gap, place) {",
            to: "if false {",
        }],
        tests: Core("fdb::slots"),
    },
    Fault {
        name: "forget where the last entry has moved to",
        edits: &[Edit {
            file: SLOTS,
            from: "self.point(place, moved, number);",
            to: "",
        }],
        tests: Core("fdb::slots"),
    },
    Fault {
        name: "follow a lead to whoever is there now",
        edits: &[Edit {
            file: SLOTS,
            from: "there.filter(|slot| slot.key == key)",
            to: "there",
        }],
        tests: Core("fdb::table"),
    },
    Fault {
        name: "let a reload thaw an address that moves too often",
        edits: &[Edit {
            file: TABLE,
            from: "self.flaps.insert((seat.pvlan, mac), *flaps);",
            to: "let _ = flaps;",
        }],
        tests: Core("fdb::table"),
    },
    Fault {
        name: "remember the moves of an address that is gone",
        edits: &[Edit {
            file: TABLE,
            from: "                flaps.remove((pvlan, mac));\n",
            to: "let _ = &flaps;",
        }],
        tests: Core("fdb::table"),
    },
];
