//! The netlink messages that make and configure interfaces.

use std::os::fd::RawFd;

use netlink_packet_core::{DefaultNla, Emitable, NLA_F_NESTED};
use netlink_packet_route::link::{
    AfSpecInet, AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoData, InfoKind, InfoVeth,
    LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use skerry_policy::Mac;

use super::spec::GROUP;

/// `IFLA_IFALIAS`.
const IFLA_IFALIAS: u16 = 20;
/// `IFLA_INET_CONF`.
const IFLA_INET_CONF: u16 = 1;

/// `IPV4_DEVCONF_*` of `linux/ip.h`, and what keeps the host's own stack away from guests:
/// nothing is routed, no ARP is answered, no packet has a valid source, no redirect is believed.
const STRANGER: &[(u16, u32)] = &[
    (1, 0),  // FORWARDING
    (4, 0),  // ACCEPT_REDIRECTS
    (6, 0),  // SEND_REDIRECTS
    (8, 1),  // RP_FILTER: strict
    (19, 8), // ARP_IGNORE: whatever is asked
];

/// The near end of a veth takes whatever its guest sends, as much as a veth can: a guest that
/// believes in a larger MTU than the fabric's is told so, which it could not be if the kernel
/// dropped its frames between the two ends.
pub(crate) const NEAR_MTU: u32 = 65_535;

/// A veth pair: `near` here, `far` made directly in the namespace of `netns`, so that nothing is
/// half made when a name is taken at either end.
pub(crate) fn veth(near: &str, far: &str, netns: RawFd, mtu: u32, guest: Mac) -> LinkMessage {
    let mut peer = LinkMessage::default();
    peer.attributes = vec![
        LinkAttribute::IfName(far.to_owned()),
        LinkAttribute::Mtu(mtu),
        LinkAttribute::Group(GROUP),
        LinkAttribute::NetNsFd(netns),
        LinkAttribute::Address(guest.0.to_vec()),
    ];
    let mut message = LinkMessage::default();
    message.attributes = vec![
        LinkAttribute::IfName(near.to_owned()),
        LinkAttribute::Mtu(NEAR_MTU),
        LinkAttribute::Group(GROUP),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
        ]),
    ];
    message
}

/// Changes of the interface with this index; attributes that are `None` stay.
pub(crate) fn change(
    index: u32,
    mtu: Option<u32>,
    mac: Option<Mac>,
    alias: Option<&str>,
) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    let attributes = &mut message.attributes;
    attributes.extend(mtu.map(LinkAttribute::Mtu));
    attributes.extend(mac.map(|mac| LinkAttribute::Address(mac.0.to_vec())));
    // An alias without a terminating zero: an empty one takes the mark away.
    attributes.extend(alias.map(|alias| {
        LinkAttribute::Other(DefaultNla::new(IFLA_IFALIAS, alias.as_bytes().to_vec()))
    }));
    message
}

/// The near end of a veth is no host's interface: see `STRANGER`; and, where it has IPv6 at all, no
/// address of its own.
pub(crate) fn estrange(index: u32, has_ipv6: bool) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.flags = LinkFlags::Noarp;
    message.header.change_mask = LinkFlags::Noarp;
    let mut conf = Vec::new();
    for &(option, value) in STRANGER {
        let option = DefaultNla::new(option, value.to_ne_bytes().to_vec());
        let mut bytes = vec![0; option.buffer_len()];
        option.emit(&mut bytes);
        conf.extend(bytes);
    }
    let inet = AfSpecInet::Other(DefaultNla::new(IFLA_INET_CONF | NLA_F_NESTED, conf));
    let mut families = vec![AfSpecUnspec::Inet(vec![inet])];
    if has_ipv6 {
        let mode = AfSpecInet6::AddrGenMode(In6AddrGenMode::None);
        families.push(AfSpecUnspec::Inet6(vec![mode]));
    }
    message.attributes = vec![LinkAttribute::AfSpecUnspec(families)];
    message
}

/// How many frames may wait in a TAP; the default of 500 is too few for bursts of superframes.
pub(crate) fn tap_queue(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes = vec![
        LinkAttribute::TxQueueLen(5_000),
        LinkAttribute::Group(GROUP),
    ];
    message
}
