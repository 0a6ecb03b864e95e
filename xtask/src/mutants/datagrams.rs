//! Faults in joining UDP: somebody would get what was never sent, or a kernel what it loses.

use super::faults::Tests::{Core, Fabric, Workers};
use super::faults::{Edit, Fault};

const BUNDLE: &str = "overlay/core/src/gro/bundle.rs";
const DATAGRAM: &str = "overlay/core/src/gro/datagram.rs";
const IDENTITY: &str = "overlay/core/src/gro/identity.rs";
const SEGMENT: &str = "overlay/core/src/gro/segment.rs";

pub(super) const DATAGRAM_FAULTS: [Fault; 12] = [
    Fault {
        name: "join more datagrams than a kernel takes",
        edits: &[Edit {
            file: BUNDLE,
            from: "Transport::Udp => self.count < DATAGRAMS_MAX",
            to: "Transport::Udp => self.count <= DATAGRAMS_MAX",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "trust the checksum of the first datagram",
        edits: &[Edit {
            file: BUNDLE,
            from: "(self.count > 1 ||",
            to: "(self.count > 0 ||",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "leave the length of the first datagram",
        edits: &[Edit {
            file: BUNDLE,
            from: "                put(room, l4 + 4, length.to_be_bytes())?;\n",
            to: "",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "give a checksum to a datagram that had none",
        edits: &[
            Edit {
                file: DATAGRAM,
                from: "&& [c0, c1] != [0, 0]",
                to: "",
            },
            Edit {
                file: SEGMENT,
                from: "    field(offset) == Some(",
                to: "    field(offset) == Some(&[0, 0][..]) || field(offset) == Some(",
            },
        ],
        tests: Core("gro::"),
    },
    Fault {
        name: "join datagrams by a length that is not theirs",
        edits: &[Edit {
            file: DATAGRAM,
            from: "&& l4 + length == bytes.len()",
            to: "",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "join the tunnels of guests",
        edits: &[Edit {
            file: DATAGRAM,
            from: "is_tunnel(network.l4) || is_tunnel(network.l4 + 2) ||",
            to: "is_tunnel(network.l4) ||",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "join DHCP",
        edits: &[Edit {
            file: DATAGRAM,
            from: "|| network.is_dhcp(bytes)",
            to: "",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "join what goes to a group",
        edits: &[Edit {
            file: DATAGRAM,
            from: "bytes.first()? & 1 == 0 && !group",
            to: "!group",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "number fragments-to-be anew",
        edits: &[Edit {
            file: IDENTITY,
            from: "&& is_whole(segment)",
            to: "&& (true || is_whole(segment))",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "take UDP for the TCP of the same ports",
        edits: &[Edit {
            file: SEGMENT,
            from: "    hasher.write_u8(network.protocol);\n",
            to: "",
        }],
        tests: Core("gro::"),
    },
    Fault {
        name: "let a datagram overtake its flow",
        edits: &[Edit {
            file: SEGMENT,
            from: "map_or(Self::OfFlow(flow),",
            to: "map_or(Self::Apart,",
        }],
        tests: Fabric("joining::"),
    },
    Fault {
        name: "join no datagrams at all",
        edits: &[Edit {
            file: "overlay/io/src/worker/mod.rs",
            from: "(true, true) => Joins::All,",
            to: "(true, true) => Joins::Tcp,",
        }],
        tests: Workers("datagrams::"),
    },
];
