//! Which UDP datagrams may be joined, and which never are.

use crate::gso::{Network, Version, word};

/// A UDP header.
const HEADER: usize = 8;

/// VXLAN by the IANA's number and by Linux's own, its successor VXLAN-GPE, and Geneve. A guest's
/// kernel that ends such a tunnel takes a superframe for one packet of it, and loses it: the sockets
/// of these two drivers accept superframes in the belief that what is inside was joined, up to Linux
/// 6.8.5, 6.6.26 and 6.1.85 (CVE-2024-35884; seen by tailscale/tailscale#11026 and #11864).
const TUNNELS: [u16; 4] = [4789, 8472, 4790, 6081];

/// Whether a datagram is of no flow that is ever joined: a tunnel's, or DHCP, whose every message a
/// guard reads ([`GsoFault::Dhcp`](crate::GsoFault)).
pub(super) fn is_apart(bytes: &[u8], network: Network) -> bool {
    let is_tunnel = |at| word(bytes, at).is_ok_and(|port| TUNNELS.contains(&port));
    is_tunnel(network.l4) || is_tunnel(network.l4 + 2) || network.is_dhcp(bytes)
}

/// Where the payload begins, if this is a whole datagram with a checksum and something in it, to one
/// receiver. One without a checksum must not get one: its receiver is told that there was none.
pub(super) fn payload(bytes: &[u8], network: Network) -> Option<usize> {
    let Network { l3, l4, .. } = network;
    let &[_, _, _, _, l0, l1, c0, c1] = bytes.get(l4..)?.first_chunk()?;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    let is_whole = length > HEADER && l4 + length == bytes.len();
    // By either address: each copy of what goes to a group is weighed by itself.
    let group = match network.version {
        Version::V4 => *bytes.get(l3 + 16)? >= 224,
        Version::V6 => *bytes.get(l3 + 24)? == 0xff,
    };
    let to_one = bytes.first()? & 1 == 0 && !group;
    (is_whole && to_one && [c0, c1] != [0, 0]).then_some(l4 + HEADER)
}
