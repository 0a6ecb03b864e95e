//! Faults in the guards of ports: each takes one check of private-vlan 3.5 away.

use super::faults::Tests::{Core, Fabric};
use super::faults::{Edit, Fault};

const VERDICT: &str = "overlay/core/src/forwarder/verdict.rs";
const TUNNEL: &str = "overlay/core/src/forwarder/tunnel.rs";
const GATE: &str = "pvlan-policy/src/gate.rs";
const HAIRPIN: &str = "overlay/core/src/forwarder/hairpin.rs";
const ROUTES: &str = "overlay/core/src/forwarder/routes.rs";
const INSPECT: &str = "overlay/core/src/forwarder/inspect.rs";
const LICENCE: &str = "overlay/core/src/forwarder/licence.rs";
const LISTENING: &str = "overlay/core/src/forwarder/listening.rs";
const METER: &str = "overlay/core/src/forwarder/meter.rs";
const ADMISSION: &str = "overlay/core/src/forwarder/admission.rs";
const CHAIN: &str = "overlay/core/src/wire/chain.rs";
const TABLE: &str = "overlay/core/src/fdb/table.rs";
const STATE: &str = "overlay/core/src/forwarder/state.rs";

pub(super) const GUARDS: [Fault; 32] = [
    Fault {
        name: "take any address for the port's own",
        edits: &[Edit {
            file: GATE,
            from: "self.owns.contains(&Some(ip))",
            to: "self.owns.contains(&Some(ip)) || true",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "let any frame length pass",
        edits: &[Edit {
            file: ADMISSION,
            from: "if longest > usize::from(mtu) + ETH_HEADER + tag {",
            to: "if false {",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "let a group be a sender",
        edits: &[Edit {
            file: ADMISSION,
            from: "if header.source.is_group() || header.source.is_zero() {",
            to: "if false {",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "let a zero address receive",
        edits: &[Edit {
            file: ADMISSION,
            from: "if header.destination.is_zero() {",
            to: "if false {",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "forward link-local control protocols",
        edits: &[Edit {
            file: ADMISSION,
            from: "if header.is_reserved() {",
            to: "if false {",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "take a second tag for payload",
        edits: &[Edit {
            file: ADMISSION,
            from: "Tagging::Stacked => Err(DropReason::VlanStacked),",
            to: "Tagging::Stacked => access.ok_or(DropReason::VlanUntagged),",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "take a tagged frame on an access port",
        edits: &[Edit {
            file: ADMISSION,
            from: "Tagging::Tagged(_) | Tagging::Foreign if access.is_some() => Err(DropReason::VlanTagged),",
            to: "Tagging::Tagged(_) | Tagging::Foreign if access.is_some() => access.ok_or(DropReason::VlanTagged),",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "forward 802.3 lengths",
        edits: &[Edit {
            file: ADMISSION,
            from: "if kind < ethertype::FIRST {",
            to: "if false {",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "let any ethertype pass",
        edits: &[Edit {
            file: ADMISSION,
            from: "if allows(kind) {",
            to: "if allows(kind) || true {",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "take an inner tag from a peer",
        edits: &[Edit {
            file: TUNNEL,
            from: "if Ethernet::parse(bytes).is_some_and(|it| it.tagging != Tagging::Untagged) {",
            to: "if false {",
        }],
        tests: Fabric("tunnels::"),
    },
    Fault {
        name: "believe an ARP sender that is not the frame's",
        edits: &[Edit {
            file: INSPECT,
            from: "if rule == Rule::OwnOnly && arp.sender_mac != sender.mac {",
            to: "if false {",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "believe neighbour discovery of another MAC",
        edits: &[Edit {
            file: INSPECT,
            from: "if rule == Rule::OwnOnly && link.is_some_and(|mac| mac != sender.mac) {",
            to: "if false {",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "believe any advertised neighbour",
        edits: &[Edit {
            file: INSPECT,
            from: "if !rightful {\n            return Err(DropReason::NdSpoof);",
            to: "if false {\n            return Err(DropReason::NdSpoof);",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "let a tiny first fragment pass",
        edits: &[Edit {
            file: LICENCE,
            from: "std::net::IpAddr::V4(_) if no_server => Err(DropReason::FragBad),",
            to: "std::net::IpAddr::V4(_) if no_server => Ok(()),",
        }],
        tests: Fabric("control_traffic::"),
    },
    Fault {
        name: "let a hidden IPv6 chain pass",
        edits: &[Edit {
            file: LICENCE,
            from: "std::net::IpAddr::V6(_) if no_server || no_router => Err(DropReason::V6Chain),",
            to: "std::net::IpAddr::V6(_) if no_server || no_router => Ok(()),",
        }],
        tests: Fabric("control_traffic::"),
    },
    Fault {
        name: "stop at the first extension header",
        edits: &[Edit {
            file: CHAIN,
            from: "0 | ROUTING | 60 | 135 | 139 | 140 => Self::Eights,",
            to: "0 | 43 | 60 | 135 | 139 | 140 => Self::Transport,",
        }],
        tests: Fabric("control_traffic::"),
    },
    Fault {
        name: "let a host advertise routers",
        edits: &[Edit {
            file: LICENCE,
            from: "RaGuard::Deny => Err(DropReason::RaGuard),",
            to: "RaGuard::Deny => Ok(()),",
        }],
        tests: Fabric("control_traffic::"),
    },
    Fault {
        name: "let a host be a DHCP server",
        edits: &[Edit {
            file: LICENCE,
            from: "Some(Dhcp::Server) => Err(DropReason::DhcpServer),",
            to: "Some(Dhcp::Server) => Ok(()),",
        }],
        tests: Fabric("control_traffic::"),
    },
    Fault {
        name: "let a client ask for another's address",
        edits: &[Edit {
            file: LICENCE,
            from: "Some(Dhcp::Client(hardware)) if hardware != Some(sender) => Err(DropReason::DhcpSpoof),",
            to: "Some(Dhcp::Client(hardware)) if hardware != Some(sender) => Ok(()),",
        }],
        tests: Fabric("control_traffic::"),
    },
    Fault {
        name: "let a host ask for listeners",
        edits: &[Edit {
            file: LISTENING,
            from: "Some(Membership::Query(_)) if sender.is_host() => Err(DropReason::RogueQuerier),",
            to: "Some(Membership::Query(_)) if false => Err(DropReason::RogueQuerier),",
        }],
        tests: Fabric("listening::"),
    },
    Fault {
        name: "let a port join any number of groups",
        edits: &[Edit {
            file: LISTENING,
            from: "if !self.state.groups.has_room(at, joins, limit) {",
            to: "if false && !self.state.groups.has_room(at, joins, limit) {",
        }],
        tests: Fabric("listening::"),
    },
    Fault {
        name: "flood reports",
        edits: &[Edit {
            file: VERDICT,
            from: "Way::Group if inspected.report => ",
            to: "Way::Group if inspected.report && false => ",
        }],
        tests: Fabric("attacks::"),
    },
    Fault {
        name: "flood groups that routers ask for",
        edits: &[Edit {
            file: VERDICT,
            from: "let heard = group.is_none_or(|group| self.is_to_hear(sender, group, to));",
            to: "let heard = group.is_none_or(|group| self.is_to_hear(sender, group, to) || true);",
        }],
        tests: Fabric("listening::"),
    },
    Fault {
        name: "let redirects pass",
        edits: &[Edit {
            file: HAIRPIN,
            from: "if inside && !routes {",
            to: "if false && inside && !routes {",
        }],
        tests: Fabric("control_traffic::"),
    },
    Fault {
        name: "let a port storm",
        edits: &[Edit {
            file: METER,
            from: "&& !may_pass(bucket, now, weight.frames)",
            to: "&& !may_pass(bucket, now, weight.frames) && false",
        }],
        tests: Fabric("storms::"),
    },
    Fault {
        name: "let a private VLAN multiply without end",
        edits: &[Edit {
            file: METER,
            from: ".is_some_and(|it| !it.is_ready(now))",
            to: ".is_some_and(|it| !it.is_ready(now) && false)",
        }],
        tests: Fabric("storms::"),
    },
    Fault {
        name: "flood the unknown where policy does not",
        edits: &[Edit {
            file: METER,
            from: "deaf = class == Some(Class::Unknown) && meter.deaf;",
            to: "deaf = false;",
        }],
        tests: Fabric("storms::"),
    },
    Fault {
        name: "let a port send at any rate",
        edits: &[Edit {
            file: METER,
            from: "&& !bits.take(now, weight.bytes.saturating_mul(8))",
            to: "&& !bits.take(now, weight.bytes.saturating_mul(8)) && false",
        }],
        tests: Fabric("storms::"),
    },
    Fault {
        name: "let a half-finished roll-out move addresses",
        edits: &[Edit {
            file: TABLE,
            from: "if !seat.agrees && !entry",
            to: "if false && !entry",
        }],
        tests: Fabric("reload::"),
    },
    Fault {
        name: "believe a peer about a segment's strength",
        edits: &[Edit {
            file: STATE,
            from: "seat.strength = claim.strength.min(strongest(segment));",
            to: "seat.strength = claim.strength;",
        }],
        tests: Fabric("identity::"),
    },
    Fault {
        name: "believe a peer's claim about any segment",
        edits: &[Edit {
            file: STATE,
            from: "&& !tables.fabric.may_send(node, claim.segment)",
            to: "&& false",
        }],
        tests: Fabric("identity::"),
    },
    Fault {
        name: "take any port of a peer for the one with an exception",
        edits: &[Edit {
            file: ROUTES,
            from: "let excepted = self.excepted.get(&(node, segment, to));",
            to: "let excepted = self.excepted.get(&(node, segment, to)).and(None);",
        }],
        tests: Core("routes::"),
    },
];
