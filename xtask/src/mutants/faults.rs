//! The faults themselves: what is broken, how, and which tests must notice.

/// One place, changed.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) file: &'static str,
    /// Stands in the file exactly once.
    pub(super) from: &'static str,
    pub(super) to: &'static str,
}

/// One deliberate fault.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) edits: &'static [Edit],
    pub(super) tests: Tests,
}

/// Which tests must notice: those of a set whose names contain this.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tests {
    /// Whole fabrics in memory.
    Fabric(&'static str),
    /// The core's own, beside what they test.
    Core(&'static str),
    /// Workers on a real kernel: they make namespaces and interfaces.
    Workers(&'static str),
    /// Of the Game Boy core.
    Console(&'static str),
    /// Of the panel's assembler.
    Assembler(&'static str),
    /// Of the panel's protocol.
    Protocol(&'static str),
    /// Of the host's end of the panel's link, beside what they test.
    Host(&'static str),
    /// Of the cartridge and the host together: a test program, and names in it.
    Cartridge(&'static str, &'static str),
}

impl Tests {
    /// Arguments of `cargo test` that build them, and no more than them: what is built, is built
    /// anew for every fault.
    pub(super) fn programs(self) -> Vec<&'static str> {
        let fixed = match self {
            Self::Fabric(_) => &["-p", "skerry-overlay", "--test", "fabric"][..],
            Self::Core(_) => &["-p", "skerry-overlay", "--lib"][..],
            Self::Workers(_) => {
                let root = "skerry-overlay-io/root";
                &["--workspace", "--features", root, "--test", "root"][..]
            }
            Self::Console(_) => &["-p", "skerry-dmg"][..],
            Self::Assembler(_) => &["-p", "skerry-asm"][..],
            Self::Protocol(_) => &["-p", "skerry-panel-proto"][..],
            Self::Host(_) => &["-p", "skerry-gbdisplay", "--lib"][..],
            Self::Cartridge(program, _) => {
                return vec!["-p", "skerry-gbdisplay", "--test", program];
            }
        };
        fixed.to_vec()
    }

    /// What their names contain.
    pub(super) const fn names(self) -> &'static str {
        match self {
            Self::Fabric(names)
            | Self::Core(names)
            | Self::Workers(names)
            | Self::Console(names)
            | Self::Assembler(names)
            | Self::Protocol(names)
            | Self::Host(names)
            | Self::Cartridge(_, names) => names,
        }
    }

    /// Whether nobody but root can run them.
    pub(super) const fn need_root(self) -> bool {
        matches!(self, Self::Workers(_))
    }
}

use Tests::{Fabric, Workers};

const VERDICT: &str = "overlay/core/src/forwarder/verdict.rs";
const TUNNEL: &str = "overlay/core/src/forwarder/tunnel.rs";
const EDGE: &str = "overlay/core/src/forwarder/edge.rs";
const COPIES: &str = "overlay/core/src/forwarder/copies.rs";
const HAIRPIN: &str = "overlay/core/src/forwarder/hairpin.rs";
const INSPECT: &str = "overlay/core/src/forwarder/inspect.rs";
const PEERING: &str = "overlay/core/src/forwarder/peering.rs";
const TABLE: &str = "overlay/core/src/fdb/table.rs";

pub(super) const FAULTS: [Fault; 25] = [
    Fault {
        name: "flip one cell of the accept rule",
        edits: &[Edit {
            file: "pvlan-policy/src/compile/table.rs",
            from: "(Role::Isolated | Role::Community, Role::Isolated | Role::Community) => false,",
            to: "(Role::Isolated | Role::Community, Role::Isolated | Role::Community) => \
                 from.role == to.role,",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "skip the egress check",
        edits: &[Edit {
            file: "pvlan-policy/src/tables.rs",
            from: ".is_some_and(|row| row.contains(to.index()))",
            to: ".is_some_and(|row| row.contains(to.index()) || true)",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "skip may_send",
        edits: &[Edit {
            file: TUNNEL,
            from: "if !self.tables.fabric.may_send(node, segment) {",
            to: "if false {",
        }],
        tests: Fabric("peerings::"),
    },
    Fault {
        name: "forward tunnel to tunnel",
        edits: &[
            Edit {
                file: TUNNEL,
                from: "Remote::Edges(EdgeLanes::of(lanes))",
                to: "Remote::Lanes(lanes)",
            },
            Edit {
                file: VERDICT,
                from: "if matches!(sender.origin, Origin::Peer(_)) {",
                to: "if false {",
            },
        ],
        tests: Fabric("tunnels::"),
    },
    Fault {
        name: "flood tunnel to tunnel",
        edits: &[
            Edit {
                file: TUNNEL,
                from: "Remote::Edges(EdgeLanes::of(lanes))",
                to: "Remote::Lanes(lanes)",
            },
            Edit {
                file: VERDICT,
                from: "if matches!(sender.origin, Origin::Port(_)) {",
                to: "if true {",
            },
        ],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "take any VNI from an edge",
        edits: &[Edit {
            file: EDGE,
            from: ".ok_or(DropReason::VniDenied)?;",
            to: ".or_else(|| (0..99).find_map(|it| self.tables.edge_port(edge, SegmentId(it))))\n\
                 .ok_or(DropReason::VniDenied)?;",
        }],
        tests: Fabric("edges::"),
    },
    Fault {
        name: "send an edge the VNI of the sender",
        edits: &[Edit {
            file: COPIES,
            from: "self.copy_by(view, frame, n);\n        } else if",
            to: "self.copy_by(&LocalView { segment, ..view.clone() }, frame, n);\n        } else if",
        }],
        tests: Fabric("edges::"),
    },
    Fault {
        name: "let an edge tag its frames",
        edits: &[Edit {
            file: EDGE,
            from: "if Ethernet::parse(frame).is_some_and(",
            to: "if false && Ethernet::parse(frame).is_some_and(",
        }],
        tests: Fabric("edges::"),
    },
    Fault {
        name: "drop the hairpin guard on the way up",
        edits: &[Edit {
            file: HAIRPIN,
            from: "Some(Routed::Denied) | None => Err(DropReason::HairpinUp),",
            to: "Some(Routed::Denied) | None => Ok(()),",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "drop the hairpin guard on the way down",
        edits: &[Edit {
            file: HAIRPIN,
            from: "None => Err(DropReason::HairpinDown),",
            to: "None => Ok(()),",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "let a weaker MAC claim win",
        edits: &[Edit {
            file: TABLE,
            from: "let weaker = entry.rival(seat) == Ordering::Less;",
            to: "let weaker = false;",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "let an address move while its place talks",
        edits: &[Edit {
            file: TABLE,
            from: "if now.since(entry.seen) < silence {",
            to: "if false {",
        }],
        tests: Fabric("identity::"),
    },
    Fault {
        name: "let one port fill the table",
        edits: &[Edit {
            file: TABLE,
            from: "if full || used(&self.in_use, seat.holder) >= seat.limit {",
            to: "if full {",
        }],
        tests: Fabric("edges::"),
    },
    Fault {
        name: "flood a denied unicast",
        edits: &[Edit {
            file: VERDICT,
            from: "Way::Known(entry) => self.unicast(sender, &entry, frame, n),",
            to: "Way::Known(entry) => match self.unicast(sender, &entry, frame, n) {\n\
                 Err(DropReason::PvlanDeny) => Ok(self.flood(sender, inspected, frame, 1)),\n\
                 other => other,\n },",
        }],
        tests: Fabric("edges::"),
    },
    Fault {
        name: "send a denied unicast to its node",
        edits: &[Edit {
            file: VERDICT,
            from: "if !self.tables.fabric.accepts(sender.segment.id, segment) {",
            to: "if false {",
        }],
        tests: Fabric("matrix::"),
    },
    Fault {
        name: "believe any outer address",
        edits: &[Edit {
            file: TUNNEL,
            from: "if Some(carried.source) != peer ||",
            to: "if false && Some(carried.source) != peer ||",
        }],
        tests: Fabric("edges::"),
    },
    Fault {
        name: "believe any ARP sender",
        edits: &[Edit {
            file: INSPECT,
            from: "if !self.may_use(sender, rule, ip) {\n                return Err(DropReason::ArpSpoof);",
            to: "if false {\n                return Err(DropReason::ArpSpoof);",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "believe any source address",
        edits: &[Edit {
            file: INSPECT,
            from: "|| self.may_use(sender, rule, ip.source)",
            to: "|| self.may_use(sender, rule, ip.source) || true",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "forget to count a drop",
        edits: &[Edit {
            file: "overlay/core/src/forwarder/ingress.rs",
            from: "Err(reason) => self.state.count_drop(Origin::Port(port), reason, frames),",
            to: "Err(_) => {}",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "let any flow cross a peering",
        edits: &[Edit {
            file: PEERING,
            from: "peering.allow.iter().any(|rule| rule.covers(flow))",
            to: "peering.allow.iter().any(|rule| rule.covers(flow) || true)",
        }],
        tests: Fabric("peerings::"),
    },
    Fault {
        name: "let anybody use a peering",
        edits: &[Edit {
            file: PEERING,
            from: "if crossing.sender.id != end.id {",
            to: "if false {",
        }],
        tests: Fabric("peerings::"),
    },
    Fault {
        name: "let the other side of a peering start",
        edits: &[Edit {
            file: PEERING,
            from: "(Way::Back, Transport::Tcp { opens: true, .. }) => None,",
            to: "",
        }],
        tests: Fabric("peerings::"),
    },
    Fault {
        name: "believe a peer about who sends across",
        edits: &[Edit {
            file: PEERING,
            from: "crossing.sender.home == node && ",
            to: "",
        }],
        tests: Fabric("peerings::"),
    },
    Fault {
        name: "let any two ports meet across a peering",
        edits: &[Edit {
            file: "pvlan-policy/src/peering.rs",
            from: "(apart && joined).then_some(Crossing {",
            to: "let _unasked = (apart, joined);\n            true.then_some(Crossing {",
        }],
        tests: Fabric("peerings::"),
    },
    Fault {
        name: "keep the old table on one worker",
        edits: &[Edit {
            file: "overlay/io/src/worker/obey.rs",
            from: "self.install(tables);\n                reply",
            to: "if self.shell.worker == 0 { self.install(tables); }\n                reply",
        }],
        tests: Workers("after_the_acknowledgement"),
    },
];
