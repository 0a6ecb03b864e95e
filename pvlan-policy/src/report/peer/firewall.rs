//! What the kernel's `vxlan` does not ask: who sent a frame, and whether it may.
//!
//! It listens on every address of the machine and hands on whatever carries a VNI that it knows.
//! So the firewall takes from each node what policy lets it send, through the tunnel alone.
//! WireGuard sees to it that an address in the tunnel is the peer's own.

use std::net::IpAddr;

use super::{Section, VXLAN_PORT};
use crate::fabric::{Node, Segment};

/// Where the VNI begins behind the UDP header's start, and its length, in bits (RFC 7348
/// section 5).
const VNI: &str = "@th,96,24";

/// The section for a stock node. `senders` are its peers, each with the segments that are taken
/// from it.
pub(super) fn section(node: &Node, senders: &[(&Node, Vec<&Segment>)]) -> Section {
    let mut section = Section::new(format!("Firewall on {}", node.name))
        .note("VXLAN in a stock kernel listens on every address and believes every sender")
        .note("these lines take from each node what it may send, and nothing beside the tunnel");
    section.run("nft 'add table inet skerry; flush table inet skerry'");
    section.run("nft 'add chain inet skerry vxlan'");
    for (sender, segments) in senders {
        if segments.is_empty() {
            continue;
        }
        let vnis: Vec<String> = segments.iter().map(|it| it.vni.to_string()).collect();
        let family = match sender.overlay {
            IpAddr::V4(_) => "ip",
            IpAddr::V6(_) => "ip6",
        };
        section.run(format!(
            "nft 'add rule inet skerry vxlan iifname \"wg0\" {family} saddr {} {VNI} {{ {} }} accept'",
            sender.overlay,
            vnis.join(", ")
        ));
    }
    section.run("nft 'add rule inet skerry vxlan drop'");
    section.run("nft 'add chain inet skerry input { type filter hook input priority filter; }'");
    section.run(format!(
        "nft 'add rule inet skerry input udp dport {VXLAN_PORT} jump vxlan'"
    ));
    section
}
