//! Faults in what is done for machines with a larger MTU than the fabric's, or than a path in it.

use super::faults::Tests::{Core, Fabric, Workers};
use super::faults::{Edit, Fault};

const TCP: &str = "overlay/core/src/wire/tcp.rs";
const ANSWER: &str = "overlay/core/src/wire/too_big.rs";
const CLAMP: &str = "overlay/core/src/forwarder/clamp.rs";
const TOO_BIG: &str = "overlay/core/src/forwarder/too_big.rs";
const PEERING: &str = "overlay/core/src/forwarder/peering.rs";
const VERDICT: &str = "overlay/core/src/forwarder/verdict.rs";
const INGRESS: &str = "overlay/core/src/forwarder/ingress.rs";
const COPIES: &str = "overlay/core/src/forwarder/copies.rs";
const PATH: &str = "overlay/core/src/forwarder/path.rs";
const INSTALL: &str = "overlay/core/src/forwarder/install.rs";
const PROBER: &str = "overlay/core/src/control/path.rs";
const MESSAGE: &str = "overlay/core/src/control/message.rs";
const MESH: &str = "overlay/core/src/control/mesh.rs";
const OBEY: &str = "overlay/io/src/worker/obey.rs";
const METER: &str = "overlay/core/src/forwarder/meter.rs";

pub(super) const MTU_FAULTS: [Fault; 40] = [
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
            from: "if !self.is_known(sender) || ",
            to: "if ",
        }],
        tests: Fabric("mtu::too_big"),
    },
    Fault {
        name: "answer a spoofed IP address",
        edits: &[Edit {
            file: TOO_BIG,
            from: " || !self.owns(sender, &gate.guards, packet.source)",
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
    Fault {
        name: "send what the path does not carry",
        edits: &[Edit {
            file: COPIES,
            from: "if self.drop_narrow(to.node, frame, n) {",
            to: "if false {",
        }],
        tests: Fabric("mtu::path"),
    },
    Fault {
        name: "drop what the path does not carry without a word",
        edits: &[Edit {
            file: VERDICT,
            from: "        self.answer_narrow(sender, to, frame);\n",
            to: "",
        }],
        tests: Fabric("mtu::path"),
    },
    Fault {
        name: "drop what a peering's path does not carry without a word",
        edits: &[Edit {
            file: PEERING,
            from: "        self.answer_narrow(sender, crossing.receiver.home, frame);\n",
            to: "",
        }],
        tests: Fabric("peerings::"),
    },
    Fault {
        name: "tell of more than the path carries",
        edits: &[Edit {
            file: PATH,
            from: "self.answer_too_big_for(sender, frame, mtu);",
            to: "self.answer_too_big_for(sender, frame, mtu + 1);",
        }],
        tests: Fabric("mtu::path"),
    },
    Fault {
        name: "take a superframe for as long as its bytes",
        edits: &[Edit {
            file: PATH,
            from: "|it| it.max_len())",
            to: "|_| frame.bytes.len())",
        }],
        tests: Fabric("mtu::path"),
    },
    Fault {
        name: "count a superframe once that its path does not carry",
        edits: &[Edit {
            file: PATH,
            from: "counters.egress_drops.add(DropReason::EgressMtu, n);",
            to: "counters.egress_drops.add(DropReason::EgressMtu, 1);",
        }],
        tests: Fabric("mtu::path"),
    },
    Fault {
        name: "let a connection open with more than its path carries",
        edits: &[Edit {
            file: CLAMP,
            from: "let ahead = self.node_ahead(sender, header, way, frame);",
            to: "let ahead: Option<NodeId> = None;",
        }],
        tests: Fabric("mtu::path"),
    },
    Fault {
        name: "lower no segment size for the path back",
        edits: &[Edit {
            file: CLAMP,
            from: "Origin::Peer(node) => Some(node),",
            to: "Origin::Peer(_) => None,",
        }],
        tests: Fabric("mtu::path"),
    },
    Fault {
        name: "forget a narrow path by a reload",
        edits: &[Edit {
            file: INSTALL,
            from: "self.paths.translate(&translation.nodes, tables);",
            to: "self.paths.translate(&[], tables);",
        }],
        tests: Fabric("mtu::path"),
    },
    Fault {
        name: "pad a datagram beyond its path",
        edits: &[Edit {
            file: COPIES,
            from: "let longest = state.longest_to(node);",
            to: "let longest = state.longest;",
        }],
        tests: Fabric("mtu::probe"),
    },
    Fault {
        name: "pad a probe",
        edits: &[Edit {
            file: COPIES,
            from: "if is_probe(message) { end }",
            to: "if false { end }",
        }],
        tests: Fabric("mtu::probe"),
    },
    Fault {
        name: "send a probe together with what waits",
        edits: &[Edit {
            file: COPIES,
            from: "        lanes.flush(self.sink);\n        lanes.seal(",
            to: "        lanes.seal(",
        }],
        tests: Fabric("mtu::probe"),
    },
    Fault {
        name: "let a probe be of any length",
        edits: &[Edit {
            file: MESSAGE,
            from: " && message.len() <= probe_len(mtu))",
            to: ")",
        }],
        tests: Fabric("mtu::probe"),
    },
    Fault {
        name: "believe that a path carries what nobody confirmed",
        edits: &[Edit {
            file: PROBER,
            from: "if let Some(best) = self.best {",
            to: "if let Some(best) = self.best.or(self.rungs.first().copied()) {",
        }],
        tests: Core("control::path"),
    },
    Fault {
        name: "ask for the full size only where it passed",
        edits: &[Edit {
            file: PROBER,
            from: "let mut sizes = vec![self.full];",
            to: "let mut sizes = vec![self.carries];",
        }],
        tests: Core("control::path"),
    },
    Fault {
        name: "take an answer twice",
        edits: &[Edit {
            file: PROBER,
            from: "it.probe == answer && !it.answered",
            to: "it.probe == answer",
        }],
        tests: Core("control::path"),
    },
    Fault {
        name: "take an answer of any size",
        edits: &[Edit {
            file: PROBER,
            from: "it.probe == answer && !it.answered",
            to: "it.probe.number == answer.number && !it.answered",
        }],
        tests: Core("control::path"),
    },
    Fault {
        name: "probe a peer that is away",
        edits: &[Edit {
            file: PROBER,
            from: "        if !is_heard {",
            to: "        if false {",
        }],
        tests: Core("control::path"),
    },
    Fault {
        name: "tell the workers of a path once",
        edits: &[Edit {
            file: PROBER,
            from: "self.is_news |= !self.is_wide() || self.repeats > 0;",
            to: "self.is_news |= false;",
        }],
        tests: Core("control::path"),
    },
    Fault {
        name: "probe whoever says that it has started, at once",
        edits: &[Edit {
            file: PROBER,
            from: "        (self.search_at, self.pause) = (now, PAUSE);\n        self.rest(self.began, now.max(self.began + RHYTHM));",
            to: "        (self.search_at, self.pause) = (now, PAUSE);\n        self.rest(now, now);",
        }],
        tests: Core("control::mesh"),
    },
    Fault {
        name: "answer a probe that no frame is as long as",
        edits: &[Edit {
            file: MESH,
            from: "if probe.mtu > self.tables.fabric.mtu || ",
            to: "if ",
        }],
        tests: Core("control::mesh"),
    },
    Fault {
        name: "tell one worker alone of a narrow path",
        edits: &[Edit {
            file: OBEY,
            from: "                if generation == self.shell.generation {\n                    self.forwarder.set_path",
            to: "                if self.shell.underlay.is_some() {\n                    self.forwarder.set_path",
        }],
        tests: Workers("dataplane::every_worker"),
    },
    Fault {
        name: "take a path of another generation",
        edits: &[Edit {
            file: OBEY,
            from: "                if generation == self.shell.generation {\n                    self.forwarder.set_path",
            to: "                if generation != 0 {\n                    self.forwarder.set_path",
        }],
        tests: Workers("dataplane::every_worker"),
    },
];
