//! Faults in what holds nodes that lie, that are out of date, or that run no Skerry, and in what
//! hosts may say that others would act on.

use super::faults::Tests::Fabric;
use super::faults::{Edit, Fault};

const TUNNEL: &str = "overlay/core/src/forwarder/tunnel.rs";
const COPIES: &str = "overlay/core/src/forwarder/copies.rs";
const SOURCE: &str = "overlay/core/src/forwarder/source.rs";
const LISTENING: &str = "overlay/core/src/forwarder/listening.rs";
const METER: &str = "overlay/core/src/forwarder/meter.rs";
const STATE: &str = "overlay/core/src/forwarder/state.rs";
const ANSWER: &str = "overlay/core/src/forwarder/answer.rs";
const VERDICT: &str = "overlay/core/src/forwarder/verdict.rs";
const IP: &str = "overlay/core/src/wire/ip.rs";
const CHAIN: &str = "overlay/core/src/wire/chain.rs";

pub(super) const NODES: [Fault; 16] = [
    Fault {
        name: "take a port for the one that has left",
        edits: &[Edit {
            file: TUNNEL,
            from: "if !agrees && !self.has_port_there(node, segment, carried.from) {",
            to: "if false {",
        }],
        tests: Fabric("reload::"),
    },
    Fault {
        name: "send no mark of the port",
        edits: &[Edit {
            file: COPIES,
            from: "to.mark\n",
            to: "0\n",
        }],
        tests: Fabric("reload::"),
    },
    Fault {
        name: "let a peering cross in a roll-out",
        edits: &[Edit {
            file: TUNNEL,
            from: "            if !agrees {\n                return Err(DropReason::PeeringDeny);",
            to: "            if false {\n                return Err(DropReason::PeeringDeny);",
        }],
        tests: Fabric("peerings::"),
    },
    Fault {
        name: "pin an address by the word of another policy",
        edits: &[Edit {
            file: SOURCE,
            from: "if !sender.agrees {",
            to: "if false {",
        }],
        tests: Fabric("identity::"),
    },
    Fault {
        name: "know who asks by the word of another policy",
        edits: &[Edit {
            file: LISTENING,
            from: "if !sender.agrees => Ok(false),",
            to: "if false => Ok(false),",
        }],
        tests: Fabric("listening::"),
    },
    Fault {
        name: "let a node use up the copies of others",
        edits: &[Edit {
            file: METER,
            from: "Origin::Peer(node) => self.state.peer_copies.get_mut(&(node, pvlan)),",
            to: "Origin::Peer(_) => self.state.copies.get_mut(pvlan.index()),",
        }],
        tests: Fabric("storms::"),
    },
    Fault {
        name: "listen to a node without end",
        edits: &[Edit {
            file: TUNNEL,
            from: "bucket.is_some_and(|bucket| bucket.take(self.now, 1))",
            to: "bucket.is_some()",
        }],
        tests: Fabric("tunnels::"),
    },
    Fault {
        name: "let a message be of any length",
        edits: &[Edit {
            file: TUNNEL,
            from: "is_short_enough(message, self.tables.fabric.mtu)",
            to: "true",
        }],
        tests: Fabric("tunnels::"),
    },
    Fault {
        name: "pin an address to a MAC of somebody else",
        edits: &[Edit {
            file: STATE,
            from: "if matches!(claim.place, Place::Node(_)) && !is_theirs {",
            to: "if false {",
        }],
        tests: Fabric("identity::"),
    },
    Fault {
        name: "let a stock member's guest lose its address",
        edits: &[Edit {
            file: STATE,
            from: "if tables.is_stock(node) {",
            to: "if false {",
        }],
        tests: Fabric("identity::"),
    },
    Fault {
        name: "say that what another worker hears is gone",
        edits: &[Edit {
            file: STATE,
            from: "if matches!(entry.place, Place::Port(_)) && entry.near {",
            to: "if matches!(entry.place, Place::Port(_)) {",
        }],
        tests: Fabric("identity::"),
    },
    Fault {
        name: "hand a probe on to the owner",
        edits: &[Edit {
            file: ANSWER,
            from: "if question.is_probe() && owner.mac != Some(sender.mac) {",
            to: "if false {",
        }],
        tests: Fabric("identity::"),
    },
    Fault {
        name: "let a packet name its next hop",
        edits: &[Edit {
            file: VERDICT,
            from: "if inspected.detour && self.may_be_routed(sender, way) {",
            to: "if false {",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "overlook a source route",
        edits: &[Edit {
            file: IP,
            from: "[LOOSE | STRICT, ..] => return true,",
            to: "[LOOSE | STRICT, ..] => return false,",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "overlook a routing header",
        edits: &[Edit {
            file: CHAIN,
            from: "detour |= next == ROUTING && bytes.get(3).is_some_and(|&left| left > 0);",
            to: "detour |= next == ROUTING && false;",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "report changes of listeners without end",
        edits: &[Edit {
            file: LISTENING,
            from: "if !meter.is_some_and(|meter| meter.may_report(self.now, changes)) {",
            to: "if meter.is_none() {",
        }],
        tests: Fabric("listening::"),
    },
];
