//! The stable codes of what can be wrong with a site file.
//!
//! A code never changes its meaning and is never given away again; new ones go to the end.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($name:ident = $text:literal, $meaning:literal;)*) => {
        /// What is wrong, by a number that scripts may rely on.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Code {
            $(#[doc = $meaning] $name,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// `P006`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it stands for, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }
        }
    };
}

codes! {
    Syntax = "P000", "The file is not TOML, or says one key twice.";
    UnknownKey = "P001", "A key that no table of the site file has.";
    Type = "P002", "A value of the wrong type, or one that cannot be read as what the key means.";
    UnknownName = "P003", "A reference to a segment, private VLAN, node, port or tag that does not exist.";
    NoRole = "P004", "A port without a role: it has neither `as` nor `trunk`.";
    NoPromiscuous = "P005", "Isolated ports of a private VLAN that has no promiscuous port anywhere (warning).";
    VniReuse = "P006", "One VNI names two segments or peerings.";
    VniRange = "P007", "A VNI outside 1..=16777215.";
    BoundTwice = "P008", "A MAC or IP address bound twice in one private VLAN.";
    GatewayWithoutSubnets = "P009", "A gateway in a private VLAN without `subnets`, unless hairpin = \"permit\".";
    TwoWithoutTags = "P010", "A port in two segments without trunk tags to tell them apart.";
    EdgeWithoutHome = "P011", "A stock edge without a home node that runs Skerry.";
    SharedNode = "P012", "Host ports share a node with a promiscuous port of their private VLAN (warning: blast radius).";
    NoConsent = "P013", "A peering to which one of the private VLANs has not consented.";
    Export = "P014", "An export of fields outside the closed list (identities never), or with min_ports < 3.";
    VniMeaning = "P015", "A VNI that means another segment than in the running generation.";
    Widening = "P016", "Access that the running policy does not give, under --no-new-access.";
    KeyReuse = "P017", "Two nodes with one WireGuard key.";
    AddressReuse = "P018", "Two nodes with one overlay address or one endpoint.";
    Missing = "P019", "A key that must be there is not.";
    Name = "P020", "A name that cannot be used: characters, length, or reserved.";
    Range = "P021", "A number, duration or address outside what makes sense for its key.";
    GatewayRole = "P022", "A gateway on a port that is not promiscuous.";
    Trunk = "P023", "A trunk that contradicts itself: empty, one segment under two tags, or `as` beside it.";
    Exception = "P024", "A hairpin exception that cannot apply: another private VLAN, itself, or no tag given.";
    Ambiguous = "P025", "An address bound on a trunk, where it is not clear to which tag it belongs.";
    OutsideSubnets = "P026", "A bound IP address outside the subnets of its private VLAN (warning).";
    BoundNothing = "P027", "A port held to its bound addresses that has none: it can send no IP (warning).";
    StockLimit = "P028", "Something a stock member cannot do: trunks, two ports in one segment, ends of peerings (mesh), or `attach` on an edge.";
    Unguarded = "P029", "Ports of a stock mesh member: nobody enforces their guards (warning).";
    NoEffect = "P030", "A key that has no effect where it stands (warning).";
    ExportOverlap = "P031", "Two exports of one field between the same private VLANs: their difference would leak.";
    Limit = "P032", "More than Skerry handles: file size, nodes, segments, ports.";
    Proof = "P033", "The compiled tables contradict the oracle: a bug in Skerry, nothing is loaded.";
    Omitted = "P034", "There is more to say than is shown.";
    Version = "P035", "A version of the site file that this Skerry does not read.";
    Interface = "P036", "One interface for two ports of a node.";
    NoGateway = "P037", "hairpin = \"gateway\" in a private VLAN without a gateway port (warning).";
    NoMeeting = "P038", "Nodes that exchange frames but cannot find each other: neither has an endpoint (warning).";
    PeeringEnds = "P039", "A peering whose ends are not two private VLANs, one on each side.";
    OutOfReach = "P040", "An end of a peering where nobody can be reached: without a bound IP address, or with one that the other side binds too (warning).";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_numbered_without_gaps() {
        for (number, code) in Code::ALL.iter().enumerate() {
            assert_eq!(code.as_str(), format!("P{number:03}"), "{code:?}");
        }
    }
}
